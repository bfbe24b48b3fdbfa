# What demo and test share; sourced by them in the root of the source tree.
export LC_ALL=C

packages_to_build=(cmake ninja-build gcc libc6-dev pkg-config libfftw3-dev libopenblas-dev libcjson-dev
    libsndfile1-dev libogg-dev libmpg123-dev libsamplerate0-dev portaudio19-dev libpng-dev)

# list_missing PACKAGE...: those that are not installed
list_missing() {
    local package
    for package in "$@"; do
        [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || echo "$package"
    done
}

apt() {
    local as_root=()
    [[ $(id -u) == 0 ]] || as_root=(sudo)
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@" </dev/null
}

# install_missing PACKAGE...: installs those that are not there and says so; touches nothing where all are
install_missing() {
    local missing log
    command -v dpkg-query >/dev/null || return 0 # not Debian: CMake names what it does not find
    mapfile -t missing < <(list_missing "$@")
    [[ ${#missing[@]} -gt 0 ]] || return 0
    echo "Installing ${missing[*]} with apt-get."
    log=$(mktemp)
    if ! { apt update && apt install --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
        tail -n 20 "$log" >&2
        echo "apt-get could not install ${missing[*]}; its last words are above." >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}

# quietly COMMAND...: shows what it printed only if it fails
quietly() {
    local log
    log=$(mktemp)
    if ! "$@" >"$log" 2>&1; then
        cat "$log" >&2
        rm -f "$log"
        return 1
    fi
    rm -f "$log"
}

# build TARGET...: of the release build, in the root of the source tree
build() {
    quietly cmake --preset release && quietly cmake --build --preset release --target "$@"
}

# has_python NAME: sets python to MYNA_PYTHON, or else to that of the virtual environment build/NAME-venv; fails where that
# is still to be made. Needs $here, the root of the source tree.
has_python() {
    venv=$here/build/$1-venv
    python=${MYNA_PYTHON:-$venv/bin/python}
    [[ -n ${MYNA_PYTHON:-} || -e $venv/complete ]]
}

# make_python PACKAGE...: makes the environment that has_python did not find, with these packages of PyPI
make_python() {
    install_missing python3-venv
    /usr/bin/env python3 -m venv --clear "$venv"
    "$python" -m pip install -q "$@"
    touch "$venv/complete"
}
