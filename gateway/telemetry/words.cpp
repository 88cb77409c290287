#include "gateway/telemetry/words.h"

#include <algorithm>

namespace dbgate::telemetry {

AuthMethod auth_method(std::string_view name) noexcept {
  if (name.starts_with("scram")) return AuthMethod::scram;
  if (name == "token") return AuthMethod::token;
  return name == "certificate" ? AuthMethod::certificate : AuthMethod::other;
}

RuleClass rule_class(std::string_view rule) noexcept {
  if (rule == "masks and filters") return RuleClass::mask;
  if (rule.starts_with("builtin/")) return RuleClass::builtin;
  const std::size_t slash = rule.find('/');
  if (slash == std::string_view::npos) return RuleClass::none;
  const std::string_view part = rule.substr(slash + 1);
  constexpr std::pair<std::string_view, RuleClass> parts[] = {
      {"allow", RuleClass::allow},    {"deny", RuleClass::deny}, {"mask", RuleClass::mask},
      {"filter", RuleClass::mask},    {"risk", RuleClass::risk}, {"limits", RuleClass::limit},
      {"approve", RuleClass::approve}};
  const auto* const found =
      std::find_if(std::begin(parts), std::end(parts), [part](const auto& one) { return part.starts_with(one.first); });
  return found == std::end(parts) ? RuleClass::none : found->second;
}

std::size_t sqlstate_class(std::string_view sqlstate) noexcept {
  const auto found = std::find(sqlstate_classes.begin(), sqlstate_classes.end() - 1, sqlstate.substr(0, 2));
  return static_cast<std::size_t>(found - sqlstate_classes.begin());
}

}  // namespace dbgate::telemetry
