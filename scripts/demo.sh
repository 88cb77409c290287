# The pieces of the demo that scripts/quickstart.sh puts together. Sourced; expects $repository and $demo.
# shellcheck shell=bash disable=SC2154

build=$repository/build/release
pg_bin=/usr/lib/postgresql/15/bin

# PostgreSQL refuses to run as root, so root runs it as the ordinary user that Debian's package has made.
as_database_user() {
  if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi
}

# A port that is wanted and free, or any free one.
free_port() {
  python3 - "$1" <<'PYTHON'
import socket, sys
for port in (int(sys.argv[1]), 0):
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        print(probe.getsockname()[1])
        break
PYTHON
}

# Writes what it is given to a file that only the owner can read.
secret_file() { (umask 077 && mkdir -p "$(dirname "$1")" && cat >"$1"); }

demo_build() {
  echo "quickstart: building (build/release)"
  (cd "$repository" && cmake --preset release >/dev/null &&
    cmake --build --preset release -j"$(nproc)" --target dbgate-gateway dbgate >"$demo/build.log" 2>&1) ||
    { tail -n 30 "$demo/build.log" >&2; return 1; }
}

demo_certificates() {
  local tls=$demo/tls
  mkdir -p "$tls"
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -subj "/CN=dbgate demo authority" \
    -keyout "$tls/ca.key" -out "$tls/ca.crt" 2>/dev/null
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=localhost" \
    -keyout "$tls/server.key" -out "$tls/server.csr" 2>/dev/null
  echo "subjectAltName=DNS:localhost,IP:127.0.0.1" >"$tls/server.ext"
  openssl x509 -req -in "$tls/server.csr" -CA "$tls/ca.crt" -CAkey "$tls/ca.key" -CAcreateserial -days 30 \
    -extfile "$tls/server.ext" -out "$tls/server.crt" 2>/dev/null
  chmod 600 "$tls"/*.key
}

demo_users() {
  local name
  for name in ana omar ada; do
    openssl rand -hex 12 | secret_file "$demo/passwords/$name"
    "$build/gateway/app/dbgate-gateway" scram-verifier <"$demo/passwords/$name" | secret_file "$demo/users/$name"
  done
  openssl rand -hex 24 | secret_file "$demo/upstream-password"
}

demo_database() {
  local data=$demo/postgres
  database_port=$(free_port 5433)
  mkdir -p "$data"
  cp "$demo/tls/server.crt" "$demo/tls/server.key" "$data/"
  openssl rand -hex 24 | secret_file "$data/superuser-password"
  chmod 600 "$data/server.key"
  [ "$(id -u)" != 0 ] || chown -R postgres:postgres "$data"
  as_database_user "$pg_bin/initdb" -D "$data/data" -U postgres --pwfile="$data/superuser-password" -A scram-sha-256 \
    -E UTF8 --locale=C.UTF-8 --no-sync >/dev/null
  as_database_user tee -a "$data/data/postgresql.conf" >/dev/null <<CONF
listen_addresses = '127.0.0.1'
port = $database_port
unix_socket_directories = ''
ssl = on
ssl_cert_file = '$data/server.crt'
ssl_key_file = '$data/server.key'
CONF
  # Nobody but the gateway's own account, and only in TLS.
  as_database_user tee "$data/data/pg_hba.conf" >/dev/null <<CONF
hostssl all all 127.0.0.1/32 scram-sha-256
CONF
  as_database_user "$pg_bin/pg_ctl" -D "$data/data" -l "$data/log" -w start >/dev/null
  PGPASSWORD=$(cat "$data/superuser-password")
  export PGPASSWORD
  local superuser="host=localhost port=$database_port user=postgres sslmode=verify-full sslrootcert=$demo/tls/ca.crt"
  printf "CREATE ROLE shop_owner LOGIN PASSWORD '%s';\nCREATE DATABASE shop OWNER shop_owner;\n" \
    "$(cat "$demo/upstream-password")" | psql -X -q -v ON_ERROR_STOP=1 "$superuser dbname=postgres"
  PGPASSWORD=$(cat "$demo/upstream-password")
  psql -X -q -o /dev/null -v ON_ERROR_STOP=1 -f "$repository/config/examples/shop.sql" \
    "host=localhost port=$database_port user=shop_owner dbname=shop sslmode=verify-full sslrootcert=$demo/tls/ca.crt"
  unset PGPASSWORD
  echo "quickstart: demo database is up"
}

demo_gateway() {
  gateway_port=$(free_port "$([ "$1" = check ] && echo 0 || echo 6432)")
  api_port=$(free_port "$([ "$1" = check ] && echo 0 || echo 8443)")
  cp "$repository/config/examples/shop.yaml" "$demo/gateway.yaml"
  export SHOP_GATEWAY_PORT=$gateway_port SHOP_API_PORT=$api_port SHOP_DATABASE_PORT=$database_port
  "$build/gateway/app/dbgate-gateway" --config "$demo/gateway.yaml" --check-config
  setsid "$build/gateway/app/dbgate-gateway" --config "$demo/gateway.yaml" </dev/null >/dev/null 2>"$demo/gateway.log" &
  echo $! >"$demo/gateway.pid"
  local tries=0
  until grep -qs '"msg":"ready"' "$demo/gateway.log"; do
    tries=$((tries + 1))
    if [ $tries -gt 200 ] || ! kill -0 "$(cat "$demo/gateway.pid")" 2>/dev/null; then
      cat "$demo/gateway.log" >&2
      return 1
    fi
    sleep 0.05
  done
  echo "quickstart: dbgate is up"
}

# Somebody who may manage people and targets, with a password for one sign-in.
demo_administrator() {
  "$build/gateway/app/dbgate-gateway" --config "$demo/gateway.yaml" create-admin root 2>/dev/null |
    secret_file "$demo/passwords/root"
}

# What a person's shell needs to find the command line and this gateway.
demo_environment() {
  cat >"$demo/env" <<ENVIRONMENT
export PATH="$build/cli:\$PATH" DBGATE_URL=https://localhost:$api_port DBGATE_CA_FILE=$demo/tls/ca.crt
ENVIRONMENT
}

demo_stop() {
  [ -n "${demo:-}" ] && [ -d "$demo" ] || return 0
  if [ -e "$demo/gateway.pid" ] && kill -INT "$(cat "$demo/gateway.pid")" 2>/dev/null; then
    while kill -0 "$(cat "$demo/gateway.pid")" 2>/dev/null; do sleep 0.05; done
  fi
  if [ -e "$demo/postgres/data/postmaster.pid" ]; then
    as_database_user "$pg_bin/pg_ctl" -D "$demo/postgres/data" -m immediate -w stop >/dev/null 2>&1 || true
  fi
  rm -rf "$demo"
}
