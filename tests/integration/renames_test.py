"""Who is denied a table does not reach it by giving another name to what reads it: not in one text, not in one transaction."""
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import wire  # noqa: E402

SCHEMA = """
CREATE SCHEMA other; CREATE TABLE cards (id int, number text); INSERT INTO cards VALUES (1, 'canary');
CREATE TABLE plain (id int); CREATE VIEW v AS SELECT number FROM cards; CREATE VIEW harmless AS SELECT id FROM plain;
CREATE MATERIALIZED VIEW m AS SELECT number FROM cards;
CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT number FROM cards';
CREATE FUNCTION noticed() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN RAISE EXCEPTION ''%'', (SELECT number FROM public.cards) USING ERRCODE = ''42000''; END';
CREATE TABLE watched (id int); CREATE TRIGGER t BEFORE INSERT ON watched FOR EACH ROW EXECUTE FUNCTION noticed();
"""
ATTACKS = [("ALTER VIEW v RENAME TO w", "SELECT * FROM w"), ("ALTER TABLE v RENAME TO w", "SELECT * FROM w"),
           ("ALTER VIEW v SET SCHEMA other", "SELECT * FROM other.v"), ("ALTER MATERIALIZED VIEW m RENAME TO w", "SELECT * FROM w"),
           ("ALTER FUNCTION f() RENAME TO g", "SELECT g()"), ("ALTER ROUTINE f() RENAME TO g", "SELECT g()"),
           ("ALTER FUNCTION f() SET SCHEMA other", "SELECT other.f()"), ("ALTER SCHEMA public RENAME TO p", "SELECT * FROM p.cards"),
           ("ALTER TABLE watched RENAME TO w", "INSERT INTO w VALUES (1)"), ("ALTER TABLE cards RENAME TO w", "SELECT * FROM w"),
           ("ALTER TABLE watched SET SCHEMA other", "INSERT INTO other.watched VALUES (1)")]


class Renames(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.postgres.psql(SCHEMA)
        rights = '[ { select: ["*"], insert: ["*"], ddl: ["*"], functions: [safe, "public.*", "other.*"] } ]'
        cls.gateway = cls.lab.gateway(
            "version: 1\nstate_dir: state\n" + cls.lab.listen() + cls.lab.users("owner", "denied", "masked") + "targets:\n" +
            cls.lab.target() + "policies:\n"
            "  - { name: o, who: { users: [owner] }, on: [postgres], allow: [ { everything: true } ] }\n"
            f"  - {{ name: d, who: {{ users: [denied] }}, on: [postgres], allow: {rights}, deny: [ {{ select: [public.cards] }} ] }}\n"
            f"  - {{ name: m, who: {{ users: [masked] }}, on: [postgres], allow: {rights}, mask: {{ public.cards.number: redact }} }}\n")

    def login(self, user):
        connection = wire.Connection(self.gateway.port)
        self.addCleanup(connection.socket.close)
        connection.login(user, "postgres", lab.PASSWORD)
        return connection

    def answer(self, connection, text):
        connection.send(wire.query(text))
        return b"".join(body for _, body in connection.receive_until("Z"))

    def test_they_work_without_rules(self):
        for change, use in ATTACKS:
            with self.subTest(change):
                self.assertIn(b"canary", self.answer(self.login("owner"), f"BEGIN; {change}; {use}; ROLLBACK"))

    def test_they_are_denied(self):
        for user in ("denied", "masked"):
            for change, use in ATTACKS:
                with self.subTest(change, user=user):
                    self.assertNotIn(b"canary", self.answer(self.login(user), f"BEGIN; {change}; {use}; ROLLBACK"))
                    connection = self.login(user)
                    for text in ("BEGIN", change):
                        answer = self.answer(connection, text)
                    self.assertIn(b"42501", answer)
                    self.assertNotIn(b"canary", self.answer(connection, use))
                    self.answer(connection, "ROLLBACK")

    def test_what_reaches_nothing_may_be_renamed(self):
        for user in ("denied", "masked"):
            for change in ("ALTER VIEW harmless RENAME TO h", "ALTER TABLE plain RENAME TO p", "ALTER TABLE plain RENAME id TO i",
                           "ALTER TABLE plain SET SCHEMA other"):
                with self.subTest(change, user=user):
                    self.assertNotIn(b"42501", self.answer(self.login(user), f"BEGIN; {change}; ROLLBACK"))


if __name__ == "__main__":
    unittest.main()
