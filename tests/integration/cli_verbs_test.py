"""The client side of every operation, under a terminal and without one. The gateway is a fake."""
import json
import pathlib
import re
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import cli_fixture  # noqa: E402
import lab  # noqa: E402


class Verbs(cli_fixture.CliTest):
    # Statements.

    def rows(self, *lines):
        self.gateway.stream = [
            '{"type":"meta","query_id":"qry_1","result":0,"columns":[{"name":"id","type":"int8"},{"name":"v","type":"text"}]}', *lines,
            '{"type":"summary","id":"qry_1","state":"succeeded","rows":2,"truncated":true,"command_tag":"SELECT 2"}']

    def test_exec_prints_what_came_in_every_format(self):
        self.login()
        self.rows('{"type":"rows","rows":[[12345678901234567890.100,"a\\tb"],[1e+400,null]]}',
                  '{"type":"notice","severity":"NOTICE","message":"look"}')
        run = lambda *flags: self.cli("exec", "shop", "-c", "SELECT 1", *flags)  # noqa: E731
        done = run()
        self.assertEqual(done.stdout, "id\tv\n12345678901234567890.100\ta\\tb\n1e+400\t\n")
        self.assertIn("NOTICE:  look", done.stderr)
        self.assertIn("--max-rows", done.stderr)
        self.assertEqual(run("-o", "csv").stdout, 'id,v\n12345678901234567890.100,a\tb\n1e+400,\n')
        self.assertEqual(run("-o", "jsonl").stdout, '{"id":12345678901234567890.100,"v":"a\\tb"}\n{"id":1e+400,"v":null}\n')
        self.assertTrue(run("-o", "json").stdout.startswith('[\n{"id":12345678901234567890.100'))
        self.assertEqual(run("-o", "table").stdout, "                      ID  V\n12345678901234567890.100  a\\tb\n                  1e+400  NULL\n")
        self.assertEqual(run("-o", "aligned").stdout.splitlines()[1:],
                         ["--------------------------+------", " 12345678901234567890.100 | a\\tb", "                   1e+400 | NULL", "(2 rows)"])
        self.assertIn("| 1e+400 | NULL |", run("-o", "markdown").stdout)
        self.cli("exec", "shop", "--max-rows", "5", "--timeout", "3s", "--script", "-", text="SELECT 2")
        self.cli("exec", "shop/other", "-c", "SELECT 3")
        bodies = [request["body"] for request in self.gateway.asked("POST", "/targets/shop/queries")[-2:]]
        self.assertEqual(bodies, [{"sql": "SELECT 2", "max_rows": 5, "timeout_ms": 3000, "script": True, "held": "refuse"},
                                  {"sql": "SELECT 3", "database": "other", "held": "refuse"}])

    def test_exec_statuses(self):
        self.login()
        self.cli("exec", "shop", "-c", "HELD", status=6)
        self.cli("exec", "shop", status=2)
        self.cli("exec", "shop", "-c", "x", "-f", "y", status=2)
        for problem, status in (('"status":422,"code":"statement_failed","sqlstate":"22012","detail":"division by zero"', 8),
                                ('"status":504,"code":"upstream_timeout","sqlstate":"57014","detail":"too long"', 9), ('"status":403,"code":"denied","sqlstate":"42501","detail":"no"', 5)):
            self.gateway.stream = [f'{{"type":"summary","id":"qry_1","state":"failed","error":{{{problem}}}}}']
            done = self.cli("exec", "shop", "-c", "SELECT 1/0", status=status)
        self.gateway.stream = ['{"type":"meta","query_id":"q","columns":[{"name":"a"}]}', '{"type":"rows","rows":[[1]']
        self.assertIn("not whole", self.cli("exec", "shop", "-c", "x", status=7).stderr)
        self.gateway.stream = ["rubbish"]
        self.cli("exec", "shop", "-c", "x", status=1)
        self.cli("exec", "shop", "-c", "SELECT 1", "--dry-run")
        self.assertEqual(self.cli("exec", "shop", "-c", "DELETE", "--dry-run", status=5).returncode, done.returncode)

    def test_ctrl_c_cancels_the_statement(self):
        self.login()
        end = '{"type":"summary","id":"qry_1","state":"cancelled","error":{"code":"query_cancelled","status":409,"sqlstate":"57014","detail":"cancelled"}}'
        self.gateway.stream = ['{"type":"meta","query_id":"qry_7","columns":[{"name":"a"}]}', '{"type":"rows","rows":[[1]]}', "wait", end]
        term = self.term("exec", "shop", "-o", "csv", "-c", "SELECT pg_sleep(60)")
        term.expect("1\n")
        term.interrupt()
        self.assertEqual(term.wait(), 130)
        self.assertTrue(self.gateway.cancelled.is_set())
        self.assertEqual(len(self.gateway.asked("POST", "/queries/qry_7/cancel")), 1)

    def test_check_fails_on_risk(self):
        self.login()
        self.cli("check", "shop", "-c", "SELECT 1")
        self.cli("check", "shop", "-c", "SELECT 1", "--fail-on", "high", status=10)
        self.cli("check", "shop", "-c", "SELECT 1", "--fail-on", "critical")
        self.cli("check", "shop", "-c", "DELETE", "--fail-on", "low", status=5)
        self.cli("check", "shop", "-c", "SELECT 1", "--fail-on", "hihg", status=2)

    # Work of every day, and administration: a verb, and what the gateway is asked.

    def asked_by(self, *arguments, text="", status=0):
        before = len(self.gateway.requests)
        done = self.cli(*arguments, text=text, status=status)
        return done, [(r["method"], r["path"], r["body"]) for r in self.gateway.requests[before:]]

    def test_every_verb_of_administration(self):
        self.login()
        for arguments, text, last in (
                (("user", "add", "omar", "--email", "o@x", "--group", "a", "--group", "b"), "",
                 ("POST", "/users", {"email": "o@x", "name": "omar", "groups": ["a", "b"]})),
                (("user", "list"), "", ("GET", "/users", None)),
                (("user", "show", "omar"), "", ("GET", "/users/omar", None)),
                (("user", "disable", "omar", "--yes"), "", ("PATCH", "/users/omar", {"state": "disabled"})),
                (("user", "enable", "omar"), "", ("PATCH", "/users/omar", {"state": "active"})),
                (("user", "reset", "omar", "--yes"), "", ("POST", "/users/omar/reset", {})),
                (("group", "add", "dba", "--description", "d"), "", ("POST", "/groups", {"description": "d", "name": "dba"})),
                (("group", "list"), "", ("GET", "/groups", None)),
                (("group", "member", "add", "dba", "a", "b"), "", ("PUT", "/groups/dba/members/b", None)),
                (("group", "member", "remove", "dba", "a"), "", ("DELETE", "/groups/dba/members/a", None)),
                (("group", "remove", "dba", "--yes"), "", ("DELETE", "/groups/dba", None)),
                (("service-account", "add", "etl", "--agent"), "", ("POST", "/service-accounts", {"name": "etl", "kind": "agent"})),
                (("service-account", "list"), "", ("GET", "/service-accounts", None)),
                (("service-account", "key-add", "etl", "--ttl", "30d"), "",
                 ("POST", "/service-accounts/etl/keys", {"name": "dbgate", "scopes": ["read", "query", "connect"], "expires_in_seconds": 2592000})),
                (("service-account", "key-list", "etl"), "", ("GET", "/service-accounts/etl/keys", None)),
                (("service-account", "key-revoke", "etl", "obj_0", "--yes"), "", ("DELETE", "/service-accounts/etl/keys/obj_0", None)),
                (("target", "add", "shop", "--host", "h:1", "--user", "u", "--password-stdin", "--env", "prod"), "s3cret\n",
                 ("POST", "/targets", {"name": "shop", "settings": {"upstream": {"hosts": ["h:1"], "user": "u", "password": "s3cret"},
                                                                    "environment": "prod"}})),
                (("target", "edit", "shop", "--tls", "verify-full"), "",
                 ("PUT", "/targets/shop", {"settings": {"upstream": {"hosts": ["h:1"], "user": "u", "password": "s3cret", "tls": "verify-full"},
                                                        "environment": "prod"}})),
                (("target", "show", "shop"), "", ("GET", "/targets/shop", None)),
                (("target", "test", "shop"), "", ("POST", "/targets/shop/test", {})),
                (("target", "list"), "", ("GET", "/targets", None)),
                (("show", "shop"), "", ("GET", "/targets/shop", None)),
                (("target", "remove", "shop", "--yes"), "", ("DELETE", "/targets/shop", None)),
                (("personal-token", "create", "ci", "--scope", "read", "--ttl", "1h"), "",
                 ("POST", "/me/tokens", {"name": "ci", "scopes": ["read"], "expires_in_seconds": 3600})),
                (("personal-token", "list"), "", ("GET", "/me/tokens", None)),
                (("personal-token", "revoke", "obj_0", "--yes"), "", ("DELETE", "/me/tokens/obj_0", None)),
                (("database-password", "create", "laptop", "--target", "shop"), "",
                 ("POST", "/me/database-passwords", {"target": "shop", "name": "laptop", "expires_in_seconds": 7776000})),
                (("database-password", "list"), "", ("GET", "/me/database-passwords", None)),
                (("database-password", "revoke", "obj_0", "--yes"), "", ("DELETE", "/me/database-passwords/obj_0", None)),
                (("invitation", "create", "x@y", "--group", "g"), "", ("POST", "/invitations", {"email": "x@y", "groups": ["g"], "expires_in_seconds": 604800})),
                (("invitation", "list"), "", ("GET", "/invitations", None)),
                (("registration", "list"), "", ("GET", "/registrations", None)),
                (("registration", "approve", "zoe"), "", ("POST", "/registrations/zoe/approve", {})),
                (("registration", "create", "zoe", "--invitation", "--password-stdin"), "inv\npw\n",
                 ("POST", "/registrations", {"name": "zoe", "invitation": "inv", "password": "pw"})),
                (("second-factor", "disable", "--yes", "--password-stdin"), "pw\n", ("DELETE", "/me/totp", {"password": "pw"})),
                (("history", "list", "--target", "shop"), "", ("GET", "/history", None)),
                (("history", "show", "qry_1"), "", ("GET", "/history/qry_1", None)),
                (("sessions", "list"), "", ("GET", "/sessions", None)),
                (("sessions", "kill", "ses_1", "--reason", "r", "--yes"), "", ("POST", "/sessions/ses_1/kill", {"reason": "r"})),
                (("audit", "search", "--user", "ana"), "", ("GET", "/audit/records", None)),
                (("audit", "tail"), "", ("GET", "/audit/records", None))):
            done, asked = self.asked_by(*arguments, text=text)
            self.assertEqual(asked[-1], last, arguments)
            self.assertEqual(text != "" and text.split("\n")[0] in done.stdout + done.stderr, False, "secrets are not repeated")

    def test_a_new_password_renews_the_token(self):
        self.login()
        _, asked = self.asked_by("password", "--password-stdin", text="old\nnew\n")
        self.assertEqual(asked[-2], ("POST", "/me/password", {"current_password": "old", "new_password": "new"}))
        self.assertEqual(asked[-1][1:], ("/token", {"grant_type": "refresh_token", "refresh_token": "refresh-1"}))

    def test_a_secret_is_shown_once_and_alone_with_q(self):
        self.login()
        self.assertEqual(self.cli("personal-token", "create", "ci", "-q").stdout, "dbg_pat_shown_once\n")
        done = self.cli("personal-token", "create", "ci2")
        self.assertIn("dbg_pat_shown_once", done.stdout)
        self.assertIn("one time", done.stderr)
        self.assertNotIn("dbg_pat_shown_once", self.cli("personal-token", "list", "-o", "json").stdout)

    def test_destructive_verbs_ask(self):
        self.login()
        self.cli("user", "add", "omar")
        self.assertIn("--yes", self.cli("user", "disable", "omar", status=2).stderr)
        for answer, status in (("n\n", 1), ("\n", 1), ("y\n", 0)):
            term = self.term("user", "disable", "omar")
            term.expect(r"Disable omar .*\[y/N\] ")
            term.type(answer)
            self.assertEqual(term.wait(), status)
        self.assertEqual(len(self.gateway.asked("PATCH", "/users/omar")), 1)
        for verb in (("group", "remove", "x"), ("target", "remove", "x"), ("sessions", "kill", "x", "--reason", "r"), ("user", "reset", "x"),
                     ("service-account", "key-revoke", "x", "y"), ("personal-token", "revoke", "x"), ("database-password", "revoke", "x"),
                     ("second-factor", "disable", "--password-stdin")):
            self.assertIn("--yes", self.cli(*verb, status=2).stderr, verb)

    def test_questions_on_a_terminal(self):
        self.login()
        term = self.term("second-factor", "enable")
        term.expect("otpauth://totp")
        term.expect("Code that it shows: ")
        term.type("123456\n")
        term.expect("one-two")
        self.assertEqual(term.wait(), 0)
        term = self.term("password")
        for question, typed in (("Password now: ", "right"), ("New password: ", "n3w"), ("New password again: ", "different")):
            term.expect(question)
            term.type(typed + "\n")
        self.assertEqual(term.wait(), 2)
        self.assertEqual(self.gateway.asked("POST", "/me/password"), [])
        term = self.term("target", "add", "x", "--host", "h:1")
        term.expect("Password of the server")
        term.type("s3cret\n")
        self.assertEqual(term.wait(), 0)
        self.assertNotIn("s3cret", term.screen)
        term = self.term("sessions", "kill", "ses_1", "--yes")
        term.expect("Reason")
        term.type("too long\n")
        self.assertEqual(term.wait(), 0)

    def test_history_rerun_and_sessions_watch(self):
        self.login()
        self.rows()
        self.cli("history", "rerun", "qry_1")
        self.assertEqual(self.gateway.asked("POST", "/targets/shop/queries")[-1]["body"]["sql"], "SELECT 1")
        term = self.term("sessions", "watch", "-o", "jsonl")
        seen = json.loads(term.expect(r"\{.*\}")[0])
        self.assertEqual((seen["event"], seen["id"]), ("session.start", "ses_1"))
        term.interrupt()
        self.assertEqual(term.wait(), 130)

    # Verbs without a gateway.

    def test_help_of_every_verb(self):
        overview = self.cli("--help").stdout
        page = self.cli("__generate", "markdown").stdout
        for path in re.findall(r"^### (.*)$", page, re.MULTILINE):
            text = self.cli(*path.split(), "--help").stdout
            self.assertTrue(text.startswith(f"dbgate {path}: "), path)
            self.assertEqual(text, self.cli("help", *path.split()).stdout)
            self.assertIn(path.split()[0], overview)
        for topic in ("environment", "exit-codes", "formatting", "files"):
            self.assertIn(topic, overview)
            self.cli("help", topic)
        self.assertIn("add", self.cli("user", "--help").stdout)
        self.assertEqual(self.cli("version").stdout, self.cli("--version").stdout)

    def test_the_manual_page_is_well_formed(self):
        page = self.home / "dbgate.1"
        page.write_text(self.cli("__generate", "man").stdout)
        done = subprocess.run(["man", "-l", "--warnings=w", str(page)], capture_output=True, text=True, check=True,
                              env={**self.environment, "MANWIDTH": "100", "LC_ALL": "C.UTF-8"})
        self.assertEqual(done.stderr, "")
        for word in ("dbgate connect TARGET", "ENVIRONMENT VARIABLES", "EXIT STATUSES"):
            self.assertIn(word, done.stdout)

    def test_doctor(self):
        self.login()
        checks = {item["check"]: item["result"] for item in json.loads(self.cli("doctor", "-o", "json").stdout)}
        self.assertEqual(checks, {"settings": "ok", "dns": "ok", "tcp": "ok", "tls": "warn", "clock": "ok", "version": "ok", "token": "ok",
                                  "psql": "ok"})  # the certificate of tests ends in two days
        self.gateway.date = "Mon, 01 Jan 2024 00:00:00 GMT"
        out = self.cli("doctor", "-o", "json", status=1).stdout
        self.assertIn("timedatectl", out)
        self.gateway.date = None
        other = lab.Certificates(self.home / "other")
        self.assertIn("fail", self.cli("doctor", DBGATE_CA_FILE=str(other.ca), status=1).stdout)
        self.assertIn("tcp\tfail", self.cli("doctor", DBGATE_URL=f"https://localhost:{lab.free_port()}", status=1).stdout)
        self.assertIn("dns\tfail", self.cli("doctor", DBGATE_URL="https://no-such-host.invalid", status=1).stdout)
        self.assertIn("psql\twarn", self.cli("doctor", DBGATE_PSQL="no-such-psql").stdout)
        term = self.term("doctor")
        self.assertEqual(term.wait(), 0)
        self.assertIn("fix: ", term.screen)

    def test_a_proxy_is_used_by_connect(self):
        proxy = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(proxy.close)
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        process = subprocess.Popen([str(lab.CLI), "whoami"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   env={**self.environment, "DBGATE_URL": "https://gateway.test:8443", "HTTPS_PROXY": address, "DBGATE_TOKEN": "t"})
        connection, _ = proxy.accept()
        with connection:
            self.assertTrue(connection.recv(1000).startswith(b"CONNECT gateway.test:8443 HTTP/1.1\r\n"))
            connection.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            said = process.communicate(timeout=20)[1]
        self.assertIn("the proxy refused", said)
        self.assertEqual(process.returncode, 7)
        self.cli("doctor", HTTPS_PROXY=address, status=1)  # loopback is reached without


if __name__ == "__main__":
    unittest.main()
