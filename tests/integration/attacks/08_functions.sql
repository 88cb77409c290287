# §8 Functions, operators and casts, wherever an expression stands.
[leaks reader]
SELECT shop.leak('x'::text)
SELECT leak('x'::text)
SELECT "leak"('x'::text)
SELECT postgres.shop.leak('x'::text)
SELECT shop.leak(x => 'x'::text)
SELECT * FROM shop.leak('x'::text)
SELECT * FROM shop.leaks()
SELECT l FROM leaks() l
SELECT leaks.leaks FROM leaks()
SELECT l.n FROM shop.leaks() WITH ORDINALITY AS l(n, i)
SELECT * FROM ROWS FROM (generate_series(1, 2), shop.leaks()) AS r(a, b)
SELECT l FROM shop.items i, LATERAL shop.leak(i.name) l
SELECT l FROM shop.items i CROSS JOIN leak(i.name) AS l
SELECT name FROM shop.items JOIN shop.leak('x'::text) l ON true UNION SELECT shop.spy()
SELECT (SELECT shop.leak('x'::text))
SELECT (SELECT l FROM shop.leak('x'::text) l)
SELECT CASE WHEN true THEN shop.leak('x'::text) END
SELECT coalesce(NULL, shop.leak('x'::text))
SELECT greatest('', leak('x'::text)), nullif(leak('x'::text), '')
SELECT ARRAY[shop.leak('x'::text)], ROW(leak('x'::text))
SELECT (ARRAY[shop.leak('x'::text)])[1]
SELECT ('{"a": 1}'::jsonb || jsonb_build_object('b', leak('x'::text)))['b']
SELECT max(shop.leak(name)) FROM shop.items
SELECT string_agg(name, leak('x'::text)) FROM shop.items
SELECT array_agg(leak(name) ORDER BY id) FROM shop.items
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY leak(name)) FROM shop.items
SELECT first_value(leak(name)) OVER () FROM shop.items
SELECT lag('x', 9, leak('x'::text)) OVER () FROM shop.items
SELECT xmlelement(name a, leak('x'::text))
SELECT xmlelement(name a, xmlattributes(leak('x'::text) AS b))
SELECT xmlforest(leak('x'::text) AS a), xmlpi(name a, 'b')
SELECT xmlserialize(CONTENT xmlparse(CONTENT shop.spy()) AS text)
SELECT xmlroot(xmlparse(CONTENT '<a>' || shop.spy() || '</a>'), VERSION '1.0')
SELECT v FROM xmltable('/a' PASSING xmlparse(CONTENT '<a>' || spy() || '</a>') COLUMNS v text PATH '.')
SELECT v FROM xmltable('/a' PASSING '<a/>' COLUMNS v text PATH 'b' DEFAULT shop.spy())
SELECT v FROM shop.items, xmltable('/a' PASSING doc COLUMNS v text PATH 'b' DEFAULT leak(name))
SELECT overlay('x' PLACING shop.spy() FROM 1), substring(spy() FROM 1), trim(LEADING 'y' FROM spy())
SELECT position('B' IN spy()), 'x' || spy() COLLATE "C"
VALUES (shop.spy()), ('x')
VALUES (1, spy()) ORDER BY 1 LIMIT 1
SELECT * FROM (VALUES (spy())) v(a)
WITH w AS (SELECT spy() AS a) SELECT a FROM w
WITH RECURSIVE w(n, t) AS (VALUES (1, 'x') UNION ALL SELECT n + 1, shop.spy() FROM w WHERE n < 2) SELECT t FROM w
SELECT 'x' UNION ALL SELECT shop.spy()
SELECT DISTINCT ON (spy()) spy()
SELECT shop.total(name) FROM shop.items
SELECT total(name) FILTER (WHERE id = 1) FROM shop.items
SELECT total(name) OVER (ORDER BY id) FROM shop.items
SELECT total(DISTINCT name ORDER BY name) FROM shop.items
SELECT shop.middle() WITHIN GROUP (ORDER BY name) FROM shop.items
SELECT shop.dynamic('cards')
SELECT dynamic(t => 'cards')
SELECT extra.lower('x')
SELECT shop.secret_source()
SELECT shop.with_default()
SELECT with_default FROM with_default()
# A function written as a field of its argument.
SELECT i.leak FROM shop.items i
SELECT (i).leak FROM shop.items i
SELECT items.leak FROM shop.items
SELECT shop.items.leak FROM shop.items
SELECT (i.*).leak FROM shop.items i
SELECT (SELECT i.leak) FROM shop.items i
SELECT (SELECT (x).leak FROM (SELECT i AS x) s) FROM shop.items i
SELECT (i).upper FROM shop.items i
SELECT o.price FROM shop.orders o
SELECT (o).price FROM shop.orders o
SELECT i.rate FROM shop.items i
SELECT (i).rate FROM shop.items i
SELECT i.upper FROM shop.items i
SELECT (i).date FROM shop.items i
SELECT ('x'::text).leak
SELECT (name).leak FROM shop.items
SELECT (i.name).leak FROM shop.items i
SELECT ((i).name).leak FROM shop.items i
SELECT f.leak FROM unnest(ARRAY['x']) f
SELECT v.leak FROM shop.items i, unnest(i.tags) v
SELECT ('planted'::text).pg_read_file
SELECT x.pg_read_file FROM unnest(ARRAY['planted']) x
SELECT ((ARRAY['planted'])[1]).pg_read_file
SELECT (ARRAY['planted'])[1].pg_read_file
# The overload that the server chooses is not the one that is granted.
SELECT shop.price('{}'::jsonb)
SELECT shop.price(attrs) FROM shop.items
SELECT price('x'::shop.tag)
SELECT price('glad'::shop.mood)
SELECT price(ARRAY[1, 2])
SELECT price('{1}'::int[])
SELECT price(1, 2)
SELECT price('a'::text, 'b')
SELECT price('a'::text, 'b', 'c')
SELECT price(VARIADIC '{a,b}'::text[])
SELECT price(VARIADIC ARRAY['a'])
SELECT price()
SELECT shop.price(i) FROM shop.items i
SELECT price(items) FROM shop.items
SELECT price(i.*) FROM shop.items i
SELECT price(orders) FROM shop.orders
SELECT price((SELECT o FROM shop.orders o LIMIT 1))
SELECT price(jsonb_build_object('a', 1))
SELECT price(to_jsonb(1))
SELECT price(array_agg(id)) FROM shop.items
SELECT price(id::text::shop.tag) FROM shop.items
SELECT price(CASE WHEN true THEN '{}'::jsonb END)
SELECT price((SELECT '{}'::jsonb))
SELECT price(coalesce(attrs, '{}')) FROM shop.items
SELECT price(s.v) FROM (SELECT attrs AS v FROM shop.items) s
SELECT price(v) FROM (VALUES ('{}'::jsonb)) x(v)
WITH w AS (SELECT attrs AS id FROM shop.items) SELECT price(id) FROM w
SELECT price(id) FROM (SELECT attrs AS id FROM shop.items) items
SELECT price(id) FROM shop.items AS i(a, b, c, d, id)
SELECT price(x.id) FROM shop.orders o, LATERAL (SELECT '{}'::jsonb AS id) x
SELECT (SELECT price(id) FROM (SELECT '{}'::jsonb AS id) s) FROM shop.items
SELECT price(id) FROM jsonb_array_elements('[1]') AS id
SELECT price(id) FROM unnest(ARRAY['{}'::jsonb]) AS items(id)
SELECT * FROM price('{}'::jsonb)
SELECT p FROM shop.items i, price(i.attrs) p
SELECT price(attrs['a']) FROM shop.items
SELECT price(attrs -> 'a') FROM shop.items
# A string constant goes to the overload that takes text, or any domain over it.
SELECT shop.size_of('x')
SELECT size_of('5')
SELECT size_of(E'x')
SELECT size_of($$x$$)
SELECT size_of(NULL)
SELECT * FROM size_of('x')
SELECT s FROM shop.items, size_of('x') s
SELECT (SELECT size_of('x'))
PREPARE p AS SELECT size_of('x'); EXECUTE p
SELECT shop.lone('x')
SELECT lone('x')
SELECT lone(NULL)
SELECT size_of(name) FROM shop.items
SELECT size_of(name::text) FROM shop.items
SELECT size_of(name::varchar) FROM shop.items
SELECT size_of(i.name) FROM shop.items i
SELECT size_of(lower(name)) FROM shop.items
SELECT size_of('x' || name) FROM shop.items
SELECT sizes(tags) FROM shop.items
SELECT sizes('{a}'::text[])
SELECT sizes(ARRAY['a'])
SELECT sizes(i.tags) FROM shop.items i
SELECT pick('x'::text, 1)
SELECT pick(b => 1, a => 'glad'::shop.mood)
SELECT chosen(b => 1, a => 'glad')
SELECT chosen('glad', b => 1)
SELECT chosen('glad', 1)
# A row that is called like a column of another table.
SELECT shop.rate(total), (SELECT 1 FROM shop.orders LIMIT 1) FROM shop.items AS total
SELECT rate(i) FROM shop.items i
SELECT rate(price) FROM (SELECT ROW('x', 'y')::shop.pair AS price) s
SELECT rate(total) FROM shop.items AS total WHERE EXISTS (SELECT FROM shop.orders)
SELECT rate(total) FROM shop.items total UNION ALL SELECT 'x' FROM shop.orders
WITH o AS (SELECT 1 FROM shop.orders) SELECT rate(total) FROM shop.items AS total
SELECT (SELECT rate(total) FROM shop.items AS total LIMIT 1), (SELECT max(id) FROM shop.orders)
SELECT price(id), (SELECT max(id) FROM shop.orders) FROM (SELECT '{}'::jsonb) AS id(id)
# Operators, casts, domains.
SELECT 'a' ~~> 'b'
SELECT name ~~> 'b' FROM shop.items
SELECT name ~~> name FROM shop.items
SELECT 'glad' <~~ 'sad'
SELECT @@@ 'glad'
SELECT 'a' OPERATOR(shop.<~>) 'b'
SELECT 'a' <~> 'b'
SELECT name <~> 'b' FROM shop.items
SELECT !! name FROM shop.items
SELECT OPERATOR(shop.!!) 'x'::text
SELECT name FROM shop.items WHERE ('a' <~> name) = 'x' UNION SELECT 'a' <~> 'b'
SELECT 1::shop.box_of
SELECT CAST(1 AS shop.box_of)
SELECT (1::box_of).v
SELECT (id::shop.box_of).v FROM shop.items
SELECT (id::text::int::shop.box_of).v FROM shop.items
SELECT 'x'::shop.watched
SELECT CAST('x' AS watched)
SELECT shop.watched 'x'
SELECT watched('x'::text)
SELECT '{x}'::shop.watched[]
SELECT name::shop.watched FROM shop.items
SELECT ARRAY['x']::shop.watched[]
SELECT * FROM json_to_record('{"a": "x"}') AS t(a shop.watched)
SELECT * FROM json_to_recordset('[{"a": "x"}]') AS t(a watched)
SELECT v FROM xmltable('/a' PASSING '<a>x</a>' COLUMNS v shop.watched PATH '.')
SELECT * FROM jsonb_populate_record(NULL::shop.customers, '{}') UNION ALL SELECT * FROM shop.customers
PREPARE p (shop.watched) AS SELECT $1; EXECUTE p('x')
SELECT (ROW(1, shop.spy(), '')::shop.cards).number
[shows reader | t]
SELECT i = i FROM shop.items i
SELECT i IN (SELECT j FROM shop.items j) FROM shop.items i
SELECT 'a'::shop.tag OPERATOR(extra.=) 'b'::shop.tag
SELECT known('4111-PLANTED-' || id) FROM shop.items
SELECT shop.known('4111-PLANTED-1')
# Positions in which nothing is shown: the function says so itself.
[fails reader | P0001]
SELECT name FROM shop.items WHERE shop.fits(name)
SELECT name FROM shop.items ORDER BY shop.fits(name)
SELECT name FROM shop.items GROUP BY name, fits(name)
SELECT count(*) FROM shop.items GROUP BY GROUPING SETS ((fits(name)), ())
SELECT name FROM shop.items GROUP BY name HAVING fits(name)
SELECT name FROM shop.items LIMIT (CASE WHEN fits('x') THEN 1 END)
SELECT name FROM shop.items OFFSET (CASE WHEN fits('x') THEN 1 END)
SELECT name FROM shop.items FETCH FIRST (fits('x')::int) ROWS ONLY
SELECT i.name FROM shop.items i JOIN shop.orders o ON fits(i.name)
SELECT i.name FROM shop.items i LEFT JOIN shop.orders o ON fits(i.name)
SELECT count(*) FILTER (WHERE fits(name)) FROM shop.items
SELECT count(*) OVER (PARTITION BY fits(name)) FROM shop.items
SELECT count(*) OVER w FROM shop.items WINDOW w AS (ORDER BY fits(name))
SELECT sum(id) OVER (ORDER BY id ROWS (fits('x')::int) PRECEDING) FROM shop.items
SELECT DISTINCT ON (fits(name)) name FROM shop.items
SELECT name FROM shop.items TABLESAMPLE SYSTEM (CASE WHEN fits('x') THEN 1 END)
SELECT name FROM shop.items TABLESAMPLE BERNOULLI (1) REPEATABLE (CASE WHEN fits('x') THEN 1 END)
SELECT tags[fits('x')::int] FROM shop.items
SELECT tags[1:fits('x')::int] FROM shop.items
SELECT CASE WHEN fits('x') THEN 1 END
SELECT name FROM shop.items WHERE name = ANY (ARRAY[fits('x')::text])
SELECT name FROM shop.items WHERE id BETWEEN 1 AND fits('x')::int
SELECT name FROM shop.items WHERE (id, name) = (SELECT 1, fits('x')::text)
SELECT name FROM shop.items WHERE fits('x') IS NOT UNKNOWN
SELECT name FROM shop.items WHERE NOT EXISTS (SELECT 1 WHERE fits('x'))
SELECT 1 FROM generate_series(1, fits('x')::int)
SELECT i.name FROM shop.items i, generate_series(1, fits(i.name)::int)
SELECT now() AT TIME ZONE (fits('x')::text)
SELECT xmlexists('/a' PASSING CASE WHEN fits('x') THEN '<a/>'::xml END)
SELECT * FROM xmltable(CASE WHEN fits('x') THEN '/a' END PASSING '<a/>' COLUMNS v text)
SELECT extract(year FROM CASE WHEN fits('x') THEN now() END)
SELECT normalize(fits('x')::text, NFC), 'a' IS NORMALIZED
WITH w AS MATERIALIZED (SELECT fits('x')) SELECT 1 FROM w
WITH RECURSIVE w(n) AS (SELECT 1 UNION ALL SELECT n + fits('x')::int FROM w) SELECT n FROM w
EXPLAIN ANALYZE SELECT fits('x')
EXPLAIN ANALYZE SELECT * FROM shop.items WHERE name = shop.watched 'x'
COPY (SELECT fits('x')) TO STDOUT
DECLARE c CURSOR FOR SELECT fits('x'); FETCH c
PREPARE p (text) AS SELECT 1; EXECUTE p(fits('x')::text)
BEGIN; SAVEPOINT s; SELECT fits('x')
SELECT name COLLATE "C" FROM shop.items WHERE fits(name COLLATE "C")
SELECT 'a' LIKE 'b' ESCAPE (fits('x')::text)
SELECT 'a' SIMILAR TO (fits('x')::text)
SELECT (1, fits('x')) < (1, true)
SELECT ARRAY[[1], [fits('x')::int]]
SELECT GROUPING(name) FROM shop.items GROUP BY name HAVING GROUPING(name) = fits('x')::int
[fails writer | P0001]
UPDATE shop.items SET name = shop.fits('x')::text WHERE id = 1
UPDATE shop.items SET name = 'x' WHERE shop.fits(name)
UPDATE shop.items SET (name, price) = (SELECT fits('x')::text, 1) WHERE id = 1
UPDATE shop.items SET name = 'x' WHERE id = 1 RETURNING fits('x')
DELETE FROM shop.orders WHERE fits(id::text)
DELETE FROM shop.orders WHERE id = 1 RETURNING fits('x')
INSERT INTO shop.items (name) VALUES (fits('x')::text)
INSERT INTO shop.items (name) SELECT fits('x')::text
INSERT INTO shop.items (name) VALUES ('x') RETURNING fits('x')
INSERT INTO shop.items (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = fits('x')::text
INSERT INTO shop.items (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET name = 'x' WHERE fits('x')
INSERT INTO shop.quiet (note) VALUES ('x'::shop.watched)
COPY shop.quiet (id, note) FROM STDIN WHERE shop.fits(note)
WITH w AS (INSERT INTO shop.quiet VALUES (1, fits('x')::text) RETURNING 1) SELECT 1
# Functions of the system that take SQL, names of tables or files, or other people's work.
[leaks reader]
SELECT query_to_xml('TABLE shop.cards', true, true, '')
SELECT query_to_xml_and_xmlschema('TABLE shop.cards', true, true, '')
SELECT table_to_xml('shop.cards', true, true, '')
SELECT table_to_xml_and_xmlschema('shop.cards', true, true, '')
SELECT schema_to_xml('shop', true, true, '')
SELECT database_to_xml(true, true, '')
DECLARE c CURSOR FOR TABLE shop.cards; SELECT cursor_to_xml('c', 9, true, true, '')
SELECT * FROM ts_stat('SELECT body::tsvector FROM shop.docs UNION ALL SELECT quote_literal(number)::tsvector FROM shop.cards')
SELECT ts_rewrite('a'::tsquery, $$SELECT 'a'::tsquery, quote_literal(number)::tsquery FROM shop.cards$$)
SELECT pg_read_file('planted')
SELECT pg_read_file('planted', 0, 20, true)
SELECT convert_from(pg_read_binary_file('planted'), 'UTF8')
SELECT pg_catalog.pg_read_file('planted')
SELECT f FROM pg_read_file('planted') f
SELECT convert_from(lo_get(7001), 'UTF8')
SELECT encode(lo_get(7001, 0, 20), 'escape')
SELECT convert_from(loread(lo_open(7001, 262144), 20), 'UTF8')
SELECT convert_from(data, 'UTF8') FROM pg_largeobject
SELECT * FROM extra.crosstab('SELECT id, q, number FROM shop.cards') AS t(i int, a text)
SELECT * FROM extra.connectby('shop.cards', 'number', 'q', 'SELECT 1', 1) AS t(a text, b text, c int)
SELECT encode(extra.get_raw_page('shop.cards', 0), 'escape')
SELECT encode(t_data, 'escape') FROM extra.heap_page_items(extra.get_raw_page('shop.cards', 0))
SELECT pg_get_functiondef('shop.secret_source'::regproc)
SELECT pg_get_viewdef('shop.card_list'::regclass)
SELECT pg_get_viewdef('shop.card_list')
SELECT pg_get_viewdef('shop.card_list', true)
SELECT pg_get_function_arg_default('shop.with_default'::regproc, 1)
SELECT current_query() || '4111-PLANTED'
[proves reader | SELECT count(*) > 0 FROM pg_locks WHERE locktype = 'advisory']
SELECT pg_advisory_lock(1)
SELECT pg_try_advisory_lock(1, 2)
SELECT pg_advisory_xact_lock_shared(7)
SELECT count(pg_try_advisory_xact_lock(id)) FROM shop.items
SELECT 1 FROM shop.items WHERE pg_try_advisory_lock(id)
[changes reader]
SELECT nextval('shop.items_id_seq')
SELECT setval('shop.items_id_seq', 1)
SELECT setval('shop.items_id_seq', 7, false)
SELECT n.nextval FROM unnest(ARRAY['shop.items_id_seq'::regclass]) n
SELECT ('shop.items_id_seq'::regclass).nextval
SELECT i.id FROM shop.items i WHERE nextval('items_id_seq') > i.id
SELECT lo_create(0)
SELECT lo_creat(-1)
SELECT lo_from_bytea(0, 'x')
SELECT lo_put(7001, 0, 'x')
SELECT lowrite(lo_open(7001, 131072), 'x')
SELECT lo_unlink(7001)
SELECT lo_truncate(lo_open(7001, 131072), 0)
SELECT lo_import('/etc/hostname')
SELECT (7001::oid).lo_unlink
SELECT o.lo_unlink FROM unnest(ARRAY[7001::oid]) o
SELECT lo_export(7001, '/tmp/dbgate-attack'), lo_unlink(7001)
SELECT query_to_xml('SELECT nextval(''shop.items_id_seq'')', true, true, '')
SELECT * FROM ts_stat('SELECT nextval(''shop.items_id_seq'')::text::tsvector')
[runs reader]
SELECT pg_sleep(0.001)
SELECT pg_sleep_for('1 ms')
SELECT pg_sleep_until(now())
SELECT (0.001).pg_sleep
SELECT p.pg_sleep FROM unnest(ARRAY[0.001::float8]) p
SELECT pg_notify('jobs', 'x')
SELECT pg_cancel_backend(0)
SELECT pg_terminate_backend(0)
SELECT pg_terminate_backend(pid) FROM (SELECT 0 AS pid) s
SELECT pg_reload_conf()
SELECT pg_rotate_logfile()
SELECT pg_log_backend_memory_contexts(pg_backend_pid())
SELECT pg_current_wal_lsn(), pg_current_wal_insert_lsn()
SELECT pg_switch_wal()
SELECT pg_create_restore_point('x')
SELECT pg_logical_emit_message(true, 'a', 'b')
SELECT pg_current_xact_id(), txid_current()
SELECT txid_current_snapshot(), pg_snapshot_xmin(pg_current_snapshot())
SELECT pg_export_snapshot()
SELECT pg_stat_reset()
SELECT pg_stat_reset_shared('bgwriter')
SELECT pg_stat_get_activity(NULL)
SELECT extra.pg_stat_statements_reset()
SELECT pg_ls_dir('.')
SELECT pg_ls_waldir()
SELECT pg_ls_tmpdir()
SELECT pg_stat_file('planted')
SELECT size FROM pg_stat_file('PG_VERSION')
SELECT d.pg_ls_dir FROM unnest(ARRAY['.']) d
SELECT pg_catalog.pg_file_write('dbgate-attack', 'x', false)
SELECT pg_file_unlink('dbgate-attack')
SELECT inet_server_addr(), inet_client_addr(), inet_client_port()
SELECT pg_conf_load_time()
SELECT pg_jit_available(), pg_trigger_depth()
SELECT pg_show_all_settings()
SELECT pg_hba_file_rules()
SELECT * FROM pg_show_all_file_settings()
SELECT setseed(0.5)
SELECT currtid2('shop.items', '(0,1)')
SELECT pg_relation_filepath('shop.items'::regclass)
SELECT pg_prepared_xact(), pg_prepared_statement(), pg_cursor()
SELECT pg_get_backend_memory_contexts()
SELECT pg_blocking_pids(0), pg_safe_snapshot_blocking_pids(0)
SELECT pg_nextoid('pg_class', 'oid', 'pg_class_oid_index')
SELECT pg_import_system_collations('pg_catalog')
SELECT pg_lsn_cmp('0/0', '0/1'), pg_wal_lsn_diff('0/0', '0/1')
SELECT to_regclass('shop.cards')::oid, pg_relation_filenode('shop.cards'), pg_stat_get_live_tuples('shop.cards'::regclass)
SELECT pg_stat_get_numscans('shop.cards'::regclass), pg_stat_get_tuples_inserted('shop.cards'::regclass)
