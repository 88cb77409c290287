#!/usr/bin/env bash
# 50 handovers and 50 reloads under pgbench over TLS, with prepared statements and open transactions: no error, no
# connection refused; how long transactions took meanwhile. Of the release preset, or what DBGATE_BUILD names.
# Usage: scripts/handovers.sh [--rounds N] [--pooled]
set -euo pipefail
cd "$(dirname "$0")/.."
export DBGATE_BUILD=${DBGATE_BUILD:-$PWD/build/release}
[ -x "$DBGATE_BUILD/gateway/app/dbgate-gateway" ] || { echo "handovers.sh: no gateway in $DBGATE_BUILD" >&2; exit 1; }
exec /usr/bin/python3 tests/support/handovers.py "$@"
