# pack: readonly.
[denied readonly]
INSERT INTO shop.items (id) VALUES (90)
UPDATE shop.items SET name = 'a' WHERE id = 1
DELETE FROM shop.orders WHERE id = 1
MERGE INTO shop.items i USING shop.orders o ON false WHEN MATCHED THEN DO NOTHING
WITH w AS (DELETE FROM shop.orders RETURNING *) SELECT * FROM w
SELECT * FROM shop.items FOR UPDATE
SELECT * FROM (SELECT * FROM shop.items) s FOR SHARE
COPY shop.items TO STDOUT
COPY (SELECT * FROM shop.items) TO STDOUT
COPY shop.items FROM STDIN
BEGIN READ WRITE
BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE
START TRANSACTION READ WRITE
SET TRANSACTION READ WRITE
SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE
BEGIN; SET TRANSACTION READ WRITE; COMMIT
SET default_transaction_read_only = false
SET LOCAL transaction_read_only = off
SELECT relname FROM pg_class
SELECT * FROM pg_catalog.pg_tables
SELECT * FROM information_schema.tables
SELECT * FROM pg_type
SELECT ctid FROM shop.items
SELECT 'shop.items'::regclass
SELECT to_regclass('shop.items')
SELECT pg_get_viewdef(1)
SELECT pg_relation_size('shop.items')
SELECT shop.order_total(1)
SELECT name FROM shop.items WHERE shop.leak(name) = 'a'
SELECT * FROM pg_temp.items
SELECT * FROM pg_toast.pg_toast_1255
[allowed readonly]
SELECT * FROM shop.items
TABLE shop.orders
SELECT name, price FROM items WHERE price > 1 ORDER BY price DESC NULLS LAST LIMIT 5
SELECT i.*, o.total FROM shop.items i LEFT JOIN shop.orders o ON o.item_id = i.id
SELECT * FROM shop.item_names
SELECT t FROM shop.items t
SELECT to_jsonb(t) FROM shop.items t
SELECT count(*), sum(price), avg(price), min(name), max(added) FROM shop.items
SELECT date_trunc('month', added) AS month, count(*) FROM shop.items GROUP BY month ORDER BY month
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY price) FROM shop.items
SELECT * FROM shop.items TABLESAMPLE bernoulli (50) REPEATABLE (1)
SELECT * FROM shop.items a NATURAL JOIN shop.items b
SELECT id FROM (shop.items a CROSS JOIN (SELECT 1 AS n) b) AS j(id, x, y)
BEGIN READ ONLY; SELECT * FROM shop.items; COMMIT
SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY
SET default_transaction_read_only TO DEFAULT
BEGIN; DECLARE c CURSOR FOR SELECT * FROM shop.items; FETCH 2 FROM c; CLOSE c; COMMIT
PREPARE p (int) AS SELECT * FROM shop.items WHERE id = $1; EXECUTE p(1); DEALLOCATE p
EXPLAIN (ANALYZE, TIMING OFF) SELECT * FROM shop.items
WITH recent AS (SELECT * FROM shop.orders ORDER BY placed DESC LIMIT 3) SELECT sum(total) FROM recent
SELECT name, lag(price) OVER (ORDER BY added) FROM shop.items
SELECT string_agg(name, ', ' ORDER BY name) FROM shop.items
SELECT regexp_replace(name, '[aeiou]', '', 'g'), to_char(price, '999D99'), to_char(added, 'YYYY') FROM shop.items
SELECT generate_series('2020-01-01'::date, '2020-01-03', '1 day')
SELECT md5(name), encode(sha256(name::bytea), 'hex') FROM shop.items
SELECT to_tsvector('english', name) @@ plainto_tsquery('english', 'book') FROM shop.items
