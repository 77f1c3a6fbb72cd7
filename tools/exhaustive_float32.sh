#!/bin/sh
# Every float through the float functions of csrc/core, at every level of this machine:
#   tools/exhaustive_float32.sh [function...]
# About 2 minutes a function and level on one core. Exits with 1 if a contract is broken.
set -eu
cd "$(dirname "$0")/.."
build=build/exhaustive
mkdir -p "$build"
flags="-std=c++20 -O3 -DNDEBUG -ffp-contract=off -fno-math-errno -fno-trapping-math"
status=0

run_level() {
  level=$1
  library=$2
  shift 2
  machine=""
  while [ "$1" != -- ]; do machine="$machine $1"; shift; done
  shift
  # shellcheck disable=SC2086
  "${CXX:-g++}" $flags $machine -DLONGTAIL_LEVEL="$level" -Icsrc -Itests/cpp \
    tests/cpp/exhaustive_float32.cpp $library -o "$build/$level"
  echo "level $level"
  "$build/$level" "$@" || status=1
}

if [ "$(uname -m)" = aarch64 ]; then
  run_level neon "" -march=armv8-a -- "$@"
else
  run_level scalar -lquadmath -march=x86-64-v2 -- "$@"
  if grep -qw avx2 /proc/cpuinfo; then
    run_level avx2 -lquadmath -march=x86-64-v3 -- "$@"
  fi
  if grep -qw avx512dq /proc/cpuinfo; then
    run_level avx512 -lquadmath -march=x86-64-v4 -mprefer-vector-width=512 -- "$@"
  fi
fi
exit "$status"
