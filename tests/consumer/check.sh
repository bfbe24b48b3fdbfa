#!/usr/bin/env bash
# check.sh BUILD_FOLDER GENERATOR C_COMPILER MAKE_MODEL: installs the build into a folder of its own, then builds and
# runs consumer.c against that, once through find_package and once through pkg-config.
set -euo pipefail
source=$(cd "$(dirname "$0")" && pwd)
build=$1 generator=$2 compiler=$3 make_model=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix

cmake --install "$build" --prefix "$prefix" >"$work/install.log"
"$make_model" 1 "$work/model.safetensors"
pc_folder=$(dirname "$(find "$prefix" -name myna.pc)")
export PKG_CONFIG_PATH="$pc_folder${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
export LD_LIBRARY_PATH="$(dirname "$pc_folder")${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"

echo '== find_package'
cmake -S "$source" -B "$work/build" -G "$generator" -DCMAKE_C_COMPILER="$compiler" -DCMAKE_PREFIX_PATH="$prefix"
cmake --build "$work/build"
"$work/build/consumer" "$work/model.safetensors"

echo '== pkg-config'
read -ra flags <<<"$(pkg-config --cflags --libs myna)"
"$compiler" -Wall -Wextra -Werror "$source/consumer.c" -o "$work/consumer" "${flags[@]}" -lm
"$work/consumer" "$work/model.safetensors"

echo '== licence and attributions lie beside the model'
(cd "$prefix/share/myna" && ls MODEL_CARD.md LICENSE && sha256sum -c SHA256SUMS)

echo '== the installed program takes the model that is installed with it'
mkdir -p "$prefix/share/myna"
echo nonsense >"$prefix/share/myna/myna.safetensors"
said=$(env -u MYNA_MODEL "$prefix/bin/myna" convert "$work/model.safetensors" --to "$work" 2>&1 || true)
[[ $said == *"$prefix/share/myna/myna.safetensors"* ]] || { echo "it said: $said"; exit 1; }
