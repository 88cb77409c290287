# §5 Names: what they stand for on the server, not what they look like.
[leaks reader]
SELECT * FROM "Items"
SELECT * FROM shop."Items"
SELECT name FROM "items "
SELECT name FROM "shop.items"
SELECT name FROM shop."shop.items"
SELECT name FROM itemѕ
SELECT name FROM shop.ıtems
SELECT name FROM extra.items
SELECT name FROM "extra"."items"
SELECT name FROM public.hidden
SELECT name FROM postgres.extra.items
SELECT postgres.extra.items.name FROM postgres.extra.items
SELECT extra.items.name FROM extra.items
SELECT items.name FROM extra.items AS items
SELECT items.name FROM extra.items, (SELECT 1) AS shop
SELECT * FROM shop.items i JOIN extra.items USING (id)
SELECT shop.name FROM extra.items AS shop
WITH items AS (SELECT * FROM extra.items) SELECT name FROM items
WITH cards AS (SELECT * FROM shop.cards) SELECT number FROM cards
WITH cards AS (SELECT * FROM cards) SELECT number FROM cards
WITH a AS (SELECT * FROM cards), cards AS (SELECT 1 AS number) SELECT * FROM a
WITH RECURSIVE cards AS (SELECT number, 1 AS n FROM shop.cards UNION ALL SELECT number, n + 1 FROM cards WHERE n < 2) TABLE cards
WITH items AS (SELECT 1 AS name) SELECT name FROM shop.items UNION ALL SELECT number FROM shop.cards
WITH cards AS (SELECT 1 AS n) SELECT (SELECT max(number) FROM shop.cards) FROM cards
SELECT (WITH cards AS (SELECT 1) SELECT max(c.number) FROM shop.cards c)
SELECT * FROM (WITH x AS (SELECT 1) SELECT * FROM shop.cards) s
WITH cards AS (SELECT 1 AS a) SELECT n FROM cards, LATERAL (SELECT number AS n FROM shop.cards) l
SELECT * FROM items AS cards, cards AS items
SELECT items.* FROM shop.cards AS items
SELECT x.name FROM shop.cards AS x(id, name)
SELECT name FROM shop.cards AS items(id, name, q)
SELECT name FROM (shop.cards CROSS JOIN (SELECT 1) s) AS items(id, name)
SELECT name FROM (SELECT number FROM shop.cards) AS items(name)
SELECT what FROM shop.events_closed
SELECT what FROM events
SELECT what FROM shop.events WHERE day > '2021-01-01'
SELECT what FROM ONLY shop.events_closed
SELECT e FROM shop.events e
SELECT min(what) FROM shop.events
SELECT name FROM shop.animals ORDER BY id
SELECT name FROM shop.animals *
SELECT secret, name FROM shop.cats
SELECT a.name FROM animals AS a JOIN shop.items i ON i.id < a.id
SELECT number FROM shop.card_list
SELECT number FROM shop.card_list_list
SELECT number FROM shop.card_copy
SELECT town FROM shop.customer_numbers
SELECT c FROM shop.customer_numbers c
TABLE shop.card_list
SELECT * FROM shop.planted_file
SELECT line FROM planted_file
SELECT note FROM noted UNION SELECT number FROM cards
SELECT name FROM item_names WHERE false UNION ALL SELECT number FROM card_list
(SELECT name FROM shop.items LIMIT 1) UNION ALL (SELECT number FROM shop.cards LIMIT 1)
SELECT name FROM shop.items EXCEPT SELECT 'x' UNION SELECT number FROM shop.cards
SELECT name FROM shop.items, shop.cards WHERE number IS NOT NULL UNION ALL SELECT number FROM cards
VALUES ((SELECT number FROM cards LIMIT 1), 'x')
SELECT ARRAY(SELECT number FROM cards)
SELECT ARRAY(SELECT c FROM shop.cards c)
SELECT (SELECT (SELECT (SELECT max(number) FROM cards)))
SELECT name FROM shop.items ORDER BY (SELECT number::int FROM cards LIMIT 1)
SELECT CASE WHEN EXISTS (SELECT 1 FROM cards) THEN '4111-PLANTED' END
SELECT j.number FROM shop.items i LEFT JOIN (shop.orders o JOIN shop.cards j ON j.id = o.id) ON true
SELECT number FROM shop.items NATURAL JOIN shop.cards
SELECT number FROM shop.items CROSS JOIN cards
SELECT number FROM ROWS FROM (generate_series(1, 2)) g, cards
SELECT number FROM cards TABLESAMPLE SYSTEM (100)
# Where a name leads to is a setting of the session.
[leaks reader]
SET search_path = extra; SELECT name FROM items
SET search_path TO extra, shop; SELECT * FROM items
SET LOCAL search_path = extra; TABLE items
SET SESSION search_path = extra, shop; TABLE items
SET SCHEMA 'extra'; TABLE items
SET "search_path" = extra; TABLE items
SET Search_Path = extra; TABLE items
SELECT set_config('search_path', 'extra', true); TABLE items
SELECT set_config('search_path', 'extra, shop', false), 1; TABLE items
SELECT set_config('sea' || 'rch_path', 'extra', true); TABLE items
SELECT set_config(s, 'extra', true) FROM (SELECT 'search_path') AS x(s); TABLE items
SELECT pg_catalog.set_config('search_path', 'extra', true) FROM shop.items; TABLE items
UPDATE pg_settings SET setting = 'extra' WHERE name = 'search_path'; TABLE items
SAVEPOINT s; SET LOCAL search_path = extra; RELEASE SAVEPOINT s; TABLE items
SET search_path = extra, pg_catalog; SELECT lower('x'::text), lower(name) FROM items
SET search_path = extra, pg_catalog; SELECT lower('A'::text)
CREATE TEMP TABLE items AS SELECT number AS name FROM cards; SELECT name FROM items
CREATE TEMP VIEW items AS SELECT number AS name FROM cards; SELECT name FROM items
CREATE SCHEMA AUTHORIZATION postgres CREATE VIEW items AS SELECT number AS name FROM shop.cards; SET search_path = "$user"; TABLE items
