#include "gateway/telemetry/words.h"

#include <algorithm>

namespace dbgate::telemetry {

AuthMethod auth_method(std::string_view name) noexcept {
  if (name.starts_with("scram")) return AuthMethod::scram;
  if (name == "token") return AuthMethod::token;
  return name == "certificate" ? AuthMethod::certificate : AuthMethod::other;
}

std::size_t sqlstate_class(std::string_view sqlstate) noexcept {
  const auto found = std::find(sqlstate_classes.begin(), sqlstate_classes.end() - 1, sqlstate.substr(0, 2));
  return static_cast<std::size_t>(found - sqlstate_classes.begin());
}

}  // namespace dbgate::telemetry
