"""What a transaction has done to names, nobody else sees: what it uncovers by that is not to be had with rights to something else."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import masking  # noqa: E402
import wire  # noqa: E402

SCHEMA = """
CREATE SCHEMA app; CREATE SCHEMA secret; CREATE TABLE secret.vault (s text); INSERT INTO secret.vault VALUES ('CANARY');
CREATE TABLE public.shadow (id int, s text); INSERT INTO public.shadow VALUES (1, 'CANARY');
CREATE TABLE app.shadow (id int, s text); INSERT INTO app.shadow VALUES (1, 'plain'); CREATE TABLE app.items (id int);
CREATE TABLE public.customers (id int PRIMARY KEY, email text UNIQUE); INSERT INTO public.customers VALUES (1, 'CANARY');
CREATE TABLE app.customers (id int, email text); INSERT INTO app.customers VALUES (1, 'plain');
CREATE FUNCTION app.f(int) RETURNS text LANGUAGE sql AS 'SELECT ''plain''::text';
CREATE FUNCTION public.f(int) RETURNS text LANGUAGE sql AS 'SELECT s FROM secret.vault';
"""
# By user and what takes names of app away, what shows the canary then.
TABLES = ("DROP TABLE app.shadow, app.customers", "ALTER TABLE app.shadow RENAME TO x; ALTER TABLE app.customers RENAME TO y")
FUNCTIONS = ("DROP FUNCTION app.f(int)", "ALTER FUNCTION app.f(int) RENAME TO z")
USES = (("migrate", TABLES, ("SELECT s FROM shadow", "UPDATE shadow SET s = s RETURNING s", "DELETE FROM shadow RETURNING s",
                             "SELECT * FROM (VALUES (1)) v (id) JOIN shadow USING (id)")),
        ("migrate", FUNCTIONS, ("SELECT f(1)",)),
        ("masked", TABLES, ("SELECT email FROM customers", "SELECT c FROM customers c", "TABLE customers",
                            "UPDATE customers SET id = id RETURNING email", "WITH c AS (SELECT * FROM customers) TABLE c")),
        ("denied", TABLES, ("SELECT s FROM shadow", "UPDATE shadow SET s = s RETURNING s")))


class MovedNames(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql(SCHEMA)
        both = '{ ddl: ["app.*", "public.*"], select: ["app.*", "public.*"], update: ["app.*", "public.*"], functions: [safe, "app.*"] }'
        cls.gateway = cls.lab.gateway(
            "version: 1\nstate_dir: state\n" + cls.lab.listen() + cls.lab.users("owner", "migrate", "masked", "denied") + "targets:\n" +
            cls.lab.target(search_path=("app", "public")) + "policies:\n"
            "  - { name: o, who: { users: [owner] }, on: [postgres], allow: [ { everything: true } ] }\n"
            "  - { name: g, who: { users: [migrate] }, on: [postgres], allow: [ { pack: migrator, schemas: [app] },\n"
            '      { ddl: ["app.*"], functions: [safe, "app.*"] } ] }\n'
            f"  - {{ name: m, who: {{ users: [masked] }}, on: [postgres], allow: [ {both} ],\n"
            "      mask: { public.customers.email: redact } }\n"
            f"  - {{ name: d, who: {{ users: [denied] }}, on: [postgres], allow: [ {both} ], deny: [ {{ select: [public.shadow] }} ] }}\n")

    def client(self, user):
        client = masking.Client(self.gateway.port, user)
        self.addCleanup(client.close)
        return client

    def cases(self):
        for user, moves, uses in USES:
            for move in moves:
                for use in uses:
                    yield user, move, use

    def refused(self, reply, codes=("42501",)):
        self.assertNotIn(b"CANARY", reply.bytes)
        self.assertIn(reply.code, codes, reply.errors)

    def test_they_work_for_the_owner(self):
        for _, move, use in self.cases():
            with self.subTest(use, move=move):
                self.assertIn(b"CANARY", self.client("owner").query(f"BEGIN; {move}; {use}; ROLLBACK").bytes)

    def test_in_a_transaction(self):
        for user, move, use in self.cases():
            with self.subTest(use, user=user, move=move):
                for way in ("query", "extended"):
                    client = self.client(user)
                    self.assertNotIn(b"CANARY", client.query(f"BEGIN; {use}; ROLLBACK").bytes)
                    self.assertEqual(client.query("BEGIN").code, None)
                    for step in move.split("; "):
                        self.assertEqual(client.query(step).errors, [])
                    self.refused(getattr(client, way)(use))
                    client.query("ROLLBACK")

    def test_in_one_message(self):
        for user, move, use in self.cases():
            with self.subTest(use, user=user, move=move):
                self.refused(self.client(user).query(f"{move}; {use}"))
                self.refused(self.client(user).query(f"BEGIN; {move}; {use}; ROLLBACK"))

    def test_in_a_pipeline(self):
        for user, move, use in self.cases():
            with self.subTest(use, user=user, move=move):
                client = self.client(user)
                steps = ["BEGIN", *move.split("; "), use]
                sent = b"".join(wire.parse("", step) + wire.bind() + wire.execute() for step in steps)
                self.refused(client.send(sent + wire.SYNC))
                self.assertEqual(client.query("ROLLBACK").code, None)
                replies = client.send(b"".join(wire.query(step) for step in [*steps, "ROLLBACK"]), replies=len(steps) + 1)
                self.refused(replies[-2])

    def test_prepared_before(self):
        refused = ("42501", "0A000")  # by dbgate, or by the server at Bind where its own plan does not fit any more
        for user, move, use in self.cases():
            with self.subTest(use, user=user, move=move):
                client = self.client(user)
                prepared = client.send(wire.parse("early", use) + wire.SYNC)
                if prepared.code is None:
                    client.query("BEGIN")
                    client.query(move)
                    self.refused(client.send(wire.bind("", "early") + wire.execute() + wire.SYNC), refused)
                    client.query("ROLLBACK")
                if client.query(f"PREPARE p AS {use}").code is None:
                    client.query("BEGIN")
                    client.query(move)
                    self.refused(client.query("EXECUTE p"), refused)
                    client.query("ROLLBACK")

    def test_no_verdict_is_taken_along(self):
        client, use = self.client("migrate"), "SELECT count(*) >= 0 FROM items"
        for _ in range(3):
            self.assertEqual(client.query(use).rows, [[b"t"]])
        for _ in range(2):
            client.query("BEGIN")
            client.query("ALTER TABLE app.shadow RENAME TO x")  # any name may have moved
            self.refused(client.query(use))
            client.query("ROLLBACK")
            self.assertEqual(client.query(use).rows, [[b"t"]])

    def test_while_a_statement_waits_for_its_turn(self):
        """The server looks names up when those before have ended; by then another session has taken them away."""
        for user, moves, uses in USES:
            for use in uses:
                with self.subTest(use, user=user):
                    waiting, other = self.client(user), self.client(user)
                    self.assertEqual(other.query("BEGIN; " + moves[0]).errors, [])
                    reply = waiting.query(use)  # or it would wait for the lock, judged by what is there still
                    self.refused(reply)
                    other.query("ROLLBACK")

    def test_migrations_go_on(self):
        client = self.client("migrate")
        for text in ("BEGIN", "CREATE TABLE app.made (id int PRIMARY KEY, note text)", "INSERT INTO app.made VALUES (1, 'a')",
                     "ALTER TABLE items ADD COLUMN note text", "INSERT INTO items VALUES (1, 'b')", "UPDATE items SET note = 'c'",
                     "CREATE INDEX ON app.made (note)", "SAVEPOINT s", "ALTER TABLE items DROP COLUMN note", "ROLLBACK TO s",
                     "SELECT note FROM items", "DROP TABLE app.made", "COMMIT", "SELECT note FROM items", "ALTER TABLE items DROP COLUMN note"):
            with self.subTest(text):
                self.assertEqual(client.query(text).errors, [])

    def test_committed_before_the_message_ends(self):
        """Others see what was committed while more of the same message, or the next transaction, is under way."""
        changer, other = self.client("owner"), self.client("migrate")
        self.assertEqual(changer.query("CREATE TABLE app.gone (id int)").code, None)
        self.assertEqual(other.query("TABLE gone").code, None)
        changer.query("BEGIN")
        changer.query("ALTER TABLE app.gone SET SCHEMA public")
        self.assertEqual(changer.query("COMMIT AND CHAIN").code, None)
        self.refused(other.query("TABLE gone"))
        changer.query("ROLLBACK")

    def test_references_to_what_is_masked(self):
        client = self.client("masked")
        for text in ("CREATE TABLE k (e text REFERENCES public.customers(email) ON UPDATE CASCADE)",
                     "CREATE TABLE k (id int, FOREIGN KEY (id) REFERENCES public.customers)",
                     "CREATE TABLE k (LIKE public.customers INCLUDING ALL)", "CREATE TABLE k () INHERITS (public.customers)"):
            with self.subTest(text):
                self.refused(client.query(text))
        self.assertEqual(client.query("CREATE TABLE app.k (id int, up int)").code, None)


if __name__ == "__main__":
    unittest.main()
