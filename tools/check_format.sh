#!/bin/sh
# Checks that every C++ file is formatted as .clang-format says; `--fix` formats instead.
# Only version 14 is asked: others lay out some lines differently.
set -eu
cd "$(dirname "$0")/.."

if ! command -v clang-format-14 >/dev/null 2>&1; then
  echo "clang-format-14 is not installed; nothing was checked"
  exit 0
fi
mode="--dry-run --Werror"
[ "${1:-}" = --fix ] && mode="-i"
# shellcheck disable=SC2086  # the mode is words on purpose
find engine kernels actors rehearsal transport cli examples tests -name target -prune -o \
  \( -name '*.h' -o -name '*.cpp' -o -name '*.inc' -o -name '*.cu' -o -name '*.cuh' \) -print0 |
  xargs -0 clang-format-14 $mode
echo "every file is formatted"
