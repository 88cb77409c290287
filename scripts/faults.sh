#!/usr/bin/env bash
# A gateway between two proxies that cut, delay, reorder, spoil and flood what passes, on both sides: it lives, nobody hangs
# beyond the limits, nobody sees what is another's, nothing is left over. Of the release preset, or what DBGATE_BUILD names.
# Usage: scripts/faults.sh [--cases N] [--seed N] [--lanes N] [--only N]
set -euo pipefail
cd "$(dirname "$0")/.."
export DBGATE_BUILD=${DBGATE_BUILD:-$PWD/build/release}
[ -x "$DBGATE_BUILD/gateway/app/dbgate-gateway" ] || { echo "faults.sh: no gateway in $DBGATE_BUILD" >&2; exit 1; }
exec /usr/bin/python3 tests/support/fault_cases.py "$@"
