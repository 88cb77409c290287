"""A store on PostgreSQL that is gone for a while, and what its users meet meanwhile: a real gateway, a server that stands still."""
import contextlib
import os
import pathlib
import secrets
import signal
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402
from raw_http import Raw  # noqa: E402

TIMEOUT_SECONDS = 1.0
BACK_SECONDS = 1.0
# What a busy machine may add to any wait.
SLACK_SECONDS = 3.0


class Outage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.store = lab.Postgres(cls.lab.directory / "store")
        cls.addClassCleanup(cls.store.stop)
        for name, text in (("key", secrets.token_hex(32)), ("password", lab.PASSWORD)):
            file = cls.lab.directory / name
            file.touch(0o600)
            file.write_text(text + "\n")
        cls.gateway = cls.lab.gateway(
            "version: 1\nstate_dir: state\nlimits: { api_requests_per_minute: 1000000, failed_logins_per_minute: 1000 }\n"
            f"store: {{ url: 'postgresql://postgres@127.0.0.1:{cls.store.port}/postgres?sslmode=disable', "
            f"password_file: {cls.lab.directory / 'password'}, timeout: {int(TIMEOUT_SECONDS * 1000)}ms }}\n"
            f"encryption: {{ keys: [ {{ id: one, key_file: {cls.lab.directory / 'key'} }} ] }}\n"
            "listen:\n  postgres: { address: 127.0.0.1, port: 0 }\n  api: { address: 127.0.0.1, port: 0 }\n" + cls.lab.users("root", "filed") +
            "roles: { admin: { users: [root] } }\ntargets:\n" + cls.lab.target() + "groups: { all: [filed] }\n"
            "policies:\n  - { name: all, who: { groups: [all] }, on: [postgres], allow: [ { everything: true } ] }\n")
        cls.root = cls.send("POST", "/login", body={"username": "root", "password": lab.PASSWORD}).json()["access_token"]
        made = cls.send("POST", "/users", cls.root, {"name": "lena", "groups": ["all"]}).json()
        own = cls.send("POST", "/login", body={"username": "lena", "password": made["one_time_password"]}).json()
        cls.send("POST", "/me/password", own["access_token"], {"current_password": made["one_time_password"], "new_password": lab.PASSWORD})
        cls.lena = cls.send("POST", "/login", body={"username": "lena", "password": lab.PASSWORD}).json()
        cls.password = cls.send("POST", "/me/database-passwords", cls.lena["access_token"],
                                {"name": "psql", "expires_in_seconds": 3600}).json()["password"]

    @classmethod
    def send(cls, method, path, token=None, body=None):
        with Raw(cls.gateway.ports["api"], timeout=lab.START_SECONDS) as connection:
            return connection.request(method, "/api/v1" + path, token, body)

    def signals(self, number):
        """To every process of the store's server."""
        server = int((self.store.data / "postmaster.pid").read_text().split()[0])
        os.kill(server, number)
        if number == signal.SIGSTOP:  # only once it stands still it forks no more
            lab.wait_until(lambda: pathlib.Path(f"/proc/{server}/stat").read_text().rpartition(")")[2].split()[0] == "T", "it stands still", 10)
        children = pathlib.Path(f"/proc/{server}/task/{server}/children").read_text().split()
        for process in map(int, children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, number)

    @contextlib.contextmanager
    def gone(self):
        self.signals(signal.SIGSTOP)
        try:
            lab.wait_until(lambda: any("cannot be reached; nobody can sign in" in line for line in self.gateway.log[self.told:]),
                           "the gateway knows", 20)
            yield
        finally:
            self.signals(signal.SIGCONT)

    def setUp(self):
        self.told = len(self.gateway.log)

    def psql(self, user, password, sql="SELECT 'in'"):
        return self.lab.psql(sql, user=user, password=password, check=False)

    def enters(self):
        return self.psql("lena", self.password).stdout == "in\n"

    def test_what_people_meet_while_it_is_gone(self):
        self.assertTrue(self.enters())
        live = self.enterContext(wire.Connection(self.gateway.port))
        live.login("lena", "postgres", self.password)
        with self.gone():
            with self.subTest("live sessions go on"):
                live.send(wire.query("SELECT 'on'"))
                self.assertIn(b"on", b"".join(body for kind, body in live.receive_until("Z") if kind == "D"))
            with self.subTest("the wire says so"):
                for user in ("lena", "nobody"):
                    refused = self.psql(user, self.password)
                    self.assertEqual(refused.returncode, 2)
                    self.assertIn("the identity store cannot be reached", refused.stderr)
            with self.subTest("users of the file need no store"):
                self.assertEqual(self.psql("filed", lab.PASSWORD).stdout, "in\n")
            with self.subTest("the API says so, and at once"):
                begun = time.monotonic()
                for _ in range(20):
                    answer = self.send("POST", "/login", body={"username": "lena", "password": lab.PASSWORD})
                    self.assertEqual((answer.status, answer.code), (503, "store_unavailable"), answer.body)
                    self.assertEqual(answer.headers["content-type"], "application/problem+json")
                    self.assertGreaterEqual(int(answer.headers["retry-after"]), 1)
                self.assertLess(time.monotonic() - begun, SLACK_SECONDS, "twenty attempts waited for a store that is known to be gone")
            with self.subTest("access tokens go on"):
                self.assertEqual(self.send("GET", "/me", self.lena["access_token"]).status, 200)
                self.assertEqual(self.send("GET", "/targets", self.lena["access_token"]).status, 200)
        began = time.monotonic()
        lab.wait_until(self.enters, "people are let in again", 20)
        took = time.monotonic() - began
        self.assertLess(took, BACK_SECONDS + SLACK_SECONDS)
        self.assertEqual(self.send("POST", "/login", body={"username": "lena", "password": lab.PASSWORD}).status, 200)

    def test_many_callers_at_the_moment_it_goes(self):
        answers = []

        # Of as many accounts: more than a few at once of one account are told to come again (429), store or no store.
        def attempt(number):
            begun = time.monotonic()
            status = self.send("POST", "/login", body={"username": f"caller{number}", "password": lab.PASSWORD}).status
            answers.append((status, time.monotonic() - begun))
        self.signals(signal.SIGSTOP)
        try:
            threads = [threading.Thread(target=attempt, args=(number,)) for number in range(40)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        finally:
            self.signals(signal.SIGCONT)
        self.assertEqual({status for status, _ in answers}, {503})
        # Few threads ask; without a breaker the last of forty callers would wait for ten time-outs.
        self.assertLess(max(took for _, took in answers), 2 * TIMEOUT_SECONDS + SLACK_SECONDS)
        lab.wait_until(self.enters, "people are let in again", 20)


if __name__ == "__main__":
    unittest.main(verbosity=2)
