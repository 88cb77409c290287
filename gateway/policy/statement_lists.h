#pragma once
#include <string>
#include <vector>

#include "config/loader.h"

namespace dbgate::policy {

/// What is wrong with the statements that rules and `risk.known` list, as the loader cannot tell: text that is no
/// statement, or more than one, or one that has no shape. A rule passes over such a statement.
std::vector<config::Problem> check_statement_lists(const config::Config& config, const std::string& file);

}  // namespace dbgate::policy
