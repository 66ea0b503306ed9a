#!/bin/sh
# Whether every planted bug still fits the sources (tools/planted_bugs.sh builds and hunts them).
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
if ! command -v patch >/dev/null 2>&1; then
  echo "skipped: there is no 'patch' here"
  exit 77
fi
stale=0
for patch in "$root"/tests/planted/M*.patch; do
  if ! patch -d "$root" -p1 -s -f --dry-run <"$patch"; then
    echo "does not apply: $patch"
    stale=1
  fi
done
exit $stale
