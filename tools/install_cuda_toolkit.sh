#!/usr/bin/env bash
# Lays out a CUDA toolkit from the vendor's Python packages, where no system-wide one is installed:
# compiler, headers, runtime and cuBLAS, enough to build kernels/cuda. Needs python3 with pip, no
# root. A folder that holds this toolkit already is left alone.
#
#   tools/install_cuda_toolkit.sh [FOLDER]      default: build/cuda-toolkit
set -euo pipefail

# One release of the toolkit; cuBLAS has a numbering of its own.
packages=(
  nvidia-cuda-nvcc==13.0.88
  nvidia-cuda-crt==13.0.88
  nvidia-nvvm==13.0.88
  nvidia-cuda-runtime==13.0.96
  nvidia-cuda-cccl==13.0.85
  nvidia-cublas==13.1.0.3
)

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=${1:-$root/build/cuda-toolkit}
stamp=$folder/.packages

if [[ -f $stamp && $(cat "$stamp") == "${packages[*]}" ]]; then
  echo "CUDA toolkit is in $folder already"
  exit 0
fi
if ! python3 -m pip --version >/dev/null 2>&1; then
  echo "python3 with pip is needed to fetch the CUDA packages (Debian: python3-pip)" >&2
  exit 1
fi

echo "Laying out a CUDA toolkit in $folder (about 600 MB to fetch):"
printf '  %s\n' "${packages[@]}"
mkdir -p "$(dirname "$folder")"
staging=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$staging"' EXIT
python3 -m pip install --quiet --disable-pip-version-check --no-deps --no-compile --no-cache-dir \
  --target "$staging" "${packages[@]}"

# The packages share one tree; the compiler expects lib64 and the linker names without a version.
toolkit=$staging/nvidia/cu13
ln -s lib "$toolkit/lib64"
for library in "$toolkit"/lib/lib*.so.*; do
  plain=${library%%.so.*}.so
  [[ -e $plain ]] || ln -s "$(basename "$library")" "$plain"
done
chmod +x "$toolkit"/bin/* "$toolkit"/nvvm/bin/*
"$toolkit/bin/nvcc" --version | tail -n 2
echo "${packages[*]}" >"$toolkit/.packages"

rm -rf "$folder"
mv "$toolkit" "$folder"
chmod 755 "$folder"
echo "CUDA toolkit is ready in $folder"
