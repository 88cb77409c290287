"""Ratings where they need a server: sizes and indexes of the catalog, the state of a session, lists of what a program sends, bursts."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402

SCHEMA = """
CREATE TABLE orders (id int PRIMARY KEY, customer int, total int);
CREATE INDEX ON orders (customer);
CREATE TABLE small (id int PRIMARY KEY, note text);
UPDATE pg_class SET reltuples = 2000000, relpages = 20000 WHERE relname = 'orders';
"""
KINDS = {"ana": "person", "app": "service", "bot": "agent", "eve": "person", "max": "person"}


class Ratings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql(SCHEMA)
        users = cls.lab.users(*KINDS)
        for name, kind in KINDS.items():
            users = users.replace(f"name: {name},", f"name: {name}, kind: {kind},")
        policies = {
            "ana": "allow: [ { everything: true } ], risk: { deny_at: medium }",
            "app": "allow: [ { select: ['public.*'], update: ['public.*'], functions: [safe] } ], risk: { deny_at: high, "
                   "known: [ 'SELECT note FROM small WHERE id = 1' ] }",
            "bot": "allow: [ { everything: true } ], risk: { agent: { deny_at: high } }",
            "eve": "allow: [ { everything: true } ], risk: { deny_at: high }",
            "max": "allow: [ { everything: true } ]"}
        cls.gateway = cls.lab.gateway(
            "version: 1\nstate_dir: state\n" + cls.lab.listen() + users + "targets:\n" + cls.lab.target() + "policies:\n" +
            "".join(f"  - {{ name: {name}, who: {{ users: [{name}] }}, on: [postgres], {rules} }}\n" for name, rules in policies.items()))
        # Who may do everything waits for no catalog: it has been read once others have had an answer.
        cls.lab.psql("SELECT note FROM small WHERE id = 1", user="app")

    def connect(self, user):
        connection = wire.Connection(self.gateway.port)
        self.addCleanup(connection.socket.close)
        connection.login(user, "postgres", lab.PASSWORD)
        return connection

    def ask(self, connection, sql):
        """What became of a Query: "ok", or the first line of the error."""
        connection.send(wire.query(sql))
        for kind, body in connection.receive_until("Z"):
            if kind == "E":
                return wire.error_fields(body)["M"]
        return "ok"

    def assert_rated(self, answer, rule):
        self.assertIn(f" by {rule}: ", answer)

    def test_keys_are_those_of_the_catalog(self):
        ana = self.connect("ana")
        self.assertEqual(self.ask(ana, "UPDATE orders SET total = 0 WHERE id = 5"), "ok")
        self.assertEqual(self.ask(ana, "UPDATE orders SET total = 0 WHERE customer = 5"), "ok")
        self.assertEqual(self.ask(ana, "UPDATE small SET note = 'x' WHERE note = 'y'"), "ok")
        self.assert_rated(self.ask(ana, "UPDATE orders SET total = 0 WHERE total = 5"), "DML-03")

    def test_time_outs_and_locks_of_the_session_count(self):
        ana = self.connect("ana")
        alter = "ALTER TABLE orders ADD COLUMN IF NOT EXISTS total int"
        self.assert_rated(self.ask(ana, alter), "DD-08")
        self.assertEqual(self.ask(ana, "SET lock_timeout = '5s'"), "ok")
        self.assertEqual(self.ask(ana, alter), "ok")
        self.assertEqual(self.ask(ana, "BEGIN"), "ok")
        self.assertEqual(self.ask(ana, alter), "ok")
        self.assert_rated(self.ask(ana, alter), "DD-09")
        self.assertEqual(self.ask(ana, "ROLLBACK"), "ok")
        self.assertEqual(self.ask(ana, "BEGIN; SET LOCAL lock_timeout = 0; COMMIT"), "permission denied by dbgate policy: rated medium "
                         "by ST-04: State of the session is changed")
        self.assertEqual(self.ask(ana, alter), "ok")
        self.assertEqual(self.ask(ana, "RESET lock_timeout"), "ok")
        self.assert_rated(self.ask(ana, alter), "DD-08")

    def test_a_prepared_definition_is_rated_when_it_runs(self):
        ana = self.connect("ana")
        self.assertEqual(self.ask(ana, "SET lock_timeout = '5s'"), "ok")
        ana.send(wire.parse("alter", "ALTER TABLE orders ADD COLUMN IF NOT EXISTS total int") + wire.SYNC)
        self.assertNotIn("E", [kind for kind, _ in ana.receive_until("Z")])
        execute = wire.bind("", "alter") + wire.execute("") + wire.SYNC
        ana.send(execute)
        self.assertNotIn("E", [kind for kind, _ in ana.receive_until("Z")])
        self.assertEqual(self.ask(ana, "RESET lock_timeout"), "ok")
        ana.send(execute)
        errors = [wire.error_fields(body)["M"] for kind, body in ana.receive_until("Z") if kind == "E"]
        self.assertEqual(len(errors), 1)
        self.assert_rated(errors[0], "DD-08")

    def test_what_a_program_does_not_send_is_rated(self):
        app = self.connect("app")
        for number in range(3):
            self.assertEqual(self.ask(app, f"SELECT note FROM small WHERE id = {number}"), "ok")
        self.assert_rated(self.ask(app, "SELECT note FROM small WHERE id = 1 OR note = 'x'"), "IJ-08")
        self.assertEqual(self.ask(app, "BEGIN"), "ok")
        self.assertEqual(self.ask(app, "COMMIT"), "ok")

    def test_agents_do_not_control_transactions(self):
        bot = self.connect("bot")
        self.assertEqual(self.ask(bot, "SELECT note FROM small WHERE id = 1"), "ok")
        self.assert_rated(self.ask(bot, "BEGIN"), "ST-03")
        self.assert_rated(self.ask(bot, "SELECT 1; SELECT 2"), "ST-01")

    def test_a_burst_is_one_of_all_sessions(self):
        one, other, bystander = self.connect("eve"), self.connect("eve"), self.connect("max")
        self.assertEqual(self.ask(other, "SELECT note FROM small WHERE id = 1"), "ok")
        for number in range(21):
            self.assertIn("syntax error", self.ask(one, f"SELEKT {number}"))
        self.assert_rated(self.ask(other, "SELECT note FROM small WHERE id = 1"), "IJ-09")
        self.assertEqual(self.ask(bystander, "SELECT note FROM small WHERE id = 1"), "ok")


if __name__ == "__main__":
    unittest.main()
