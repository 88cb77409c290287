#pragma once
#include <iosfwd>
#include <string>

namespace dbgate::app {

struct ModelCheck {
  std::string config_path;
  std::string provider;  ///< this one alone; empty: all of them
  bool json = false;     ///< one JSON object for each line
  bool brief = false;    ///< print what would be sent, and ask nobody
};

/// `dbgate-gateway model-check`: asks each configured provider about one statement that is always the same, and prints
/// what came of it, how long it took and how many tokens. Costs what one question costs.
/// @return exit status: 0 if all of them answered, 1 if not, with the reasons
int check_models(const ModelCheck& check, std::ostream& out, std::ostream& errors);

}  // namespace dbgate::app
