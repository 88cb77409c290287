#!/usr/bin/python3
"""What people do for themselves by the command line, under a terminal, at a real gateway; completion with its values."""
import ast
import os
import pathlib
import re
import shutil
import stat
import statistics
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import authenticator  # noqa: E402
import cli_people  # noqa: E402
import lab  # noqa: E402
import terminal  # noqa: E402
from cli_people import Person  # noqa: E402


class Own(cli_people.People):
    VERBS = {"login", "logout", "whoami", "token", "password", "second-factor enable", "second-factor disable", "personal-token list",
             "personal-token create", "personal-token revoke", "database-password list", "database-password create",
             "database-password revoke", "config get", "config set", "config unset", "config path", "profile list", "profile use", "doctor",
             "version", "help", "completion"}

    def test_every_verb_has_a_test(self):
        named = set()
        for file in pathlib.Path(__file__).parent.glob("cli_*_test.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "VERBS":
                    named |= ast.literal_eval(node.value)
        self.assertEqual(sorted(named), sorted(self.table))

    def test_signing_in_and_out(self):
        lena = self.person("lena")
        screen = lena.see("login", "--username", "lena", answers=[("Password", "a long password of lena")])
        self.assertNotIn("a long password", screen)
        self.assertIn("signed in to", screen)
        self.assertRegex(lena.see("whoami"), r"(?m)^user.name +lena$")
        self.assertEqual(lena.json("whoami")["user"]["name"], "lena")
        token = lena.see("token").strip()
        self.assertEqual(token.count("."), 2)
        self.assertEqual(lena.json("whoami", DBGATE_TOKEN=token, HOME="/nowhere", XDG_STATE_HOME="/nowhere")["user"]["name"], "lena")
        kept = lena.home / "state" / "dbgate" / "credentials.json"
        self.assertEqual((stat.S_IMODE(kept.stat().st_mode), stat.S_IMODE(kept.parent.stat().st_mode)), (0o600, 0o700))
        lena.refused("login", "--username", "lena", status=4, cause="wrong", hint="dbgate login", answers=[("Password", "not hers")])
        kept.chmod(0o644)
        lena.refused("whoami", status=1, cause="can be read by others", hint="chmod")
        kept.chmod(0o600)
        self.assertIn("signed out", lena.see("logout"))
        lena.refused("whoami", status=4, cause="not signed in", hint="dbgate login")
        lena.run("whoami", status=4, DBGATE_TOKEN=token)
        lena.run("whoami", "--url", "https://localhost:1", status=4)
        lena.run("login", "--username", "lena", "--password-stdin", "-o", "json", text="a long password of lena\n")
        second = Person(type(self), "lena")
        second.login("a long password of lena")
        lena.run("logout", "--all", "-o", "json")
        second.run("whoami", status=4)

    def test_a_gateway_that_is_not_there(self):
        there = Person(type(self), "anybody")
        there.environment["DBGATE_TOKEN"] = "x.y.z"
        there.environment["DBGATE_URL"] = f"https://localhost:{lab.free_port()}"
        there.refused("whoami", status=7, cause="cannot reach the gateway", hint="dbgate doctor")
        there.environment["DBGATE_URL"] = "http://gateway.example.com"
        there.refused("whoami", status=2, cause="http:// is for loopback")
        there.environment["DBGATE_URL"] = f"https://localhost:{self.gateway.ports['api']}"
        there.refused("whoami", status=4, cause="token", hint="DBGATE_TOKEN")
        there.environment["DBGATE_CA_FILE"] = str(lab.Certificates(there.home / "other").ca)
        there.refused("whoami", status=7, cause="certificate", hint="--ca-file")
        self.assertIn("not verified", there.see("whoami", "--insecure", status=4))

    def test_passwords(self):
        karl = self.person("karl")
        karl.see("password", answers=[("Password now", "a long password of karl"), ("New password", "karls second one"),
                                      ("again", "karls second one")])
        karl.run("whoami")
        karl.login("a long password of karl", status=4)
        karl.login("karls second one")
        karl.refused("password", status=4, cause="wrong", hint="reset", answers=[("now", "nonsense"), ("New", "karls third one"), ("again", "karls third one")])
        karl.refused("password", status=2, cause="differ", answers=[("now", "x"), ("New", "karls third one"), ("again", "another one")])
        karl.run("password", "--password-stdin", "-o", "json", text="karls second one\nshort\n", status=1)

    def test_a_second_factor(self):
        mona = self.person("mona")
        self.assertIn("--password-stdin", (mona.run("second-factor", "disable", "--yes", "-o", "json", status=2), mona.said)[1])
        self.assertIn("terminal", (mona.run("second-factor", "enable", "-o", "json", status=2), mona.said)[1])
        with terminal.Terminal([lab.CLI, "second-factor", "enable"], mona.environment) as term:
            self.note(["second-factor", "enable"], False, True)
            secret = re.search(r"secret=([A-Z2-7]+)", term.expect(r"otpauth://\S+")[0])[1]
            term.expect("Code")
            term.type(authenticator.totp(secret) + "\n")
            self.assertEqual(term.wait(), 0, term.screen)
            codes = re.findall(r"(?m)^[0-9A-Za-z-]{10,}$", term.screen[term.screen.index("Recovery"):])
        self.assertEqual(len(codes), 10, term.screen)
        mona.run("login", "--username", "mona", "--password-stdin", text="a long password of mona\n", status=4)
        mona.see("login", "--username", "mona", answers=[("Password", "a long password of mona"), ("[Cc]ode", codes[0])])
        mona.see("second-factor", "disable", answers=[(r"\[y/N\]", "y"), ("Password", "a long password of mona")])
        mona.login("a long password of mona")

    def test_personal_tokens(self):
        pete = self.person("pete")
        self.assertIn("you have no personal token", pete.see("personal-token", "list"))
        screen = pete.see("personal-token", "create", "ci", "--scope", "read", "--ttl", "1d")
        secret = re.search(r"dbg_pat_[0-9A-Za-z]{36}", screen)[0]
        self.assertEqual(pete.json("whoami", DBGATE_TOKEN=secret)["user"]["name"], "pete")
        pete.run("personal-token", "list", status=5, DBGATE_TOKEN=secret)  # no scope "account"
        listed = pete.json("personal-token", "list")
        self.assertEqual([(one["name"], one["scopes"]) for one in listed], [("ci", ["read"])])
        pete.see("personal-token", "revoke", listed[0]["id"], answers=[(r"\[y/N\]", "y")])
        pete.run("whoami", status=4, DBGATE_TOKEN=secret)
        pete.refused("personal-token", "revoke", listed[0]["id"], "--yes", status=3, cause="no", hint="dbgate personal-token list")
        other = pete.json("personal-token", "create", "two")
        pete.run("personal-token", "revoke", other["id"], "--yes", "-o", "json")
        # The token is the whole output, so that it can go into a file.
        self.assertRegex(pete.run("personal-token", "create", "three", "-q"), r"\Adbg_pat_[0-9A-Za-z]{36}\n\Z")

    def test_database_passwords(self):
        dora = self.person("dora")
        self.allow("dora")
        lab.wait_until(lambda: dora.json("list"), "the policy gives access", 5)
        self.assertIn("you have no database password", dora.see("database-password", "list"))
        screen = dora.see("database-password", "create", "laptop", "--target", "postgres")
        secret = re.search(r"dbg_dp_[0-9A-Za-z]{36}", screen)[0]
        lab.wait_until(lambda: self.psql("dora", secret, check=False).stdout == "1\n", "psql gets in", 5)
        listed = dora.json("database-password", "list")
        self.assertEqual([(one["name"], one["target"]) for one in listed], [("laptop", "postgres")])
        self.assertIsNotNone(listed[0]["expires_at"])
        dora.see("database-password", "revoke", listed[0]["id"], answers=[(r"\[y/N\]", "y")])
        lab.wait_until(lambda: "authentication failed" in self.psql("dora", secret, check=False).stderr, "psql gets in no more", 2)
        dora.refused("database-password", "revoke", listed[0]["id"], "--yes", status=3, cause="no", hint="dbgate database-password list")
        dora.refused("database-password", "create", "x", "--target", "nowhere", status=3, cause="nowhere")
        other = dora.json("database-password", "create", "other")
        dora.run("database-password", "revoke", other["id"], "--yes", "-o", "json")

    def test_settings_and_profiles(self):
        there = Person(type(self), "anybody")
        url = there.environment.pop("DBGATE_URL")
        self.assertEqual(there.see("config", "path").strip(), str(there.home / "config" / "dbgate" / "config.yaml"))
        there.see("config", "set", "url", url, "--profile", "here")
        there.run("config", "set", "output", "csv", "-o", "json")
        file = there.home / "config" / "dbgate" / "config.yaml"
        self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
        self.assertEqual(there.see("config", "get", "output").strip(), "csv")
        self.assertEqual(there.json("config", "get", "url", "--profile", "here")["value"], url)
        self.assertRegex(there.see("profile", "list", "-o", "table"), rf"(?m)^here +{url} +false")
        there.see("profile", "use", "here")
        self.assertEqual([one["current"] for one in there.json("profile", "list")], [True])
        there.run("profile", "use", "here", "-o", "json")
        there.run("login", "--username", "root", "--password-stdin", text=cli_people.ROOT_PASSWORD + "\n")
        self.assertEqual(there.run("whoami", "--fields", "user.name"), "user.name\nroot\n")
        there.refused("profile", "use", "there", status=3, cause="there", hint="here")
        there.refused("config", "set", "colour", "always", status=2, cause="colour", hint="color")
        there.see("config", "unset", "output")
        there.run("config", "unset", "output", "-o", "json")
        there.refused("config", "get", "output", status=3, cause="output is not set", hint="config set output")

    def test_help_and_doctor(self):
        root = self.root
        self.assertRegex(root.see("version"), r"dbgate \d+\.\d+\.\d+")
        for topic in ("environment", "exit-codes", "formatting", "files", "user", "user add", "list"):
            self.assertGreater(len(root.see("help", *topic.split())), 100, topic)
        for verb in self.table:
            self.assertIn("dbgate " + verb, root.run(*verb.split(), "--help"), verb)
        root.refused("help", "usr", status=2, cause="usr", hint="user")
        screen = root.see("doctor")
        for what in ("dns", "tcp", "clock", "version", "token", "psql"):
            self.assertRegex(screen, rf"(?m)^ok +{what}")
        self.assertTrue(all(one["result"] in ("ok", "warn") for one in root.json("doctor")), root.json("doctor"))
        self.assertRegex(root.see("doctor", DBGATE_URL=f"https://localhost:{lab.free_port()}", status=1), r"(?m)^fail +tcp.*\n +fix:")

    # line, what must be offered, what must not be
    CASES = (
        ("dbgate user dis", {"disable"}, {"show"}),
        ("dbgate user disable ro", {"root"}, {"etl-of-shop"}),
        ("dbgate group member add ", {"completers"}, {"root"}),
        ("dbgate group member add completers ro", {"root"}, {"completers"}),
        ("dbgate service-account key-list etl", {"etl-of-shop"}, {"root"}),
        ("dbgate role grant aud", {"auditor"}, {"admin"}),
        ("dbgate target edit post", {"postgres"}, {"root"}),
        ("dbgate connect post", {"postgres"}, {"root"}),
        ("dbgate sessions list --user ro", {"root"}, {"postgres"}),
    )

    def complete_with(self, shell, complete):
        root = self.root
        if not hasattr(type(self), "completers"):
            root.run("group", "add", "completers")
            root.run("service-account", "add", "etl-of-shop")
            self.allow("root")
            lab.wait_until(lambda: root.json("list"), "the policy gives access", 5)
            type(self).completers = True
        shutil.rmtree(root.home / "cache" / "dbgate", ignore_errors=True)
        script = root.home / shell
        script.write_text(root.see("completion", shell))
        for line, wanted, unwanted in self.CASES:
            # What is not known yet is fetched behind the line that is being typed, and offered at the next press of the key.
            lab.wait_until(lambda it=line, need=wanted: need <= complete(it), f"{shell}: {line}", 10)
            self.assertFalse(unwanted & complete(line), line)
        times = []
        for _ in range(9):
            began = time.monotonic()
            root.run("__complete", "user", "ro")
            times.append(time.monotonic() - began)
        if lab.BUILD.name == "release":
            self.assertLess(statistics.median(times), 0.1)

    def shell_environment(self):
        return {**self.root.environment, "PATH": f"{lab.CLI.parent}:{os.environ['PATH']}", "TERM": "dumb", "LC_ALL": "C.UTF-8"}

    def test_completion_in_bash(self):
        def complete(line):
            words = " ".join(repr(word) for word in line.split(" "))
            script = (f"source {self.root.home}/bash; COMP_WORDS=({words}); COMP_CWORD={len(line.split(' ')) - 1}; _dbgate; "
                      "printf '%s\\n' \"${COMPREPLY[@]}\"")
            done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, env=self.shell_environment(), check=True)
            return set(done.stdout.split())
        self.complete_with("bash", complete)

    @unittest.skipUnless(shutil.which("fish"), "needs fish")
    def test_completion_in_fish(self):
        def complete(line):
            done = subprocess.run(["fish", "--no-config", "-c", f"source {self.root.home}/fish; complete -C '{line}'"], capture_output=True,
                                  text=True, env=self.shell_environment(), check=True)
            return {row.split("\t")[0] for row in done.stdout.splitlines()}
        self.complete_with("fish", complete)

    @unittest.skipUnless(shutil.which("zsh"), "needs zsh")
    def test_completion_in_zsh(self):
        folder = self.root.home / "functions"
        folder.mkdir()
        (folder / "_dbgate").write_text(self.root.run("completion", "zsh"))
        with terminal.Terminal(["zsh", "-f"], {**self.shell_environment(), "PS1": "READY> "}, rows=60, columns=200) as term:
            term.type(f"fpath=({folder} $fpath); autoload -Uz compinit; compinit -D; LISTMAX=1000; unsetopt menu_complete auto_menu; "
                      "zstyle ':completion:*' list-prompt ''; PS1='READY''> '; bindkey '^N' list-choices; echo comps=$_comps[dbgate]\r")
            term.expect("comps=_dbgate")
            term.expect("READY> ")

            def complete(line):
                term.type(line)
                term.type("\x0e")  # list-choices: everything that fits, without inserting it
                term.type("\x15echo end''of\r")
                shown = term.expect(r"(?s)(.*)endof\n")[1]
                term.expect("READY> ")
                return set(shown.replace(line, " ").split())
            self.complete_with("zsh", complete)


if __name__ == "__main__":
    unittest.main()
