"""Signing in under attack: what one account meets, what others notice of it, and what can be learned of names."""
import pathlib
import statistics
import sys
import threading
import time
import unittest
import urllib.parse

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import sign_in_flood  # noqa: E402
import stored_users  # noqa: E402
import wire  # noqa: E402
from raw_http import Raw  # noqa: E402

API = "/api/v1"
AT_ONCE_SECONDS = 1
LONGEST_SECONDS = 6  # of a login that is let in: five in the queue, and its hash, which runs when nobody else wants to


class Loaded(unittest.TestCase):
    people = ("ana", "ben", "cleo", "dora")
    filed = ("filed",)
    extra = ""

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        config = ("version: 1\nstate_dir: state\nstore: { url: 'sqlite:state/dbgate.db' }\nlimits: { api_requests_per_minute: 1000000 }\n" + cls.extra +
                  "listen:\n  postgres: { address: 127.0.0.1, port: 0 }\n  api: { address: 127.0.0.1, port: 0 }\n" +
                  cls.lab.users(*cls.filed) + "targets:\n" + cls.lab.target() +
                  "policies:\n  - { name: all, who: { users: [" + ", ".join(cls.people[:4] + cls.filed) + "] }, on: [postgres], allow: "
                  "[ { everything: true } ] }\n")
        place = cls.lab.directory / "gateway1"
        stored_users.make_store(place, config)
        for name in cls.people:
            stored_users.add_person(place, name, lab.PASSWORD)
        cls.gateway = cls.lab.gateway(config)

    def ask(self, method, path, token=None, body=None, source="127.0.0.1", headers=()):
        with Raw(self.gateway.ports["api"], source, timeout=60) as connection:
            return connection.request(method, API + path, token, body, [*headers, ("Connection", "close")])

    def sign_in(self, user, password=lab.PASSWORD, source="127.0.0.1"):
        return self.ask("POST", "/login", body={"username": user, "password": password}, source=source)


class Flood(Loaded):
    """2 000 attempts in 10 seconds. tests/support/sign_in_flood.py has the long form."""

    def test_an_account_under_attack_holds_up_nobody_else_nor_its_owner(self):
        home = "127.0.0.77"
        self.assertEqual(self.sign_in("ana", source=home).status, 200)
        for name in ("ana", "nobody"):
            with self.subTest(name=name):
                report = sign_in_flood.run(self.gateway.ports["api"], name, attempts=2_000, seconds=10, others=self.people[1:],
                                           owner=("ana", home) if name == "ana" else None)
                self.assertEqual(set(report.flood), {401, 429}, report.flood)
                # 100 of the account and what was under way; of the same whether there is such an account.
                self.assertLessEqual(report.flood[401], 110)
                self.assertGreaterEqual(report.flood[401], 60)
                self.assertGreater(len(report.others), 4)
                self.assertEqual({status for status, _ in report.others}, {200})
                self.assertLess(max(seconds for _, seconds in report.others), LONGEST_SECONDS)
                if report.owner:
                    self.assertGreater(sum(status == 200 for status, _ in report.owner), len(report.owner) // 2, report.owner)


class Slow(Loaded):
    """Passwords that take long to check: with one thread some hundred milliseconds each."""
    people = ("ana", "ben", "cleo", "dora", *(f"p{number}" for number in range(60)))
    extra = "passwords: { memory: 64MiB, passes: 6, threads: 1, queue: 8 }\n"

    def test_what_does_not_fit_is_told_so_and_nothing_else_waits(self):
        token = self.sign_in("ana").json()
        made = self.ask("POST", "/me/database-passwords", token["access_token"], {"name": "d", "expires_in_seconds": 600}).json()
        session = wire.Connection(self.gateway.port)
        self.addCleanup(session.socket.close)
        lab.wait_until(lambda: lab.run_psql("SELECT 1", host="127.0.0.1", port=self.gateway.port, user="ana", database="postgres",
                                            password=made["password"], check=False).returncode == 0, "the password is known", 10)
        session.login("ana", "postgres", made["password"])
        answers = []
        threads = [threading.Thread(target=lambda name=name: answers.append(self.sign_in(name))) for name in self.people[4:]]
        for thread in threads:
            thread.start()
        lab.wait_until(lambda: len(answers) >= 20, "some are refused", 20)
        began = time.monotonic()
        form = urllib.parse.urlencode({"grant_type": "refresh_token", "refresh_token": token["refresh_token"]}).encode()
        refreshed = self.ask("POST", "/token", body=form, headers=[("Content-Type", "application/x-www-form-urlencoded")])
        self.assertEqual(refreshed.status, 200, refreshed.body)
        self.assertLess(time.monotonic() - began, AT_ONCE_SECONDS)
        revoked = self.ask("DELETE", f"/me/database-passwords/{made['id']}", refreshed.json()["access_token"])
        self.assertEqual(revoked.status, 204)
        session.socket.settimeout(AT_ONCE_SECONDS)
        self.assertEqual(session.receive()[0], "E", "it ends while passwords are being checked")
        busy = len(answers) < len(threads)
        for thread in threads:
            thread.join()
        self.assertTrue(busy, "the checks were over too soon to show anything")
        refused = [answer for answer in answers if answer.status != 200]
        self.assertEqual({answer.status for answer in refused}, {503})
        self.assertEqual({answer.headers["retry-after"] for answer in refused}, {"1"})
        self.assertGreater(len(answers), len(refused), "some are let in")


class Names(Loaded):
    """Limits that do not get in the way of measuring."""
    extra = "sign_in: { failures: 100000, account_failures: 100000, address_failures: 100000 }\n"

    def test_the_time_of_an_answer_does_not_tell_whether_there_is_such_a_user(self):
        kinds = {"stored": "ana", "filed": "filed", "unknown": "nobody", "another": "anybody"}
        took = {kind: [] for kind in kinds}
        with Raw(self.gateway.ports["api"]) as connection:
            bodies = set()
            for _ in range(80):
                for kind, user in kinds.items():
                    began = time.monotonic()
                    answer = connection.request("POST", API + "/login", body={"username": user, "password": "wrong"})
                    took[kind].append(time.monotonic() - began)
                    problem = answer.json()
                    problem.pop("request_id")
                    bodies.add((answer.status, str(sorted(problem.items())), str(sorted(set(answer.headers) - {"date"}))))
        self.assertEqual(len(bodies), 1, bodies)
        # The machine may be busy: of the quicker half the middle.
        middle = {kind: statistics.quantiles(times, n=4)[0] for kind, times in took.items()}
        for kind, seconds in middle.items():
            self.assertLess(abs(seconds / middle["unknown"] - 1), 0.15, middle)


if __name__ == "__main__":
    unittest.main()
