"""Settings, formats, colours, pager, progress, traces and errors of the command line."""
import json
import pathlib
import stat
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import cli_fixture  # noqa: E402
import lab  # noqa: E402


class Output(cli_fixture.CliTest):
    # Settings and profiles.

    def test_precedence(self):
        self.login()
        self.cli("config", "set", "output", "csv")
        self.assertEqual(self.cli("list").stdout, "name,engine,engine_version,databases,access\n")
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

    def test_formats_of_a_listing(self):
        self.login()
        self.fill_targets()
        self.assertEqual(self.cli("list").stdout.splitlines()[1], "t0\tdev\tpostgresql\t\ta,b\tread")
        self.assertEqual(self.cli("list", "-o", "csv", "--no-headers", "--env", "prod").stdout, 't1,prod,postgresql,,"a,b",read\n')
        self.assertEqual(self.cli("list", "-q", "--label", "team=x0").stdout, "t0\n")
        self.assertEqual(self.cli("list", "--fields", "name,labels.team,note").stdout, "name\tlabels.team\tnote\nt0\tx0\t\nt1\tx1\t\n")
        self.assertEqual(json.loads(self.cli("list", "-o", "json", "--fields", "name,note").stdout)[0], {"name": "t0", "note": None})
        self.assertEqual(len(self.cli("list", "-o", "jsonl").stdout.splitlines()), 2)
        self.assertIn('did you mean "engine"', self.cli("list", "--fields", "engin", status=2).stderr)
        self.assertEqual(self.cli("list", "-o", "markdown").stdout.splitlines()[1], "| --- | --- | --- | --- | --- | --- |")

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


if __name__ == "__main__":
    unittest.main()
