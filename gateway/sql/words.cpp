#include "gateway/sql/words.h"

#include <array>

namespace dbgate::sql {
namespace {

constexpr std::string_view effects[] = {
    "read",        "insert",         "update",      "delete", "truncate",    "merge",       "copy_in", "copy_out",
    "server_file", "server_program", "ddl",         "dcl",    "call",        "do_block",    "session", "show",
    "transaction", "two_phase",      "lock",        "listen", "notify",      "cursor",      "prepare", "execute",
    "deallocate",  "explain",        "maintenance", "admin",  "select_into", "replication", "opaque"};
static_assert(std::size(effects) == static_cast<std::size_t>(Effect::count_));

constexpr std::string_view kinds[] = {"select",      "insert",
                                      "update",      "delete",
                                      "merge",       "values",
                                      "copy_in",     "copy_out",
                                      "explain",     "declare",
                                      "fetch",       "close",
                                      "prepare",     "execute",
                                      "deallocate",  "begin",
                                      "commit",      "rollback",
                                      "savepoint",   "release",
                                      "rollback_to", "prepared_transaction",
                                      "set",         "reset",
                                      "show",        "discard",
                                      "lock",        "truncate",
                                      "call",        "do",
                                      "listen",      "unlisten",
                                      "notify",      "ddl",
                                      "dcl",         "maintenance",
                                      "admin",       "replication",
                                      "other"};
static_assert(std::size(kinds) == static_cast<std::size_t>(StatementKind::other) + 1);

constexpr std::string_view setting_actions[] = {"set",  "set_default", "reset",  "reset_all",
                                                "show", "show_all",    "discard"};
static_assert(std::size(setting_actions) == static_cast<std::size_t>(SettingAction::discard) + 1);

constexpr std::string_view signs[] = {"plan_only",
                                      "explain_runs",
                                      "unbounded",
                                      "limited",
                                      "cartesian",
                                      "leading_wildcard",
                                      "unbounded_recursion",
                                      "large_series",
                                      "limit_locks_in_change",
                                      "merge_unconditional",
                                      "upsert_unconditional",
                                      "insert_without_columns",
                                      "insert_of_everything",
                                      "constant_or",
                                      "constant_and",
                                      "union_of_nulls",
                                      "union_padded",
                                      "union_catalog",
                                      "error_extraction",
                                      "blind_probe",
                                      "comment_at_end",
                                      "odd_comment",
                                      "assembled_text",
                                      "odd_characters",
                                      "unicode_identifier",
                                      "quote_residue"};
static_assert(std::size(signs) == static_cast<std::size_t>(Sign::count_));

constexpr std::string_view wheres[] = {"none", "always", "constant", "never", "columns", "cursor"};
static_assert(std::size(wheres) == static_cast<std::size_t>(Where::cursor) + 1);

constexpr std::string_view actions[] = {"grant",
                                        "revoke",
                                        "grant_role",
                                        "default_privileges",
                                        "create_role",
                                        "alter_role",
                                        "drop_role",
                                        "role_setting",
                                        "row_security_off",
                                        "open_policy",
                                        "change_owner",
                                        "function",
                                        "language",
                                        "alter_system",
                                        "load",
                                        "create_extension",
                                        "event_trigger",
                                        "database_setting",
                                        "disable_trigger",
                                        "drop_trigger",
                                        "drop",
                                        "drop_index",
                                        "drop_other",
                                        "truncate",
                                        "drop_column",
                                        "rename",
                                        "add_column",
                                        "column_type",
                                        "set_not_null",
                                        "add_check",
                                        "add_foreign_key",
                                        "add_unique",
                                        "validate_constraint",
                                        "rewrite",
                                        "storage_settings",
                                        "brief_lock",
                                        "create_trigger",
                                        "attach_partition",
                                        "detach_partition",
                                        "create_index",
                                        "reindex",
                                        "vacuum",
                                        "vacuum_full",
                                        "cluster",
                                        "refresh_view",
                                        "lock_table",
                                        "foreign_server",
                                        "create_table"};
static_assert(std::size(actions) == static_cast<std::size_t>(ActionKind::create_table) + 1);

}  // namespace

std::string_view word_of(Effect effect) {
  return effects[static_cast<std::size_t>(effect)];
}
std::string_view word_of(StatementKind kind) {
  return kinds[static_cast<std::size_t>(kind)];
}
std::string_view word_of(SettingAction action) {
  return setting_actions[static_cast<std::size_t>(action)];
}
std::string_view word_of(Sign sign) {
  return signs[static_cast<std::size_t>(sign)];
}
std::string_view word_of(Where where) {
  return wheres[static_cast<std::size_t>(where)];
}
std::string_view word_of(ActionKind kind) {
  return actions[static_cast<std::size_t>(kind)];
}

}  // namespace dbgate::sql
