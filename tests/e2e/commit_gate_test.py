#!/usr/bin/env python3
"""Transactions that are shown before they are committed: psql, psycopg and JDBC wait at COMMIT, and what their approvers see is
what an audit trigger of the database's own has recorded.

Usage: commit_gate_test.py [unittest arguments]. A driver that is not installed counts as skipped, and the test says what is missing.
"""
import json
import os
import pathlib
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
sys.path.insert(0, str(HERE))
import approvals_test  # noqa: E402
import lab  # noqa: E402
import run  # noqa: E402

PREPARE = HERE.parents[1] / "gateway" / "app" / "commit_gate" / "prepare.sql"
GATED = "    approve: before_commit\n    approval: { from: { users: [bob] } }\n"


class Gated:
    """The same programs as where statements are held, and here it is their COMMIT."""
    ASKS = GATED
    REQUIRE = ""

    @classmethod
    def prepare(cls):
        cls.lab.postgres.psql(PREPARE.read_text(encoding="utf-8"))
        super().prepare()

    def look_at(self, details):
        """Who decides sees what has happened, not what was planned."""
        self.assertEqual(details["changes"]["rows"], [{"table": "public.fruits", "change": "delete", "before": {"id": 1, "name": "fruit 1"}, "after": None}])
        self.assertNotIn("plan", details)


class Psql(Gated, approvals_test.Psql):
    pass


class PsqlPooled(Psql):
    TARGET = {"pool": "mode: transaction"}


class PsycopgPooled(Gated, approvals_test.Psycopg):
    TARGET = {"pool": "mode: transaction"}


class Psycopg(Gated, approvals_test.Psycopg):
    pass


class Jdbc(Gated, approvals_test.Jdbc):
    pass


# A row for every change, by triggers that know nothing of dbgate.
TRAIL = """
CREATE SCHEMA trail;
CREATE TABLE trail.change (nr bigserial PRIMARY KEY, tab text, op text, was jsonb, becomes jsonb);
CREATE FUNCTION trail.record() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
  INSERT INTO trail.change (tab, op, was, becomes) VALUES (TG_TABLE_SCHEMA || '.' || TG_TABLE_NAME, lower(TG_OP),
    CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END, CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END);
  RETURN NULL;
END $$;
CREATE TABLE shops (id int PRIMARY KEY, name text, stock numeric(10, 2), noted jsonb);
CREATE TABLE orders (id int PRIMARY KEY, shop int REFERENCES shops ON DELETE CASCADE ON UPDATE CASCADE, total numeric);
CREATE TABLE totals (shop int PRIMARY KEY REFERENCES shops ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED, orders bigint);
CREATE FUNCTION count_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE totals SET orders = orders + 1 WHERE shop = NEW.shop;
  RETURN NEW;
END $$;
CREATE TRIGGER counts BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION count_orders();
CREATE TABLE parts (id int, place int, v text, PRIMARY KEY (id, place)) PARTITION BY RANGE (place);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20);
CREATE TABLE many (id int PRIMARY KEY, v text);
INSERT INTO shops SELECT g, 'shop ' || g, g * 1.5, '{"a": [1, null]}' FROM generate_series(1, 20) g;
INSERT INTO orders SELECT g, g % 20 + 1, g FROM generate_series(1, 200) g;
INSERT INTO totals SELECT id, 10 FROM shops;
INSERT INTO many SELECT g, 'v' || g FROM generate_series(1, 10000) g;
CREATE TABLE secrets (id int PRIMARY KEY, v text);
CREATE TABLE words (this text PRIMARY KEY, virtual int, nr int, image int, tg_relid int);
"""
SEEN = ("shops", "orders", "totals", "parts_1", "parts_2", "many", "words")


class Shop:
    """A database with an audit trail, Ana who changes its rows, and Bob who is asked about that."""
    GATED = GATED
    CAPTURE = "prepared"
    MORE = ""  # of the database
    LAB = {}

    @classmethod
    def setUpClass(cls):
        cls.lab = cls.enterClassContext(lab.Lab(**cls.LAB))
        postgres = cls.lab.postgres
        postgres.psql(TRAIL + "".join(f"CREATE TRIGGER trail AFTER INSERT OR UPDATE OR DELETE ON {table} FOR EACH ROW "
                                      "EXECUTE FUNCTION trail.record();\n" for table in SEEN))
        cls.prepare()
        # The trail itself is written by triggers, and is no more than what the test compares with.
        postgres.psql("CREATE TABLE later (id int); CREATE FUNCTION writes_later() RETURNS int LANGUAGE sql VOLATILE AS "
                      "'INSERT INTO later VALUES (1) RETURNING id'; CREATE FUNCTION hidden() RETURNS int LANGUAGE plpgsql VOLATILE AS "
                      "$$ BEGIN EXECUTE 'DELETE FROM ' || lower('ORDERS'); RETURN 1; END $$; "
                      "CREATE FUNCTION quiet() RETURNS int LANGUAGE sql VOLATILE SET dbgate.gate = '' AS "
                      "'DELETE FROM orders WHERE id = 158 RETURNING id';" + cls.MORE)
        tables = "[" + ", ".join(f"public.{name}" for name in (*SEEN, "parts", "later", "secrets")) + "]"
        cls.gateway = cls.lab.gateway(
            "version: 1\nstate_dir: state\nlimits: { api_requests_per_minute: 1000000 }\n" + cls.lab.listen() +
            "  api: { address: 127.0.0.1, port: 0 }\n" + cls.lab.users("ana", "bob", "root", "short") + "targets:\n" + cls.lab.target() +
            f"policies:\n  - name: rows\n    who: {{ users: [ana] }}\n    on: [postgres]\n{cls.GATED}    allow:\n"
            f"      - {{ select: {tables}, insert: {tables}, update: {tables}, delete: {tables}, merge: {tables}, truncate: {tables}, "
            f"copy_in: {tables}, ddl: {tables}, functions: [safe, public.writes_later, public.hidden] }}\n"
            f"  - name: all\n    who: {{ users: [root] }}\n    on: [postgres]\n{cls.GATED}    allow: [{{ everything: true }}]\n"
            "  - name: short\n    who: { users: [short] }\n    on: [postgres]\n    approve: before_commit\n    lock_budget: 1s\n"
            f"    capture: {cls.CAPTURE}\n    approval: {{ from: {{ users: [bob] }} }}\n    allow: [{{ select: {tables}, update: {tables} }}]\n")
        cls.homes = {}
        for name in ("ana", "bob", "root"):
            cls.homes[name] = cls.home(name)

    @classmethod
    def prepare(cls):
        cls.lab.postgres.psql(PREPARE.read_text(encoding="utf-8"))

    def nothing_is_left(self):
        self.assertEqual(self.psql("SELECT count(*) FROM dbgate_gate.change"), "0")

    @classmethod
    def home(cls, name):
        stand_in = type("Home", (), {"gateway": cls.gateway, "enterContext": cls.enterClassContext})()
        return approvals_test.Holds.home(stand_in, name)

    cli = approvals_test.Holds.cli
    state = approvals_test.Holds.state

    def start(self, sql, user="ana"):
        """psql with `sql`, statement by statement, under way."""
        environment = {**run.variables(self.lab, "plain", self.gateway.port, lab.PASSWORD), "PGUSER": user}
        program = approvals_test.Program(["psql", "-X", "-A", "-t", "-q"], environment,
                                         sql + ";\n\\echo STATE :SQLSTATE\n")
        self.addCleanup(program.kill)
        return program

    def asked(self, program):
        """The approval that the program waits for."""
        found = []

        def is_held():
            found[:] = [line.split()[-1] for line in program.lines if "held for approval" in line]
            self.assertFalse(program.process.poll() is not None and not found, "\n".join(program.lines))
            return found
        lab.wait_until(is_held, "it is held")
        return found[-1]

    def shown(self, approval):
        return json.loads(self.cli("bob", "approvals", "show", approval, "-o", "json"))["details"]["changes"]

    def psql(self, sql):
        return self.lab.postgres.psql(sql).stdout.strip()

    def check(self, sql, kinds=None):
        """What Bob is shown of a transaction is what the trail has recorded of it, once it is committed."""
        self.psql("TRUNCATE trail.change")
        program = self.start(sql)
        approval = self.asked(program)
        changes = self.shown(approval)
        for part, name in (("rows", "table"), ("tables", "name")):  # what the trail writes is a change like any other
            changes[part] = [one for one in changes[part] if one[name] != "trail.change"]
        self.assertEqual(self.psql("SELECT count(*) FROM trail.change"), "0", "nothing is committed")
        self.cli("bob", "approvals", "approve", approval, "--yes")
        said = program.end()
        self.assertIn("STATE 00000", said)
        recorded = [json.loads(line) for line in self.psql(
            "SELECT jsonb_build_object('table', tab, 'change', op, 'before', was, 'after', becomes) FROM trail.change ORDER BY nr").splitlines()]

        def key(row):
            return json.dumps(row, sort_keys=True)
        self.assertEqual(sorted(map(key, changes["rows"])), sorted(map(key, recorded)))
        if kinds:
            self.assertEqual({(row["table"], row["change"]) for row in changes["rows"]}, kinds)
        self.nothing_is_left()
        return changes


class Rows(Shop, unittest.TestCase):
    """Ana changes rows, Bob sees what the trail sees."""

    def test_insert(self):
        self.check("INSERT INTO shops VALUES (100, 'new', 1, NULL), (101, E'quo\\te \"', NULL, '[]')", {("public.shops", "insert")})

    def test_update(self):
        self.check("UPDATE shops SET stock = stock + 1 WHERE id < 3", {("public.shops", "update")})

    def test_what_triggers_and_cascades_do(self):
        self.check("INSERT INTO orders VALUES (1000, 3, 5)", {("public.orders", "insert"), ("public.totals", "update")})
        self.check("DELETE FROM shops WHERE id = 4", {("public.shops", "delete"), ("public.orders", "delete"), ("public.totals", "delete")})

    def test_a_transaction(self):
        self.check("BEGIN;\nUPDATE shops SET name = 'x' WHERE id = 5;\nSAVEPOINT a;\nDELETE FROM orders WHERE shop = 6;\n"
                   "ROLLBACK TO a;\nDELETE FROM orders WHERE id = 7;\nCOMMIT", {("public.shops", "update"), ("public.orders", "delete")})
        self.check("BEGIN;\nSAVEPOINT a;\nDELETE FROM orders WHERE shop = 6;\nROLLBACK TO a;\nINSERT INTO many VALUES (-1, 'a');\nEND",
                   {("public.many", "insert")})
        self.check("BEGIN;\nSAVEPOINT a;\nINSERT INTO many VALUES (-3, 'a');\nRELEASE a;\nSAVEPOINT b;\nSELECT 1/0;\nROLLBACK TO b;\n"
                   "INSERT INTO many VALUES (-4, 'b');\nCOMMIT", {("public.many", "insert")})

    def test_several_statements_in_one_message(self):
        program = self.start("UPDATE shops SET name = 'a' WHERE id = 8\\; UPDATE shops SET name = 'b' WHERE id = 9")
        self.assertEqual(len([row for row in self.shown(self.asked(program))["rows"] if row["table"] == "public.shops"]), 2)
        self.cli("bob", "approvals", "deny", self.asked(program), "--reason", "no")
        self.assertIn("STATE 42501", program.end())
        self.assertEqual(self.psql("SELECT count(*) FROM shops WHERE name IN ('a', 'b')"), "0")

    def test_merge(self):
        if int(self.psql("SHOW server_version_num")) < 150000:
            self.skipTest("no MERGE before PostgreSQL 15")
        self.check("MERGE INTO shops USING (VALUES (10, 'merged'), (200, 'new'), (11, NULL)) s (id, name) ON shops.id = s.id "
                   "WHEN MATCHED AND s.name IS NULL THEN DELETE WHEN MATCHED THEN UPDATE SET name = s.name "
                   "WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.name, 0, NULL)",
                   {("public.shops", "insert"), ("public.shops", "update"), ("public.shops", "delete"), ("public.orders", "delete"),
                    ("public.totals", "delete")})

    def test_partitions(self):
        changes = self.start("INSERT INTO parts VALUES (1, 1, 'a'), (2, 11, 'b')")
        self.cli("bob", "approvals", "approve", self.asked(changes), "--yes")
        self.assertIn("STATE 00000", changes.end())
        moved = self.start("UPDATE parts SET place = 12 WHERE id = 1")
        rows = [row for row in self.shown(self.asked(moved))["rows"] if row["table"] != "trail.change"]
        self.assertEqual([(row["table"], row["change"], row["before"]["place"], row["after"]["place"]) for row in rows],
                         [("public.parts", "update", 1, 12)])

    def test_ten_thousand_rows(self):
        changes = self.check("UPDATE many SET v = v || '!' WHERE id > 0", {("public.many", "update")})
        self.assertEqual(changes["tables"], [{"name": "public.many", "inserted": 0, "updated": 10000, "deleted": 0}])

    def test_columns_of_any_name(self):
        self.check("INSERT INTO words VALUES ('a', 1, 2, 3, 4), ('b', 5, 6, 7, 8)", {("public.words", "insert")})
        self.check("UPDATE words SET virtual = nr, image = tg_relid WHERE this = 'a'", {("public.words", "update")})
        self.check("DELETE FROM words WHERE virtual = 5", {("public.words", "delete")})

    def test_copy(self):
        self.check("COPY many FROM STDIN;\n-2\tcopied\n\\.\nSELECT 1", {("public.many", "insert")})

    def test_reading_and_changing_nothing_waits_for_nobody(self):
        for sql in ("SELECT count(*) FROM shops", "UPDATE shops SET name = 'x' WHERE id = -1", "BEGIN;\nSELECT 1;\nCOMMIT",
                    "BEGIN;\nDELETE FROM orders WHERE id = 20;\nROLLBACK"):
            self.assertIn("STATE 00000", self.start(sql).end(), sql)

    def test_nobody_decides(self):
        program = self.start("UPDATE shops SET name = 'late' WHERE id = 12", "short")
        self.assertIn("STATE 42501", program.end())
        self.assertEqual(self.psql("SELECT name FROM shops WHERE id = 12"), "shop 12")

    def test_the_requester_does_not_see_rows(self):
        program = self.start("INSERT INTO secrets VALUES (30, 'tea')")
        approval = self.asked(program)
        seen = json.loads(self.cli("ana", "approvals", "show", approval, "-o", "json"))["details"]["changes"]
        self.assertEqual(seen, {"capture": self.CAPTURE, "tables": [{"name": "public.secrets", "inserted": 1, "updated": 0, "deleted": 0}]})
        sheet = self.cli("bob", "approvals", "show", approval, "-o", "table")
        self.assertRegex(sheet, r"(?m)^  \+ public.secrets  v=tea, id=30$")

    def test_what_goes_past_the_triggers(self):
        """The server counts it all the same."""
        program = self.start("BEGIN;\nUPDATE shops SET name = 'loud' WHERE id = 2;\nSELECT quiet();\nCOMMIT", "root")
        rows = self.shown(self.asked(program))["rows"]
        self.assertEqual({(row["table"], row["change"]) for row in rows if row["table"] != "trail.change"},
                         {("public.shops", "update"), ("public.orders", "delete")})
        self.cli("bob", "approvals", "deny", self.asked(program), "--reason", "no")
        self.assertIn("STATE 42501", program.end())
        self.assertEqual(self.psql("SELECT count(*) FROM orders WHERE id = 158"), "1")

    def test_bypasses(self):
        """Whoever may do everything may not do this."""
        before = self.psql("SELECT md5(string_agg(o::text, ',' ORDER BY id)) FROM orders o")
        for user, sql in [
                ("root", "ALTER TABLE orders DISABLE TRIGGER ALL"), ("root", "DROP SCHEMA dbgate_gate CASCADE"),
                ("root", "SET session_replication_role = replica"), ("root", "SET dbgate.gate = 'x'"),
                ("root", "SELECT set_config('dbgate.gate', '', false)"), ("root", "DELETE FROM dbgate_gate.change"),
                ("root", "SELECT * FROM dbgate_gate.change"), ("root", "SELECT dbgate_gate.changes(1)"), ("root", "SELECT dbgate_gate.open()"),
                ("root", "CREATE TABLE new_table AS SELECT * FROM orders"), ("root", "TRUNCATE orders"), ("ana", "TRUNCATE orders"),
                ("root", "DO $$ BEGIN DELETE FROM orders; COMMIT; END $$"), ("root", "INSERT INTO later VALUES (1)"),
                ("root", "SELECT writes_later()"), ("ana", "SELECT writes_later()"), ("root", "SELECT hidden()"), ("ana", "SELECT hidden()"),
                ("root", "SELECT lo_create(4711)"), ("root", "NOTIFY somebody"), ("root", "VACUUM orders"),
                ("root", "CREATE INDEX CONCURRENTLY i ON orders (total)"),
                ("root", "BEGIN;\nDELETE FROM orders;\nPREPARE TRANSACTION 'x'"),
                ("root", "BEGIN\\; DELETE FROM orders\\; COMMIT"),
                ("root", "BEGIN;\nDECLARE c CURSOR WITH HOLD FOR SELECT hidden();\nCOMMIT"),
                ("root", "COPY orders TO PROGRAM 'cat'"),
        ]:
            if self.CAPTURE == "unprepared" and "later" in sql:
                continue  # seen like any other
            with self.subTest(sql=sql, user=user):
                said = self.start(sql, user).end()
                self.assertRegex(said, r"ERROR: .*(dbgate|permission denied)", said)
                self.assertNotIn("held for approval", said)
        self.assertEqual(self.psql("SELECT md5(string_agg(o::text, ',' ORDER BY id)) FROM orders o"), before)
        self.assertEqual(self.psql("SELECT count(*) FROM later"), "0")
        self.assertEqual(self.psql("SELECT count(*) FROM pg_prepared_xacts"), "0")


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    unittest.main()
