"""pg_dump and pg_restore in every format: what is restored is dumped again and must be the same to the letter."""
import re
import subprocess

from checks import ROWS, equal, section

SCHEMA = f"""
CREATE TYPE e2e.mood AS ENUM ('sad', 'it''s ok', 'happy');
CREATE DOMAIN e2e.positive AS int CHECK (VALUE > 0);
CREATE TYPE e2e.pair AS (a int, b text);
CREATE TABLE e2e.kinds (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ok bool, n numeric(30, 6), f float8, t text,
  b bytea, d date, ts timestamptz, i interval, u uuid, j jsonb, a int[], m e2e.mood, p e2e.positive, r int4range,
  c e2e.pair, x xml, doubled numeric GENERATED ALWAYS AS (n * 2) STORED);
INSERT INTO e2e.kinds (ok, n, f, t, b, d, ts, i, u, j, a, m, p, r, c) VALUES
  (true, 12345678901234567890.000100, 1e-300, E'tab\\t, newline\\n, back\\\\slash, žluť', '\\x00ff5c', '2024-02-29',
   '2024-02-29 12:00:00.000005+00', '3 days', 'c0ffee00-0000-0000-0000-000000000001', '{{"a": [1, null]}}',
   '{{1,NULL,3}}', 'it''s ok', 7, '[1,5)', '(1,"x,y")'),
  (NULL, 'NaN', 'Infinity', '', '', 'infinity', '-infinity', NULL, NULL, 'null', '{{}}', NULL, NULL, 'empty', NULL);
CREATE TABLE e2e."Odd ""name" (id int PRIMARY KEY, "select" text DEFAULT 'x''y' CHECK ("select" <> ''));
INSERT INTO e2e."Odd ""name" SELECT g, 'row ' || g FROM generate_series(1, {ROWS}) g;
CREATE TABLE e2e.child (id int REFERENCES e2e."Odd ""name" ON DELETE CASCADE, at timestamptz) PARTITION BY RANGE (at);
CREATE TABLE e2e.child_1 PARTITION OF e2e.child FOR VALUES FROM ('2020-01-01') TO ('2030-01-01');
INSERT INTO e2e.child SELECT g, '2024-01-01'::timestamptz + g * interval '1 second' FROM generate_series(1, 1000) g;
CREATE INDEX ON e2e.child (at DESC NULLS LAST) WHERE id > 5;
CREATE VIEW e2e.seen AS SELECT id, n FROM e2e.kinds WHERE ok;
CREATE MATERIALIZED VIEW e2e.kept AS SELECT count(*) AS n FROM e2e.child;
CREATE FUNCTION e2e.twice(a int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $f$ BEGIN RETURN a * 2; /* ; ' */ END $f$;
CREATE FUNCTION e2e.fill() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.t := coalesce(NEW.t, ''''); RETURN NEW; END';
CREATE TRIGGER fill BEFORE INSERT ON e2e.kinds FOR EACH ROW EXECUTE FUNCTION e2e.fill();
CREATE SEQUENCE e2e.counter START 42 INCREMENT 3; SELECT nextval('e2e.counter');
ALTER TABLE e2e.kinds ENABLE ROW LEVEL SECURITY; CREATE POLICY mine ON e2e.kinds USING (ok);
GRANT SELECT ON e2e.seen TO PUBLIC; COMMENT ON TABLE e2e.kinds IS 'it''s; a -- comment';
SELECT lo_from_bytea(0, convert_to(repeat('large ', 10000), 'UTF8'));
"""


def run(*command, stdin=None):
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60, check=False)
    equal(done.returncode, 0, done.stderr)
    return done.stdout


def psql(sql, database="postgres"):
    return run("psql", "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-", stdin=sql)


def dump(database, *options):
    text = run("pg_dump", "-d", database, *options)
    return re.sub(r"^\\(un)?restrict .*\n", "", text, flags=re.MULTILINE)  # a key made anew for each dump


def empty():
    psql("SET client_min_messages = warning; DROP SCHEMA IF EXISTS e2e CASCADE;"
         "SELECT lo_unlink(oid) FROM pg_largeobject_metadata", "restored")


RUN_SCRIPT = ("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", "restored", "-f")
RESTORE = ("pg_restore", "-e", "-d", "restored")


def main():
    with section("fill"):
        psql(SCHEMA)
    with section("plain"):
        whole = dump("postgres")
        equal(whole.count("\nrow "), 0)
        equal(f"{ROWS}\trow {ROWS}\n" in whole, True)
    for name, saving, restoring in (
            ("plain", ("-Fp", "-f", "d.sql"), (*RUN_SCRIPT, "d.sql")),
            ("plain, -1", ("-Fp", "-f", "d.sql"), (*RUN_SCRIPT, "d.sql", "-1")),
            ("inserts", ("--rows-per-insert=5000", "-f", "i.sql"), (*RUN_SCRIPT, "i.sql")),
            ("custom", ("-Fc", "-f", "d.custom"), (*RESTORE, "d.custom")),
            ("custom, -1", ("-Fc", "-Z0", "-f", "d.custom"), (*RESTORE, "-1", "d.custom")),
            ("custom, -j2", ("-Fc", "-f", "d.custom"), (*RESTORE, "-j2", "d.custom")),
            ("directory, -j2", ("-Fd", "-j2", "-f", "d.directory"), (*RESTORE, "-j2", "d.directory")),
            ("tar", ("-Ft", "-f", "d.tar"), (*RESTORE, "d.tar"))):
        with section(name):
            empty()
            run("pg_dump", "-d", "postgres", *saving)
            run(*restoring)
            equal(dump("restored") == whole, True, "the dump of what was restored")
    with section("clean"):
        run(*RESTORE, "--clean", "--if-exists", "d.custom")
        equal(dump("restored") == whole, True, "the dump of what was restored")
    with section("globals"):
        equal("CREATE ROLE postgres" in run("pg_dumpall", "--globals-only", "--no-role-passwords"), True)


if __name__ == "__main__":
    main()
