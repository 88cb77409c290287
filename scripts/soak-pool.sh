#!/usr/bin/env bash
# 1 000 clients on 20 server connections under pgbench for ten minutes, and a cancel that comes late 100 000 times: no
# error, no connection too many, nobody else's statement hit. Of the release preset, or what DBGATE_BUILD names.
# Usage: scripts/soak-pool.sh [--short] [--clients N] [--max N] [--seconds N] [--workers N]
set -euo pipefail
cd "$(dirname "$0")/.."
export DBGATE_BUILD=${DBGATE_BUILD:-$PWD/build/release}
[ -x "$DBGATE_BUILD/gateway/app/dbgate-gateway" ] || { echo "soak-pool.sh: no gateway in $DBGATE_BUILD" >&2; exit 1; }

rounds=100000
if [ "${1:-}" = --short ]; then
  shift
  rounds=2000
  set -- --seconds 15 "$@"
fi
/usr/bin/python3 tests/support/soak_pool.py "$@"
DBGATE_RACE_ROUNDS=$rounds /usr/bin/python3 tests/integration/pool_cancel_test.py
