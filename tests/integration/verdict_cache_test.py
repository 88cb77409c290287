"""Statements that come again, through a gateway whose policies and catalog change under its sessions."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402

SETUP = """
CREATE TABLE accounts (aid int PRIMARY KEY, abalance int);
INSERT INTO accounts SELECT n, 10 * n FROM generate_series(1, 20) n;
CREATE TABLE secrets (aid int, abalance int); INSERT INTO secrets SELECT n, 4111 FROM generate_series(1, 20) n;
"""
READS = "{ select: [public.accounts], update: ['public.accounts(abalance)'], functions: [safe] }"


def config(it, rules, limits=""):
    return f"""version: 1
state_dir: state
{limits}{it.listen()}{it.users("app", "free")}targets:
{it.target("postgres")}policies:
  - {{ name: app, who: {{ users: [app] }}, on: [postgres], {rules} }}
  - {{ name: free, who: {{ users: [free] }}, on: [postgres], allow: [ {{ everything: true }} ] }}
"""


class VerdictCache(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.it = lab.Lab()
        cls.addClassCleanup(cls.it.close)
        cls.it.postgres.psql(SETUP)

    def start(self, rules, limits=""):
        gateway = self.it.gateway(config(self.it, rules, limits))
        self.addCleanup(gateway.check)
        return gateway

    def connect(self, gateway, user="app"):
        connection = wire.Connection(gateway.port)
        self.addCleanup(connection.__exit__)
        connection.login(user, "postgres", lab.PASSWORD)
        return connection

    def ask(self, connection, text):
        """The first values of the rows, or the SQLSTATE."""
        connection.send(wire.query(text))
        answer = []
        while True:
            kind, body = connection.receive()
            if kind == "Z":
                return answer
            if kind == "E":
                answer = wire.error_fields(body)["C"]
            elif kind == "D":
                size = int.from_bytes(body[2:6], "big")
                answer.append(body[6:6 + size].decode())

    def test_constants_stay_where_they_are(self):
        for limits in ("", "limits: { verdict_cache: 0 }\n"):
            gateway = self.start(f"allow: [ {READS} ]", limits)
            connection = self.connect(gateway)
            texts = [f"SELECT abalance FROM accounts WHERE aid = {n}" for n in (1, 2, 17, 2, 1)]
            for text in texts:
                self.assertEqual(self.ask(connection, text), [str(10 * int(text.split()[-1]))])
                self.assertEqual(self.ask(connection, text.replace("accounts", "secrets")), "42501")
            said = [(r["db.query.text"], r["decision.effect"]) for r in gateway.audit("statement.decided")]
            self.assertEqual(said, [pair for text in texts
                                    for pair in ((text, "allow"), (text.replace("accounts", "secrets"), "deny"))])

    def test_policies_change_under_a_session(self):
        gateway = self.start(f"allow: [ {READS} ]")
        connection, other = self.connect(gateway), self.connect(gateway)
        for n in (1, 2, 3):
            self.assertEqual(self.ask(connection, f"SELECT abalance FROM accounts WHERE aid = {n}"), [str(10 * n)])
        gateway.reload(config(self.it, "allow: [ { select: ['public.accounts(aid)'], functions: [safe] } ]"))
        for session in (connection, other, self.connect(gateway)):
            self.assertEqual(self.ask(session, "SELECT abalance FROM accounts WHERE aid = 3"), "42501")
            self.assertEqual(self.ask(session, "SELECT aid FROM accounts WHERE aid = 3"), ["3"])
        gateway.reload(config(self.it, f"allow: [ {READS} ]"))
        for session in (connection, other):
            self.assertEqual(self.ask(session, "SELECT abalance FROM accounts WHERE aid = 3"), ["30"])

    def test_the_catalog_changes_under_a_session(self):
        gateway = self.start("allow: [ { select: ['public.*'], functions: [safe] } ], deny: [ { select: [public.secrets] } ]")
        connection, owner = self.connect(gateway), self.connect(gateway, "free")
        asked = "SELECT abalance FROM shown WHERE aid = 3"
        for _ in range(2):
            self.ask(owner, "CREATE OR REPLACE VIEW shown AS SELECT aid, abalance FROM accounts")
            for _ in range(3):
                self.assertEqual(self.ask(connection, asked), ["30"])
            self.ask(owner, "CREATE OR REPLACE VIEW shown AS SELECT aid, abalance FROM secrets")
            self.assertEqual(self.ask(connection, asked), "42501")

    def test_limits_are_read_every_time(self):
        gateway = self.start("allow: [ { select: [public.accounts], functions: [safe], require: { max_limit: 5 } } ]")
        connection = self.connect(gateway)
        for count in (3, 5, 3, 5):
            self.assertEqual(len(self.ask(connection, f"SELECT aid FROM accounts WHERE aid > 2 LIMIT {count}")), count)
        self.assertEqual(self.ask(connection, "SELECT aid FROM accounts WHERE aid > 2 LIMIT 6"), "42501")

    def test_what_a_session_has_prepared_is_its_own(self):
        gateway = self.start(f"allow: [ {READS} ]")
        connection, other = self.connect(gateway), self.connect(gateway)
        for _ in range(2):
            self.assertEqual(self.ask(connection, "PREPARE p AS SELECT abalance FROM accounts WHERE aid = 2"), [])
            self.assertEqual(self.ask(connection, "EXECUTE p"), ["20"])
            self.assertEqual(self.ask(other, "EXECUTE p"), "26000")
            self.assertEqual(self.ask(connection, "DEALLOCATE p"), [])
            self.assertEqual(self.ask(connection, "EXECUTE p"), "26000")

    def test_parse_texts(self):
        gateway = self.start(f"allow: [ {READS} ]")
        connection = self.connect(gateway)
        for name in ("a", "b", "c"):
            connection.send(wire.parse(name, "SELECT abalance FROM accounts WHERE aid = $1") +
                            wire.bind("", name, [b"4"]) + wire.execute() + wire.SYNC)
            self.assertEqual(connection.types_until_ready(), "12DCZ")


if __name__ == "__main__":
    unittest.main(verbosity=2)
