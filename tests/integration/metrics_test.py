"""Metrics and probes: known traffic makes known numbers."""
import contextlib
import json
import pathlib
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import holds_test as holds  # noqa: E402
import lab  # noqa: E402
import metrics  # noqa: E402
import model_provider as fake  # noqa: E402
import pooled  # noqa: E402
import wire  # noqa: E402

SECONDS = 120  # of any wait: machines of tests are slow
PROMTOOL = pathlib.Path(shutil.which("promtool") or lab.ROOT / "build" / "promtool" / "promtool")


def config(it, more=""):
    """ana may do everything, bob reads with a mask, mia is asked about, hal has to wait for lead."""
    policies = "".join(f"  - {{ name: {name}, who: {{ users: [{name}] }}, on: [postgres], {rest} }}\n" for name, rest in (
        ("ana", "allow: [ { everything: true } ]"),
        ("bob", "allow: [ { select: [public.t] } ], mask: { public.t.v: redact }"),
        ("mia", "allow: [ { everything: true } ], risk: { llm: on, deny_at: critical }"),
        ("lim", "allow: [ { select: [public.t], functions: [safe] } ], limits: { rate: 1/h }"),
        ("hal", "allow: [ { select: [public.t] }, { delete: [public.t], "
                "require: { approval: { from: { users: [lead] }, within: 10m } } } ]")))
    listeners = "".join(f"  {name}: {{ address: 127.0.0.1, port: 0 }}\n" for name in ("postgres", "api", "ops"))
    return (f"version: 1\nstate_dir: state\nlisten:\n{listeners}{it.users('ana', 'bob', 'mia', 'hal', 'lim', 'lead')}{more}"
            f"audit: {{ witnesses: [ {{ name: mount, type: file, path: {it.directory}/checkpoints }} ] }}\n"
            f"targets:\n{it.target(pool='mode: transaction, max: 2')}{it.target('other')}policies:\n{policies}")


def read_to_end(peer):
    """Whoever closes without having read everything resets the connection."""
    with contextlib.suppress(ConnectionError):
        while peer.recv(1000):
            pass


class Metrics(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.provider = cls.enterClassContext(fake.Provider())
        key = cls.lab.directory / "key"
        key.write_text(fake.KEY)
        key.chmod(0o600)
        cls.lab.postgres.psql("CREATE TABLE t (id int, v text); INSERT INTO t SELECT n, 'v' FROM generate_series(1, 5) n")
        models = (f"models:\n  deadline: {{ person: 60s, service: 60s, agent: 60s }}\n  providers:\n"
                  f"    - {{ name: main, dialect: openai, model: M, key_file: {key}, timeout: 60s, "
                  f"url: '{cls.provider.url}/steered/openai' }}\n")
        cls.gateway = cls.lab.gateway(config(cls.lab, models))
        # Where catalogs are not known yet, statements of rules about columns are refused.
        with cls.open("targets/postgres/schema", token=cls.sign_in("ana")) as answer:
            answer.read()

    @classmethod
    def open(cls, path, body=None, token=None):
        headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{cls.gateway.ports['api']}/api/v1/{path}"
        return urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=SECONDS)

    @classmethod
    def sign_in(cls, user):
        with cls.open("login", {"username": user, "password": lab.PASSWORD}) as answer:
            return json.loads(answer.read())["access_token"]

    def session(self, user="ana"):
        client = pooled.Session(self.gateway.port, user, seconds=SECONDS)
        self.addCleanup(client.socket.close)
        return client

    def scrape(self):
        return metrics.Scrape(self.gateway)

    def becomes(self, expected, name, **labels):
        lab.wait_until(lambda: self.scrape().value(name, **labels) == expected, f"{name} {labels} is {expected}", SECONDS)

    def test_statements_by_kind_and_decision(self):
        ana, bob = self.session(), self.session("bob")
        before = self.scrape()
        for _ in range(3):
            self.assertEqual(len(ana.run("SELECT * FROM t").rows), 5)
        self.assertEqual(ana.run_extended("INSERT INTO t VALUES ($1, 'w')", [6]).tags, ["INSERT 0 1"])
        self.assertEqual(ana.run("DELETE FROM t WHERE id = 6").tags, ["DELETE 1"])
        self.assertEqual(ana.run("SELECT 1/0").code, "22012")
        self.assertEqual(ana.run("SELEC 1").code, "42601")
        self.assertEqual(ana.run("BEGIN").status, "T")
        self.assertEqual(ana.run("ROLLBACK").status, "I")
        self.assertEqual(ana.run("SET application_name = 'x'").status, "I")
        self.assertEqual(bob.run("SELECT v FROM t WHERE id = 1").error, None)
        self.assertEqual(bob.run("UPDATE t SET v = ''").code, "42501")
        after = self.scrape()
        self.assertEqual(after.since(before, "dbgate_statements_total"), {
            ("allow", "select", "postgres"): 4, ("allow", "insert", "postgres"): 1, ("allow", "delete", "postgres"): 1,
            ("deny", "other", "postgres"): 1, ("allow", "tx", "postgres"): 2, ("allow", "set", "postgres"): 1,
            ("mask", "select", "postgres"): 1, ("deny", "update", "postgres"): 1})
        self.assertEqual(after.since(before, "dbgate_statement_duration_seconds_count"), {
            ("select", "postgres"): 5, ("insert", "postgres"): 1, ("delete", "postgres"): 1, ("tx", "postgres"): 2,
            ("set", "postgres"): 1})
        self.assertEqual(after.since(before, "dbgate_rows_returned_total"), {("postgres",): 16})
        self.assertEqual(after.since(before, "dbgate_upstream_errors_total"), {("22", "postgres"): 1})
        self.assertEqual(after.since(before, "dbgate_sql_parse_failures_total"), {("simple", "postgres"): 1})
        traffic = after.since(before, "dbgate_network_bytes_total")
        self.assertGreater(traffic[("received", "client", "postgres")], 300)
        self.assertGreater(traffic[("sent", "client", "postgres")], 300)

    def test_decisions_by_class_of_rule_and_what_is_masked(self):
        ana, bob = self.session(), self.session("bob")
        bob.run("SELECT v FROM t WHERE id = 2")  # what follows is known
        before = self.scrape()
        self.assertEqual(ana.run("SELECT id FROM t WHERE id = 3").rows, [("3",)])
        self.assertEqual(len(bob.run("SELECT id, v FROM t WHERE id < 4").rows), 3)
        self.assertEqual(bob.run("UPDATE t SET v = ''").code, "42501")
        self.assertEqual(bob.run("SELECT id FROM t WHERE v = 'x'").code, "42501")
        self.assertEqual(bob.run("SELEC 1").code, "42601")
        after = self.scrape()
        self.assertEqual(after.since(before, "dbgate_policy_decisions_total"), {
            ("allow", "allow", "postgres"): 1, ("mask", "allow", "postgres"): 1, ("deny", "none", "postgres"): 1,
            ("deny", "mask", "postgres"): 1, ("deny", "builtin", "postgres"): 1})
        self.assertEqual(after.since(before, "dbgate_masked_values_total"), {("postgres",): 3})
        self.assertGreaterEqual(after.since(before, "dbgate_policy_evaluation_seconds_count")[()], 4)

    def test_what_the_gateway_itself_takes(self):
        client = self.session()
        before = self.scrape()
        for _ in range(32):
            self.assertEqual(client.run("SELECT 1").rows, [("1",)])
        after = self.scrape()
        # One turn in sixteen is timed. Other sessions have their turns as well.
        self.assertGreaterEqual(after.since(before, "dbgate_proxy_overhead_seconds_count")[("postgres",)], 1)
        self.assertGreater(after.since(before, "dbgate_proxy_overhead_seconds_sum")[("postgres",)], 0)
        # A text that is known is not evaluated again.
        self.assertLess(after.since(before, "dbgate_policy_evaluation_seconds_count").get((), 0), 32)
        bytes_ = after.since(before, "dbgate_network_bytes_total")
        for side in ("client", "upstream"):
            self.assertGreaterEqual(bytes_[("received" if side == "client" else "sent", side, "postgres")], 32 * len("Q0000SELECT 10"))
            self.assertGreaterEqual(bytes_[("sent" if side == "client" else "received", side, "postgres")], 32 * 60)

    def test_limits_of_policies(self):
        client = self.session("lim")
        before = self.scrape()
        self.assertEqual(client.run("SELECT 1").error, None)
        self.assertEqual(client.run("SELECT 1").code, "53400")
        self.assertEqual(self.scrape().since(before, "dbgate_rate_limited_total"), {("user",): 1})

    def test_who_is_out_of_step(self):
        before = self.scrape()
        with socket.create_connection(("127.0.0.1", self.gateway.port), SECONDS) as stranger:
            stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
            read_to_end(stranger)
        client = self.session()
        client.send(b"!\0\0\0\4")
        self.becomes(before.value("dbgate_protocol_errors_total", side="client", reason="message") + 1,
                     "dbgate_protocol_errors_total", side="client", reason="message")
        self.becomes(before.value("dbgate_protocol_errors_total", side="client", reason="startup") + 1,
                     "dbgate_protocol_errors_total", side="client", reason="startup")
        self.assertEqual(self.scrape().value("dbgate_protocol_errors_total", side="upstream", reason="message"), 0)

    def test_handshakes_and_sign_ins(self):
        gateway = self.lab.gateway(config(self.lab).replace("port: 0 }\n  api", f"port: 0, tls: {{ {self.tls()} }} }}\n  api")
                                   .replace("port: 0 }\n  ops", f"port: 0, tls: {{ {self.tls()} }} }}\n  ops"))
        before = metrics.Scrape(gateway)
        distrustful = ssl.create_default_context()  # does not know the authority
        for listener, port, hello in (("postgres", gateway.port, wire.packet(wire.SSL_REQUEST, b"")), ("api", gateway.ports["api"], b"")):
            with self.subTest(listener=listener), socket.create_connection(("127.0.0.1", port), SECONDS) as plain:
                if hello:
                    plain.sendall(hello)
                    self.assertEqual(plain.recv(1), b"S")
                with self.assertRaises(ssl.SSLError):
                    distrustful.wrap_socket(plain, server_hostname="localhost")
                lab.wait_until(lambda listener=listener: metrics.Scrape(gateway).value(
                    "dbgate_tls_handshake_failures_total", listener=listener, reason="alert") == 1, "it is counted", SECONDS)
            with socket.create_connection(("127.0.0.1", port), SECONDS) as plain:
                if hello:
                    plain.sendall(hello)
                    self.assertEqual(plain.recv(1), b"S")
                plain.sendall(b"this is no TLS, whatever it may be; " * 4)
                read_to_end(plain)
                lab.wait_until(lambda listener=listener: metrics.Scrape(gateway).value(
                    "dbgate_tls_handshake_failures_total", listener=listener, reason="protocol") == 1, "it is counted", SECONDS)
        after = metrics.Scrape(gateway)
        self.assertEqual(after.since(before, "dbgate_client_connections_total"), {("tls_failed", ""): 2})
        done = self.lab.psql("SELECT 1", user="ana", password="wrong", check=False, sslmode="require")
        self.assertNotEqual(done.returncode, 0)
        self.lab.psql("SELECT 1", user="ana", sslmode="require")
        later = metrics.Scrape(gateway)
        self.assertEqual(later.since(after, "dbgate_auth_duration_seconds_count"), {("scram",): 2})
        self.assertGreater(later.since(after, "dbgate_auth_duration_seconds_sum")[("scram",)], 0)

    def tls(self):
        return f"cert_file: {self.lab.certificates.cert}, key_file: {self.lab.certificates.key}"

    def test_pins_by_reason(self):
        before = self.scrape()
        client = self.session()
        self.assertEqual(client.run("CREATE TEMP TABLE own (a int)").tags, ["CREATE TABLE"])
        self.assertEqual(client.run("CREATE TEMP TABLE more (a int)").tags, ["CREATE TABLE"])
        self.becomes(1, "dbgate_sessions_pinned", target="postgres", reason="temporary_object")
        self.assertEqual(client.run("SELECT pg_advisory_lock(7)").error, None)
        self.becomes(1, "dbgate_sessions_pinned", target="postgres", reason="advisory_lock")
        with self.open("sessions", token=self.sign_in("ana")) as answer:
            bound = [session["bound_by"] for session in json.loads(answer.read())["items"] if session["bound_by"]]
        self.assertEqual(bound, ["temporary object, advisory lock"])
        self.assertEqual(self.scrape().since(before, "dbgate_session_pins_total"),
                         {("temporary_object", "postgres"): 1, ("advisory_lock", "postgres"): 1})
        client.socket.close()
        for reason in ("temporary_object", "advisory_lock"):
            self.becomes(0, "dbgate_sessions_pinned", target="postgres", reason=reason)

    def test_connections(self):
        before = self.scrape()
        client = self.session()
        with self.assertRaises(PermissionError):
            pooled.Session(self.gateway.port, "ana", "nowhere", seconds=SECONDS)
        self.lab.psql("SELECT 1", user="ana", password="wrong", check=False)
        self.becomes(1, "dbgate_client_connections", target="postgres", state="idle")
        self.assertEqual(client.run("BEGIN").status, "T")
        self.becomes(1, "dbgate_client_connections", target="postgres", state="idle_in_transaction")
        self.assertGreaterEqual(self.scrape().value("dbgate_upstream_connections", target="postgres", state="active"), 1)
        after = self.scrape()
        self.assertEqual(after.since(before, "dbgate_client_connections_total"),
                         {("ok", "postgres"): 1, ("refused", ""): 1, ("auth_failed", ""): 1})
        self.assertEqual(after.since(before, "dbgate_auth_attempts_total"), {("scram", "ok"): 2, ("scram", "error"): 1})
        self.assertEqual(after.value("dbgate_upstream_up", target="postgres"), 1)
        self.assertEqual(after.value("dbgate_upstream_connects_total", target="postgres", result="error"), 0)
        self.assertGreaterEqual(after.value("dbgate_upstream_connects_total", target="postgres", result="ok"), 1)

    def test_waiting_for_a_server_connection(self):
        held = [self.session(), self.session()]
        for client in held:
            self.assertEqual(client.run("BEGIN; SELECT 1").status, "T")
        before = self.scrape()
        waiting = self.session()
        waiting.send(wire.query("SELECT 1"))
        self.becomes(1, "dbgate_client_connections", target="postgres", state="waiting")
        self.assertGreater(self.scrape().value("dbgate_pool_oldest_wait_seconds", target="postgres"), 0)
        self.assertEqual(held[0].run("COMMIT").status, "I")
        self.assertEqual(waiting.answer().rows, [("1",)])
        self.assertEqual(self.scrape().since(before, "dbgate_pool_wait_seconds_count"), {("postgres",): 1})

    def test_models(self):
        client = self.session("mia")
        before = self.scrape()
        for value in range(2):
            self.assertEqual(client.run(f"INSERT INTO t SELECT id + 100, '{value}' FROM t WHERE false").error, None)
        after = self.scrape()
        self.assertEqual(after.since(before, "dbgate_risk_requests_total"), {("main", "ok"): 1})
        self.assertEqual(after.since(before, "dbgate_risk_duration_seconds_count"), {("main",): 1})
        self.assertEqual(after.since(before, "dbgate_risk_tokens_total"), {("input", "main"): 410, ("output", "main"): 60})
        self.assertEqual(after.since(before, "dbgate_risk_cache_requests_total"), {("hit",): 1, ("miss",): 1})
        self.assertEqual(after.since(before, "dbgate_risk_fallbacks_total"), {})

    def test_approvals(self):
        client = self.session("hal")
        before = self.scrape()
        client.send(wire.query("DELETE FROM t WHERE id = 77"))
        identifier = holds.read_notice(client)
        self.becomes(1, "dbgate_approvals_pending")
        self.becomes(1, "dbgate_client_connections", target="postgres", state="held")
        with self.open(f"approvals/{identifier}/approve", {}, self.sign_in("lead")) as answer:
            self.assertEqual(json.loads(answer.read())["state"], "approved")
        self.assertEqual(client.answer().tags, ["DELETE 0"])
        after = self.scrape()
        self.assertEqual(after.since(before, "dbgate_approvals_total"), {("approved",): 1})
        self.assertEqual(after.since(before, "dbgate_approval_wait_seconds_count"), {("approved",): 1})
        self.assertEqual(after.value("dbgate_approvals_pending"), 0)
        self.assertEqual(after.since(before, "dbgate_http_requests_total")[("200", "POST", "/api/v1/approvals/{id}/approve")], 1)

    def test_the_audit_log_is_counted_as_it_is(self):
        # Sessions of other tests may end at any time, so: until both say the same.
        client = self.session()
        self.assertEqual(client.run("SELECT 1").error, None)
        lab.wait_until(lambda: self.scrape().value("dbgate_audit_records_total", sink="file", result="ok") ==
                       len(self.gateway.audit()), "as many records are counted as there are", SECONDS)
        scrape = self.scrape()
        self.assertEqual(scrape.value("dbgate_audit_records_total", sink="file", result="error"), 0)
        self.assertEqual(scrape.value("dbgate_audit_dropped_records_total", sink="file"), 0)
        self.assertGreater(scrape.value("dbgate_audit_last_success_timestamp_seconds", sink="file"), 1_700_000_000)

    def test_everything_is_documented_and_there_from_the_start(self):
        page = (lab.ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
        table = "".join(line for line in page.splitlines(keepends=True) if line.startswith("| `"))
        documented = set(re.findall(r"`((?:dbgate|process)_[a-z_]+)`", table))
        scrape = self.scrape()
        self.assertEqual(documented, set(scrape.types) | {"dbgate_tls_certificate_not_after_timestamp_seconds"})
        for name, labels in (("dbgate_statements_total", {"kind": "copy", "decision": "hold"}),
                             ("dbgate_session_pins_total", {"reason": "load"}),
                             ("dbgate_client_connections", {"state": "held"}), ("dbgate_pool_wait_seconds_count", {})):
            self.assertEqual(scrape.value(name, target="other", **labels), 0)
        for secret in ("ana", "bob", lab.PASSWORD, "SELECT", "ses_", "127.0.0.1"):
            self.assertNotIn(f'"{secret}', scrape.text)

    @unittest.skipUnless(PROMTOOL.exists(), "no promtool; scripts/setup.sh test brings it")
    def test_promtool_has_nothing_to_say(self):
        done = subprocess.run([PROMTOOL, "check", "metrics"], input=self.scrape().text, capture_output=True, text=True, timeout=60,
                              check=False)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_probes(self):
        for path in ("/startupz", "/livez", "/readyz"):
            status, headers, text = metrics.get(self.gateway, path)
            self.assertEqual((status, json.loads(text)), (200, {"status": "ok"}))
            self.assertEqual((headers["Content-Type"], headers["Cache-Control"]), ("application/json", "no-store"))
        checks = json.loads(metrics.get(self.gateway, "/readyz?verbose")[2])["checks"]
        self.assertIn({"name": "target other", "status": "ok"}, checks)
        self.assertIn({"name": "audit log", "status": "ok"}, checks)
        self.assertEqual(metrics.get(self.gateway, "/livez", "HEAD")[::2], (200, ""))
        self.assertEqual(metrics.get(self.gateway, "/metrics", "POST")[0], 405)
        self.assertEqual(metrics.get(self.gateway, "/api/v1/sessions")[0], 404)

    def test_draining_and_reloading(self):
        gateway = self.lab.gateway(config(self.lab))
        before = metrics.Scrape(gateway)
        self.assertEqual((before.value("dbgate_ready"), before.value("dbgate_draining")), (1, 0))
        gateway.write_config("version: 2\n")
        gateway.process.send_signal(signal.SIGHUP)
        lab.wait_until(lambda: metrics.Scrape(gateway).value("dbgate_config_last_reload_successful") == 0, "the file is refused", SECONDS)
        gateway.reload(config(self.lab, "log: { level: warn }\n"))
        lab.wait_until(lambda: metrics.Scrape(gateway).value("dbgate_config_last_reload_successful") == 1, "the file is taken", SECONDS)
        client = pooled.Session(gateway.port, "ana", seconds=SECONDS)
        self.addCleanup(client.socket.close)
        self.assertEqual(client.run("BEGIN").status, "T")
        gateway.process.send_signal(signal.SIGTERM)
        lab.wait_until(lambda: metrics.get(gateway, "/readyz")[0] == 503, "it is not ready any more", SECONDS)
        self.assertEqual(json.loads(metrics.get(gateway, "/readyz")[2]),
                         {"status": "unavailable", "checks": [{"name": "not draining", "status": "failed"}]})
        self.assertEqual(metrics.get(gateway, "/livez")[0], 200)
        after = metrics.Scrape(gateway)
        self.assertEqual((after.value("dbgate_ready"), after.value("dbgate_draining")), (0, 1))


if __name__ == "__main__":
    unittest.main()
