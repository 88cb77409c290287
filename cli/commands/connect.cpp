#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/json.hpp>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <iostream>

#include "cli/api_client.h"
#include "cli/commands/commands.h"
#include "cli/files.h"
#include "cli/output.h"
#include "cli/tunnel/tunnel.h"
#include "gateway/auth/digests.h"
#include "gateway/auth/random.h"
#include "gateway/base/clock.h"

extern char** environ;

namespace dbgate::cli {
namespace {

namespace json = boost::json;

constexpr int first_port = 15432;
constexpr int port_tries = 200;
constexpr std::size_t password_bytes = 24;

/// What a client needs to use the tunnel.
struct Local {
  std::string host;
  std::uint16_t port = 0;
  std::string user;
  std::string database;
  std::string passfile;  ///< empty: no password is asked for
};

/// Ports of earlier tunnels, so that a target keeps its own.
class RememberedPorts {
 public:
  RememberedPorts() : path_(state_directory() + "/ports.json") {
    boost::system::error_code failed;
    const std::string text = read_private_file(path_);
    const json::value parsed = text.empty() ? json::object() : json::parse(text, failed);
    if (!failed && parsed.is_object()) ports_ = parsed.as_object();
  }
  int find(const std::string& name) const {
    const json::value* port = ports_.if_contains(name);
    return port != nullptr && port->is_int64() ? static_cast<int>(port->as_int64()) : 0;
  }
  void keep(const std::string& name, int port) {
    if (find(name) == port) return;
    ports_[name] = port;
    write_private_file(path_, json::serialize(ports_) + "\n");
  }

 private:
  std::string path_;
  json::object ports_;
};

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1";
}

void check_settings(const ConnectOptions& connect) {
  if (!is_loopback(connect.listen) && !connect.allow_remote) {
    throw Problem{Exit::usage, "--listen " + connect.listen + " would open the tunnel to the network",
                  "add --allow-remote if that is meant", ""};
  }
  if (connect.no_local_password && !is_loopback(connect.listen)) {
    throw Problem{Exit::usage, "--no-local-password is for loopback addresses only", "", ""};
  }
}

/// What the gateway says of the target.
struct TargetFacts {
  std::string user;
  bool speaks_postgres = true;
};

// Whether the target is theirs, before anything listens.
TargetFacts check_target(const Options& options, const ConnectOptions& connect) {
  const ApiAnswer targets = call_api(options, "GET", "/targets");
  std::string names;
  for (const json::value& item : targets.body.at("items").as_array()) {
    const std::string name(item.at("name").as_string());
    if (name == connect.target) {
      const ApiAnswer me = call_api(options, "GET", "/me");
      const std::string engine(item.at("engine").as_string());
      return {std::string(me.body.at("user").at("name").as_string()), engine == "postgresql"};
    }
    names += (names.empty() ? "" : ", ") + name;
  }
  throw Problem{Exit::not_found, "there is no target \"" + connect.target + "\" for you",
                names.empty() ? "" : "you may use: " + names, targets.request_id};
}

std::string percent_encoded(const std::string& text) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '_' || c == '.') {
      encoded += c;
    } else {
      encoded += {'%', digits[byte >> 4], digits[byte & 15]};
    }
  }
  return encoded;
}

std::string tunnel_path(const ConnectOptions& connect) {
  std::string path = "/api/v1/targets/" + percent_encoded(connect.target) + "/tunnel";
  if (!connect.database.empty()) path += "?database=" + percent_encoded(connect.database);
  return path;
}

// Opens the listener by the port rule: the port that was asked for, the remembered one, the first free from 15432 up.
std::unique_ptr<Tunnel> open_tunnel(boost::asio::io_context& context, TunnelSettings settings,
                                    const ConnectOptions& connect, std::uint16_t& port) {
  const auto attempt = [&](int candidate) -> std::unique_ptr<Tunnel> {
    settings.address.port = static_cast<std::uint16_t>(candidate);
    auto tunnel = std::make_unique<Tunnel>(context, settings);
    if (!tunnel->open()) return nullptr;
    port = tunnel->port();
    return tunnel;
  };
  if (connect.port >= 0) {
    if (auto tunnel = attempt(connect.port)) return tunnel;
    throw Problem{Exit::tunnel_failed, "port " + std::to_string(connect.port) + " is taken",
                  "--port 0 takes any free one", ""};
  }
  RememberedPorts remembered;
  const std::string name = settings.url.text() + " " + connect.target;
  const int last = remembered.find(name);
  std::unique_ptr<Tunnel> tunnel = last > 0 ? attempt(last) : nullptr;
  for (int candidate = first_port; !tunnel && candidate < first_port + port_tries; ++candidate)
    tunnel = attempt(candidate);
  if (!tunnel) throw Problem{Exit::tunnel_failed, "no free port from 15432 up", "--port 0 takes any free one", ""};
  remembered.keep(name, port);
  return tunnel;
}

std::unique_ptr<Tunnel> open_socket(boost::asio::io_context& context, TunnelSettings settings,
                                    const std::string& directory) {
  struct stat status {};
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    throw Problem{Exit::tunnel_failed, "cannot create " + directory + ": " + std::strerror(errno), "", ""};
  }
  const bool ours =
      ::stat(directory.c_str(), &status) == 0 && status.st_uid == ::geteuid() && (status.st_mode & 077) == 0;
  if (!ours) {
    throw Problem{Exit::tunnel_failed, directory + " is not a directory of your own with mode 0700",
                  "chmod 700 " + directory, ""};
  }
  settings.address.unix_path = directory + "/.s.PGSQL.5432";
  settings.verifier.reset();  // the kernel says who is at the other end
  auto tunnel = std::make_unique<Tunnel>(context, std::move(settings));
  const auto opened = tunnel->open();
  if (!opened) {
    const Error why = opened.error();
    throw Problem{Exit::tunnel_failed, why.message(), "", ""};
  }
  return tunnel;
}

/// A passfile for exactly this tunnel (PostgreSQL manual ch. 34.16); gone with the tunnel.
class PassFile {
 public:
  PassFile() = default;
  PassFile(const Local& local, const std::string& password)
      : path_(runtime_directory() + "/pass-" + std::to_string(::getpid()) + "-" + std::to_string(local.port)) {
    write_private_file(path_, local.host + ":" + std::to_string(local.port) + ":*:*:" + password + "\n");
  }
  ~PassFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  PassFile(const PassFile&) = delete;
  PassFile& operator=(const PassFile&) = delete;
  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

void announce(const Options& options, const ConnectOptions& connect, const Local& local) {
  if (wants_json(options)) {
    json::object event{{"ts", format_time(wall_clock_us())}, {"event", "ready"}, {"target", connect.target}};
    event["host"] = local.host;
    event["port"] = local.port;
    event["user"] = local.user;
    event["database"] = local.database;
    if (!local.passfile.empty()) event["passfile"] = local.passfile;
    if (!connect.socket.empty()) event["socket"] = connect.socket;
    std::cout << json::serialize(event) << std::endl;
    return;
  }
  std::cerr << "tunnel to " << connect.target << " is ready; Ctrl-C ends it\n";
  std::string command;
  if (!local.passfile.empty()) command = "PGPASSFILE=" + local.passfile + " ";
  command += "psql -h " + local.host + " -p " + std::to_string(local.port) + " -U " + local.user + " " + local.database;
  std::cout << command << std::endl;
}

// Starts the command with libpq's environment for the tunnel.
pid_t start_command(const std::vector<std::string>& command, const Local& local) {
  ::setenv("PGHOST", local.host.c_str(), 1);
  ::setenv("PGPORT", std::to_string(local.port).c_str(), 1);
  ::setenv("PGUSER", local.user.c_str(), 1);
  ::setenv("PGDATABASE", local.database.c_str(), 1);
  ::setenv("PGSSLMODE", "disable", 1);  // up to here the bytes stay on this machine; the tunnel is TLS
  if (!local.passfile.empty()) ::setenv("PGPASSFILE", local.passfile.c_str(), 1);
  ::unsetenv("PGPASSWORD");
  ::unsetenv("PGSERVICE");
  std::vector<char*> arguments;
  for (const std::string& argument : command)
    arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ);
  if (failed != 0) {
    const bool missing = failed == ENOENT;
    throw Problem{missing ? Exit::command_not_found : Exit::not_executable,
                  "cannot run " + command[0] + ": " + std::strerror(failed), "", ""};
  }
  return child;
}

int status_of(int wait_status) {
  return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
}

// Runs the tunnel until the child has ended, or until a signal.
int run(boost::asio::io_context& context, pid_t child) {
  int result = 0;
  boost::asio::signal_set children(context, SIGCHLD);
  boost::asio::signal_set ends(context, SIGINT, SIGTERM, SIGHUP);
  // A child that has ended already leaves no signal behind, so look first and after every signal.
  const auto reap = [&](auto&& self) -> void {
    int status = 0;
    if (child > 0 && ::waitpid(child, &status, WNOHANG) == child) {
      result = status_of(status);
      context.stop();
      return;
    }
    children.async_wait([self](const boost::system::error_code& failed, int) {
      if (!failed) self(self);
    });
  };
  const auto end = [&](auto&& self) -> void {
    ends.async_wait([&, self](const boost::system::error_code& failed, int signal) {
      if (failed) return;
      if (child > 0) {
        // The terminal has told the child as well; what it makes of Ctrl-C is its own business.
        if (signal != SIGINT) ::kill(child, signal);
        self(self);
        return;
      }
      result = signal == SIGINT ? 0 : 128 + signal;
      context.stop();
    });
  };
  if (child > 0) reap(reap);
  end(end);
  context.run();
  return result;
}

}  // namespace

int connect(const Options& options, const ConnectOptions& connect) {
  check_settings(connect);
  Local local;
  const TargetFacts target = check_target(options, connect);
  local.user = target.user;
  if (!target.speaks_postgres && connect.socket.empty() && !connect.no_local_password) {
    throw Problem{Exit::usage, connect.target + " does not speak PostgreSQL, so no password can be asked for",
                  "use --socket DIR, or --no-local-password to let every user of this machine in", ""};
  }
  local.database = connect.database.empty() ? connect.target : connect.database;
  TunnelSettings settings;
  settings.options = options;
  settings.url = gateway_of(options);
  settings.token = token_for(settings.url);
  settings.path = tunnel_path(connect);
  settings.speaks_postgres = target.speaks_postgres;
  settings.address.address = connect.listen;
  const std::string password = auth::base64_encode(auth::random_bytes(password_bytes));
  if (!connect.no_local_password && connect.socket.empty()) settings.verifier = auth::make_scram_verifier(password);
  const bool asks = settings.verifier.has_value();
  boost::asio::io_context context(1);
  std::unique_ptr<Tunnel> tunnel;
  if (connect.socket.empty()) {
    local.host = connect.listen;
    tunnel = open_tunnel(context, std::move(settings), connect, local.port);
  } else {
    local.host = connect.socket;
    local.port = 5432;
    tunnel = open_socket(context, std::move(settings), connect.socket);
  }
  std::optional<PassFile> passfile;
  if (asks) {
    passfile.emplace(local, password);
    local.passfile = passfile->path();
  }
  std::vector<std::string> command = connect.command;
  if (command.empty() && connect.psql) {
    const char* psql = std::getenv("DBGATE_PSQL");
    command.emplace_back(psql == nullptr || *psql == '\0' ? "psql" : psql);
  }
  if (command.empty()) {
    announce(options, connect, local);
    return run(context, 0);
  }
  return run(context, start_command(command, local));
}

}  // namespace dbgate::cli
