"""A real gateway with an administrator, and people who use the command line under a terminal of their own.

A test class names the verbs that it is about in VERBS; when its tests are over, each of them must have been run under a
terminal and with -o json (those in NO_JSON without)."""
import json
import os
import pathlib
import re
import ssl
import subprocess
import sys
import unittest
import urllib.request

import lab
import terminal

ROOT_PASSWORD = "a long password of root"
# Say the same whatever the format: texts, files and commands of others.
NO_JSON = {"completion", "help", "version", "config path", "token", "env"}
DROPPED = ("DBGATE_", "PG", "XDG_", "SSH_", "DISPLAY", "WAYLAND", "BROWSER", "NO_COLOR", "CLICOLOR", "PAGER", "HTTPS_PROXY", "https_proxy")


def command_table():
    """All verbs: what docs/cli.md is made of."""
    page = subprocess.run([str(lab.CLI), "__generate", "markdown"], check=True, capture_output=True, text=True).stdout
    return re.findall(r"^### (.+)$", page, re.MULTILINE)


class Person:
    """Somebody with a home directory."""

    def __init__(self, people, name):
        self.test, self.name = people, name
        self.home = pathlib.Path(lab.tempfile.mkdtemp(prefix=f"home-{name}-", dir=people.lab.directory))
        self.environment = {key: value for key, value in os.environ.items() if not key.startswith(DROPPED)}
        self.environment.update({"HOME": str(self.home), "XDG_STATE_HOME": str(self.home / "state"), "XDG_RUNTIME_DIR": str(self.home),
                                 "XDG_CONFIG_HOME": str(self.home / "config"), "XDG_CACHE_HOME": str(self.home / "cache"), "USER": name,
                                 "DBGATE_CA_FILE": str(people.lab.certificates.ca), "DBGATE_PAGER": "cat",
                                 "DBGATE_URL": f"https://localhost:{people.gateway.ports['api']}"})
        for place in ("state", "config", "cache"):
            (self.home / place).mkdir()

    def run(self, *arguments, text="", status=0, **environment):
        """Without a terminal; returns what was printed."""
        done = subprocess.run([str(lab.CLI), *map(str, arguments)], input=text, capture_output=True, text=True, timeout=60,
                              env={**self.environment, **environment}, check=False)
        self.test.note(arguments, "-o" in arguments and "json" in arguments, False)
        if done.returncode != status:
            raise AssertionError(f"{arguments} ended with {done.returncode}, not {status}: {done.stdout}{done.stderr}")
        self.said = done.stderr
        return done.stdout

    def json(self, *arguments, **options):
        return json.loads(self.run(*arguments, "-o", "json", **options))

    def see(self, *arguments, answers=(), status=0, **environment):
        """Under a terminal; `answers` are patterns of questions and what is typed then. Returns the screen."""
        self.test.note(arguments, False, True)
        with terminal.Terminal([lab.CLI, *map(str, arguments)], {**self.environment, **environment}, columns=200) as term:
            for question, answer in answers:
                term.expect(question)
                term.type(answer + "\n")
            ended = term.wait()
        if ended != status:
            raise AssertionError(f"{arguments} ended with {ended}, not {status}:\n{term.screen}")
        return re.sub(r"\x1b\[[0-9;]*[mK]|\r", "", term.screen)

    def refused(self, *arguments, status, cause, hint=".", answers=()):
        """An error as people see it: three lines at most, the cause and the next step in words."""
        screen = self.see(*arguments, answers=answers, status=status)
        found = re.search(r"^dbgate: (.+)\n  hint: (.+)\n(?:  request: (?:req|qry)_[0-9A-Z]+\n)?\Z", screen, re.MULTILINE)
        if not found or not re.search(cause, found[1]) or not re.search(hint, found[2]):
            raise AssertionError(f"{arguments}:\n{screen}")
        if found[1].endswith(".") or (found[1][0].isupper() and found[1][:2].istitle()):
            raise AssertionError(f"not as errors are written: {found[1]}")

    def login(self, password, status=0):
        self.run("login", "--username", self.name, "--password-stdin", text=password + "\n", status=status)

    def api(self, method, path, body=None):
        """By the API, past the command line: (status, body)."""
        token = self.run("token").strip()
        request = urllib.request.Request(self.environment["DBGATE_URL"] + "/api/v1" + path, method=method,
                                         data=None if body is None else json.dumps(body).encode(),
                                         headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
        trust = ssl.create_default_context(cafile=self.test.lab.certificates.ca)
        try:
            with urllib.request.urlopen(request, timeout=30, context=trust) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.loads(refused.read() or b"null")


class People(unittest.TestCase):
    VERBS = set()
    extra = ""

    @classmethod
    def setUpClass(cls):
        cls.table = command_table()
        cls.seen, cls.as_json = set(), set()
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.lab.postgres.psql("CREATE TABLE fruits AS SELECT g AS id, 'fruit ' || g AS name FROM generate_series(1, 3) g")
        config = ("version: 1\nstate_dir: state\nlimits: { api_requests_per_minute: 1000000 }\n" + cls.extra + cls.lab.listen(tls=True) +
                  "targets:\n" + cls.lab.target())
        # The administrator is made before the gateway runs, as somebody who installs it may do.
        directory = cls.lab.directory / "gateway1"
        directory.mkdir()
        file = directory / "gateway.yaml"
        file.write_text(lab.with_store(config, directory), encoding="utf-8")
        file.chmod(0o600)
        once = subprocess.run([str(lab.GATEWAY), "create-admin", "root", "--config", str(file)], check=True, capture_output=True,
                              text=True, timeout=60).stdout.strip()
        cls.gateway = cls.lab.gateway(config)
        cls.root = Person(cls, "root")
        cls.root.login(once)
        cls.root.run("password", "--password-stdin", text=f"{once}\n{ROOT_PASSWORD}\n")

    @classmethod
    def tearDownClass(cls):
        if any(not one.startswith("-") for one in sys.argv[1:]):
            return  # some tests only
        unseen = sorted(cls.VERBS - cls.seen), sorted(cls.VERBS - cls.as_json - NO_JSON)
        if any(unseen):
            raise AssertionError(f"not run under a terminal: {unseen[0]}; not run with -o json: {unseen[1]}")

    @classmethod
    def note(cls, arguments, as_json, under_terminal):
        words = " ".join(str(one) for one in arguments[:2])
        verb = words if words in cls.table else str(arguments[0])
        if as_json:
            cls.as_json.add(verb)
        if under_terminal:
            cls.seen.add(verb)

    def person(self, name, *flags, password=None):
        """A new user, who has chosen a password and is signed in."""
        once = self.root.json("user", "add", name, *flags)["one_time_password"]
        person = Person(type(self), name)
        person.login(once)
        person.run("password", "--password-stdin", text=f"{once}\n{password or 'a long password of ' + name}\n")
        return person

    def allow(self, *names, everything=True):
        """Stored policies that let these users do everything on the target postgres."""
        rules = "everything: true" if everything else "select: [public.fruits], functions: [safe]"
        text = "policies:\n" + "".join(f"  - {{ name: for-{name}, who: {{ users: [{name}] }}, on: [postgres], allow: [ {{ {rules} }} ] }}\n"
                                       for name in names)
        self.root.run("policy", "apply", "-", text=text)

    def psql(self, user, password, sql="SELECT 1", check=True):
        return lab.run_psql(sql, host="localhost", port=self.gateway.port, user=user, database="postgres", password=password,
                            sslmode="require", check=check)
