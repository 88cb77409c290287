# §4 What a statement does is everything that any part of it does.
[changes reader]
WITH x AS (UPDATE shop.items SET price = 0 RETURNING 1) SELECT count(*) FROM x
WITH x AS (DELETE FROM shop.cards RETURNING 1) SELECT name FROM shop.items
WITH a AS (SELECT 1), b AS (INSERT INTO shop.quiet VALUES (9, 'x')) SELECT * FROM a
WITH x AS (INSERT INTO shop.quiet SELECT id, name FROM shop.items RETURNING id) SELECT id FROM x
WITH x AS MATERIALIZED (DELETE FROM shop.orders RETURNING *) SELECT 1 WHERE false
WITH RECURSIVE r AS (SELECT 1), w AS (DELETE FROM shop.orders) SELECT * FROM r
SELECT * FROM shop.items; WITH w AS (UPDATE shop.quiet SET note = 'x9') SELECT 1
WITH w AS (WITH v AS (SELECT 1 AS n) DELETE FROM shop.quiet USING v RETURNING n) TABLE w
SELECT 1 AS a INTO shop.made
SELECT name INTO TEMP made FROM shop.items
CREATE TABLE shop.made AS SELECT name FROM shop.items
CREATE TABLE made AS TABLE shop.items WITH NO DATA
CREATE TEMP TABLE made AS VALUES (1)
CREATE UNLOGGED TABLE shop.made (a int)
CREATE TABLE IF NOT EXISTS shop.made (LIKE shop.items INCLUDING ALL)
CREATE MATERIALIZED VIEW shop.made AS SELECT name FROM shop.items
CREATE TEMP VIEW made AS SELECT name FROM shop.items
CREATE SCHEMA made CREATE TABLE t (a int) CREATE VIEW v AS SELECT a FROM t
CREATE SCHEMA IF NOT EXISTS made
EXPLAIN ANALYZE DELETE FROM shop.orders
EXPLAIN (ANALYZE, TIMING off) WITH w AS (DELETE FROM shop.orders) SELECT 1
EXPLAIN (ANALYZE) CREATE TABLE shop.made AS SELECT 1 AS a
EXPLAIN (FORMAT json, ANALYZE true) INSERT INTO shop.quiet VALUES (9, 'x')
COPY (DELETE FROM shop.orders RETURNING id) TO STDOUT
COPY (WITH w AS (UPDATE shop.items SET price = 1 RETURNING 1) SELECT 1) TO STDOUT
COPY (INSERT INTO shop.quiet VALUES (9, 'x') RETURNING id) TO STDOUT (FORMAT csv)
COPY shop.quiet FROM STDIN
COPY shop.quiet (id, note) FROM STDIN WHERE id > 0
MERGE INTO shop.items i USING shop.orders o ON i.id = o.id WHEN MATCHED THEN UPDATE SET price = 0
MERGE INTO shop.quiet q USING (VALUES (7)) v(n) ON q.id = n WHEN NOT MATCHED THEN INSERT VALUES (n, 'x')
MERGE INTO shop.orders o USING shop.items i ON i.id = o.id WHEN MATCHED AND o.total > 0 THEN DELETE
PREPARE p AS DELETE FROM shop.orders; EXECUTE p
PREPARE p (int) AS DELETE FROM shop.orders WHERE id = $1; EXPLAIN ANALYZE EXECUTE p(1)
PREPARE p AS SELECT 1 AS a; CREATE TABLE shop.made AS EXECUTE p
DO $$BEGIN DELETE FROM shop.orders; END$$
DO LANGUAGE plpgsql 'BEGIN DELETE FROM shop.orders; END'
DO $$BEGIN EXECUTE 'DEL' || 'ETE FROM shop.orders'; END$$
CALL shop.wipe()
CALL wipe()
TRUNCATE shop.orders
TRUNCATE TABLE ONLY shop.quiet RESTART IDENTITY CASCADE
INSERT INTO shop.quiet TABLE shop.quiet
INSERT INTO shop.quiet SELECT id, name FROM shop.items ON CONFLICT DO NOTHING
INSERT INTO shop.items DEFAULT VALUES
UPDATE shop.items SET (name, price) = (SELECT 'x', 0)
UPDATE shop.items i SET name = o.id::text FROM shop.orders o WHERE o.id = i.id
DELETE FROM shop.orders o USING shop.items i WHERE i.id = o.id
UPDATE shop.item_names SET name = 'x'
DELETE FROM shop.item_names WHERE id = 1
INSERT INTO shop.item_names VALUES (70, 'x')
CREATE FUNCTION shop.made() RETURNS int LANGUAGE sql AS 'SELECT 1'
CREATE OR REPLACE FUNCTION shop.price(int) RETURNS text LANGUAGE sql AS 'SELECT shop.spy()'
CREATE PROCEDURE shop.made() LANGUAGE sql AS 'DELETE FROM shop.cards'
CREATE FUNCTION pg_temp.made() RETURNS text LANGUAGE sql BEGIN ATOMIC SELECT max(number) FROM shop.cards; END
CREATE AGGREGATE shop.made (int) (SFUNC = int4pl, STYPE = int)
CREATE OPERATOR shop.### (FUNCTION = pg_read_file, RIGHTARG = text)
CREATE CAST (int AS shop.pair) WITH INOUT AS ASSIGNMENT
CREATE TYPE shop.made AS (a int)
CREATE TYPE shop.made AS RANGE (SUBTYPE = int)
CREATE DOMAIN shop.made AS int CHECK (VALUE > 0)
CREATE COLLATION shop.made FROM "C"
CREATE SEQUENCE shop.made OWNED BY shop.items.id
CREATE INDEX ON shop.items (lower(name))
CREATE UNIQUE INDEX made ON shop.items (id) WHERE price > 0
CREATE STATISTICS shop.made ON id, name FROM shop.items
CREATE POLICY made ON shop.items USING (true)
CREATE RULE made AS ON INSERT TO shop.quiet DO ALSO DELETE FROM shop.orders
CREATE TRIGGER made AFTER INSERT ON shop.quiet FOR EACH ROW EXECUTE FUNCTION shop.note()
CREATE EVENT TRIGGER made ON ddl_command_end EXECUTE FUNCTION shop.on_ddl()
CREATE PUBLICATION made FOR TABLE shop.items
CREATE EXTENSION hstore
CREATE SERVER made FOREIGN DATA WRAPPER file_fdw
CREATE FOREIGN TABLE shop.made (a text) SERVER files OPTIONS (filename '/etc/passwd')
CREATE USER MAPPING FOR CURRENT_USER SERVER files
CREATE TEXT SEARCH DICTIONARY shop.made (TEMPLATE = simple)
CREATE ACCESS METHOD made TYPE TABLE HANDLER heap_tableam_handler
CREATE LANGUAGE made HANDLER plpgsql_call_handler
CREATE ROLE made SUPERUSER
CREATE USER made IN ROLE postgres
ALTER ROLE nobody_much SUPERUSER
ALTER ROLE CURRENT_USER SET search_path = extra
ALTER ROLE ALL IN DATABASE postgres SET role = buried
ALTER DATABASE postgres SET search_path = extra
ALTER TABLE shop.items ADD COLUMN made int DEFAULT 1
ALTER TABLE shop.cards RENAME TO animals_two
ALTER TABLE shop.cards SET SCHEMA extra
ALTER TABLE shop.noted DISABLE TRIGGER ALL
ALTER TABLE shop.items ALTER COLUMN price TYPE text
ALTER TABLE shop.items ENABLE ROW LEVEL SECURITY
ALTER TABLE shop.sales_2021 INHERIT shop.sales_2020
ALTER TABLE shop.events DETACH PARTITION shop.events_closed
ALTER VIEW shop.item_names RENAME COLUMN name TO label
ALTER FUNCTION shop.price(int) SECURITY DEFINER
ALTER DEFAULT PRIVILEGES IN SCHEMA shop GRANT SELECT ON TABLES TO PUBLIC
ALTER SEQUENCE shop.items_id_seq RESTART WITH 1
ALTER TYPE shop.pair ADD ATTRIBUTE c int
ALTER SCHEMA extra RENAME TO shop2
ALTER SERVER far OPTIONS (SET host 'x')
ALTER SUBSCRIPTION sub CONNECTION 'host=10.0.0.1'
ALTER LARGE OBJECT 7001 OWNER TO buried
DROP TABLE shop.quiet CASCADE
DROP TABLE shop.indexed
DROP VIEW IF EXISTS shop.card_list CASCADE
DROP FUNCTION shop.price(jsonb)
DROP SCHEMA extra CASCADE
DROP OWNED BY buried; DROP ROLE nobody_much
GRANT SELECT ON ALL TABLES IN SCHEMA shop TO PUBLIC
GRANT postgres TO nobody_much
REVOKE ALL ON shop.items FROM postgres
REASSIGN OWNED BY buried TO nobody_much; ALTER TABLE shop.items OWNER TO buried
COMMENT ON TABLE shop.items IS 'made'
COMMENT ON COLUMN shop.items.id IS 'made'
[proves reader | SELECT count(*) > 0 FROM pg_locks WHERE relation = 'shop.items'::regclass AND mode <> 'AccessShareLock']
LOCK TABLE shop.items IN ACCESS EXCLUSIVE MODE
LOCK shop.items
SELECT * FROM shop.items FOR UPDATE
SELECT id FROM shop.items FOR NO KEY UPDATE SKIP LOCKED
SELECT * FROM (SELECT id FROM shop.items FOR SHARE) s
WITH w AS (SELECT id FROM shop.items FOR KEY SHARE) SELECT 1 FROM w
EXPLAIN ANALYZE SELECT id FROM shop.items FOR UPDATE
REINDEX TABLE shop.items
CLUSTER shop.items USING items_pkey
ANALYZE shop.items
ANALYZE
[proves alone reader | SELECT count(*) = 1 FROM pg_listening_channels()]
LISTEN jobs
LISTEN "Jobs"
[proves alone reader | SELECT count(*) = 1 FROM pg_listening_channels()]
LISTEN jobs; NOTIFY jobs, 'payload'
[runs reader]
NOTIFY jobs
NOTIFY jobs, 'payload'
LOAD 'auto_explain'
CHECKPOINT
REFRESH MATERIALIZED VIEW shop.card_copy
[runs alone reader]
VACUUM shop.items
VACUUM (ANALYZE, VERBOSE) shop.items
PREPARE TRANSACTION 'made'
[leaks reader]
CALL shop.tell(NULL)
DO $$BEGIN RAISE NOTICE '%', (SELECT max(number) FROM shop.cards); END$$
DO $$DECLARE r text; BEGIN SELECT number INTO r FROM shop.cards LIMIT 1; RAISE EXCEPTION '%', r; END$$
COPY shop.cards TO STDOUT
COPY shop.cards (number) TO STDOUT WITH (FORMAT csv, HEADER, FORCE_QUOTE *)
COPY (TABLE shop.card_copy) TO STDOUT (DELIMITER '|')
COPY (TABLE shop.cards) TO STDOUT
COPY (SELECT * FROM shop.planted_file) TO STDOUT
EXPLAIN (ANALYZE, VERBOSE) SELECT * FROM shop.items WHERE name = (SELECT '4111-PLANTED' FROM shop.cards LIMIT 1)
PREPARE p AS TABLE shop.cards; EXECUTE p
DECLARE c CURSOR FOR TABLE shop.cards; FETCH ALL c
DECLARE c BINARY SCROLL CURSOR WITH HOLD FOR SELECT number FROM shop.cards; FETCH LAST FROM c
DECLARE c CURSOR FOR TABLE shop.cards; MOVE 1 c; FETCH PRIOR FROM c; FETCH FIRST FROM c
CREATE TEMP TABLE made AS TABLE shop.cards; TABLE made
CREATE TEMP TABLE made (n text); COPY made FROM PROGRAM 'echo BURIED-DEEP'; TABLE made
CREATE TEMP TABLE made (n text); COPY made FROM '/etc/hostname'; INSERT INTO made VALUES ('BURIED-DEEP'); TABLE made
SELECT number INTO TEMP made FROM shop.cards; TABLE made
DELETE FROM shop.cards RETURNING number
UPDATE shop.cards SET q = number RETURNING *
INSERT INTO shop.quiet SELECT id, number FROM shop.cards RETURNING note
DELETE FROM shop.ruled
[changes writer]
UPDATE shop.items SET name = 'x'
DELETE FROM shop.orders
DELETE FROM shop.orders WHERE id = 1; DELETE FROM shop.orders
WITH w AS (DELETE FROM shop.orders) UPDATE shop.items SET name = 'x' WHERE id = 1
UPDATE shop.items SET id = 99 WHERE id = 1
UPDATE shop.items SET tags[1] = 'x' WHERE id = 1
UPDATE shop.items SET attrs['a'] = '1' WHERE id = 1
UPDATE shop.items SET (name, added) = ('x', now()) WHERE id = 1
INSERT INTO shop.items VALUES (80, 'x')
INSERT INTO shop.items (id, name, added) VALUES (80, 'x', now())
INSERT INTO shop.items (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET added = now()
INSERT INTO shop.items (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = 'x9'
MERGE INTO shop.items i USING (VALUES (1)) v(n) ON i.id = n WHEN MATCHED THEN UPDATE SET tags = NULL
MERGE INTO shop.orders USING (VALUES (1)) v(n) ON true WHEN MATCHED THEN DELETE
COPY shop.quiet FROM STDIN
TRUNCATE shop.orders
UPDATE shop.customers SET email = 'x' WHERE id = 1
UPDATE shop.customers SET city = 'x'
UPDATE ONLY shop.quiet SET note = 'x9' WHERE id = 1
DELETE FROM shop.quiet WHERE id = 1
[leaks writer]
INSERT INTO shop.items (id, name) SELECT id + 50, number FROM shop.cards RETURNING name
UPDATE shop.items SET name = (SELECT max(number) FROM shop.cards) WHERE id = 1 RETURNING name
UPDATE shop.items i SET name = c.card_no FROM shop.customers c WHERE c.id = i.id RETURNING i.name
UPDATE shop.customers SET city = 'Oslo' WHERE id = 1 RETURNING card_no
UPDATE shop.customers SET city = 'Oslo' WHERE id = 1 RETURNING *
UPDATE shop.customers SET city = card_no WHERE id = 1 RETURNING city
UPDATE shop.customers c SET city = 'Oslo' WHERE id = 1 RETURNING c
UPDATE shop.customers SET city = (SELECT max(number) FROM shop.cards) WHERE id = 1 RETURNING city
UPDATE shop.customers SET (city) = ROW(email) WHERE id = 1 RETURNING city
INSERT INTO shop.quiet (note) VALUES ((SELECT max(number) FROM shop.cards)) RETURNING note
INSERT INTO shop.quiet VALUES (1, (SELECT card_no FROM shop.customers LIMIT 1)) RETURNING *
INSERT INTO shop.quiet SELECT id, email FROM shop.customers RETURNING note
DELETE FROM shop.orders o USING shop.cards c WHERE c.id = o.id RETURNING c.number
DELETE FROM shop.orders o USING shop.customers c WHERE c.id = o.id RETURNING c
WITH c AS (SELECT * FROM shop.customers) INSERT INTO shop.quiet SELECT id, card_no FROM c RETURNING note
