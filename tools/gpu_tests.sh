#!/usr/bin/env bash
# Runs the GPU tests of a CUDA build on this machine, then checks the kernels' memory accesses
# where the vendor's checker is installed. Nothing is built here.
#
#   tools/gpu_tests.sh [BUILD_FOLDER]      default: build/cuda
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${1:-$root/build/cuda}
program=$build/bin/cuda_test

if [[ ! -x $program ]]; then
  echo "no $program: configure with --preset cuda and build cuda_test first" >&2
  exit 1
fi
if ! nvidia-smi -L; then
  echo "no NVIDIA GPU on this machine" >&2
  exit 1
fi

"$program" --duration=true

if command -v compute-sanitizer >/dev/null; then
  # The kernels alone: a whole model under the checker takes minutes.
  compute-sanitizer --tool memcheck --error-exitcode 1 "$program" \
    --test-case="*gated*,*norm of*,*embedded*,*rotated*,CUDA decode*,*same bits in decode*,CUDA names*"
else
  echo "compute-sanitizer is not installed: memory accesses were not checked"
fi
