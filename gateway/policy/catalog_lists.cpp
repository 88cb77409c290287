#include "gateway/policy/catalog_lists.h"

#include <algorithm>
#include <string>
#include <unordered_set>

namespace dbgate::policy {

using Names = std::unordered_set<std::string_view>;

Names words_of(std::string_view text) {
  Names names;
  while (!text.empty()) {
    const std::size_t start = text.find_first_not_of(" \n");
    if (start == std::string_view::npos) break;
    text.remove_prefix(start);
    const std::size_t end = std::min(text.find_first_of(" \n"), text.size());
    names.insert(text.substr(0, end));
    text.remove_prefix(end);
  }
  return names;
}

namespace {

constexpr std::string_view safe_function_words = R"(
abs acos acosd acosh asin asind asinh atan atan2 atan2d atand atanh cbrt ceil ceiling cos cosd cosh cot cotd degrees div
exp factorial floor gcd lcm ln log log10 min_scale mod pi power pow radians random round scale sign sin sind sinh sqrt
tan tand tanh trim_scale trunc width_bucket
ascii bit_count bit_length btrim char_length character_length chr concat concat_ws convert_from convert_to decode encode
format get_bit get_byte initcap is_normalized left length lower lpad ltrim md5 normalize octet_length overlay parse_ident
position quote_ident quote_literal quote_nullable regexp_count regexp_instr regexp_like regexp_match regexp_matches
regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr repeat replace reverse right rpad rtrim set_bit
set_byte sha224 sha256 sha384 sha512 similar_to_escape split_part starts_with string_to_array string_to_table strpos
substr substring to_ascii to_hex translate unistr upper like_escape
age clock_timestamp current_date current_time current_timestamp date_bin date_part date_trunc extract isfinite
justify_days justify_hours justify_interval localtime localtimestamp make_date make_interval make_time make_timestamp
make_timestamptz now statement_timestamp timeofday timezone to_char to_date to_number to_timestamp
transaction_timestamp date timestamptz timestamp time timetz interval
any_value array_agg avg bit_and bit_or bit_xor bool_and bool_or corr count covar_pop covar_samp cume_dist dense_rank every
first_value json_agg json_object_agg jsonb_agg jsonb_object_agg lag last_value lead max min mode nth_value ntile
percent_rank percentile_cont percentile_disc range_agg range_intersect_agg rank regr_avgx regr_avgy regr_count
regr_intercept regr_r2 regr_slope regr_sxx regr_sxy regr_syy row_number stddev stddev_pop stddev_samp string_agg sum
var_pop var_samp variance xmlagg grouping
array_append array_cat array_dims array_fill array_length array_lower array_ndims array_position array_positions
array_prepend array_remove array_replace array_to_json array_to_string array_upper cardinality generate_series
generate_subscripts trim_array unnest
json_array_elements json_array_elements_text json_array_length json_build_array json_build_object json_each
json_each_text json_extract_path json_extract_path_text json_object json_object_keys json_strip_nulls json_typeof
jsonb_array_elements jsonb_array_elements_text jsonb_array_length jsonb_build_array jsonb_build_object jsonb_concat
jsonb_contains jsonb_each jsonb_each_text jsonb_exists jsonb_exists_all jsonb_exists_any jsonb_extract_path
jsonb_extract_path_text jsonb_insert jsonb_object jsonb_object_keys jsonb_path_exists jsonb_path_match jsonb_path_query
jsonb_path_query_array jsonb_path_query_first jsonb_pretty jsonb_set jsonb_set_lax jsonb_strip_nulls jsonb_typeof
row_to_json to_json to_jsonb json_to_record json_to_recordset jsonb_to_record jsonb_to_recordset
abbrev broadcast family host hostmask masklen netmask network set_masklen text
isempty lower_inc lower_inf upper_inc upper_inf range_merge int4range int8range numrange tsrange tstzrange daterange
int4multirange int8multirange nummultirange tsmultirange tstzmultirange datemultirange multirange
area center diameter height isclosed isopen npoints pclose popen radius slope box circle line lseg path point polygon
gen_random_uuid num_nonnulls num_nulls nullif coalesce greatest least overlaps
like notlike bpchar float4 float8 int2 int4 int8 numeric varchar bool char name
to_tsquery to_tsvector plainto_tsquery phraseto_tsquery websearch_to_tsquery ts_headline ts_rank ts_rank_cd numnode
setweight strip tsvector_to_array array_to_tsvector ts_delete ts_filter querytree
current_user session_user current_catalog current_schema current_database current_schemas version pg_typeof
pg_backend_pid pg_client_encoding row_security_active
)";

constexpr std::string_view builtin_type_words = R"(
bool boolean bytea char name int8 int2 int4 text oid json jsonb xml point lseg path box polygon line float4 float8
circle money macaddr macaddr8 inet cidr bpchar varchar date time timestamp timestamptz interval timetz bit varbit
numeric uuid tsvector tsquery record void unknown int4range int8range numrange tsrange tstzrange daterange
int4multirange int8multirange nummultirange tsmultirange tstzmultirange datemultirange int2vector oidvector decimal
integer bigint smallint serial bigserial smallserial serial2 serial4 serial8 real xid xid8 cid tid pg_lsn jsonpath
refcursor
)";

// Types whose input looks names up in the catalog: for principals that may read it.
constexpr std::string_view introspection_relation_words = R"(
pg_am pg_attrdef pg_attribute pg_auth_members pg_cast pg_class pg_collation pg_constraint pg_conversion pg_database
pg_default_acl pg_depend pg_description pg_enum pg_event_trigger pg_extension pg_foreign_data_wrapper
pg_foreign_table pg_index pg_indexes pg_inherits pg_language pg_matviews pg_namespace pg_opclass pg_operator pg_opfamily
pg_partitioned_table pg_policies pg_policy pg_proc pg_publication pg_publication_rel pg_publication_tables
pg_publication_namespace pg_range pg_rewrite pg_roles pg_rules pg_sequence pg_sequences pg_shdescription
pg_statistic_ext pg_tables pg_tablespace pg_timezone_abbrevs pg_timezone_names pg_transform pg_trigger pg_ts_config
pg_ts_dict pg_ts_parser pg_ts_template pg_type pg_user pg_group pg_views pg_amop pg_amproc pg_aggregate pg_shdepend
pg_seclabel pg_seclabels pg_shseclabel pg_ts_config_map pg_foreign_server pg_stat_user_tables pg_stat_all_tables
pg_statio_all_tables pg_user_mappings pg_largeobject_metadata
)";

struct HiddenColumn {
  std::string_view relation;
  std::string_view column;
};
constexpr HiddenColumn hidden_columns[] = {
    {"pg_proc", "prosrc"},
    {"pg_proc", "probin"},
    {"pg_proc", "prosqlbody"},
    {"pg_rewrite", "ev_qual"},
    {"pg_rewrite", "ev_action"},
    {"pg_views", "definition"},
    {"pg_matviews", "definition"},
    {"pg_rules", "definition"},
    {"routines", "routine_definition"},
    {"views", "view_definition"},
    {"triggers", "action_statement"},
    {"pg_foreign_server", "srvoptions"},
    {"pg_foreign_table", "ftoptions"},
    {"pg_user_mappings", "umoptions"},
    // How many rows a scan of one's own has met, those behind a filter among them: that tells their values one by one.
    {"pg_stat_all_tables", "seq_scan"},
    {"pg_stat_all_tables", "seq_tup_read"},
    {"pg_stat_all_tables", "idx_scan"},
    {"pg_stat_all_tables", "idx_tup_fetch"},
    {"pg_stat_all_tables", "n_tup_ins"},
    {"pg_stat_all_tables", "n_tup_upd"},
    {"pg_stat_all_tables", "n_tup_del"},
    {"pg_stat_all_tables", "n_tup_hot_upd"},
    {"pg_stat_all_tables", "n_tup_newpage_upd"},
    {"pg_stat_all_tables", "last_seq_scan"},
    {"pg_stat_all_tables", "last_idx_scan"},
    {"pg_stat_user_tables", "seq_scan"},
    {"pg_stat_user_tables", "seq_tup_read"},
    {"pg_stat_user_tables", "idx_scan"},
    {"pg_stat_user_tables", "idx_tup_fetch"},
    {"pg_stat_user_tables", "n_tup_ins"},
    {"pg_stat_user_tables", "n_tup_upd"},
    {"pg_stat_user_tables", "n_tup_del"},
    {"pg_stat_user_tables", "n_tup_hot_upd"},
    {"pg_stat_user_tables", "n_tup_newpage_upd"},
    {"pg_stat_user_tables", "last_seq_scan"},
    {"pg_stat_user_tables", "last_idx_scan"},
    // What is read of tables that one has no right to. Sequelize asks for their names here.
    {"pg_statio_all_tables", "heap_blks_read"},
    {"pg_statio_all_tables", "heap_blks_hit"},
    {"pg_statio_all_tables", "idx_blks_read"},
    {"pg_statio_all_tables", "idx_blks_hit"},
    {"pg_statio_all_tables", "toast_blks_read"},
    {"pg_statio_all_tables", "toast_blks_hit"},
    {"pg_statio_all_tables", "tidx_blks_read"},
    {"pg_statio_all_tables", "tidx_blks_hit"}};

constexpr std::string_view introspection_function_words = R"(
array_to_string col_description current_database current_schema current_schemas current_user format_type
has_any_column_privilege has_column_privilege has_database_privilege has_function_privilege has_language_privilege
has_schema_privilege has_sequence_privilege has_server_privilege has_table_privilege has_tablespace_privilege
has_type_privilege obj_description oidvectortypes pg_backend_pid pg_char_to_encoding pg_collation_is_visible
pg_conversion_is_visible pg_encoding_to_char pg_function_is_visible pg_get_constraintdef pg_get_expr
pg_get_function_arguments pg_get_function_identity_arguments pg_get_function_result pg_get_indexdef pg_get_keywords
pg_get_partition_constraintdef pg_get_partkeydef pg_get_ruledef pg_get_serial_sequence pg_get_statisticsobjdef
pg_get_statisticsobjdef_columns pg_get_triggerdef pg_get_userbyid pg_get_viewdef pg_has_role pg_indexes_size
pg_is_in_recovery pg_is_other_temp_schema pg_my_temp_schema pg_opclass_is_visible pg_operator_is_visible
pg_opfamily_is_visible pg_partition_ancestors pg_partition_root pg_partition_tree pg_relation_filenode
pg_relation_is_publishable pg_relation_size pg_size_pretty pg_sequence_parameters pg_statistics_obj_is_visible
pg_table_is_visible pg_table_size pg_tablespace_location pg_total_relation_size pg_ts_config_is_visible
pg_ts_dict_is_visible pg_ts_parser_is_visible pg_ts_template_is_visible pg_type_is_visible pg_typeof row_security_active
shobj_description to_regclass to_regcollation to_regnamespace to_regoper to_regoperator to_regproc to_regprocedure
to_regrole to_regtype version aclexplode acldefault pg_get_publication_tables pg_database_size inet_server_port
pg_options_to_table _pg_expandarray pg_postmaster_start_time getdatabaseencoding pg_describe_object
pg_tablespace_size pg_column_is_updatable ts_token_type
pg_relation_is_updatable pg_index_column_has_property pg_index_has_property pg_indexam_has_property
)";

constexpr std::string_view introspection_type_words =
    "regclass regtype regproc regprocedure regnamespace regrole regoper "
    "regoperator regconfig regdictionary regcollation aclitem";

// Passwords and addresses of other servers.
constexpr std::string_view hidden_information_words = R"(
_pg_foreign_data_wrappers _pg_foreign_servers _pg_foreign_table_columns _pg_foreign_tables _pg_user_mappings
column_options foreign_data_wrapper_options foreign_server_options foreign_table_options user_mapping_options
)";

// Anybody may set these. client_encoding and standard_conforming_strings only to the value in force.
constexpr std::string_view harmless_setting_words = R"(
application_name bytea_output client_min_messages datestyle extra_float_digits idle_in_transaction_session_timeout
idle_session_timeout intervalstyle jit lc_messages lc_monetary lc_numeric lc_time lock_timeout statement_timeout timezone
transaction_isolation transaction_deferrable default_transaction_isolation default_transaction_deferrable
tcp_keepalives_idle tcp_keepalives_interval tcp_keepalives_count tcp_user_timeout xmloption enable_seqscan enable_nestloop
enable_hashjoin enable_mergejoin enable_indexscan enable_bitmapscan enable_sort enable_hashagg geqo plan_cache_mode
constraints cursor_tuple_fraction join_collapse_limit from_collapse_limit escape_string_warning
)";

constexpr std::string_view harmless_to_show_words = R"(
server_version server_version_num server_encoding is_superuser session_authorization integer_datetimes
max_identifier_length search_path transaction_read_only default_transaction_read_only in_hot_standby lc_collate lc_ctype
max_index_keys block_size standard_conforming_strings client_encoding role session_user timezone_abbreviations
transaction_isolation default_table_access_method default_tablespace max_connections superuser_reserved_connections
work_mem row_security
)";

bool equal_ignoring_case(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    const auto fold = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
    return fold(x) == fold(y);
  });
}

}  // namespace

bool is_safe_function(std::string_view name) {
  static const Names names = words_of(safe_function_words);
  return names.contains(name);
}

bool is_harmless_function(std::string_view name) {
  static const Names names = words_of(
      "current_user session_user current_catalog current_schema current_database version pg_backend_pid "
      "pg_is_in_recovery pg_advisory_unlock_all");
  return names.contains(name);
}

bool is_builtin_type(std::string_view name) {
  static const Names names = words_of(builtin_type_words);
  if (name.starts_with("_")) name.remove_prefix(1);  // the array of
  return names.contains(name);
}

bool is_introspection_relation(std::string_view schema, std::string_view name) {
  static const Names names = words_of(introspection_relation_words);
  static const Names hidden = words_of(hidden_information_words);
  // The rest shows what the upstream account may see, never data.
  if (schema == "information_schema") return !hidden.contains(name);
  return schema == "pg_catalog" && names.contains(name);
}

bool holds_values_of_others(std::string_view schema, std::string_view name) {
  static const Names names = words_of("pg_statistic pg_statistic_ext_data pg_stats pg_stats_ext pg_stats_ext_exprs");
  return schema == "pg_toast" || (schema == "pg_catalog" && names.contains(name));
}

bool counts_rows_met(std::string_view relation, std::string_view column) {
  const bool of_objects = relation.ends_with("_tables") || relation.ends_with("_indexes");
  const bool counts = (relation.starts_with("pg_stat_") && (of_objects || relation == "pg_stat_database")) ||
                      (relation.starts_with("pg_statio_") && of_objects);
  if (!counts || column == "*") return counts;
  constexpr std::string_view beginnings[] = {"seq_",      "idx_",       "n_tup_",    "last_seq_", "last_idx_",
                                             "heap_blks", "toast_blks", "tidx_blks", "tup_",      "blks_"};
  return std::any_of(std::begin(beginnings), std::end(beginnings),
                     [column](std::string_view beginning) { return column.starts_with(beginning); });
}

std::string_view column_of_statements(const sql::QualifiedName& relation) {
  if (relation.name == "pg_stat_statements") return "query";  // an extension, in any schema
  if (!relation.schema.empty() && relation.schema != "pg_catalog") return {};
  if (relation.name == "pg_stat_activity") return "query";
  return relation.name == "pg_prepared_statements" || relation.name == "pg_cursors" ? "statement" : "";
}

bool is_hidden_catalog_column(std::string_view relation, std::string_view column) {
  return std::any_of(std::begin(hidden_columns), std::end(hidden_columns), [&](const HiddenColumn& hidden) {
    return hidden.relation == relation && hidden.column == column;
  });
}

bool has_hidden_columns(std::string_view relation) {
  return std::any_of(std::begin(hidden_columns), std::end(hidden_columns),
                     [&](const HiddenColumn& hidden) { return hidden.relation == relation; });
}

bool is_orm_function(std::string_view name) {
  return name == "currval" || name == "lastval" || name == "pg_get_serial_sequence";
}

bool is_introspection_function(std::string_view name) {
  static const Names names = [] {
    Names all = words_of(introspection_function_words);
    all.merge(words_of(introspection_type_words));
    return all;
  }();
  return names.contains(name);
}

bool is_harmless_setting(std::string_view name, std::string_view value, bool has_value) {
  static const Names names = words_of(harmless_setting_words);
  if (name == "client_encoding" || name == "names") {
    return !has_value || equal_ignoring_case(value, "utf8") || equal_ignoring_case(value, "utf-8") ||
           equal_ignoring_case(value, "unicode");
  }
  if (name == "standard_conforming_strings") {
    return !has_value || equal_ignoring_case(value, "on") || value == "true" || value == "1";
  }
  if (is_clients_word(name)) return true;
  // Stricter is always fine; back to read write is not.
  if (name == "transaction_read_only" || name == "default_transaction_read_only") {
    return has_value && (equal_ignoring_case(value, "on") || value == "true" || value == "1");
  }
  return names.contains(name);
}

bool is_clients_word(std::string_view name) {
  return name == "dbgate.hold" || name == "dbgate.receipts";
}

bool is_harmless_to_show(std::string_view name) {
  static const Names names = words_of(harmless_to_show_words);
  return names.contains(name) || is_harmless_setting(name, {}, false);
}

}  // namespace dbgate::policy
