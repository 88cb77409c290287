#pragma once
#include <optional>
#include <string_view>

#include "config/risk.h"

namespace dbgate::risk {

using Level = config::RiskLevel;

/// info, low, medium, high, critical.
std::string_view word_of(Level level);
std::optional<Level> level_of(std::string_view word);
/// One step up; critical stays.
Level raised(Level level);
Level lowered(Level level);

/// Who sends a statement.
using Caller = config::PrincipalKind;

}  // namespace dbgate::risk
