#!/usr/bin/env bash
# Tests the documents: links, codes, and the commands in them, against a gateway and a PostgreSQL of their own.
# Usage: scripts/test-docs.sh [--build DIR] [--short] [--deploy]
#   --build DIR  a build with its programs made (default: build/dev)
#   --short      what ctest runs in any case: without the tests that pages name for the rest of their commands
#   --deploy     also scripts/test-deploy.sh, for the commands of packages and images (root, a release build)
# Says at the end what passed, what failed and what was skipped. Exit status: 0 nothing failed, 1 something did, 2 usage.
set -uo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)

build=$root/build/dev
short=no
deploy=no
while [ $# -gt 0 ]; do
  case $1 in
    --build) build=$(realpath "${2:?"--build needs a folder"}"); shift 2 ;;
    --short) short=yes; shift ;;
    --deploy) deploy=yes; shift ;;
    --help) sed -n '2,7s/^# //p' "$0"; exit 0 ;;
    *) echo "test-docs.sh: unknown argument '$1'; see --help" >&2; exit 2 ;;
  esac
done
[ -x "$build/gateway/app/dbgate-gateway" ] || { echo "test-docs.sh: no dbgate-gateway in $build: cmake --preset dev && cmake --build --preset dev" >&2; exit 2; }
export DBGATE_BUILD=$build

tests=(tests/lint/errors_test.py tests/lint/docs_site_test.py tests/lint/configuration_page_test.py tests/integration/pages_test.py)
if [ "$short" = no ]; then
  # Comparisons of reference pages with the program, and whatever pages name.
  tests+=(tests/lint/openapi_test.py tests/integration/gateway_manual_test.py tests/integration/metrics_test.py tests/integration/schema_test.py)
  while read -r name; do tests+=("$name"); done < <(cd "$root/tests/support" && /usr/bin/python3 -B -c '
import pages
print("\n".join(sorted({name for block in pages.all_blocks() if block.mark == "run by" for name in block.reason.split(", ")
                        if name.startswith("tests/integration/") and name.endswith(".py")})))')
fi

failed=0
summary=()
step() {
  local name=$1 status
  shift
  echo "== $name"
  SECONDS=0
  "$@"
  status=$?
  case $status in
    0) summary+=("passed   $name (${SECONDS} s)") ;;
    77) summary+=("SKIPPED  $name") ;;
    *) summary+=("FAILED   $name (status $status)"); failed=1 ;;
  esac
}
for name in "${tests[@]}"; do step "$name" /usr/bin/python3 -B "$root/$name"; done
[ "$deploy" = no ] || step scripts/test-deploy.sh "$root/scripts/test-deploy.sh"
echo
printf '%s\n' "${summary[@]}"
exit "$failed"
