#!/usr/bin/env bash
# What parsing, deciding and auditing cost by themselves, and what hostile statements cost. Needs the release preset.
# Usage: bench/micro.sh [options of Google Benchmark] | bench/micro.sh --hostile [options of bench_hostile]
set -euo pipefail
cd "$(dirname "$0")/.."

if [ ! -x build/release/bench/bench_micro ] || [ ! -x build/release/bench/bench_hostile ]; then
  echo "bench/micro.sh: build it: cmake --preset release && cmake --build build/release --target bench_micro bench_hostile" >&2
  exit 1
fi
if [ "${1:-}" = --hostile ]; then
  shift
  exec build/release/bench/bench_hostile "$@"
fi
echo "commit $(git describe --always --dirty), $(date +%F), load $(cut -d' ' -f1 /proc/loadavg)"
exec build/release/bench/bench_micro --benchmark_repetitions=5 --benchmark_report_aggregates_only=true \
  --benchmark_display_aggregates_only=true --benchmark_min_time=0.2 "$@" 2>/dev/null
