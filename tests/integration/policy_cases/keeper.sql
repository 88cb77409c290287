# everything, but: no select of shop.cards and shop.customers(card_no), no shop.leak.
[denied keeper]
SELECT * FROM shop.cards
SELECT 1 FROM cards
TABLE shop.cards
SELECT card_no FROM shop.customers
SELECT * FROM shop.customers
SELECT c FROM shop.customers c
SELECT c::text FROM shop.customers c
SELECT 1 FROM shop.customers WHERE card_no LIKE '4%'
SELECT id FROM shop.customers ORDER BY card_no
SELECT id FROM (shop.customers c CROSS JOIN (SELECT 1 AS n) s) AS j(x, y, z, id)
SELECT (SELECT shop.customers.card_no FROM (SELECT 1) AS customers) FROM shop.customers
SELECT (SELECT l.y FROM LATERAL (SELECT c.card_no AS y) l, (SELECT 1 AS z) AS c) FROM shop.customers c
SELECT (SELECT c.card_no FROM ((SELECT 1 AS a) AS c CROSS JOIN (SELECT 2 AS b) AS d) AS j) FROM shop.customers c
SELECT 1 FROM shop.customers a NATURAL JOIN shop.customers b
SELECT x.d FROM shop.customers AS x(a, b, c, d)
COPY shop.cards TO STDOUT
COPY shop.customers TO STDOUT
COPY shop.customers (card_no) TO STDOUT
COPY (SELECT card_no FROM shop.customers) TO STDOUT
COPY shop.cards TO '/tmp/x'
COPY shop.items FROM '/tmp/x'
COPY (SELECT 1) TO PROGRAM 'cat'
INSERT INTO shop.items (id, name) SELECT id, number FROM shop.cards
UPDATE shop.items SET name = number FROM shop.cards
UPDATE shop.cards SET id = id WHERE number LIKE '4%'
DELETE FROM shop.cards WHERE number LIKE '4%'
DELETE FROM shop.cards RETURNING *
UPDATE shop.customers SET city = card_no
INSERT INTO shop.customers (id, city, email, card_no) VALUES (90, 'a', 'b', 'c') RETURNING card_no
MERGE INTO shop.items i USING shop.cards c ON i.id = c.id WHEN MATCHED THEN UPDATE SET name = c.number
CREATE TABLE t AS SELECT * FROM shop.cards
CREATE VIEW v AS SELECT * FROM shop.cards
CREATE MATERIALIZED VIEW v AS SELECT number FROM shop.cards
CREATE TEMP VIEW v AS TABLE shop.cards
SELECT * INTO t FROM shop.cards
CREATE RULE r AS ON UPDATE TO shop.customers DO ALSO INSERT INTO shop.items (name) VALUES (OLD.card_no)
CREATE RULE r AS ON UPDATE TO shop.customers DO ALSO INSERT INTO shop.items (name) SELECT new.card_no
CREATE RULE r AS ON DELETE TO shop.cards DO ALSO SELECT old.*
CREATE RULE r AS ON INSERT TO shop.items DO ALSO SELECT number FROM shop.cards
CREATE TRIGGER t AFTER UPDATE ON shop.customers FOR EACH ROW WHEN (OLD.card_no LIKE '4%') EXECUTE FUNCTION suppress_redundant_updates_trigger()
CREATE TRIGGER t AFTER UPDATE ON shop.items FOR EACH ROW EXECUTE FUNCTION shop.leak()
CREATE FUNCTION f() RETURNS SETOF text LANGUAGE sql AS 'SELECT number FROM shop.cards'
CREATE FUNCTION f() RETURNS SETOF text LANGUAGE sql BEGIN ATOMIC SELECT number FROM shop.cards; END
CREATE PROCEDURE p() LANGUAGE sql AS 'DELETE FROM shop.cards'
CREATE AGGREGATE a (text) (SFUNC = pg_read_file, STYPE = text)
CREATE OPERATOR ### (FUNCTION = pg_read_file, RIGHTARG = text)
CREATE CAST (text AS shop.mood) WITH FUNCTION shop.leak(text)
CREATE EXTENSION adminpack
CREATE FOREIGN TABLE t (number text) SERVER elsewhere OPTIONS (filename '/etc/passwd')
CREATE SERVER s FOREIGN DATA WRAPPER file_fdw
IMPORT FOREIGN SCHEMA shop FROM SERVER elsewhere INTO public
CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p
CREATE DATABASE d TEMPLATE postgres
ALTER SYSTEM SET archive_command = 'cp %p /tmp'
ALTER TABLE shop.cards RENAME TO t
ALTER TABLE shop.cards SET SCHEMA public
ALTER TABLE shop.cards INHERIT shop.items
ALTER TABLE shop.items ATTACH PARTITION shop.cards DEFAULT
ALTER TABLE shop.customers RENAME COLUMN card_no TO open
ALTER TABLE shop.customers ADD COLUMN x text GENERATED ALWAYS AS (card_no) STORED
ALTER VIEW shop.cards RENAME TO t
ALTER SCHEMA shop RENAME TO s
ALTER ROLE postgres SET search_path = public
SET search_path = public
SET ROLE nobody
SET SESSION AUTHORIZATION nobody
SET client_encoding = 'LATIN1'
SET standard_conforming_strings = off
DO $$BEGIN PERFORM 1; END$$
CALL shop.wipe()
SELECT shop.leak('x')
SELECT leak('x')
SELECT ('x'::text).leak
SELECT f.leak FROM unnest(ARRAY['x']) f
SELECT i.leak FROM shop.items i
SELECT shop.whatever()
SELECT pg_read_file('planted')
SELECT ('planted'::text).pg_read_file
SELECT f.pg_read_file FROM unnest(ARRAY['planted']) f
SELECT query_to_xml('SELECT * FROM shop.cards', true, true, '')
SELECT table_to_xml('shop.cards', true, true, '')
SELECT dblink('dbname=postgres', 'SELECT number FROM shop.cards')
SELECT lo_import('/etc/hostname')
SELECT set_config('search_path', 'public', false)
SELECT most_common_vals FROM pg_stats WHERE tablename = 'cards'
SELECT stavalues1 FROM pg_catalog.pg_statistic
SELECT * FROM pg_stats_ext
SELECT * FROM pg_toast.pg_toast_1255
UPDATE pg_class SET relname = 'open' WHERE relname = 'cards'
UPDATE pg_catalog.pg_settings SET setting = 'public' WHERE name = 'search_path'
INSERT INTO pg_rewrite SELECT * FROM pg_rewrite
DELETE FROM pg_catalog.pg_attribute
COPY pg_catalog.pg_proc FROM STDIN
PREPARE p AS SELECT * FROM shop.cards
SELECT * FROM shop.card_list
SELECT id FROM shop.card_list
SELECT * FROM shop.card_list_list
COPY (SELECT * FROM shop.card_list) TO STDOUT
SELECT * FROM shop.card_copy
CREATE TABLE t AS SELECT * FROM shop.card_list
CREATE VIEW v AS SELECT * FROM shop.card_list
SELECT email FROM shop.customer_numbers
SELECT * FROM shop.customer_numbers
INSERT INTO shop.noted (id) VALUES (1)
DELETE FROM shop.noted WHERE id = 1
UPDATE shop.noted SET id = 2 WHERE id = 1
INSERT INTO shop.checked (id) VALUES (1)
BEGIN; DECLARE c CURSOR FOR SELECT number FROM shop.cards; FETCH c; COMMIT
EXPLAIN ANALYZE SELECT * FROM shop.cards
SELECT 1; SELECT * FROM shop.cards
[allowed keeper]
SELECT id, city FROM shop.customers
SELECT city FROM shop.customers ORDER BY city
SELECT count(*) FROM shop.customers
SELECT * FROM shop.item_names
SELECT city FROM shop.customer_cities
INSERT INTO shop.quiet (id) VALUES (1)
SELECT * FROM shop.items
SELECT i.name, c.city FROM shop.items i JOIN shop.customers c ON c.id = i.id
SELECT * FROM pg_class LIMIT 1
SELECT relname FROM pg_catalog.pg_class WHERE relname = 'cards'
SELECT name, setting FROM pg_settings WHERE name = 'work_mem'
SELECT state FROM pg_stat_activity LIMIT 1
SELECT pg_get_viewdef('shop.item_names'::regclass)
SELECT lower('A'), now(), count(*) FROM shop.items
SELECT attrs -> 'a', (i).name FROM shop.items i
SELECT e.key FROM shop.items i, jsonb_each(i.attrs) e
INSERT INTO shop.items (id) VALUES (90)
UPDATE shop.items SET name = 'a'
DELETE FROM shop.orders
TRUNCATE shop.orders
CREATE TABLE shop.t (id serial PRIMARY KEY, a text)
CREATE TABLE shop.t AS SELECT * FROM shop.items
CREATE VIEW shop.v AS SELECT id, city FROM shop.customers
CREATE INDEX ON shop.items (name)
CREATE TYPE shop.color AS ENUM ('red')
ALTER TABLE shop.items ADD COLUMN x int DEFAULT 1
CREATE RULE r AS ON UPDATE TO shop.items DO ALSO INSERT INTO shop.orders (id) VALUES (old.id)
CREATE ROLE temporary_role
GRANT SELECT ON shop.items TO PUBLIC
SET work_mem = '8MB'
SET search_path = shop
SHOW ALL
ANALYZE shop.items
LOCK shop.items
NOTIFY a
BEGIN; SELECT * FROM shop.items FOR UPDATE; COMMIT
CHECKPOINT
