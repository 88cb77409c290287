#!/usr/bin/env bash
# What searching the audit log costs: makes a log of synthetic records, indexes it, asks. Needs the release preset, and 9 GB for ten
# million records, in TMPDIR; they are gone afterwards.
# Usage: bench/search.sh [RECORDS]
set -euo pipefail
cd "$(dirname "$0")/.."

records=${1:-10000000}
if [ ! -x build/release/bench/bench_search ]; then
  echo "bench/search.sh: build it: cmake --preset release && cmake --build build/release --target bench_search" >&2
  exit 1
fi
directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
free=$(df --output=avail -k "$directory" | tail -1)
if [ "$free" -lt $((records * 9 / 10)) ]; then
  echo "bench/search.sh: $directory has room for $((free * 10 / 9)) records; set TMPDIR" >&2
  exit 1
fi
uptime
build/release/bench/bench_search "$directory" "$records"
