"""Statements that reach further than their text says: through views, rules, triggers, foreign keys, functions, children.

The facts name what the text names, and the comparison demands no more of them. What is reached besides is listed: the
closure of effects has to find it in the catalog.
"""

SCHEMA = """
CREATE SCHEMA reach;
CREATE TABLE reach.log (line text);
CREATE TABLE reach.secret (id int PRIMARY KEY, word text);
CREATE TABLE reach.parent (id int PRIMARY KEY, note text);
CREATE TABLE reach.child (id int PRIMARY KEY, parent int REFERENCES reach.parent ON DELETE CASCADE ON UPDATE CASCADE);
CREATE TABLE reach.ruled (id int);
CREATE RULE also AS ON INSERT TO reach.ruled DO ALSO INSERT INTO reach.log SELECT word FROM reach.secret;
CREATE TABLE reach.triggered (id int);
CREATE FUNCTION reach.on_change() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN INSERT INTO reach.log SELECT word FROM reach.secret; RETURN new; END';
CREATE TRIGGER writes AFTER INSERT ON reach.triggered FOR EACH ROW EXECUTE FUNCTION reach.on_change();
CREATE VIEW reach.seen AS SELECT id, word FROM reach.secret;
CREATE VIEW reach.seen_twice AS SELECT s.word, p.note FROM reach.seen s JOIN reach.parent p USING (id);
CREATE MATERIALIZED VIEW reach.kept AS SELECT word FROM reach.secret;
CREATE FUNCTION reach.in_sql() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM reach.secret';
CREATE FUNCTION reach.in_plpgsql() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM reach.secret); END';
CREATE FUNCTION reach.dynamic(text) RETURNS bigint LANGUAGE plpgsql AS
  'DECLARE n bigint; BEGIN EXECUTE $1 INTO n; RETURN n; END';
CREATE TABLE reach.defaulted (id int, n bigint DEFAULT reach.in_plpgsql(), CHECK (reach.in_plpgsql() >= 0));
CREATE TABLE reach.parts (id int) PARTITION BY RANGE (id);
CREATE TABLE reach.part_1 PARTITION OF reach.parts FOR VALUES FROM (0) TO (10);
CREATE TABLE reach.heir (extra int) INHERITS (reach.log);
CREATE TABLE reach.guarded (id int);
ALTER TABLE reach.guarded ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY few ON reach.guarded USING (id IN (SELECT id FROM reach.secret));
CREATE FUNCTION reach.word_of(int) RETURNS text LANGUAGE sql AS 'SELECT word FROM reach.secret WHERE id = $1';
CREATE TYPE reach.number AS (n int);
CREATE FUNCTION reach.to_text(reach.number) RETURNS text LANGUAGE plpgsql AS 'BEGIN RETURN reach.word_of($1.n); END';
CREATE CAST (reach.number AS text) WITH FUNCTION reach.to_text(reach.number) AS IMPLICIT;
CREATE FUNCTION reach.equal(int, text) RETURNS bool LANGUAGE plpgsql AS 'BEGIN RETURN reach.word_of($1) = $2; END';
CREATE OPERATOR reach.=== (LEFTARG = int, RIGHTARG = text, FUNCTION = reach.equal);
CREATE PROCEDURE reach.write() LANGUAGE sql AS 'INSERT INTO reach.log SELECT word FROM reach.secret';
INSERT INTO reach.secret VALUES (1, 'x');
INSERT INTO reach.parent VALUES (1, 'p');
INSERT INTO reach.child VALUES (1, 1);
INSERT INTO reach.parts VALUES (1);
"""

STATEMENTS = [
    "SELECT * FROM reach.seen", "SELECT note FROM reach.seen_twice", "UPDATE reach.seen SET word = 'y'",
    "SELECT word FROM reach.kept", "REFRESH MATERIALIZED VIEW reach.kept", "INSERT INTO reach.ruled VALUES (1)",
    "INSERT INTO reach.triggered VALUES (1)", "COPY reach.triggered FROM STDIN", "DELETE FROM reach.parent",
    "UPDATE reach.parent SET id = 2", "INSERT INTO reach.child VALUES (2, 1)", "TRUNCATE reach.parent CASCADE",
    "DROP TABLE reach.secret CASCADE", "SELECT reach.in_sql()", "SELECT reach.in_plpgsql()",
    "SELECT reach.dynamic('SELECT count(*) FROM reach.secret')", "INSERT INTO reach.defaulted VALUES (1)",
    "SELECT * FROM reach.parts", "INSERT INTO reach.parts VALUES (2)", "SELECT * FROM reach.log", "DELETE FROM reach.log",
    "TRUNCATE reach.log", "LOCK reach.seen_twice", "SELECT * FROM reach.guarded", "SELECT upper(ROW(1)::reach.number)",
    "SELECT 1 OPERATOR(reach.===) 'x'", "CALL reach.write()", "DO 'BEGIN PERFORM reach.in_sql(); END'",
    "SELECT query_to_xml('SELECT * FROM reach.secret', true, true, '')", "SELECT table_to_xml('reach.secret', true, true, '')",
    "SELECT 'reach.secret'::regclass", "SELECT pg_relation_size('reach.secret')", "VACUUM reach.log", "ANALYZE reach.parts",
    "SELECT count(*) FROM reach.seen s, LATERAL reach.word_of(s.id)", "MERGE INTO reach.parent USING reach.child c ON "
    "parent.id = c.parent WHEN MATCHED THEN DELETE", "EXPLAIN ANALYZE SELECT * FROM reach.seen",
    "CREATE TABLE reach.copied AS SELECT * FROM reach.seen", "COPY (SELECT * FROM reach.seen) TO STDOUT",
    "DECLARE c CURSOR FOR SELECT * FROM reach.seen", "ALTER TABLE reach.log ADD x int", "GRANT SELECT ON ALL TABLES IN SCHEMA "
    "reach TO PUBLIC", "DROP SCHEMA reach CASCADE", "ALTER TABLE reach.parent ALTER id TYPE bigint",
]
