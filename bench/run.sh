#!/usr/bin/env bash
# dbgate beside PgBouncer, HAProxy and a bare forwarder, in front of one PostgreSQL: CPU per transaction and more, as
# bench/README.md explains. Installs nothing; says what is missing.
# Usage: bench/run.sh [--quick] [--json FILE] [--only WORD] [--also GATEWAY] [--repetitions N] [--seconds N] [--scale N]
#        bench/run.sh --workers | --growth …   (two workers to one; more policies, relations and clients)
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()
need() { command -v "$1" >/dev/null || [ -x "/usr/sbin/$1" ] || missing+=("$2"); }
need pgbouncer pgbouncer
need haproxy haproxy
need pgbench postgresql-client-15
need psql postgresql-client-15
need python3 python3
need openssl openssl
[ -x "${DBGATE_PG_BIN:-/usr/lib/postgresql/15/bin}/initdb" ] || missing+=(postgresql-15)
for program in gateway/app/dbgate-gateway bench/bench_forwarder bench/bench_stub bench/bench_load; do
  [ -x "build/release/$program" ] || missing+=("build/release/$program")
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "bench/run.sh: missing: ${missing[*]}" >&2
  echo "  packages: scripts/setup.sh build run bench" >&2
  echo "  programs: cmake --preset release && cmake --build build/release --target dbgate-gateway bench_forwarder bench_stub bench_load" >&2
  exit 1
fi
exec /usr/bin/python3 bench/side_by_side/run.py "$@"
