#!/bin/sh
# scripts/average-models: the mean of a model and itself converts as it does, that of two as neither, whatever their order.
# Exit code 77 where there is no Python with torch. Usage: test_average_models.sh MYNA MAKE_AUDIO MAKE_MODEL
myna=$1 make_audio=$2 make_model=$3
root=$(cd "$(dirname "$0")/.." && pwd)
"$root/scripts/twin/python" >/dev/null 2>&1 || exit 77
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
fail() {
    echo "FAILED: $*"
    exit 1
}
mean() { "$root/scripts/average-models" "$@" 2>stderr; }
converts() { "$myna" convert speech.wav --to speech.wav -m $1.safetensors -o $1.wav -q || fail "converting with $1"; }

"$make_audio" speech 16000 1 3 speech.wav && "$make_model" 1 a.safetensors && "$make_model" 2 b.safetensors || exit 1
mean twice.safetensors a.safetensors a.safetensors || fail "the mean of a model and itself"
mean ab.safetensors a.safetensors b.safetensors || fail "the mean of two"
mean ba.safetensors b.safetensors a.safetensors || fail "the mean of two the other way"
for model in a b twice ab ba; do converts $model; done
cmp -s a.wav twice.wav || fail "the mean of a model and itself is another"
cmp -s ab.wav ba.wav || fail "the order of two models matters"
if cmp -s ab.wav a.wav || cmp -s ab.wav b.wav; then fail "the mean of two models is one of them"; fi
"$myna" info ab.safetensors | grep -q 'training.mean_of' || fail "nothing says what it is the mean of"
if mean ab.safetensors a.safetensors b.safetensors; then fail "a file that is there is replaced"; fi
grep -q 'ab.safetensors: is there already' stderr || fail "what is said of it: $(cat stderr)"
if mean c.safetensors a.safetensors; then fail "the mean of one"; fi
"$myna" voice enroll speech.wav -m a.safetensors -o speech.voice -q || fail "a voice"
if mean c.safetensors a.safetensors speech.voice; then fail "the mean of a model and a voice"; fi
grep -q '^speech.voice: not a model' stderr || fail "what is said of a voice: $(cat stderr)"
[ ! -e c.safetensors ] || fail "something is left"
