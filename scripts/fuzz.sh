#!/usr/bin/env bash
# Lets every fuzz target explore, and keeps the inputs that reach something new in tests/fuzz/corpus, as few as cover it.
# Usage: scripts/fuzz.sh [SECONDS per target, 60] [TARGET…]
# Ends with 1 if a target broke; the input lies in build/fuzz/broken.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=60
if [[ ${1:-} =~ ^[0-9]+$ ]]; then
  seconds=$1
  shift
elif [ "${1:-}" = --help ]; then
  sed -n '2,4s/^# //p' "$0"
  exit 0
fi
targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
  mapfile -t targets < <(sed -n 's/^dbgate_fuzzer(\([a-z_]*\).*/\1/p' tests/fuzz/CMakeLists.txt)
fi

cmake --preset fuzz >/dev/null
cmake --build build/fuzz -j"${DBGATE_JOBS:-$(nproc)}" --target "${targets[@]/#/fuzz_}" >/dev/null
broken=build/fuzz/broken
mkdir -p "$broken"

status=0
for target in "${targets[@]}"; do
  program=build/fuzz/tests/fuzz/fuzz_$target
  corpus=tests/fuzz/corpus/$target
  found=build/fuzz/found/$target
  log=build/fuzz/$target.log
  mkdir -p "$corpus" "$found"
  before=$(find "$corpus" -type f | wc -l)
  result=ok
  if ! "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096 -print_final_stats=1 \
    -artifact_prefix="$broken/$target-" "$found" "$corpus" >"$log" 2>&1; then
    result="BROKEN, see $log"
    status=1
  fi
  # Also after a failure: what was found on the way is not lost.
  "$program" -set_cover_merge=1 -use_counters=0 -timeout=10 -rss_limit_mb=2048 "$corpus" "$found" >>"$log" 2>&1 || true
  after=$(find "$corpus" -type f | wc -l)
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | head -n 1)
  covered=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
  printf '%-18s %9s runs  %6s edges  %4s inputs (+%s)  %s\n' "$target" "${runs:-?}" "${covered:-?}" "$after" \
    "$((after - before))" "$result"
done
exit "$status"
