#!/usr/bin/env bash
# Tests what needs root and containers: packages installed, images built and run, pods played, units booted.
# Usage: scripts/test-deploy.sh [--build DIR] [--strict] [package|installed|images|pods|booted]…   (default: all, in this order)
#   --build DIR  a build with its programs made (default: build/release)
#   --strict     what is skipped counts as failed
# Says at the end what passed, what failed and what was skipped and why. Exit status: 0 nothing failed, 1 something did, 2 usage.
# What it makes stays in build/deploy: packages, images, a Debian that is downloaded once.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

build=$root/build/release
strict=no
steps=()
while [ $# -gt 0 ]; do
  case $1 in
    --build) build=$(realpath "${2:?"--build needs a folder"}"); shift 2 ;;
    --strict) strict=yes; shift ;;
    --help) sed -n '2,7s/^# //p' "$0"; exit 0 ;;
    package | installed | images | pods | booted) steps+=("$1"); shift ;;
    *) echo "test-deploy.sh: unknown argument '$1'; see --help" >&2; exit 2 ;;
  esac
done
[ ${#steps[@]} -gt 0 ] || steps=(package installed images pods booted)

place=$root/build/deploy
export DBGATE_BUILD=$build DBGATE_PACKAGES=$place/packages
mkdir -p "$place"

# run STEP: says why on its last line and returns 77 if this machine cannot do it.
run() {
  if [ "$1" != package ]; then
    /usr/bin/python3 "$root/tests/deploy/$1.py"
  elif command -v dpkg-buildpackage >/dev/null && command -v dh >/dev/null; then
    rm -rf "$DBGATE_PACKAGES"
    "$root/scripts/package.sh" --build "$build" --out "$DBGATE_PACKAGES"
  else
    echo "skipped: no debhelper here (scripts/setup.sh deploy)"
    return 77
  fi
}

failed=0
summary=()
for step in "${steps[@]}"; do
  echo "== $step"
  SECONDS=0
  run "$step" 2>&1 | tee "$place/$step.log"
  status=${PIPESTATUS[0]}
  case $status in
    0) summary+=("passed   $step (${SECONDS} s)") ;;
    77)
      summary+=("SKIPPED  $step: $(tail -n 1 "$place/$step.log" | sed 's/^.*skipped: //')")
      [ "$strict" = no ] || failed=1
      ;;
    *) summary+=("FAILED   $step (status $status, $place/$step.log)"); failed=1 ;;
  esac
done
echo
printf '%s\n' "${summary[@]}"
exit "$failed"
