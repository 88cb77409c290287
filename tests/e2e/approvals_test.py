#!/usr/bin/env python3
"""Drivers and approvals: psql, psycopg and JDBC send what policy holds, and wait, whatever becomes of it.

Usage: approvals_test.py [unittest arguments]. A driver that is not installed counts as skipped, and the test says what is missing.
"""
import importlib.util
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
sys.path.insert(0, str(HERE))
import lab  # noqa: E402
import run  # noqa: E402


class Program:
    """A client under way; its lines as they come."""

    def __init__(self, command, environment, text=None):
        self.process = subprocess.Popen([str(part) for part in command], env=environment, text=True, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if text is not None:
            self.process.stdin.write(text)
            self.process.stdin.close()
        self.lines = []
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def end(self):
        self.process.wait(90)
        self.reader.join(30)
        return "\n".join(self.lines)

    def kill(self):
        self.process.kill()
        self.end()


class Holds:
    """What every driver has to stand. Its statement deletes one fruit and gives its name back."""
    TARGET = {}
    ASKS = ""  # of the policy
    REQUIRE = ", require: { approval: { from: { users: [bob] } } }"  # of the rule

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.lab.postgres.psql("CREATE TABLE fruits AS SELECT g AS id, 'fruit ' || g AS name FROM generate_series(1, 20) g")
        cls.configuration = (
            "version: 1\nstate_dir: state\nlimits: { api_requests_per_minute: 1000000 }\n" + cls.lab.listen() +
            "  api: { address: 127.0.0.1, port: 0 }\n" + cls.lab.users("ana", "bob") + "targets:\n" + cls.lab.target(**cls.TARGET) +
            f"policies:\n  - name: fruit\n    who: {{ users: [ana] }}\n    on: [postgres]\n{cls.ASKS}    allow:\n"
            "      - { pack: introspection }\n      - { select: [public.fruits], functions: [safe] }\n"
            f"      - {{ delete: [public.fruits]{cls.REQUIRE} }}\n")
        cls.gateway = cls.lab.gateway(cls.configuration)
        cls.prepare()

    @classmethod
    def prepare(cls):
        pass

    def setUp(self):
        self.homes = {name: self.home(name) for name in ("ana", "bob")}

    def home(self, name):
        home = self.enterContext(lab.tempfile.TemporaryDirectory(prefix=f"home-{name}-"))
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("DBGATE_", "PG", "XDG_"))}
        environment = {**kept, "HOME": home, "XDG_STATE_HOME": home, "XDG_RUNTIME_DIR": home, "XDG_CONFIG_HOME": home,
                       "XDG_CACHE_HOME": home, "DBGATE_URL": f"http://127.0.0.1:{self.gateway.ports['api']}"}
        subprocess.run([str(lab.CLI), "login", "--username", name, "--password-stdin"], input=lab.PASSWORD + "\n", text=True,
                       capture_output=True, env=environment, check=True, timeout=60)
        return environment

    def cli(self, name, *arguments):
        done = subprocess.run([str(lab.CLI), *arguments], capture_output=True, text=True, env=self.homes[name], timeout=60, check=False)
        self.assertEqual(done.returncode, 0, f"{arguments}: {done.stdout}{done.stderr}")
        return done.stdout

    def variables(self):
        return {**run.variables(self.lab, "plain", self.gateway.port, lab.PASSWORD), "PGUSER": "ana"}

    def held(self, number):
        """The program, and the id of what it waits for."""
        before = set(self.cli("bob", "approvals", "list", "--all", "-q", "--limit", "1000").split())
        program = self.start(number)
        self.addCleanup(program.kill)
        found = lab.wait_until(lambda: set(self.cli("bob", "approvals", "list", "-q").split()) - before, "it is held")
        self.assertEqual(len(found), 1)
        return program, found.pop()

    def state(self, approval):
        return json.loads(self.cli("bob", "approvals", "show", approval, "-o", "json"))["state"]

    def fruit(self, number):
        return self.lab.postgres.psql(f"SELECT name FROM fruits WHERE id = {number}").stdout.strip()

    def look_at(self, details):
        """Who decides sees what the server means to do."""
        self.assertGreaterEqual(details.get("estimated_rows", 0), 1, details)
        self.assertRegex(details["plan"][0], "^Delete on (public.)?fruits ")

    def plan_is_hidden(self, approval):
        """A plan tells of rows that who asks may not see, and costs nobody's agreement."""
        seen = json.loads(self.cli("ana", "approvals", "show", approval, "-o", "json"))
        self.assertIn("relations", seen["details"])
        self.assertFalse({"plan", "estimated_rows", "no_plan"} & seen["details"].keys(), seen)

    def test_approved(self):
        program, approval = self.held(1)
        self.assertEqual(self.fruit(1), "fruit 1", "nothing has run")
        self.look_at(json.loads(self.cli("bob", "approvals", "show", approval, "-o", "json"))["details"])
        self.plan_is_hidden(approval)
        self.cli("bob", "approvals", "approve", approval, "--yes")
        said = program.end()
        self.assertIn("ROWS fruit 1", said)
        self.assertRegex(said, r"THEN \d+")
        self.assertIn(approval, said, "the client is told what it waits for")
        self.assertEqual(self.fruit(1), "")
        self.assertEqual(self.state(approval), "used")

    def test_denied(self):
        program, approval = self.held(2)
        self.cli("bob", "approvals", "deny", approval, "--reason", "not today")
        said = program.end()
        self.assertRegex(said, rf"ERROR 42501 .*{approval}")
        self.assertRegex(said, r"THEN \d+", "the session goes on")
        self.assertEqual(self.fruit(2), "fruit 2")

    def test_cancelled_by_who_has_asked(self):
        program, approval = self.held(3)
        self.cli("ana", "approvals", "cancel", approval, "--yes")
        self.assertRegex(program.end(), r"ERROR (57014|42501)")
        self.assertEqual((self.fruit(3), self.state(approval)), ("fruit 3", "cancelled"))

    def cancel(self, program):
        """The way the driver has."""
        program.process.stdin.write("cancel\n")
        program.process.stdin.flush()

    def test_cancelled_by_its_client(self):
        program, approval = self.held(6)
        self.cancel(program)
        self.assertRegex(program.end(), "ERROR:? +(57014 )?.*canceling statement due to user request")
        lab.wait_until(lambda: self.state(approval) == "cancelled", "nobody waits for it any more")
        self.assertEqual(self.fruit(6), "fruit 6")

    def test_the_client_goes_away(self):
        program, approval = self.held(4)
        program.kill()
        lab.wait_until(lambda: self.state(approval) == "cancelled", "nobody waits for it any more")
        self.assertEqual(self.fruit(4), "fruit 4")

    def test_the_gateway_restarts(self):
        program, approval = self.held(5)
        self.gateway.stop()
        self.assertRegex(program.end(), r"ERROR|THEN 57P|terminat|closed|server")
        type(self).gateway = self.lab.gateway(self.configuration.replace("state_dir: state", f"state_dir: {self.gateway.directory}/state"))
        self.homes = {name: self.home(name) for name in ("ana", "bob")}
        self.assertEqual(self.state(approval), "cancelled", "the approval is there, and nobody waits for it")
        self.assertEqual(self.fruit(5), "fruit 5")


class Psql(Holds, unittest.TestCase):
    def start(self, number):
        sql = (f"DELETE FROM fruits WHERE id = {number} RETURNING 'ROWS ' || name;\n\\if :ERROR\n\\echo ERROR :LAST_ERROR_SQLSTATE :LAST_ERROR_MESSAGE\n\\endif\n"
               "SELECT 'THEN ' || count(*) FROM fruits;\n")
        return Program(["psql", "-X", "-A", "-t", "-q"], self.variables(), sql)


    def cancel(self, program):
        program.process.send_signal(signal.SIGINT)


class Psycopg(Holds, unittest.TestCase):
    @classmethod
    def prepare(cls):
        if not importlib.util.find_spec("psycopg"):
            raise unittest.SkipTest("no Python module psycopg")

    def start(self, number):
        return Program([sys.executable, HERE / "clients" / "psycopg3_hold.py", "DELETE FROM fruits WHERE id = %s RETURNING name", str(number)],
                       self.variables())


class Jdbc(Holds, unittest.TestCase):
    @classmethod
    def prepare(cls):
        if not (shutil.which("javac") and run.JDBC_JAR.exists()):
            raise unittest.SkipTest(f"no javac, or no {run.JDBC_JAR}")
        run.build(["javac", "-Xlint:all", "-Werror", "-cp", run.JDBC_JAR, "-d", cls.lab.directory, HERE / "clients" / "JdbcHold.java"])

    def start(self, number):
        return Program(["java", "-Xmx256m", "-cp", f"{self.lab.directory}:{run.JDBC_JAR}", "JdbcHold",
                        "DELETE FROM fruits WHERE id = ? RETURNING name", str(number)], self.variables())


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    unittest.main()
