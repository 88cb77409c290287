#pragma once
#include <optional>
#include <string>

#include "config/schema.h"

namespace dbgate::config {

/// Where a gateway of a configuration is reached by those who run it.
struct Endpoints {
  Listener ops;
  std::string admin_socket;
};

/// The path of the socket that administrators of the machine use.
std::string admin_socket_of(const Config& config);

/// Reads these alone, whatever else is wrong with the file: a gateway goes on with what it has read before. None: the
/// file cannot be read, or is no YAML.
std::optional<Endpoints> load_endpoints(const std::string& path);

}  // namespace dbgate::config
