#!/bin/sh
# The program over good and bad input: exit codes, exactly one line on standard error that names the file, and nothing
# half-written left behind. Usage: cli.sh MYNA MAKE_AUDIO MAKE_MODEL
myna=$1 make_audio=$2 make_model=$3
readme=$(cd "$(dirname "$0")/.." && pwd)/README.md
work=$(mktemp -d) || exit 1
trap 'umount "$work/small" 2>/dev/null; rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
cd "$work" || exit 1
export TMPDIR="$work/tmp" MYNA_MODEL="$work/model.safetensors"
mkdir tmp
n_checks=0 n_failed=0

# ---- Checks ------------------------------------------------------------------------------------------------------------

fail() {
    n_failed=$((n_failed + 1))
    echo "FAILED: $*"
    sed 's/^/    stderr: /' stderr
}

# check NAME COMMAND...: the command succeeds
check() {
    name=$1
    shift
    n_checks=$((n_checks + 1))
    "$@" || fail "$name"
}

# run CODE LINES TEXT ARGUMENTS...: `myna ARGUMENTS` exits with CODE and prints LINES lines on standard error, which
# hold TEXT
run() {
    code=$1 lines=$2 text=$3
    shift 3
    n_checks=$((n_checks + 1))
    "$myna" "$@" >stdout 2>stderr </dev/null
    got=$?
    [ $got = "$code" ] || fail "exit code $got, not $code: myna $*"
    [ "$(wc -l <stderr)" = "$lines" ] || fail "not $lines lines: myna $*"
    grep -qF -- "$text" stderr || [ "$lines" = 0 ] || fail "nothing of '$text': myna $*"
}

none_left() {
    for left in "$1"*; do
        [ ! -e "$left" ] || return 1
    done
}

# refused REASON INPUT: converting it fails with one line and leaves nothing
refused() {
    run 2 1 "myna: $2: " convert "$2" --to target.voice -o refused.wav
    check "'$1' is the reason about $2" grep -qF -- "$1" stderr
    check "nothing is left of $2" none_left refused.wav
}

# converted LINES TEXT INPUT OPTIONS...: done, at the input's rate and length, in time with it (to 60 ms: a network of
# random weights has no sharp onsets), peaks at -1 dBFS or below
converted() {
    lines=$1 text=$2 input=$3
    shift 3
    run 0 "$lines" "$text" convert "$input" --to target.voice -o converted.wav --force "$@"
    before=$("$make_audio" measure "$input")
    after=$("$make_audio" measure converted.wav)
    check "$input: $before, then $after" awk "BEGIN {
        split(\"$before\", b); split(\"$after\", a); late = a[4] - b[4]
        exit !(a[1] == b[1] && a[2] == b[2] && a[3] <= 0.8914 && late < 60 && late > -60) }"
}

# ---- Material ----------------------------------------------------------------------------------------------------------

"$make_model" 1 model.safetensors && "$make_model" 2 other.safetensors || exit 1
"$make_audio" speech 16000 1 4 speech.wav && "$make_audio" speech 44100 1 5 target.wav || exit 1
"$make_audio" late 22050 1 2 late.wav || exit 1
"$make_audio" silence 16000 1 2 silence.wav && "$make_audio" clipped 16000 1 2 clipped.wav || exit 1
"$make_audio" opposite 16000 2 2 opposite.wav && "$make_audio" noise 16000 1 4 hiss.wav || exit 1
"$make_audio" loud 16000 1 2 loud.wav && "$make_audio" nan 16000 1 2 nan.wav && "$make_audio" speech 16000 1 .04 short.wav || exit 1
"$make_audio" speech 8000 1 2 8k.wav && "$make_audio" speech 192000 1 1.00001 192k.wav || exit 1
"$make_audio" speech 48000 6 1.5 surround.wav && "$make_audio" speech 44100 2 1.2345 stereo.wav || exit 1
: >empty.wav
head -c 40000 speech.wav >truncated.wav
head -c 20 speech.wav >header.wav
head -c 40000 /dev/urandom >noise.wav
{ head -c 22 speech.wav; printf '\000\000'; tail -c +25 speech.wav; } >0channels.wav
{ head -c 24 speech.wav; printf '\000\000\000\000'; tail -c +29 speech.wav; } >0rate.wav
printf '\000\000\000\040ftypM4A \000\000\000\000M4A mp42isom\000\000\000\000' >talk.m4a

# ---- Usage -------------------------------------------------------------------------------------------------------------

run 0 0 '' --version
run 0 0 '' --help
for command in convert voice train info plot 'voice enroll' 'voice mix' 'voice reembed' 'voice show'; do
    run 0 0 '' $command --help
    check "help of $command" grep -q '^usage: myna' stdout
done
"$myna" >stdout 2>stderr
check 'exit code without arguments' [ $? = 1 ]
check 'help without arguments' grep -q '^usage' stderr
run 1 1 "unknown command 'convrt'" convrt
run 1 1 'did you mean --force?' convert speech.wav --to target.wav --forec
run 1 1 '--to' convert speech.wav
run 1 1 'too few' convert --to target.wav
run 1 1 '--pitch' convert speech.wav --to target.wav --pitch high
run 1 1 '--pitch' convert speech.wav --to target.wav --pitch +25
run 1 1 '--iterations' convert speech.wav --to target.wav --iterations 65
run 1 1 '--raw' convert speech.wav --to target.wav --raw
run 1 1 '--json' convert speech.wav --to target.wav --json -o -
run 1 1 'myna: voice mix: unknown option' voice mix a.voice b.voice --wieghts 1,1
run 1 1 'voice' voice
check 'usage of voice show' sh -c '"$1" voice show --help | grep -q "^usage: myna voice show FILE"' sh "$myna"
run 1 1 'myna: voice show: too few arguments; usage: myna voice show FILE' voice show
run 1 1 'myna: convert: --output is given an empty value' convert speech.wav --to target.wav -o ''
run 1 1 'myna: convert: an argument is empty' convert '' --to target.wav
run 1 1 'myna: info: an argument is empty' info ''
run 1 1 'myna: speech.xyz: audio is written as ' convert speech.wav --to target.wav -o speech.xyz
run 1 1 'myna: speech.xyz: name the picture' plot speech.wav -o speech.xyz
run 1 1 'ends in .voice' voice enroll target.wav -o speech.xyz

# ---- Voices ------------------------------------------------------------------------------------------------------------

run 0 1 'myna: target.wav: note: ' voice enroll target.wav -o target.voice
run 2 1 'myna: target.voice: exists' voice enroll target.wav -o target.voice
run 0 0 '' voice enroll target.wav speech.wav -o both.voice -q
run 0 0 '' voice mix target.voice both.voice --weights .3,.7 -o mixed.voice
run 1 1 'as many' voice mix target.voice both.voice --weights .3 -o other.voice
run 0 0 '' voice reembed target.voice -m other.safetensors -o other.voice
run 2 1 'myna: mixed.voice: ' voice reembed mixed.voice -m other.safetensors -o other2.voice
run 2 1 'myna: target.voice: exists' voice reembed target.voice -m other.safetensors -o target.voice
run 2 1 'myna: silence.wav: ' voice enroll silence.wav -o silence.voice
run 2 1 'myna: opposite.wav: its channels cancel' voice enroll opposite.wav -o silence.voice
run 0 1 'myna: hiss.wav: note: hardly any of it is voiced' voice enroll hiss.wav -o deep/er/hiss.VOICE
check 'no F0 of hiss' grep -q ': 4.0 s of speech$' stdout
run 0 0 '' convert speech.wav --to deep/er/hiss.VOICE -o hiss_out.oga
check 'a voice named in capitals, Ogg named .oga' [ "$(head -c 4 hiss_out.oga)" = OggS ]
run 2 1 'myna: speech.wav: no safetensors file' voice mix target.voice speech.wav -o third.voice
check 'and no more than that' grep -q 'safetensors file$' stderr
check 'no voice of silence' none_left silence.voice
run 2 1 'myna: missing.wav: ' voice enroll missing.wav -o missing.voice
run 0 0 '' voice show target.voice
head -c 5000 target.voice >cut.voice
run 2 2 'myna: cut.voice: ' voice reembed cut.voice missing.voice -m other.safetensors --force
run 2 1 'myna: cut.voice: ' convert speech.wav --to cut.voice -o refused.wav
run 2 1 'myna: silence.wav: ' convert speech.wav --to silence.wav -o refused.wav
run 1 1 'myna: both.voice: ' convert speech.wav --to target.wav --to both.voice -o refused.wav
check 'no conversion to no voice' none_left refused.wav

# ---- Models ------------------------------------------------------------------------------------------------------------

head -c 100000 model.safetensors >cut.safetensors
{ head -c 300000 model.safetensors; printf 'x'; tail -c +300002 model.safetensors; } >flipped.safetensors
for model in missing cut flipped; do
    run 2 1 "myna: $model.safetensors: " convert speech.wav --to target.voice -m $model.safetensors -o refused.wav
done
check 'no conversion without a model' none_left refused.wav

# ---- Recordings --------------------------------------------------------------------------------------------------------

converted 0 '' speech.wav
for latency in low balanced best; do converted 0 '' late.wav --latency $latency; done
converted 0 '' 192k.wav
converted 0 '' target.wav --pitch auto+2 --latency low --iterations 2 --seed 3
converted 1 'stereo.wav: note: 2 channels' stereo.wav --pitch keep
converted 1 'surround.wav: note: 6 channels' surround.wav --pitch -3
converted 1 '8k.wav: note: 8000 Hz' 8k.wav --latency balanced
converted 1 'silence.wav: note: no speech' silence.wav
check 'no pitch of silence' grep -q 'RTF [0-9.]*)$' stdout
converted 1 'hiss.wav: note: no voiced speech' hiss.wav
run 0 1 '' convert silence.wav --to target.voice -o converted.wav --force --json
check 'no pitch of silence in JSON' grep -q '"pitch_shift_semitones":null' stdout
converted 1 'short.wav: note: only' short.wav
converted 1 'clipped.wav: note: ' clipped.wav
refused 'No such file' missing.wav
refused 'empty' empty.wav
refused 'breaks off' truncated.wav
refused '' header.wav
refused 'not an audio file' noise.wav
refused '' 0channels.wav
refused 'impossible sample rate' 0rate.wav
refused 'a sample after 0.50 seconds is infinite or not a number' nan.wav
refused 'damaged: a sample after 0.50 seconds' loud.wav
refused 'its channels cancel' opposite.wav
refused 'ffmpeg -i talk.m4a' talk.m4a
run 0 0 '' convert speech.wav --to target.voice
check 'the name beside the input' [ -s speech.target.wav ]
run 2 1 'myna: speech.target.wav: exists' convert speech.wav --to target.voice
run 2 1 'myna: ./speech.wav: is input and output' convert speech.wav --to target.voice -o ./speech.wav --force
run 0 0 '' convert speech.wav --to target.voice -o speech.flac --json
check 'JSON' grep -q '"output":"speech.flac".*"rtf":' stdout
check 'FLAC' [ "$(head -c 4 speech.flac)" = fLaC ]
for suffix in ogg opus mp3; do
    if [ $suffix = mp3 ]; then
        "$make_audio" speech 16000 1 4 whole.mp3 || continue # before libsndfile 1.1
    else
        run 0 0 '' convert speech.wav --to target.voice -o whole.$suffix
    fi
    run 0 0 '' info whole.$suffix
    half=$(($(wc -c <whole.$suffix) / 2 + 7))
    head -c $half whole.$suffix >half.$suffix
    { head -c $half whole.$suffix; head -c 2000 /dev/zero; tail -c +$((half + 2001)) whole.$suffix; } >hole.$suffix
    refused 'truncated: ' half.$suffix
    refused 'damaged at byte ' hole.$suffix
done
name=$(printf '%0300d' 7).wav
run 2 1 "myna: $name: File name too long" convert speech.wav --to target.voice -o $name
run 2 1 'Not a directory' convert speech.wav --to target.voice -o target.wav/speech.wav

# ---- Batches -----------------------------------------------------------------------------------------------------------

mkdir -p in/deep empty_folder
cp speech.wav in/one.wav && cp speech.wav in/deep/two.wav && cp noise.wav in/deep/three.wav && cp empty.wav in/four.txt
run 3 2 'myna: in/deep/three.wav: ' convert in --to target.voice -o out
check 'the good ones of a folder' [ -s out/one.wav -a -s out/deep/two.wav ]
check 'nothing of the bad one' none_left out/deep/three
mkdir bad && cp noise.wav bad/one.wav && cp noise.wav bad/two.wav
run 2 3 'myna: 2 of 2 recordings failed' convert bad --to target.voice -o out
run 2 2 'myna: bad/one.wav: ' info bad/one.wav bad/two.wav
run 3 1 'myna: bad/one.wav: ' info bad/one.wav speech.wav
run 0 0 '' plot speech.wav -o new/folder/look.svg
check 'a picture in a folder that was not there' [ -s new/folder/look.svg ]
run 2 1 'myna: target.wav: Not a directory' plot speech.wav -o target.wav/look.svg
mkdir anna && cp target.wav anna
run 0 0 '' convert speech.wav --to anna/ -q
check 'the name after a folder with a slash' [ -s speech.anna.wav ]
(cd anna && "$myna" convert ../speech.wav --to . -q --force) 2>stderr
check 'the name after the folder one is in' [ -s speech.anna.wav ] && check 'only that' none_left speech...
run 1 1 'myna: in: a folder' convert in --to target.voice
run 2 1 'myna: empty_folder: ' convert empty_folder --to target.voice -o out
cp speech.flac speech2.flac && cp speech.wav speech2.wav
run 0 0 '' convert speech2.wav speech2.flac speech.wav --to target.voice -o out2
check 'names that would collide keep the suffix' [ -s out2/speech2.wav.wav -a -s out2/speech2.flac.wav -a -s out2/speech.wav ]
run 3 2 'myna: out2/speech.wav.wav: would be the output of two' convert speech.wav ./speech.wav --to target.voice -o out2

# ---- The README's examples, as they stand there ------------------------------------------------------------------------

mkdir -p readme/interviews/deep bin && ln -s "$myna" bin/myna
for name in speech anna1 anna2 ben interviews/one interviews/deep/two; do cp late.wav readme/$name.wav; done
awk '/^[*][*]Convert recordings/ {here = 1} here && code && /^```/ {exit} code; here && /^```sh/ {code = 1}' \
    "$readme" >examples.sh
check 'examples in the README' [ "$(grep -c '^myna' examples.sh)" -ge 8 ]
check 'that they run' sh -c 'cd readme && PATH="$PWD/../bin:$PATH" sh -e ../examples.sh >../stdout 2>../stderr'
check 'what they make' [ -s readme/speech.anna1.wav -a -s readme/speech.anna.wav -a -s readme/converted/deep/two.wav ]

# ---- Pipes -------------------------------------------------------------------------------------------------------------

# pipe CODE ARGUMENTS...: like run, from a pipe that `in.pipe` goes through to `out.pipe`
pipe() {
    code=$1
    shift
    n_checks=$((n_checks + 1))
    cat in.pipe | { "$myna" "$@" >out.pipe 2>stderr; echo $? >code; }
    got=$(cat code)
    [ "$got" = "$code" ] || fail "exit code $got, not $code: myna $*"
}

# measures FILE TEXT: "RATE_HZ FRAMES" of FILE
measures() {
    check "rate and length of $1, which should be $2" [ "$("$make_audio" measure "$1" | cut -d ' ' -f 1,2)" = "$2" ]
}

cp target.wav in.pipe
pipe 0 convert - --to target.voice
cp out.pipe out.wav
measures out.wav '44100 220500'
cp stereo.wav in.pipe
pipe 0 convert - --to target.voice -o piped.flac -q
measures piped.flac '44100 54441'
cp speech.flac in.pipe
pipe 0 convert - --to target.voice --json -o piped.wav
check 'JSON of a pipe' grep -q '"input":"standard input".*"seconds":4,' out.pipe
measures piped.wav '16000 64000'
for length in '\377\377\377\377' '\000\000\000\000' '\000\360\377\177'; do
    { head -c 40 speech.wav; printf "$length"; tail -c +45 speech.wav; } >in.pipe
    pipe 0 convert - --to target.voice
    cp out.pipe out.wav
    measures out.wav '16000 64000'
done
tail -c +45 speech.wav >in.pipe
pipe 0 convert --raw - --to target.voice
check 'raw and WAV differ by the header' sh -c 'tail -c +45 out.wav | cmp - out.pipe'
run 0 0 '' convert speech.wav --to target.voice -o piped.wav --force
cp speech.wav in.pipe
pipe 0 convert speech.wav --to target.voice -o -
check 'the same samples in a file and on standard output' sh -c 'tail -c +45 piped.wav >a && tail -c +45 out.pipe | cmp - a'

head -c 40000 speech.wav >in.pipe
pipe 2 convert - --to target.voice -o piped2.wav
check 'a pipe that breaks off' grep -q '^myna: standard input: breaks off after' stderr
check 'nothing is left of a pipe that breaks off' none_left piped2.wav
cp nan.wav in.pipe
pipe 2 convert - --to target.voice
check 'NaN through a pipe' grep -q '^myna: standard input: a sample after ' stderr
: >in.pipe
pipe 2 convert - --to target.voice
check 'an empty pipe' grep -q '^myna: standard input: is empty' stderr
for bad in noise.wav talk.m4a; do
    cp $bad in.pipe
    pipe 2 convert - --to target.voice
    check "$bad through a pipe" grep -q '^myna: standard input: only WAV, AU, AIFF and FLAC' stderr
    check "nothing comes of $bad" [ ! -s out.pipe ]
done
{ "$myna" convert speech.wav --to target.voice -o - 2>stderr; echo $? >code; } | true
check 'a closed pipe' grep -q '^myna: standard output: ' stderr
check 'exit code of a closed pipe' [ "$(cat code)" = 2 ]

# While half of a recording has come and the rest has not, nearly half of the conversion is out; then an interruption.
mkfifo live.pipe
"$myna" convert - --to target.voice <live.pipe >out.pipe 2>stderr &
pid=$!
exec 3>live.pipe
head -c 64044 speech.wav >&3
waited=0
while [ "$(wc -c <out.pipe)" -lt 56000 ] && [ $waited -lt 200 ]; do sleep .1; waited=$((waited + 1)); done
check 'conversion before the input ends' [ "$(wc -c <out.pipe)" -ge 56000 ]
kill -s INT $pid
wait $pid
check 'exit code of an interrupted pipe' [ $? = 130 ]
check 'what is said of an interrupted pipe' [ "$(cat stderr)" = 'myna: interrupted' ]
exec 3>&-

# ---- Full disks --------------------------------------------------------------------------------------------------------

n_checks=$((n_checks + 1))
(ulimit -f 16 && exec "$myna" convert speech.wav --to target.voice -o full.wav) 2>stderr >stdout
[ $? = 2 ] && [ "$(wc -l <stderr)" = 1 ] && grep -q '^myna: full.wav: File too large' stderr || fail 'file size limit'
check 'nothing left at the limit' none_left full.wav
mkdir small
if mount -t tmpfs -o size=64k none small 2>/dev/null; then
    run 2 1 'myna: small/full.wav: No space left' convert speech.wav --to target.voice -o small/full.wav
    check 'nothing left on a full disk' none_left small/full
    umount small
fi
if [ -w /dev/full ]; then
    for arguments in --version 'info speech.wav target.wav' 'convert speech.wav --to target.voice -o full.wav --json --force'; do
        "$myna" $arguments >/dev/full 2>stderr
        check "a full standard output of $arguments" [ $? = 2 ]
    done
fi

# ---- Interruption ------------------------------------------------------------------------------------------------------

"$make_audio" speech 16000 1 180 long.wav
for signal in INT TERM; do
    "$myna" convert long.wav --to target.voice -o stopped.wav >stdout 2>stderr &
    pid=$!
    while none_left stopped.wav && kill -0 $pid 2>/dev/null; do sleep .05; done
    kill -s $signal $pid
    wait $pid
    check "exit code after SIG$signal" [ $? = 130 ]
    check "what is said after SIG$signal" [ "$(cat stderr)" = 'myna: interrupted' ]
    check "nothing is left after SIG$signal" none_left stopped.wav
done

# An hour of silence that takes no room, of which a whole first pass takes seconds.
{ head -c 24 speech.wav; printf '\200\273\000\000'; tail -c +29 speech.wav | head -c 12; printf '\377\377\377\377'; } >hour.wav
truncate -s 345600044 hour.wav
for arguments in 'info speech.wav hour.wav' 'plot hour.wav -o stopped.svg' 'voice enroll hour.wav -o stopped.voice' \
    'convert speech.wav --to hour.wav -o stopped.wav'; do
    "$myna" $arguments >stdout 2>stderr &
    pid=$!
    sleep .5
    kill -s INT $pid
    waited=0
    while kill -0 $pid 2>/dev/null && [ $waited -lt 10 ]; do sleep .1; waited=$((waited + 1)); done
    check "at once: $arguments" [ $waited -lt 10 ]
    wait $pid
    check "exit code: $arguments" [ $? = 130 ]
    check "what is said: $arguments" [ "$(cat stderr)" = 'myna: interrupted' ]
    check "nothing is left: $arguments" none_left stopped
    case $arguments in info*) check 'what was done stays said' grep -q '^speech.wav: recording' stdout ;; esac
done

echo "$n_checks checks, $n_failed failed"
[ $n_failed = 0 ]
