#!/usr/bin/env bash
# Statements with equal keys have equal verdicts: the long form of ctest's verdicts.pairs (docs/verdict-cache.md).
# Usage: scripts/verdict_pairs.sh [PAIRS, 1000000] [SEED, the time]
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" = --help ]; then
  sed -n '2,3s/^# //p' "$0"
  exit 0
fi
cmake --preset release >/dev/null
cmake --build build/release -j"${DBGATE_JOBS:-$(nproc)}" --target verdict_pairs >/dev/null
exec build/release/tests/verdicts/verdict_pairs --pairs "${1:-1000000}" --seed "${2:-$(date +%s)}" tests/integration
