"""What dbgate says a statement comes to, against what a real PostgreSQL touched when it ran the statement."""
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import lab  # noqa: E402

DUMP = lab.BUILD / "tests" / "support" / "closure_dump" / "closure_dump"

SCHEMA = r'''
CREATE SCHEMA s;
CREATE TABLE s.cards (id int PRIMARY KEY, number text, n int);
CREATE TABLE s.other (id int, n int);
CREATE TABLE s.log (id int, what text);
CREATE TABLE s.plain (id int, n int);
INSERT INTO s.cards VALUES (1, 'x', 1), (2, 'y', 2);
INSERT INTO s.other VALUES (1, 1), (2, 2);
INSERT INTO s.plain VALUES (1, 1), (2, 2);

CREATE VIEW s.v AS SELECT id, n FROM s.cards WHERE number <> '';
CREATE VIEW s.vv AS SELECT v.id AS k, o.n FROM s.v JOIN s.other o USING (id);
CREATE MATERIALIZED VIEW s.mv AS SELECT count(*) AS n FROM s.cards;

CREATE FUNCTION s.in_sql() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM s.cards';
CREATE FUNCTION s.standard() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM s.other; SELECT count(*) FROM s.cards; END;
CREATE FUNCTION s.in_plpgsql(wanted int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE r s.other%ROWTYPE; c CURSOR (k int) FOR SELECT * FROM s.plain WHERE id = k; total int := 0;
BEGIN
  FOR r IN SELECT * FROM s.other LOOP total := total + (SELECT count(*) FROM s.cards WHERE id = r.id); END LOOP;
  OPEN c(k := wanted); FETCH c INTO r; CLOSE c;
  IF EXISTS (SELECT FROM s.v) THEN INSERT INTO s.log VALUES (total, 'x') RETURNING id INTO r.id; END IF;
  r.n := total;
  RETURN r.n;
EXCEPTION WHEN division_by_zero THEN DELETE FROM s.log;
END $$;
CREATE FUNCTION s.with_path() RETURNS bigint LANGUAGE sql SET search_path = s AS 'SELECT count(*) FROM cards';
CREATE FUNCTION s.constant() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DELETE FROM s.plain'; END $$;
CREATE FUNCTION s.dynamic(t text) RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DELETE FROM s.' || t; END $$;
CREATE PROCEDURE s.proc() LANGUAGE plpgsql AS $$ BEGIN PERFORM s.in_sql(); UPDATE s.plain SET n = 0; END $$;
CREATE FUNCTION s.nested() RETURNS bigint LANGUAGE sql AS 'SELECT s.with_path() + s.in_sql()';

CREATE TABLE s.parent (id int PRIMARY KEY, n int);
CREATE TABLE s.child (id int PRIMARY KEY, parent int REFERENCES s.parent ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE s.grandchild (id int, child int REFERENCES s.child ON DELETE SET NULL);
INSERT INTO s.parent VALUES (1, 1), (2, 2); INSERT INTO s.child VALUES (1, 1); INSERT INTO s.grandchild VALUES (1, 1);

CREATE TABLE s.watched (id int, n int, secret text);
INSERT INTO s.watched VALUES (1, 1, 's');
CREATE FUNCTION s.watch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO s.log VALUES (NEW.id, OLD.secret); RETURN NEW; END $$;
CREATE TRIGGER watch AFTER UPDATE ON s.watched FOR EACH ROW EXECUTE FUNCTION s.watch();
CREATE FUNCTION s.batch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN INSERT INTO s.log SELECT id, secret FROM fresh; RETURN NULL; END $$;
CREATE TRIGGER batch AFTER INSERT ON s.watched REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION s.batch();

CREATE TABLE s.ruled (id int, n int);
INSERT INTO s.ruled VALUES (1, 1);
CREATE RULE log_it AS ON UPDATE TO s.ruled DO ALSO INSERT INTO s.log VALUES (old.id, 'u');
CREATE RULE instead AS ON DELETE TO s.ruled DO INSTEAD (UPDATE s.plain SET n = old.n WHERE id = old.id; DELETE FROM s.other);

CREATE TABLE s.part (id int, n int) PARTITION BY RANGE (id);
CREATE TABLE s.part_1 PARTITION OF s.part FOR VALUES FROM (0) TO (10);
CREATE TABLE s.part_2 PARTITION OF s.part FOR VALUES FROM (10) TO (20);
INSERT INTO s.part VALUES (1, 1), (11, 11);
CREATE FUNCTION s.gone() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM s.log; RETURN NULL; END $$;
CREATE TRIGGER gone AFTER DELETE ON s.part_1 FOR EACH ROW EXECUTE FUNCTION s.gone();
CREATE TABLE s.ancestor (id int);
CREATE TABLE s.heir (x int) INHERITS (s.ancestor);

CREATE FUNCTION s.next_n() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT max(n) FROM s.cards); END $$;
CREATE FUNCTION s.good(int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN EXISTS (SELECT FROM s.other); END $$;
CREATE DOMAIN s.checked AS int CHECK (s.good(VALUE));
CREATE TABLE s.defaults (id int DEFAULT s.next_n(), n int CHECK (s.good(n)));
CREATE TABLE s.domains (id s.checked);
CREATE FUNCTION s.key_of(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN PERFORM 1 FROM s.plain; RETURN 1; END $$;
CREATE TABLE s.indexed (id int);
CREATE INDEX ON s.indexed (s.key_of(id));

CREATE FUNCTION s.near(int, int) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RETURN EXISTS (SELECT FROM s.cards); END $$;
CREATE OPERATOR s.<-> (LEFTARG = int, RIGHTARG = int, FUNCTION = s.near);
CREATE FUNCTION s.add_up(int, int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN (SELECT max(n) FROM s.other); END $$;
CREATE AGGREGATE s.total(int) (SFUNC = s.add_up, STYPE = int, INITCOND = '0');
CREATE TYPE s.money AS (amount int);
CREATE FUNCTION s.to_money(int) RETURNS s.money LANGUAGE plpgsql AS $$ BEGIN PERFORM 1 FROM s.cards; RETURN ROW(1); END $$;
CREATE CAST (int AS s.money) WITH FUNCTION s.to_money(int) AS ASSIGNMENT;
CREATE TABLE s.prices (price s.money);

CREATE TABLE s.guarded (id int);
INSERT INTO s.guarded VALUES (1);
CREATE POLICY seen ON s.guarded USING (EXISTS (SELECT FROM s.other));
ALTER TABLE s.guarded ENABLE ROW LEVEL SECURITY;
ALTER TABLE s.guarded FORCE ROW LEVEL SECURITY;
CREATE ROLE plain;
GRANT USAGE ON SCHEMA s TO plain;
GRANT SELECT ON s.guarded, s.other TO plain;
'''

# Statements, and whether the closure must be exactly what was touched (True) or may be more.
STATEMENTS = [
    ("SELECT * FROM s.plain", True),
    ("SELECT * FROM s.v", True),
    ("SELECT k FROM s.vv", True),
    ("SELECT s.in_sql()", True),
    ("SELECT s.standard()", True),
    ("SELECT s.in_plpgsql(1)", True),
    ("SELECT s.with_path()", True),
    ("SELECT s.nested()", True),
    ("SELECT s.constant()", True),
    ("CALL s.proc()", True),
    ("SELECT * FROM s.plain p, LATERAL s.in_plpgsql(p.id) x", True),
    ("UPDATE s.v SET n = 3", True),
    ("DELETE FROM s.v", True),
    ("INSERT INTO s.v VALUES (7, 7)", True),
    ("DELETE FROM s.parent WHERE id = 1", True),
    ("UPDATE s.parent SET id = 5 WHERE id = 1", True),
    ("UPDATE s.parent SET n = 5", True),
    ("INSERT INTO s.child VALUES (3, 2)", True),
    ("UPDATE s.watched SET n = 2", True),
    ("INSERT INTO s.watched VALUES (2, 2, 'z')", True),
    ("UPDATE s.ruled SET n = 2", True),
    ("DELETE FROM s.ruled", False),
    ("SELECT * FROM s.part", True),
    ("INSERT INTO s.part VALUES (2, 2)", False),
    ("UPDATE s.part SET id = 12 WHERE id = 1", False),
    ("DELETE FROM s.part", False),
    ("SELECT * FROM s.ancestor", True),
    ("TRUNCATE s.parent CASCADE", True),
    ("INSERT INTO s.defaults (n) VALUES (1)", True),
    ("INSERT INTO s.domains VALUES (1)", True),
    ("SELECT 1::s.checked", True),
    ("INSERT INTO s.indexed VALUES (1)", True),
    ("SELECT 1 OPERATOR(s.<->) 2", True),
    ("SELECT s.total(n) FROM s.plain", True),
    ("INSERT INTO s.prices SELECT n FROM s.plain", True),
    ("REFRESH MATERIALIZED VIEW s.mv", True),
    ("MERGE INTO s.plain t USING s.cards c ON t.id = c.id WHEN MATCHED THEN UPDATE SET n = c.n WHEN NOT MATCHED THEN INSERT VALUES (c.id, c.n)", True),
    ("WITH x AS (UPDATE s.watched SET n = 3 RETURNING id) SELECT * FROM x", True),
    ("LOCK TABLE s.vv IN SHARE MODE", True),
    ("SELECT s.dynamic('plain')", False),
]

TOUCHED = """
SELECT 'relation:' || n.nspname || '.' || c.relname FROM (SELECT DISTINCT relation FROM pg_locks WHERE pid = pg_backend_pid()
  AND locktype = 'relation') l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE n.nspname = 's' AND c.relkind IN ('r', 'p', 'v', 'm');
SELECT 'insert:s.' || relname FROM pg_stat_xact_user_tables WHERE n_tup_ins > 0 AND schemaname = 's';
SELECT 'update:s.' || relname FROM pg_stat_xact_user_tables WHERE n_tup_upd > 0 AND schemaname = 's';
SELECT 'delete:s.' || relname FROM pg_stat_xact_user_tables WHERE n_tup_del > 0 AND schemaname = 's';
"""


class Reaching(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = lab.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.postgres = cls.lab.postgres
        cls.postgres.psql(SCHEMA)
        config = cls.lab.directory / "closure.yaml"
        config.write_text("version: 1\ntargets:\n" + cls.lab.target(), encoding="utf-8")
        config.chmod(0o600)
        cls.config = config

    @classmethod
    def reach(cls, statements):
        done = subprocess.run([str(DUMP), str(cls.config)], input="\n".join(statements) + "\n", capture_output=True, text=True,
                              timeout=120, check=False)
        if done.returncode != 0:
            raise AssertionError(f"closure_dump: {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return [[part for part in line.split("\t") if part] for line in done.stdout.splitlines()]

    def touched(self, statement, role="postgres"):
        out = self.postgres.psql(f"BEGIN; SET LOCAL ROLE {role}; {statement}; RESET ROLE; SELECT '---'; {TOUCHED} ROLLBACK").stdout
        return set(out.split("---", 1)[1].split())

    def test_nothing_that_was_touched_is_missing(self):
        for (statement, exact), parts in zip(STATEMENTS, self.reach([one for one, _ in STATEMENTS]), strict=True):
            with self.subTest(statement=statement):
                effects = {}
                for part in parts:
                    if part.startswith("relation:s."):
                        _, name, done, _ = part.split(":", 3)
                        effects[name] = set(done.split(","))
                opaque = [part for part in parts if part.startswith("opaque:")]
                touched = self.touched(statement)
                missing = {one for one in touched if one.split(":")[1] not in effects or
                           (one.split(":")[0] != "relation" and one.split(":")[0] not in effects[one.split(":")[1]])}
                if opaque:
                    self.assertIn("dynamic", statement, opaque)
                    continue
                self.assertNotIn("dynamic", statement, "dynamic SQL must be opaque")
                # A partition that takes a moved row is inserted into: that is part of the update.
                if statement.startswith("UPDATE s.part "):
                    missing -= {"insert:s.part_2", "delete:s.part_1"}
                # REFRESH is an effect of its own.
                missing -= {"insert:s.mv"}
                self.assertEqual(missing, set(), (effects, touched))
                if exact:
                    seen = {one.split(":")[1] for one in touched if one.startswith("relation:")}
                    self.assertEqual(set(effects), seen, "more than was touched")

    def test_policies_of_rows_are_followed(self):
        parts = self.reach(["SELECT * FROM s.guarded"])[0]
        self.assertEqual(self.touched("SELECT * FROM s.guarded", role="plain"), {"relation:s.guarded", "relation:s.other"})
        self.assertIn("path:table s.guarded → table s.other", parts)

    def test_the_columns_that_are_read_on_the_way(self):
        parts = self.reach(["SELECT n FROM s.v", "UPDATE s.watched SET n = 1"])
        self.assertIn("relation:s.cards:read:id,n,number", parts[0])
        self.assertIn("relation:s.watched:read,update:id,secret", parts[1])

    def test_the_way_is_named(self):
        parts = self.reach(["SELECT s.nested()", "UPDATE s.watched SET n = 1"])
        self.assertIn("path:function s.nested → function s.in_sql → table s.cards", parts[0])
        self.assertIn("path:table s.watched → trigger watch → function s.watch → table s.log", parts[1])


if __name__ == "__main__":
    unittest.main()
