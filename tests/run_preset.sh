#!/usr/bin/env bash
# run_preset.sh PRESET: configures, builds and tests the project as one of CMakePresets.json. Exits with 77, which
# ctest shows as skipped, where this machine lacks what the preset needs.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1

# can_run COMPILER FLAG...: whether a program compiled so starts
can_run() {
    local program
    program=$(mktemp)
    echo 'int main(void) { return 0; }' | "$@" -x c - -o "$program" && "$program"
    local code=$?
    rm -f "$program"
    return $code
}

case $preset in
    asan) needs=(cc -fsanitize=address,undefined) ;;
    tsan) needs=(cc -fsanitize=thread) ;;
    *) needs=("$preset") ;;
esac
if ! can_run "${needs[@]}"; then
    echo "skipped: '${needs[*]}' makes no program that runs here"
    exit 77
fi
cmake --preset "$preset"
cmake --build --preset "$preset"
ctest --preset "$preset"
