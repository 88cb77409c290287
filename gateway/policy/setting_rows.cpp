#include "gateway/policy/setting_rows.h"

#include <algorithm>
#include <array>

#include "gateway/policy/catalog_lists.h"

namespace dbgate::policy {
namespace {

// Manual ch. 54.24, without sourcefile and sourceline. A whole row would show those too.
constexpr std::array<std::string_view, 15> shown_columns = {
    "name",   "setting", "unit",    "category", "short_desc", "extra_desc", "context",        "vartype",
    "source", "min_val", "max_val", "enumvals", "boot_val",   "reset_val",  "pending_restart"};

bool names_shown_columns(const sql::Level& level) {
  return std::all_of(level.names.begin(), level.names.end(), [](const sql::NameUse& use) {
    return std::find(shown_columns.begin(), shown_columns.end(), use.column) != shown_columns.end();
  });
}

std::string lower(std::string name) {
  for (char& c : name)
    c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return name;
}

}  // namespace

bool reads_harmless_settings(const RuleSet& allow, const sql::Statement& statement) {
  if (!allow.introspection || statement.settings_of_rows.empty()) return false;
  if (statement.kind != sql::StatementKind::select) return false;
  // The conditions of another query, or of another relation beside it, could be asked before the name is.
  const auto queries = std::count_if(statement.levels.begin(), statement.levels.end(),
                                     [](const sql::Level& level) { return !level.in_from; });
  const auto calls = std::count_if(statement.functions.begin(), statement.functions.end(),
                                   [](const sql::FunctionUse& use) { return use.name.name == "pg_show_all_settings"; });
  if (queries != 1 || statement.relations.size() + static_cast<std::size_t>(calls) != 1) return false;
  if (!std::all_of(statement.levels.begin(), statement.levels.end(), names_shown_columns)) return false;
  return std::all_of(statement.settings_of_rows.begin(), statement.settings_of_rows.end(),
                     [&](const std::string& written) {
                       const std::string name = lower(written);
                       return is_harmless_to_show(name) || allow.setting_granted(name);
                     });
}

}  // namespace dbgate::policy
