#pragma once
#include <string_view>
#include <unordered_set>

#include "gateway/sql/facts.h"

// Curated parts of pg_catalog. Each name was read in PostgreSQL 15's manual; a test holds the lists against pg_proc.
namespace dbgate::policy {

/// Words of a long literal as a set: easier to read and to review than a thousand quoted strings.
std::unordered_set<std::string_view> words_of(std::string_view text);

/// Functions that only compute on their arguments: no SQL text, relation, file, setting, lock or process is named by
/// them. The few that are not immutable (now(), random(), …) are there one by one.
bool is_safe_function(std::string_view name);
/// What drivers and pools call for everybody, on connecting and between two users of a connection: who and where the
/// session is, and giving back its own locks.
bool is_harmless_function(std::string_view name);
/// Built-in types without code of users behind them.
bool is_builtin_type(std::string_view name);
/// Catalog relations that metadata queries of tools read: no verifiers, statistics, activity, settings or sources.
bool is_introspection_relation(std::string_view schema, std::string_view name);
/// Columns of those that hold source text, definitions or secrets of objects.
bool is_hidden_catalog_column(std::string_view relation, std::string_view column);
/// Whether the relation has any such column: then its whole row is out of reach as well.
bool has_hidden_columns(std::string_view relation);
/// Catalog functions of the same queries.
bool is_introspection_function(std::string_view name);
/// What object-relational mappers call besides: the number that an INSERT of their own session has taken.
bool is_orm_function(std::string_view name);
/// Any function of pg_catalog: without a schema, such a name finds that one first, whatever else is granted.
bool is_system_function(std::string_view name);
/// Whether (x).name may call a function of pg_catalog that is not safe.
bool is_harmful_field(std::string_view name);
/// Catalog relations that hold column values of others' tables, by sample or as they are.
bool holds_values_of_others(std::string_view schema, std::string_view name);
/// Columns of pg_catalog that count the rows which statements have met, those behind a row filter among them. "*": any.
bool counts_rows_met(std::string_view relation, std::string_view column);
/// The column of a catalog relation that shows statements as the server was given them; empty: it has none.
std::string_view column_of_statements(const sql::QualifiedName& relation);
/// Settings that anybody may change: harmless to the meaning of statements and to others. Values as written.
bool is_harmless_setting(std::string_view name, std::string_view value, bool has_value);
/// Of dbgate's own settings, those that are the client's to say.
bool is_clients_word(std::string_view name);
/// Settings that anybody may see.
bool is_harmless_to_show(std::string_view name);

}  // namespace dbgate::policy
