#!/usr/bin/env bash
# Installs what building, running and testing dbgate needs on Debian 12. Idempotent; installs nothing that is there.
# Usage: scripts/setup.sh [build|run|test]…   (default: all three)
set -euo pipefail

build=(clang-16 lld-16 clang-format-16 clang-tidy-16 libclang-rt-16-dev llvm-16 ccache cmake ninja-build pkg-config git
  libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev libboost-system1.81-dev libssl-dev
  libpg-query-dev postgresql-server-dev-15 libpq-dev libyaml-cpp-dev libspdlog-dev libcli11-dev libjwt-dev
  libgtest-dev libgmock-dev libbenchmark-dev)
run=(postgresql-15 postgresql-client-15 openssl python3)
test=(postgresql-contrib python3-psycopg2)

[ $# -gt 0 ] || set -- build run test
wanted=()
for group in "$@"; do
  case $group in
    build) wanted+=("${build[@]}") ;;
    run) wanted+=("${run[@]}") ;;
    test) wanted+=("${test[@]}") ;;
    *) echo "setup.sh: unknown group '$group' (build, run, test)" >&2; exit 2 ;;
  esac
done

missing=()
for package in "${wanted[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
  echo "setup: everything is installed"
  exit 0
fi
echo "setup: installing ${missing[*]}"
as_root=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || { echo "setup.sh: needs root to install packages; run it as root once" >&2; exit 1; }
  as_root=(sudo)
fi
# Without this, installing the server package would start a cluster of its own on port 5432.
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
  "${as_root[@]}" mkdir -p /etc/postgresql-common
  echo "create_main_cluster = false" | "${as_root[@]}" tee /etc/postgresql-common/createcluster.conf >/dev/null
fi
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -q
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
