#!/usr/bin/env bash
# `myna live` through a real sound server without hardware: JACK's dummy driver. A recording is played into Myna, and
# what Myna plays is recorded beside it. usage: live_jack.sh MYNA MAKE_AUDIO LIVE_COMPARE SOURCE_TREE
# Exit code 77 where the server or its tools are not installed, or where it does not start.
set -u
myna=$1 make_audio=$2 compare=$3 tree=$4
for tool in jackd jack_lsp jack_connect jack_capture sndfile-jackplay; do
    command -v $tool >/dev/null || { echo "$tool is not installed"; exit 77; }
done
work=$(mktemp -d)
cd "$work" || exit 1
export JACK_DEFAULT_SERVER=myna-test-$$ JACK_NO_START_SERVER=1
n_failed=0
live_pid='' server_pid=''

stop() {
    [ -z "$live_pid" ] || { kill -INT "$live_pid"; wait "$live_pid"; } 2>/dev/null
    live_pid=''
    [ -z "$server_pid" ] || { kill "$server_pid"; wait "$server_pid"; } 2>/dev/null
    server_pid=''
}
trap 'stop; rm -rf "$work"' EXIT

fail() {
    echo "FAILED: $*"
    sed 's/^/    /' live.log
    n_failed=$((n_failed + 1))
}

# until_true COMMAND...: tries for ten seconds
until_true() {
    for _ in $(seq 100); do
        "$@" >/dev/null 2>&1 && return 0
        sleep .1
    done
    return 1
}

# start_server RATE PERIOD
start_server() {
    jackd --no-realtime --name "$JACK_DEFAULT_SERVER" -d dummy -r "$1" -p "$2" >server.log 2>&1 &
    server_pid=$!
    until_true jack_lsp && return
    cat server.log
    echo 'no JACK server could be started'
    [ $n_failed = 0 ] && exit 77
    exit 1
}

has_port() {
    jack_lsp | grep -q "$1"
}

# Myna says what it listens to each time that it starts, a little after its ports are there.
has_started_twice() {
    [ "$(grep -c '^from JACK' live.log)" = 2 ]
}

# start_live OPTIONS...: Myna between the server's ports
start_live() {
    rm -f live.log
    "$myna" live --input 'JACK Audio' --output 'JACK Audio' --to "$tree/samples/male.flac" "$@" >live.log 2>&1 &
    live_pid=$!
    until_true grep -q '^latency' live.log && return
    fail "myna live $* did not start"
    exit 1
}

# What it says is between its two rings, in ms
said_latency() {
    sed -nE 's/^latency .*engine ([0-9.]+), blocks and resampling ([0-9.]+),.*/\1 \2/p' live.log | awk '{print $1 + $2}'
}

# record FILE OUT: plays FILE into Myna, over and over, and records player and Myna side by side for four seconds
record() {
    local from
    sndfile-jackplay --loop=0 "$1" >/dev/null 2>&1 </dev/null &
    player_pid=$!
    until_true has_port '^jackplay:' || fail 'the player did not start'
    from=$(jack_lsp | grep '^jackplay:' | head -1)
    for to in myna:in_0 myna:in_1; do jack_connect "$from" $to >/dev/null 2>&1; done
    sleep .5
    jack_capture --daemon -d 4 -c 2 -p "$from" -p myna:out_0 "$2" >/dev/null 2>&1
    kill $player_pid 2>/dev/null
    wait $player_pid 2>/dev/null
}

# expect KIND FILE OUT TOLERANCE_MS: FILE comes back in OUT, as late as Myna said. A server that had no time, which it
# counts as xruns, leaves holes of its own in what is recorded: then it is recorded again, three times at most.
expect() {
    for _ in 1 2 3; do
        record "$2" "$3"
        "$compare" "$1" "$3" "$(said_latency)" "$4" && return
        grep -q 'xruns [1-9]' live.log || break
    done
    fail "$1 of $3"
}

# The dry path at every rate and period: it arrives when Myna said it would.
for rate in 16000 44100 48000; do
    "$make_audio" speech $rate 1 4 speech$rate.wav
    for period in 64 256 1024; do
        start_server $rate $period
        start_live --dry-wet 0
        printf '%s Hz, period %s: ' $rate $period
        expect wave speech$rate.wav dry$rate-$period.wav 2
        stop
    done
done

# Output and input connected inside the server: one period there and back.
start_server 48000 256
"$myna" latency --input 'JACK Audio' --output 'JACK Audio' --clicks 6 >latency.log 2>live.log &
live_pid=$!
until_true jack_connect myna:out_0 myna:in_0 || fail 'myna latency did not start'
wait "$live_pid" || fail 'myna latency measured nothing'
live_pid=''
grep -qE 'device, there and back +5\.3' latency.log || { cat latency.log; fail 'a round trip of one period is 5.3 ms'; }
stop

# Another voice: the loudness of the same words at the same place, in each latency.
for latency in low balanced best; do
    start_server 16000 256
    start_live --latency $latency
    printf 'converted, %s: ' $latency
    expect envelope "$tree/samples/source.flac" wet-$latency.wav 40
    stop
done

# The same voice on a second stream, as late to the ear as the first: its ring has a margin and a set point of its own.
start_server 48000 256
start_live --monitor 'JACK Audio' --duration 8
until_true has_port '^myna:out_2' || fail 'no monitor'
sndfile-jackplay --loop=0 speech48000.wav >/dev/null 2>&1 </dev/null &
player_pid=$!
until_true has_port '^jackplay:' || fail 'the player did not start'
from=$(jack_lsp | grep '^jackplay:' | head -1)
for to in myna:in_0 myna:in_1; do jack_connect "$from" $to >/dev/null 2>&1; done
sleep 1
jack_capture --daemon -d 4 -c 2 -p myna:out_0 -p myna:out_2 monitor.wav >/dev/null 2>&1
kill $player_pid 2>/dev/null
wait $player_pid 2>/dev/null
wait "$live_pid" || fail 'the monitor ended it'
live_pid=''
printf 'monitor: '
"$compare" wave monitor.wav 0 12 || fail 'the monitor says something else'
stop

# A worker that is too slow drops and counts.
start_server 48000 256
MYNA_TEST_SLOW_MS=8 start_live --duration 6
wait "$live_pid" || fail 'a slow worker ended it'
live_pid=''
grep -q '; .*dropped [1-9]' live.log || fail 'a slow worker dropped nothing'
awk '/waiting/ {sub(/.*waiting /, ""); if ($1 > 100) exit 1}' live.log || fail 'a slow worker lets samples wait'
stop

# A server that stands still, as while a computer sleeps, is noticed in two seconds.
start_server 48000 256
start_live
sleep 1
kill -STOP "$server_pid"
began=$(date +%s%N)
wait "$live_pid"
code=$?
took_ms=$((($(date +%s%N) - began) / 1000000))
live_pid=''
kill -CONT "$server_pid"
[ $code = 4 ] || fail "exit code $code after the server stood still"
[ $took_ms -lt 4000 ] || fail "a server that stands still was noticed after $took_ms ms"
printf 'noticed that the server stands still after %s ms\n' $took_ms
stop

# The server dies: a clear message and exit code 4. With --reconnect it is waited for.
start_server 48000 256
start_live
kill -KILL "$server_pid"
wait "$server_pid" 2>/dev/null
server_pid=''
wait "$live_pid"
code=$?
live_pid=''
[ $code = 4 ] || fail "exit code $code after the server died"
grep -q '^myna: .*device lost' live.log || fail 'no message after the server died'

# Interrupted at any moment of its start, it ends in order.
start_server 48000 64
for hundredths in $(seq -w 4 2 34); do
    "$myna" live --input 'JACK Audio' --output 'JACK Audio' --to "$tree/samples/male.flac" --record start.wav --force \
        >live.log 2>&1 &
    live_pid=$!
    sleep 0.$hundredths
    kill -INT "$live_pid"
    code=0
    wait "$live_pid" || code=$?
    live_pid=''
    [ $code = 0 ] || [ $code = 130 ] || fail "exit code $code where it was interrupted after 0.$hundredths s"
done
stop

# --duration counts from the start, and what was pressed on the way (here: nothing) is kept.
start_server 48000 256
start_live --reconnect --duration 15
began=$SECONDS
kill -KILL "$server_pid"
wait "$server_pid" 2>/dev/null
until_true grep -q 'waiting for it to come back' live.log || fail 'does not wait for the server'
start_server 48000 256
until_true has_port '^myna:out_0' || fail 'does not come back'
until_true has_started_twice || fail 'came back without saying so'
wait "$live_pid" || fail "exit code $? at the end"
live_pid=''
[ $((SECONDS - began)) -le 17 ] || fail "$((SECONDS - began)) seconds instead of 15"
stop

# It waits for the device that it had, whatever else there is to use.
start_server 48000 256
now=$(cut -d ' ' -f 1 /proc/uptime)
MYNA_RESUMES="$now 0 1 0 0 0" MYNA_RESUMES_INPUT='JACK Audio Connection Kit: another' \
    MYNA_RESUMES_OUTPUT='JACK Audio Connection Kit: system' "$myna" live --to "$tree/samples/male.flac" --reconnect \
    --duration 3 >live.log 2>&1 || fail "exit code $? where a device did not come back"
[ -s live.log ] && fail 'took another device'
stop

[ $n_failed = 0 ] && echo 'all is well'
exit $n_failed
