#pragma once
#include <string>

namespace dbgate::risk {

/// All rules as a Markdown table, for docs/risk.md.
std::string reference();

}  // namespace dbgate::risk
