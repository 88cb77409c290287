#include "config/risk.h"

#include "config/reader.h"

namespace dbgate::config {
namespace {

void read_level(const Value& value, std::optional<RiskLevel>& level) {
  if (!value.present()) return;
  std::size_t index = 0;
  const std::size_t before = value.problems();
  value.read_word({"low", "medium", "high", "critical", "never"}, index);
  if (value.problems() != before) return;
  constexpr std::size_t never = 4;
  level.reset();
  if (index != never) level = static_cast<RiskLevel>(index + 1);
}

void read_use(const Value& value, ModelUse& use) {
  std::size_t index = static_cast<std::size_t>(use);
  value.read_word({"off", "async", "on"}, index);
  use = static_cast<ModelUse>(index);
}

}  // namespace

void read_risk(const Value& value, RiskPolicy& risk) {
  value.expect_keys({"log_at", "hold_at", "deny_at", "llm", "person", "service", "agent", "known"});
  constexpr const char* kinds[] = {"person", "service", "agent"};
  for (std::size_t kind = 0; kind < risk.size(); ++kind) {
    const Value own = value[kinds[kind]];
    own.expect_keys({"log_at", "hold_at", "deny_at", "llm"});
    for (const Value& from : {value, own}) {
      read_level(from["log_at"], risk[kind].log_at);
      read_level(from["hold_at"], risk[kind].hold_at);
      read_level(from["deny_at"], risk[kind].deny_at);
      read_use(from["llm"], risk[kind].llm);
    }
  }
}

void read_kind(const Value& value, PrincipalKind& kind) {
  std::size_t index = 0;
  value.read_word({"person", "service", "agent"}, index);
  kind = static_cast<PrincipalKind>(index);
}

void read_sensitive(const Value& list, std::vector<TablePattern>& sensitive) {
  list.each([&](const Value& element) {
    std::string text;
    element.read(text);
    TablePattern pattern;
    if (text.empty()) return;
    const bool fits =
        parse_table_pattern(text, pattern) && pattern.schema != "*" && pattern.name != "*" && !pattern.columns.empty();
    if (!fits) {
      element.error("\"" + text + "\" names no columns; write \"schema.table(column, column)\"");
      return;
    }
    sensitive.push_back(std::move(pattern));
  });
}

}  // namespace dbgate::config
