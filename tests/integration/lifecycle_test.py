"""The process over time: configuration checked and reloaded, users revoked, drain, audit that cannot be lost."""
import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import metrics  # noqa: E402
import wire  # noqa: E402


class Lifecycle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql("CREATE TABLE t (a int, b text); CREATE TABLE hidden (a int)")

    def config(self, allow="[ { select: [public.t] } ]", users=("reader", "other"), on_policy="reader", extra=""):
        policies = (f"policies:\n  - {{ name: p, who: {{ users: [{on_policy}] }}, on: [postgres], allow: {allow} }}\n")
        return ("version: 1\nstate_dir: state\n" + extra + self.lab.listen() + self.lab.users(*users) + "targets:\n" +
                self.lab.target() + policies)

    def session(self, gateway, user="reader"):
        connection = wire.Connection(gateway.port)
        self.addCleanup(connection.socket.close)
        connection.login(user, "postgres", lab.PASSWORD)
        return connection

    @staticmethod
    def ask(connection, sql):
        """Message types, and the SQLSTATE if there was an error."""
        connection.send(wire.query(sql))
        messages = connection.receive_until("Z")
        errors = [wire.error_fields(body)["C"] for kind, body in messages if kind == "E"]
        return errors[0] if errors else "ok"

    def test_the_last_line_says_whether_clients_were_left(self):
        gateway = self.lab.gateway(self.config())
        self.assertEqual(gateway.stop(), 0)
        self.assertEqual(json.loads(gateway.log[-1])["msg"], "stopped")
        gateway = self.lab.gateway(self.config())
        self.session(gateway)
        self.assertEqual(gateway.stop(), 0)
        self.assertEqual(json.loads(gateway.log[-1])["msg"], "stopped before all clients had gone")

    def test_a_start_that_fails_ends(self):
        gateway = self.lab.gateway(self.config())
        path = self.lab.directory / "taken.yaml"
        path.write_text(self.config().replace("state_dir: state", "state_dir: taken").replace("port: 0", f"port: {gateway.port}"))
        done = subprocess.run([str(lab.GATEWAY), "--config", str(path)], capture_output=True, text=True, check=False, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("Address already in use", done.stderr)
        self.assertEqual(list((self.lab.directory / "taken").glob("admin.sock*")), [])

    # Configuration.

    def check_config(self, text):
        path = self.lab.directory / "checked.yaml"
        path.write_text(text)
        path.chmod(0o600)
        done = subprocess.run([str(lab.GATEWAY), "--check-config", "--config", str(path)], capture_output=True, text=True,
                              check=False)
        return done.returncode, done.stderr.replace(str(path), "FILE")

    def test_signals_are_heard_that_whoever_started_it_has_blocked(self):
        heard = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
        gateway = self.lab.gateway(self.config(), preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, heard))
        gateway.reload(self.config(allow="[]"))
        gateway.process.send_signal(signal.SIGTERM)
        self.assertEqual(gateway.process.wait(20), 0)

    def test_errors_name_file_line_column_and_the_remedy(self):
        good = self.config()
        self.assertEqual(self.check_config(good)[0], 0)
        cases = ((good.replace("select:", "selct:"), r"FILE:\d+:\d+: error: .*selct.*select"),
                 (good.replace("users: [reader]", "users: [reeder]"), r"FILE:\d+:\d+: error: .*reeder.*did you mean .reader"),
                 (good.replace("on: [postgres]", "on: [postgre]"), r"FILE:\d+:\d+: error: .*did you mean .postgres"),
                 (good.replace("version: 1", "version: 2"), r"FILE:1:\d+: error: version: must be 1"),
                 (good.replace("port: 0", "port: 70000"), r"FILE:\d+:\d+: error: .*70000 is not a port"),
                 (good.replace("address: 127.0.0.1", "address: 0.0.0.0"), r"FILE:\d+:\d+: error: .*not loopback"),
                 (good + "policies: []\n", r"FILE:\d+:\d+: error: .*policies"),
                 (good.replace("tls: disable", "tls: disabled"), r"FILE:\d+:\d+: error: .*disabled"),
                 (good.replace("SCRAM-SHA-256", "MD5"), r"FILE:\d+:\d+: error: .*scram-verifier"),
                 ("a: [", r"FILE:\d+:\d+: error: "), ("", r"FILE:\d+:\d+: error: "))
        for text, pattern in cases:
            status, said = self.check_config(text)
            self.assertEqual(status, 1, text)
            self.assertRegex(said, pattern)
            self.assertNotIn(lab.PASSWORD, said)

    def test_usage(self):
        for arguments, status in ((["--config", "/nonexistent", "--check-config"], 1), (["--bogus"], 2), (["--version"], 0),
                                  (["--help"], 0), (["scram-verifier"], 2)):
            done = subprocess.run([str(lab.GATEWAY), *arguments], input="", capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, status, done.stderr)

    def test_a_reload_counts_for_the_next_statement_of_live_sessions(self):
        gateway = self.lab.gateway(self.config())
        connection = self.session(gateway)
        self.assertEqual(self.ask(connection, "SELECT * FROM t"), "ok")
        self.assertEqual(self.ask(connection, "SELECT * FROM hidden"), "42501")
        connection.send(wire.parse("kept", "SELECT * FROM t") + wire.SYNC)
        connection.types_until_ready()
        gateway.reload(self.config("[ { select: [public.hidden] } ]"))
        self.assertEqual(self.ask(connection, "SELECT * FROM hidden"), "ok")
        self.assertEqual(self.ask(connection, "SELECT * FROM t"), "42501")
        connection.send(wire.bind("", "kept") + wire.execute() + wire.SYNC)
        self.assertIn(("E"), connection.types_until_ready(), "what was prepared under the old policy is judged again")
        self.assertEqual(len(gateway.audit("config.reload")), 1)

    def test_a_bad_file_leaves_the_old_policy_in_force(self):
        gateway = self.lab.gateway(self.config())
        connection = self.session(gateway)
        gateway.write_config("version: [")
        gateway.process.send_signal(signal.SIGHUP)
        lab.wait_until(lambda: any("not reloaded" in line for line in gateway.log), "the reload is refused", 10)
        self.assertEqual(self.ask(connection, "SELECT * FROM t"), "ok")

    def test_a_revoked_user_is_gone_at_once(self):
        gateway = self.lab.gateway(self.config())
        connection = self.session(gateway)
        gateway.reload(self.config(on_policy="other"))
        fields = wire.error_fields(connection.receive_until("E")[-1][1])
        self.assertEqual(fields["C"], "57P01")
        self.assertTrue(connection.at_end())
        with self.assertRaises(PermissionError) as refused:
            wire.Connection(gateway.port).login("reader", "postgres", lab.PASSWORD)
        self.assertEqual(refused.exception.args[0]["C"], "3D000")

    def test_limits_on_connections(self):
        gateway = self.lab.gateway(self.config(extra="limits: { connections_per_user: 1 }\n"))
        self.session(gateway)
        with self.assertRaises(PermissionError) as refused:
            wire.Connection(gateway.port).login("reader", "postgres", lab.PASSWORD)
        self.assertEqual(refused.exception.args[0]["C"], "53300")

    def test_connections_that_never_sign_in_are_bounded(self):
        gateway = self.lab.gateway(self.config(extra="limits: { connections: 1 }\n"))
        waiting = []
        for _ in range(1005):
            connection = lab.socket.create_connection(("127.0.0.1", gateway.port), 10)
            self.addCleanup(connection.close)
            waiting.append(connection)
        self.assertEqual(waiting[-1].recv(1), b"", "the last one is turned away")
        for connection in waiting:
            connection.close()
        lab.wait_until(lambda: self.can_sign_in(gateway), "there is room again", 10)

    def can_sign_in(self, gateway):
        try:
            with wire.Connection(gateway.port) as connection:
                connection.login("reader", "postgres", lab.PASSWORD)
            return True
        except (OSError, EOFError):
            return False

    def test_too_many_failed_logins(self):
        gateway = self.lab.gateway(self.config(extra="limits: { failed_logins_per_minute: 3 }\n"))
        codes = []
        for _ in range(4):
            with self.assertRaises(PermissionError) as refused:
                wire.Connection(gateway.port).login("reader", "postgres", "wrong")
            codes.append(refused.exception.args[0]["C"])
        self.assertEqual(codes, ["28P01"] * 3 + ["28000"])

    def test_failed_logins_that_began_together(self):
        gateway = self.lab.gateway(self.config(extra="limits: { failed_logins_per_minute: 3 }\n"))

        class Halting(wire.Connection):
            """Waits before it says its proof."""

            def __init__(self, port):
                super().__init__(port)
                self.asked, self.may_go_on = threading.Event(), threading.Event()

            def send(self, data):
                if data.startswith(b"p") and b"p=" in data:
                    self.asked.set()
                    self.may_go_on.wait(20)
                super().send(data)

        def code(connection, password):
            with contextlib.closing(connection.socket):
                try:
                    connection.login("reader", "postgres", password)
                except PermissionError as refused:
                    return refused.args[0]["C"]
            return "in"

        passwords = ["wrong"] * 6 + [lab.PASSWORD]
        connections = [Halting(gateway.port) for _ in passwords]
        with concurrent.futures.ThreadPoolExecutor(len(passwords)) as threads:
            outcomes = [threads.submit(code, *one) for one in zip(connections, passwords)]
            for connection in connections:
                self.assertTrue(connection.asked.wait(20))
            codes = []
            for connection, outcome in zip(connections, outcomes):
                connection.may_go_on.set()
                codes.append(outcome.result(20))
        self.assertEqual(codes, ["28P01"] * 3 + ["28000"] * 4)

    # The end.

    def test_a_drain_waits_for_transactions(self):
        gateway = self.lab.gateway(self.config())
        idle, busy = self.session(gateway), self.session(gateway)
        self.assertEqual(self.ask(busy, "BEGIN"), "ok")
        gateway.process.send_signal(signal.SIGTERM)
        self.assertEqual(wire.error_fields(idle.receive_until("E")[-1][1])["C"], "57P01")
        self.assertEqual(self.ask(busy, "SELECT * FROM t"), "ok")
        self.assertEqual(self.ask(busy, "COMMIT"), "ok")
        self.assertEqual(wire.error_fields(busy.receive_until("E")[-1][1])["C"], "57P01")
        self.assertEqual(gateway.process.wait(20), 0)
        with self.assertRaises(ConnectionRefusedError):
            wire.Connection(gateway.port)

    def test_a_drain_goes_on_taking_connections_for_a_while(self):
        gateway = self.lab.gateway(self.config(extra="drain: { min_delay: 60s }\n").replace("listen:\n", "listen:\n  ops: { port: 0 }\n"))
        gateway.process.send_signal(signal.SIGTERM)
        lab.wait_until(lambda: metrics.get(gateway, "/readyz")[0] == 503, "load balancers are told", 10)
        session = self.session(gateway)
        self.assertEqual(self.ask(session, "SELECT * FROM t"), "ok")
        gateway.process.send_signal(signal.SIGTERM)
        self.assertEqual(gateway.process.wait(20), 0)

    def test_a_drain_ends_in_time(self):
        gateway = self.lab.gateway(self.config(extra="drain: { min_delay: 0s, timeout: 300ms }\n"))
        stuck = self.session(gateway)
        self.assertEqual(self.ask(stuck, "BEGIN"), "ok")
        gateway.process.send_signal(signal.SIGTERM)
        self.assertEqual(wire.error_fields(stuck.receive_until("E")[-1][1])["C"], "57P01")
        self.assertEqual(gateway.process.wait(20), 0)

    # Audit.

    def cli(self, *arguments):
        return subprocess.run([str(lab.CLI), *map(str, arguments)], capture_output=True, text=True, check=False,
                              env={**os.environ, "XDG_STATE_HOME": str(self.lab.directory / "state-home")})

    def test_every_statement_has_a_decision_and_an_outcome(self):
        gateway = self.lab.gateway(self.config())
        connection = self.session(gateway)
        text = "SELECT * FROM t WHERE b = '" + "ü\\n\t\"" * 20_000 + "'"
        self.ask(connection, text)
        self.ask(connection, "SELECT * FROM hidden")
        connection.send(wire.TERMINATE)
        lab.wait_until(lambda: gateway.audit("session.end"), "the session's end is on record", 10)
        decided, done = gateway.audit("statement.decided"), gateway.audit("statement.done")
        self.assertEqual([record["decision.effect"] for record in decided], ["allow", "deny"])
        self.assertEqual([record["query_id"] for record in done], [decided[0]["query_id"]])
        blob = gateway.directory / "state" / "audit" / "blobs" / decided[0]["db.query.text_sha256"]
        self.assertEqual(blob.read_text(encoding="utf-8"), text, "a long text is kept whole")
        self.assertEqual(decided[1]["db.query.text"], "SELECT * FROM hidden")
        self.assertEqual(self.cli("audit", "verify", gateway.directory / "state" / "audit").returncode, 0)

    def test_a_crash_is_visible_and_the_chain_goes_on(self):
        config = self.config(extra="audit: { durability: sync }\n")
        gateway = self.lab.gateway(config)
        connection = self.session(gateway)
        self.assertEqual(self.ask(connection, "SELECT * FROM t"), "ok")
        gateway.process.kill()
        gateway.process.wait()
        log = gateway.directory / "state" / "audit"
        segment = sorted(log.glob("audit-w0-*.jsonl"))[-1]
        self.assertTrue(any('"statement.decided"' in line for line in segment.read_text().splitlines()))
        with open(segment, "a", encoding="utf-8") as torn:
            torn.write('{"v":1,"chain":"w0","seq":99,"cut')
        again = lab.Gateway(gateway.directory, config)
        self.addCleanup(again.stop)
        self.assertEqual(self.ask(self.session(again), "SELECT * FROM t"), "ok")
        self.assertEqual(len(again.audit("audit.gap")), 1)
        verified = self.cli("audit", "verify", log)
        self.assertEqual(verified.returncode, 0, verified.stdout)

    def test_no_record_is_lost_by_a_crash(self):
        """Killed in the middle of heavy writing: every statement whose result a client has seen is on record."""
        gateway = self.lab.gateway(self.config("[ { everything: true } ]"))
        log = gateway.directory / "state" / "audit"
        for round_ in range(3):
            answered, started = [0] * 4, threading.Barrier(5)

            def work(number, gateway=gateway, answered=answered, started=started, round_=round_):
                connection = self.session(gateway)
                started.wait(20)
                with contextlib.suppress(OSError, EOFError, ConnectionError):
                    while True:
                        connection.send(wire.query(f"SELECT 'r{round_}w{number}n{answered[number]}'"))
                        connection.receive_until("Z")
                        answered[number] += 1

            threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
            for thread in threads:
                thread.start()
            started.wait(20)
            lab.wait_until(lambda answered=answered: sum(answered) > 300 * (round_ + 1), "statements have run", 60)
            gateway.process.kill()
            gateway.process.wait()
            for thread in threads:
                thread.join(20)
            expected = {f"SELECT 'r{round_}w{w}n{n}'" for w in range(4) for n in range(answered[w])}
            for when in ("as it was left", "taken over"):
                texts = {record["db.query.text"] for record in gateway.audit("statement.decided")}
                self.assertEqual(expected - texts, set(), when)
                verified = self.cli("audit", "verify", log)
                self.assertEqual(verified.returncode, 0, verified.stdout)
                found = self.cli("audit", "search", log, "--text", f"'r{round_}w", "--event", "statement.decided", "-o", "jsonl")
                self.assertGreaterEqual(len(found.stdout.splitlines()), len(expected), when)
                if when == "as it was left":
                    gateway = lab.Gateway(gateway.directory, gateway.config.read_text())
                    self.addCleanup(gateway.stop)
        self.assertEqual(gateway.audit("audit.gap"), [])

    def test_what_cannot_be_recorded_is_not_run(self):
        for durability in ("sync", "process"):
            with self.subTest(durability):
                config = self.config("[ { everything: true } ]", extra=f"audit: {{ durability: {durability} }}\n")
                gateway = self.lab.gateway(config)
                connection = self.session(gateway)
                made = []

                def make(name, connection=connection):
                    connection.send(wire.query(f"CREATE TABLE {name} (a int)"))
                    kind, body = connection.receive_until("EZ")[-1]
                    return wire.error_fields(body)["C"] if kind == "E" else "ok"

                self.assertEqual(make(f"before_{durability}"), "ok")
                # From now on writes to the log fail. What the tail can take is accepted there, and runs.
                sizes = [path.stat().st_size for path in (gateway.directory / "state" / "audit").glob("audit-w0-*.jsonl")]
                limit = [f"--pid={gateway.process.pid}", f"--fsize={max(sizes)}:"]
                subprocess.run(["prlimit", *limit], check=True)
                for i in range(10_000):
                    code = make(f"{durability}_{i}")
                    if code != "ok":
                        break
                    made.append(f"{durability}_{i}")
                self.assertEqual(code, "58030")
                if durability == "sync":
                    self.assertEqual(made, [])
                tables = self.lab.postgres.psql("SELECT count(*) FROM pg_class WHERE relkind = 'r' "
                                                f"AND relname LIKE '{durability}\\_%'").stdout
                self.assertEqual(int(tables), len(made))
                self.assertIsNone(gateway.process.poll(), "the process lives on")
                gateway.process.kill()
                gateway.process.wait()
                again = lab.Gateway(gateway.directory, config)
                self.addCleanup(again.stop)
                texts = {record["db.query.text"] for record in again.audit("statement.decided")}
                self.assertEqual({f"CREATE TABLE {name} (a int)" for name in made} - texts, set())
                verified = self.cli("audit", "verify", again.directory / "state" / "audit")
                self.assertEqual(verified.returncode, 0, verified.stdout)

    def test_nothing_secret_is_logged(self):
        gateway = self.lab.gateway(self.config())
        connection = self.session(gateway)
        self.ask(connection, "SELECT 'a secret literal' FROM t")
        self.ask(connection, "SELEC 'a secret literal'")
        connection.send(wire.TERMINATE)
        lab.wait_until(lambda: gateway.audit("session.end"), "the session has ended", 10)
        text = "\n".join(gateway.log)
        self.assertNotIn("secret literal", text)
        self.assertNotIn(lab.PASSWORD, text)
        for line in gateway.log:
            if line.startswith("{"):
                self.assertTrue(re.fullmatch(r"\d{4}-.*Z", json.loads(line)["ts"]))


if __name__ == "__main__":
    unittest.main()
