#include "cli/tunnel/local_end.h"

#include <spawn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "cli/files.h"
#include "cli/problem.h"
#include "cli/tunnel/ports.h"

extern char** environ;

namespace dbgate::cli {
namespace {

constexpr int first_port = 15432;
constexpr int port_tries = 200;

}  // namespace

std::unique_ptr<Tunnel> open_port(boost::asio::io_context& context, TunnelSettings settings, int port, int hint,
                                  const std::string& name) {
  const auto attempt = [&](int candidate) -> std::unique_ptr<Tunnel> {
    settings.address.port = static_cast<std::uint16_t>(candidate);
    auto tunnel = std::make_unique<Tunnel>(context, settings);
    return tunnel->open() ? std::move(tunnel) : nullptr;
  };
  if (port >= 0) {
    if (auto tunnel = attempt(port)) return tunnel;
    const std::string owner = owner_of_port(port);
    throw Problem{Exit::tunnel_failed,
                  "port " + std::to_string(port) + (owner.empty() ? " cannot be listened on" : " is taken by " + owner),
                  "--port 0 takes any free one"};
  }
  RememberedPorts remembered;
  std::unique_ptr<Tunnel> tunnel;
  for (const int wanted : {remembered.find(name), hint})
    if (!tunnel && wanted > 0) tunnel = attempt(wanted);
  for (int candidate = first_port; !tunnel && candidate < first_port + port_tries; ++candidate)
    tunnel = attempt(candidate);
  if (!tunnel) throw Problem{Exit::tunnel_failed, "no free port from 15432 up", "--port 0 takes any free one"};
  remembered.keep(name, tunnel->port());
  return tunnel;
}

std::unique_ptr<Tunnel> open_socket(boost::asio::io_context& context, TunnelSettings settings,
                                    const std::string& directory) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    throw Problem{Exit::tunnel_failed, "cannot create " + directory + ": " + std::strerror(errno), ""};
  }
  struct stat status {};
  const bool ours = ::lstat(directory.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
                    status.st_uid == ::geteuid() && (status.st_mode & 077) == 0;
  if (!ours) {
    throw Problem{Exit::tunnel_failed, directory + " is not a directory of your own with mode 0700",
                  "chmod 700 " + directory};
  }
  settings.address.unix_path = directory + "/.s.PGSQL.5432";
  settings.verifier.reset();
  auto tunnel = std::make_unique<Tunnel>(context, std::move(settings));
  const auto opened = tunnel->open();
  if (!opened) throw Problem{Exit::tunnel_failed, opened.error().message(), ""};
  return tunnel;
}

PassFile::PassFile(const Local& local, const std::string& password)
    : path_(runtime_directory() + "/pass-" + std::to_string(::getpid()) + "-" + std::to_string(local.port)) {
  std::string host;
  for (const char c : local.host)
    host += c == ':' ? std::string("\\:") : std::string(1, c);
  write_private_file(path_, host + ":" + std::to_string(local.port) + ":*:*:" + password + "\n");
}

PassFile::~PassFile() {
  ::unlink(path_.c_str());
}

std::vector<std::pair<std::string, std::string>> libpq_environment(const Local& local) {
  std::vector<std::pair<std::string, std::string>> variables{
      {"PGHOST", local.host},   {"PGPORT", std::to_string(local.port)},
      {"PGUSER", local.user},   {"PGDATABASE", local.database},
      {"PGSSLMODE", "disable"},  // up to here the bytes stay on this machine; the tunnel is TLS
  };
  if (!local.passfile.empty()) variables.emplace_back("PGPASSFILE", local.passfile);
  return variables;
}

std::string psql_command(const Local& local) {
  std::string command;
  if (!local.passfile.empty()) command = "PGPASSFILE=" + local.passfile + " ";
  return command + "psql -h " + local.host + " -p " + std::to_string(local.port) + " -U " + local.user + " " +
         local.database;
}

pid_t start_command(const std::vector<std::string>& command, const Local& local) {
  for (const auto& [name, value] : libpq_environment(local))
    ::setenv(name.c_str(), value.c_str(), 1);
  // What would win over these.
  for (const char* name : {"PGPASSWORD", "PGSERVICE", "PGHOSTADDR"})
    ::unsetenv(name);
  std::vector<char*> arguments;
  for (const std::string& argument : command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ);
  if (failed == 0) return child;
  throw Problem{failed == ENOENT ? Exit::command_not_found : Exit::not_executable,
                "cannot run " + command[0] + ": " + std::strerror(failed), "check the command behind --"};
}

}  // namespace dbgate::cli
