#!/usr/bin/env bash
# What only a GPU can do, in one call of under 9 minutes: build for the GPU that is here, run the
# CUDA tests, compute-sanitizer on small shapes, and time the CUDA kernels.
#
#   bench/gpu.sh [FAMILY...] [--tests | --bench]        default: every family, both
#
# Works without a network: the build uses this Python's torch, numpy, nanobind and scikit-build-core
# (--no-build-isolation --no-deps); wheels that are missing may lie in the folder $WHEELS.
# Full output goes to $OUT (default bench/results/gpu), a short table to the terminal.
set -euo pipefail
cd "$(dirname "$0")/.."

families=() tests=yes bench=yes
for argument in "$@"; do
  case "$argument" in
    --tests) bench=no ;;
    --bench) tests=no ;;
    -*) echo "bench/gpu.sh: unknown option $argument (--tests, --bench)" >&2; exit 2 ;;
    *) families+=("$argument") ;;
  esac
done
if [ ${#families[@]} = 0 ]; then families=(bessel rational attention longconv multigrid); fi
out=${OUT:-bench/results/gpu}
mkdir -p "$out"

if ! nvidia-smi --query-gpu=name,driver_version,compute_cap --format=csv,noheader \
  >"$out/device.txt" 2>&1; then
  echo "bench/gpu.sh: no GPU here: $(tail -n 1 "$out/device.txt")" >&2
  exit 1
fi
cat "$out/device.txt"

if [ -n "${WHEELS:-}" ]; then
  python3 -m pip install -q --no-index --find-links "$WHEELS" \
    nanobind nanobind-backend scikit-build-core cmake ninja hypothesis pytest
fi
python3 -m pip install -q --no-build-isolation --no-deps . -C cmake.define.LONGTAIL_CUDA=ON \
  >"$out/build.log" 2>&1 || { tail -n 40 "$out/build.log"; exit 1; }
python3 -m longtail doctor | tee "$out/doctor.txt"

status=0
for family in "${families[@]}"; do
  if [ "$tests" = yes ]; then
    python3 -m pytest -q "tests/$family" -k cuda >"$out/tests-$family.log" 2>&1 || status=1
    tail -n 1 "$out/tests-$family.log"
    if [ ! -f "bench/cuda/$family.py" ]; then
      echo "bench/cuda/$family.py is not there yet: no sanitizer run, no times for $family"
    elif command -v compute-sanitizer >/dev/null; then
      compute-sanitizer --error-exitcode 9 python3 "bench/cuda/$family.py" --small \
        >"$out/sanitizer-$family.log" 2>&1 || status=1
      tail -n 1 "$out/sanitizer-$family.log"
    else
      echo "compute-sanitizer is not installed: skipped"
    fi
  fi
  if [ "$bench" = yes ] && [ -f "bench/cuda/$family.py" ]; then
    python3 "bench/cuda/$family.py" --out "$out/$family-cuda.jsonl" || status=1
  fi
done
exit "$status"
