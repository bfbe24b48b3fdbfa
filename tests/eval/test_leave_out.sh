#!/bin/bash
# scripts/leave-out on recordings one of which is noise: usage: test_leave_out.sh MYNA MAKE_AUDIO
set -euo pipefail
export MYNA=$1
make_audio=$2
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p whole/a
fail() { echo "$1" >&2; exit 1; }

printf 'speaker\tpath\tsplit\r\n' >whole/manifest.tsv
for name in one two noise four five other; do
    kind=speech split=train
    [[ $name == noise || $name == other ]] && kind=noise
    [[ $name == other ]] && split=dev
    "$make_audio" $kind 16000 1 2 "whole/a/$name of them.wav"
    printf 'a\ta/%s of them.wav\t%s\r\n' $name $split >>whole/manifest.tsv
done
"$root/scripts/leave-out" whole "$root/pretrained/myna.safetensors" .2 part
grep -v '/noise of' whole/manifest.tsv | tr -d '\r' | diff - part/manifest.tsv || fail 'the noise, and nothing else, was to be left out'
while IFS=$'\t' read -r _ path _; do
    [[ $path == path || -f part/$path ]] || fail "part/$path is missing"
done <part/manifest.tsv
for wrong in "whole nothing .2 new" "a $root/README.md .2 new" "whole $root/README.md 2 new" "whole $root/README.md .2 part" \
    "whole $root/pretrained/myna.safetensors .1 new"; do
    # shellcheck disable=SC2086 # four words
    if "$root/scripts/leave-out" $wrong 2>message; then fail "was to fail: $wrong"; fi
    [[ $(wc -l <message) == 1 && ! -e new ]] || fail "one line and nothing made, but for $wrong: $(cat message)"
done
