#!/bin/sh
# How strong is the net? Plants one bug after another (tests/planted/M*.patch) into a copy of the
# sources, builds the rehearsal with it, and plays seeds until one breaks a promise. Prints a table;
# fails when fewer than 18 bugs were found.
#
#   tools/planted_bugs.sh FOLDER [SEEDS]    FOLDER: where the copy is made and built; may be kept
#                                           SEEDS: tried for each bug, 10000 if not given
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:?"a folder outside of the sources is needed"}
seeds=${2:-10000}
wanted=18

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
copy="$folder/source"
build="$folder/build"

copy_sources() {
  mkdir -p "$copy"
  (cd "$root" && git ls-files -co --exclude-standard -z -- . ':!models' |
    xargs -0 sh -c 'for file; do [ -f "$file" ] && printf "%s\0" "$file"; done; :' sh |
    rsync_or_tar)
}

# Only what differs is written, so that a folder that was kept is built in a moment.
rsync_or_tar() {
  if command -v rsync >/dev/null 2>&1; then
    rsync --from0 --files-from=- --checksum "$root/" "$copy/"
  else
    tar --null -T - -cf - | tar -xf - -C "$copy"
  fi
}

compile() {
  CCACHE_BASEDIR="$copy" ninja -C "$build" planted_bug_finder >"$folder/build.log" 2>&1
}

prepare() {
  copy_sources
  # The tokenizer's libraries in Rust take minutes: a build of this tree has them already.
  for made in "$root"/build/*/engine/text/bridge; do
    if [ -d "$made/release" ] && [ ! -d "$build/engine/text/bridge" ]; then
      mkdir -p "$build/engine/text"
      cp -a "$made" "$build/engine/text/"
    fi
  done
  cmake -S "$copy" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=Release -DTROUPE_TESTS=ON \
    >"$folder/cmake.log" 2>&1 || {
    tail -n 20 "$folder/cmake.log"
    exit 1
  }
}

# Sets `verdict` to "found", "missed" or "broken", and `seed` and `what`.
hunt() {
  seed=-
  what=-
  if ! compile; then
    verdict=broken
    what="does not compile, see $folder/build.log"
    return
  fi
  status=0
  timeout 600 "$build/bin/planted_bug_finder" "$seeds" >"$folder/out" 2>"$folder/seeds" || status=$?
  case $status in
    0) verdict=missed ;;
    1)
      verdict=found
      seed=$(cut -d'|' -f1 "$folder/out")
      what=$(cut -d'|' -f2- "$folder/out" | head -n 1 | cut -c1-110)
      ;;
    124)
      verdict=missed
      what="no end within 600 s"
      ;;
    *)
      verdict=found
      seed=$(tail -n 1 "$folder/seeds")
      what="the process ended with status $status"
      ;;
  esac
}

prepare
hunt
[ "$verdict" = missed ] || {
  echo "without any bug: $verdict, seed $seed: $what"
  exit 1
}

printf '%-42s %-8s %8s  %s\n' bug verdict seed "promise that was broken"
num_found=0
num_bugs=0
for patch in "$root"/tests/planted/M*.patch; do
  bug=$(basename "$patch" .patch)
  num_bugs=$((num_bugs + 1))
  if patch -d "$copy" -p1 -s <"$patch"; then
    hunt
    patch -d "$copy" -p1 -s -R <"$patch"
  else
    verdict=broken
    seed=-
    what="the patch does not apply"
  fi
  [ "$verdict" != found ] || num_found=$((num_found + 1))
  printf '%-42s %-8s %8s  %s\n' "$bug" "$verdict" "$seed" "$what"
done
compile || : # the last bug leaves the build, too, for a folder that is kept
echo "$num_found of $num_bugs planted bugs found within $seeds seeds"
[ "$num_found" -ge "$wanted" ]
