#pragma once
#include <string>
#include <string_view>

// What is asked of pg_catalog, for PostgreSQL 13 to 18. Columns are read by position in pg_catalog_source.cpp. Other
// sessions' temporary schemas are left out: nobody else can name what is in them.
namespace dbgate::adapters::queries {

inline constexpr int oldest_server = 130000;
inline constexpr int sql_bodies_since = 140000;       // pg_proc.prosqlbody
inline constexpr int virtual_columns_since = 180000;  // pg_attribute.attgenerated 'v'

/// Fixed for the time of the load: what the server prints must not depend on how the account or database is set up, and
/// with an empty search_path it writes every name but those of pg_catalog with its schema.
inline constexpr std::string_view settings =
    "SET LOCAL search_path = ''; SET LOCAL quote_all_identifiers = off; SET LOCAL standard_conforming_strings = on; "
    "SET LOCAL DateStyle = 'ISO, MDY'; SET LOCAL IntervalStyle = 'postgres'; SET LOCAL TimeZone = 'UTC'; "
    "SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL xmloption = 'content'; "
    "SET LOCAL jit = off";

inline std::string unreadable(int server_version) {
  return std::string(
             "SELECT name FROM pg_catalog.unnest('{pg_namespace,pg_class,pg_attribute,pg_inherits,pg_rewrite,"
             "pg_trigger,pg_constraint,pg_proc,pg_language,pg_operator,pg_type,pg_cast,pg_aggregate,pg_attrdef,"
             "pg_index,pg_policy") +
         (server_version >= virtual_columns_since ? ",pg_depend" : "") +
         "}'::text[]) AS name WHERE NOT pg_catalog.has_table_privilege('pg_catalog.' || name, 'SELECT')";
}

inline constexpr std::string_view schemas =
    "SELECT oid, nspname FROM pg_catalog.pg_namespace WHERE NOT pg_catalog.pg_is_other_temp_schema(oid)";

// What equality can be looked up by: the first column of indexes that hold every row and may be used.
inline constexpr std::string_view indexed =
    "SELECT i.indrelid, i.indkey[0] FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid "
    "JOIN pg_catalog.pg_am m ON m.oid = c.relam "
    "WHERE i.indisvalid AND i.indpred IS NULL AND i.indkey[0] > 0 AND i.indrelid >= 16384 "
    "AND m.amname IN ('btree', 'hash') AND NOT pg_catalog.pg_is_other_temp_schema(c.relnamespace)";

// Before PostgreSQL 14 a table that was never analysed had no rows and no pages.
inline constexpr std::string_view relations =
    "SELECT oid, relnamespace, relname, relkind, relrowsecurity, CASE WHEN reltuples = 0 AND relpages = 0 AND "
    "pg_catalog.current_setting('server_version_num')::int < 140000 THEN -1 ELSE reltuples END::float8, relpages::int8 "
    "FROM pg_catalog.pg_class WHERE NOT pg_catalog.pg_is_other_temp_schema(relnamespace)";

inline constexpr std::string_view columns =
    "SELECT a.attrelid, a.attname, a.atttypid, a.atttypmod, a.attnum, a.attgenerated <> '', a.attnotnull "
    "FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid "
    "WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c', 'S') "
    "AND NOT pg_catalog.pg_is_other_temp_schema(c.relnamespace)";

// A default depends on its own column, and on each that it names.
inline constexpr std::string_view virtual_parts =
    "SELECT d.adrelid, d.adnum, p.refobjsubid FROM pg_catalog.pg_attrdef d "
    "JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum "
    "JOIN pg_catalog.pg_depend p ON p.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND p.objid = d.oid "
    "AND p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND p.refobjid = d.adrelid "
    "WHERE a.attgenerated = 'v' AND p.refobjsubid > 0 AND p.refobjsubid <> d.adnum";

inline constexpr std::string_view parents =
    "SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits ORDER BY inhrelid, inhseqno";

// The rules of the system's own views: that they exist, not what they say.
inline constexpr std::string_view system_rules =
    "SELECT r.ev_class, r.rulename, r.ev_type, r.is_instead, r.ev_enabled <> 'D', ''::text "
    "FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname IN ('pg_catalog', 'information_schema', 'pg_toast')";
inline constexpr std::string_view user_rule_oids =
    "SELECT r.oid FROM pg_catalog.pg_rewrite r JOIN pg_catalog.pg_class c ON c.oid = r.ev_class "
    "JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') "
    "AND NOT pg_catalog.pg_is_other_temp_schema(c.relnamespace)";
/// `definition`: whether to ask for it, which takes a lock on everything that it names.
inline std::string rules(bool definition) {
  return std::string("SELECT r.ev_class, r.rulename, r.ev_type, r.is_instead, r.ev_enabled <> 'D', ") +
         (definition ? "CASE WHEN r.ev_type = '1' THEN pg_catalog.pg_get_viewdef(r.ev_class) "
                       "ELSE pg_catalog.pg_get_ruledef(r.oid) END "
                     : "''::text ") +
         "FROM pg_catalog.pg_rewrite r WHERE r.oid = ANY ($1::oid[])";
}

// Row triggers that partitions inherit count as internal before PostgreSQL 15; those of foreign keys stay out.
inline constexpr std::string_view triggers =
    "SELECT t.tgrelid, t.tgfoid, t.tgname, t.tgtype, t.tgenabled <> 'D', t.tgoldtable, t.tgnewtable "
    "FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid "
    "LEFT JOIN pg_catalog.pg_constraint k ON k.oid = t.tgconstraint "
    "WHERE (NOT t.tgisinternal OR t.tgparentid <> 0 AND (t.tgconstraint = 0 OR k.contype = 't')) "
    "AND NOT pg_catalog.pg_is_other_temp_schema(c.relnamespace)";

inline constexpr std::string_view foreign_keys =
    "SELECT k.conrelid, k.confrelid, k.confupdtype, k.confdeltype, k.conkey::int4[]::oid[], k.confkey::int4[]::oid[] "
    "FROM pg_catalog.pg_constraint k "
    "WHERE k.contype = 'f' AND NOT pg_catalog.pg_is_other_temp_schema(k.connamespace)";

inline constexpr std::string_view unique_keys =
    "SELECT k.conrelid, k.contype = 'p', k.conkey::int4[]::oid[] FROM pg_catalog.pg_constraint k "
    "WHERE k.contype IN ('p', 'u') AND NOT pg_catalog.pg_is_other_temp_schema(k.connamespace)";

// What users wrote. An account that may not read comments has none.
inline constexpr std::string_view comments =
    "SELECT d.objoid, d.objsubid, pg_catalog.left(d.description, 1000) FROM pg_catalog.pg_description d "
    "JOIN pg_catalog.pg_class c ON c.oid = d.objoid WHERE d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass "
    "AND d.objoid >= 16384 AND d.objsubid >= 0 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') "
    "AND NOT pg_catalog.pg_is_other_temp_schema(c.relnamespace)";

inline std::string functions_with(std::string_view body, std::string_view where) {
  return "SELECT p.oid, p.pronamespace, p.proname, p.prokind, p.provolatile, p.prosecdef, p.proretset, p.proisstrict, "
         "p.pronargdefaults, p.provariadic, p.prorettype, p.proargtypes, p.proargmodes, p.proargnames, l.lanname, " +
         std::string(body) +
         ", CASE WHEN p.proconfig IS NULL THEN NULL ELSE (SELECT pg_catalog.substr(s, 13) FROM "
         "pg_catalog.unnest(p.proconfig) AS s WHERE s LIKE 'search\\_path=%' LIMIT 1) END, p.proparallel "
         "FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_language l ON l.oid = p.prolang WHERE " +
         std::string(where);
}
/// All but those with a body in standard SQL.
inline std::string functions(int server_version) {
  const bool sql_bodies = server_version >= sql_bodies_since;
  return functions_with("CASE WHEN l.lanname IN ('sql', 'plpgsql') THEN p.prosrc ELSE '' END",
                        std::string("NOT pg_catalog.pg_is_other_temp_schema(p.pronamespace)") +
                            (sql_bodies ? " AND p.prosqlbody IS NULL" : ""));
}
inline constexpr std::string_view sql_body_oids =
    "SELECT oid FROM pg_catalog.pg_proc WHERE prosqlbody IS NOT NULL "
    "AND NOT pg_catalog.pg_is_other_temp_schema(pronamespace)";
inline std::string sql_bodies(bool definition) {
  return functions_with(definition ? "pg_catalog.pg_get_function_sqlbody(p.oid)" : "''::text",
                        "p.oid = ANY ($1::oid[])");
}

/// Where the encoding is not UTF8: names beyond ASCII that a client can write and be sure of. What two names of the
/// server come to in UTF-8, or what comes back as another, nobody can (EUC_JP has both). SQL_ASCII converts nothing.
inline constexpr std::string_view wide_names =
    "SELECT pg_catalog.max(n) FROM (SELECT n, CASE WHEN raw THEN pg_catalog.textsend(n) ELSE "
    "pg_catalog.convert_to(n, 'UTF8') END AS sent, CASE WHEN raw THEN true ELSE "
    "pg_catalog.convert_from(pg_catalog.convert_to(n, 'UTF8'), 'UTF8') = n END AS same FROM ("
    "SELECT nspname::text AS n FROM pg_catalog.pg_namespace UNION SELECT relname::text FROM pg_catalog.pg_class UNION "
    "SELECT attname::text FROM pg_catalog.pg_attribute WHERE NOT attisdropped UNION "
    "SELECT typname::text FROM pg_catalog.pg_type UNION SELECT proname::text FROM pg_catalog.pg_proc UNION "
    "SELECT pg_catalog.unnest(proargnames) FROM pg_catalog.pg_proc) AS names, "
    "(SELECT pg_catalog.getdatabaseencoding() = 'SQL_ASCII' AS raw) AS encoding "
    "WHERE n ~ '[^\\x01-\\x7f]') AS wide GROUP BY sent HAVING pg_catalog.bool_and(same)";

// Support functions of users' aggregates.
inline constexpr std::string_view aggregates =
    "SELECT aggfnoid::oid, ARRAY[aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn, aggmtransfn, "
    "aggminvtransfn, aggmfinalfn]::oid[] FROM pg_catalog.pg_aggregate WHERE aggfnoid >= 16384";

/// What runs when rows are read or written: of defaults, constraints, indexes and policies. One catalog each.
struct ExpressionQueries {
  std::string_view catalog;
  std::string_view oids;
  std::string (*texts)(bool definition);
};
inline std::string shown_if(bool definition, std::string_view arguments) {
  return definition ? "pg_catalog.pg_get_expr(" + std::string(arguments) + ")" : "''::text";
}
inline std::string defaults(bool definition) {
  return "SELECT d.adrelid, CASE WHEN a.attgenerated <> '' THEN 'g' ELSE 'd' END, " +
         shown_if(definition, "d.adbin, d.adrelid") +
         " FROM pg_catalog.pg_attrdef d JOIN pg_catalog.pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = "
         "d.adnum "
         "WHERE d.oid = ANY ($1::oid[])";
}
inline std::string constraints(bool definition) {
  return "SELECT conrelid, 'c', " + shown_if(definition, "conbin, conrelid") +
         " FROM pg_catalog.pg_constraint WHERE oid = ANY ($1::oid[])";
}
inline std::string indexes(bool definition) {
  const std::string each = " FROM pg_catalog.pg_index WHERE indexrelid = ANY ($1::oid[]) AND ";
  return "SELECT indrelid, 'i', " + shown_if(definition, "indexprs, indrelid") + each +
         "indexprs IS NOT NULL UNION ALL " + "SELECT indrelid, 'i', " + shown_if(definition, "indpred, indrelid") +
         each + "indpred IS NOT NULL";
}
inline std::string policies(bool definition) {
  const std::string each = " FROM pg_catalog.pg_policy WHERE oid = ANY ($1::oid[]) AND ";
  return "SELECT polrelid, 'p', " + shown_if(definition, "polqual, polrelid") + each +
         "polqual IS NOT NULL UNION ALL " + "SELECT polrelid, 'p', " + shown_if(definition, "polwithcheck, polrelid") +
         each + "polwithcheck IS NOT NULL";
}
inline constexpr ExpressionQueries expressions[] = {
    {"pg_attrdef", "SELECT oid FROM pg_catalog.pg_attrdef WHERE adrelid >= 16384", defaults},
    {"pg_constraint",
     "SELECT oid FROM pg_catalog.pg_constraint WHERE contype = 'c' AND conrelid >= 16384 "
     "AND NOT pg_catalog.pg_is_other_temp_schema(connamespace)",
     constraints},
    {"pg_index",
     "SELECT indexrelid FROM pg_catalog.pg_index WHERE indrelid >= 16384 "
     "AND (indexprs IS NOT NULL OR indpred IS NOT NULL)",
     indexes},
    {"pg_policy", "SELECT oid FROM pg_catalog.pg_policy", policies},
};

inline constexpr std::string_view operators =
    "SELECT oid, oprnamespace, oprname, oprleft, oprright, oprresult, oprcode::oid FROM pg_catalog.pg_operator "
    "WHERE NOT pg_catalog.pg_is_other_temp_schema(oprnamespace)";

// Types of fixed length with elements (name, point) are no array types.
inline constexpr std::string_view types =
    "SELECT oid, typnamespace, typname, typtype, typcategory, typispreferred, typrelid, "
    "CASE WHEN typlen = -1 AND typtype <> 'd' THEN typelem ELSE 0 END::oid, typarray, typbasetype, typtypmod "
    "FROM pg_catalog.pg_type WHERE NOT pg_catalog.pg_is_other_temp_schema(typnamespace)";

inline constexpr std::string_view checks =
    "SELECT contypid, pg_catalog.pg_get_constraintdef(oid) FROM pg_catalog.pg_constraint "
    "WHERE contypid <> 0 AND contype = 'c' AND NOT pg_catalog.pg_is_other_temp_schema(connamespace) "
    "ORDER BY contypid, conname";

inline constexpr std::string_view casts =
    "SELECT castsource, casttarget, castfunc, castcontext, castmethod FROM pg_catalog.pg_cast";

}  // namespace dbgate::adapters::queries
