"""Rows that the audit log keeps of results: what was shown, so many and no more, whatever way it went."""
import pathlib
import sys
import tempfile
import unittest

import psycopg

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402

SETUP = """CREATE TABLE people (id int PRIMARY KEY, name text, card text);
INSERT INTO people SELECT g, 'name ' || g, '4111' || g FROM generate_series(1, 50) g;
CREATE TABLE tall AS SELECT repeat('x', 3000000) AS x"""


class RecordRows(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        cls.lab.postgres.psql(SETUP)

    def start(self, more="", pool=None, extra="", target=""):
        config = ("version: 1\nstate_dir: state\n" + extra + self.lab.listen() + self.lab.users("ana", "bob") + "targets:\n" +
                  self.lab.target("postgres", pool=pool) + "policies:\n"
                  "  - { name: watched, who: { users: [ana] }, on: [postgres], record_rows: { rows: 3, bytes: 1KiB },\n"
                  f"      allow: [ {{ pack: readonly }}, {{ copy_out: [public.people] }} ], mask: {{ public.people.card: redact }}{more} }}\n"
                  "  - { name: free, who: { users: [bob] }, on: [postgres], allow: [ { pack: readonly } ] }\n")
        self.gateway = self.lab.current = lab.Gateway(pathlib.Path(tempfile.mkdtemp(dir=self.lab.directory)), config)
        self.addCleanup(self.gateway.stop)

    def connect(self, user="ana"):
        client = self.enterContext(wire.Connection(self.gateway.port))
        client.login(user, "postgres", lab.PASSWORD)
        return client

    def ask(self, client, sql):
        client.send(wire.query(sql))
        return client.receive_until("Z")

    def outcomes(self):
        """A client may have its answer before the log has the outcome."""
        lab.wait_until(lambda: len(self.gateway.audit("statement.done")) == len(self.gateway.audit("statement.decided")),
                       "all outcomes", 20)
        return self.gateway.audit("statement.done")

    def kept(self):
        """(rows, whether there were more) of the newest outcome."""
        done = self.outcomes()[-1]
        return done.get("result.rows"), done.get("result.cut")

    def test_what_was_shown_is_kept(self):
        for pool in (None, "mode: transaction, max: 2", "mode: statement, max: 2"):
            with self.subTest(pool=pool):
                self.start(pool=pool)
                client = self.connect()
                self.ask(client, "SELECT id, name, card, NULL FROM people WHERE id < 3 ORDER BY id")
                rows, more = self.kept()
                self.assertEqual([row[:2] + row[3:] for row in rows], [["1", "name 1", None], ["2", "name 2", None]])
                self.assertEqual([row[2] for row in rows if "4111" in str(row[2])], [])
                self.assertIs(more, False)
                self.ask(client, "SELECT id FROM people ORDER BY id")
                self.assertEqual(self.kept(), ([["1"], ["2"], ["3"]], True))
                self.ask(client, "SELECT id FROM people ORDER BY id LIMIT 3")
                self.assertEqual(self.kept(), ([["1"], ["2"], ["3"]], False))
                self.ask(client, "SELECT id FROM people WHERE id < 0")
                self.assertEqual(self.kept(), (None, None))
                self.ask(client, "COPY (SELECT id, name FROM people ORDER BY id) TO STDOUT")
                self.assertEqual(self.kept(), ([["1\tname 1"], ["2\tname 2"], ["3\tname 3"]], True))

    def test_messages_that_are_long_or_come_in_parts(self):
        self.start()
        client = self.connect()
        (row,) = [body for kind, body in self.ask(client, "SELECT x FROM tall") if kind == "D"]
        self.assertEqual(len(row), 3000000 + 6)
        self.assertEqual(self.kept(), ([], True))
        rows = [body for kind, body in self.ask(client, "SELECT id, repeat('y', id * 300) FROM people ORDER BY id") if kind == "D"]
        self.assertEqual(len(rows), 50)
        self.assertEqual(self.kept(), ([["1", "y" * 300], ["2", "y" * 600]], True))
        messages = self.ask(client, "SELECT id, 'z' FROM people, generate_series(1, 2000) ORDER BY id")
        self.assertEqual(len([kind for kind, _ in messages if kind == "D"]), 100000)
        self.assertEqual(self.kept(), ([["1", "z"]] * 3, True))

    def test_extended_and_binary(self):
        self.start()
        client = self.connect()
        client.send(wire.parse("s", "SELECT id, name FROM people WHERE id = $1") + wire.SYNC)
        client.receive_until("Z")
        for formats, first in (((), "7"), ((1,), {"hex": "00000007"})):
            client.send(wire.bind("", "s", [b"7"], formats) + wire.execute() + wire.SYNC)
            client.receive_until("Z")
            self.assertEqual(self.kept(), ([[first, "name 7"]], False))
        client.send(wire.parse("", "SELECT id FROM people ORDER BY id") + wire.bind() + wire.execute("", 2) + wire.execute("", 5) + wire.SYNC)
        client.receive_until("Z")
        outcomes = self.outcomes()[-2:]
        self.assertEqual([(done["result.rows"], done["result.cut"]) for done in outcomes],
                         [([["1"], ["2"]], False), ([["3"], ["4"], ["5"]], True)])

    def test_what_a_limit_stops_is_not_shown_and_not_kept(self):
        self.start(more=", limits: { rows: 2 }")
        client = self.connect()
        messages = self.ask(client, "SELECT id FROM people ORDER BY id")
        shown = [body for kind, body in messages if kind == "D"]
        rows, _ = self.kept()
        self.assertEqual(len(rows), len(shown))
        self.assertEqual(len(rows), 2)

    def test_others_are_not_kept(self):
        self.start()
        self.ask(self.connect("bob"), "SELECT id FROM people")
        self.assertEqual(self.kept(), (None, None))

    def test_results_from_memory_are_asked_for_instead(self):
        self.start(extra="limits: { read_cache: 8MiB }\n", more=", cache: { public.people: 1m }")
        client = self.connect()
        for _ in range(3):
            self.ask(client, "SELECT id FROM people WHERE id = 1")
            self.assertEqual(self.kept(), ([["1"]], False))
            self.assertNotIn("served_from", self.outcomes()[-1])

    def test_real_clients(self):
        self.start(pool="mode: transaction, max: 2")
        with psycopg.connect(host="127.0.0.1", port=self.gateway.port, user="ana", password=lab.PASSWORD, dbname="postgres",
                             sslmode="disable", autocommit=True) as connection:
            for binary in (False, True):
                cursor = connection.cursor(binary=binary)
                for _ in range(12):
                    self.assertEqual(cursor.execute("SELECT id, name FROM people WHERE id = %s", [5]).fetchall(), [(5, "name 5")])
                self.assertEqual(self.kept(), ([[{"hex": "00000005"} if binary else "5", "name 5"]], False))
            with connection.cursor() as cursor, cursor.copy("COPY (SELECT id FROM people ORDER BY id) TO STDOUT") as copy:
                self.assertEqual(len(list(copy.rows())), 50)
            self.assertEqual(self.kept(), ([["1"], ["2"], ["3"]], True))


if __name__ == "__main__":
    unittest.main()
