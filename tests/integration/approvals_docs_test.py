"""docs/approvals.md, docs/access.md and docs/commit-gate.md: their commands run, with their policies, and print what the pages say."""
import os
import pathlib
import re
import subprocess
import sys
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402


class Command:
    """A line of the page: who types it, what goes into the client it starts, what is printed."""

    def __init__(self, who, command):
        self.who, self.command, self.typed, self.lines = who, command, [], []


def commands(page):
    """In their order. A block without a prompt is what the client that waits prints next."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", page, re.DOTALL):
        if not re.match(r"\w+\$ ", block):
            found.append(Command(None, None))
        for line in block.splitlines():
            prompt = re.match(r"(\w+)\$ (.*)", line)
            if prompt:
                found.append(Command(*prompt.groups()))
            elif line.startswith("shop=> "):
                found[-1].typed.append(line.removeprefix("shop=> "))
            else:
                found[-1].lines.append(line)
    return found


def pattern(line):
    """Of a line of the page: blanks are any blanks, an ellipsis is anything."""
    return r"\s+".join(".*".join(map(re.escape, word.split("…"))) for word in line.split())


class Window:
    """A command under way."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(["bash", "-c", command.command], env=environment, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.process.stdin.write("".join(line + "\n" for line in command.typed))
        self.process.stdin.close()
        self.text = ""
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.text += line

    def has(self, lines):
        printed = self.text.splitlines()
        for line in lines:
            match = next((number for number, text in enumerate(printed) if re.search(pattern(line), text)), None)
            if match is None:
                return False
            del printed[:match + 1]
        return True

    def end(self):
        self.process.wait(60)
        self.reader.join(10)
        return self.process.returncode


def status_of(lines):
    """What a command that prints this ends with."""
    if any("needs approval" in line or "waits for approval" in line for line in lines):
        return 6
    return 5 if any("permission denied" in line for line in lines) else 0


class Walk:
    PAGE = ""
    LEAST = 8  # commands

    @classmethod
    def setUpClass(cls):
        cls.page = (lab.ROOT / cls.PAGE).read_text(encoding="utf-8")
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.lab.postgres.psql("CREATE DATABASE shop")
        cls.lab.postgres.psql((lab.ROOT / "config/examples/shop.sql").read_text(encoding="utf-8"), database="shop")
        policies = re.search(r"```yaml\n(policies:.*?)```", cls.page, re.DOTALL)[1]
        cls.gateway = cls.lab.gateway("version: 1\nstate_dir: state\n" + cls.lab.listen(tls=True) + cls.lab.users("ana", "bob", "root") +
                                      "roles: { target_admin: { users: [root] } }\ntargets:\n" +
                                      cls.lab.target("shop") + policies)
        cls.environments = {name: cls.environment(name) for name in ("ana", "bob", "root")}

    @classmethod
    def environment(cls, name):
        home = lab.tempfile.mkdtemp(prefix=f"home-{name}-", dir=cls.lab.directory)
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("DBGATE_", "PG", "XDG_"))}
        environment = {**kept, "HOME": home, "XDG_RUNTIME_DIR": home, "PATH": f"{lab.CLI.parent}:{os.environ['PATH']}", "DBGATE_OUTPUT": "table",
                       "DBGATE_CA_FILE": str(cls.lab.certificates.ca), "DBGATE_URL": f"https://localhost:{cls.gateway.ports['api']}"}
        subprocess.run([str(lab.CLI), "login", "--username", name, "--password-stdin"], input=lab.PASSWORD + "\n", text=True, capture_output=True,
                       env=environment, check=True, timeout=60)
        return environment

    def test_the_page_does_what_it_says(self):
        found = commands(self.page)
        self.assertGreater(len(found), self.LEAST)
        waiting = None
        for command in found:
            with self.subTest(command=command.command):
                if command.command is None:
                    waiting.end()
                    self.assertTrue(waiting.has(command.lines), f"{command.lines}:\n{waiting.text}")
                    continue
                window = Window(command, self.environments[command.who])
                self.addCleanup(window.process.kill)
                if command.typed:
                    waiting = window
                    lab.wait_until(lambda shown=window, lines=command.lines: shown.has(lines), f"{command.lines}")
                    continue
                status = window.end()
                self.assertTrue(window.has(command.lines), f"{command.lines}:\n{window.text}")
                self.assertEqual(status, status_of(command.lines), window.text)


class Statements(Walk, unittest.TestCase):
    PAGE = "docs/approvals.md"


class Access(Walk, unittest.TestCase):
    PAGE = "docs/access.md"


class Transactions(Walk, unittest.TestCase):
    PAGE = "docs/commit-gate.md"
    LEAST = 5


if __name__ == "__main__":
    unittest.main()
