#include "cli/commands/change_sheet.h"

#include <algorithm>
#include <boost/json.hpp>

#include "cli/output.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t same_columns_shown = 3;

const json::object* image(const json::object& row, const char* name) {
  const json::value* const found = row.if_contains(name);
  return found != nullptr && found->is_object() ? &found->get_object() : nullptr;
}

std::string shown(const json::value& value) {
  return cell_text(value).value_or("NULL");
}

std::string values_of(const json::object& row) {
  std::string text;
  for (const auto& [column, value] : row)
    text += (text.empty() ? "" : ", ") + std::string(column) + "=" + shown(value);
  return text;
}

// An update: a few columns that stay, to know the row by, and what changes.
std::string difference(const json::object& before, const json::object& after) {
  std::string same;
  std::string changed;
  std::size_t shown_columns = 0;
  for (const auto& [column, value] : after) {
    const json::value* const was = before.if_contains(column);
    if (was != nullptr && *was == value) {
      if (shown_columns++ < same_columns_shown)
        same += (same.empty() ? "" : ", ") + std::string(column) + "=" + shown(value);
      continue;
    }
    changed += "\n      " + std::string(column) + ": " + (was == nullptr ? "" : shown(*was)) + " -> " + shown(value);
  }
  return same + (changed.empty() ? " (nothing is different)" : changed);
}

std::string line_of(const json::value& entry) {
  if (!entry.is_object()) return {};
  const json::object& row = entry.get_object();
  const json::object* const before = image(row, "before");
  const json::object* const after = image(row, "after");
  const std::string table = text_at(entry, "table") + "  ";
  if (before != nullptr && after != nullptr) return "~ " + table + difference(*before, *after);
  if (after != nullptr) return "+ " + table + values_of(*after);
  return before != nullptr ? "- " + table + values_of(*before) : "  " + table;
}

std::string count_of(const json::value& table, const char* name) {
  const json::value* const found = table.is_object() ? table.get_object().if_contains(name) : nullptr;
  const std::string count = found == nullptr ? std::string() : shown(*found);
  return count.empty() || count == "0" ? std::string() : "  " + count + " " + name;
}

}  // namespace

std::string change_sheet(const json::object& changes, std::size_t rows) {
  std::string text;
  if (const json::value* const tables = changes.if_contains("tables"); tables != nullptr && tables->is_array()) {
    for (const json::value& table : tables->get_array()) {
      text += (text.empty() ? "" : "\n") + text_at(table, "name");
      for (const char* const name : {"inserted", "updated", "deleted"})
        text += count_of(table, name);
    }
  }
  if (const json::value* const way = changes.if_contains("capture"); way != nullptr && shown(*way) == "unprepared")
    text += "\nCompared, not captured: what it comes to, each row once, in no order.";
  const json::value* const listed = changes.if_contains("rows");
  if (listed == nullptr || !listed->is_array()) return text + "\nThe rows are shown to those who decide.";
  const json::array& all = listed->get_array();
  for (std::size_t i = 0; i < std::min(rows, all.size()); ++i)
    text += "\n" + line_of(all[i]);
  if (all.size() > rows) {
    text += "\nand " + std::to_string(all.size() - rows) + " more rows: --rows " + std::to_string(all.size());
  }
  return text;
}

}  // namespace dbgate::cli
