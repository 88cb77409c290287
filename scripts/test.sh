#!/usr/bin/env bash
# Installs what tests need, builds, and runs all of them.
# Usage: scripts/test.sh [--preset dev|release|asan|tsan] [--no-setup] [ctest arguments, such as -R integration]
set -euo pipefail
cd "$(dirname "$0")/.."

preset=dev
setup=yes
while [ $# -gt 0 ]; do
  case $1 in
    --preset) preset=${2:?"--preset needs a name"}; shift 2 ;;
    --no-setup) setup=no; shift ;;
    --help) sed -n '2,3s/^# //p' "$0"; exit 0 ;;
    *) break ;;
  esac
done

[ "$setup" = no ] || scripts/setup.sh
# Without its source, PostgreSQL's regression suite is skipped, and ctest says so.
scripts/regress.sh --fetch-only || echo "test.sh: PostgreSQL's source package cannot be had here" >&2
cmake --preset "$preset" >/dev/null
cmake --build "build/$preset" -j"$(nproc)"
ctest --test-dir "build/$preset" --output-on-failure -j"$(nproc)" "$@"
