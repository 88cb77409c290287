#pragma once
#include <string>
#include <vector>

namespace dbgate::cli {

/// The whole program. @return the exit status
int run(std::vector<std::string> arguments);

}  // namespace dbgate::cli
