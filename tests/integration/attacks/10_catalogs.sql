# §10 Catalogs show names and shapes, never values, verifiers, sources, plans of others, addresses.
[leaks reader]
SELECT most_common_vals FROM pg_stats WHERE tablename = 'customers'
SELECT * FROM pg_stats
SELECT histogram_bounds::text FROM pg_catalog.pg_stats WHERE attname = 'card_no'
SELECT s::text FROM pg_stats s
SELECT row_to_json(s) FROM pg_stats s
SELECT most_common_elems FROM pg_stats
SELECT stavalues1 FROM pg_statistic
SELECT s FROM pg_statistic s
SELECT most_common_vals FROM pg_stats_ext
SELECT m.values FROM pg_statistic_ext_data, pg_mcv_list_items(stxdmcv) m
SELECT query, '4111-PLANTED' FROM pg_stat_activity WHERE pid = pg_backend_pid()
SELECT a::text FROM pg_stat_activity a WHERE a.query LIKE '%4111-PLANTED%'
SELECT * FROM pg_stat_get_activity(NULL) WHERE query NOT LIKE '%4111-PLANTED%x'
SELECT string_agg(query, '') || '4111-PLANTED' FROM extra.pg_stat_statements
SELECT max(p.query) || '4111-PLANTED' FROM extra.pg_stat_statements(true) p
PREPARE p AS SELECT '4111-PLANTED'; SELECT statement FROM pg_prepared_statements
DECLARE c CURSOR FOR SELECT '4111-PLANTED'; SELECT statement FROM pg_cursors
SELECT prosrc FROM pg_proc WHERE proname = 'secret_source'
SELECT p.prosrc FROM pg_catalog.pg_proc p WHERE pronamespace = 'shop'::regnamespace
SELECT p FROM pg_proc p WHERE proname = 'secret_source'
SELECT p::text FROM pg_proc p WHERE proname = 'secret_source'
SELECT p.* FROM pg_proc p WHERE proname = 'secret_source'
SELECT (p).prosrc FROM pg_proc p WHERE proname = 'secret_source'
SELECT to_jsonb(p) ->> 'prosrc' FROM pg_proc p
SELECT string_agg(prosrc, '') FROM pg_proc
SELECT max(prosrc) FILTER (WHERE proname = 'secret_source') FROM pg_proc
SELECT s FROM (SELECT prosrc AS s FROM pg_proc) x WHERE s LIKE '%BURIED%'
SELECT x.z FROM (SELECT proname, prosrc FROM pg_proc) AS x(y, z)
SELECT definition FROM pg_views WHERE viewname = 'card_list'
SELECT v FROM pg_views v WHERE viewname = 'card_list'
SELECT pg_get_viewdef(c.oid) FROM pg_class c WHERE relname = 'card_list'
SELECT pg_get_viewdef(c.oid, true) FROM pg_catalog.pg_class c WHERE c.relkind = 'v'
SELECT pg_get_ruledef(oid) FROM pg_rewrite WHERE rulename = 'held'
SELECT pg_get_viewdef(c.oid) FROM pg_class c, pg_class d WHERE d.oid = 'shop.item_names'::regclass
SELECT pg_get_viewdef(c.oid) FROM pg_class c WHERE c.oid = 'shop.item_names'::regclass OR c.relname = 'card_list'
SELECT (SELECT pg_get_viewdef(c.oid)) FROM pg_class c WHERE relname = 'card_list' AND EXISTS (SELECT FROM pg_class c WHERE c.oid = 'shop.item_names'::regclass)
SELECT pg_get_viewdef(oid) FROM (SELECT 'shop.card_list'::regclass::oid) AS c(oid)
SELECT (SELECT pg_get_ruledef(b.oid) FROM pg_rewrite b WHERE b.ev_class = a.ev_class) FROM pg_rewrite a WHERE a.rulename <> '_RETURN' AND a.ev_class = 'shop.ruled'::regclass OR a.ev_class = 'shop.card_list'::regclass
SELECT pg_get_ruledef(oid) FROM pg_rewrite WHERE NOT rulename <> '_RETURN'
SELECT pg_get_ruledef(r.oid) FROM pg_rewrite r WHERE r.ev_class = 'shop.card_list'::regclass
SELECT pg_get_ruledef(oid, true) FROM pg_rewrite
SELECT definition FROM pg_rules
SELECT view_definition FROM information_schema.views WHERE table_name = 'card_list'
SELECT v FROM information_schema.views v
SELECT routine_definition FROM information_schema.routines
SELECT r::text FROM information_schema.routines r
SELECT srvoptions FROM pg_foreign_server
SELECT * FROM pg_foreign_server
SELECT umoptions FROM pg_user_mapping
SELECT umoptions FROM pg_user_mappings
SELECT option_value FROM information_schema.foreign_server_options
SELECT option_value FROM information_schema.user_mapping_options
SELECT o FROM information_schema.foreign_server_options o
SELECT subconninfo FROM pg_subscription
SELECT s FROM pg_subscription s
SELECT encode(lo.data, 'escape') FROM pg_largeobject lo
SELECT * FROM pg_db_role_setting
[shows reader | SCRAM|planted]
SELECT rolpassword FROM pg_authid
SELECT * FROM pg_authid
SELECT a FROM pg_catalog.pg_authid a
SELECT passwd FROM pg_shadow
SELECT s.passwd FROM pg_shadow AS s
SELECT 'x' UNION SELECT rolpassword FROM pg_authid
SELECT (SELECT max(rolpassword) FROM pg_authid)
COPY pg_authid TO STDOUT
COPY (SELECT rolname, rolpassword FROM pg_authid) TO STDOUT
SELECT ftoptions FROM pg_foreign_table
SELECT option_value FROM information_schema.foreign_table_options
[runs reader]
SELECT * FROM pg_hba_file_rules
SELECT * FROM pg_file_settings
SELECT * FROM pg_config
SELECT * FROM pg_locks
SELECT * FROM pg_stat_replication
SELECT * FROM pg_stat_ssl
SELECT * FROM pg_stat_gssapi
SELECT * FROM pg_stat_wal_receiver
SELECT * FROM pg_replication_slots
SELECT * FROM pg_replication_origin_status
SELECT * FROM pg_prepared_xacts
SELECT * FROM pg_backend_memory_contexts
SELECT * FROM pg_shmem_allocations
SELECT * FROM pg_stat_archiver
SELECT * FROM pg_statio_all_tables
SELECT * FROM pg_stat_database
SELECT * FROM pg_stat_progress_vacuum
SELECT * FROM pg_ident_file_mappings
SELECT last_value FROM shop.items_id_seq
SELECT * FROM shop.cards_id_seq
SELECT is_called FROM cards_id_seq
SELECT * FROM pg_toast.pg_toast_1255
SELECT chunk_data FROM pg_toast.pg_toast_2618
[changes reader]
UPDATE pg_class SET relname = 'open' WHERE oid = 'shop.cards'::regclass
UPDATE pg_proc SET prosecdef = true WHERE proname = 'spy'
DELETE FROM pg_description
INSERT INTO pg_catalog.pg_description VALUES (0, 0, 0, 'x')
UPDATE pg_authid SET rolsuper = true WHERE rolname = 'nobody_much'
UPDATE pg_attribute SET attname = 'open' WHERE attrelid = 'shop.customers'::regclass AND attname = 'card_no'
# Errors tell: what is quoted in them, and that there was one.
[leaks reader]
SELECT card_no::int FROM shop.customers
SELECT CAST(number AS int) FROM shop.cards
SELECT (SELECT number FROM shop.cards LIMIT 1)::int
SELECT name FROM shop.items WHERE id = (SELECT max(card_no) FROM shop.customers)::int
SELECT card_no::date FROM shop.customers
SELECT card_no::uuid FROM shop.customers
SELECT ('{' || card_no || '}')::int[] FROM shop.customers
SELECT card_no::json FROM shop.customers
SELECT to_timestamp(card_no, 'YYYY')::text || card_no::inet FROM shop.customers
SELECT set_config('application_name', card_no::numeric::text, true) FROM shop.customers
SELECT ('x'::shop.watched)
[fails reader | 22012]
SELECT 1 / (CASE WHEN card_no LIKE '4111%' THEN 0 ELSE 1 END) FROM shop.customers
SELECT 1 / (SELECT count(*) - 5 FROM shop.cards)
SELECT city FROM shop.customers WHERE 1 / (length(card_no) - 14) > 0
SELECT city FROM shop.customers ORDER BY 1 / position('X' IN card_no)
SELECT 1 / (CASE WHEN EXISTS (SELECT FROM shop.cards WHERE number > '4') THEN 0 ELSE 1 END)
SELECT 1 / (1 - count(*)::int) FROM shop.cards WHERE id = 1
SELECT name FROM shop.items WHERE price / (SELECT 0 FROM shop.cards LIMIT 1) = 1
SELECT 1 % (SELECT 0 * id FROM shop.cards LIMIT 1)
[fails reader | 21000]
SELECT (SELECT 1 FROM shop.cards WHERE number LIKE '4111%')
SELECT name FROM shop.items WHERE id = (SELECT id FROM shop.customers WHERE card_no LIKE '4%')
[leaks writer]
INSERT INTO shop.customers (id, city, email, card_no) SELECT 9, 'x', email, 'x' FROM shop.customers LIMIT 1
INSERT INTO shop.items (id, name) SELECT 9, card_no FROM shop.customers WHERE card_no::int = 1
UPDATE shop.customers SET email = 'c1@4111-PLANTED' WHERE id = 2
UPDATE shop.customers SET card_no = NULL WHERE id = 1
UPDATE shop.customers SET city = repeat('x', 60) WHERE email LIKE 'c1%'
UPDATE shop.items SET price = (SELECT card_no FROM shop.customers LIMIT 1)::numeric WHERE id = 1
UPDATE shop.items SET name = 'x' WHERE id = (SELECT max(number) FROM shop.cards)::int
[leaks keeper]
# What deny rules must hold against, although everything else is granted.
SELECT number FROM shop.card_list
SELECT town FROM shop.customer_numbers
SELECT max(number) FROM shop.card_copy
SELECT shop.leak('x'::text)
SELECT shop.dynamic('cards')
SELECT leaks()
SELECT total(name) FROM shop.items
SELECT middle() WITHIN GROUP (ORDER BY name) FROM shop.items
SELECT 'a' <~> 'b'
SELECT 1::shop.box_of
SELECT 'x'::shop.watched
SELECT name FROM shop.animals
SELECT with_default(spy())
SELECT lazy()
SELECT * FROM shop.lazy()
CALL shop.tell(NULL)
DO $$BEGIN RAISE NOTICE '%', (SELECT max(number) FROM shop.cards); END$$
DELETE FROM shop.ruled
INSERT INTO shop.defaulted (id) VALUES (1) RETURNING n
INSERT INTO shop.quiet VALUES (1, shop.leak('x'::text)) RETURNING note
CREATE TEMP TABLE made (a int, b text DEFAULT shop.spy()); INSERT INTO made (a) VALUES (1) RETURNING b
CREATE TEMP TABLE made (b shop.watched); INSERT INTO made VALUES ('x')
CREATE TEMP VIEW made AS SELECT * FROM shop.card_list; TABLE made
CREATE FUNCTION pg_temp.made() RETURNS text LANGUAGE sql AS 'SELECT max(number) FROM shop.cards'; SELECT pg_temp.made()
CREATE FUNCTION pg_temp.made() RETURNS text LANGUAGE plpgsql AS $$DECLARE r text; BEGIN EXECUTE 'SELECT max(number) FROM shop.ca' || 'rds' INTO r; RETURN r; END$$; SELECT pg_temp.made()
CREATE FUNCTION pg_temp.made() RETURNS text LANGUAGE sql AS 'SELECT shop.leak(''x''::text)'; SELECT pg_temp.made()
CREATE AGGREGATE pg_temp.made(text) (SFUNC = shop.near, STYPE = text, INITCOND = ''); SELECT pg_temp.made(name) FROM shop.items
CREATE OPERATOR shop.### (FUNCTION = shop.leak, RIGHTARG = text); SELECT ### 'x'::text
CREATE DOMAIN pg_temp.made AS text CHECK (shop.fits(VALUE)); SELECT 'x'::pg_temp.made
CREATE TABLE shop.made (LIKE shop.cards); INSERT INTO shop.made TABLE shop.cards; TABLE shop.made
CREATE INDEX ON shop.cards ((number::int))
CREATE UNIQUE INDEX ON shop.cards ((left(number, 12)))
CREATE EVENT TRIGGER made ON ddl_command_end EXECUTE FUNCTION shop.on_ddl(); SET application_name = 'trap'; CREATE TABLE made (a int); TABLE shop.quiet
ALTER TABLE shop.items ADD COLUMN made text DEFAULT shop.spy(); SELECT made FROM shop.items
ALTER TABLE shop.items ALTER COLUMN price TYPE text USING shop.spy(); SELECT price FROM shop.items
ALTER TABLE shop.items ADD CHECK (shop.fits(name))
ALTER TABLE shop.cards RENAME TO open; TABLE shop.open
ALTER TABLE shop.cards SET SCHEMA public; TABLE public.cards
ALTER DOMAIN shop.tag ADD CHECK (shop.fits(VALUE)); SELECT 'x'::tag
ALTER SCHEMA shop RENAME TO open; TABLE open.cards
ALTER FUNCTION shop.spy() RENAME TO open; SELECT shop.open()
COPY (SELECT * FROM shop.card_list) TO STDOUT
COPY (TABLE shop.card_list_list) TO STDOUT
COPY shop.cards TO STDOUT
EXPLAIN ANALYZE SELECT shop.fits('x')
MERGE INTO shop.quiet q USING shop.card_list c ON q.id = c.id WHEN MATCHED THEN UPDATE SET note = c.number; TABLE shop.quiet
UPDATE shop.quiet SET note = number FROM shop.card_list RETURNING note
WITH w AS (SELECT * FROM shop.card_list) SELECT number FROM w
PREPARE p AS TABLE shop.card_list; EXECUTE p
DECLARE c CURSOR FOR TABLE shop.card_list; FETCH ALL c
SELECT most_common_vals FROM pg_stats WHERE tablename = 'customers'
SELECT stavalues1 FROM pg_statistic
SELECT query_to_xml('TABLE shop.cards', true, true, '')
SELECT schema_to_xml('shop', true, true, '')
SELECT * FROM extra.crosstab('SELECT id, q, number FROM shop.cards') AS t(i int, a text)
SELECT encode(extra.get_raw_page('shop.cards', 0), 'escape')
SELECT rate(i) FROM shop.items i
SELECT (i).leak FROM shop.items i
SELECT o.price FROM shop.orders o
[changes keeper]
INSERT INTO shop.noted VALUES (2, 'x')
UPDATE shop.noted SET note = 'x' WHERE id = 1
UPDATE shop.ruled SET note = 'x'
INSERT INTO shop.commands VALUES (1, 'cards')
CALL shop.wipe()
MERGE INTO shop.noted n USING (VALUES (1)) v(i) ON n.id = v.i WHEN MATCHED THEN UPDATE SET note = 'y'
COPY shop.noted FROM STDIN
INSERT INTO shop.checked VALUES ('4111-PLANTED-1')
CREATE RULE made AS ON INSERT TO shop.quiet DO ALSO INSERT INTO shop.noted SELECT id, number FROM shop.cards
CREATE TRIGGER made BEFORE INSERT ON shop.quiet FOR EACH ROW EXECUTE FUNCTION shop.note()
CREATE TABLE shop.made (n text REFERENCES shop.cards (number)); INSERT INTO shop.made VALUES ('4111-PLANTED-1')
UPDATE pg_class SET relname = 'open' WHERE relname = 'cards'
UPDATE pg_rewrite SET ev_enabled = 'D' WHERE rulename = 'held'
GRANT SELECT ON shop.cards TO PUBLIC; ALTER TABLE shop.cards OWNER TO nobody_much
# A whole pack, and one table out of it.
[leaks readonly]
TABLE shop.cards
SELECT number FROM shop.card_list
SELECT * FROM shop.card_copy
SELECT town FROM shop.customer_numbers
SELECT * FROM shop.customers
SELECT email FROM shop.customers
SELECT who FROM shop.customers
SELECT tags[1] FROM shop.customers
SELECT shop.spy()
SELECT c FROM shop.customers c
SELECT line FROM pg_read_file('planted') AS line
SELECT size_of('x')
SELECT i.leak FROM shop.items i
SELECT prosrc FROM pg_proc WHERE proname = 'secret_source'
SELECT most_common_vals FROM pg_stats
[changes readonly]
DELETE FROM shop.orders
SELECT nextval('shop.items_id_seq')
INSERT INTO shop.quiet VALUES (9, 'x')
COPY shop.quiet FROM STDIN
SELECT name INTO made FROM shop.items
