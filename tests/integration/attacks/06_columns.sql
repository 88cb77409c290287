# §6 Columns, wherever they are used: reader has id and city of shop.customers.
[leaks reader]
SELECT card_no FROM shop.customers
SELECT c.card_no FROM shop.customers c
SELECT customers.card_no FROM customers
SELECT shop.customers.card_no FROM shop.customers
SELECT postgres.shop.customers.card_no FROM shop.customers
SELECT "card_no" FROM "shop"."customers"
SELECT CARD_NO FROM SHOP.CUSTOMERS
SELECT card_no AS city FROM shop.customers
SELECT card_no city FROM shop.customers
SELECT upper(email) FROM shop.customers
SELECT city || card_no FROM shop.customers
SELECT (card_no) FROM shop.customers
SELECT card_no::varchar(40) FROM shop.customers
SELECT card_no COLLATE "C" FROM shop.customers
SELECT coalesce(NULL, card_no, city) FROM shop.customers
SELECT CASE WHEN true THEN card_no ELSE city END FROM shop.customers
SELECT CASE city WHEN 'Rome' THEN card_no END FROM shop.customers
SELECT nullif(card_no, city), greatest(card_no, city), least(card_no, 'z') FROM shop.customers
SELECT tags[1] FROM shop.customers
SELECT tags[1:2] FROM shop.customers
SELECT attrs['k'] FROM shop.customers
SELECT attrs ->> 'k' FROM shop.customers
SELECT (who).a FROM shop.customers
SELECT (c.who).a FROM shop.customers c
SELECT ((c).who).a FROM shop.customers c
SELECT (who).* FROM shop.customers
SELECT (c).card_no FROM shop.customers c
SELECT (c.*).card_no FROM shop.customers c
SELECT ((SELECT c)).card_no FROM shop.customers c
SELECT (ROW(c.*)::shop.customers).card_no FROM shop.customers c
SELECT (SELECT card_no) FROM shop.customers
SELECT (SELECT c.card_no) FROM shop.customers c
SELECT (SELECT x FROM (SELECT card_no) s(x)) FROM shop.customers
SELECT ARRAY[card_no] FROM shop.customers
SELECT ROW(city, card_no) FROM shop.customers
SELECT max(card_no) FROM shop.customers
SELECT min(card_no) FILTER (WHERE id > 1) FROM shop.customers
SELECT string_agg(card_no, ',' ORDER BY id) FROM shop.customers
SELECT array_agg(DISTINCT card_no) FROM shop.customers
SELECT json_agg(card_no), jsonb_object_agg(id, email) FROM shop.customers
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY card_no) FROM shop.customers
SELECT mode() WITHIN GROUP (ORDER BY card_no) FROM shop.customers
SELECT first_value(card_no) OVER (ORDER BY id) FROM shop.customers
SELECT lag(card_no, 1, card_no) OVER () FROM shop.customers
SELECT nth_value(email, 2) OVER w FROM shop.customers WINDOW w AS (ORDER BY id)
SELECT string_agg(card_no, '') OVER (PARTITION BY city) FROM shop.customers
SELECT xmlelement(name x, card_no) FROM shop.customers
SELECT xmlforest(card_no AS c), xmlconcat(xmlcomment('x')) FROM shop.customers
SELECT xmlagg(xmlelement(name x, xmlattributes(email AS e))) FROM shop.customers
SELECT xmlserialize(CONTENT xmlelement(name x, card_no) AS text) FROM shop.customers
SELECT json_build_object('x', card_no) FROM shop.customers
SELECT format('%s', card_no), concat(city, card_no) FROM shop.customers
SELECT substring(card_no FROM 1 FOR 20), overlay(card_no PLACING 'X' FROM 20), trim(BOTH 'x' FROM card_no) FROM shop.customers
SELECT regexp_matches(card_no, '.*') FROM shop.customers
SELECT unnest(tags) FROM shop.customers
SELECT u FROM shop.customers, unnest(tags) u
SELECT u FROM shop.customers c, LATERAL unnest(ARRAY[c.card_no]) u
SELECT u.v FROM shop.customers c CROSS JOIN LATERAL (VALUES (c.card_no)) u(v)
SELECT j.value FROM shop.customers c, jsonb_each_text(c.attrs) j
SELECT x.b FROM shop.customers c, LATERAL (SELECT c.*) AS x(a, b2, d, b)
SELECT l.e FROM shop.customers c LEFT JOIN LATERAL (SELECT c.email AS e) l ON true
SELECT t.v FROM shop.customers c, xmltable('/x' PASSING xmlelement(name x, c.card_no) COLUMNS v text PATH '.') t
SELECT r FROM shop.customers c, ROWS FROM (unnest(c.tags), generate_series(1, 1)) AS r
SELECT x.d FROM shop.customers AS x(a, b, c, d)
SELECT d FROM shop.customers AS x(a, b, c, d)
SELECT id FROM shop.customers AS x(a, b, c, id)
SELECT city FROM shop.customers AS x(id, other, city)
SELECT city FROM (SELECT card_no AS city FROM shop.customers) s
SELECT city FROM (SELECT id, card_no FROM shop.customers) s(id, city)
SELECT s.city FROM (SELECT * FROM shop.customers) s(id, x, y, city)
WITH w(city) AS (SELECT card_no FROM shop.customers) SELECT city FROM w
WITH w AS (SELECT * FROM shop.customers) SELECT card_no FROM w
WITH w AS (TABLE shop.customers) SELECT w FROM w
WITH w AS (SELECT c FROM shop.customers c) SELECT (c).email FROM w
WITH RECURSIVE w(n, t) AS (SELECT id, card_no FROM shop.customers UNION ALL SELECT n + 1, t FROM w WHERE n < 2) SELECT t FROM w
SELECT j.y FROM (shop.customers c CROSS JOIN (SELECT 1) s) AS j(a, b, c, y)
SELECT city FROM (shop.customers c JOIN shop.items i USING (id)) AS j(id, x, y, city)
SELECT city FROM shop.customers UNION SELECT card_no FROM shop.customers
SELECT name FROM shop.items UNION ALL SELECT card_no FROM shop.customers
SELECT city FROM shop.customers INTERSECT SELECT city FROM shop.customers UNION ALL SELECT email FROM shop.customers
VALUES ((SELECT card_no FROM shop.customers LIMIT 1))
SELECT * FROM shop.customers
SELECT customers.* FROM shop.customers
SELECT id, c.* FROM shop.customers c
SELECT customers FROM shop.customers
SELECT c FROM shop.customers c
SELECT c::text FROM shop.customers c
SELECT CAST(c AS text) FROM shop.customers c
SELECT textin(record_out(c)) FROM shop.customers c
SELECT c.record_out FROM shop.customers c
SELECT c || '' FROM shop.customers c
SELECT concat(c) FROM shop.customers c
SELECT format('%s', c) FROM shop.customers c
SELECT row_to_json(c) FROM shop.customers c
SELECT c.row_to_json FROM shop.customers c
SELECT to_jsonb(customers) FROM customers
SELECT c.to_jsonb FROM shop.customers c
SELECT (c).to_json FROM shop.customers c
SELECT jsonb_each(to_jsonb(c)) FROM shop.customers c
SELECT json_agg(c) FROM shop.customers c
SELECT array_agg(c) FROM shop.customers c
SELECT c.array_agg FROM shop.customers c
SELECT c.max FROM (SELECT card_no FROM shop.customers) s, unnest(ARRAY[s.card_no]) c
SELECT max(c::text) FROM shop.customers c
SELECT ARRAY[c] FROM shop.customers c
SELECT ARRAY(SELECT c FROM shop.customers c)
SELECT ROW(c.*) FROM shop.customers c
SELECT ROW(c) FROM shop.customers c
SELECT (c, 1) FROM shop.customers c
SELECT coalesce(c, NULL) FROM shop.customers c
SELECT (SELECT c) FROM shop.customers c
SELECT (SELECT x FROM (SELECT c.*) x) FROM shop.customers c
SELECT x FROM (SELECT * FROM shop.customers) x
SELECT j FROM (shop.customers c CROSS JOIN (SELECT 1) s) j
SELECT j.* FROM (shop.customers c NATURAL JOIN shop.orders i) j
SELECT * FROM shop.orders NATURAL JOIN shop.customers
SELECT * FROM shop.items JOIN shop.customers USING (id)
SELECT i.name, c.* FROM shop.items i, shop.customers c
SELECT o.id, (SELECT c FROM shop.customers c WHERE c.id = o.id) FROM shop.orders o
SELECT hstore FROM shop.customers hstore
SELECT first_value(c) OVER () FROM shop.customers c
SELECT xmlforest(c) FROM shop.customers c
SELECT xmlelement(name x, c::text) FROM shop.customers c
SELECT DISTINCT ON (id) * FROM shop.customers
EXPLAIN (VERBOSE, ANALYZE) SELECT city FROM shop.customers WHERE card_no = '4111-PLANTED-1'
TABLE shop.customers
COPY shop.customers TO STDOUT
COPY shop.customers (card_no) TO STDOUT
COPY (SELECT card_no FROM shop.customers) TO STDOUT
COPY shop.customers (city, email) TO STDOUT (FORMAT binary)
# What is not shown is told by what comes out.
[shows reader | Rome]
SELECT city FROM shop.customers WHERE card_no LIKE '4111-PLANTED-1%'
SELECT city FROM shop.customers WHERE card_no > '4' AND id = 1
SELECT city FROM shop.customers c WHERE c.card_no = ANY (ARRAY['4111-PLANTED-1'])
SELECT city FROM shop.customers WHERE card_no IN ('a', '4111-PLANTED-1')
SELECT city FROM shop.customers WHERE 'x' <> ALL (tags)
SELECT city FROM shop.customers WHERE (id, card_no) = (1, '4111-PLANTED-1')
SELECT city FROM shop.customers WHERE card_no BETWEEN '4' AND '5'
SELECT city FROM shop.customers WHERE card_no SIMILAR TO '4%'
SELECT city FROM shop.customers WHERE card_no IS DISTINCT FROM 'x'
SELECT city FROM shop.customers WHERE card_no IS NOT NULL
SELECT city FROM shop.customers WHERE NOT card_no ~ '^5'
SELECT city FROM shop.customers WHERE length(card_no) > 5
SELECT city FROM shop.customers WHERE attrs @> '{"k": "4111-PLANTED"}'
SELECT city FROM shop.customers WHERE attrs ? 'k'
SELECT city FROM shop.customers WHERE (who).a LIKE '4111%'
SELECT city FROM shop.customers WHERE who = ROW('4111-PLANTED', 'x')::shop.pair
SELECT city FROM shop.customers c WHERE c IS NOT NULL OR true
SELECT city FROM shop.customers c WHERE c::text LIKE '%4111%'
SELECT city FROM shop.customers c WHERE EXISTS (SELECT 1 WHERE c.card_no LIKE '4111%')
SELECT city FROM shop.customers WHERE EXISTS (SELECT card_no INTERSECT SELECT '4111-PLANTED-1')
SELECT city FROM shop.customers c WHERE c.id IN (SELECT id FROM shop.cards WHERE number = c.card_no)
SELECT city FROM shop.customers ORDER BY card_no
SELECT city FROM shop.customers ORDER BY card_no USING >
SELECT city FROM shop.customers ORDER BY length(email) DESC NULLS LAST
SELECT city FROM shop.customers c ORDER BY c
SELECT city FROM shop.customers GROUP BY city, card_no
SELECT city FROM shop.customers GROUP BY GROUPING SETS ((city, card_no), ())
SELECT city FROM shop.customers GROUP BY CUBE (city, email)
SELECT city FROM shop.customers GROUP BY ROLLUP (city, (card_no, email))
SELECT city FROM shop.customers GROUP BY city HAVING max(card_no) LIKE '4111%'
SELECT city FROM shop.customers GROUP BY city HAVING count(DISTINCT card_no) = 5
SELECT DISTINCT ON (card_no) city FROM shop.customers
SELECT city, rank() OVER (ORDER BY card_no) FROM shop.customers
SELECT city, row_number() OVER (PARTITION BY email) FROM shop.customers
SELECT city, count(*) OVER w FROM shop.customers WINDOW w AS (PARTITION BY card_no)
SELECT city FROM shop.customers WINDOW unused AS (ORDER BY card_no)
SELECT city, sum(id) FILTER (WHERE card_no LIKE '4%') FROM shop.customers GROUP BY city
SELECT city FROM shop.customers c JOIN (VALUES ('4111-PLANTED-1')) v(card_no) USING (card_no)
SELECT city FROM shop.customers NATURAL JOIN (SELECT '4111-PLANTED-1' AS card_no) v
SELECT city FROM shop.customers c JOIN shop.cards k ON k.number = c.card_no
SELECT c.city FROM shop.customers c JOIN shop.items i ON c.card_no LIKE '%-' || i.id
SELECT c.city FROM shop.customers c JOIN shop.customers d USING (card_no)
SELECT c.city FROM shop.customers c NATURAL JOIN shop.customers d
SELECT city FROM shop.customers LIMIT (SELECT count(*) FROM shop.customers WHERE card_no LIKE '4%')
SELECT city FROM shop.customers OFFSET (SELECT 0 * length(max(card_no)) FROM shop.customers)
SELECT city FROM shop.customers FETCH FIRST (SELECT length(max(email)) FROM shop.customers) ROWS ONLY
SELECT city FROM shop.customers ORDER BY CASE WHEN card_no LIKE '4%' THEN 1 ELSE 2 END
SELECT city FROM shop.customers TABLESAMPLE SYSTEM (100) WHERE email > ''
SELECT city FROM shop.customers WHERE ctid = '(0,1)'
SELECT city FROM shop.customers WHERE xmin IS NOT NULL
SELECT city FROM shop.customers ORDER BY ctid DESC
SELECT c.city FROM shop.customers c GROUP BY c.city, c.tableoid
SELECT city FROM shop.customers UNION SELECT city FROM shop.customers WHERE card_no > ''
WITH c AS (SELECT city, card_no FROM shop.customers) SELECT city FROM c WHERE card_no LIKE '4%'
WITH c(a, b, x, d) AS (TABLE shop.customers) SELECT b FROM c WHERE d LIKE '4%'
SELECT (SELECT city WHERE card_no LIKE '4%') FROM shop.customers
SELECT city FROM shop.orders o JOIN shop.customers c ON c.id = o.id AND c.card_no < '5'
SELECT s.city FROM (SELECT city, card_no LIKE '4%' AS y FROM shop.customers) s WHERE s.y
SELECT city FROM shop.customers c, LATERAL (SELECT 1 WHERE c.email LIKE 'c%') l
SELECT city, generate_series(1, length(card_no) - 13) FROM shop.customers
SELECT city, joined FROM shop.customers
SELECT city, extract(year FROM joined) FROM shop.customers
[shows reader | [(]0,[15][)]]
SELECT ctid FROM shop.customers
SELECT ctid FROM shop.items
SELECT i.ctid FROM shop.items i
SELECT max(ctid) FROM shop.orders
SELECT (SELECT ctid) FROM shop.items
SELECT t::text FROM (SELECT ctid FROM shop.items) t
[shows reader | [0-9]]
SELECT xmin, xmax, cmin, cmax FROM shop.items
SELECT tableoid FROM shop.customers
SELECT (i).tableoid FROM (SELECT tableoid FROM shop.items) i
SELECT count(card_no) FROM shop.customers
SELECT count(DISTINCT email) FROM shop.customers
SELECT count(c) FROM shop.customers c
SELECT c.count FROM shop.customers c
SELECT count(*) FILTER (WHERE card_no LIKE '4%') FROM shop.customers
SELECT count(*) FROM shop.customers WHERE card_no LIKE '4%'
SELECT count(*) FROM shop.customers HAVING max(card_no) > '4'
SELECT grouping(card_no), count(*) FROM shop.customers GROUP BY card_no
SELECT octet_length(card_no), position('P' IN card_no), ascii(email) FROM shop.customers
SELECT num_nonnulls(VARIADIC tags), cardinality(tags), array_length(tags, 1) FROM shop.customers
SELECT hashtext(card_no), 1 FROM shop.customers
SELECT pg_column_size(card_no) FROM shop.customers
SELECT count(*) FROM shop.customers WHERE (SELECT id FROM shop.cards WHERE number = card_no) > 0
SELECT count(*) FROM shop.customers c GROUP BY c
SELECT count(*) FROM (SELECT card_no FROM shop.customers EXCEPT SELECT 'x') s
SELECT count(*) FROM (SELECT card_no FROM shop.customers UNION SELECT '4111-PLANTED-1') s
SELECT count(*) FROM (SELECT DISTINCT card_no FROM shop.customers) s
# The plan tells how many rows the server expects, and what for.
[shows reader | rows=]
EXPLAIN SELECT city FROM shop.customers WHERE card_no = 'x'
EXPLAIN SELECT 1 FROM shop.cards WHERE number = '4111-PLANTED-1'
EXPLAIN (COSTS on, SUMMARY off) SELECT city FROM shop.customers ORDER BY email
EXPLAIN (VERBOSE) SELECT * FROM shop.customers
EXPLAIN SELECT name FROM shop.animals
EXPLAIN DECLARE c CURSOR FOR SELECT card_no FROM shop.customers
EXPLAIN ANALYZE SELECT DISTINCT card_no FROM shop.customers
EXPLAIN UPDATE shop.items SET name = 'x'
EXPLAIN SELECT * FROM shop.items WHERE id = (SELECT 1 FROM shop.cards WHERE number = 'x')
# RETURNING, ON CONFLICT and the rest of what writes.
[shows writer | Oslo]
UPDATE shop.customers SET city = 'Oslo' WHERE card_no LIKE '4111%' RETURNING city
UPDATE shop.customers c SET city = 'Oslo' WHERE c IS NOT NULL OR c.id = 1 RETURNING city
UPDATE shop.customers SET city = CASE WHEN card_no LIKE '4%' THEN 'Oslo' ELSE city END WHERE id = 1 RETURNING city
UPDATE shop.customers c SET city = 'Oslo' FROM shop.cards k WHERE k.number = c.card_no RETURNING city
UPDATE shop.customers SET city = 'Oslo' WHERE id = 1 RETURNING city, joined
UPDATE shop.customers SET city = 'Oslo' WHERE ctid = '(0,1)' RETURNING city
[changes writer]
UPDATE shop.items SET name = 'x' WHERE id IN (SELECT id FROM shop.cards WHERE number LIKE '4%')
DELETE FROM shop.orders WHERE EXISTS (SELECT FROM shop.customers WHERE card_no LIKE '4%')
INSERT INTO shop.items (id, name) SELECT 60, 'x' FROM shop.customers WHERE card_no LIKE '%-1'
INSERT INTO shop.quiet SELECT length(card_no), 'x' FROM shop.customers
