#pragma once
#include <iosfwd>
#include <string>

namespace dbgate::app {

/// `dbgate-gateway rotate-keys`: wraps the secrets of the identity store with the first key of the configuration, and
/// says how many. @return exit status: 0, or 1 with the reason on `errors`
int rotate_keys(const std::string& config_path, std::ostream& out, std::ostream& errors);

}  // namespace dbgate::app
