"""Errors and notices as long as PostgreSQL lets a function say them, and what dbgate refuses for its size."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402

LENGTH = 3_000_000
RAISE = "DO $$ BEGIN RAISE {} '%', repeat('x', {}); END $$"


class LongMessages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        limits = "limits: { max_statement_bytes: 100KiB, prepared_statements: 2, portals: 1 }\n"
        cls.gateway = cls.lab.gateway(cls.lab.forward_everything(extra=limits))

    def login(self):
        connection = wire.Connection(self.gateway.port)
        self.addCleanup(connection.socket.close)
        connection.login("postgres", "postgres", lab.PASSWORD)
        return connection

    def still_works(self, connection):
        connection.send(wire.query("SELECT 1"))
        self.assertEqual(connection.types_until_ready(), "TDCZ")

    def said(self, messages, kind):
        return [wire.error_fields(body) for letter, body in messages if letter == kind]

    def test_a_long_exception(self):
        connection = self.login()
        connection.send(wire.query(RAISE.format("EXCEPTION", LENGTH)))
        messages = connection.receive_until("Z")
        self.assertEqual([kind for kind, _ in messages], ["E", "Z"])
        fields = self.said(messages, "E")[0]
        self.assertEqual((fields["V"], fields["C"], len(fields["M"])), ("ERROR", "P0001", LENGTH))
        self.still_works(connection)
        lab.wait_until(lambda: any(record.get("db.response.status_code") == "P0001"
                                   for record in self.gateway.audit("statement.done")), "its outcome is on record", 10)

    def test_a_long_exception_in_an_extended_query(self):
        connection = self.login()
        connection.send(wire.parse("", RAISE.format("EXCEPTION", LENGTH)) + wire.bind() + wire.execute() + wire.execute() +
                        wire.SYNC + wire.query("SELECT 1"))
        messages = connection.receive_until("Z")
        self.assertEqual("".join(kind for kind, _ in messages), "12EZ")
        self.assertEqual(len(self.said(messages, "E")[0]["M"]), LENGTH)
        self.assertEqual(connection.types_until_ready(), "TDCZ")

    def test_long_notices(self):
        connection = self.login()
        text = RAISE.format("NOTICE", LENGTH).replace("END $$", f"RAISE NOTICE '%', repeat('y', {LENGTH}); END $$")
        connection.send(wire.query(text))
        messages = connection.receive_until("Z")
        self.assertEqual("".join(kind for kind, _ in messages), "NNCZ")
        self.assertEqual([(len(f["M"]), f["M"][0]) for f in self.said(messages, "N")], [(LENGTH, "x"), (LENGTH, "y")])
        self.still_works(connection)

    def test_psql_shows_them(self):
        self.lab.current = self.gateway
        done = self.lab.psql(RAISE.format("NOTICE", LENGTH) + ";\n" + RAISE.format("EXCEPTION", LENGTH) + ";\nSELECT 'after';\n",
                             check=False)
        self.assertEqual(done.stdout, "after\n")
        self.assertEqual(done.stderr.count("x" * LENGTH), 2)

    # What is refused for a limit is a denial like any other on record.

    def denial(self, code, text, send, connection, kinds):
        before = len(self.gateway.audit("statement.decided"))
        connection.send(send)
        messages = connection.receive_until("Z")
        self.assertEqual("".join(kind for kind, _ in messages), kinds)
        fields = self.said(messages, "E")[0]
        self.assertEqual(fields["C"], code, fields)
        records = [r for r in self.gateway.audit("statement.decided")[before:] if r["decision.effect"] == "deny"]
        self.assertEqual(len(records), 1, records)
        self.assertEqual(records[0]["decision.rule_id"], "builtin/limit")
        self.assertEqual(records[0]["decision.reasons"], [fields["M"]])
        self.assertEqual(records[0]["db.query.text"], text)
        self.assertNotIn("db.query.text_sha256", records[0])
        return records[0]

    def test_an_oversized_statement_is_on_record(self):
        connection = self.login()
        for message, kinds in ((wire.query("SELECT '" + "x" * 200_000 + "'"), "EZ"),
                               (wire.parse("", "SELECT '" + "x" * 200_000 + "'") + wire.SYNC, "EZ")):
            record = self.denial("54000", "", message, connection, kinds)
            self.assertIn("exceeds the limit", record["decision.reasons"][0])
            self.still_works(connection)

    def test_too_many_prepared_statements_are_on_record(self):
        connection = self.login()
        connection.send(wire.parse("a", "SELECT 1") + wire.parse("b", "SELECT 2") + wire.SYNC)
        connection.types_until_ready()
        record = self.denial("53400", "SELECT 3", wire.parse("c", "SELECT 3") + wire.SYNC, connection, "EZ")
        self.assertEqual(record["statement.name"], "c")
        self.still_works(connection)

    def test_too_many_portals_are_on_record(self):
        connection = self.login()
        connection.send(wire.parse("a", "SELECT 1") + wire.SYNC)
        connection.types_until_ready()
        record = self.denial("53400", "SELECT 1", wire.bind("p", "a") + wire.bind("q", "a") + wire.SYNC, connection, "2EZ")
        self.assertEqual(record["statement.name"], "q")
        self.still_works(connection)


if __name__ == "__main__":
    unittest.main()
