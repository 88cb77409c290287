"""The admin database: what it shows, to whom, and that PgBouncer's exporter and habits work."""
import asyncio
import json
import os
import pathlib
import signal
import struct
import subprocess
import sys
import unittest
import urllib.request

import asyncpg
import psycopg
import psycopg2

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import pooled  # noqa: E402
import wire  # noqa: E402

SECONDS = 120  # of any wait: machines of tests are slow
EXPORTER = "/usr/bin/prometheus-pgbouncer-exporter"
TEXT, INT4, NUMERIC = 25, 23, 1700
SOCKET = ([("type", TEXT), ("user", TEXT), ("database", TEXT), ("state", TEXT), ("addr", TEXT), ("port", INT4), ("local_addr", TEXT),
           ("local_port", INT4), ("connect_time", TEXT), ("request_time", TEXT), ("wait", INT4), ("wait_us", INT4),
           ("close_needed", INT4), ("ptr", TEXT), ("link", TEXT), ("remote_pid", INT4), ("tls", TEXT), ("application_name", TEXT)])
FIGURES = [(name, NUMERIC) for name in ("xact_count", "query_count", "bytes_received", "bytes_sent", "xact_time", "query_time", "wait_time")]
# As PgBouncer 1.18 of Debian 12 describes its results.
PGBOUNCER = {
    "CLIENTS": SOCKET,
    "SERVERS": SOCKET,
    "CONFIG": [("key", TEXT), ("value", TEXT), ("default", TEXT), ("changeable", TEXT)],
    "DATABASES": [("name", TEXT), ("host", TEXT), ("port", INT4), ("database", TEXT), ("force_user", TEXT), ("pool_size", INT4),
                  ("min_pool_size", INT4), ("reserve_pool", INT4), ("pool_mode", TEXT), ("max_connections", INT4),
                  ("current_connections", INT4), ("paused", INT4), ("disabled", INT4)],
    "LISTS": [("list", TEXT), ("items", INT4)],
    "POOLS": [("database", TEXT), ("user", TEXT), *((name, INT4) for name in (
        "cl_active", "cl_waiting", "cl_active_cancel_req", "cl_waiting_cancel_req", "sv_active", "sv_active_cancel",
        "sv_being_canceled", "sv_idle", "sv_used", "sv_tested", "sv_login", "maxwait", "maxwait_us")), ("pool_mode", TEXT)],
    "STATS": [("database", TEXT), *((name, NUMERIC) for name in (
        "total_xact_count", "total_query_count", "total_received", "total_sent", "total_xact_time", "total_query_time",
        "total_wait_time", "avg_xact_count", "avg_query_count", "avg_recv", "avg_sent", "avg_xact_time", "avg_query_time",
        "avg_wait_time"))],
    "STATS_AVERAGES": [("database", TEXT), *FIGURES],
    "STATS_TOTALS": [("database", TEXT), *FIGURES],
    "USERS": [("name", TEXT), ("pool_mode", TEXT)],
    "VERSION": [("version", TEXT)],
}


def config(it, roles="admin: { users: [root] }, auditor: { users: [aud, mon] }, user_admin: { users: [uma] }", more_targets="", targets="alone, shared"):
    """`alone` lends each session a connection of its own, `shared` two to all."""
    return ("version: 1\nstate_dir: state\nworkers: 2\nlisten:\n  postgres: { address: 127.0.0.1, port: 0 }\n"
            "  api: { address: 127.0.0.1, port: 0 }\n" + it.users("ana", "bob", "aud", "mon", "root", "uma") +
            f"roles: {{ {roles} }}\ntargets:\n" +
            it.target("alone", database="postgres", pool="mode: session, max: 1, wait: 120s") +
            it.target("shared", databases=("second",), database="postgres", pool="mode: transaction, max: 2, wait: 120s, idle: 120s") +
            more_targets +
            f"policies:\n  - {{ name: all, who: {{ users: [ana, bob] }}, on: [{targets}], allow: [ {{ everything: true }} ] }}\n")


def listening_port(pid):
    """The TCP port that a process listens on (proc(5)); None: none yet."""
    sockets = set()
    for descriptor in pathlib.Path(f"/proc/{pid}/fd").iterdir():
        try:
            sockets.add(os.readlink(descriptor))
        except FileNotFoundError:
            continue
    for line in pathlib.Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
            return int(fields[1].rpartition(":")[2], 16)
    return None


class AdminDatabase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.lab.postgres.psql("CREATE DATABASE second")
        cls.gateway = cls.lab.gateway(config(cls.lab))

    def connect(self, user="aud", database="pgbouncer", gateway=None):
        connection = psycopg2.connect(host="127.0.0.1", port=(gateway or self.gateway).port, user=user, password=lab.PASSWORD,
                                      dbname=database, connect_timeout=SECONDS)
        self.addCleanup(connection.close)
        connection.autocommit = True
        return connection

    @staticmethod
    def call(gateway, method, path, body=None, token=None):
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        request = urllib.request.Request(f"http://127.0.0.1:{gateway.ports['api']}/api/v1/{path}", method=method, headers=headers,
                                         data=None if body is None else json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return json.loads(answer.read() or "null")

    def show(self, topic, gateway=None):
        """Rows by column."""
        connection = self.connect(gateway=gateway)
        with connection.cursor() as cursor:
            cursor.execute(f"SHOW {topic};")
            rows = [dict(zip([column.name for column in cursor.description], row)) for row in cursor.fetchall()]
        connection.close()
        return rows

    def row(self, topic, **where):
        rows = [row for row in self.show(topic) if all(row[key] == value for key, value in where.items())]
        self.assertEqual(len(rows), 1, (topic, where, rows))
        return rows[0]

    def becomes(self, topic, expected, **where):
        last = {}

        def there():
            rows = [row for row in self.show(topic) if all(row[key] == value for key, value in where.items())]
            last["rows"] = rows
            return len(rows) == 1 and all(rows[0][key] == value for key, value in expected.items())

        try:
            lab.wait_until(there, f"{topic} {where} is {expected}", SECONDS)
        except AssertionError as late:
            raise AssertionError(f"{late}: {last['rows']}") from None

    def session(self, database="shared", user="ana", gateway=None):
        client = pooled.Session((gateway or self.gateway).port, user, database, seconds=SECONDS)
        self.addCleanup(client.socket.close)
        return client

    def psql(self, sql, user="aud", **more):
        return lab.run_psql(sql, host="127.0.0.1", port=self.gateway.port, user=user, database="pgbouncer", check=False, **more)

    def test_columns_are_those_of_pgbouncer(self):
        with self.connect().cursor() as cursor:
            for topic, expected in PGBOUNCER.items():
                cursor.execute(f"SHOW {topic}")
                columns = [(column.name, column.type_code) for column in cursor.description]
                self.assertEqual(columns[:len(expected)], expected, topic)
                self.assertEqual(len(columns) > len(expected), topic in ("CLIENTS", "SERVERS", "DATABASES", "POOLS", "STATS"), topic)

    def test_it_is_for_those_who_may_see_what_others_do(self):
        for user in ("aud", "root"):
            self.assertEqual(self.psql("SHOW VERSION", user).returncode, 0)
        for user in ("ana", "uma"):
            done = self.psql("SHOW CLIENTS", user, options=("-X", "-A", "-t", "-q", "-v", "VERBOSITY=verbose"))
            self.assertEqual(done.returncode, 2)
            self.assertIn("permission denied for the admin database", done.stderr)
            self.assertEqual(done.stdout, "")
            with self.assertRaises(psycopg2.OperationalError):
                self.connect(user)
        lab.wait_until(lambda: {record["user.name"] for record in self.gateway.audit("session.end")
                                if record["target"] == "pgbouncer" and record["reason"] == "denied"} == {"ana", "uma"},
                       "both are on record", SECONDS)
        with wire.Connection(self.gateway.port, SECONDS) as client:
            with self.assertRaises(PermissionError) as raised:
                client.login("ana", "pgbouncer", lab.PASSWORD)
            self.assertIn("42501", str(raised.exception))
        self.assertIn("password authentication failed", self.psql("SHOW POOLS", "aud", password="wrong").stderr)
        with wire.Connection(self.gateway.port, SECONDS) as client, self.assertRaises(PermissionError):
            client.login("aud", "pgbouncer", lab.PASSWORD, replication="true")

    def test_psql(self):
        done = self.psql("show version;\nSHOW POOLS\\;SHOW LISTS;\nSELECT 1;\nSET datestyle TO 'ISO';\n;\nshow FOO;\n\\d\nRELOAD;\n"
                         "KILL shared;\nSHOW USERS;\n", options=("-X", "-A", "-t", "-q"))
        self.assertRegex(done.stdout, r"^dbgate \d")
        for part in ("alone|postgres|", "shared|postgres|", "shared/second|postgres|", "used_clients|", "\n1\n", "\nana|\n"):
            self.assertIn(part, done.stdout)
        self.assertIn('does not know the command "show FOO"', done.stderr)
        self.assertIn("HINT:  SHOW HELP lists what it knows.", done.stderr)
        self.assertIn("there is no RELOAD", done.stderr)
        self.assertIn("SIGHUP reloads", done.stderr)
        self.assertIn("dbgate sessions kill ID", done.stderr)
        self.assertEqual(done.stderr.count("ERROR:"), 4, done.stderr)
        self.assertIn("SHOW PINS", self.psql("SHOW HELP").stdout)
        self.assertNotIn("WARNING", self.psql("", options=("-X",)).stderr)

    def test_drivers(self):
        connection = self.connect()
        connection.autocommit = False
        with connection, connection.cursor() as cursor:
            cursor.execute("SHOW DATABASES")
            self.assertEqual([row[0] for row in cursor.fetchall()], ["alone", "shared", "shared/second"])
        with self.assertRaises(psycopg2.errors.SyntaxError), connection, connection.cursor() as cursor:
            cursor.execute("SHOW NOTHING")
        with connection, connection.cursor() as cursor:
            cursor.execute("SHOW TRANSACTION ISOLATION LEVEL")
            self.assertEqual(cursor.fetchone(), ("read committed",))
        with psycopg.connect(host="127.0.0.1", port=self.gateway.port, user="aud", password=lab.PASSWORD, dbname="pgbouncer",
                             autocommit=True, prepare_threshold=0) as extended:
            for binary in (False, True):
                cursor = extended.cursor(binary=binary)
                for _ in range(3):
                    row = next(row for row in cursor.execute("SHOW STATS") if row[0] == "shared")
                    self.assertEqual(row[2], row[15])
                    limits = {row[0]: row[5] for row in cursor.execute("SHOW DATABASES")}
                    self.assertEqual(limits, {"alone": 1, "shared": 2, "shared/second": 2})
        asyncio.run(self.ask_asyncpg())

    async def ask_asyncpg(self):
        connection = await asyncpg.connect(host="127.0.0.1", port=self.gateway.port, user="aud", password=lab.PASSWORD,
                                           database="pgbouncer", timeout=SECONDS)
        rows = await connection.fetch("SHOW POOLS")
        self.assertEqual([row["database"] for row in rows], ["alone", "shared", "shared/second"])
        totals = await connection.fetch("SHOW STATS_TOTALS")
        self.assertGreaterEqual(totals[0]["bytes_sent"], 0)
        with self.assertRaises(asyncpg.PostgresSyntaxError):
            await connection.fetch("SHOW NOTHING")
        self.assertEqual(await connection.fetchval("SELECT 1"), 1)
        await connection.close()

    def test_pools_in_transaction_mode(self):
        holders = [self.session(), self.session()]
        for client in holders:
            client.must("BEGIN; SELECT 1")
        waiting = self.session()
        waiting.send(wire.query("SELECT 2"))
        pool = {"database": "shared", "user": "postgres"}
        self.becomes("POOLS", {"cl_active": 2, "cl_waiting": 1, "sv_active": 2, "sv_idle": 0, "sv_login": 0,
                               "pool_mode": "transaction"}, **pool)
        self.assertEqual(self.row("DATABASES", name="shared")["current_connections"], 2)
        self.becomes("LISTS", {"items": 3}, list="databases")
        lab.wait_until(lambda: self.row("POOLS", **pool)["maxwait_us"] > 0, "somebody has waited", SECONDS)
        servers = [row for row in self.show("SERVERS") if row["database"] == "shared"]
        self.assertEqual([(row["state"], row["client_user"], row["user"]) for row in servers], [("active", "ana", "postgres")] * 2)
        clients = {row["ptr"]: row for row in self.show("CLIENTS") if row["database"] == "shared"}
        self.assertEqual({row["link"] for row in servers}, {key for key, row in clients.items() if row["doing"] == "idle in transaction"})
        self.assertEqual({clients[row["link"]]["link"] for row in servers}, {row["ptr"] for row in servers})
        self.assertEqual([row["state"] for row in clients.values() if row["doing"] == "waiting"], ["waiting"])
        for row in servers:
            self.assertEqual(lab_process(self.lab, row["remote_pid"]), "dbgate:ana")
        holders[0].must("COMMIT")
        self.assertEqual(waiting.answer().rows, [("2",)])
        self.becomes("POOLS", {"cl_active": 3, "cl_waiting": 0}, **pool)
        for client in (*holders, waiting):
            client.leave()
        self.becomes("POOLS", {"cl_active": 0, "cl_waiting": 0, "sv_active": 0}, **pool)

    def test_pools_in_session_mode(self):
        first = self.session("alone")
        self.assertEqual(first.value("SELECT 1"), "1")
        self.becomes("POOLS", {"cl_active": 1, "cl_waiting": 0, "sv_active": 1, "pool_mode": "session"}, database="alone")
        # Whoever comes next waits before its login is over.
        process = subprocess.Popen(["psql", "-X", "-A", "-t", "-c", "SELECT 3"], stdout=subprocess.PIPE, text=True, env={
            **os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(self.gateway.port), "PGUSER": "bob", "PGDATABASE": "alone",
            "PGPASSWORD": lab.PASSWORD})
        self.addCleanup(process.kill)
        self.becomes("POOLS", {"cl_active": 1, "cl_waiting": 1, "sv_active": 1}, database="alone")
        first.leave()
        self.assertEqual(process.communicate(timeout=SECONDS)[0], "3\n")
        self.becomes("POOLS", {"cl_active": 0, "cl_waiting": 0, "sv_active": 0}, database="alone")

    def test_pins(self):
        client = self.session("shared/second")
        client.must("CREATE TEMP TABLE own (a int)")
        client.must("SELECT pg_advisory_lock(7)")
        self.becomes("PINS", {"bound_by": "temporary object, advisory lock", "user": "ana"}, database="shared/second")
        shown = self.row("PINS", database="shared/second")
        self.assertEqual(self.row("CLIENTS", ptr=shown["ptr"])["bound_by"], shown["bound_by"])
        self.assertEqual(self.row("SERVERS", ptr=shown["link"])["link"], shown["ptr"])
        self.becomes("POOLS", {"cl_pinned": 1}, database="shared/second")
        client.leave()
        lab.wait_until(lambda: not [row for row in self.show("PINS") if row["database"] == "shared/second"], "nobody is bound", SECONDS)

    def test_config_says_no_secret(self):
        rows = {row["key"]: row for row in self.show("CONFIG")}
        self.assertEqual((rows["max_client_conn"]["value"], rows["max_client_conn"]["changeable"]), ("10000", "yes"))
        self.assertEqual((rows["workers"]["value"], rows["workers"]["default"], rows["workers"]["changeable"]), ("2", "1", "no"))
        self.assertEqual(rows["targets.shared.pool.max"]["value"], "2")
        text = json.dumps(list(rows.values()))
        for secret in (lab.PASSWORD, "SCRAM", str(self.lab.directory)):
            self.assertNotIn(secret, text)

    def test_commands_are_on_record(self):
        client = self.session("pgbouncer", "root")
        client.must("SHOW POOLS")
        self.assertEqual(client.run("SHOW SECRETS").code, "42601")
        self.assertEqual(client.run_extended("SHOW LISTS", name="lists").error, None)
        client.leave()
        lab.wait_until(lambda: [record for record in self.gateway.audit("session.end") if record["user.name"] == "root" and
                                record["target"] == "pgbouncer" and record["reason"] == "terminated"], "the session has ended", SECONDS)
        records = [record for record in self.gateway.audit() if record.get("user.name") == "root" and record.get("target") == "pgbouncer"]
        session = next(record["session_id"] for record in records if record.get("db.query.text") == "SHOW SECRETS")
        records = [record for record in records if record["session_id"] == session]
        decided = [(record["db.query.text"], record["protocol"], record["decision.effect"], record["decision.rule_id"])
                   for record in records if record["event"] == "statement.decided"]
        rule = "builtin/admin-database"
        self.assertEqual(decided, [("SHOW POOLS", "simple", "allow", rule), ("SHOW SECRETS", "simple", "deny", rule),
                                   ("SHOW LISTS", "extended", "allow", rule)])
        done = [record for record in records if record["event"] == "statement.done"]
        self.assertEqual([record["outcome"] for record in done], ["ok", "ok"])
        self.assertEqual([record["event"] for record in records][0], "session.start")

    def test_many_sessions_of_both_workers(self):
        clients = [self.session("shared", user) for user in ("ana", "bob") for _ in range(60)]
        for client in clients:
            self.assertEqual(client.value("SELECT 1"), "1")
        mine = [row for row in self.show("CLIENTS") if row["database"] == "shared"]
        self.assertGreaterEqual(len(mine), 120)
        self.assertEqual(len({row["ptr"] for row in mine}), len(mine))
        self.assertGreaterEqual(self.row("LISTS", list="used_clients")["items"], 121)
        for client in clients:
            client.leave()
        self.becomes("POOLS", {"cl_active": 0}, database="shared")

    def test_stats_and_debians_exporter(self):
        self.assertTrue(pathlib.Path(EXPORTER).exists(), "scripts/setup.sh installs prometheus-pgbouncer-exporter")
        environment = {key: value for key, value in os.environ.items()
                       if key not in ("HOST", "PORT", "CONFIG") and not key.startswith("PGBOUNCER")}
        exporter = subprocess.Popen([EXPORTER, "--host", "127.0.0.1", "--port", "0", "--pgbouncer-host", "127.0.0.1", "--pgbouncer-port",
                                     str(self.gateway.port), "--pgbouncer-user", "mon"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                    text=True, env={**environment, "PGPASSWORD": lab.PASSWORD})
        self.addCleanup(exporter.stderr.close)
        self.addCleanup(exporter.wait)
        self.addCleanup(exporter.kill)
        lab.wait_until(lambda: exporter.poll() is not None or listening_port(exporter.pid), "the exporter listens", SECONDS)
        self.assertIsNone(exporter.poll(), exporter.poll() is not None and exporter.stderr.read())
        port = listening_port(exporter.pid)

        def scrape():
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=SECONDS) as answer:
                lines = answer.read().decode().splitlines()
            return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line.startswith("pgbouncer_")}

        client = self.session("shared")
        client.must("SELECT 1")
        before, stats = scrape(), self.row("STATS", database="shared")
        for _ in range(5):
            client.must("SELECT 1")
        client.must("BEGIN; SELECT pg_sleep(0.01)")
        after, again = scrape(), self.row("STATS", database="shared")
        client.leave()

        def since(name, labels='{database="shared"}'):
            return after[f"pgbouncer_{name}{labels}"] - before[f"pgbouncer_{name}{labels}"]

        # Other tests are over, or have not begun.
        self.assertEqual(since("requests_total"), 6)
        self.assertEqual(again["total_query_count"] - stats["total_query_count"], 6)
        self.assertEqual(again["total_requests"], again["total_query_count"])
        self.assertGreater(since("query_microseconds_total"), 10_000)
        self.assertGreater(since("received_bytes_total"), 6 * 14)
        self.assertGreater(since("sent_bytes_total"), 6 * 20)
        pool = '{database="shared",user="postgres"}'
        self.assertEqual((after["pgbouncer_active_clients" + pool], after["pgbouncer_waiting_clients" + pool]), (1, 0))
        self.assertEqual(after["pgbouncer_databases"], 3)
        self.assertEqual(after["pgbouncer_pools"], 3)
        self.assertEqual(after["pgbouncer_users"], 6)
        self.assertGreaterEqual(after["pgbouncer_used_clients"], 2)
        self.assertGreaterEqual(after["pgbouncer_used_servers"], 1)
        self.assertEqual(after['pgbouncer_pool_size{database="second"}'], 2)
        self.assertEqual(after['pgbouncer_reserve_pool{database="second"}'], 0)
        for name in ("free_clients", "login_clients", "free_servers", "dns_names", "dns_zones", "dns_queries", "dns_pending"):
            self.assertIn(f"pgbouncer_{name}", after)

    def test_cancels_find_nothing_to_cancel(self):
        client = self.session("pgbouncer", "aud")
        with wire.Connection(self.gateway.port, SECONDS) as other:
            other.send(wire.packet(wire.CANCEL_REQUEST, struct.pack("!I", client.pid) + client.key))
            self.assertTrue(other.at_end())
        self.assertEqual(client.must("SHOW VERSION").types, "TDCZ")
        client.leave()

    def test_messages_that_are_too_long(self):
        client = self.session("pgbouncer", "aud")
        client.send(b"Q" + struct.pack("!I", 10_000_000))
        answer = client.answer()
        self.assertEqual((answer.code, answer.error["S"], answer.status), ("54000", "FATAL", "closed"))

    def test_sessions_end_with_the_right_or_by_an_administrator(self):
        gateway = self.lab.gateway(config(self.lab))
        client, other = self.session("pgbouncer", "aud", gateway), self.session("pgbouncer", "root", gateway)
        client.must("SHOW POOLS")
        gateway.reload(config(self.lab, roles="admin: { users: [root] }"))
        self.assertEqual(client.answer().code, "57P01")
        self.assertEqual(other.must("SHOW VERSION").types, "TDCZ")
        token = self.call(gateway, "POST", "login", {"username": "root", "password": lab.PASSWORD})["access_token"]

        def listed():
            items = self.call(gateway, "GET", "sessions", token=token)["items"]
            return {item["user"]: item["id"] for item in items if item["target"] == "pgbouncer"}

        lab.wait_until(lambda: list(listed()) == ["root"], "root alone is left", SECONDS)
        self.call(gateway, "POST", f"sessions/{listed()['root']}/kill", {"reason": "test"}, token)
        answer = other.answer()
        self.assertEqual(answer.code, "57P01")
        self.assertIn("test", answer.error["M"])
        last = self.session("pgbouncer", "root", gateway)
        last.must("BEGIN")
        gateway.process.send_signal(signal.SIGTERM)
        lab.wait_until(lambda: any('"draining"' in line or "drain" in line for line in gateway.log), "it drains", SECONDS)
        self.assertEqual(last.must("SHOW VERSION").status, "T")
        last.send(wire.query("COMMIT"))
        self.assertEqual([kind for kind, _ in last.answer().messages], ["C", "Z"])
        self.assertEqual(last.answer().code, "57P01")
        self.assertEqual(gateway.process.wait(SECONDS), 0)

    def test_keys_tokens_and_certificates(self):
        certificates = self.lab.certificates
        tls = f"tls: {{ cert_file: {certificates.cert}, key_file: {certificates.key}, client_ca_file: {certificates.ca} }}"
        users = (self.lab.users("root", "ana").replace("name: root,", "name: root, wire: token,") +
                 '  - { name: watcher, certificates: ["uri:spiffe://corp/watcher"] }\n')
        gateway = self.lab.gateway(
            f"version: 1\nstate_dir: state\nlisten:\n  postgres: {{ address: 127.0.0.1, port: 0, {tls} }}\n"
            "  api: { address: 127.0.0.1, port: 0 }\n" + users + "roles: { admin: { users: [root] }, auditor: { users: [watcher] } }\n"
            "targets:\n" + self.lab.target() +
            "policies:\n  - { name: all, who: { users: [root] }, on: [postgres], allow: [ { everything: true } ] }\n")
        login = self.call(gateway, "POST", "login", {"username": "root", "password": lab.PASSWORD})["access_token"]

        def key(*scopes):
            return self.call(gateway, "POST", "me/tokens", {"name": "-".join(scopes), "scopes": scopes, "expires_in_seconds": 3600},
                             login)["secret"]

        def version(user, password="", database="pgbouncer", **more):
            connection = psycopg2.connect(host="127.0.0.1", port=gateway.port, user=user, password=password, dbname=database,
                                          sslmode="require", connect_timeout=SECONDS, **more)
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SHOW server_version")
                    return cursor.fetchone()[0]
            finally:
                connection.close()

        self.assertIn("dbgate", version("root", login))
        self.assertIn("dbgate", version("root", key("connect", "admin")))
        weak = key("connect", "read")
        self.assertNotIn("dbgate", version("root", weak, "postgres"))
        with self.assertRaisesRegex(psycopg2.OperationalError, "permission denied for the admin database"):
            version("root", weak)
        with self.assertRaisesRegex(psycopg2.OperationalError, "password authentication failed"):
            version("root", key("admin"))
        certificate, private = certificates.issue("watcher", "watcher", "subjectAltName=URI:spiffe://corp/watcher")
        self.assertIn("dbgate", version("watcher", sslcert=str(certificate), sslkey=str(private)))

    def test_a_target_of_that_name_comes_first(self):
        gateway = self.lab.gateway(config(self.lab, more_targets=self.lab.target("pgbouncer", database="postgres"),
                                          targets="alone, shared, pgbouncer"))
        self.assertEqual(self.session("pgbouncer", "ana", gateway).value("SELECT current_database()"), "postgres")
        with self.assertRaises(PermissionError):
            self.session("pgbouncer", "aud", gateway)


def lab_process(it, pid):
    """The application_name of a server process."""
    return it.postgres.psql(f"SELECT application_name FROM pg_stat_activity WHERE pid = {pid}").stdout.strip()


if __name__ == "__main__":
    unittest.main()
