#pragma once
#include <iosfwd>
#include <memory>
#include <string>
#include <vector>

#include "config/loader.h"
#include "gateway/app/snapshot.h"

namespace dbgate::app {

/// Reads a file as a gateway does when it starts. Null if that cannot be; why, and what is to be warned of, is in
/// `problems`.
std::shared_ptr<Snapshot> load_snapshot(const std::string& path, std::vector<config::Problem>& problems);

struct ConfigCheck {
  std::string config_path;
  bool strict = false;   ///< warnings are errors
  bool connect = false;  ///< targets are entered as the gateway would
  bool json = false;     ///< one JSON object instead of lines
};

/// `dbgate-gateway --check-config`. @return exit status: 0 if a gateway could start, 1 if not
int check_config(const ConfigCheck& check, std::ostream& out, std::ostream& errors);

/// `dbgate-gateway --print-config`: the configuration without secrets.
int print_config(const std::string& path, std::ostream& out, std::ostream& errors);

}  // namespace dbgate::app
