#!/bin/sh
# Checks the model of the ring with Spin: first that it keeps its promises, then that each planted
# fault is found, so that the checks are worth something. Exits with 77 (skipped) without Spin or a
# C compiler. Works in the given folder.
#
#   check_model.sh FOLDER              what the tests run: some seconds
#   check_model.sh FOLDER --thorough   larger models too: a minute and 3 GB
set -eu

model=$(cd "$(dirname "$0")" && pwd)/ring.pml
folder=$1
thorough=${2:-}
compiler=${CC:-cc}

for tool in spin "$compiler"; do
  if ! command -v "$tool" >/dev/null 2>&1; then
    echo "skipped: the model of the ring is checked where Spin and a C compiler are; no '$tool' here"
    exit 77
  fi
done
mkdir -p "$folder"
cd "$folder"

# make_checker "options of spin" "options of the compiler"
make_checker() {
  # shellcheck disable=SC2086  # the options are words on purpose
  spin $1 -a "$model" >spin.log 2>&1 || {
    cat spin.log
    exit 1
  }
  # shellcheck disable=SC2086
  "$compiler" -w $2 -o pan pan.c
}

# holds "name" "spin options" "compiler options" "pan options"
holds() {
  make_checker "$2" "-O1 $3"
  # shellcheck disable=SC2086
  ./pan -m100000 -w22 $4 >pan.log 2>&1 || true
  if ! grep -q 'errors: 0' pan.log || grep -q 'Search not completed\|max search depth' pan.log; then
    cat pan.log
    echo "BROKEN   $1"
    exit 1
  fi
  echo "holds    $1: $(sed -n 's/^ *\([0-9]*\) states, stored.*/\1/p' pan.log) states"
}

# found "fault" "spin options" "compiler options" "pan options"
found() {
  make_checker "$2 -DBUG_$1" "$3"
  # shellcheck disable=SC2086
  ./pan -m100000 -w20 $4 >pan.log 2>&1 || true
  if ! grep -q 'errors: 1' pan.log; then
    cat pan.log
    echo "MISSED   $1"
    exit 1
  fi
  echo "found    $1: $(sed -n 's/^pan:[0-9]*: \(.*\) (at depth.*/\1/p' pan.log)"
}

safety="-DSAFETY"
fair="-a -f"

holds "two requests that may be cancelled" "-DCRASHES=0" "$safety" ""
holds "… with three tokens each" "-DCRASHES=0 -DOUTPUT=3 -DIMPATIENT=0" "$safety" ""
holds "… with a worker that crashes" "-DIMPATIENT=1" "$safety" ""
holds "everybody ends, with a crash" "-DLIVENESS -DIMPATIENT=0" "-DNFAIR=3" "$fair"

found STALE_RESULT "-DIMPATIENT=0" "$safety" ""
found STALE_ROW "-DCRASHES=0 -DOUTPUT=3 -DIMPATIENT=0" "$safety" ""
found DOUBLE_FREE "-DCRASHES=0" "$safety" ""
found LEAK "-DCRASHES=0" "$safety" ""
found LOST_WAKEUP "-DCRASHES=0" "$safety" ""
found THREE_STEPS "-DCRASHES=0" "$safety" ""
found ANY_ATTEMPT "-DIMPATIENT=0" "$safety" ""
found TWO_ENDS "-DCRASHES=0" "$safety" ""
# Without the assertions: this one is for the property that everybody ends.
found LOST_WAKEUP "-DLIVENESS -DCRASHES=0 -DIMPATIENT=0" "-DNFAIR=3" "$fair -A"

if [ "$thorough" = --thorough ]; then
  holds "two requests, each may be cancelled, and a crash" "" "$safety -DCOLLAPSE" ""
  holds "three requests on four blocks" "-DCRASHES=0 -DREQUESTS=3 -DBLOCKS=4 -DIMPATIENT=1" \
    "$safety -DCOLLAPSE" ""
fi
