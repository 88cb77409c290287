# insert shop.items(id, name, price); with a WHERE: update shop.items(name, price) and shop.customers(city), delete
# shop.orders; select shop.items, shop.orders.
[denied writer]
INSERT INTO shop.items VALUES (90)
INSERT INTO shop.items DEFAULT VALUES
INSERT INTO shop.items (id, tags) VALUES (90, '{}')
INSERT INTO shop.items (id, name, price, added) VALUES (90, 'a', 1, now())
INSERT INTO items SELECT * FROM items
INSERT INTO shop.items (id, name) SELECT id, number FROM shop.cards
INSERT INTO shop.items (id, name) SELECT id, card_no FROM shop.customers
INSERT INTO shop.items (id, name) SELECT id, city FROM shop.customers
INSERT INTO shop.items (id, name) VALUES (90, (SELECT number FROM shop.cards LIMIT 1))
INSERT INTO shop.items (id, name) VALUES (90, pg_read_file('planted'))
INSERT INTO shop.items (id, name) VALUES (90, ('planted'::text).pg_read_file)
INSERT INTO shop.items (id) VALUES (90) RETURNING pg_sleep(0)
INSERT INTO shop.items (id) VALUES (90) RETURNING ctid
INSERT INTO shop.items (id) VALUES (90) RETURNING (SELECT number FROM shop.cards LIMIT 1)
INSERT INTO shop.items (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET tags = '{}' WHERE true
INSERT INTO shop.items (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = 'a'
INSERT INTO shop.items (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = (SELECT number FROM shop.cards LIMIT 1) WHERE true
INSERT INTO shop.items (id) VALUES (1) ON CONFLICT (pg_sleep(0)) DO NOTHING
INSERT INTO shop.items (id) VALUES (1) ON CONFLICT DO NOTHING RETURNING pg_read_file('planted')
INSERT INTO shop.orders (id) VALUES (90)
INSERT INTO shop.customers (id, city) VALUES (90, 'a')
INSERT INTO shop.item_names (id, name) VALUES (90, 'a')
INSERT INTO public.items (id) VALUES (90)
INSERT INTO pg_temp.items (id) VALUES (90)
WITH w AS (INSERT INTO shop.cards (id) VALUES (90) RETURNING id) INSERT INTO shop.items (id) SELECT id FROM w
WITH w AS (INSERT INTO shop.items (id) VALUES (90) RETURNING id) DELETE FROM shop.cards USING w
COPY shop.items FROM STDIN
COPY shop.items (id) FROM STDIN
COPY shop.items TO STDOUT
UPDATE shop.items SET name = 'a'
UPDATE shop.items SET price = 1, name = 'b'
UPDATE ONLY shop.items SET name = 'a'
UPDATE shop.items SET id = 5 WHERE id = 1
UPDATE shop.items SET tags = '{}' WHERE id = 1
UPDATE shop.items SET tags[1] = 'a' WHERE id = 1
UPDATE shop.items SET (name, tags) = ('a', '{}') WHERE id = 1
UPDATE shop.items SET name = c.card_no FROM shop.customers c WHERE c.id = 1
UPDATE shop.items SET name = (SELECT card_no FROM shop.customers LIMIT 1) WHERE id = 1
UPDATE shop.items SET (name, price) = (SELECT number, 1 FROM shop.cards LIMIT 1) WHERE id = 1
UPDATE shop.items SET name = 'a' WHERE EXISTS (SELECT 1 FROM shop.cards WHERE number LIKE '4%')
UPDATE shop.items SET name = 'a' WHERE id = 1 RETURNING ctid
UPDATE shop.items SET name = 'a' WHERE id = 1 RETURNING pg_sleep(0)
UPDATE shop.items SET name = pg_read_file('planted') WHERE id = 1
UPDATE shop.items SET name = 'a' WHERE pg_sleep(0) IS NULL
UPDATE shop.items AS cards SET name = 'a' FROM shop.cards WHERE true
UPDATE shop.customers SET city = 'a'
UPDATE shop.customers SET city = card_no WHERE true
UPDATE shop.customers SET city = 'a' WHERE card_no LIKE '4%'
UPDATE shop.customers SET city = 'a' WHERE id = 1
UPDATE shop.customers SET city = 'a' WHERE true RETURNING card_no
UPDATE shop.customers SET city = 'a' WHERE true RETURNING *
UPDATE shop.customers SET city = 'a' WHERE true RETURNING city
UPDATE shop.customers SET city = customers::text WHERE true
UPDATE shop.customers c SET city = (SELECT c.card_no) WHERE true
UPDATE shop.customers SET card_no = 'a' WHERE true
UPDATE shop.orders SET total = 1 WHERE id = 1
DELETE FROM shop.orders
DELETE FROM shop.items WHERE id = 1
DELETE FROM shop.orders USING shop.cards WHERE true
DELETE FROM shop.orders WHERE id IN (SELECT id FROM shop.cards)
DELETE FROM shop.orders o USING shop.customers c WHERE c.card_no LIKE '4%'
DELETE FROM shop.orders WHERE id = 1 RETURNING ctid
DELETE FROM shop.orders WHERE id = 1 RETURNING (SELECT number FROM shop.cards LIMIT 1)
DELETE FROM shop.orders WHERE pg_sleep(0) IS NULL
WITH w AS (DELETE FROM shop.orders RETURNING *) SELECT count(*) FROM w
WITH w AS (UPDATE shop.items SET name = 'a' RETURNING 1) SELECT count(*) FROM w
WITH w AS (SELECT 1) UPDATE shop.items SET name = 'a'
MERGE INTO shop.items i USING shop.orders o ON i.id = o.item_id WHEN MATCHED THEN UPDATE SET name = 'a'
MERGE INTO shop.items i USING shop.orders o ON true WHEN NOT MATCHED THEN INSERT (id) VALUES (90)
MERGE INTO shop.orders o USING shop.items i ON true WHEN MATCHED THEN DELETE
EXPLAIN ANALYZE UPDATE shop.items SET name = 'a'
EXPLAIN ANALYZE DELETE FROM shop.orders
EXPLAIN DELETE FROM shop.orders
PREPARE p AS DELETE FROM shop.orders
PREPARE p AS INSERT INTO shop.items VALUES (90)
COPY (UPDATE shop.items SET name = 'a' WHERE true RETURNING id) TO STDOUT
SELECT * FROM shop.items FOR UPDATE
SELECT * FROM shop.items, shop.orders WHERE shop.items.id = 1 FOR SHARE OF orders, items; TRUNCATE shop.orders
TRUNCATE shop.orders
SELECT * FROM shop.customers
SELECT city FROM shop.customers
BEGIN READ WRITE; DELETE FROM shop.orders; COMMIT
CREATE TABLE shop.copy AS DELETE FROM shop.orders WHERE true RETURNING *
SELECT * FROM (DELETE FROM shop.orders WHERE true RETURNING *) s
[allowed writer]
SELECT * FROM shop.items
SELECT * FROM shop.items WHERE id = 1 FOR UPDATE
SELECT * FROM shop.orders WHERE id = 1 FOR UPDATE SKIP LOCKED
INSERT INTO shop.items (id, name, price) VALUES (90, 'a', 1)
INSERT INTO items (id, name) VALUES (90, DEFAULT), (91, 'b')
INSERT INTO "shop"."items" ("id", "name") VALUES (90, 'DROP TABLE shop.cards')
INSERT INTO shop.items AS i (id) VALUES (90) RETURNING i.id, i.name, *
INSERT INTO shop.items (id, name) SELECT id + 100, name FROM shop.items RETURNING id
INSERT INTO shop.items (id, name) SELECT 90, lower('A')
INSERT INTO shop.items (id) VALUES (1) ON CONFLICT DO NOTHING
INSERT INTO shop.items (id) VALUES (1) ON CONFLICT (id) DO NOTHING RETURNING id
INSERT INTO shop.items (name, price) OVERRIDING USER VALUE VALUES ('a', 1)
WITH w AS (INSERT INTO shop.items (id) VALUES (90) RETURNING id) SELECT * FROM w
WITH w AS (SELECT 90 AS id) INSERT INTO shop.items (id) SELECT id FROM w
UPDATE shop.items SET name = 'a' WHERE id = 1
UPDATE shop.items SET name = upper(name), price = price * 2 WHERE id IN (1, 2) RETURNING id, name, price
UPDATE shop.items i SET (name, price) = ('a', 1) WHERE i.id = 1 RETURNING i.*
UPDATE shop.items SET (name, price) = (SELECT 'a', max(o.total) FROM shop.orders o) WHERE id = 1
UPDATE shop.items SET name = DEFAULT WHERE false
UPDATE shop.items SET name = 'a' FROM shop.orders o WHERE o.item_id = shop.items.id
UPDATE shop.customers SET city = 'a' WHERE true
UPDATE shop.customers SET city = 'DELETE FROM shop.cards' WHERE 1 = 1
DELETE FROM shop.orders WHERE id = 1
DELETE FROM shop.orders AS o USING shop.items AS i WHERE i.id = o.item_id AND i.name = 'x' RETURNING o.id, i.name
DELETE FROM shop.orders WHERE total < (SELECT avg(total) FROM shop.orders)
WITH gone AS (DELETE FROM shop.orders WHERE id = 1 RETURNING *) SELECT count(*) FROM gone
BEGIN READ WRITE; UPDATE shop.items SET name = 'b' WHERE id = 1; ROLLBACK
BEGIN; SAVEPOINT s; DELETE FROM shop.orders WHERE id = 1; ROLLBACK TO s; COMMIT
BEGIN; DECLARE c CURSOR FOR SELECT * FROM shop.items WHERE true FOR UPDATE; FETCH c; UPDATE shop.items SET name = 'z' WHERE CURRENT OF c; ROLLBACK
PREPARE p (int, text) AS UPDATE shop.items SET name = $2 WHERE id = $1; BEGIN; EXECUTE p(1, 'a'); ROLLBACK; DEALLOCATE p
EXPLAIN UPDATE shop.items SET name = 'a' WHERE id = 1
SET default_transaction_isolation = 'serializable'
