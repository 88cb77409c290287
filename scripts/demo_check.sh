# The headless tour of scripts/quickstart.sh --check: what the example policy allows, denies and records, with psql
# directly and through `dbgate connect`. Sourced; expects what scripts/demo.sh has set up.
# shellcheck shell=bash disable=SC2154

checks=0

# expect NAME PATTERN COMMAND…: the command's output, both streams, matches the extended regular expression.
expect() {
  local name=$1 pattern=$2 output
  shift 2
  output=$("$@" 2>&1 </dev/null) || true
  if ! grep -qE -- "$pattern" <<<"$output"; then
    printf 'quickstart: FAILED: %s\n  wanted: %s\n  got: %s\n' "$name" "$pattern" "$output" >&2
    tail -n 20 "$demo/gateway.log" >&2
    exit 1
  fi
  checks=$((checks + 1))
}

# expect_status NAME STATUS COMMAND…
expect_status() {
  local name=$1 wanted=$2 status=0
  shift 2
  "$@" >/dev/null 2>&1 </dev/null || status=$?
  if [ "$status" != "$wanted" ]; then
    printf 'quickstart: FAILED: %s\n  wanted exit status %s, got %s\n' "$name" "$wanted" "$status" >&2
    exit 1
  fi
  checks=$((checks + 1))
}

# direct USER SQL: psql straight at the gateway.
direct() {
  PGPASSWORD=$(cat "$demo/passwords/$1") psql -X -At -v VERBOSITY=verbose \
    "host=localhost port=$gateway_port dbname=shop user=$1 sslmode=verify-full sslrootcert=$demo/tls/ca.crt" -c "$2"
}

cli() {
  env XDG_STATE_HOME="$demo/people/$1" XDG_RUNTIME_DIR="$demo/people/$1" DBGATE_CA_FILE="$demo/tls/ca.crt" \
    DBGATE_URL="https://localhost:$api_port" "$build/cli/dbgate" "${@:2}"
}

# tunnel USER SQL: psql through `dbgate connect`.
tunnel() { cli "$1" connect shop --port 0 -- psql -X -At -v VERBOSITY=verbose -c "$2"; }

sign_in() { cli "$1" login --username "$1" --password-stdin <"$demo/passwords/$1"; }

demo_check() {
  local way name
  for name in ana omar ada; do
    (umask 077 && mkdir -p "$demo/people/$name")
    sign_in "$name" 2>/dev/null
  done
  for way in direct tunnel; do
    expect "$way: an analyst counts orders" '^60000$' "$way" ana 'SELECT count(*) FROM orders'
    expect "$way: an analyst joins and groups" '^(cancelled|open|paid|shipped)\|' "$way" ana \
      'SELECT o.status, round(sum(p.amount)) FROM orders o JOIN payments p ON p.order_id = o.id GROUP BY o.status'
    expect "$way: an analyst reads a granted column" '^[0-9]+$' "$way" ana \
      "SELECT count(*) FROM customers WHERE region = 'north'"
    expect "$way: e-mail addresses are denied" '42501' "$way" ana 'SELECT email FROM customers'
    expect "$way: … in a predicate too" '42501' "$way" ana "SELECT id FROM customers WHERE email LIKE 'a%'"
    expect "$way: … and as a whole row" '42501' "$way" ana 'SELECT c FROM customers c'
    expect "$way: salaries are denied" '42501' "$way" ana 'SELECT * FROM staff.salaries'
    expect "$way: an analyst changes nothing" '42501' "$way" ana "UPDATE orders SET status = 'paid' WHERE id = 1"
    expect "$way: … not in a WITH either" '42501' "$way" ana \
      "WITH x AS (DELETE FROM orders RETURNING 1) SELECT count(*) FROM x"
    expect "$way: server files are out of reach" '42501' "$way" ana "SELECT pg_read_file('/etc/passwd')"
    expect "$way: one denied statement stops all of them" '42501' "$way" ana 'SELECT 1; DROP TABLE orders'
    expect "$way: COPY of a granted table" '^[0-9]+\s' "$way" ana 'COPY orders TO STDOUT'
    expect "$way: COPY of a table with hidden columns" '42501' "$way" ana 'COPY customers TO STDOUT'
    expect "$way: \\d works" 'public\|orders\|table' "$way" ana '\d'
    expect "$way: a syntax error is PostgreSQL's" '42601: syntax error at or near "SELEC"' "$way" ana 'SELEC 1'
    expect "$way: on call, an order is repaired" '^UPDATE 1$' "$way" omar \
      "UPDATE orders SET status = 'shipped' WHERE id = 7"
    expect "$way: … with a WHERE only" '42501' "$way" omar "UPDATE orders SET status = 'shipped'"
    expect "$way: … and that column only" '42501' "$way" omar 'UPDATE orders SET quantity = 0 WHERE id = 7'
    expect "$way: on call, a customer is shown with masks" '^\*\*\*@example\.org\|\*{12}[0-9]{4}$' "$way" omar \
      'SELECT email, card_number FROM customers WHERE id = 4'
    expect "$way: … of the own region only" '^north\|1250$' "$way" omar \
      'SELECT region, count(*) FROM customers GROUP BY region'
    expect "$way: … and a mask cannot be compared" '42501.*is masked for you' "$way" omar \
      "SELECT name FROM customers WHERE card_number LIKE '4%'"
    expect "$way: … nor reached in another way" '^\*\*\*@example\.org$' "$way" omar \
      'WITH c AS (TABLE customers) SELECT email FROM c WHERE id = 4'
    expect "$way: an administrator reads salaries" '^240$' "$way" ada 'SELECT count(*) FROM staff.salaries'
    expect "$way: … changes the schema" '^CREATE INDEX$' "$way" ada "CREATE INDEX ${way}_status ON orders (status)"
    expect "$way: a large result streams" '^120000$' \
      bash -c "$(declare -f direct tunnel cli); demo='$demo' build='$build' gateway_port=$gateway_port api_port=$api_port
               $way ada 'SELECT * FROM orders UNION ALL SELECT id, id, 1, 1, method, paid_at FROM payments' | wc -l"
  done
  demo_check_identity
  demo_check_audit
  echo "quickstart: ok ($checks checks)"
}

demo_check_identity() {
  local address="host=localhost port=$gateway_port dbname=shop sslmode=verify-full sslrootcert=$demo/tls/ca.crt"
  expect "a wrong password is refused" 'password authentication failed for user "ana"' \
    env PGPASSWORD=wrong psql -X "$address user=ana" -c 'SELECT 1'
  expect "… and an unknown user in the same words" 'password authentication failed for user "nobody"' \
    env PGPASSWORD=wrong psql -X "$address user=nobody" -c 'SELECT 1'
  expect "plain text is refused" 'TLS connections only' \
    env PGPASSWORD=x psql -X "host=localhost port=$gateway_port dbname=shop user=ana sslmode=disable" -c 'SELECT 1'
  expect "dbgate list" '^shop\s+postgresql\s+[0-9.]*\s*shop\s+read$' cli ana list
  expect "dbgate whoami" '^omar\s+oncall' cli omar whoami
  expect_status "dbgate check allows" 0 cli ana check shop -c 'SELECT 1'
  expect_status "dbgate check denies" 5 cli ana check shop -c 'DELETE FROM orders'
  expect_status "dbgate connect to nothing" 3 cli ana connect warehouse -- true
  expect_status "the child's exit status" 42 cli ana connect shop --port 0 -- sh -c 'exit 42'
  (umask 077 && mkdir -p "$demo/people/root")
  expect "the first administrator signs in once" 'this password was for one sign-in only' sign_in root
  cli ana logout 2>/dev/null
  expect_status "signed out" 4 cli ana list
}

demo_check_audit() {
  local log=$demo/state/audit
  expect "denials are on record" 'SELECT email FROM customers' \
    "$build/cli/dbgate" audit search "$log" --user ana --effect deny -o tsv
  expect "masked statements are on record as they were written" 'SELECT email, card_number FROM customers WHERE id = 4' \
    "$build/cli/dbgate" audit search "$log" --user omar --effect mask -o tsv
  expect "changes are on record with their outcome" '"rows_affected":1' \
    "$build/cli/dbgate" audit search "$log" --user omar --event statement.done -o jsonl
  expect "failed logins are on record" '"user.name":"nobody"' \
    "$build/cli/dbgate" audit search "$log" --event auth.fail -o jsonl
  expect_status "the log proves itself" 0 "$build/cli/dbgate" audit verify "$log"
  local copy=$demo/altered
  cp -r "$log" "$copy"
  sed -i '0,/SELECT email FROM customers/s//SELECT phone FROM customers/' "$copy"/audit-w*-000001.jsonl
  expect_status "a changed word is found" 1 "$build/cli/dbgate" audit verify "$copy"
}
