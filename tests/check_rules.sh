#!/usr/bin/env bash
# check_rules.sh LIBMYNA [ROOT]: the rules that keep the rooms apart. Which room may include which, which file may
# include which library, what libmyna shows to the outside and never calls, and how long a file gets.
set -euo pipefail
library=$1 root=${2:-$(cd "$(dirname "$0")/.." && pwd)}
cd "$root"
n_broken=0

broken() {
    echo "$*"
    n_broken=$((n_broken + 1))
}

# ---- Which room may include which ------------------------------------------------------------------------------------

declare -A may_include=(
    [base]="base"
    [dsp]="base dsp"
    [nn]="base nn"
    [model]="base dsp nn model"
    [pipeline]="base dsp nn model pipeline"
    [io]="base io"
    [cli]="base dsp nn model pipeline io cli"
)

# includes PATTERN FOLDER...: lines of PATH:LINE:HEADER for each #include whose text matches PATTERN
includes() {
    local pattern=$1
    shift
    grep -rHnoE --include='*.[ch]' "^ *# *include *$pattern" "$@" | sed -E 's/^([^:]*:[0-9]+:).*include *["<]/\1/' || true
}

check_rooms() {
    local path line header room
    for folder in src/*/; do
        [[ -v may_include[$(basename "$folder")] ]] || broken "$folder is no room of DESIGN.md"
    done
    while IFS=: read -r path line header; do
        room=${path#src/} room=${room%%/*}
        case $header in
            myna/*) ;;
            */*) [[ " ${may_include[$room]:-} " == *" ${header%%/*} "* ]] || broken "$path:$line: $room must not include $header" ;;
            *) broken "$path:$line: $header does not name its room" ;;
        esac
    done < <(includes '"[^"]+' src)
    while IFS=: read -r path line header; do
        [[ $header == myna/* || $header == std* ]] || broken "$path:$line: a public header must not include $header"
    done < <(includes '["<][^">]+' include)
}

# ---- Which file may include which library ----------------------------------------------------------------------------

# only HEADER PATTERN: in src, just the files whose path matches include it
only() {
    local path line
    while IFS=: read -r path line _; do
        [[ $path == $2 ]] || broken "$path:$line: $1 belongs into $2"
    done < <(includes "[\"<]$1" src)
}

check_libraries() {
    only fftw3.h src/dsp/stft.c
    only cblas.h src/nn/gemm.c
    only sndfile.h 'src/io/audio_*.c'
    only mpg123.h src/io/mpeg_file.c
    only ogg/ogg.h src/io/ogg_pages.c
    only samplerate.h src/io/resample.c
    only png.h src/io/canvas_png.c
    only portaudio.h src/io/audio_device.c
}

# ---- What libmyna shows and calls ------------------------------------------------------------------------------------

# nm's names of symbols, without the version that shared libraries append
symbols() {
    nm --format=posix "$@" "$library" | awk 'NF > 1 {sub(/@.*/, "", $1); print $1}' | sort -u
}

check_library() {
    local dynamic=() public shown called
    [[ $library == *.a ]] || dynamic=(--dynamic)
    public=$(sed -nE 's/^MYNA_API .*[ *](myna_[a-z0-9_]+)[[(].*/\1/p' include/myna/*.h | sort -u)
    shown=$(symbols "${dynamic[@]}" --extern-only --defined-only)
    [[ $(grep -c ^MYNA_API include/myna/*.h | awk -F: '{n += $2} END {print n}') == $(wc -l <<<"$public") ]] ||
        broken 'include/myna: the line of MYNA_API must hold the name of the function or array'
    for name in $(grep -v ^myna_ <<<"$shown"); do broken "$library shows $name, which does not start with myna_"; done
    for name in $(comm -23 <(echo "$public") <(echo "$shown")); do broken "$library lacks $name"; done
    if [[ $library != *.a ]]; then
        for name in $(comm -13 <(echo "$public") <(echo "$shown")); do broken "$library shows $name, which is not public"; done
    fi
    called=$(symbols "${dynamic[@]}" --undefined-only)
    for name in $(grep -E '^(_?_?(v?printf|puts|putchar)(_chk)?|std(out|err)|_?exit|abort|__assert_fail)$' <<<"$called"); do
        broken "$library uses $name: the library never prints, exits or aborts"
    done
}

# ---- How long a file gets --------------------------------------------------------------------------------------------

# at_most LINES FOLDER...
at_most() {
    local limit=$1 path n
    shift
    while read -r n path; do
        [[ $path == total || $n -le $limit ]] || broken "$path has $n lines, more than $limit"
    done < <(find "$@" -name '*.[ch]' -exec wc -l {} +)
}

check_rooms
check_libraries
check_library
at_most 450 src include
at_most 600 tests
[[ $n_broken == 0 ]] && echo 'every rule is kept'
