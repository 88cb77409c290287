#pragma once
#include <boost/json/object.hpp>
#include <string>

namespace dbgate::cli {

/// Ports of earlier tunnels, so that a target keeps its own. By profile, gateway and target.
class RememberedPorts {
 public:
  RememberedPorts();
  /// 0: none.
  int find(const std::string& name) const;
  void keep(const std::string& name, int port);

 private:
  std::string path_;
  boost::json::object ports_;
};

/// Who listens on a local TCP port, as far as /proc tells: `psql (pid 4711)`, `user postgres`; empty if it does not.
std::string owner_of_port(int port);

}  // namespace dbgate::cli
