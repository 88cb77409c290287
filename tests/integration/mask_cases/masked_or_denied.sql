-- One text per line: it is denied, or it gives what it gives on a server whose data are masked. See ../masks_test.py.
SELECT (SELECT email FROM customers c WHERE c.id = o.customer) FROM orders o ORDER BY o.id
SELECT id, (SELECT c.email) FROM customers c
COPY BINARY customers TO STDOUT
VALUES ((SELECT email FROM customers WHERE id = 1))
SELECT (SELECT email FROM customers WHERE id = 1) AS e
SELECT email::text FROM v WHERE false
SELECT email::text FROM customers
SELECT upper(email) FROM customers
SELECT email || '' FROM customers
SELECT length(email) FROM customers
SELECT c FROM customers c
SELECT customers FROM customers
SELECT (c).email FROM customers c
SELECT (c).* FROM customers c
SELECT (customers).card FROM customers
SELECT c.customers FROM (SELECT customers FROM customers) c
SELECT row_to_json(c) FROM customers c
SELECT to_jsonb(customers) FROM customers
SELECT c::text FROM customers c
SELECT ROW(c.*) FROM customers c
SELECT ROW(email) FROM customers
SELECT ARRAY[email] FROM customers
SELECT array_agg(email) FROM customers
SELECT string_agg(email, ',') FROM customers
SELECT json_agg(c) FROM customers c
SELECT count(email) FROM customers
SELECT count(DISTINCT email) FROM customers
SELECT max(email) FROM customers
SELECT email FROM customers WHERE email LIKE 'CANARY%'
SELECT id FROM customers WHERE email = 'CANARY1@secret.example'
SELECT id FROM customers WHERE email IS NULL
SELECT id FROM customers WHERE email > 'C'
SELECT id FROM customers ORDER BY email
SELECT email FROM customers ORDER BY 1
SELECT email AS x FROM customers ORDER BY x
SELECT email FROM customers GROUP BY email
SELECT email, count(*) FROM customers GROUP BY 1
SELECT DISTINCT email FROM customers
SELECT DISTINCT ON (email) id FROM customers
SELECT email FROM customers UNION SELECT email FROM copied
SELECT email FROM customers INTERSECT SELECT 'CANARY1@secret.example'
SELECT 'CANARY1@secret.example' EXCEPT SELECT email FROM customers
SELECT CASE WHEN true THEN email END FROM customers
SELECT CASE email WHEN 'x' THEN 1 ELSE 2 END FROM customers
SELECT COALESCE(email, '') FROM customers
SELECT NULLIF(email, '') FROM customers
SELECT GREATEST(email, '') FROM customers
SELECT id FROM customers c WHERE c IS NOT NULL
SELECT id FROM customers c WHERE c = c
SELECT id FROM customers c ORDER BY c
SELECT rank() OVER (ORDER BY email) FROM customers
SELECT lag(email) OVER (ORDER BY id) FROM customers
SELECT first_value(email) OVER (PARTITION BY card ORDER BY id) FROM customers
SELECT a.id FROM customers a JOIN copied b USING (email)
SELECT a.id FROM customers a NATURAL JOIN copied b
SELECT a.id FROM customers a JOIN copied b ON a.email = b.email
SELECT id FROM customers WHERE email IN (SELECT email FROM copied)
SELECT id FROM copied WHERE email IN (SELECT email FROM customers)
SELECT id FROM copied WHERE email = ANY (SELECT email FROM customers)
SELECT EXISTS (SELECT email FROM customers)
SELECT (SELECT email FROM customers ORDER BY id LIMIT 1) || ''
SELECT e || '' FROM (SELECT email FROM customers) s(e)
WITH x AS (SELECT email AS e FROM customers) SELECT e FROM x WHERE e LIKE 'C%'
WITH x AS (SELECT email AS e FROM customers) SELECT upper(e) FROM x
SELECT b || '' FROM v2
SELECT id FROM v WHERE email LIKE 'C%'
SELECT * FROM vagg
SELECT * FROM vlen
SELECT l FROM vlen
SELECT id FROM vlen
SELECT region FROM vagg
SELECT * FROM mv
SELECT email FROM mv
SELECT id FROM mv
TABLE mv
COPY mv TO STDOUT
REFRESH MATERIALIZED VIEW mv
SELECT * FROM f()
SELECT email FROM f() c
SELECT f()
SELECT (f()).email
SELECT fp(1)
SELECT rowf(c) FROM customers c
SELECT c.rowf FROM customers c
SELECT rowf(customers) FROM customers
SELECT rowid(c) FROM customers c
SELECT c.rowid FROM customers c
EXPLAIN SELECT email FROM customers
EXPLAIN ANALYZE SELECT email FROM customers
EXPLAIN (VERBOSE, FORMAT json) SELECT email FROM customers
EXPLAIN SELECT * FROM v
EXPLAIN SELECT id FROM customers WHERE id = 1
PREPARE pe AS SELECT email FROM customers; EXPLAIN (VERBOSE) EXECUTE pe
SELECT email FROM customers TABLESAMPLE SYSTEM (100)
SELECT email FROM customers c TABLESAMPLE BERNOULLI (100) REPEATABLE (1)
SELECT ctid, email FROM customers
SELECT xmin FROM customers
SELECT tableoid::regclass, email FROM parts
SELECT c.ctid FROM customers c
SELECT email FROM customers *
SELECT email FROM ONLY (customers)
SELECT email FROM customers * AS c
TABLE customers *
TABLE ONLY (customers)
SELECT email::int FROM customers
SELECT 1/(length(email)-22) FROM customers
SELECT email FROM customers WHERE email::int = 1
SELECT CAST(email AS int) FROM customers
SELECT pay / 0 FROM customers
SELECT xmlforest(email) FROM customers
SELECT xmlelement(name a, email) FROM customers
SELECT format('%s', email) FROM customers
SELECT concat(email) FROM customers
SELECT j -> 'CANARY' FROM customers
SELECT j['CANARY'] FROM customers
SELECT jsonb_object_keys(j) FROM customers
SELECT k FROM customers, jsonb_object_keys(j) k
SELECT x FROM customers, LATERAL (VALUES (email)) v(x)
SELECT l.* FROM customers c, LATERAL (SELECT c.email) l
SELECT l.* FROM customers c, LATERAL (SELECT c.*) l
SELECT l.* FROM customers c, LATERAL (SELECT c) l
SELECT x FROM customers, unnest(ARRAY[email]) x
SELECT * FROM customers, regexp_split_to_table(email, '@') r
SELECT * FROM customers c, generate_series(1, length(c.email)) g
SELECT id FROM customers LIMIT (SELECT length(email) FROM customers LIMIT 1)
SELECT sum(pay) FROM customers
SELECT avg(pay), min(born) FROM customers
SELECT email COLLATE "C" FROM customers
SELECT email AT TIME ZONE 'UTC' FROM (SELECT born::timestamp AS email FROM customers) s
SELECT id FROM customers WHERE born BETWEEN '1987-06-01' AND '1987-07-01'
SELECT extract(month FROM born) FROM customers
INSERT INTO copied SELECT id, email FROM customers RETURNING *
INSERT INTO copied (email) SELECT email FROM customers; TABLE copied
INSERT INTO copied TABLE "table"; TABLE copied
INSERT INTO copied VALUES (9, (SELECT email FROM customers WHERE id = 1)) RETURNING email
WITH x AS (SELECT id, email FROM customers) INSERT INTO copied SELECT * FROM x RETURNING email
WITH i AS (INSERT INTO copied SELECT id, email FROM customers RETURNING *) SELECT * FROM i
CREATE TABLE made AS SELECT * FROM customers; TABLE made
CREATE TEMP TABLE made2 AS TABLE customers; TABLE made2
CREATE TABLE made3 (a, b) AS SELECT id, email FROM customers WITH DATA; SELECT b FROM made3
SELECT * INTO made4 FROM customers; TABLE made4
SELECT email INTO TEMP made5 FROM customers; TABLE made5
CREATE MATERIALIZED VIEW mv2 AS SELECT email FROM customers; TABLE mv2
CREATE VIEW vx AS SELECT email FROM customers; TABLE vx
CREATE TEMP VIEW vy AS SELECT email FROM customers; TABLE vy
CREATE TABLE lk (LIKE customers INCLUDING ALL); TABLE lk
UPDATE customers SET email = email RETURNING email
UPDATE customers SET region = email RETURNING region
UPDATE customers SET region = 'x' WHERE email LIKE 'C%' RETURNING id
UPDATE customers SET region = region RETURNING *
UPDATE customers SET region = region RETURNING id
UPDATE customers SET email = 'new' WHERE id = 3 RETURNING id
UPDATE copied SET email = c.email FROM customers c WHERE c.id = copied.id RETURNING copied.email
UPDATE copied SET email = (SELECT email FROM customers WHERE id = 1) RETURNING email
UPDATE copied SET (id, email) = (SELECT id, email FROM customers WHERE id = 1) RETURNING *
DELETE FROM copied USING customers c WHERE c.id = copied.id RETURNING c.email
DELETE FROM copied USING customers c WHERE c.email = copied.email
DELETE FROM customers WHERE email LIKE 'x'
DELETE FROM customers WHERE id = 77 RETURNING email
DELETE FROM customers WHERE id = 77 RETURNING *
INSERT INTO customers (id, email) VALUES (100, 'mine') RETURNING email
INSERT INTO customers (id, email) VALUES (1, 'mine') ON CONFLICT (id) DO UPDATE SET region = customers.email RETURNING region
INSERT INTO customers (id, email) VALUES (1, 'mine') ON CONFLICT (id) DO UPDATE SET region = 'x' WHERE customers.email LIKE 'C%' RETURNING id
INSERT INTO customers (id) VALUES (1)
MERGE INTO copied USING customers c ON copied.id = c.id WHEN NOT MATCHED THEN INSERT VALUES (c.id, c.email)
MERGE INTO copied USING customers c ON copied.email = c.email WHEN MATCHED THEN DELETE
MERGE INTO customers USING copied c ON customers.email = c.email WHEN MATCHED THEN DELETE
MERGE INTO copied USING (SELECT * FROM customers) c ON copied.id = c.id WHEN NOT MATCHED THEN INSERT VALUES (c.id, c.email)
SELECT statement FROM pg_prepared_statements
PREPARE zz AS SELECT email FROM customers; SELECT name, statement FROM pg_prepared_statements; DEALLOCATE zz
BEGIN; DECLARE q CURSOR FOR SELECT email FROM customers; SELECT name, statement FROM pg_cursors; ROLLBACK
SELECT current_query(), email FROM customers
SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid() AND EXISTS (SELECT email FROM customers)
SELECT query_to_xml('SELECT email FROM customers', true, true, '')
SELECT table_to_xml('customers', true, true, '')
SELECT schema_to_xml('public', true, true, '')
SELECT database_to_xml(true, true, '')
SELECT * FROM ts_stat('SELECT to_tsvector(email) FROM customers')
SELECT most_common_vals FROM pg_stats WHERE tablename = 'customers'
SELECT histogram_bounds::text FROM pg_stats
SELECT stavalues1::text FROM pg_statistic
SELECT pg_read_file('postgresql.conf')
COPY customers TO '/tmp/x'
COPY customers TO PROGRAM 'cat'
COPY (SELECT email || '' FROM customers) TO STDOUT
COPY (UPDATE customers SET region = 'x' RETURNING email) TO STDOUT
DO $$ BEGIN RAISE NOTICE '%', (SELECT email FROM customers LIMIT 1); END $$
ALTER TABLE customers RENAME TO c9; SELECT * FROM c9
ALTER TABLE customers RENAME COLUMN email TO mail; SELECT mail FROM customers
ALTER TABLE customers SET SCHEMA s2
ALTER SCHEMA public RENAME TO p9; SELECT * FROM p9.customers
ALTER SCHEMA public RENAME TO p9
ALTER TABLE customers ADD COLUMN x text GENERATED ALWAYS AS (email) STORED
ALTER TABLE customers ALTER COLUMN email TYPE int USING email::int
ALTER TABLE child NO INHERIT parent
ALTER TABLE child INHERIT parent
ALTER TABLE parts DETACH PARTITION parts_1
ALTER VIEW v RENAME TO vv; SELECT * FROM vv
CREATE INDEX ON customers ((1/(length(email)-22)))
CREATE UNIQUE INDEX ON customers (region, (left(email, 3)))
CREATE INDEX ON customers (id) WHERE email::int > 0
CREATE RULE r AS ON UPDATE TO copied DO INSTEAD SELECT email FROM customers
CREATE FUNCTION ff() RETURNS text LANGUAGE sql AS 'SELECT email FROM customers'; SELECT ff()
CREATE FUNCTION fg() RETURNS SETOF customers LANGUAGE sql BEGIN ATOMIC SELECT * FROM customers; END
CREATE TABLE fk (e text REFERENCES customers (email))
CREATE TABLE inh () INHERITS (customers)
CREATE STATISTICS st ON email, card FROM customers
CREATE POLICY po ON customers USING (email LIKE 'C%')
CREATE TRIGGER tr AFTER UPDATE ON customers FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()
ANALYZE VERBOSE customers
SET dbgate.user_region = 'x'
SHOW dbgate.mask_inner
SELECT current_setting('dbgate.mask_inner')
SELECT set_config('dbgate.user_region', 'x', false)
SELECT name, setting FROM pg_settings WHERE name LIKE 'dbgate%'
RESET dbgate.mask_inner
SELECT lo_from_bytea(0, email::bytea) FROM customers
SELECT pg_notify('x', email) FROM customers
SELECT s2.customers.email, public.customers.email FROM s2.customers, public.customers
SELECT public.customers.email, s2.customers.extra FROM public.customers JOIN s2.customers ON public.customers.id = s2.customers.id
SELECT customers.email, customers.extra FROM s2.customers
SELECT "customers"."email" FROM v AS customers
WITH v AS (SELECT 1) SELECT email FROM public.v
SELECT email FROM customers c JOIN LATERAL (SELECT * FROM customers d WHERE d.id = c.id) e USING (id, email)
SELECT c.id FROM customers c WHERE (c.id, c.email) IN (SELECT id, email FROM copied)
SELECT c.id FROM customers c WHERE ROW(c.email) = ROW('x')
SELECT id FROM customers WHERE (SELECT email) = 'x'
SELECT id FROM customers c WHERE EXISTS (SELECT 1 WHERE c.email = 'x')
SELECT id FROM customers c WHERE EXISTS (SELECT email FROM copied WHERE id = 1)
SELECT sub.x FROM (SELECT c AS x FROM customers c) sub
SELECT (sub.x).email FROM (SELECT c AS x FROM customers c) sub
SELECT email(c) FROM customers c
SELECT email(customers) FROM customers
SELECT public.email(customers) FROM customers
SELECT id, email FROM customers WINDOW w AS (ORDER BY email)
SELECT count(*) FILTER (WHERE email LIKE 'C%') FROM customers
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY email) FROM customers
SELECT GROUPING(email) FROM customers GROUP BY CUBE (email)
SELECT * FROM ROWS FROM (f(), generate_series(1, 2)) x
SELECT * FROM json_populate_record(NULL::customers, '{"email": "x"}')
SELECT (NULL::customers).email
LOCK TABLE customers
TRUNCATE customers
VACUUM customers
SELECT v FROM v
SELECT (v).email FROM v
SELECT v.ctid FROM v
SELECT * FROM v FOR UPDATE
INSERT INTO v (id, email) VALUES (55, 'x') RETURNING email
UPDATE v SET region = 'x' RETURNING email
UPDATE v SET region = 'x' WHERE id = 1 RETURNING id
DELETE FROM v WHERE id = 99
EXPLAIN VERBOSE SELECT * FROM v2
SELECT pg_get_viewdef('v'::regclass)
SELECT email FROM customers FETCH FIRST 1 ROWS ONLY
SELECT email FROM customers ORDER BY id FETCH FIRST 1 ROWS WITH TIES
BEGIN; ALTER VIEW v RENAME TO v9; SELECT * FROM v9; ROLLBACK
BEGIN; ALTER TABLE v2 RENAME TO v9; SELECT * FROM v9; ROLLBACK
BEGIN; ALTER VIEW v SET SCHEMA s2; SELECT * FROM s2.v; ROLLBACK
BEGIN; ALTER VIEW v RENAME COLUMN email TO mail; SELECT mail FROM v; ROLLBACK
BEGIN; ALTER MATERIALIZED VIEW mv RENAME TO mv9; SELECT * FROM mv9; ROLLBACK
BEGIN; ALTER TABLE mv RENAME TO mv9; SELECT * FROM mv9; ROLLBACK
BEGIN; ALTER FUNCTION f() RENAME TO f9; SELECT * FROM f9(); ROLLBACK
BEGIN; CREATE TABLE np (id int, email text) PARTITION BY LIST (id); ALTER TABLE np ATTACH PARTITION "only" DEFAULT; TABLE np; ROLLBACK
BEGIN; CREATE TABLE kid () INHERITS (customers); TABLE kid; SELECT email FROM customers; ROLLBACK
SELECT lower('a', 'b')
SELECT lower('a', 'b'), email FROM customers
SELECT abs(1, 2), total FROM orders
