# A whole row, in every form.
[both reader]
SELECT * FROM {t}
SELECT t FROM {t} t
SELECT t.* FROM {t} t
SELECT {t}.* FROM {t}
SELECT postgres.{t}.* FROM postgres.{t}
TABLE {t}
SELECT (t).id FROM {t} t
SELECT (t).* FROM {t} t
SELECT row_to_json(t) FROM {t} t
SELECT to_jsonb(t.*) FROM {t} t
SELECT json_agg(t) FROM {t} t
SELECT t::text FROM {t} t
SELECT CAST(t AS text) FROM {t} t
SELECT count(t) FROM {t} t
SELECT count(t.*) FROM {t} t
SELECT max(t::text) FROM {t} t
SELECT ARRAY(SELECT t FROM {t} t)
SELECT ARRAY[t] FROM {t} t
SELECT ROW(t.*) FROM {t} t
SELECT ROW(t) FROM {t} t
SELECT t IS NOT NULL FROM {t} t
SELECT t = t FROM {t} t
SELECT DISTINCT t FROM {t} t
SELECT 1 FROM {t} t ORDER BY t
SELECT 1 FROM {t} t GROUP BY t
SELECT t IN (SELECT u FROM {t} u) FROM {t} t
SELECT 1 FROM {t} t WHERE t::text LIKE '%4%'
SELECT 1 FROM {t} t WHERE (t.*) IS NOT NULL
SELECT 1 FROM {t} t WHERE EXISTS (SELECT t.*)
SELECT (SELECT t) FROM {t} t
SELECT (SELECT x FROM (SELECT t.*) x) FROM {t} t
SELECT x FROM (SELECT t FROM {t} t) x
SELECT x.* FROM (SELECT * FROM {t}) x
SELECT 1 FROM {t} a NATURAL JOIN {t} b
SELECT 1 FROM {t} a NATURAL LEFT JOIN {t} b
SELECT x.id FROM {t} AS x(a, b, id)
SELECT c FROM {t} AS x(a, b, c)
SELECT j FROM ({t} a JOIN {t} b ON true) AS j
SELECT j.* FROM ({t} a JOIN {t} b ON true) AS j
SELECT j.id FROM ({t} a CROSS JOIN (SELECT 1 AS n) b) AS j(x, y, id)
SELECT id FROM ({t} a CROSS JOIN (SELECT 1 AS n) b) AS j(x, y, id)
SELECT (SELECT id) FROM ({t} a CROSS JOIN (SELECT 1 AS n) b) AS j(x, y, id)
SELECT coalesce(t, NULL) FROM {t} t
SELECT CASE WHEN true THEN t END FROM {t} t
SELECT string_agg(t::text, ',') OVER () FROM {t} t
SELECT l FROM {t} t, LATERAL (SELECT t.*) l
SELECT jsonb_each(to_jsonb(t)) FROM {t} t
SELECT hstore FROM {t} hstore
WITH w AS (SELECT * FROM {t}) SELECT id FROM w
WITH w AS (TABLE {t}) TABLE w
SELECT id FROM {t} UNION SELECT (t).id FROM {t} t
EXPLAIN SELECT * FROM {t}
EXPLAIN (ANALYZE) TABLE {t}
COPY {t} TO STDOUT
COPY (SELECT * FROM {t}) TO STDOUT WITH (FORMAT csv, HEADER)
COPY {t} (id) TO STDOUT
[denied reader]
SELECT ctid FROM shop.customers
SELECT xmin FROM shop.customers
SELECT ctid FROM shop.items
SELECT tableoid, cmin, cmax, xmax FROM shop.items
SELECT i.ctid FROM shop.items i
SELECT 1 FROM shop.items WHERE ctid = '(0,1)'
SELECT oid FROM shop.customers
SELECT count(*) AS card_no FROM shop.customers GROUP BY card_no
SELECT c.row_to_json FROM shop.customers c
SELECT c.to_jsonb FROM shop.customers c
SELECT (c).row_to_json FROM shop.customers c
COPY shop.customers (id, city) TO STDOUT
COPY (SELECT city FROM shop.customers) TO STDOUT
COPY shop.orders TO STDOUT
SELECT * FROM shop.items FOR UPDATE
SELECT * FROM shop.items FOR SHARE NOWAIT
SELECT * FROM (SELECT * FROM shop.items) s FOR UPDATE
SELECT * FROM (SELECT * FROM (SELECT * FROM shop.items) s) s FOR KEY SHARE OF s SKIP LOCKED
WITH w AS (SELECT * FROM shop.items FOR UPDATE) SELECT * FROM w
SELECT 1 FROM shop.cards
SELECT count(*) FROM shop.cards
SELECT * FROM cards
SELECT number FROM cards
SELECT * FROM shop.items, shop.cards
SELECT * FROM shop.items WHERE id IN (SELECT id FROM shop.cards)
WITH cards AS (SELECT * FROM shop.cards) SELECT * FROM cards
WITH cards AS (SELECT * FROM cards) SELECT * FROM cards
WITH cards AS (SELECT 1) SELECT * FROM shop.cards
WITH a AS (SELECT * FROM b), b AS (SELECT 1) SELECT * FROM a
SELECT * FROM other.shop.items
SELECT * FROM template1.shop.items
SELECT * FROM "Items"
SELECT * FROM "items "
SELECT * FROM "shop.items"
SELECT * FROM shop."Items"
SELECT * FROM "SHOP".items
SELECT * FROM public.items
SELECT * FROM pg_temp.items
SELECT * FROM shop.itemѕ
SELECT * FROM U&"\0063ards"
SELECT * FROM shop.U&"c!0061rds" UESCAPE '!'
SELECT * FROM shop.card_list
SELECT * FROM shop.cards_id_seq
SELECT last_value FROM shop.items_id_seq
[allowed reader]
SELECT count(*) FROM shop.customers
SELECT 1 FROM shop.customers
SELECT FROM shop.customers
SELECT id, city FROM shop.customers
SELECT city, count(*) AS n FROM shop.customers GROUP BY city ORDER BY n DESC, city
SELECT city AS "card_no" FROM shop.customers ORDER BY "card_no"
SELECT DISTINCT ON (card_no) city AS card_no FROM shop.customers
SELECT c.city, i.name FROM shop.customers c JOIN shop.items i ON i.id = c.id ORDER BY city, name
SELECT city AS card_no FROM shop.customers UNION SELECT name FROM shop.items ORDER BY card_no
SELECT s.card_no FROM (SELECT city AS card_no FROM shop.customers) s
SELECT card_no FROM (SELECT 'x' AS card_no) s
WITH customers AS (SELECT 'x' AS card_no) SELECT * FROM customers
WITH cards AS (SELECT 1 AS number) SELECT number FROM cards
WITH cards(number) AS (VALUES (1)) SELECT c.* FROM cards c
WITH RECURSIVE cards AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM cards WHERE n < 3) SELECT * FROM cards
WITH a AS (SELECT id FROM shop.items), b AS (SELECT * FROM a) SELECT a.id FROM a JOIN b USING (id)
SELECT cards.* FROM shop.items AS cards
SELECT items.id FROM shop.orders AS items
SELECT c.id FROM shop.customers c WHERE EXISTS (SELECT 1 FROM shop.items c WHERE c.price > 1)
SELECT o.id FROM shop.orders o WHERE o.customer_id IN (SELECT c.id FROM shop.customers c WHERE c.city = 'Rome')
SELECT c.city, sum(o.total) FROM shop.customers c JOIN shop.orders o ON o.customer_id = c.id GROUP BY c.city
SELECT c.city FROM shop.customers c ORDER BY c.city LIMIT 10 OFFSET 0
SELECT * FROM item_names
SELECT shop.order_total(1)
SELECT order_total(1)
SELECT * FROM order_total(1)
SELECT t.total FROM shop.orders o, LATERAL order_total(o.id) AS t(total)
SELECT e.key, e.value FROM shop.items i, jsonb_each(i.attrs) e
SELECT e.value FROM jsonb_array_elements('[1, 2]') e
SELECT x.value FROM json_each_text('{"a": 1}') AS x
SELECT g.g, g FROM generate_series(1, 3) g
SELECT g.n FROM generate_series(1, 3) AS g(n)
SELECT generate_series FROM generate_series(1, 3)
SELECT r.a, r.b FROM json_to_recordset('[{"a": 1, "b": "x"}]') AS r(a int, b text)
SELECT (jsonb_each(attrs)).key, (jsonb_each(attrs)).* FROM shop.items
SELECT (i).name, (i).price FROM shop.items i
SELECT (ROW(1, 2)).f1
SELECT u.tag, u.n FROM shop.items i, unnest(i.tags) WITH ORDINALITY AS u(tag, n)
COPY shop.items TO STDOUT
COPY shop.items (id, name) TO STDOUT WITH (FORMAT csv)
COPY (SELECT name FROM shop.items WHERE id = 1) TO STDOUT (FORMAT binary)
COPY items TO STDOUT
SELECT "name", "id" FROM "shop"."items" AS "SELECT"
select NAME from Shop.ITEMS
SELECT postgres.shop.items.name FROM postgres.shop.items
SELECT name AS table, id AS user, price AS column FROM shop.items
SELECT name "drop table shop.cards", id "delete" FROM shop.items
SELECT 'SELECT * FROM shop.cards' AS sql, $$DROP TABLE shop.cards$$, $a$it's $$ok$$$a$
SELECT E'\\x41', U&'d\0061t\+000061', U&'d!0061ta' UESCAPE '!', B'101', X'1F', N'x'
SELECT name FROM shop.items -- FROM shop.cards
SELECT /* shop.cards /* nested */ pg_sleep(10) */ name FROM shop.items
SELECT tags[1], tags[1:2], tags[:], array_length(tags, 1), 'a' = ANY (tags) FROM shop.items
SELECT attrs -> 'a', attrs ->> 'a', attrs #> '{a,b}', attrs @> '{}', attrs ? 'a', attrs || '{}', attrs - 'a' FROM shop.items
SELECT attrs['a'], attrs['a']['b'] FROM shop.items
SELECT span @> 3, span && int4range(1, 5), lower(span), upper_inf(span), span * '[1,3)'::int4range FROM shop.items
SELECT added AT TIME ZONE 'UTC', added::date, date_trunc('day', added), added - interval '1 day' FROM shop.items
SELECT name, rank() OVER w, sum(price) OVER (w ROWS UNBOUNDED PRECEDING) FROM shop.items WINDOW w AS (ORDER BY price)
SELECT grouping(name), name, sum(price) FROM shop.items GROUP BY GROUPING SETS ((name), ())
SELECT * FROM shop.items i FULL JOIN shop.orders o ON o.item_id = i.id RIGHT JOIN shop.orders p ON true
SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v(n, t) WHERE v.n > 1
SELECT i.id FROM shop.items i WHERE (i.id, i.name) IN (SELECT o.id, 'x' FROM shop.orders o)
SELECT count(*) FROM (SELECT 1 FROM shop.items LIMIT 5) s
EXPLAIN SELECT * FROM shop.items
EXPLAIN (ANALYZE, BUFFERS, FORMAT json) SELECT * FROM shop.items
EXPLAIN VERBOSE SELECT city FROM shop.customers
