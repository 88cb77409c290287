# §9 Settings, roles, the session.
[proves reader | SELECT current_user = 'buried']
SET ROLE buried
SET LOCAL ROLE buried
SET SESSION ROLE buried
SET role TO buried
SET "role" = buried
SET Role = 'buried'
SELECT set_config('role', 'buried', true)
SELECT set_config('ROLE', 'buried', false)
SELECT set_config('ro' || 'le', 'buried', true)
SELECT pg_catalog.set_config('role', 'buried', true)
SELECT s FROM set_config('role', 'buried', true) s
SET SESSION AUTHORIZATION buried
SET LOCAL SESSION AUTHORIZATION 'buried'
SET session_authorization TO buried
SELECT set_config('session_authorization', 'buried', true)
[proves reader | SELECT current_setting('row_security') = 'off']
SET row_security = off
SET LOCAL row_security TO false
SELECT set_config('row_security', 'off', true)
[proves reader | SELECT current_setting('session_replication_role') = 'replica']
SET session_replication_role = replica
SELECT set_config('session_replication_role', 'replica', true)
[proves reader | SELECT current_setting('work_mem') = '10GB']
SET work_mem = '10GB'
SET LOCAL work_mem TO 10485760
SELECT set_config('work_mem', '10GB', true)
UPDATE pg_settings SET setting = 10485760 WHERE name = 'work_mem'
SAVEPOINT s; SET LOCAL work_mem = '10GB'; RELEASE s
SELECT set_config(name, '10GB', true) FROM (VALUES ('work_mem')) v(name)
SELECT name FROM shop.items WHERE set_config('work_mem', '10GB', true) = '10GB'
[proves reader | SELECT current_setting('log_statement') = 'none']
SET log_statement = none
SET log_statement TO 'none'
SELECT set_config('log_statement', 'none', true)
[proves reader | SELECT current_setting('log_min_messages') = 'panic']
SET log_min_messages = panic
[proves reader | SELECT current_setting('track_activities') = 'off']
SET track_activities = off
[proves reader | SELECT current_setting('default_tablespace') = 'pg_global']
SELECT set_config('default_tablespace', 'pg_global', true)
[proves reader | SELECT current_setting('dynamic_library_path') = '/tmp']
SET dynamic_library_path = '/tmp'
[proves reader | SELECT current_setting('check_function_bodies') = 'off']
SET check_function_bodies = off
[proves reader | SELECT current_setting('allow_system_table_mods') = 'on']
SET allow_system_table_mods = on
[proves reader | SELECT current_setting('debug_print_plan') = 'on']
SET debug_print_plan = on
SET debug_print_plan TO true
[proves reader | SELECT current_setting('zero_damaged_pages') = 'on']
SET zero_damaged_pages = on
[proves reader | SELECT current_setting('lo_compat_privileges') = 'on']
SET lo_compat_privileges = on
[proves reader | SELECT current_setting('transform_null_equals') = 'on']
SET transform_null_equals = on
[proves reader | SELECT current_setting('quote_all_identifiers') = 'on']
SET quote_all_identifiers = on
[proves reader | SELECT current_setting('plan.made') = 'x']
SET plan.made = 'x'
SELECT set_config('plan.made', 'x', true)
[proves reader | SELECT current_setting('dbgate.user') = 'admin']
SET dbgate."user" = 'admin'
SELECT set_config('dbgate.user', 'admin', false)
[proves reader | SELECT current_setting('search_path') = 'extra']
SET search_path = extra
SET SEARCH_PATH TO 'extra'
SET SCHEMA 'extra'
SELECT set_config('search_path', 'extra', false)
SELECT set_config('search_path', $$extra$$, false)
SELECT set_config(E'search\x5fpath', 'extra', false)
SELECT set_config(U&'search\005fpath', 'extra', false)
SELECT set_config('search_path'::text, 'extra'::text, false::bool)
WITH s AS (SELECT set_config('search_path', 'extra', false)) SELECT * FROM s
SELECT 1 FROM shop.items ORDER BY set_config('search_path', 'extra', true)
UPDATE pg_catalog.pg_settings SET setting = 'extra' WHERE name = 'search_path'
SELECT 1; SET search_path = extra; SELECT 2
SAVEPOINT s; SET LOCAL search_path = extra; RELEASE SAVEPOINT s
[proves reader | SELECT NOT pg_is_in_recovery() AND current_setting('transaction_read_only') = 'off']
SET TRANSACTION READ WRITE
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE
SET transaction_read_only = off
SET LOCAL transaction_read_only TO false
SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE
SET default_transaction_read_only = off
SET default_transaction_read_only TO 0
SELECT set_config('transaction_read_only', 'off', true)
SELECT set_config('default_transaction_read_only', 'no', false)
[proves alone reader | SELECT current_setting('transaction_read_only') = 'off']
BEGIN READ WRITE
START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE
BEGIN; SET TRANSACTION READ WRITE
[changes reader]
ALTER ROLE buried SET search_path = extra
ALTER USER postgres SET role TO buried
ALTER ROLE postgres IN DATABASE postgres SET work_mem = '1GB'
ALTER DATABASE postgres SET session_replication_role = replica
ALTER ROLE buried RESET ALL
CREATE FUNCTION shop.made() RETURNS int LANGUAGE sql SET search_path = extra AS 'SELECT 1'
ALTER FUNCTION shop.price(int) SET role = buried
[runs alone reader]
ALTER SYSTEM SET work_mem = '4MB'
ALTER SYSTEM RESET ALL
RESET SESSION AUTHORIZATION
RESET ROLE
SET ROLE NONE
SET SESSION AUTHORIZATION DEFAULT
[leaks reader]
SELECT set_config('application_name', shop.spy(), true)
SELECT set_config('application_name', (SELECT max(number) FROM shop.cards), true)
SELECT set_config('application_name', number, true) FROM shop.cards
SELECT setconfig FROM pg_db_role_setting
[shows reader | /data]
SHOW data_directory
SHOW hba_file
SHOW Config_File
SHOW ident_file
SHOW ALL
SELECT current_setting('data_directory')
SELECT current_setting('hba_file', true)
SELECT s FROM current_setting('config_file') s
SELECT ('data_directory'::text).current_setting
SELECT f.current_setting FROM unnest(ARRAY['hba_file']) f
SELECT setting FROM pg_settings WHERE name = 'data_directory'
SELECT * FROM pg_settings
SELECT s FROM pg_settings s
SELECT sourcefile FROM pg_file_settings
SELECT sourcefile || '/data' FROM pg_settings WHERE name = 'port'
[runs reader]
SHOW shared_preload_libraries
SHOW archive_command
SHOW primary_conninfo
SHOW ssl_key_file
SHOW log_directory
SHOW listen_addresses
SHOW port
SHOW unix_socket_directories
SHOW krb_server_keyfile
SHOW event_source
SHOW cluster_name
