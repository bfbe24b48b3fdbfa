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

# await COMMAND...: until it succeeds, 20 s at most
await() {
    waited=0
    while ! "$@" && [ $waited -lt 200 ]; do sleep .1; waited=$((waited + 1)); done
}

# has_bytes N PREFIX: N or more in all files whose names begin so
has_bytes() { [ "$(cat "$2"* 2>/dev/null | wc -c)" -ge "$1" ]; }

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
"$make_model" huge huge.safetensors || exit 1
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
run 2 1 's of speech; tuning needs 8 s or more' voice enroll target.wav -o tuned.voice --tune -q
check 'no voice where it could not be tuned' [ ! -e tuned.voice ]
run 0 0 '' voice mix target.voice both.voice --weights .3,.7 -o mixed.voice
run 1 1 'as many' voice mix target.voice both.voice --weights .3 -o other.voice
run 0 0 '' voice reembed target.voice -m other.safetensors -o other.voice
run 1 1 'ends in .voice' voice reembed target.voice -m other.safetensors -o other
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
run 0 2 'myna: silence.wav: note: no speech; the voice is made of the others' voice enroll target.wav silence.wav -o two.voice
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
not_utf8=$(printf 'caf\351.wav')
cp speech.wav "$not_utf8"
run 0 0 '' info --json "$not_utf8"
check 'JSON of a name that is not UTF-8' grep -qF 'caf\ufffd.wav' stdout
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
mkdir takes && cp speech.wav takes/one.wav
run 0 0 '' convert takes --to target.voice -o takes/done -q
cp speech.wav takes/two.wav && rm takes/one.wav
run 0 0 '' convert takes --to target.voice -o takes/done -q
check 'conversions in the input folder are not converted again' [ "$(find takes -type f | wc -l)" = 3 ]
run 1 1 'only a single recording can go to standard output' convert - speech.wav --to target.voice
cp target.wav own.wav
run 2 2 'myna: own.wav: is output and target at once' convert speech.wav --to own.wav -o own.wav --force
check 'the target stays' cmp -s target.wav own.wav
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
run 3 2 'myna: ./speech.wav: its output would be that of speech.wav' convert speech.wav ./speech.wav --to target.voice -o out4
run 1 1 'myna: both.wav: names a file' convert speech.wav speech2.flac --to target.voice -o both.wav
mkdir phone && cp speech.wav phone/a.wav && cp speech.wav phone/b.m4a
run 0 1 'myna: phone: note: 1 of its files left out, b.m4a first' convert phone --to target.voice -o out5
cp speech.wav linked.wav && ln -sf linked.wav link.wav
run 0 0 '' convert speech.wav --to target.voice -o link.wav --force -q
check 'a link stays, and leads to what was made' [ -L link.wav -a -s linked.wav ] && check 'that' cmp -s link.wav out5/a.wav
ln -s nowhere.wav dangling.wav
run 2 1 'myna: dangling.wav: a link that leads nowhere' convert speech.wav --to target.voice -o dangling.wav --force
check 'a link that leads nowhere stays' [ -L dangling.wav ]
run 2 1 'myna: target.voice: is input and output at once' voice mix target.voice target.voice -o target.voice --force
run 0 0 '' help convert
check 'help on a command' grep -q '^usage: myna convert' stdout

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

"$myna" convert speech.wav --to target.voice -o - >standard.wav 2>stderr
check 'a file that standard output is has its length' \
    [ "$(od -A n -t u4 -j 40 -N 4 standard.wav)" -eq $(($(wc -c <standard.wav) - 44)) ]

# begins OUT OPTIONS...: a conversion to standard output (OUT) of a pipe that has half of a recording and waits for the rest
mkfifo live.pipe
begins() {
    to=$1
    shift
    "$myna" convert - --to target.voice "$@" <live.pipe >$to 2>stderr &
    pid=$!
    exec 3>live.pipe
    head -c 64044 speech.wav >&3
}

# Nearly half of the conversion is out when half of the recording has come; then an interruption.
begins out.pipe
await has_bytes 56000 out.pipe
check 'conversion before the input ends' has_bytes 56000 out.pipe
kill -s INT $pid
wait $pid
check 'exit code of an interrupted pipe' [ $? = 130 ]
check 'what is said of an interrupted pipe' [ "$(cat stderr)" = 'myna: interrupted' ]
exec 3>&-

# Into a file, an interruption is the end: what was said into the pipe cannot be said again.
begins stdout -o spoken.wav
await has_bytes 56000 spoken.wav
kill -s INT $pid
wait $pid
check 'exit code of a recording that is ended' [ $? = 0 ]
check 'all that was spoken is there' [ "$(wc -c <spoken.wav)" = 64044 -a "$(head -c 11 stdout)" = 'spoken.wav:' ]
exec 3>&-

# What comes to be there while a conversion runs stays.
begins stdout -o race.wav
await has_bytes 1 race.wav
echo precious >race.wav
tail -c +64045 speech.wav >&3
exec 3>&-
wait $pid
check 'exit code where a file came in between' [ $? = 2 ]
check 'what is said of it' [ "$(cat stderr)" = 'myna: race.wav: File exists' ]
check 'it stays' [ "$(cat race.wav)" = precious ]
check 'and nothing else is left' none_left race.wav.

# ---- Training ----------------------------------------------------------------------------------------------------------

export XDG_CACHE_HOME="$work/cache"
mkdir -p voices/anna voices/bert real/carl real/dora
for file in voices/anna/1 voices/anna/2 voices/bert/1 voices/bert/2 real/carl/1 real/dora/1; do
    "$make_audio" speech 16000 1 3 $file.wav || exit 1
done
printf 'path\tspeaker\tsplit\nanna/1.wav\tanna\ttrain\nanna/2.wav\tanna\ttrain\nbert/1.wav\tbert\ttrain\n' >voices/list.tsv

# trains LINES TEXT MODEL OPTIONS...: four segments a step, on one thread
trains() {
    lines=$1 text=$2 model=$3
    shift 3
    run 0 "$lines" "$text" train voices/list.tsv -o $model.safetensors --batch 4 --threads 1 "$@"
}
# resumes CODE LINES TEXT MODEL OPTIONS...
resumes() {
    code=$1 lines=$2 text=$3 model=$4
    shift 4
    run $code "$lines" "$text" train voices/list.tsv -o $model.safetensors --resume "$@"
}
# steps_of MODEL: the rows of its loss table; step_of MODEL: of its checkpoint
steps_of() { tail -n +2 $1.tsv | cut -f 1 | tr '\n' ' '; }
step_of() { "$myna" info --json $1.checkpoint | grep -o '"step":[0-9]*' | cut -d : -f 2; }
# hash_of MODEL: of all files of its run
hash_of() { cat $1.safetensors $1.checkpoint $1.tsv $1.svg 2>/dev/null | cksum; }

run 1 1 'safetensors' train voices/list.tsv
run 1 1 'safetensors' train voices/list.tsv -o mine.voice
run 1 1 '--steps takes' train voices/list.tsv -o mine.safetensors --steps 0
run 1 1 '--hours takes' train voices/list.tsv -o mine.safetensors --hours 0
run 1 1 '--hours and --steps' train voices/list.tsv -o mine.safetensors --hours 1 --steps 10
run 1 1 '--code-width' train voices/list.tsv -o mine.safetensors --init model.safetensors --code-width 8
run 1 1 '--conversions needs --init' train voices/list.tsv -o mine.safetensors --conversions .3
run 1 1 '--judge needs --conversions' train voices/list.tsv -o mine.safetensors --init model.safetensors --judge model.safetensors
for fixed in '--single-precision' '--judge model.safetensors' '--conversions .3' '--batch 8' '--seed 1' '--code-width 8' '--init model.safetensors'; do
    run 1 1 "${fixed% *}" train voices/list.tsv -o mine.safetensors --resume $fixed
done

# A run: the table's last row is the last step's, the plot is there, "held out" is not where nothing is held out
trains 3 'corpus: 3 recordings' new/deep/mine --steps 3 --plot
check 'a short run in a new folder' [ -s new/deep/mine.safetensors -a -s new/deep/mine.checkpoint -a -s new/deep/mine.svg ]
check 'the last step has a row' [ "$(steps_of new/deep/mine)" = '3 ' ]
check 'nothing is said of what is not held out' [ "$(grep -c 'nan\|held out [0-9]*\.' stderr new/deep/mine.tsv)" = 'stderr:0
new/deep/mine.tsv:0' ]
check 'no curve of it' [ "$(grep -c '>held out<' new/deep/mine.svg)" = 0 ]
check 'no fact of it' [ "$("$myna" info new/deep/mine.safetensors | grep -c validation)" = 0 ]
run 0 0 '' convert speech.wav --to target.wav -m new/deep/mine.safetensors -o converted.wav --force -q

# A run of nothing but conversions has no loss, and says nothing of it
trains 3 'loss not known' new/judged --steps 2 --plot --init new/deep/mine.safetensors --conversions 1
check 'conversions have no loss' [ "$(grep -c nan stderr new/judged.tsv)" = 'stderr:0
new/judged.tsv:0' ]
check 'they are a fact of the model' [ "$("$myna" info new/judged.safetensors | grep -c 'training.conversions *1$')" = 1 ]

# A judge is of the model's own line
trains 3 'loss not known' new/judged2 --steps 1 --init new/judged.safetensors --conversions 1 --judge new/deep/mine.safetensors
run 2 2 'myna: model.safetensors: cannot judge a model that was not trained on from it' train voices/list.tsv \
    -o new/judged3.safetensors --steps 1 --init new/deep/mine.safetensors --conversions 1 --judge model.safetensors

# What exists is replaced only on request, and never by a run that fails before its first step
for kept in safetensors checkpoint tsv svg; do
    mkdir -p only_$kept
    echo mine >only_$kept/it.$kept
    run 2 1 "myna: only_$kept/it.$kept: exists" train voices/list.tsv -o only_$kept/it.safetensors --steps 1 --plot
    check "only $kept" [ "$(ls only_$kept)$(cat only_$kept/it.$kept)" = it.${kept}mine ]
done
before=$(hash_of new/deep/mine)
: >file
run 2 1 'myna: missing: ' train missing -o new/deep/mine.safetensors --force
run 2 1 'myna: missing.safetensors: ' train voices/list.tsv -o new/deep/mine.safetensors --force --init missing.safetensors
run 2 1 'myna: file: Not a directory' train voices/list.tsv -o new/deep/mine.safetensors --force --cache file/cache -q
run 2 1 'the first from these weights' train voices/list.tsv -o new/deep/mine.safetensors --force --init huge.safetensors -q
check 'nothing is lost by failing' [ "$(hash_of new/deep/mine)" = "$before" ]
run 2 1 'myna: missing: ' train missing -o lost/mine.safetensors
check 'no folder for nothing' none_left lost
run 2 1 'Not a directory' train voices/list.tsv -o file/mine.safetensors
cp voices/list.tsv voices/manifest.tsv
for corpus in voices voices/manifest.tsv; do
    run 2 1 'myna: voices/manifest.tsv: is input and output' train $corpus -o voices/manifest.safetensors --force
done
check 'the manifest is whole' cmp voices/list.tsv voices/manifest.tsv
run 2 1 'myna: ./model.safetensors: is input and output' train voices/list.tsv --init model.safetensors -o ./model.safetensors --force

# Going on: the table has what an uninterrupted run's has, and its seconds grow
resumes 2 1 'myna: none.checkpoint: No such file' none
trains 0 '' whole --steps 6 --log-steps 2 --plot -q
cp whole.svg first.svg
resumes 2 1 '6 steps are done, more than --steps 5' whole --steps 5 -q
resumes 0 3 'myna: whole.safetensors: note: all 6 steps are done' whole
resumes 0 0 '' whole --steps 9 --rate .0005 --code-noise .02 --threads 2 --log-steps 2 -q
check 'a plot that is there goes on' [ "$(cmp -s whole.svg first.svg; echo $?)" = 1 ]
check 'rows after resuming' [ "$(steps_of whole)" = '2 4 6 8 9 ' ]
check 'the new noise' [ "$("$myna" info whole.safetensors | grep 'training.code_noise' | grep -c 0.02)" = 1 ]
check 'the new rate' [ "$("$myna" info whole.safetensors | grep 'training.rate' | grep -c 0.0005)" = 1 ]
check 'seconds grow' sh -c 'tail -n +2 whole.tsv | cut -f 3 | sort -n -c'
run 0 4 'myna: real: note: not what whole.checkpoint' train real -o whole.safetensors --resume --steps 10

trains 0 '' often --steps 2 --checkpoint-minutes 0 -q
check 'each checkpoint has its row' [ "$(steps_of often)" = '1 2 ' ]

# A loss that is not finite: the last state is kept where there is no other, and a checkpoint before it is gone back to
run 2 1 'myna: burst.safetensors: the loss is not finite at step ' train real -o burst.safetensors --batch 1 --threads 1 --rate 1 -q
check 'what is to be done' grep -q -- '--resume with a --rate below 1 goes on from the checkpoint of step ' stderr
check 'the state before it' [ "$(step_of burst)" = $(($(tail -n 1 burst.tsv | cut -f 1) + 1)) -a ! -e burst.safetensors ]
run 0 0 '' train real -o early_burst.safetensors --batch 1 --threads 1 --steps 3 -q
run 2 1 'goes on from the checkpoint of step 3' train real -o early_burst.safetensors --resume --steps 5000 --rate 1 -q
run 0 0 '' train real -o early_burst.safetensors --resume --steps 6 --rate .001 -q
check 'a lower rate goes on' [ "$(steps_of early_burst)" = '3 6 ' ]

# interrupts MODEL OPTIONS...: a run without end, stopped by SIGINT when its first row is there
interrupts() {
    model=$1
    shift
    n_checks=$((n_checks + 1))
    "$myna" train voices/list.tsv -o $model.safetensors --batch 4 --threads 1 "$@" >stdout 2>stderr &
    pid=$!
    while none_left $model.tsv && kill -0 $pid 2>/dev/null; do sleep .05; done
    kill -s INT $pid
    wait $pid
    [ $? = 130 ] || fail "exit code of an interrupted run: $*"
}
interrupts stopped --log-steps 3 -q
check 'the row of an interruption' [ "$(tail -n 1 stopped.tsv | cut -f 1)" = "$(step_of stopped)" ]
interrupts early --log-steps 1 --hours .002 -q
check 'a run stopped before its speed is known' [ "$(step_of early)" -lt 40 ]
resumes 0 0 '' early -q
check 'goes on with its hours' [ "$(tail -n 1 early.tsv | cut -f 3 | cut -d . -f 1)" -lt 60 ]
resumes 2 1 'more than --hours 0.001' early --hours .001 -q

# An interruption of the analysis leaves neither files nor a cache
mkdir -p slow/anna
"$make_audio" speech 16000 1 60 slow/anna/1.wav || exit 1
for i in 2 3 4 5 6 7 8; do cp slow/anna/1.wav slow/anna/$i.wav; done
"$myna" train slow -o analysed.safetensors --cache slow_cache --threads 1 >stdout 2>stderr &
pid=$!
while none_left slow_cache/ && kill -0 $pid 2>/dev/null; do sleep .05; done
kill -s INT $pid
wait $pid
check 'exit code of an interrupted analysis' [ $? = 130 ]
check 'what is said of it' [ "$(cat stderr)" = 'myna: interrupted' ]
check 'nothing is left of it' none_left analysed
check 'nor a cache' none_left slow_cache/

# Phones: of a manifest, of a folder, and what is wrong with them
printf ';; a comment\n\nanna/1.wav 1 0 0.5 AH\nbert/1.wav A 0.50 1 S 0.9\nelse/1.wav 1 0 1 T\n' >voices/said.ctm
said() { run "$@" --phones voices/said.ctm --force --batch 4 --threads 1 --steps 2; }
said 0 5 'phones: known of 0.00 h' train voices/list.tsv -o said.safetensors
check 'lines of strangers' grep -q '^myna: voices/said.ctm: note: 1 lines name recordings' stderr
check 'how many were read right' [ "$(tail -n 1 said.tsv | cut -f 9 | grep -c '^[01]\.')" = 1 ]
said 0 5 'phones: known of' train voices/ -o said.safetensors
run 0 4 'corpus: ' train voices/list.tsv -o said.safetensors --resume --steps 3
run 2 1 'myna: no.ctm: No such file' train voices/list.tsv -o refused.safetensors --phones no.ctm
for wrong in 'anna/1.wav 1 0 AH:line 1 is not' 'anna/1.wav 1 -1 1 AH:line 1 has a start of -1 s' \
    'x.wav 1 0 1 AH:names no recording' ':has no phones'; do
    printf '%s\n' "${wrong%:*}" >wrong.ctm
    run 2 1 "myna: wrong.ctm: ${wrong#*:}" train voices/list.tsv -o refused.safetensors --phones wrong.ctm
done
for label in $(seq 65); do echo "anna/1.wav 1 0 1 P$label"; done >wrong.ctm
run 2 1 'myna: wrong.ctm: line 65: more than 64' train voices/list.tsv -o refused.safetensors --phones wrong.ctm
check 'nothing of what was refused' [ ! -e refused.safetensors ]

# Corpora
for speaker in anna bert; do
    for take in 1 2 3 4; do
        mkdir -p takes_of/$speaker/$take && cp voices/$speaker/1.wav takes_of/$speaker/$take/audio.wav
    done
done
run 0 3 'corpus: 8 recordings' train takes_of -o takes.safetensors --batch 1 --steps 1
run 0 4 'myna: takes_of/anna/1: note: all of one speaker' train takes_of/anna/1 -o alone.safetensors --batch 1 --steps 1
mkdir linked
ln -s ../real/carl ../real/dora linked/ && ln -s .. linked/up && ln -s . linked/self && ln -s ../linked real/carl/back
run 0 3 'corpus: 2 recordings, 0.00 h of 2 speakers' train linked -o links.safetensors --batch 1 --steps 1
{ printf '\357\273\277'; sed 's/$/\r/' voices/list.tsv; printf '\r\n\n'; } >voices/spreadsheet.tsv
run 0 3 'corpus: 3 recordings' train voices/spreadsheet.tsv -o sheet.safetensors --batch 1 --steps 1
{ cat voices/list.tsv; printf 'bert/2.wav\tbert\tdev\n'; } >voices/divided.tsv
run 0 4 'corpus: 4 recordings, 0.00 h of 2 speakers to train on, 0.00 h of 1 held out' train voices/divided.tsv -o divided.safetensors --batch 1 --steps 1
check 'who is divided' grep -q 'voices/divided.tsv: note: speakers both in train and in .*: bert$' stderr
sed 's/train$/dev/' voices/list.tsv >voices/dev.tsv
run 2 1 'myna: voices/dev.tsv: every recording is held out' train voices/dev.tsv -o refused.safetensors
{ cat voices/list.tsv; printf 'anna/1.wav\tbert\ttrain\n../noise.wav\tbert\ttrain\n'; } >voices/bad.tsv
for cached in 1 2; do
    run 0 5 'myna: voices/../noise.wav: left out: ' train voices/bad.tsv -o bad.safetensors --batch 1 --steps 1 --force
done
check 'a bad recording in the cache' grep -q 'from the cache' stderr
(ulimit -f 64 && exec "$myna" train voices/list.tsv -o full.safetensors --cache full -q) 2>stderr >stdout
check 'a full disk under the cache' grep -q '^myna: full/[0-9a-f]*.corpus: File too large' stderr
check 'nothing is left of refused runs' none_left refused
check 'nor of the one with a full cache' none_left full.

# ---- Full disks --------------------------------------------------------------------------------------------------------

n_checks=$((n_checks + 1))
(ulimit -f 16 && exec "$myna" convert speech.wav --to target.voice -o full.wav) 2>stderr >stdout
[ $? = 2 ] && [ "$(wc -l <stderr)" = 1 ] && grep -q '^myna: full.wav: File too large' stderr || fail 'file size limit'
check 'nothing left at the limit' none_left full.wav
mkdir small
if mount -t tmpfs -o size=64k none small 2>/dev/null; then
    run 2 1 'myna: small/full.wav: No space left' convert speech.wav --to target.voice -o small/full.wav
    check 'nothing left on a full disk' none_left small/full
    run 2 1 'myna: small/tap.wav: No space left on device; what came before is kept' live --to target.voice \
        --input-file speech.wav --output-file full.wav --as-fast-as-possible --record small/tap.wav -q
    check 'a recording that filled the disk can be read' "$myna" info small/tap.wav >stdout
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
for arguments in 'info speech.wav hour.wav' 'plot hour.wav -o broken_off.svg' 'voice enroll hour.wav -o broken_off.voice' \
    'convert speech.wav --to hour.wav -o broken_off.wav'; do
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
    check "nothing is left: $arguments" none_left broken_off
    case $arguments in info*) check 'what was done stays said' grep -q '^speech.wav: recording' stdout ;; esac
done

# ---- Bench: that it runs, not how fast -----------------------------------------------------------------------------------

run 0 0 '' bench --short --runs 1 --lengths 10,20 mel griffin-lim network length
for line in 'log-mel of 1 s' 'spectral convergence' 'a step of 25 ms' 'peak memory'; do
    check "bench shows '$line'" grep -qF "$line" stdout
done
run 0 0 '' bench training --short --runs 2 --threads 2 --batch 2 --json
for key in training_step_1_threads training_step_2_threads gemm_share_1_threads gemm_gflops_square; do
    check "bench's JSON has $key" grep -qF "\"$key\":" stdout
done
run 0 0 '' bench --live --short --input speech.wav
check 'bench recommends a block' grep -q 'recommended: ' stdout
check 'bench --live measures nothing else' [ "$(wc -l <stdout)" = 6 ]
run 1 1 "nothing is called 'speed'" bench speed
run 1 1 "--lengths '20,10' is not" bench --lengths 20,10
run 2 1 'myna: nothing.wav: ' bench mel --input nothing.wav

# ---- Live, without devices --------------------------------------------------------------------------------------------

# 50 ms for the engine and 25 ms for blocks of 10 ms: 1200 samples late, and nothing else differs
run 0 0 '' live --to target.voice --input-file speech.wav --output-file live.wav --as-fast-as-possible --record tapped.wav -q
run 0 0 '' convert speech.wav --to target.voice --live-profile --latency low -o profile.wav -q
tail -c +2445 live.wav >a && tail -c +45 profile.wav >b
check 'live is what convert --live-profile makes, later' cmp a b
measures tapped.wav '16000 65280' # whole blocks
"$myna" live --to target.voice --input-file speech.wav --output-file hung.wav --record heard.wav -q 2>stderr &
pid=$!
sleep 1.5
kill -s HUP $pid # the terminal was closed
wait $pid
check 'exit code of a closed terminal' [ $? = 130 ]
check 'what was done until then' [ -s hung.wav -a -s heard.wav ]
# 50 ms are 551.25 samples at 11.025 kHz: 551, and blocks of 110, of which the margin is ceil(.025 * 11025) = 276
for rate in 44100:3308 48000:3600 11025:827; do
    "$make_audio" speech "${rate%:*}" 1 2 rate.wav
    run 0 0 '' live --to target.voice --input-file rate.wav --output-file live.wav --as-fast-as-possible -fq
    run 0 0 '' convert rate.wav --to target.voice --live-profile --latency low -o profile.wav -fq
    tail -c "+$((45 + 2 * ${rate#*:}))" live.wav >a && tail -c +45 profile.wav >b
    check "live is what convert --live-profile makes, later, at ${rate%:*} Hz" cmp a b
done
run 0 2 'lost 0.0 ms' live --to target.voice --input-file rate.wav --output-file real.wav
run 0 0 '' live --to target.voice --input-file speech.wav --output-file brief.wav --as-fast-as-possible --duration 1 -q
measures brief.wav '16000 16320' # looked at every 50 ms
run 2 1 'myna: live.wav: exists already' live --to target.voice --input-file speech.wav --output-file live.wav
run 1 1 'are two files' live --to target.voice --input-file speech.wav --output-file one.wav --record one.wav
run 1 1 '--record is written as' live --to target.voice --input-file speech.wav --output-file one.wav --record one.mp3
cp speech.wav itself.wav
run 2 1 'myna: itself.wav: is input and output at once' live --to target.voice --input-file itself.wav --output-file itself.wav --force
check 'the input stays' cmp -s speech.wav itself.wav
run 2 1 'myna: missing.wav: ' live --to target.voice --input-file missing.wav --output-file none.wav --record old.wav
check 'nothing is recorded where nothing was heard' none_left old.wav
run 1 1 'go together' live --to target.voice --input-file speech.wav
run 1 1 'no target' live
# ALSA's plug-ins leak, and are gone before a sanitizer could be told their names
export ASAN_OPTIONS=detect_leaks=0
run 4 1 'myna: nowhere: no input device' live --to target.voice --input nowhere
run 4 1 'myna: 4294967295: device 4294967295 cannot record' live --to target.voice --input 4294967295
run 4 1 'myna: latency: ' latency --input nowhere
unset ASAN_OPTIONS
run 1 1 '--source is for what is heard once' convert speech.wav --to target.voice --source target.voice -o none.wav

echo "$n_checks checks, $n_failed failed"
[ $n_failed = 0 ]
