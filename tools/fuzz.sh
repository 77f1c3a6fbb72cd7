#!/usr/bin/env bash
# tools/fuzz.sh [family] [minutes]: runs libFuzzer on a family's C++ entry points (default: all, ten
# minutes each) and adds what covers more to tests/fuzz/corpus/<family>.tar.gz, its smallest inputs.
#
# Needs Clang 14 or later with its sanitizers (Debian: clang-14 libclang-rt-14-dev); CXX names it.
# What it finds is left in build/fuzz/found; replay it with build/fuzz/tests/fuzz/fuzz_<family> FILE.
set -euo pipefail
cd "$(dirname "$0")/.."
families=${1:-bessel rational attention longconv multigrid}
[ "$families" != all ] || families="bessel rational attention longconv multigrid"
minutes=${2:-10}

cmake -S . -B build/fuzz -G Ninja -DLONGTAIL_FUZZ=ON -DLONGTAIL_CUDA=OFF \
  -DCMAKE_CXX_COMPILER="${CXX:-clang++}" -DCMAKE_BUILD_TYPE=None -DCMAKE_CXX_FLAGS=-O1
# One level of vectors is built, and must be the one that runs.
case $(uname -m) in
  x86_64) export LONGTAIL_CPU_LEVEL=avx2 ;;
  *) export LONGTAIL_CPU_LEVEL=neon ;;
esac
mkdir -p build/fuzz/found

for family in $families; do
  cmake --build build/fuzz -j "${JOBS:-2}" --target "fuzz_$family"
  run=build/fuzz/tests/fuzz/fuzz_$family packed=$PWD/tests/fuzz/corpus/$family.tar.gz
  corpus=build/fuzz/corpus/$family kept=build/fuzz/kept/$family
  rm -rf "$corpus" "$kept" && mkdir -p "$corpus" "$kept"
  if [ -e "$packed" ]; then tar -xzf "$packed" -C "$corpus"; fi
  status=0
  "$run" "$corpus" -max_len=512 -len_control=0 -timeout=60 -max_total_time=$((60 * minutes)) \
    -artifact_prefix="build/fuzz/found/$family-" -print_final_stats=1 || status=$?
  # One input for each edge, not for how often it is passed too: ctest replays them five times over.
  "$run" -merge=1 -use_counters=0 -max_len=512 "$kept" "$corpus"
  # The same bytes for the same inputs.
  (cd "$kept" && find . -type f | LC_ALL=C sort |
    tar --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=644 -c -T -) | gzip -9n >"$packed"
  echo "$(find "$kept" -type f | wc -l) inputs, $(stat -c %s "$packed") bytes: $packed"
  [ "$status" = 0 ] || exit "$status"
done
