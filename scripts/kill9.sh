#!/usr/bin/env bash
# A gateway that is killed (SIGKILL) under pgbench, again and again: every statement that PostgreSQL's own log has is in the
# audit log, which verifies after each. With --power-loss also what was written since the last fsync is gone, and durability
# is `sync`. Of the release preset, or what DBGATE_BUILD names.
# Usage: scripts/kill9.sh [--rounds N] [--seed N] [--power-loss] [--keep-going]
set -euo pipefail
cd "$(dirname "$0")/.."
export DBGATE_BUILD=${DBGATE_BUILD:-$PWD/build/release}
[ -x "$DBGATE_BUILD/gateway/app/dbgate-gateway" ] || { echo "kill9.sh: no gateway in $DBGATE_BUILD" >&2; exit 1; }
exec /usr/bin/python3 tests/support/crash_rounds.py "$@"
