"""What a statement means follows the catalog: a change made through dbgate counts for the next statement of everybody."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402


class CatalogChanges(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql("CREATE TABLE t (id int, city text); CREATE TABLE inner_t (x int); "
                              "CREATE TABLE log (id int, at date) PARTITION BY LIST (at)")
        cls.gateway = cls.lab.gateway(
            "version: 1\nstate_dir: state\n" + cls.lab.listen() + cls.lab.users("owner", "reader") + "targets:\n" +
            cls.lab.target() + "policies:\n"
            "  - { name: o, who: { users: [owner] }, on: [postgres], allow: [ { everything: true } ] }\n"
            "  - { name: r, who: { users: [reader] }, on: [postgres], allow: [\n"
            "      { select: [\"public.t(id, city)\", \"public.inner_t(x)\", public.log, public.made] },\n"
            "      { functions: [safe, \"public.f(integer)\"] } ] }\n")

    def connection(self, user):
        connection = wire.Connection(self.gateway.port)
        self.addCleanup(connection.socket.close)
        connection.login(user, "postgres", lab.PASSWORD)
        return connection

    def codes(self, connection, *messages):
        connection.send(b"".join(messages))
        return [wire.error_fields(body)["C"] for kind, body in connection.receive_until("Z") if kind == "E"]

    def test_the_next_statement_sees_it(self):
        owner, reader = self.connection("owner"), self.connection("reader")
        for change, statement, before, after in (
                # The inner table gets the column that the name meant further out.
                ("ALTER TABLE inner_t ADD COLUMN city text", "SELECT (SELECT max(city) FROM inner_t) FROM t", [], ["42501"]),
                ("CREATE TABLE log_1 PARTITION OF log FOR VALUES IN ('2020-01-01')", "SELECT id FROM log", [], ["42501"]),
                ("CREATE FUNCTION f(int) RETURNS int LANGUAGE sql AS 'SELECT 1'", "SELECT f(1)", ["42501"], []),
                ("CREATE FUNCTION f(text) RETURNS int LANGUAGE sql AS 'SELECT 1'", "SELECT f('1')", [], ["42501"]),
                ("CREATE FUNCTION lower(jsonb) RETURNS int LANGUAGE sql AS 'SELECT 1'", "SELECT lower('{}')", [], []),  # lower(text)
                ("CREATE FUNCTION lower(json) RETURNS int LANGUAGE sql AS 'SELECT 1'", "SELECT lower('{}'::json)", ["42883"],
                 ["42501"]),
                ("CREATE OPERATOR === (FUNCTION = int4eq, LEFTARG = int, RIGHTARG = int)", "SELECT 1 === 1", ["42883"], [])):
            with self.subTest(change=change):
                self.assertEqual(self.codes(reader, wire.query(statement)), before)
                self.assertEqual(self.codes(owner, wire.query(change)), [])
                self.assertEqual(self.codes(reader, wire.query(statement)), after)

    def test_prepared_before_and_run_after(self):
        owner, reader = self.connection("owner"), self.connection("reader")
        self.codes(owner, wire.query("CREATE TABLE made (a int)"))
        self.assertEqual(self.codes(reader, wire.parse("s", "SELECT (SELECT max(id) FROM made) FROM t") + wire.SYNC), [])
        self.assertEqual(self.codes(reader, wire.bind("", "s") + wire.execute("") + wire.SYNC), [])
        self.codes(owner, wire.query("ALTER TABLE inner_t ADD COLUMN id int"))
        self.assertEqual(self.codes(reader, wire.bind("", "s") + wire.execute("") + wire.SYNC), [])
        self.assertEqual(self.codes(reader, wire.parse("x", "SELECT (SELECT max(id) FROM inner_t) FROM t") + wire.SYNC),
                         ["42501"])

    def test_after_the_transaction_that_made_it(self):
        owner, reader = self.connection("owner"), self.connection("reader")
        self.codes(owner, wire.query("CREATE TABLE later (n int)"))
        statement = "SELECT (SELECT max(name) FROM later) FROM (SELECT 'x'::text AS name) s"
        self.assertEqual(self.codes(reader, wire.query(statement)), ["42501"])  # later itself
        self.assertEqual(self.codes(owner, wire.query("BEGIN"), wire.query("ALTER TABLE t ADD COLUMN extra int"))[:1], [])
        self.assertEqual(self.codes(reader, wire.query("SELECT id FROM ONLY log")), [])
        self.assertEqual(self.codes(owner, wire.query("COMMIT")), [])
        self.assertEqual(self.codes(reader, wire.query("SELECT extra FROM t")), ["42501"])

    def test_what_the_server_does_not_tell(self):
        # Loading waits for the lock, reading a table does not.
        holder = wire.Connection(self.lab.postgres.port)
        self.addCleanup(holder.socket.close)
        holder.login("postgres", "postgres", lab.PASSWORD)
        self.assertEqual(self.codes(holder, wire.query("BEGIN; LOCK TABLE pg_catalog.pg_rewrite")), [])
        other = self.lab.gateway(
            "version: 1\nstate_dir: elsewhere\n" + self.lab.listen() + self.lab.users("reader") + "targets:\n" +
            self.lab.target() + "    catalog: { timeout: 1s }\n"
            "policies:\n  - { name: r, who: { users: [reader] }, on: [postgres], allow: [ { select: [public.t] } ] }\n")
        connection = wire.Connection(other.port)
        self.addCleanup(connection.socket.close)
        connection.login("reader", "postgres", lab.PASSWORD)
        connection.send(wire.query("SELECT id FROM t"))
        errors = [wire.error_fields(body) for kind, body in connection.receive_until("Z") if kind == "E"]
        self.assertEqual([error["C"] for error in errors], ["42501"])
        self.assertIn("catalog of the target cannot be read", errors[0]["M"])
        self.assertEqual(self.codes(connection, wire.query("BEGIN")), [])
        self.assertEqual(self.codes(connection, wire.query("ROLLBACK")), [])
        self.assertEqual(self.codes(holder, wire.query("COMMIT")), [])
        self.assertEqual(self.codes(connection, wire.query("SELECT id FROM t")), [])


if __name__ == "__main__":
    unittest.main()
