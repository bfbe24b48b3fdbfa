#!/bin/sh
# What scripts/evaluate calculates, without its judges: python3 and its standard library will do.
# usage: test_evaluation.sh COPY_SYNTHESIS MAKE_AUDIO
root=$(cd "$(dirname "$0")/../.." && pwd)
python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || exit 77
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
"$2" speech 16000 1 4 "$work/speech.wav" && "$1" "$work/speech.wav" "$work/best.wav" &&
    "$1" "$work/speech.wav" "$work/low.wav" low 2 || exit 1
RECORDINGS=$work PYTHONPATH=$root/scripts PYTHONDONTWRITEBYTECODE=1 python3 "$root/tests/eval/test_evaluation.py"
