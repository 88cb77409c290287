#include "config/endpoints.h"

#include "config/document.h"

namespace dbgate::config {

std::string admin_socket_of(const Config& config) {
  return config.admin_socket.empty() ? config.state_dir + "/admin.sock" : config.admin_socket;
}

std::optional<Endpoints> load_endpoints(const std::string& path) {
  Report report{.sources = {{path, 0}}, .directory = directory_of(path), .purpose = Purpose::judge};
  Config config;
  try {
    const Value root(read_document(path, report).root, "", report);
    if (!root.is_map()) return std::nullopt;
    read_state_dir(root, config);
    read_listeners(root["listen"], config);
  } catch (const YAML::Exception&) {
    return std::nullopt;
  }
  return Endpoints{config.ops, admin_socket_of(config)};
}

}  // namespace dbgate::config
