#!/usr/bin/env bash
# From a bare Debian 12 to a running gateway: installs packages, builds, starts a demo PostgreSQL with a small shop in it
# and dbgate in front, and says what to try. Everything it starts lives in one directory of its own.
#
# Usage: scripts/quickstart.sh            start (again); ends what an earlier run has started
#        scripts/quickstart.sh --stop     end it and remove its directory
#        scripts/quickstart.sh --check    headless: start, try it all, verify the audit log, leave nothing behind
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)
# shellcheck source=scripts/demo.sh
. "$repository/scripts/demo.sh"

mode=start
case ${1:-} in
  "") ;;
  --check) mode=check ;;
  --stop) mode=stop ;;
  -h | --help) sed -n '2,7s/^# \{0,1\}//p' "$0"; exit 0 ;;
  *) echo "quickstart.sh: unknown argument '$1'; see --help" >&2; exit 2 ;;
esac

if [ "$mode" = check ]; then
  demo=$(mktemp -d "${TMPDIR:-/tmp}/dbgate-check.XXXXXX")
  trap demo_stop EXIT
else
  demo=${DBGATE_DEMO_DIR:-/var/tmp/dbgate-demo-$(id -u)}
  demo_stop
  [ "$mode" = start ] || { echo "quickstart: stopped, $demo is gone"; exit 0; }
  mkdir -p "$demo"
fi
chmod 755 "$demo"

"$repository/scripts/setup.sh" build run
demo_build
demo_certificates
demo_users
demo_database
demo_gateway "$mode"
demo_administrator
demo_environment

if [ "$mode" = check ]; then
  # shellcheck source=scripts/demo_check.sh
  . "$repository/scripts/demo_check.sh"
  demo_check
  exit
fi

cat <<TEXT

dbgate is running; its files are in $demo. Three people may use the database "shop":
  ana   analyst        password $(cat "$demo/passwords/ana")
  omar  on call        password $(cat "$demo/passwords/omar")
  ada   administrator  password $(cat "$demo/passwords/ada")

And one administers dbgate, and chooses another password at the first sign-in (dbgate password):
  root  one-time password $(cat "$demo/passwords/root")

Try with your own psql:
  psql "host=localhost port=$gateway_port dbname=shop user=ana sslmode=verify-full sslrootcert=$demo/tls/ca.crt"
    SELECT status, count(*) FROM orders GROUP BY status;     allowed
    SELECT email FROM customers;                             denied: the column is not granted
  … and as omar:
    UPDATE orders SET status = 'shipped' WHERE id = 7;       allowed
    UPDATE orders SET status = 'shipped';                    denied: needs a WHERE
    SELECT name, email, card_number FROM customers LIMIT 3;  masked, and of the own region only

Or sign in and let the CLI open a tunnel:
  . $demo/env
  dbgate login --username ana
  dbgate list
  dbgate check shop -c 'DELETE FROM orders'
  dbgate connect shop --psql

docs/getting-started.md is a tour of it. What happened is on record, and the record proves itself:
  dbgate audit tail $demo/state/audit
  dbgate audit verify $demo/state/audit

The policy is $demo/gateway.yaml: change it, then: kill -HUP $(cat "$demo/gateway.pid")
To end it all: scripts/quickstart.sh --stop
TEXT
