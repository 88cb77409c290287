"""What Bind gives to parameters, and what Parse and Bind have made, is in the audit record of what runs it or would have run it."""
import hashlib
import pathlib
import struct
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402


def bind(portal, statement, values, formats=()):
    """Values are bytes or None."""
    body = portal + b"\0" + statement + b"\0" + struct.pack("!H", len(formats)) + b"".join(struct.pack("!h", f) for f in formats)
    body += struct.pack("!H", len(values))
    for value in values:
        body += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
    return wire.message(b"B", body + struct.pack("!H", 0))


class Parameters(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)

    def gateway(self, how):
        return self.lab.gateway(self.lab.forward_everything(extra=f"audit: {{ parameters: {how} }}\n" if how else ""))

    def run_all(self, gateway, *binds, execute=b"", fails=False):
        connection = wire.Connection(gateway.port, seconds=20)
        self.addCleanup(connection.socket.close)
        connection.login("postgres", "postgres", lab.PASSWORD)
        connection.send(wire.parse("s", "SELECT length($1::text), $2::text") + wire.SYNC)
        connection.receive_until("Z")
        for message in binds:
            connection.send(message + wire.execute(execute.decode()) + wire.SYNC)
            answered = connection.receive_until("Z")
            self.assertEqual("E" in "".join(kind for kind, _ in answered), fails)
        return [record.get("db.query.parameters") for record in gateway.audit("statement.decided")]

    def test_values(self):
        long, huge = b"x" * 5000, b"y" * 3_000_000
        recorded = self.run_all(
            self.gateway(None), bind(b"", b"s", [b"one", None]), bind(b"", b"s", [b"a\"\xc3\xa4", b"\0\x01\xff"[1:2]], (0, 1)),
            bind(b"", b"s", [long, b""]), bind(b"", b"s", [huge, b"z"]))
        self.assertEqual(recorded[0], ["one", None])
        self.assertEqual(recorded[1], ["a\"ä", {"hex": "01"}])
        self.assertEqual(recorded[2], [{"sha256": hashlib.sha256(long).hexdigest(), "bytes": 5000}, ""])
        behind_names = bind(b"", b"s", [huge, b"z"])[5 + len(b"\0s\0"):]
        self.assertEqual(recorded[3], {"sha256": hashlib.sha256(behind_names).hexdigest(), "bytes": len(behind_names)})

    def test_of_the_portal_that_runs(self):
        recorded = self.run_all(self.gateway(None), bind(b"p", b"s", [b"1", b"2"]) + bind(b"q", b"s", [b"3", b"4"]), execute=b"p")
        self.assertEqual(recorded, [["1", "2"]])

    def test_of_what_fails(self):
        recorded = self.run_all(self.gateway(None), bind(b"", b"s", [b"\xff", b"2"]), fails=True)
        self.assertEqual(recorded, [["\ufffd", "2"]])

    def of_the_last(self, *steps):
        """What is recorded of the last execution; each step but the last one is a message in a transaction, or SQL."""
        gateway = self.gateway(None)
        connection = wire.Connection(gateway.port, seconds=20)
        self.addCleanup(connection.socket.close)
        connection.login("postgres", "postgres", lab.PASSWORD)
        for step in ("BEGIN", wire.parse("s", "SELECT length($1::text), $2::text"), *steps):
            connection.send(wire.query(step) if isinstance(step, str) else step + wire.SYNC)
            answered = connection.receive_until("Z")
        rows = [body for kind, body in answered if kind == "D"]
        return rows, gateway.audit("statement.decided")[-1].get("db.query.parameters")

    def test_a_bind_that_fails_changes_no_portal(self):
        bound = bind(b"p", b"s", [b"one", b"ran"])
        for failing in (bind(b"p", b"s", [b"two", b"no"]), bind(b"p", b"s", [b"three"]), bind(b"p", b"none", [b"four", b"no"])):
            rows, recorded = self.of_the_last(bound, "SAVEPOINT a", failing, "ROLLBACK TO a", wire.execute("p"))
            self.assertTrue(rows[0].endswith(b"ran"), rows)
            self.assertEqual(recorded, ["one", "ran"])

    def test_the_unnamed_portal_outlives_a_bind_that_fails(self):
        run = [wire.parse("c", sql) + bind(b"c", b"c", []) + wire.execute("c") + wire.close(b"P", "c") + wire.close(b"S", "c")
               for sql in ("SAVEPOINT a", "ROLLBACK TO a")]
        rows, recorded = self.of_the_last(bind(b"", b"s", [b"one", b"ran"]), run[0], bind(b"", b"s", [b"two"]), run[1], wire.execute())
        self.assertTrue(rows[0].endswith(b"ran"), rows)
        self.assertEqual(recorded, ["one", "ran"])

    def test_in_a_pipeline(self):
        run = [wire.parse("c", sql) + bind(b"c", b"c", []) + wire.execute("c") + wire.close(b"P", "c") + wire.close(b"S", "c") + wire.SYNC
               for sql in ("SAVEPOINT a", "ROLLBACK TO a")]
        gateway = self.gateway(None)
        connection = wire.Connection(gateway.port, seconds=20)
        self.addCleanup(connection.socket.close)
        connection.login("postgres", "postgres", lab.PASSWORD)
        connection.send(wire.query("BEGIN"))
        connection.receive_until("Z")
        connection.send(wire.parse("s", "SELECT length($1::text), $2::text") + bind(b"p", b"s", [b"one", b"ran"]) + wire.SYNC + run[0] +
                        bind(b"p", b"s", [b"two", b"no"]) + wire.SYNC + run[1] + wire.execute("p") + wire.SYNC)
        rows = []
        for _ in range(5):
            rows += [body for kind, body in connection.receive_until("Z") if kind == "D"]
        self.assertTrue(rows[0].endswith(b"ran"), rows)
        self.assertEqual(gateway.audit("statement.decided")[-1]["db.query.parameters"], ["one", "ran"])

    # The server looks at 63 bytes of a name, so that both are the same portal.
    def test_names_that_differ_only_where_the_server_does_not_look(self):
        name, same = "p" * 63 + "x", "p" * 63 + "y"
        other = bind(same.encode(), b"s", [b"two", b"no"]) + wire.close(b"P", same)
        rows, recorded = self.of_the_last(other, bind(name.encode(), b"s", [b"one", b"ran"]), wire.execute(same))
        self.assertTrue(rows[0].endswith(b"ran"), rows)
        self.assertEqual(recorded, ["one", "ran"])

    def definitions(self, gateway, *steps):
        """Of each execution; steps are messages or SQL. What is refused has its SQLSTATE besides."""
        connection = wire.Connection(gateway.port, seconds=20)
        self.addCleanup(connection.socket.close)
        connection.login("postgres", "postgres", lab.PASSWORD)
        refused = []
        for step in steps:
            connection.send(wire.query(step) if isinstance(step, str) else step + wire.SYNC)
            refused += [wire.error_fields(body)["C"] for kind, body in connection.receive_until("Z") if kind == "E"]
        return refused, [(record["db.query.text"], record.get("statement.definitions")) for record in gateway.audit("statement.decided")]

    # Parse has no record of its own.
    def test_what_the_protocol_has_made_and_sql_runs(self):
        select = "SELECT $1::text || 'ä\"'"
        s = [{"name": "s", "text": select}]
        refused, recorded = self.definitions(
            self.gateway(None), wire.parse("s", select), "EXECUTE s('one')", "EXPLAIN EXECUTE s('two')", "EXECUTE s('x'); EXECUTE s('y')",
            wire.parse("e", "EXECUTE s('three')") + wire.bind("", "e") + wire.execute(), "PREPARE p AS SELECT 1", "EXECUTE p",
            wire.bind("", "s", [b"five"]) + wire.execute())
        self.assertEqual(refused, [])
        self.assertEqual(recorded, [
            ("EXECUTE s('one')", s), ("EXPLAIN EXECUTE s('two')", s), ("EXECUTE s('x'); EXECUTE s('y')", s), ("EXECUTE s('three')", s),
            ("PREPARE p AS SELECT 1", None), ("EXECUTE p", None), (select, None)])

    # Nor has Bind: what it has made is run by Execute alone.
    def test_no_fetch_from_a_portal(self):
        changes = "WITH gone AS (DELETE FROM nothing RETURNING a) SELECT a, $1::text FROM gone"
        self.lab.postgres.psql("CREATE TABLE nothing (a int); INSERT INTO nothing VALUES (1)")
        c = [{"name": "c", "text": changes, "parameters": ["one"]}]
        for fetch in ("FETCH ALL FROM c", "MOVE 1 IN c", wire.parse("f", "FETCH 1 FROM c") + wire.bind("", "f") + wire.execute()):
            gateway = self.gateway(None)
            refused, recorded = self.definitions(gateway, "BEGIN", wire.parse("s", changes) + wire.bind("c", "s", [b"one"]), fetch, "COMMIT")
            self.assertEqual(refused, ["0A000"])
            self.assertEqual(recorded[1][1], c)
            self.assertEqual(self.lab.postgres.psql("SELECT a FROM nothing").stdout, "1\n")
        refused, recorded = self.definitions(
            gateway, "BEGIN", wire.parse("", "DECLARE d CURSOR FOR SELECT $1::text") + wire.bind("", "", [b"two"]) + wire.execute(),
            "FETCH 1 FROM d", "COMMIT")
        self.assertEqual((refused, recorded[-2]), ([], ("FETCH 1 FROM d", None)))

    # asyncpg does so: cursor.forward() is MOVE.
    def test_reads_of_a_portal_are_moved_about_in(self):
        reads = "SELECT i, $1::text FROM generate_series(1, 5) i"
        c = [{"name": "c", "text": reads, "parameters": ["one"]}]
        fetches = ("MOVE FORWARD 2 c", "FETCH 1 FROM c", wire.parse("f", "FETCH ALL FROM c") + wire.bind("", "f") + wire.execute())
        refused, recorded = self.definitions(self.gateway(None), "BEGIN", wire.parse("s", reads) + wire.bind("c", "s", [b"one"]), *fetches, "COMMIT")
        self.assertEqual(refused, [])
        self.assertEqual(recorded[1:-1], [("MOVE FORWARD 2 c", c), ("FETCH 1 FROM c", c), ("FETCH ALL FROM c", c)])

    def test_what_is_run_by_execute_alone(self):
        self.lab.postgres.psql("CREATE TABLE few (a int); CREATE SEQUENCE few_numbers; CREATE FUNCTION own() RETURNS int LANGUAGE sql AS 'SELECT 1'")
        for sql in ("SELECT a FROM few FOR UPDATE", "SELECT own()", "SELECT set_config('work_mem', '1MB', false)", "SELECT pg_advisory_lock(1)",
                    "SELECT nextval('few_numbers')", "DELETE FROM few RETURNING a"):
            with self.subTest(sql):
                refused, _ = self.definitions(
                    self.gateway(None), "BEGIN", wire.parse("s", sql) + wire.bind("c", "s"), "FETCH 1 FROM c", "COMMIT")
                self.assertEqual(refused[-1:], ["0A000"])

    def test_large_ones_stand_beside_the_log(self):
        gateway = self.gateway(None)
        select = "SELECT '" + "x" * 40_000 + "'"
        refused, recorded = self.definitions(gateway, wire.parse("s", select), "EXECUTE s")
        self.assertEqual(refused, [])
        whole = '[{"name":"s","text":"' + select + '"}]'
        digest = hashlib.sha256(whole.encode()).hexdigest()
        self.assertEqual(recorded, [("EXECUTE s", {"sha256": digest, "bytes": len(whole)})])
        [kept] = [path for path in (gateway.directory / "state" / "audit" / "blobs").rglob("*") if digest in path.name or digest[2:] in path.name]
        self.assertTrue(kept.is_file())

    def test_hashes_and_none(self):
        recorded = self.run_all(self.gateway("hashes"), bind(b"", b"s", [b"one", None]))
        self.assertEqual(recorded, [[{"sha256": hashlib.sha256(b"one").hexdigest(), "bytes": 3}, None]])
        self.assertEqual(self.run_all(self.gateway("none"), bind(b"", b"s", [b"one", None])), [None])


if __name__ == "__main__":
    unittest.main()
