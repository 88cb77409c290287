"""The client side of every operation, and what verbs show, under a terminal and without one. The gateway is a fake."""
import base64
import hashlib
import json
import os
import pathlib
import re
import socket
import stat
import subprocess
import sys
import unittest
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import fake_gateway  # noqa: E402
import lab  # noqa: E402
import terminal  # noqa: E402

DROPPED = ("DBGATE_TOKEN", "DBGATE_URL", "PGPASSWORD", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "DISPLAY",
           "WAYLAND_DISPLAY", "BROWSER", "SSH_CONNECTION", "SSH_TTY", "PAGER", "HTTPS_PROXY", "https_proxy")


class Verbs(unittest.TestCase):
    def setUp(self):
        self.home = pathlib.Path(self.enterContext(lab.tempfile.TemporaryDirectory(prefix="dbgate-cli-")))
        self.certificates = lab.Certificates(self.home / "tls")
        self.gateway = fake_gateway.FakeGateway(self.certificates)
        self.addCleanup(self.gateway.close)
        self.environment = {name: value for name, value in os.environ.items() if name not in DROPPED}
        self.environment.update({"HOME": str(self.home), "XDG_STATE_HOME": str(self.home / "state"), "USER": "ana",
                                 "XDG_RUNTIME_DIR": str(self.home), "XDG_CONFIG_HOME": str(self.home / "config"),
                                 "XDG_CACHE_HOME": str(self.home / "cache"), "DBGATE_CA_FILE": str(self.certificates.ca),
                                 "DBGATE_URL": self.gateway.url})
        (self.home / "state").mkdir()

    def cli(self, *arguments, text="", status=0, **environment):
        done = subprocess.run([str(lab.CLI), *map(str, arguments)], input=text, capture_output=True, text=True, timeout=60,
                              env={**self.environment, **environment}, check=False)
        self.assertEqual(done.returncode, status, f"{arguments}: {done.stdout}{done.stderr}")
        return done

    def term(self, *arguments, rows=24, **environment):
        return self.enterContext(terminal.Terminal([lab.CLI, *arguments], {**self.environment, **environment}, rows=rows))

    def login(self):
        self.cli("login", "--username", "ana", "--password-stdin", text="right\n")

    def credentials(self):
        return self.home / "state" / "dbgate" / "credentials.json"

    def stored(self):
        return json.loads(self.credentials().read_text())["logins"][0]

    # Signing in.

    def test_a_password_is_asked_for_without_echo(self):
        term = self.term("login")
        term.expect("Password for ana at https://localhost:.*: ")
        self.assertFalse(term.echo())
        term.type("right\n")
        term.expect("signed in to .* as ana")
        self.assertEqual(term.wait(), 0)
        self.assertNotIn("right", term.screen)
        self.assertTrue(term.echo())

    def test_ctrl_c_at_the_password_leaves_the_terminal_as_it_was(self):
        term = self.term("login")
        term.expect("Password")
        term.interrupt()
        self.assertEqual(term.wait(), 130)
        self.assertTrue(term.echo())
        self.assertFalse(self.credentials().exists())

    def test_the_second_factor_is_asked_for(self):
        self.gateway.second_factor = True
        term = self.term("login", "--username", "ana")
        term.expect("Password")
        term.type("right\n")
        term.expect("Code of your second factor")
        term.type("123456\n")
        self.assertEqual(term.wait(), 0)
        self.cli("login", "--username", "ana", "--password-stdin", text="right\n123456\n")
        self.cli("login", "--username", "ana", "--password-stdin", text="right\n", status=4)
        self.assertEqual(self.gateway.requests[-2]["body"]["username"], "ana")

    def test_nobody_is_asked_without_a_terminal(self):
        self.assertIn("--password-stdin", self.cli("login", "--username", "ana", status=2).stderr)
        term = self.term("login", "--username", "ana", DBGATE_NO_INPUT="1")
        self.assertEqual(term.wait(), 2)

    def browser(self, script):
        path = self.home / "browser"
        path.write_text(f"#!/usr/bin/python3\n{script}")
        path.chmod(0o755)
        return str(path)

    def test_the_browser_comes_back_to_loopback(self):
        self.gateway.providers = [{"name": "idp", "device": True}]
        term = self.term("login", BROWSER=self.browser("import sys; open(sys.argv[0] + '.seen', 'w').write(sys.argv[1])"))
        term.expect("Sign in on this page")
        lab.wait_until((self.home / "browser.seen").exists, "the browser is started", 10)
        asked = self.gateway.oidc
        self.assertTrue(asked["redirect_uri"].startswith("http://127.0.0.1:"))
        with self.assertRaises(urllib.error.HTTPError) as refused:  # somebody else's state changes nothing
            urllib.request.urlopen(asked["redirect_uri"] + "?code=evil&state=guess", timeout=5)
        refused.exception.close()
        with urllib.request.urlopen(asked["redirect_uri"] + f"?code=c0de&state={asked['state']}", timeout=5) as page:
            self.assertIn("You are signed in", page.read().decode())
            self.assertNotIn("http", page.headers.get("Content-Security-Policy"))
        self.assertEqual(term.wait(), 0)
        redeemed = self.gateway.asked("POST", "/token")[0]["body"]
        digest = hashlib.sha256(redeemed["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        self.assertEqual((redeemed["code"], challenge), ("c0de", asked["code_challenge"]))
        self.assertEqual(redeemed["redirect_uri"], asked["redirect_uri"])

    def test_a_refusal_of_the_provider_is_told(self):
        self.gateway.providers = [{"name": "idp"}]
        term = self.term("login", "--no-browser")
        term.expect("Sign in on this page")
        asked = self.gateway.oidc
        self.visit(asked["redirect_uri"] + f"?error=access_denied&state={asked['state']}")
        self.assertEqual(term.wait(), 4)
        self.assertIn("access_denied", term.screen)

    @staticmethod
    def visit(url):
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError as refused:
            refused.close()

    def test_without_a_display_a_device_code_is_shown(self):
        self.gateway.providers = [{"name": "idp", "device": True}]
        self.gateway.device_answers = ["authorization_pending"]
        term = self.term("login", SSH_CONNECTION="x", DISPLAY=":0")
        term.expect("https://idp/device")
        term.expect("WDJB-MJHT")
        self.assertEqual(term.wait(), 0)
        self.gateway.device_answers = ["access_denied"]
        self.cli("login", "--device", status=4)

    def test_a_token_is_read_from_standard_input(self):
        self.cli("login", "--with-token", text="access-0\n")
        self.cli("login", "--with-token", text="wrong\n", status=4)
        self.cli("login", "--with-token", status=2)
        self.assertEqual(self.stored()["access_token"], "access-0")

    def test_logout_and_token(self):
        self.login()
        token = self.cli("token").stdout.strip()
        self.assertEqual(token, self.stored()["access_token"])
        self.cli("logout", "--all")
        self.assertNotIn("access_token", self.stored())
        self.assertIn("dbgate login", self.cli("token", status=4).stderr)

    # What is kept.

    def test_a_token_is_renewed_before_it_ends_and_when_it_is_refused(self):
        self.gateway.lifetime = 10  # less than what commands want to have left
        self.login()
        self.cli("whoami")
        self.assertEqual(self.gateway.refreshes, 1)
        self.gateway.lifetime = 900
        self.cli("whoami")
        self.assertEqual(self.gateway.refreshes, 2)
        self.gateway.access.discard(self.stored()["access_token"])
        self.cli("whoami")
        self.assertEqual(self.gateway.refreshes, 3)
        self.cli("token", "--ttl", "2h")
        self.assertEqual(self.gateway.refreshes, 4)

    def test_parallel_commands_use_one_renewal(self):
        self.gateway.lifetime = 10
        self.login()
        self.gateway.lifetime, self.gateway.delay = 900, 0.1
        running = [subprocess.Popen([str(lab.CLI), "whoami"], env=self.environment, stdout=subprocess.DEVNULL,
                                    stderr=subprocess.PIPE) for _ in range(8)]
        for process in running:
            said = process.communicate(timeout=60)[1]
            self.assertEqual(process.returncode, 0, said)
        self.assertEqual(self.gateway.refreshes, 1)

    def test_an_ended_sign_in_is_said_once_and_not_tried_again(self):
        self.gateway.lifetime = 10
        self.login()
        self.gateway.refresh.clear()
        self.assertIn("has ended", self.cli("whoami", status=4).stderr)
        self.cli("whoami", status=4)
        self.assertEqual(self.gateway.refreshes, 1)

    def test_a_token_of_the_environment_touches_no_file(self):
        self.login()
        before = (self.credentials().read_bytes(), self.credentials().stat().st_mtime_ns)
        self.credentials().chmod(0o644)  # would be refused, if it were read
        self.cli("whoami", DBGATE_TOKEN="access-0")
        self.cli("whoami", DBGATE_TOKEN="wrong", status=4)
        self.cli("logout", DBGATE_TOKEN="access-0")
        self.cli("login", "--with-token", text="access-0", DBGATE_TOKEN="access-0", status=2)
        self.assertEqual((self.credentials().read_bytes(), self.credentials().stat().st_mtime_ns), before)
        path = self.home / "token"
        path.write_text("access-0\n")
        path.chmod(0o600)
        self.cli("whoami", DBGATE_TOKEN_FILE=str(path))
        path.chmod(0o640)
        self.cli("whoami", DBGATE_TOKEN_FILE=str(path), status=1)

    def test_a_token_goes_to_its_own_gateway_only(self):
        self.login()
        other = fake_gateway.FakeGateway(self.certificates)
        self.addCleanup(other.close)
        self.cli("whoami", DBGATE_URL=other.url, status=4)
        self.assertEqual(other.requests, [])

    def test_attacks_on_the_credentials_file(self):
        self.login()
        path = self.credentials()
        self.assertEqual((stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)), (0o600, 0o700))
        real = path.with_name("elsewhere")
        path.rename(real)
        path.symlink_to(real)
        self.assertIn("symbolic link", self.cli("whoami", status=1).stderr)
        path.unlink()
        os.mkfifo(path, 0o600)
        self.cli("whoami", status=1)  # and does not wait for a writer
        path.unlink()
        real.rename(path)
        victim = self.home / "victim"
        victim.write_text("precious")
        path.with_name("credentials.lock").unlink()
        path.with_name("credentials.lock").symlink_to(victim)
        self.cli("login", "--username", "ana", "--password-stdin", text="right\n", status=1)
        self.assertEqual(victim.read_text(), "precious")
        path.with_name("credentials.lock").unlink()
        path.write_text("{")
        self.assertIn("damaged", self.cli("whoami", status=1).stderr)
        if os.getuid() == 0:
            path.write_text("{}")
            os.chown(path, lab.server_user().pw_uid, -1)
            self.assertIn("not a file of yours", self.cli("whoami", status=1).stderr)

    def test_credentials_may_be_kept_by_a_command(self):
        keeper = self.home / "keeper"
        keeper.write_text(f"#!/bin/sh\ncase $1 in get) cat {self.home}/kept 2>/dev/null || true;; store) cat > {self.home}/kept;; esac\n")
        keeper.chmod(0o755)
        self.cli("config", "set", "credential_store", "command")
        self.cli("whoami", status=2)
        self.cli("config", "set", "credential_command", keeper)
        self.login()
        self.cli("whoami")
        self.assertFalse(self.credentials().exists())
        self.assertIn("access_token", (self.home / "kept").read_text())
        self.assertIn("not available", self.cli("config", "set", "credential_store", "keyring", status=2).stderr)

    # Settings and profiles.

    def test_precedence(self):
        self.login()
        self.cli("config", "set", "output", "csv")
        self.assertEqual(self.cli("list").stdout, "name,engine,databases,access\n")
        self.cli("config", "set", "output", "markdown", "--profile", "p")
        self.cli("config", "set", "url", self.gateway.url, "--profile", "p")
        quiet = {"DBGATE_TOKEN": "access-0", "DBGATE_PROFILE": "p"}
        self.assertTrue(self.cli("list", **quiet).stdout.startswith("| name"))
        self.assertEqual(self.cli("list", DBGATE_OUTPUT="json", **quiet).stdout, "[]\n")
        self.assertTrue(self.cli("list", "-o", "tsv", DBGATE_OUTPUT="json", **quiet).stdout.startswith("name\t"))
        self.cli("profile", "use", "p")
        self.assertEqual(json.loads(self.cli("profile", "list", "-o", "json").stdout)[0]["current"], True)
        self.assertIn('did you mean "p"', self.cli("list", "--profile", "pp", status=3).stderr)
        path = pathlib.Path(self.cli("config", "path").stdout.strip())
        self.assertEqual(stat.S_IMODE(path.stat().st_mode), 0o600)
        self.assertEqual(self.cli("config", "get", "output", "--profile", "p").stdout, "markdown\n")
        self.cli("config", "unset", "output", "--profile", "p")
        self.cli("config", "get", "output", "--profile", "p", status=3)
        self.assertIn('did you mean "output"', self.cli("config", "set", "ouput", "json", status=2).stderr)
        self.cli("config", "set", "output", "xml", status=2)

    def test_a_config_file_that_is_wrong_says_where(self):
        path = pathlib.Path(self.cli("config", "path").stdout.strip())
        path.parent.mkdir(parents=True, exist_ok=True)
        for text, place in (("outpt: json\n", ":1:1"), ("profiles:\n  p: { url: ftp://x }\n", ":2:8"), ("a: [\n", ":2:1"),
                            ("- 1\n", ":1:1")):
            path.write_text(text)
            path.chmod(0o600)
            self.assertIn(place, self.cli("list", status=2).stderr, text)
        path.write_text("output: json\n")
        path.chmod(0o666)
        self.assertIn("can be written by others", self.cli("list", status=1).stderr)
        self.cli("config", "get", DBGATE_CONFIG_DIR=str(self.home / "other"))

    def test_profiles_have_sign_ins_of_their_own(self):
        self.cli("config", "set", "url", self.gateway.url, "--profile", "p")
        self.login()
        self.cli("whoami", "--profile", "p", status=4)
        self.assertIn("--profile p", self.cli("whoami", "--profile", "p", status=4).stderr)

    # Output.

    def fill_targets(self, count=2):
        self.gateway.store["/targets"] = {
            f"t{i}": {"name": f"t{i}", "engine": "postgresql", "databases": ["a", "b"], "access": "read",
                      "environment": "prod" if i % 2 else "dev", "labels": {"team": f"x{i}"}, "note": None} for i in range(count)}

    def test_formats_of_a_listing(self):
        self.login()
        self.fill_targets()
        self.assertEqual(self.cli("list").stdout.splitlines()[1], "t0\tdev\tpostgresql\ta,b\tread")
        self.assertEqual(self.cli("list", "-o", "csv", "--no-headers", "--env", "prod").stdout, 't1,prod,postgresql,"a,b",read\n')
        self.assertEqual(self.cli("list", "-q", "--label", "team=x0").stdout, "t0\n")
        self.assertEqual(self.cli("list", "--fields", "name,labels.team,note").stdout, "name\tlabels.team\tnote\nt0\tx0\t\nt1\tx1\t\n")
        self.assertEqual(json.loads(self.cli("list", "-o", "json", "--fields", "name,note").stdout)[0], {"name": "t0", "note": None})
        self.assertEqual(len(self.cli("list", "-o", "jsonl").stdout.splitlines()), 2)
        self.assertIn('did you mean "engine"', self.cli("list", "--fields", "engin", status=2).stderr)
        self.assertEqual(self.cli("list", "-o", "markdown").stdout.splitlines()[1], "| --- | --- | --- | --- | --- |")

    def test_a_terminal_gets_a_table_with_colours_unless_they_are_off(self):
        self.login()
        self.fill_targets()
        term = self.term("list")
        self.assertEqual(term.wait(), 0)
        self.assertIn("\x1b[1mNAME\x1b[0m", term.screen)
        for environment, flags, colours in (({"NO_COLOR": "1"}, (), False), ({"CLICOLOR": "0"}, (), False), ({"TERM": "dumb"}, (), False),
                                            ({"NO_COLOR": "1"}, ("--color", "always"), True), ({}, ("--color", "never"), False)):
            term = self.term("list", *flags, **environment)
            term.wait()
            self.assertEqual("\x1b[" in term.screen, colours, (environment, flags))
        self.assertIn("\x1b[1m", self.cli("list", "-o", "table", CLICOLOR_FORCE="1").stdout)
        self.assertNotIn("\x1b[", self.cli("list", "-o", "table").stdout)
        term = self.term("list", "--fields", "name,note")
        term.wait()
        self.assertIn("\x1b[2mNULL\x1b[0m", term.screen)

    def test_control_characters_do_not_reach_the_terminal(self):
        self.login()
        self.gateway.store["/targets"] = {"x": {"name": "x\x1b]0;owned\x07\n", "engine": "e", "databases": [], "access": "read"}}
        term = self.term("list", "--color", "never")
        term.wait()
        self.assertNotIn("\x1b]", term.screen)
        self.assertIn("x\\x1b]0;owned\\x07\\n", term.screen)

    def test_a_long_listing_goes_through_the_pager(self):
        self.login()
        self.fill_targets(40)
        pager = "sed s/^/paged:/"
        term = self.term("list", DBGATE_PAGER=pager)
        term.wait()
        self.assertEqual(term.screen.count("paged:"), 41)
        for environment, rows in (({"DBGATE_PAGER": "cat"}, 24), ({"DBGATE_PAGER": pager}, 60),
                                  ({"DBGATE_PAGER": "no-such-pager"}, 24)):
            term = self.term("list", rows=rows, **environment)
            term.wait()
            self.assertNotIn("paged:", term.screen)
            self.assertIn("t39", term.screen)
        self.assertNotIn("paged:", self.cli("list", DBGATE_PAGER=pager).stdout)

    def test_progress_is_for_terminals_and_for_long_work(self):
        self.login()
        self.gateway.delay = 0.8
        term = self.term("list")
        term.wait()
        self.assertIn("asking https://localhost", term.screen)
        term = self.term("list", "-o", "json")
        term.wait()
        self.assertNotIn("asking", term.screen)
        self.assertNotIn("asking", self.cli("list").stderr)
        self.gateway.delay = 0
        term = self.term("list")
        term.wait()
        self.assertNotIn("asking", term.screen)

    def test_debug_traces_have_no_secrets(self):
        done = self.cli("login", "--username", "ana", "--password-stdin", "--debug", text="right\n")
        for secret in ("right", "access-", "refresh-"):
            self.assertNotIn(secret, done.stderr + done.stdout)
        self.assertIn("> POST /api/v1/login", done.stderr)
        self.assertIn("TLSv1.3", done.stderr)
        self.gateway.lifetime = 10
        self.login()
        done = self.cli("exec", "shop", "-c", "SELECT 'classified' FORBIDDEN", DBGATE_DEBUG="1", status=5)
        for secret in ("classified", "access-", "refresh-"):
            self.assertNotIn(secret, done.stderr)
        self.assertIn("< 403", done.stderr)

    # Errors.

    def test_errors_have_a_cause_a_next_step_and_a_request(self):
        self.login()
        done = self.cli("exec", "shop", "-c", "FORBIDDEN", status=5)
        self.assertEqual(done.stderr.splitlines(), ["dbgate: permission denied by dbgate policy", "  hint: ask", "  request: req_fake"])
        problem = json.loads(self.cli("exec", "shop", "-c", "FORBIDDEN", "-o", "json", status=5).stderr)
        self.assertEqual((problem["type"], problem["decision"]["effect"], problem["exit_code"], problem["request_id"]),
                         ("/problems/denied", "deny", 5, "req_fake"))

    def test_what_was_mistyped_is_guessed(self):
        for typed, guess in ((("lsit",), "list"), (("usr", "list"), "user"), (("user", "lsit"), "list"), (("list", "--lable", "x"), "--label"),
                             (("help", "exit-code"), "exit-codes"), (("connect", "--soket", "x"), "--socket"),
                             (("completion", "bsh"), "bash"), (("list", "-o", "jsn"), "json")):
            self.assertIn(f'did you mean "{guess}"?', self.cli(*typed, status=2).stderr, typed)
        self.login()
        self.fill_targets()
        self.assertIn('did you mean "t1"?', self.cli("connect", "t11", "--", "true", status=3).stderr)
        self.assertIn("needs TARGET", self.cli("connect", status=2).stderr)
        self.assertIn("unexpected argument", self.cli("list", "shop", status=2).stderr)
        self.cli("list", "--", "true", status=2)
        self.cli("user", status=2)

    def test_rate_limits_are_waited_for(self):
        self.login()
        self.gateway.busy = 1
        self.cli("list")
        self.gateway.busy = 2
        self.assertIn("try again in 1 s", self.cli("list", status=1).stderr)

    def test_a_gateway_that_is_away_or_not_one(self):
        self.login()
        self.cli("list", DBGATE_URL=f"https://localhost:{lab.free_port()}", DBGATE_TOKEN="x", status=7)
        self.cli("list", "--url", "http://example.com", status=2)

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
        self.cli("exec", "shop", "--max-rows", "5", "--timeout", "3s", "--reason", "why", "--ticket", "T1", "--script", "-", text="SELECT 2")
        body = self.gateway.asked("POST", "/targets/shop/queries")[-1]["body"]
        self.assertEqual(body, {"sql": "SELECT 2", "max_rows": 5, "timeout_ms": 3000, "script": True, "reason": "why", "ticket": "T1"})

    def test_exec_statuses(self):
        self.login()
        self.cli("exec", "shop", "-c", "HELD", status=6)
        self.cli("exec", "shop", status=2)
        self.cli("exec", "shop", "-c", "x", "-f", "y", status=2)
        for problem, status in (('"code":"statement_failed","sqlstate":"22012","detail":"division by zero"', 8),
                                ('"code":"query_timeout","detail":"too long"', 9), ('"code":"denied","sqlstate":"42501","detail":"no"', 5)):
            self.gateway.stream = [f'{{"type":"summary","id":"qry_1","state":"failed","problem":{{{problem}}}}}']
            done = self.cli("exec", "shop", "-c", "SELECT 1/0", status=status)
        self.gateway.stream = ['{"type":"meta","query_id":"q","columns":[{"name":"a"}]}', '{"type":"rows","rows":[[1]']
        self.assertIn("not whole", self.cli("exec", "shop", "-c", "x", status=7).stderr)
        self.gateway.stream = ["rubbish"]
        self.cli("exec", "shop", "-c", "x", status=1)
        self.cli("exec", "shop", "-c", "SELECT 1", "--dry-run")
        self.assertEqual(self.cli("exec", "shop", "-c", "DELETE", "--dry-run", status=5).returncode, done.returncode)

    def test_ctrl_c_cancels_the_statement(self):
        self.login()
        end = '{"type":"summary","id":"qry_1","state":"cancelled","problem":{"code":"cancelled","detail":"cancelled"}}'
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
                 ("POST", "/service-accounts/etl/keys", {"name": "dbgate", "expires_in_seconds": 2592000})),
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
                 ("POST", "/me/database-passwords", {"target": "shop", "name": "laptop"})),
                (("database-password", "list"), "", ("GET", "/me/database-passwords", None)),
                (("database-password", "revoke", "obj_0", "--yes"), "", ("DELETE", "/me/database-passwords/obj_0", None)),
                (("invitation", "create", "x@y", "--group", "g"), "", ("POST", "/invitations", {"email": "x@y", "groups": ["g"]})),
                (("invitation", "list"), "", ("GET", "/invitations", None)),
                (("registration", "list"), "", ("GET", "/registrations", None)),
                (("registration", "approve", "zoe"), "", ("POST", "/registrations/zoe/approve", {})),
                (("registration", "create", "zoe", "--invitation", "--password-stdin"), "inv\npw\n",
                 ("POST", "/registrations", {"name": "zoe", "invitation": "inv", "password": "pw"})),
                (("password", "--password-stdin"), "old\nnew\n", ("POST", "/me/password", {"current_password": "old", "new_password": "new"})),
                (("second-factor", "disable", "--yes", "--password-stdin"), "pw\n", ("DELETE", "/me/totp", {"password": "pw"})),
                (("history", "list", "--target", "shop"), "", ("GET", "/history", None)),
                (("history", "show", "qry_1"), "", ("GET", "/queries/qry_1", None)),
                (("sessions", "list"), "", ("GET", "/sessions", None)),
                (("sessions", "kill", "ses_1", "--reason", "r", "--yes"), "", ("POST", "/sessions/ses_1/kill", {"reason": "r"})),
                (("audit", "search", "--user", "ana"), "", ("GET", "/audit/records", None)),
                (("audit", "tail"), "", ("GET", "/audit/records", None))):
            done, asked = self.asked_by(*arguments, text=text)
            self.assertEqual(asked[-1], last, arguments)
            self.assertEqual(text != "" and text.split("\n")[0] in done.stdout + done.stderr, False, "secrets are not repeated")

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
