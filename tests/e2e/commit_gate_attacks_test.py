#!/usr/bin/env python3
"""What could close the commit gate, or go past it: whatever stands around a change, it is not committed where nobody has agreed to it.

Usage: commit_gate_attacks_test.py [unittest arguments]
"""
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402
import masking  # noqa: E402
import wire  # noqa: E402

PREPARE = pathlib.Path(__file__).resolve().parents[2] / "gateway" / "app" / "commit_gate" / "prepare.sql"
TABLES = """
CREATE TABLE shops (id int PRIMARY KEY, name text);
INSERT INTO shops SELECT g, 'shop ' || g FROM generate_series(1, 20) g;
CREATE TABLE orders (id int PRIMARY KEY, total numeric);
INSERT INTO orders SELECT g, g FROM generate_series(1, 20) g;
"""
# Here when the database has been prepared.
LATER = """
CREATE TABLE later (id int);
CREATE EXTENSION postgres_fdw;
CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '{port}', dbname 'far');
CREATE USER MAPPING FOR postgres SERVER far OPTIONS (user 'postgres', password '{password}');
CREATE FOREIGN TABLE away (id int) SERVER far;
CREATE VIEW away_view AS SELECT id FROM away;
CREATE TABLE spread (id int) PARTITION BY RANGE (id);
CREATE FOREIGN TABLE spread_1 PARTITION OF spread FOR VALUES FROM (0) TO (9) SERVER far OPTIONS (table_name 'away');
CREATE FUNCTION uncounted() RETURNS int LANGUAGE sql VOLATILE SET track_counts = off AS
  'INSERT INTO later VALUES (9) RETURNING id';
CREATE FUNCTION quiet() RETURNS int LANGUAGE sql VOLATILE SET dbgate.gate = '' AS 'DELETE FROM orders WHERE id = 8 RETURNING id';
CREATE FUNCTION cut(int) RETURNS int LANGUAGE sql VOLATILE AS 'DELETE FROM orders WHERE id = $1 RETURNING id';
CREATE FUNCTION count_rows(of text) RETURNS bigint LANGUAGE plpgsql STABLE AS
  $$ DECLARE n bigint; BEGIN EXECUTE 'SELECT count(*) FROM ' || of INTO n; RETURN n; END $$;
CREATE FUNCTION count_for_ever(of text) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS
  $$ DECLARE n bigint; BEGIN EXECUTE 'SELECT count(*) FROM ' || of INTO n; RETURN n; END $$;
CREATE SCHEMA elsewhere;
CREATE FUNCTION elsewhere.lower(text) RETURNS text LANGUAGE sql VOLATILE AS 'DELETE FROM public.orders WHERE id = 9 RETURNING id::text';
CREATE VIEW public.seen AS SELECT 1 AS id;
CREATE VIEW elsewhere.seen AS SELECT elsewhere.lower('x') AS id;
CREATE EXTENSION tablefunc;
CREATE EXTENSION xml2;
CREATE EXTENSION unaccent;
CREATE EXTENSION pg_trgm;
"""


def step(text):
    """A statement by extended query, in a pipeline."""
    return wire.parse("", text) + wire.bind() + wire.execute()


DELETE = "DELETE FROM orders WHERE id <= 5"
OPENS = "UPDATE shops SET name = name WHERE id = -1"
FAILS = "SELECT 1/0"
OF_FEW_RIGHTS = [
    ("BEGIN", "SAVEPOINT a", OPENS, f"ROLLBACK TO a; {DELETE}", "COMMIT"),
    ("BEGIN", "SAVEPOINT a", OPENS, "ROLLBACK TO a; INSERT INTO later VALUES (1)", "COMMIT"),
    ("BEGIN", "SAVEPOINT a", OPENS, "ROLLBACK TO a; UPDATE orders SET total = 0; RELEASE a", "COMMIT"),
    ("BEGIN", "SAVEPOINT a", OPENS, "ROLLBACK TO a", "SAVEPOINT b", DELETE, "RELEASE b", OPENS, "COMMIT"),
    ("BEGIN", "SAVEPOINT a", OPENS, step("ROLLBACK TO a") + step(DELETE) + step("COMMIT") + wire.SYNC),
    ("BEGIN", "SAVEPOINT a", OPENS, f"RELEASE a; {DELETE}", "COMMIT"),
    ("BEGIN", FAILS, f"ROLLBACK; {DELETE}"),
    ("BEGIN", FAILS, f"COMMIT; {DELETE}"),
    ("BEGIN", "SAVEPOINT a", FAILS, f"ROLLBACK TO a; {DELETE}", "COMMIT"),
    ("BEGIN", "SAVEPOINT a", OPENS, FAILS, f"ROLLBACK TO a; {DELETE}", "COMMIT"),
    ("BEGIN", FAILS, step("ROLLBACK") + step(DELETE) + wire.SYNC),
    ("BEGIN", "SAVEPOINT a", FAILS, step("ROLLBACK TO a") + step(DELETE) + wire.SYNC, "COMMIT"),
    ("BEGIN", "SAVEPOINT a", OPENS, FAILS, step("ROLLBACK TO a") + step(DELETE) + step("COMMIT") + wire.SYNC),
    ("BEGIN", "SAVEPOINT a", OPENS, FAILS, step("ROLLBACK TO a") + step(DELETE) + wire.query("COMMIT")),
    ("BEGIN", FAILS, f"ROLLBACK AND CHAIN; {DELETE}", "COMMIT"),
    ("BEGIN", OPENS, step("ROLLBACK AND CHAIN") + step(DELETE) + wire.SYNC, "COMMIT"),
    ("BEGIN", FAILS, step("ROLLBACK AND CHAIN") + step(DELETE) + wire.SYNC, "COMMIT"),
    ("BEGIN", DELETE, FAILS, f"COMMIT; {DELETE}"),
    (step("BEGIN") + step(DELETE) + step("COMMIT") + wire.SYNC,),
    (step(DELETE) + step("COMMIT") + wire.SYNC,),
    (step(DELETE) + step(FAILS) + wire.SYNC,),
    (step(DELETE) + wire.FLUSH + wire.query("SELECT 1"),),
    ("BEGIN", wire.parse("d", DELETE) + wire.bind("p", "d") + wire.SYNC, wire.execute("p") + step("COMMIT") + wire.SYNC),
    ("BEGIN", wire.parse("d", f"{DELETE} RETURNING id") + wire.bind("p", "d") + wire.SYNC, "FETCH ALL FROM p", "COMMIT"),
    ("BEGIN", wire.parse("d", f"WITH d AS ({DELETE} RETURNING id) SELECT id FROM d") + wire.bind("p", "d") + wire.SYNC, "MOVE 1 IN p", "COMMIT"),
    (f"PREPARE d AS {DELETE}", "BEGIN", FAILS, "ROLLBACK; EXECUTE d"),
    (f"PREPARE d AS {DELETE}", "BEGIN", FAILS, step("ROLLBACK") + step("EXECUTE d") + wire.SYNC),
    ("INSERT INTO away VALUES (1)",),
    ("INSERT INTO away_view VALUES (2)",),
    ("BEGIN; INSERT INTO away VALUES (3)", "COMMIT"),
    ("BEGIN", "INSERT INTO away VALUES (4)", "COMMIT"),
    ("WITH i AS (INSERT INTO away VALUES (5) RETURNING id) SELECT * FROM i",),
    ("INSERT INTO spread VALUES (6)",),
    # Declared to change nothing, which PostgreSQL does not look after.
    ("SELECT count_rows('(SELECT cut(3)) x')",),
    ("SELECT count_for_ever('(SELECT cut(3)) x')",),
    ("SELECT * FROM crosstab('SELECT 1::text, 2::text, cut(4)::text') AS t(a text, b text)",),
]
OF_EVERYTHING = [
    ("SELECT * FROM xpath_table('id', 'a', 'later; DELETE FROM orders WHERE id = 5; SELECT 1 AS id, ''a'' AS a FROM later', '/', 'true') AS t(id int, x text)",),
    ("SELECT * FROM crosstab('SELECT 1::text, 2::text, cut(4)::text') AS t(a text, b text)",),
    ("BEGIN", OPENS, "SELECT set_config('dbgate.ga'||'te', '', true)", DELETE,
     "SELECT set_config('dbgate.ga'||'te', pg_current_xact_id()::text, true)", "COMMIT"),
    ("BEGIN", OPENS, "SET LOCAL track_counts = off", "INSERT INTO later VALUES (2)", "SET LOCAL track_counts = on", "COMMIT"),
    ("BEGIN", OPENS, "SELECT set_config('track_counts', 'off', true)", "INSERT INTO later VALUES (2)", "COMMIT"),
    ("BEGIN", OPENS, "SELECT set_config(name, 'off', true) FROM pg_settings WHERE name = 'track_counts'",
     "INSERT INTO later VALUES (2)", "COMMIT"),
    ("BEGIN", OPENS, "UPDATE pg_settings SET setting = 'off' WHERE name = 'track_counts'", "INSERT INTO later VALUES (3)", "COMMIT"),
    ("BEGIN", OPENS, "SELECT uncounted()", "COMMIT"),
    ("SET search_path = elsewhere, pg_catalog", "SELECT lower('A')"),
    ("SET search_path = elsewhere", "SELECT id FROM seen"),
    ("SELECT set_config('search_path', 'elsewhere', false)", "SELECT id FROM seen"),
    ("BEGIN", "SET LOCAL search_path = elsewhere", "SELECT id FROM seen", "COMMIT"),
    ("BEGIN", OPENS, "RESET ALL", DELETE, "COMMIT"),
    ("BEGIN", "SAVEPOINT a", OPENS, "ROLLBACK TO a", "SELECT quiet()", "COMMIT"),
    ("BEGIN", OPENS, "SET LOCAL track_counts = off; UPDATE pg_trigger SET tgenabled = 'D' WHERE tgrelid = 'orders'::regclass", DELETE,
     "COMMIT"),
]


class Attacks(unittest.TestCase):
    """Nobody answers here: whatever is asked is denied when its time is over."""
    POOL = None

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab())
        postgres = cls.lab.postgres
        postgres.psql(TABLES)
        postgres.psql("CREATE DATABASE far")
        postgres.psql("CREATE TABLE away (id int)", database="far")
        postgres.psql(PREPARE.read_text(encoding="utf-8"))
        postgres.psql(LATER.format(port=postgres.port, password=lab.PASSWORD))
        asks = "    approve: before_commit\n    lock_budget: 1s\n    approval: { from: { users: [bob] } }\n"
        rows = "['public.*']"
        cls.gateway = cls.lab.gateway(
            "version: 1\nstate_dir: state\n" + cls.lab.listen() + "  api: { address: 127.0.0.1, port: 0 }\n" +
            cls.lab.users("ana", "bob", "root") + "targets:\n" + cls.lab.target(pool=cls.POOL) +
            f"policies:\n  - name: rows\n    who: {{ users: [ana] }}\n    on: [postgres]\n{asks}    allow:\n"
            f"      - {{ select: {rows}, insert: {rows}, update: {rows}, delete: {rows},\n"
            "          functions: [safe, public.count_rows, public.count_for_ever, public.crosstab, public.unaccent, public.similarity_op] }\n"
            f"  - name: all\n    who: {{ users: [root] }}\n    on: [postgres]\n{asks}    allow: [{{ everything: true }}]\n")

    def rows(self):
        postgres = self.lab.postgres
        here = postgres.psql("SELECT md5(string_agg(o::text, ',' ORDER BY id)), (SELECT count(*) FROM later), "
                             "(SELECT count(*) FROM dbgate_gate.change), (SELECT string_agg(tgenabled, '') FROM pg_trigger) FROM orders o")
        return here.stdout + postgres.psql("SELECT count(*) FROM away", database="far").stdout

    def send(self, user, steps):
        client = masking.Client(self.gateway.port, user)
        try:
            return [client.query(one) if isinstance(one, str) else client.send(one) for one in steps]
        finally:
            client.close()

    def none_of(self, attacks, user):
        before = self.rows()
        for steps in attacks:
            with self.subTest(steps=steps, user=user):
                replies = self.send(user, steps)
                told = [(reply.tags, reply.code) for reply in replies]
                self.assertTrue(any(reply.code for reply in replies), told)
                self.assertEqual(self.rows(), before, told)

    def test_of_few_rights(self):
        self.none_of(OF_FEW_RIGHTS, "ana")

    def test_of_everything(self):
        self.none_of(OF_EVERYTHING, "root")

    def test_what_drivers_send_goes_on(self):
        """Savepoints in messages of their own, and a transaction that has failed, as ever."""
        nothing = "UPDATE orders SET total = 0 WHERE id = -1"
        for steps, codes in [
                (("BEGIN", "SAVEPOINT a", nothing, "RELEASE a", "COMMIT"), [None] * 5),
                (("BEGIN", nothing, "SAVEPOINT a", FAILS, "ROLLBACK TO a", "RELEASE a", nothing, "COMMIT"), [None] * 3 + ["22012"] + [None] * 4),
                (("BEGIN", "SAVEPOINT a", nothing, FAILS, "ROLLBACK TO a; RELEASE a", nothing, "COMMIT"), [None] * 3 + ["22012"] + [None] * 3),
                (("BEGIN", FAILS, nothing, nothing, "COMMIT"), [None, "22012", "25P02", "25P02", None]),
                (("BEGIN", nothing, FAILS, nothing, "COMMIT"), [None, None, "22012", "25P02", None]),
                (("BEGIN", DELETE, FAILS, "ROLLBACK", nothing), [None, None, "22012", None, None]),
                ((step("BEGIN") + step("SAVEPOINT a") + step(nothing) + step("RELEASE a") + wire.SYNC, step("COMMIT") + wire.SYNC), [None] * 2),
                (("SELECT unaccent('a') FROM shops WHERE name % 'shop'", nothing), [None] * 2),
                (("BEGIN", FAILS, step(nothing) + wire.SYNC, step("COMMIT") + wire.SYNC), [None, "22012", "25P02", None]),
        ]:
            with self.subTest(steps=steps):
                replies = self.send("ana", steps)
                self.assertEqual([reply.code for reply in replies], codes, [reply.errors for reply in replies])


class AttacksPooled(Attacks):
    POOL = "mode: transaction"


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    unittest.main()
