#include "cli/tunnel/ports.h"

#include <pwd.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "cli/files.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

/// A listening socket, by its row in /proc/net/tcp (proc(5)).
struct Listening {
  std::string inode;
  uid_t user = 0;
};

bool find_listening(const char* table, int port, Listening& found) {
  constexpr const char* listen_state = "0A";
  char wanted[8];
  std::snprintf(wanted, sizeof wanted, ":%04X", static_cast<unsigned>(port));
  std::ifstream file(table);
  std::string line;
  std::getline(file, line);  // the heading
  while (std::getline(file, line)) {
    std::istringstream row(line);
    std::string number, local, remote, state, queues, timer, retransmits, user, timeout, inode;
    row >> number >> local >> remote >> state >> queues >> timer >> retransmits >> user >> timeout >> inode;
    if (!local.ends_with(wanted) || state != listen_state || inode.empty()) continue;
    found.inode = inode;
    found.user = static_cast<uid_t>(std::stoul(user));
    return true;
  }
  return false;
}

// Processes of others cannot be looked into.
std::string process_with(const std::string& inode) {
  const std::string wanted = "socket:[" + inode + "]";
  std::error_code failed;
  for (const auto& process : fs::directory_iterator("/proc", failed)) {
    const std::string pid = process.path().filename().string();
    if (pid.find_first_not_of("0123456789") != std::string::npos) continue;
    std::error_code hidden;
    for (const auto& descriptor : fs::directory_iterator(process.path() / "fd", hidden)) {
      std::error_code gone;
      if (fs::read_symlink(descriptor.path(), gone).string() != wanted) continue;
      std::ifstream comm(process.path() / "comm");
      std::string name;
      std::getline(comm, name);
      return name + " (pid " + pid + ")";
    }
  }
  return {};
}

}  // namespace

RememberedPorts::RememberedPorts() : path_(state_directory() + "/ports.json") {
  boost::system::error_code failed;
  const std::string text = read_private_file(path_);
  const json::value parsed = text.empty() ? json::object() : json::parse(text, failed);
  if (!failed && parsed.is_object()) ports_ = parsed.as_object();
}

int RememberedPorts::find(const std::string& name) const {
  const json::value* port = ports_.if_contains(name);
  const bool usable = port != nullptr && port->is_int64() && port->as_int64() > 0 && port->as_int64() < 65536;
  return usable ? static_cast<int>(port->as_int64()) : 0;
}

void RememberedPorts::keep(const std::string& name, int port) {
  if (find(name) == port) return;
  ports_[name] = port;
  write_private_file(path_, json::serialize(ports_) + "\n");
}

std::string owner_of_port(int port) {
  Listening found;
  if (!find_listening("/proc/net/tcp", port, found) && !find_listening("/proc/net/tcp6", port, found)) return {};
  const std::string process = process_with(found.inode);
  if (!process.empty()) return process;
  const passwd* entry = ::getpwuid(found.user);
  return "user " + (entry == nullptr ? std::to_string(found.user) : std::string(entry->pw_name));
}

}  // namespace dbgate::cli
