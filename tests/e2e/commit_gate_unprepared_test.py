#!/usr/bin/env python3
"""Transactions that are shown before they are committed, in databases where nothing is installed for that: what their approvers
see is what an audit trigger of the database's own has recorded, whatever the transaction does and others do meanwhile.

Usage: commit_gate_unprepared_test.py [unittest arguments]. A driver that is not installed counts as skipped.
"""
import os
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
sys.path.insert(0, str(HERE))
import approvals_test  # noqa: E402
import commit_gate_test as prepared  # noqa: E402
import lab  # noqa: E402
import run  # noqa: E402

UNPREPARED = prepared.GATED + "    capture: unprepared\n"


class Gated(prepared.Gated):
    ASKS = prepared.GATED + "    capture: any\n"

    @classmethod
    def prepare(cls):
        cls.lab.postgres.psql("ALTER TABLE fruits ADD PRIMARY KEY (id)")
        super(prepared.Gated, cls).prepare()


class Psql(Gated, approvals_test.Psql):
    pass


class Psycopg(Gated, approvals_test.Psycopg):
    pass


class PsycopgPooled(Psycopg):
    TARGET = {"pool": "mode: transaction"}


class Jdbc(Gated, approvals_test.Jdbc):
    pass


MORE = """
CREATE TABLE catcher (id int PRIMARY KEY, n int);
INSERT INTO catcher VALUES (1, 0);
CREATE FUNCTION catches() RETURNS int LANGUAGE plpgsql VOLATILE AS $$
BEGIN
  BEGIN
    UPDATE catcher SET n = n + 100;
    INSERT INTO catcher VALUES (2, 0), (1, 0);
  EXCEPTION WHEN unique_violation THEN
    UPDATE catcher SET n = n + 1;
  END;
  RETURN 1;
END $$;
CREATE FUNCTION uncounted() RETURNS int LANGUAGE sql VOLATILE SET track_counts = off AS
  'UPDATE catcher SET n = n + 1000 RETURNING id';
CREATE FUNCTION empties() RETURNS int LANGUAGE plpgsql VOLATILE AS $$ BEGIN TRUNCATE catcher; RETURN 1; END $$;
CREATE FUNCTION adds_to_catalog() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT lo_create(0)::int';
CREATE VIEW shop_names AS SELECT id, name FROM shops;
CREATE TABLE redirected (id int PRIMARY KEY, v text);
CREATE RULE goes_elsewhere AS ON INSERT TO redirected DO INSTEAD INSERT INTO secrets VALUES (NEW.id, NEW.v);
CREATE TABLE watched (id int PRIMARY KEY);
CREATE FUNCTION writes_to_keyless() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO later VALUES (1); RETURN NULL; END $$;
CREATE TRIGGER keyless AFTER INSERT ON watched FOR EACH ROW EXECUTE FUNCTION writes_to_keyless();
CREATE SCHEMA evil;
CREATE FUNCTION evil.never(xid, xid) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
CREATE FUNCTION evil.never(text, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
CREATE FUNCTION evil.never(bigint, bigint) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT false';
CREATE OPERATOR evil.= (LEFTARG = xid, RIGHTARG = xid, FUNCTION = evil.never);
CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.never);
CREATE OPERATOR evil.> (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = evil.never);
CREATE TABLE typed (id timestamptz PRIMARY KEY, f float8, b bytea, i interval, r daterange, "a ""b" text);
INSERT INTO typed VALUES ('2026-01-01 12:00+00', 0.1, '\\x00ff', '1 day 2 hours', '[2026-01-01,2026-02-01)', 'q');
"""


class Shop(prepared.Shop):
    GATED = UNPREPARED
    CAPTURE = "unprepared"
    MORE = MORE

    @classmethod
    def prepare(cls):
        pass

    def nothing_is_left(self):
        self.assertEqual(self.psql("SELECT count(*) FROM pg_namespace WHERE nspname = 'dbgate_gate'"), "0")


class Rows(Shop, prepared.Rows):

    def shown_of(self, sql, user="root", meanwhile=None, settle="approve"):
        """What Bob sees of a transaction that is then agreed to, without what the trail itself writes."""
        program = self.start(sql, user)
        approval = self.asked(program)
        if meanwhile:
            meanwhile()
        rows = [row for row in self.shown(approval)["rows"] if row["table"] != "trail.change"]
        reason = () if settle == "approve" else ("--reason", "no")
        self.cli("bob", "approvals", settle, approval, *reason, *(("--yes",) if settle == "approve" else ()))
        self.assertIn("STATE 00000" if settle == "approve" else "STATE 42501", program.end())
        return sorted(((row["table"], row["change"], row["before"], row["after"]) for row in rows), key=str)

    def test_partitions(self):
        """A row that moves has another key."""
        self.assertEqual(self.shown_of("INSERT INTO parts VALUES (1, 1, 'a'), (2, 11, 'b')"), [
            ("public.parts", "insert", None, {"id": 1, "place": 1, "v": "a"}), ("public.parts", "insert", None, {"id": 2, "place": 11, "v": "b"})])
        self.assertEqual(self.shown_of("UPDATE parts SET place = 12 WHERE id = 1"), [
            ("public.parts", "delete", {"id": 1, "place": 1, "v": "a"}, None), ("public.parts", "insert", None, {"id": 1, "place": 12, "v": "a"})])

    def test_what_a_transaction_comes_to(self):
        """Twice changed is once shown, and what was undone is not."""
        rows = self.shown_of("BEGIN;\nUPDATE many SET v = 'one' WHERE id = 1;\nUPDATE many SET v = 'two' WHERE id = 1;\n"
                             "INSERT INTO many VALUES (-100, 'gone');\nDELETE FROM many WHERE id = -100;\n"
                             "SAVEPOINT a;\nDELETE FROM many WHERE id = 2;\nROLLBACK TO a;\n"
                             "SAVEPOINT b;\nDELETE FROM many WHERE id = 3;\nRELEASE b;\n"
                             "DELETE FROM many WHERE id = 4;\nINSERT INTO many VALUES (4, 'again');\nUPDATE many SET id = -5 WHERE id = 5;\nCOMMIT")
        self.assertEqual(sorted((row[1], (row[2] or row[3])["id"], (row[3] or {}).get("v", "").rstrip("!")) for row in rows), [
            ("delete", 3, ""), ("delete", 5, ""), ("insert", -5, "v5"), ("update", 1, "two"), ("update", 4, "again")])

    def test_rows_that_are_only_locked(self):
        self.assertIn("STATE 00000", self.start("BEGIN;\nSELECT count(*) FROM (SELECT 1 FROM shops FOR UPDATE) s;\nUPDATE orders SET total = 1 "
                                                "WHERE id = -1;\nCOMMIT", "root").end())
        rows = self.shown_of("BEGIN;\nSELECT count(*) FROM (SELECT 1 FROM shops WHERE id > 12 FOR UPDATE) s;\nINSERT INTO orders VALUES (2000, 13, 1);\n"
                             "UPDATE shops SET name = 'y' WHERE id = 14;\nCOMMIT")
        self.assertEqual([row[:2] for row in rows], [("public.orders", "insert"), ("public.shops", "update"), ("public.totals", "update")])

    def test_others_meanwhile(self):
        """Another transaction holds the parent that is updated, and others commit to the same table."""
        other = approvals_test.Program(["psql", "-X", "-A", "-t", "-q", "-n"], {
            **os.environ, "PGHOST": "127.0.0.1", "PGPORT": str(self.lab.postgres.port), "PGUSER": "postgres", "PGDATABASE": "postgres",
            "PGPASSWORD": lab.PASSWORD})
        self.addCleanup(other.kill)
        other.process.stdin.write("BEGIN;\nINSERT INTO orders VALUES (3000, 15, 1);\nSELECT 'holds';\n")
        other.process.stdin.flush()
        lab.wait_until(lambda: "holds" in other.lines, "it holds the parent")
        rows = self.shown_of("BEGIN;\nUPDATE shops SET name = 'z' WHERE id IN (15, 16);\nSELECT 1;\nCOMMIT",
                             meanwhile=lambda: self.psql("UPDATE shops SET name = 'by another' WHERE id = 17"))
        other.process.stdin.write("ROLLBACK;\n")
        other.process.stdin.close()
        self.assertEqual([(row[1], row[2]["id"], row[3]["name"]) for row in rows], [("update", 15, "z"), ("update", 16, "z")])

    def test_what_others_have_committed_since_it_began(self):
        """What they change while it runs is theirs, at any isolation level."""
        for level in ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"):
            with self.subTest(level=level):
                environment = {**run.variables(self.lab, "plain", self.gateway.port, lab.PASSWORD), "PGUSER": "root"}
                program = approvals_test.Program(["psql", "-X", "-A", "-t", "-q", "-n"], environment)
                self.addCleanup(program.kill)
                program.process.stdin.write(f"BEGIN ISOLATION LEVEL {level};\nUPDATE many SET v = 'mine' WHERE id = 31;\n\\echo CHANGED\n")
                program.process.stdin.flush()
                lab.wait_until(lambda program=program: "CHANGED" in program.lines, "it has changed a row")
                self.psql("UPDATE many SET v = 'theirs' WHERE id BETWEEN 32 AND 40; DELETE FROM many WHERE id = 41")
                program.process.stdin.write("UPDATE many SET v = 'mine too' WHERE id = 43;\nCOMMIT;\n\\echo STATE :SQLSTATE\n")
                program.process.stdin.close()
                approval = self.asked(program)
                seen = self.shown(approval)["rows"]
                self.cli("bob", "approvals", "approve", approval, "--yes")
                self.assertIn("STATE 00000", program.end())
                self.assertEqual([(row["change"], row["after"]["id"]) for row in seen if row["table"] != "trail.change"],
                                 [("update", 31), ("update", 43)])
                self.psql("INSERT INTO many VALUES (41, 'v41')")

    def test_what_functions_catch(self):
        self.assertEqual(self.shown_of("SELECT catches()"), [("public.catcher", "update", {"id": 1, "n": 0}, {"id": 1, "n": 1})])

    def test_views_rules_and_conflicts(self):
        self.assertEqual([row[:2] for row in self.shown_of("UPDATE shop_names SET name = 'v' WHERE id = 18")], [("public.shops", "update")])
        self.assertEqual(self.shown_of("INSERT INTO redirected VALUES (77, 'r')"), [("public.secrets", "insert", None, {"id": 77, "v": "r"})])
        rows = self.shown_of("INSERT INTO secrets VALUES (77, 's'), (78, 't') ON CONFLICT (id) DO UPDATE SET v = EXCLUDED.v")
        self.assertEqual([(row[1], row[3]["id"]) for row in rows], [("insert", 78), ("update", 77)])
        rows = self.shown_of("WITH gone AS (DELETE FROM secrets WHERE id = 77 RETURNING *) INSERT INTO secrets SELECT id + 100, v FROM gone")
        self.assertEqual([(row[1], (row[2] or row[3])["id"]) for row in rows], [("delete", 77), ("insert", 177)])

    def test_values_read_the_same_on_both_sides(self):
        """Under the session's own settings; names as odd as they may be."""
        rows = self.shown_of("SET timezone = 'Asia/Tokyo';\nSET intervalstyle = iso_8601;\nSET bytea_output = escape;\nSET datestyle = 'German';\n"
                             'SET extra_float_digits = 0;\nUPDATE typed SET "a ""b" = \'x\'')
        self.assertEqual([row[1] for row in rows], ["update"])
        self.assertEqual({key for key in rows[0][2] if rows[0][2][key] != rows[0][3][key]}, {'a "b'})

    def test_what_is_denied_has_not_happened(self):
        self.shown_of("BEGIN;\nDELETE FROM many WHERE id > 9900;\nUPDATE shops SET name = 'n';\nCOMMIT", settle="deny")
        self.assertEqual(self.psql("SELECT count(*) FROM many WHERE id > 9900"), "100")
        self.assertEqual(self.psql("SELECT count(*) FROM shops WHERE name = 'n'"), "0")

    def test_bypasses_of_the_comparison(self):
        before = self.psql("SELECT md5(string_agg(c::text, ',' ORDER BY id)) FROM catcher c")
        for sql, why in [("SELECT uncounted()", "counted fewer"), ("SELECT empties()", "cannot be"), ("SELECT adds_to_catalog()", "more than rows|cannot be"),
                         ("CREATE TEMP TABLE t (a int)", "definitions"), ("BEGIN;\nDROP TABLE catcher;\nCOMMIT", "definitions"),
                         ("SELECT pg_stat_reset()", "more than rows"), ("BEGIN;\nSET track_counts = off;\nUPDATE catcher SET n = 5;\nCOMMIT", "stops the capture")]:
            with self.subTest(sql=sql):
                said = self.start(sql, "root").end()
                self.assertRegex(said, f"ERROR: .*({why})")
                self.assertNotIn("held for approval", said)
        self.assertEqual(self.psql("SELECT md5(string_agg(c::text, ',' ORDER BY id)) FROM catcher c"), before)

    def test_tables_without_a_key(self):
        self.psql("TRUNCATE later")
        self.assertEqual(self.shown_of("INSERT INTO watched VALUES (1)"), [
            ("public.later", "insert", None, {"id": 1}), ("public.watched", "insert", None, {"id": 1})])
        self.psql("INSERT INTO later VALUES (2)")
        self.assertEqual(sorted(map(str, self.shown_of("UPDATE later SET id = id + 10"))), sorted(map(str, [
            ("public.later", "delete", {"id": 1}, None), ("public.later", "delete", {"id": 2}, None),
            ("public.later", "insert", None, {"id": 11}), ("public.later", "insert", None, {"id": 12})])))
        self.psql("TRUNCATE later")

    def test_operators_of_another_schema_blind_nobody(self):
        rows = self.shown_of("SET search_path = evil, pg_catalog, public;\nUPDATE public.many SET v = 'seen' WHERE id OPERATOR(pg_catalog.=) 50")
        self.assertEqual([(row[1], row[3]["v"]) for row in rows], [("update", "seen")])

    def test_a_lock_that_keeps_others_out_cannot_be_compared(self):
        said = self.start("BEGIN;\nLOCK TABLE catcher IN ACCESS EXCLUSIVE MODE;\nUPDATE catcher SET n = 7;\nCOMMIT", "root").end()
        self.assertRegex(said, "ERROR: .*cannot be compared")
        self.assertEqual(self.psql("SELECT count(*) FROM catcher WHERE n = 7"), "0")


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    unittest.main()
