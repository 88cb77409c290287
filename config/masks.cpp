#include "config/masks.h"

#include "config/reader.h"

namespace dbgate::config {
namespace {

constexpr std::initializer_list<std::string_view> kinds = {"null", "redact", "hash", "range", "partial", "email"};

Mask read_mask(const std::string& key, const Value& value) {
  Mask mask;
  if (!parse_column_pattern(key, mask)) {
    value.error("\"" + key + "\" is not a column; write schema.table.column" + why_no_name(key));
  }
  const Value kind = value.is_map() ? value["type"] : value;
  value.is_map() ? value.expect_keys({"type", "compare"}) : void();
  std::size_t index = 0;  // `null` without quotes is YAML's own
  kind.read_word(kinds, index);
  mask.kind = static_cast<MaskKind>(index);
  if (!value.is_map()) return mask;
  bool typed = false;
  value.each_entry([&typed](const std::string& name, const Value&) { typed = typed || name == "type"; });
  if (!typed) value.error("needs a type, such as redact");
  std::size_t compare = 0;
  value["compare"].read_word({"never", "masked"}, compare);
  mask.compare = compare == 1;
  return mask;
}

RowFilter read_filter(const std::string& key, const Value& value) {
  RowFilter filter;
  TablePattern pattern;
  if (!parse_table_pattern(key, pattern) || !pattern.columns.empty()) {
    value.error("\"" + key + "\" is not a table; write schema.table" + why_no_name(key));
  }
  filter.schema = std::move(pattern.schema);
  filter.relation = std::move(pattern.name);
  filter.line = value.line();
  filter.column = value.column();
  value.read(filter.condition);
  if (filter.condition.empty()) value.error("needs a condition, such as \"region = :user.region\"");
  return filter;
}

}  // namespace

void read_masks(const Value& map, std::vector<Mask>& masks) {
  map.each_entry([&masks](const std::string& key, const Value& value) { masks.push_back(read_mask(key, value)); });
}

void read_filters(const Value& map, std::vector<RowFilter>& filters) {
  map.each_entry(
      [&filters](const std::string& key, const Value& value) { filters.push_back(read_filter(key, value)); });
}

}  // namespace dbgate::config
