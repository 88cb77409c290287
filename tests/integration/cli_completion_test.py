"""Completion in the three shells, with the scripts that the command table makes."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import fake_gateway  # noqa: E402
import lab  # noqa: E402
import terminal  # noqa: E402


class Completion(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.home = pathlib.Path(cls.enterClassContext(lab.tempfile.TemporaryDirectory(prefix="dbgate-completion-")))
        cls.gateway = fake_gateway.FakeGateway(lab.Certificates(cls.home / "tls"))
        cls.addClassCleanup(cls.gateway.close)
        cls.gateway.store["/targets"] = {name: {"name": name, "engine": "postgresql", "databases": [], "access": "read"}
                                         for name in ("shop", "shop-archive", "warehouse")}
        cls.environment = {"PATH": f"{lab.CLI.parent}:{os.environ['PATH']}", "HOME": str(cls.home), "TERM": "dumb", "LC_ALL": "C.UTF-8",
                           "XDG_STATE_HOME": str(cls.home / "state"), "XDG_RUNTIME_DIR": str(cls.home),
                           "XDG_CONFIG_HOME": str(cls.home / "config"), "XDG_CACHE_HOME": str(cls.home / "cache"),
                           "DBGATE_CA_FILE": str(cls.home / "tls" / "ca.crt"), "DBGATE_URL": cls.gateway.url, "DBGATE_TOKEN": "access-0"}
        for directory in ("state", "config", "cache"):
            (cls.home / directory).mkdir()
        cls.cli("list")
        cls.cli("config", "set", "url", cls.gateway.url, "--profile", "production")
        (cls.home / "report.sql").write_text("SELECT 1")
        for shell in ("bash", "zsh", "fish"):
            (cls.home / shell).write_text(cls.cli("completion", shell))

    @classmethod
    def cli(cls, *arguments):
        return subprocess.run([str(lab.CLI), *arguments], capture_output=True, text=True, check=True, env=cls.environment).stdout

    # line, what must be offered, what must not be
    CASES = (
        ("dbgate li", {"list"}, {"login"}),
        ("dbgate user ", {"add", "list", "reset"}, {"login"}),
        ("dbgate connect sh", {"shop", "shop-archive"}, {"warehouse"}),
        ("dbgate connect --port 5 sh", {"shop"}, {"warehouse"}),
        ("dbgate connect shop --so", {"--socket"}, {"--port"}),
        ("dbgate list -o j", {"json", "jsonl"}, {"csv"}),
        ("dbgate list --output ", {"markdown"}, {"shop"}),
        ("dbgate --profile prod", {"production"}, {"shop"}),
        ("dbgate --profile production exec w", {"warehouse"}, {"shop"}),
        ("dbgate config get out", {"output"}, {"url"}),
        ("dbgate help exit", {"exit-codes"}, {"files"}),
        ("dbgate completion ", {"bash", "zsh", "fish"}, {"shop"}),
        ("dbgate group member a", {"add"}, {"remove"}),
        ("dbgate check shop --fail-on h", {"high"}, {"low"}),
        ("dbgate exec shop -f rep", {"report.sql"}, {"shop"}),
    )

    def check(self, complete):
        for line, wanted, unwanted in self.CASES:
            found = complete(line)
            self.assertLessEqual(wanted, found, line)
            self.assertFalse(unwanted & found, (line, found))

    def test_bash(self):
        def complete(line):
            # The words as readline cuts them; none of the cases has a quote.
            words = line.split(" ")
            script = (f"source {self.home}/bash; COMP_WORDS=({' '.join(repr(word) for word in words)}); COMP_CWORD={len(words) - 1}; "
                      "_dbgate; printf '%s\\n' \"${COMPREPLY[@]}\"")
            done = subprocess.run(["bash", "--norc", "-c", script], capture_output=True, text=True, env=self.environment, cwd=self.home, check=True)
            self.assertEqual(done.stderr, "", line)
            return set(done.stdout.split())
        self.check(complete)
        done = subprocess.run(["bash", "--norc", "-c", f"source {self.home}/bash; COMP_WORDS=(dbgate list --output = js); COMP_CWORD=4; _dbgate; "
                               "echo ${COMPREPLY[@]}; complete -p dbgate"], capture_output=True, text=True, env=self.environment, check=True)
        self.assertEqual(done.stdout, "json jsonl\ncomplete -F _dbgate dbgate\n")
        done = subprocess.run(["bash", "--norc", "-c", f"source {self.home}/bash; COMP_WORDS=(dbgate connect shop -- psq); COMP_CWORD=4; _dbgate; "
                               "printf '%s\\n' \"${COMPREPLY[@]}\""], capture_output=True, text=True, env=self.environment, check=True)
        self.assertIn("psql", done.stdout.split())

    @unittest.skipUnless(shutil.which("fish"), "needs fish")
    def test_fish(self):
        def complete(line):
            done = subprocess.run(["fish", "--no-config", "-c", f"source {self.home}/fish; complete -C '{line}'"], capture_output=True, text=True,
                                  env=self.environment, cwd=self.home, check=True)
            self.assertEqual(done.stderr, "", line)
            return {row.split("\t")[0] for row in done.stdout.splitlines()}
        self.check(complete)

    @unittest.skipUnless(shutil.which("zsh"), "needs zsh")
    def test_zsh(self):
        folder = self.home / "functions"
        folder.mkdir()
        shutil.copy(self.home / "zsh", folder / "_dbgate")
        with terminal.Terminal(["zsh", "-f"], self.environment | {"PS1": "READY> "}, rows=60, columns=200) as term:
            term.type(f"fpath=({folder} $fpath); autoload -Uz compinit; compinit -D; cd {self.home}; "
                      "zstyle ':completion:*' list-prompt ''; LISTMAX=1000; unsetopt menu_complete auto_menu; PS1='READY''> '; "
                      "bindkey '^N' list-choices; echo comps=$_comps[dbgate]\r")
            term.expect("comps=_dbgate")
            term.expect("READY> ")

            def complete(line):
                term.type(line)
                term.type("\x0e")  # list-choices: everything that fits, without inserting it
                term.type("\x15echo end''of\r")
                shown = term.expect(r"(?s)(.*)endof\n")[1]
                term.expect("READY> ")
                return set(shown.replace(line, " ").split())
            self.check(complete)

    # Values that only the gateway knows.

    def test_cached_names_come_at_once_and_ask_nobody(self):
        before = len(self.gateway.requests)
        times = []
        for _ in range(20):
            begin = time.monotonic()
            self.assertEqual(self.cli("__complete", "target", "shop"), "shop\nshop-archive\n")
            times.append(time.monotonic() - begin)
        self.assertLess(min(times), 0.1)  # what it takes where nobody else has the processor
        self.assertEqual(len(self.gateway.requests), before)

    def test_without_a_cache_it_does_not_wait_for_a_slow_gateway(self):
        fresh = {**self.environment, "XDG_CACHE_HOME": str(self.home / "cache2")}
        (self.home / "cache2").mkdir()
        self.gateway.delay = 4
        self.addCleanup(setattr, self.gateway, "delay", 0)
        begin = time.monotonic()
        done = subprocess.run([str(lab.CLI), "__complete", "target"], capture_output=True, text=True, env=fresh, check=True)
        self.assertLess(time.monotonic() - begin, 2)  # a debug build on a busy machine; the gateway takes longer
        self.assertEqual((done.stdout, done.stderr), ("", ""))
        lab.wait_until(lambda: list((self.home / "cache2").glob("dbgate/targets-*.json")), "the cache is filled behind the shell's back", 60)
        done = subprocess.run([str(lab.CLI), "__complete", "target"], capture_output=True, text=True, env=fresh, check=True)
        self.assertEqual(done.stdout.split(), ["shop", "shop-archive", "warehouse"])

    def test_nothing_goes_wrong_aloud(self):
        for environment in ({"DBGATE_URL": "rubbish"}, {"DBGATE_TOKEN": "wrong", "XDG_CACHE_HOME": str(self.home / "cache3")}):
            done = subprocess.run([str(lab.CLI), "__complete", "target", "x"], capture_output=True, text=True, check=True,
                                  env={**self.environment, **environment})
            self.assertEqual((done.stdout, done.stderr), ("", ""), environment)
        cache = next((self.home / "cache" / "dbgate").glob("targets-*.json"))
        self.assertEqual(cache.stat().st_mode & 0o777, 0o600)
        self.assertEqual(json.loads(cache.read_text()), ["shop", "shop-archive", "warehouse"])


if __name__ == "__main__":
    unittest.main()
