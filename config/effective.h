#pragma once
#include <string>
#include <vector>

#include "config/loader.h"

namespace dbgate::config {

/// A configuration as it counts: variables replaced, aliases written out, secrets as "***".
struct Effective {
  std::string yaml;  ///< empty if there was an error
  std::vector<Problem> problems;
};

/// Reads a file for showing it. Files and secrets that it names need not be there. A file with errors is not shown:
/// what is misspelt may be a secret.
Effective load_effective(const std::string& path);

/// config/schema.json as this program was built with it.
std::string schema_text();

}  // namespace dbgate::config
