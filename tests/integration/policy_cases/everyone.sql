# What nobody with a restrictive role may do.
[denied reader introspector writer readonly]
SELECT pg_sleep(0)
SELECT pg_catalog.pg_sleep(0)
SELECT "pg_sleep"(0)
SELECT PG_SLEEP(0)
SELECT U&"pg\005Fsleep"(0)
SELECT pg_sleep_for('0 s'), pg_sleep_until(now())
SELECT pg_read_file('planted')
SELECT pg_read_file('planted', 0, 10, true)
SELECT pg_read_binary_file('planted')
SELECT pg_ls_dir('.')
SELECT pg_ls_logdir(), pg_ls_waldir(), pg_ls_tmpdir(), pg_ls_archive_statusdir()
SELECT pg_stat_file('planted')
SELECT pg_current_logfile()
SELECT lo_import('/etc/hostname')
SELECT lo_export(1, '/tmp/x')
SELECT lo_get(7001), lo_put(7001, 0, 'x'), lo_create(0), lo_creat(-1), lo_unlink(7001), lo_from_bytea(0, 'x')
SELECT lo_open(7001, 131072), loread(0, 10), lowrite(0, 'x')
SELECT query_to_xml('SELECT * FROM shop.cards', true, true, '')
SELECT query_to_xml_and_xmlschema('SELECT 1', true, true, '')
SELECT table_to_xml('shop.cards', true, true, ''), schema_to_xml('shop', true, true, ''), database_to_xml(true, true, '')
SELECT cursor_to_xml('c', 1, true, true, '')
SELECT ts_stat('SELECT q FROM shop.cards'), ts_rewrite('a'::tsquery, 'SELECT 1')
SELECT xpath('/a', XMLPARSE(CONTENT '<a/>'))
SELECT dblink('host=127.0.0.1', 'SELECT 1')
SELECT dblink_connect('host=127.0.0.1'), dblink_exec('DROP TABLE shop.cards')
SELECT * FROM dblink('dbname=postgres', 'SELECT number FROM shop.cards') AS t(n text)
SELECT pg_advisory_lock(1), pg_try_advisory_lock(1), pg_advisory_xact_lock(1, 2), pg_advisory_unlock(1)
SELECT pg_notify('a', 'b')
SELECT pg_terminate_backend(1), pg_cancel_backend(1), pg_reload_conf(), pg_rotate_logfile(), pg_promote()
SELECT pg_log_backend_memory_contexts(1), pg_get_backend_memory_contexts()
SELECT pg_switch_wal(), pg_create_restore_point('a'), pg_backup_start('a'), pg_current_wal_lsn()
SELECT pg_create_logical_replication_slot('a', 'test_decoding'), pg_drop_replication_slot('a')
SELECT pg_logical_slot_get_changes('a', NULL, NULL), pg_logical_emit_message(true, 'a', 'b')
SELECT pg_stat_reset(), pg_stat_reset_shared('bgwriter'), pg_stat_get_activity(NULL)
SELECT nextval('shop.items_id_seq'), setval('shop.items_id_seq', 1), currval('shop.items_id_seq'), lastval()
SELECT txid_current(), pg_current_xact_id(), pg_export_snapshot()
SELECT set_config('search_path', 'public', false)
SELECT set_config('search_path', ' ', false)
SELECT set_config('search_path', '"",public', false)
SELECT set_config('client_encoding', 'LATIN1', true)
SELECT set_config('work_mem'::text, '1GB', true)
SELECT pg_catalog.set_config('role', 'postgres', true)
SELECT current_setting('data_directory'), current_setting('hba_file')
SELECT pg_show_all_settings(), pg_hba_file_rules(), pg_file_settings()
SELECT pg_get_functiondef(1), pg_get_function_sqlbody(1)
SELECT inet_client_addr(), inet_server_addr(), pg_conf_load_time()
SELECT current_query()
SELECT has_function_of_mine()
SELECT shop.leak('x')
SELECT leak('x')
SELECT shop.nothing_of_that_name()
SELECT information_schema._pg_truetypid(NULL, NULL)
SELECT lower('a') OPERATOR(shop.<->) 'b'
SELECT 1 OPERATOR(public.+) 1
SELECT 'x'::shop.mood
SELECT CAST('x' AS shop.mood)
SELECT shop.mood 'glad'
SELECT NULL::shop.cards
SELECT json_populate_record(NULL::shop.cards, '{}')
SELECT 'x'::mood
# Functions written as a field of their argument.
SELECT ('planted'::text).pg_read_file
SELECT (('planted')::text).pg_read_file
SELECT (0.0).pg_sleep
SELECT f.pg_read_file FROM unnest(ARRAY['planted']) f
SELECT f."pg_ls_dir" FROM unnest(ARRAY['.']) AS f
SELECT unnest.pg_read_file FROM unnest(ARRAY['planted'])
SELECT coalesce.pg_read_file FROM coalesce('planted'::text)
SELECT (SELECT f.pg_read_file FROM unnest(ARRAY['planted']) f)
SELECT 1 FROM generate_series(1, 1) f WHERE f.pg_terminate_backend
SELECT (x.a).lo_import FROM (SELECT '/etc/hostname'::text AS a) x
SELECT ((x.a || '').pg_read_binary_file)[1] FROM (SELECT 'planted'::text AS a) x
SELECT (ARRAY['shop.items_id_seq'])[1].nextval
SELECT ((ARRAY['shop.items_id_seq'])[1]).nextval
SELECT (x).pg_read_file FROM (SELECT 'planted'::text AS x) x
SELECT ($1::text).pg_read_file
SELECT ('a'::text).current_setting
# Statements.
DO $$BEGIN END$$
DO LANGUAGE plpgsql 'BEGIN END'
CALL shop.wipe()
CALL wipe()
LISTEN a
NOTIFY a
NOTIFY a, 'payload'
LOAD 'dblink'
CHECKPOINT
VACUUM
VACUUM shop.items
VACUUM (FULL, ANALYZE) shop.items
ANALYZE
ANALYZE shop.items
CLUSTER
CLUSTER shop.items
REINDEX TABLE shop.items
REINDEX DATABASE postgres
REFRESH MATERIALIZED VIEW shop.items
LOCK shop.items
LOCK TABLE shop.items IN ACCESS SHARE MODE NOWAIT
TRUNCATE shop.items
TRUNCATE shop.items, shop.cards CASCADE
PREPARE TRANSACTION 'a'
COMMIT PREPARED 'a'
ROLLBACK PREPARED 'a'
CREATE TABLE shop.t (a int)
CREATE TABLE t (a int)
CREATE TEMP TABLE items (a int)
CREATE TEMPORARY TABLE IF NOT EXISTS t AS SELECT 1
CREATE UNLOGGED TABLE pg_temp.t (a int)
CREATE TABLE t AS SELECT 1
CREATE TABLE t AS TABLE shop.items WITH NO DATA
CREATE TABLE t AS EXECUTE nothing
CREATE MATERIALIZED VIEW t AS SELECT 1
SELECT 1 INTO t
SELECT 1 AS a INTO TEMP t
SELECT 1 INTO TEMPORARY items
CREATE VIEW t AS SELECT 1
CREATE TEMP VIEW items AS SELECT 1
CREATE RECURSIVE VIEW t (a) AS SELECT 1
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'
CREATE OR REPLACE FUNCTION pg_temp.lower(text) RETURNS text LANGUAGE sql RETURN $1
CREATE PROCEDURE p() LANGUAGE sql AS ''
CREATE AGGREGATE a (int) (SFUNC = int4pl, STYPE = int)
CREATE OPERATOR ### (FUNCTION = pg_read_file, RIGHTARG = text)
CREATE CAST (int AS text) WITH INOUT AS IMPLICIT
CREATE TYPE t AS ENUM ('a')
CREATE TYPE t AS (a int)
CREATE DOMAIN d AS text CHECK (pg_sleep(1) IS NULL)
CREATE EXTENSION hstore
CREATE SERVER s FOREIGN DATA WRAPPER file_fdw
CREATE FOREIGN TABLE t (a text) SERVER elsewhere OPTIONS (filename '/etc/passwd')
CREATE USER MAPPING FOR CURRENT_USER SERVER elsewhere
IMPORT FOREIGN SCHEMA a FROM SERVER elsewhere INTO shop
CREATE PUBLICATION p FOR ALL TABLES
CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p
CREATE TRIGGER t AFTER INSERT ON shop.items FOR EACH ROW EXECUTE FUNCTION shop.leak()
CREATE EVENT TRIGGER t ON ddl_command_start EXECUTE FUNCTION shop.leak()
CREATE RULE r AS ON INSERT TO shop.items DO ALSO SELECT 1
CREATE POLICY p ON shop.items
CREATE STATISTICS s ON id, name FROM shop.items
CREATE INDEX ON shop.items (name)
CREATE SEQUENCE s
CREATE SCHEMA s
CREATE SCHEMA s CREATE TABLE t (a int) CREATE VIEW v AS SELECT * FROM shop.cards
CREATE DATABASE d TEMPLATE postgres
CREATE TABLESPACE t LOCATION '/tmp'
CREATE LANGUAGE plpython3u
CREATE ACCESS METHOD m TYPE TABLE HANDLER heap_tableam_handler
CREATE COLLATION c FROM "C"
CREATE CONVERSION c FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1
CREATE TEXT SEARCH CONFIGURATION c (COPY = pg_catalog.english)
CREATE TRANSFORM FOR int LANGUAGE sql (FROM SQL WITH FUNCTION prsd_lextype(internal))
ALTER TABLE shop.items ADD COLUMN x int
ALTER TABLE shop.items OWNER TO postgres
ALTER TABLE shop.items RENAME TO cards2
ALTER TABLE shop.items SET SCHEMA public
ALTER TABLE shop.items DISABLE TRIGGER ALL
ALTER TABLE shop.items ATTACH PARTITION shop.cards DEFAULT
ALTER TABLE shop.cards INHERIT shop.items
ALTER SEQUENCE shop.items_id_seq RESTART
ALTER FUNCTION shop.leak(text) SECURITY DEFINER
ALTER SCHEMA shop RENAME TO s
ALTER DATABASE postgres SET search_path = public
ALTER ROLE postgres SET search_path = public
ALTER ROLE ALL SET role = postgres
ALTER USER postgres PASSWORD 'x'
ALTER SYSTEM SET work_mem = '1MB'
ALTER SYSTEM RESET ALL
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC
ALTER EXTENSION dblink UPDATE
ALTER TYPE shop.mood ADD VALUE 'b'
DROP TABLE shop.items
DROP TABLE IF EXISTS nothing
DROP SCHEMA shop CASCADE
DROP FUNCTION shop.leak(text)
DROP OWNED BY CURRENT_USER
DROP DATABASE template1
DROP ROLE nobody
REASSIGN OWNED BY CURRENT_USER TO postgres
GRANT SELECT ON shop.cards TO PUBLIC
GRANT postgres TO CURRENT_USER
REVOKE ALL ON shop.items FROM PUBLIC
CREATE ROLE r SUPERUSER
COMMENT ON TABLE shop.items IS 'x'
SECURITY LABEL ON TABLE shop.items IS 'x'
COPY shop.items FROM '/tmp/x'
COPY shop.items TO '/tmp/x'
COPY shop.items TO PROGRAM 'cat'
COPY (SELECT 1) TO '/tmp/x'
COPY (SELECT 1) TO PROGRAM 'cat > /tmp/x'
COPY shop.cards TO STDOUT
COPY shop.cards FROM STDIN
COPY pg_authid TO STDOUT
COPY shop.items FROM PROGRAM 'id'
COPY (SELECT pg_sleep(1)) TO STDOUT
COPY (WITH w AS (DELETE FROM shop.cards RETURNING *) SELECT * FROM w) TO STDOUT
COPY (DELETE FROM shop.cards RETURNING number) TO STDOUT
DELETE FROM shop.cards
UPDATE shop.cards SET number = 'x' WHERE id = 1
INSERT INTO shop.cards (id) VALUES (9)
INSERT INTO shop.cards DEFAULT VALUES
MERGE INTO shop.cards USING (SELECT 1) s ON true WHEN MATCHED THEN DELETE
WITH w AS (UPDATE shop.cards SET id = 0 RETURNING 1) SELECT count(*) FROM w
WITH w AS (INSERT INTO shop.cards (id) VALUES (9) RETURNING id) SELECT 1
EXPLAIN DELETE FROM shop.cards
EXPLAIN ANALYZE DELETE FROM shop.cards
EXPLAIN (ANALYZE) INSERT INTO shop.cards (id) VALUES (9)
EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1
PREPARE p AS DELETE FROM shop.cards
DECLARE c CURSOR FOR SELECT pg_sleep(0)
CREATE TABLE t AS SELECT * FROM shop.cards
SELECT 1; DELETE FROM shop.cards; SELECT 2
BEGIN; DELETE FROM shop.cards; COMMIT
EXECUTE nothing_prepared
EXPLAIN EXECUTE nothing_prepared
# Settings and roles.
SET ROLE postgres
SET ROLE NONE
SET LOCAL ROLE postgres
SET SESSION ROLE postgres
RESET ROLE
SET role TO postgres
SET SESSION AUTHORIZATION postgres
SET SESSION AUTHORIZATION DEFAULT
RESET SESSION AUTHORIZATION
SET LOCAL SESSION AUTHORIZATION postgres
SET session_authorization TO postgres
SET search_path = public, shop
SET search_path TO '', public
SET LOCAL search_path = pg_temp
SET SCHEMA 'public'
SET "search_path" = public
SET Search_Path = public
SET client_encoding = 'LATIN1'
SET CLIENT_ENCODING TO SJIS
SET NAMES 'BIG5'
SET standard_conforming_strings = off
SET backslash_quote = on
SET session_replication_role = replica
SET row_security = off
SET work_mem = '10GB'
SET log_statement = 'none'
SET default_tablespace = 'x'
SET temp_tablespaces = ''
SET dynamic_library_path = '/tmp'
SET local_preload_libraries = 'x'
SET session_preload_libraries = 'x'
SET allow_system_table_mods = on
SET zero_damaged_pages = on
SET check_function_bodies = off
SET default_transaction_read_only = off
SET transaction_read_only TO 0
SET dbgate.user = 'x'
SET custom.thing = 'x'
SET TRANSACTION SNAPSHOT '00000003-0000001B-1'
SHOW ALL
SHOW config_file
SHOW data_directory
SHOW hba_file
SHOW ident_file
SHOW primary_conninfo
SHOW ssl_key_file
SHOW archive_command
SHOW log_directory
SHOW shared_preload_libraries
SHOW dbgate.user
# Catalogs that hold data, secrets, other people's statements or settings.
SELECT rolpassword FROM pg_authid
SELECT * FROM pg_catalog.pg_authid
SELECT passwd FROM pg_shadow
SELECT * FROM pg_stats
SELECT most_common_vals FROM pg_catalog.pg_stats WHERE tablename = 'cards'
SELECT stavalues1 FROM pg_statistic
SELECT * FROM pg_statistic_ext_data
SELECT * FROM pg_stats_ext
SELECT * FROM pg_stats_ext_exprs
SELECT query FROM pg_stat_activity
SELECT pid FROM pg_stat_activity
SELECT * FROM pg_stat_replication
SELECT * FROM pg_stat_ssl
SELECT name, setting FROM pg_settings
SELECT * FROM pg_file_settings
SELECT * FROM pg_hba_file_rules
SELECT * FROM pg_config
SELECT data FROM pg_largeobject
SELECT umoptions FROM pg_user_mapping
SELECT * FROM pg_user_mappings
SELECT umoptions FROM pg_user_mappings
SELECT subconninfo FROM pg_subscription
SELECT prosrc FROM pg_proc
SELECT p.prosrc FROM pg_catalog.pg_proc p
SELECT * FROM pg_proc
SELECT p FROM pg_proc p
SELECT row_to_json(p) FROM pg_proc p
SELECT 1 FROM pg_proc WHERE prosrc LIKE '%x%'
SELECT oid FROM pg_proc ORDER BY prosrc
SELECT probin, prosqlbody FROM pg_proc
SELECT pg_catalog.pg_proc.prosrc FROM pg_catalog.pg_proc
SELECT (SELECT pg_catalog.pg_proc.prosrc FROM (SELECT 1) AS pg_proc) FROM pg_catalog.pg_proc
SELECT 1 FROM pg_proc NATURAL JOIN (SELECT 'x' AS prosrc) s
SELECT x.z FROM pg_proc AS x(x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15, x16, x17, x18, x19, x20, x21, x22, x23, x24, x25, z)
SELECT oid FROM (pg_proc p CROSS JOIN (SELECT 1 AS n) s) AS j(x1, x2, x3, x4, x5, x6, x7, x8, x9, x10, x11, x12, x13, x14, x15, x16, x17, x18, x19, x20, x21, x22, x23, x24, x25, oid)
SELECT definition FROM pg_views
SELECT * FROM pg_views
SELECT definition FROM pg_rules
SELECT definition FROM pg_matviews
SELECT ev_action FROM pg_rewrite
SELECT ev_qual FROM pg_rewrite
SELECT srvoptions FROM pg_foreign_server
SELECT * FROM pg_foreign_server
SELECT ftoptions FROM pg_foreign_table
SELECT routine_definition FROM information_schema.routines
SELECT * FROM information_schema.routines
SELECT view_definition FROM information_schema.views
SELECT * FROM information_schema.views
SELECT action_statement FROM information_schema.triggers
SELECT option_value FROM information_schema.user_mapping_options
SELECT * FROM information_schema.user_mapping_options
SELECT umoptions FROM information_schema._pg_user_mappings
SELECT option_value FROM information_schema.foreign_server_options
SELECT * FROM information_schema.foreign_table_options
SELECT * FROM information_schema._pg_foreign_servers
SELECT * FROM pg_prepared_statements
SELECT * FROM pg_cursors
SELECT * FROM pg_locks
SELECT * FROM pg_db_role_setting
SELECT * FROM pg_prepared_xacts
SELECT * FROM pg_replication_slots
SELECT * FROM pg_backend_memory_contexts
SELECT * FROM pg_shmem_allocations
SELECT * FROM pg_stat_statements
SELECT * FROM pg_toast.pg_toast_1255
UPDATE pg_class SET relname = 'x' WHERE relname = 'cards'
UPDATE pg_settings SET setting = 'x' WHERE name = 'search_path'
DELETE FROM pg_catalog.pg_proc
INSERT INTO pg_catalog.pg_authid (rolname) VALUES ('x')
# What the parser does not know, or PostgreSQL 15 does not.
SELEC 1
SELECT 1 FROM
SELECT * FROM JSON_TABLE('{}', '$' COLUMNS (a int))
SELECT JSON_VALUE('{}', '$' RETURNING int)
MERGE INTO shop.items USING shop.orders ON true WHEN MATCHED THEN DELETE RETURNING *
COPY shop.items FROM STDIN (ON_ERROR ignore
SELECT 1 /* never closed
SELECT 'never closed
SELECT "never closed
SELECT $$never closed
SELECT U&'\'
SELECT E'\'
BASE_BACKUP
START_REPLICATION SLOT a LOGICAL 0/0
[allowed reader introspector writer readonly keeper]
SELECT 1
SELECT 1;
;
;;;
-- ping
/* ping */
/* ping */ ; -- again
SELECT 1; SELECT 2; SELECT 3
select'a'
SELECT 1 AS "select", 2 AS "from", 3 AS "where"
SELECT 1 AS update, 2 AS delete, 3 AS insert, 4 AS truncate, 5 AS copy, 6 AS execute, 7 AS call, 8 AS listen
SELECT 'DROP TABLE shop.cards; -- ' AS text
SELECT $$pg_sleep(10)$$, $x$DELETE FROM shop.cards$x$
SELECT 'it''s', E'it\'s', E'\u0041\x42\103', U&'\0041', U&'!0041' UESCAPE '!'
SELECT 'a' 
SELECT "x" FROM (SELECT 1 AS x) AS "pg_sleep"
SELECT "pg_read_file" FROM (SELECT 1 AS pg_read_file) s
SELECT s.pg_read_file FROM (SELECT 1 AS pg_read_file) s
SELECT s."prosrc" FROM (VALUES ('x')) AS s(prosrc)
WITH pg_authid AS (SELECT 1 AS rolpassword) SELECT rolpassword FROM pg_authid
SELECT 1 + 1, -1, 2 * 3, 7 / 2, 7 % 2, 2 ^ 3, |/ 4, @ -1, 5 & 3, 5 | 3, 5 # 3, ~1, 1 << 2
SELECT 1::int, 1::bigint, 1::numeric(10, 2), '1'::real, 'x'::varchar(3), 'x'::char(2), true::boolean, 'a'::"char"
SELECT '2020-01-01'::date, timestamp '2020-01-01', timestamptz 'epoch', interval '1 day', time '10:00', '1 hour'::interval
SELECT '{1,2}'::int[], ARRAY[1, 2]::bigint[], '{}'::text[], ARRAY[[1, 2], [3, 4]], (ARRAY[1, 2])[1]
SELECT '{"a": 1}'::json, '{"a": 1}'::jsonb -> 'a', '[1,2]'::jsonb, '$.a'::jsonpath
SELECT '[1,3)'::int4range, '{[1,2)}'::int4multirange, '10.0.0.0/8'::inet, '08:00:2b:01:02:03'::macaddr, 'a'::bytea
SELECT '(1,2)'::point, '((1,2),(3,4))'::box, 'a & b'::tsquery, 'a b'::tsvector, '1'::money, B'1'::bit(1)
SELECT 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, '0/0'::pg_lsn, '1'::xid, '(0,1)'::tid, 1::oid, 'x'::name
SELECT CASE WHEN true THEN 1 ELSE 2 END, CASE 1 WHEN 1 THEN 'a' END
SELECT COALESCE(NULL, 1), NULLIF(1, 2), GREATEST(1, 2), LEAST(1, 2)
SELECT 1 IS NULL, 1 IS DISTINCT FROM 2, true IS TRUE, 1 BETWEEN 0 AND 2, 1 BETWEEN SYMMETRIC 2 AND 0
SELECT 'a' LIKE 'b', 'a' ILIKE 'A', 'a' ~ 'a', 'a' !~* 'b', 'a' || 'b', 1 IN (1, 2), 1 = ANY (ARRAY[1])
SELECT EXISTS (SELECT 1), ARRAY(SELECT 1), (SELECT 1), ROW(1, 2) = ROW(1, 2), (1, 2) < (2, 1)
SELECT 1 LIMIT ALL
SELECT 1 LIMIT NULL OFFSET 0
SELECT 1 FETCH FIRST ROW ONLY
SELECT 1 UNION SELECT 2 UNION ALL SELECT 3 ORDER BY 1 DESC
VALUES (1), (2)
VALUES (1, 'a') ORDER BY 1 LIMIT 1
SELECT * FROM (VALUES (1)) AS v(a) JOIN LATERAL (SELECT v.a + 1 AS b) l ON true
SELECT XMLELEMENT(name a, XMLATTRIBUTES(1 AS b), 'c'), XMLCONCAT('<a/>', '<b/>')
WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT n FROM t
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 3) SEARCH DEPTH FIRST BY n SET o SELECT n FROM t
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n FROM t) CYCLE n SET c USING p SELECT n FROM t
WITH a AS (SELECT 1 AS x), b AS NOT MATERIALIZED (SELECT x + 1 AS x FROM a) SELECT a.x, b.x FROM a, b
PREPARE one AS SELECT 1; EXECUTE one; DEALLOCATE one
PREPARE two (int, text) AS SELECT $1, $2; EXECUTE two(1, 'a'); EXPLAIN EXECUTE two(1, 'a'); DEALLOCATE PREPARE two
DEALLOCATE ALL
BEGIN; DECLARE c CURSOR FOR SELECT 1; FETCH c; FETCH NEXT FROM c; MOVE 1 IN c; CLOSE c; COMMIT
BEGIN; DECLARE "C d" NO SCROLL CURSOR WITHOUT HOLD FOR VALUES (1), (2); FETCH ALL "C d"; CLOSE ALL; END
BEGIN; SAVEPOINT s; SELECT 1; ROLLBACK TO SAVEPOINT s; RELEASE SAVEPOINT s; COMMIT
BEGIN; SAVEPOINT "a b"; RELEASE "a b"; ROLLBACK
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE; COMMIT
START TRANSACTION READ ONLY; SELECT 1; COMMIT WORK
BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ; END TRANSACTION
BEGIN; COMMIT AND CHAIN; ROLLBACK AND NO CHAIN
BEGIN; SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ ONLY; ABORT
BEGIN; SET LOCAL statement_timeout = '5s'; SET CONSTRAINTS ALL DEFERRED; COMMIT
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED
SET application_name = 'a tool'
SET application_name TO DEFAULT
SET SESSION application_name = "quoted"
SET client_encoding = 'UTF8'
SET client_encoding TO 'utf-8'
SET NAMES 'UTF8'
SET CLIENT_ENCODING TO unicode
SET standard_conforming_strings = on
SET DateStyle = 'ISO, MDY'
SET datestyle TO iso
SET IntervalStyle = 'iso_8601'
SET extra_float_digits = 3
SET extra_float_digits = -1
SET bytea_output = 'hex'
SET client_min_messages = warning
SET statement_timeout = 0
SET statement_timeout TO '30s'
SET lock_timeout = 1000
SET idle_in_transaction_session_timeout = '1min'
SET TimeZone = 'UTC'
SET TIME ZONE 'Europe/Rome'
SET TIME ZONE LOCAL
SET TIME ZONE -7
SET timezone TO DEFAULT
SET jit = off
SET geqo = off
SET lc_monetary = 'C'
SET search_path = shop
SET search_path TO DEFAULT
SELECT pg_catalog.set_config('search_path', '', false)
SET search_path = ''
RESET search_path
SELECT set_config('statement_timeout', '0', false)
SELECT pg_advisory_unlock_all()
SET default_transaction_isolation = 'read committed'
SET default_transaction_read_only = on; SET default_transaction_read_only TO DEFAULT
RESET application_name
RESET TIME ZONE
RESET ALL
DISCARD PLANS
DISCARD SEQUENCES
DISCARD TEMP
DISCARD ALL
UNLISTEN *
UNLISTEN a
CLOSE ALL
SHOW server_version
SHOW server_version_num
SHOW SERVER_ENCODING
SHOW client_encoding
SHOW DateStyle
SHOW TIME ZONE
SHOW TimeZone
SHOW search_path
SHOW transaction_isolation
SHOW TRANSACTION ISOLATION LEVEL
SHOW SESSION AUTHORIZATION
SHOW transaction_read_only
SHOW default_transaction_read_only
SHOW standard_conforming_strings
SHOW integer_datetimes
SHOW max_identifier_length
SHOW is_superuser
SHOW application_name
SHOW statement_timeout
SHOW in_hot_standby
SHOW lc_collate
SHOW bytea_output
EXPLAIN SELECT 1
EXPLAIN (FORMAT yaml) VALUES (1)
EXPLAIN ANALYZE SELECT 1
