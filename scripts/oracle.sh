#!/usr/bin/env bash
# Compares what PostgreSQL really touches with what dbgate's statement facts say (docs/oracle.md).
# Usage: scripts/oracle.sh [COUNT] [--seed N] [--source walk|sqlsmith|regress|reach]…   (default: 10000 statements)
# An under-report ends it with status 1; the statements lie in build/oracle.
set -euo pipefail
cd "$(dirname "$0")/.."

count=10000
case ${1:-} in
  '' | --*) ;;
  *) count=$1; shift ;;
esac
preset=${DBGATE_PRESET:-dev}
scripts/regress.sh --fetch-only || echo "oracle.sh: PostgreSQL's source package cannot be had here" >&2
[ -e "build/$preset/CMakeCache.txt" ] || cmake --preset "$preset" >/dev/null
cmake --build "build/$preset" --target oracle_facts >/dev/null
DBGATE_BUILD=$PWD/build/$preset exec /usr/bin/python3 tests/oracle/run.py --count "$count" "$@"
