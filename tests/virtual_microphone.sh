#!/usr/bin/env bash
# The README's virtual microphones, tried: a recording is played to a "speaker" that Myna hears, and the converted voice is
# recorded from the virtual microphone as a call would. Not part of the test suite: it needs the sound server named.
# usage: virtual_microphone.sh pulseaudio|pipewire|jack MYNA SOURCE_TREE
#   pulseaudio   apt install pulseaudio libasound2-plugins
#   pipewire     apt install pipewire pipewire-pulse pipewire-jack wireplumber pulseaudio-utils dbus
#   jack         apt install jackd2 sndfile-tools pulseaudio pulseaudio-module-jack
# Servers run beside those that may be there already, in a folder of their own, without hardware or systemd.
set -eu
kind=$1 myna=$2 tree=$3
work=$(mktemp -d)
pids=()
trap 'kill "${pids[@]}" 2>/dev/null || true; wait; rm -rf "$work"' EXIT
export XDG_RUNTIME_DIR=$work HOME=$work PULSE_SERVER=unix:$work/pulse/native
export JACK_DEFAULT_SERVER=myna-microphone-$$ JACK_NO_START_SERVER=1
chmod 700 "$work"

# background LOG COMMAND...
background() {
    local log=$work/$1
    shift
    "$@" >"$log" 2>&1 </dev/null &
    pids+=($!)
}

start_pulseaudio() {
    background pulse.log pulseaudio -n --daemonize=no --exit-idle-time=-1 -L module-native-protocol-unix
    sleep 2
}

start_pipewire() {
    background bus.log dbus-daemon --session --nofork --address="unix:path=$work/bus"
    export DBUS_SESSION_BUS_ADDRESS=unix:path=$work/bus PIPEWIRE_RUNTIME_DIR=$work
    sleep 1
    background pipewire.log pipewire
    sleep 1
    background wireplumber.log wireplumber
    sleep 1
    background pipewire-pulse.log pipewire-pulse
    sleep 2
}

# live OPTIONS...: for 14 seconds
live() {
    background live.log "${with[@]}" "$myna" live --to "$tree/samples/male.flac" --duration 14 "$@"
    live=$!
    sleep 3
}

with=(env)
play=(paplay -d speakers "$tree/samples/source.flac")
case $kind in
pulseaudio)
    start_pulseaudio
    pactl load-module module-null-sink sink_name=speakers
    pactl load-module module-null-sink sink_name=myna sink_properties=device.description=Myna
    pactl load-module module-remap-source master=myna.monitor source_name=myna_mic
    with=(env PULSE_SOURCE=speakers.monitor PULSE_SINK=myna)
    live --input 'ALSA: pulse' --output 'ALSA: pulse'
    ;;
pipewire)
    start_pipewire
    pactl load-module module-null-sink sink_name=speakers
    pactl load-module module-null-sink media.class=Audio/Source/Virtual sink_name=myna_mic channel_map=front-left,front-right
    with=(env PIPEWIRE_LATENCY=256/48000 pw-jack)
    live --input speakers --output myna_mic
    ;;
jack)
    background jackd.log jackd --no-realtime --name "$JACK_DEFAULT_SERVER" -d dummy -r 16000 -p 128
    sleep 2
    start_pulseaudio
    pactl load-module module-jack-source source_name=myna_mic client_name=myna_mic channels=1 connect=no
    live --input 'Kit: system' --output 'Kit: system'
    jack_connect myna:out_0 myna_mic:mono
    play=(sndfile-jackplay "$tree/samples/source.flac")
    ;;
esac
background play.log "${play[@]}"
if [ "$kind" = jack ]; then
    sleep .5
    for to in myna:in_0 myna:in_1; do jack_connect "$(jack_lsp | grep '^jackplay:' | head -1)" "$to"; done
fi
timeout 9 parecord -d myna_mic --file-format=wav --rate=16000 --channels=1 "$work/heard.wav" || true
wait "$live"
cat "$work/live.log"
"$myna" info "$work/heard.wav"
"$myna" info "$work/heard.wav" | grep -E '^ +speech +[3-9]\.[0-9]+ s' || { echo 'FAILED: too little speech'; exit 1; }
