#pragma once
#include <iosfwd>
#include <string>

namespace dbgate::app {

/// `dbgate-gateway create-admin NAME`: makes a person with the role admin, or resets the one of that name and gives the
/// role, and prints a one-time password that must be changed at the first sign-in. A gateway may be running on the
/// same store. @return the exit code: 0, or 1 with the reason on `errors`
int create_admin(const std::string& name, const std::string& config_path, std::ostream& out, std::ostream& errors);

}  // namespace dbgate::app
