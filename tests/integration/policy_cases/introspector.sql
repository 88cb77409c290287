# Metadata queries of drivers and tools. psql's own come from psql itself, see policy_test.py.
[denied introspector]
SELECT * FROM shop.items
SELECT id FROM shop.items
SELECT count(*) FROM shop.customers
SELECT * FROM pg_stat_user_tables
SELECT idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'items'
SELECT max(seq_tup_read) FROM pg_stat_all_tables
SELECT s FROM pg_stat_user_tables s
SELECT * FROM items
SELECT 1 FROM shop.item_names
SELECT * FROM shop.items_pkey
SELECT * FROM pg_catalog.pg_class c JOIN shop.items i ON i.name = c.relname
SELECT relname FROM pg_class WHERE EXISTS (SELECT 1 FROM shop.cards)
SELECT (SELECT number FROM shop.cards LIMIT 1) FROM pg_class
SELECT pg_get_expr(prosqlbody, 0) FROM pg_proc
SELECT query_to_xml(relname, true, true, '') FROM pg_class
COPY pg_class TO STDOUT
COPY (SELECT relname FROM pg_class) TO STDOUT
COPY information_schema.tables TO STDOUT
SELECT * FROM pg_class FOR UPDATE
LOCK pg_catalog.pg_class
UPDATE pg_class SET relname = relname
INSERT INTO information_schema.sql_features SELECT * FROM information_schema.sql_features
SELECT * INTO t FROM pg_class
WITH w AS (DELETE FROM pg_catalog.pg_class RETURNING *) SELECT * FROM w
SELECT relname FROM pg_class c, LATERAL pg_sleep(0)
SELECT relname FROM pg_class ORDER BY pg_sleep(0)
SELECT c.relname FROM pg_class c WHERE c.relname = ANY (SELECT q FROM shop.cards)
SELECT pg_ls_dir(relname) FROM pg_class
SELECT ('planted'::text).pg_read_file FROM pg_class
SELECT setting FROM pg_settings
SELECT setting FROM pg_settings WHERE name = 'data_directory'
SELECT setting FROM pg_catalog.pg_settings WHERE name IN ('max_index_keys', 'data_directory')
SELECT setting FROM pg_settings WHERE name = 'max_index_keys' OR true
SELECT setting FROM pg_settings WHERE name = 'max_index_keys' OR name = 'data_directory'
SELECT setting FROM pg_settings WHERE NOT name = 'max_index_keys'
SELECT setting FROM pg_settings WHERE name <> 'max_index_keys'
SELECT setting FROM pg_settings WHERE name LIKE 'max_index_keys'
SELECT setting FROM pg_settings WHERE name = lower('data_directory')
SELECT setting FROM pg_settings WHERE name = 'max_index_keys' AND setting::int > 0
SELECT setting FROM pg_settings WHERE name = 'max_index_keys' AND 1 / length(setting) > 0
SELECT setting FROM pg_settings WHERE name = 'max_index_keys' GROUP BY name, setting HAVING length(setting) > 0
SELECT setting FROM pg_settings AS s (setting, name) WHERE name = 'max_index_keys'
SELECT * FROM pg_settings WHERE name = 'max_index_keys'
SELECT s FROM pg_settings s WHERE name = 'max_index_keys'
SELECT (s).sourcefile FROM pg_settings s WHERE name = 'max_index_keys'
SELECT sourcefile FROM pg_settings WHERE name = 'max_index_keys'
SELECT a.setting FROM pg_settings a, pg_settings b WHERE a.name = 'max_index_keys'
SELECT a.setting FROM pg_settings a JOIN pg_class c ON true WHERE a.name = 'max_index_keys'
SELECT setting FROM (SELECT * FROM pg_settings) s WHERE name = 'max_index_keys'
SELECT * FROM (SELECT setting FROM pg_settings WHERE name = 'max_index_keys') s WHERE 1 / length(setting) > 0
SELECT setting, (SELECT setting FROM pg_settings WHERE name = 'data_directory') FROM pg_settings WHERE name = 'max_index_keys'
SELECT setting FROM pg_settings WHERE name = 'max_index_keys' UNION SELECT setting FROM pg_settings
WITH s AS (SELECT name, setting FROM pg_settings) SELECT setting FROM s WHERE name = 'max_index_keys'
SELECT set_config(name, 'x', false) FROM pg_settings WHERE name = 'search_path'
SELECT current_setting(name) FROM pg_settings WHERE name = 'search_path'
SELECT setting FROM pg_settings WHERE name = 'max_index_keys' FOR UPDATE
UPDATE pg_settings SET setting = 'x' WHERE name = 'application_name'
SELECT setting FROM pg_show_all_settings()
SELECT setting FROM pg_show_all_settings() WHERE name = 'data_directory'
SELECT * FROM pg_show_all_settings() WHERE name = 'max_index_keys'
SELECT pg_show_all_settings() FROM pg_settings WHERE name = 'max_index_keys'
SELECT setting FROM pg_show_all_settings() AS s (setting, name) WHERE name = 'max_index_keys'
SELECT setting FROM ROWS FROM (pg_show_all_settings()) WHERE name = 'max_index_keys'
SELECT current_setting('data_directory')
SELECT current_setting(lower('SERVER_VERSION'))
SELECT pg_get_viewdef('shop.item_names'::regclass, true)
SELECT pg_get_ruledef(oid) FROM pg_rewrite
[allowed introspector]
SELECT setting FROM pg_settings WHERE name = 'max_index_keys'
SELECT setting FROM pg_catalog.pg_settings WHERE name='max_index_keys'
SELECT s.name, s.setting, s.unit FROM pg_settings s WHERE (s.name = 'TimeZone') AND s.name IN ('TimeZone', 'work_mem')
SELECT coalesce(max(setting)::int, 0) FROM pg_settings WHERE name IN ('max_connections')
SELECT reset_val FROM pg_settings WHERE name = 'standard_conforming_strings' ORDER BY name LIMIT 1
SELECT set_config('bytea_output', 'hex', false) FROM pg_show_all_settings() WHERE name = 'bytea_output'
SELECT set_config('bytea_output', 'hex', false) FROM pg_settings WHERE name = 'bytea_output'
SELECT relid, relname FROM pg_catalog.pg_statio_all_tables
SELECT current_setting('server_version')
SELECT pg_catalog.current_setting('server_version_num', true)
SELECT lower('a')
SELECT version()
SELECT pg_catalog.version()
SELECT current_schema()
SELECT current_database(), current_user, session_user, user, current_catalog
SELECT current_schemas(true)
SELECT pg_backend_pid()
SELECT pg_is_in_recovery()
# pgjdbc: getTables, getColumns, getPrimaryKeys, getIndexInfo, getImportedKeys, getProcedures, getTypeInfo, getSchemas
SELECT NULL AS TABLE_CAT, n.nspname AS TABLE_SCHEM, c.relname AS TABLE_NAME, CASE n.nspname ~ '^pg_' OR n.nspname = 'information_schema' WHEN true THEN CASE WHEN n.nspname = 'pg_catalog' THEN CASE c.relkind WHEN 'r' THEN 'SYSTEM TABLE' ELSE NULL END ELSE NULL END WHEN false THEN CASE c.relkind WHEN 'r' THEN 'TABLE' WHEN 'v' THEN 'VIEW' ELSE NULL END ELSE NULL END AS TABLE_TYPE, d.description AS REMARKS, '' as TYPE_CAT FROM pg_catalog.pg_namespace n, pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_description d ON (c.oid = d.objoid AND d.objsubid = 0 and d.classoid = 'pg_class'::regclass) WHERE c.relnamespace = n.oid AND n.nspname LIKE 'shop' AND (false OR (c.relkind = 'r' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema')) ORDER BY TABLE_TYPE, TABLE_SCHEM, TABLE_NAME
SELECT * FROM (SELECT n.nspname,c.relname,a.attname,a.atttypid,a.attnotnull OR (t.typtype = 'd' AND t.typnotnull) AS attnotnull,a.atttypmod,a.attlen,t.typtypmod,row_number() OVER (PARTITION BY a.attrelid ORDER BY a.attnum) AS attnum, nullif(a.attidentity, '') as attidentity,nullif(a.attgenerated, '') as attgenerated,pg_catalog.pg_get_expr(def.adbin, def.adrelid) AS adsrc,dsc.description,t.typbasetype,t.typtype FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON (c.relnamespace = n.oid) JOIN pg_catalog.pg_attribute a ON (a.attrelid=c.oid) JOIN pg_catalog.pg_type t ON (a.atttypid = t.oid) LEFT JOIN pg_catalog.pg_attrdef def ON (a.attrelid=def.adrelid AND a.attnum = def.adnum) LEFT JOIN pg_catalog.pg_description dsc ON (c.oid=dsc.objoid AND a.attnum = dsc.objsubid) LEFT JOIN pg_catalog.pg_class dc ON (dc.oid=dsc.classoid AND dc.relname='pg_class') LEFT JOIN pg_catalog.pg_namespace dn ON (dc.relnamespace=dn.oid AND dn.nspname='pg_catalog') WHERE c.relkind in ('r','p','v','f','m') and a.attnum > 0 AND NOT a.attisdropped AND n.nspname LIKE 'shop' AND c.relname LIKE 'items') c WHERE true ORDER BY nspname,c.relname,attnum
SELECT result.TABLE_CAT, result.TABLE_SCHEM, result.TABLE_NAME, result.COLUMN_NAME, result.KEY_SEQ, result.PK_NAME FROM (SELECT NULL AS TABLE_CAT, n.nspname AS TABLE_SCHEM, ct.relname AS TABLE_NAME, a.attname AS COLUMN_NAME, (information_schema._pg_expandarray(i.indkey)).n AS KEY_SEQ, ci.relname AS PK_NAME, information_schema._pg_expandarray(i.indkey) AS KEYS, a.attnum AS A_ATTNUM FROM pg_catalog.pg_class ct JOIN pg_catalog.pg_attribute a ON (ct.oid = a.attrelid) JOIN pg_catalog.pg_namespace n ON (ct.relnamespace = n.oid) JOIN pg_catalog.pg_index i ON ( a.attrelid = i.indrelid) JOIN pg_catalog.pg_class ci ON (ci.oid = i.indexrelid) WHERE true AND n.nspname = 'shop' AND ct.relname = 'items' AND i.indisprimary ) result where result.A_ATTNUM = (result.KEYS).x ORDER BY result.table_name, result.pk_name, result.key_seq
SELECT tmp.TABLE_CAT, tmp.INDEX_NAME, trim(both '"' from pg_catalog.pg_get_indexdef(tmp.CI_OID, tmp.ORDINAL_POSITION, false)) AS COLUMN_NAME, CASE tmp.AM_NAME WHEN 'btree' THEN CASE tmp.I_INDOPTION[tmp.ORDINAL_POSITION - 1] & 1::smallint WHEN 1 THEN 'D' ELSE 'A' END ELSE NULL END AS ASC_OR_DESC, tmp.FILTER_CONDITION FROM (SELECT NULL AS TABLE_CAT, NOT i.indisunique AS NON_UNIQUE, ci.relname AS INDEX_NAME, (information_schema._pg_expandarray(i.indkey)).n AS ORDINAL_POSITION, ci.reltuples AS CARDINALITY, pg_catalog.pg_get_expr(i.indpred, i.indrelid) AS FILTER_CONDITION, ci.oid AS CI_OID, i.indoption AS I_INDOPTION, am.amname AS AM_NAME FROM pg_catalog.pg_class ct JOIN pg_catalog.pg_namespace n ON (ct.relnamespace = n.oid) JOIN pg_catalog.pg_index i ON (ct.oid = i.indrelid) JOIN pg_catalog.pg_class ci ON (ci.oid = i.indexrelid) JOIN pg_catalog.pg_am am ON (ci.relam = am.oid) WHERE true AND n.nspname = 'shop') AS tmp
SELECT NULL::text AS PKTABLE_CAT, pkn.nspname AS PKTABLE_SCHEM, pkc.relname AS PKTABLE_NAME, pka.attname AS PKCOLUMN_NAME, con.conname AS FK_NAME, CASE WHEN con.condeferrable AND con.condeferred THEN 5 WHEN con.condeferrable THEN 6 ELSE 7 END AS DEFERRABILITY FROM pg_catalog.pg_namespace pkn, pg_catalog.pg_class pkc, pg_catalog.pg_attribute pka, pg_catalog.pg_constraint con, pg_catalog.generate_series(1, 32) pos(n), pg_catalog.pg_class pkic WHERE pkn.oid = pkc.relnamespace AND pkc.oid = pka.attrelid AND pka.attnum = con.confkey[pos.n] AND con.confrelid = pkc.oid AND con.contype = 'f'
SELECT NULL AS PROCEDURE_CAT, n.nspname AS PROCEDURE_SCHEM, p.proname AS PROCEDURE_NAME, d.description AS REMARKS, p.proname || '_' || p.oid AS SPECIFIC_NAME FROM pg_catalog.pg_namespace n, pg_catalog.pg_proc p LEFT JOIN pg_catalog.pg_description d ON (p.oid=d.objoid) LEFT JOIN pg_catalog.pg_class c ON (d.classoid=c.oid AND c.relname='pg_proc') WHERE p.pronamespace=n.oid AND p.prokind='p'
SELECT nspname AS TABLE_SCHEM, NULL AS TABLE_CATALOG FROM pg_catalog.pg_namespace WHERE nspname <> 'pg_toast' AND (nspname !~ '^pg_temp_' OR nspname = (pg_catalog.current_schemas(true))[1]) ORDER BY TABLE_SCHEM
SELECT t.typname,t.oid FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON (t.typnamespace = n.oid) WHERE n.nspname != 'pg_toast' AND (t.typrelid = 0 OR (SELECT c.relkind = 'c' FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid))
SELECT typinput='pg_catalog.array_in'::regproc as is_array, typtype, typname, pg_type.oid FROM pg_catalog.pg_type LEFT JOIN (select ns.oid as nspoid, ns.nspname, r.r from pg_namespace as ns join ( select s.r, (current_schemas(false))[s.r] as nspname from generate_series(1, array_upper(current_schemas(false), 1)) as s(r) ) as r using ( nspname ) ) as sp ON sp.nspoid = typnamespace WHERE typname = 'mood' ORDER BY sp.r, pg_type.oid DESC LIMIT 1
SELECT a.attname, a.atttypid FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON (c.oid=a.attrelid) WHERE c.oid='shop.items'::regclass AND a.attnum > 0
# SQLAlchemy
select pg_catalog.version()
select current_schema()
show standard_conforming_strings
SELECT pg_catalog.pg_class.relname FROM pg_catalog.pg_class JOIN pg_catalog.pg_namespace ON pg_catalog.pg_namespace.oid = pg_catalog.pg_class.relnamespace WHERE pg_catalog.pg_class.relkind = ANY (ARRAY['r', 'p', 'f', 'v', 'm']) AND pg_catalog.pg_table_is_visible(pg_catalog.pg_class.oid) AND pg_catalog.pg_namespace.nspname != 'pg_catalog'
SELECT pg_catalog.pg_attribute.attname AS name, pg_catalog.format_type(pg_catalog.pg_attribute.atttypid, pg_catalog.pg_attribute.atttypmod) AS format_type, (SELECT pg_catalog.pg_get_expr(pg_catalog.pg_attrdef.adbin, pg_catalog.pg_attrdef.adrelid) AS pg_get_expr_1 FROM pg_catalog.pg_attrdef WHERE pg_catalog.pg_attrdef.adrelid = pg_catalog.pg_attribute.attrelid AND pg_catalog.pg_attrdef.adnum = pg_catalog.pg_attribute.attnum AND pg_catalog.pg_attribute.atthasdef) AS "default", pg_catalog.pg_attribute.attnotnull AS not_null, pg_catalog.pg_class.relname AS table_name, pg_catalog.pg_description.description AS comment, pg_catalog.pg_attribute.attgenerated AS generated, (SELECT json_build_object('always', pg_catalog.pg_attribute.attidentity = 'a', 'start', pg_catalog.pg_sequence.seqstart) AS json_build_object_1 FROM pg_catalog.pg_sequence WHERE pg_catalog.pg_attribute.attidentity != '' AND pg_catalog.pg_sequence.seqrelid = CAST(CAST(pg_catalog.pg_get_serial_sequence(CAST(CAST(pg_catalog.pg_attribute.attrelid AS REGCLASS) AS TEXT), pg_catalog.pg_attribute.attname) AS REGCLASS) AS OID)) AS identity_options FROM pg_catalog.pg_class LEFT OUTER JOIN pg_catalog.pg_attribute ON pg_catalog.pg_class.oid = pg_catalog.pg_attribute.attrelid AND pg_catalog.pg_attribute.attnum > 0 AND NOT pg_catalog.pg_attribute.attisdropped LEFT OUTER JOIN pg_catalog.pg_description ON pg_catalog.pg_description.objoid = pg_catalog.pg_attribute.attrelid AND pg_catalog.pg_description.objsubid = pg_catalog.pg_attribute.attnum JOIN pg_catalog.pg_namespace ON pg_catalog.pg_namespace.oid = pg_catalog.pg_class.relnamespace WHERE pg_catalog.pg_class.relkind = ANY (ARRAY['r']) AND pg_catalog.pg_table_is_visible(pg_catalog.pg_class.oid) AND pg_catalog.pg_class.relname IN ('items') ORDER BY pg_catalog.pg_class.relname, pg_catalog.pg_attribute.attnum
SELECT attr.conrelid, array_agg(CAST(attr.attname AS TEXT) ORDER BY attr.ord) AS cols, attr.conname, min(attr.description) AS description FROM (SELECT con.conrelid AS conrelid, con.conname AS conname, con.ord AS ord, pg_catalog.pg_attribute.attname AS attname, con.description AS description FROM pg_catalog.pg_attribute JOIN (SELECT pg_catalog.pg_constraint.conrelid AS conrelid, pg_catalog.pg_constraint.conname AS conname, unnest(pg_catalog.pg_constraint.conkey) AS attnum, generate_subscripts(pg_catalog.pg_constraint.conkey, 1) AS ord, pg_catalog.pg_description.description AS description FROM pg_catalog.pg_constraint LEFT OUTER JOIN pg_catalog.pg_description ON pg_catalog.pg_description.objoid = pg_catalog.pg_constraint.oid WHERE pg_catalog.pg_constraint.contype = 'p') AS con ON pg_catalog.pg_attribute.attnum = con.attnum AND pg_catalog.pg_attribute.attrelid = con.conrelid) AS attr GROUP BY attr.conrelid, attr.conname ORDER BY attr.conrelid, attr.conname
SELECT nspname FROM pg_namespace WHERE nspname NOT LIKE 'pg_%' ORDER BY nspname
SELECT t.oid, typarray FROM pg_type t JOIN pg_namespace ns ON typnamespace = ns.oid WHERE typname = 'hstore'
# psycopg 3, asyncpg, npgsql, node
SELECT typname AS name, oid, typarray AS array_oid, oid::regtype::text AS regtype, typdelim AS delimiter FROM pg_type t WHERE t.oid = to_regtype('text') ORDER BY t.oid
SELECT t.typname AS name, t.oid AS oid, t.typarray AS array_oid, t.oid::regtype::text AS regtype, array_agg(e.enumlabel ORDER BY e.enumsortorder) FROM pg_type t LEFT JOIN pg_enum e ON e.enumtypid = t.oid WHERE t.oid = to_regtype('shop.mood') GROUP BY 1, 2, 3, 4
SELECT ns.nspname, t.oid, t.typname, t.typtype, t.typnotnull, t.elemtypoid FROM (SELECT typ.oid, typ.typnamespace, typ.typname, typ.typtype, typ.typrelid, typ.typnotnull, typ.relkind, elemtyp.oid AS elemtypoid, elemtyp.typname AS elemtypname, elemcls.relkind AS elemrelkind, CASE WHEN elemproc.proname='array_recv' THEN 'a' ELSE elemtyp.typtype END AS elemtyptype, typ.typcategory FROM (SELECT typ.oid, typnamespace, typname, typrelid, typnotnull, relkind, typelem AS elemoid, typcategory, CASE WHEN proc.proname='array_recv' THEN 'a' ELSE typ.typtype END AS typtype, CASE WHEN proc.proname='array_recv' THEN typ.typelem WHEN typ.typtype='r' THEN rngsubtype WHEN typ.typtype='d' THEN typ.typbasetype END AS elemtypoid2 FROM pg_type AS typ LEFT JOIN pg_class AS cls ON (cls.oid = typ.typrelid) LEFT JOIN pg_proc AS proc ON proc.oid = typ.typreceive LEFT JOIN pg_range ON (pg_range.rngtypid = typ.oid)) AS typ LEFT JOIN pg_type AS elemtyp ON elemtyp.oid = elemtypoid2 LEFT JOIN pg_class AS elemcls ON (elemcls.oid = elemtyp.typrelid) LEFT JOIN pg_proc AS elemproc ON elemproc.oid = elemtyp.typreceive) AS t JOIN pg_namespace AS ns ON (ns.oid = typnamespace) WHERE typtype IN ('b', 'r', 'm', 'e', 'd') ORDER BY CASE WHEN typtype = 'b' THEN 0 ELSE 1 END
WITH RECURSIVE typeinfo_tree(oid, ns, name, kind, depth) AS (SELECT ti.oid, ns.nspname, ti.typname, ti.typtype, 0 FROM pg_type ti JOIN pg_namespace ns ON ns.oid = ti.typnamespace WHERE ti.oid = any('{25}'::oid[]) UNION ALL SELECT ti.oid, 'x'::name, ti.typname, ti.typtype, tt.depth + 1 FROM pg_type ti, typeinfo_tree tt WHERE tt.oid = ti.typelem AND tt.depth < 2) SELECT DISTINCT *, basetype.typname AS b FROM typeinfo_tree JOIN pg_type basetype ON basetype.oid = typeinfo_tree.oid ORDER BY depth DESC
# Browsers of databases
SELECT * FROM information_schema.tables WHERE table_schema = 'shop'
SELECT * FROM information_schema.columns WHERE table_name = 'items' ORDER BY ordinal_position
SELECT table_schema, table_name, is_updatable FROM information_schema.views
SELECT * FROM information_schema.table_constraints NATURAL JOIN information_schema.key_column_usage LIMIT 1
SELECT * FROM information_schema.referential_constraints
SELECT * FROM information_schema.schemata
SELECT * FROM information_schema.sequences
SELECT * FROM information_schema.user_mappings
SELECT * FROM information_schema.foreign_servers
SELECT routine_name, data_type FROM information_schema.routines WHERE routine_schema = 'shop'
SELECT * FROM information_schema.parameters LIMIT 1
SELECT * FROM information_schema.enabled_roles
SELECT * FROM information_schema.role_table_grants LIMIT 1
SELECT * FROM pg_tables
SELECT schemaname, tablename, indexdef FROM pg_indexes WHERE schemaname = 'shop'
SELECT viewname FROM pg_views WHERE schemaname = 'shop'
SELECT * FROM pg_roles
SELECT rolname, rolsuper FROM pg_catalog.pg_roles ORDER BY 1
SELECT * FROM pg_user
SELECT datname, pg_encoding_to_char(encoding), datcollate FROM pg_database WHERE NOT datistemplate
SELECT oid, * FROM pg_class LIMIT 1
SELECT c.* FROM pg_catalog.pg_class c WHERE c.relkind = 'r'
SELECT n.oid, n.*, d.description FROM pg_namespace n LEFT JOIN pg_description d ON d.objoid = n.oid
SELECT a.*, t.typname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid WHERE a.attrelid = 'shop.items'::regclass
SELECT schemaname, relname, n_live_tup, last_analyze FROM pg_stat_user_tables
SELECT * FROM pg_sequences
SELECT * FROM pg_extension
SELECT * FROM pg_trigger
SELECT * FROM pg_timezone_names LIMIT 1
SELECT p.oid, p.proname, pg_get_function_arguments(p.oid), pg_get_function_result(p.oid) FROM pg_proc p WHERE p.proname = 'leak'
SELECT l.lanname, p.proname FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang LIMIT 1
SELECT pg_get_constraintdef(oid, true) FROM pg_constraint
SELECT pg_get_indexdef(indexrelid) FROM pg_index LIMIT 1
SELECT pg_size_pretty(pg_total_relation_size('shop.items')), pg_relation_size('shop.items'::regclass, 'main')
SELECT has_table_privilege('shop.items', 'SELECT'), has_schema_privilege('shop', 'USAGE')
SELECT obj_description('shop.items'::regclass, 'pg_class'), col_description('shop.items'::regclass, 1)
SELECT (aclexplode(relacl)).grantee, (aclexplode(relacl)).privilege_type FROM pg_class WHERE relacl IS NOT NULL
SELECT o.option_name, o.option_value FROM pg_class, pg_options_to_table(reloptions) o
SELECT a.grantee FROM pg_namespace n, LATERAL aclexplode(n.nspacl) AS a
SELECT k.word FROM pg_get_keywords() k WHERE k.catcode = 'R'
SELECT 'shop.items'::regclass::oid, 'lower(text)'::regprocedure, 'postgres'::regrole, 'shop'::regnamespace, 'int4'::regtype
SELECT to_regclass('shop.items'), to_regtype('int4'), to_regnamespace('shop')
SELECT enumlabel FROM pg_enum e JOIN pg_type t ON t.oid = e.enumtypid WHERE t.typname = 'mood' ORDER BY e.enumsortorder
SELECT conname, (SELECT array_agg(attname) FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey)) FROM pg_constraint
SELECT inhrelid::regclass FROM pg_inherits
EXPLAIN SELECT relname FROM pg_class
BEGIN; DECLARE c CURSOR FOR SELECT relname FROM pg_class; FETCH 10 c; COMMIT
PREPARE m (text) AS SELECT oid FROM pg_class WHERE relname = $1; EXECUTE m('items'); DEALLOCATE m
