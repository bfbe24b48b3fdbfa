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
add() { # SPLIT NAME: a recording that the manifest names
    printf 'a\ta/%s\t%s\r\n' "$2" "$1" >>whole/manifest.tsv
}
for name in source female male; do
    cp "$root/samples/$name.flac" "whole/a/$name of them.flac"
    add train "$name of them.flac"
done
"$make_audio" noise 16000 1 2 "whole/a/noise of them.wav"
"$make_audio" noise 16000 1 2 "whole/a/other of them.wav"
add train "noise of them.wav"
add dev "other of them.wav"
"$root/scripts/leave-out" whole "$root/pretrained/myna.safetensors" .25 part
grep -v '/noise of' whole/manifest.tsv | tr -d '\r' | diff - part/manifest.tsv || fail 'the noise, and nothing else, was to be left out'
while IFS=$'\t' read -r _ path _; do
    [[ $path == path || -f part/$path ]] || fail "part/$path is missing"
done <part/manifest.tsv
for wrong in "whole nothing .2 new" "a $root/README.md .2 new" "whole $root/README.md 2 new" "whole $root/README.md .25 part" \
    "whole $root/pretrained/myna.safetensors .1 new"; do
    # shellcheck disable=SC2086 # four words
    if "$root/scripts/leave-out" $wrong 2>message; then fail "was to fail: $wrong"; fi
    [[ $(wc -l <message) == 1 && ! -e new ]] || fail "one line and nothing made, but for $wrong: $(cat message)"
done
