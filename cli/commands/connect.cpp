#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <iostream>

#include "cli/api_client.h"
#include "cli/commands/commands.h"
#include "cli/commands/targets.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/terminal.h"
#include "cli/tls_context.h"
#include "cli/tunnel/live.h"
#include "gateway/auth/digests.h"
#include "gateway/auth/random.h"
#include "gateway/base/clock.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t password_length = 32;

// Letters and digits alone: in URLs, and in connection strings of ODBC, '+' and others mean something else.
std::string new_password() {
  std::string password;
  while (password.size() < password_length) {
    for (const char c : auth::base64_encode(auth::random_bytes(password_length)))
      if (c != '+' && c != '/' && c != '=') password += c;
  }
  password.resize(password_length);
  return password;
}

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1";
}

void check_flags(const Call& call) {
  const std::string listen = call.text("listen", "127.0.0.1");
  if (!is_loopback(listen) && !call.has("allow-remote")) {
    throw Problem{Exit::usage, "--listen " + listen + " would open the tunnel to the network",
                  "add --allow-remote if that is meant"};
  }
  if (call.has("no-local-password") && !is_loopback(listen)) {
    throw Problem{Exit::usage, "--no-local-password is for loopback addresses only", "leave one of the two out"};
  }
  const bool runs = call.has("psql") || !call.command.empty();
  if (call.has("background") && runs) {
    throw Problem{Exit::usage, "--background runs no command", "leave --psql and -- out"};
  }
}

// What was typed, apart from what belongs to one run only.
std::string resume_command(const Call& call) {
  std::string command = "dbgate connect " + call.text("TARGET");
  for (const char* name : {"database", "port", "socket", "profile"})
    if (call.has(name)) command += std::string(" --") + name + " " + call.text(name);
  return command;
}

/// Says what happens to the tunnel: JSON lines under -o json, else sentences. `ready` is the one piece of data.
class Events {
 public:
  Events(const Call& call, bool quiet) : target_(call.text("TARGET")), json_(wants_json(call.options)), quiet_(quiet) {}

  void say(const std::string& event, json::object more) {
    if (json_) {
      if (quiet_) return;  // standard output is the command's
      json::object line{{"ts", format_time(wall_clock_us())}, {"event", event}, {"target", target_}};
      for (const auto& member : more)
        line[member.key()] = member.value();
      std::cout << json::serialize(line) << std::endl;
      return;
    }
    const std::string reason = text_at(more, "reason");
    if (event == "ended")
      std::cerr << "tunnel to " << target_ << " ended: " << reason << "\n  resume: " << text_at(more, "resume") << '\n';
    if (event == "reconnecting") std::cerr << "tunnel to " << target_ << ": " << reason << "; trying again\n";
  }

  void ready(const Local& local, const std::string& expires_at) {
    json::object more{{"host", local.host}, {"port", local.port}, {"user", local.user}, {"database", local.database}};
    if (!local.passfile.empty()) more["passfile"] = local.passfile;
    if (!local.socket.empty()) more["socket"] = local.socket;
    if (!expires_at.empty()) more["expires_at"] = expires_at;
    say("ready", std::move(more));
    if (json_ || quiet_) return;
    std::cerr << "tunnel to " << target_ << " is ready\n";
    std::cout << psql_command(local) << std::endl;
  }

 private:
  std::string target_;
  bool json_;
  bool quiet_;
};

/// The two processes of --background: the second one lives on, the first one waits until it is ready.
class Background {
 public:
  /// @return in the first process, the exit status; in the second, none
  std::optional<int> split() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) throw Problem{Exit::tunnel_failed, "cannot make a pipe", ""};
    std::cout.flush();
    const pid_t child = ::fork();
    if (child < 0) throw Problem{Exit::tunnel_failed, "cannot start a process", ""};
    if (child == 0) {
      ::close(ends[0]);
      ready_ = ends[1];
      return std::nullopt;
    }
    ::close(ends[1]);
    char byte = 0;
    const bool ready = ::read(ends[0], &byte, 1) == 1;
    ::close(ends[0]);
    if (ready) return 0;
    int status = 0;
    ::waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : static_cast<int>(Exit::tunnel_failed);
  }

  // Leaves the terminal, and tells the first process.
  void detach() {
    std::cout.flush();
    ::setsid();
    const int nothing = ::open("/dev/null", O_RDWR);
    for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
      ::dup2(nothing, descriptor);
    if (nothing > STDERR_FILENO) ::close(nothing);
    const char byte = '\n';
    const ssize_t told = ::write(ready_, &byte, 1);
    ::close(ready_);
    if (told != 1) ::_exit(1);
  }

 private:
  int ready_ = -1;
};

std::string free_name(const std::string& wanted) {
  const std::vector<LiveTunnel> tunnels = live_tunnels();
  for (int number = 1;; ++number) {
    const std::string name = number == 1 ? wanted : wanted + "-" + std::to_string(number);
    bool taken = false;
    for (const LiveTunnel& tunnel : tunnels)
      taken = taken || text_at(tunnel.status, "name") == name;
    if (!taken) return name;
  }
}

TunnelSettings tunnel_settings(const Call& call, const Api& api, bool speaks_postgres) {
  TunnelSettings settings;
  settings.remote.options = call.options;
  settings.remote.url = api.url();
  settings.remote.path = Api::tunnel_path(call.text("TARGET"), call.text("database"));
  if (api.url().tls) settings.remote.tls = make_tls_context(call.options);
  settings.speaks_postgres = speaks_postgres;
  settings.address.address = call.text("listen", "127.0.0.1");
  return settings;
}

int target_hint(const json::object& target) {
  const json::value* port = target.if_contains("local_port");
  return port != nullptr && port->is_int64() ? static_cast<int>(port->as_int64()) : 0;
}

int run_tunnel(const Call& call, Background* background) {
  const bool quiet = call.has("psql") || !call.command.empty();
  Events events(call, quiet);
  events.say("starting", {});
  Api api(call.options);
  const std::string name = call.text("TARGET");
  const json::object target = require_target(api, name);
  Local local;
  local.user = text_at(api.me(), "user.name");
  const bool postgres = text_at(target, "engine") == "postgresql";
  if (!postgres && !call.has("socket") && !call.has("no-local-password")) {
    throw Problem{Exit::usage, name + " does not speak PostgreSQL, so no password can be asked for",
                  "use --socket DIR, or --no-local-password to let every user of this machine in"};
  }
  local.database = call.text("database", name);
  TunnelSettings settings = tunnel_settings(call, api, postgres);
  const std::string password = new_password();
  const bool asks = !call.has("no-local-password") && !call.has("socket");
  if (asks) settings.verifier = auth::make_scram_verifier(password);
  boost::asio::io_context context(1);
  std::unique_ptr<Tunnel> tunnel;
  if (call.has("socket")) {
    local.host = local.socket = call.text("socket");
    local.port = 5432;
    tunnel = open_socket(context, std::move(settings), local.socket);
  } else {
    local.host = call.text("listen", "127.0.0.1");
    const std::string remembered = call.options.profile + "|" + api.url().text() + "|" + name;
    tunnel = open_port(context, std::move(settings), static_cast<int>(call.number("port", -1, 0, 65535)),
                       target_hint(target), remembered);
    local.port = tunnel->port();
  }
  std::optional<PassFile> passfile;
  if (asks) local.passfile = passfile.emplace(local, password).path();
  LiveSettings live;
  live.name = free_name(call.has("database") ? name + "/" + call.text("database") : name);
  live.target = name;
  live.resume = resume_command(call);
  live.ttl = call.duration("ttl", std::chrono::seconds(0));
  live.background = background != nullptr;
  live.say = [&events](const std::string& event, json::object more) { events.say(event, std::move(more)); };
  LiveTunnelRun run(context, call.options, api.url(), *tunnel, local, std::move(live));
  std::vector<std::string> command = call.command;
  if (command.empty() && call.has("psql")) command.push_back(call.options.psql);
  if (!command.empty()) return run.run(start_command(command, local));
  events.ready(local, run.expires_at());
  if (background != nullptr) {
    background->detach();
  } else if (!wants_json(call.options)) {
    std::cerr << "Ctrl-C ends it\n";
  }
  return run.run(0);
}

int connect(const Call& call) {
  check_flags(call);
  if (!call.has("background")) return run_tunnel(call, nullptr);
  Background background;
  const auto first = background.split();
  return first ? *first : run_tunnel(call, &background);
}

}  // namespace

Verbs connect_verbs() {
  Verb verb{"connect", "open a local tunnel to a target"};
  verb.arguments = {{"TARGET", Kind::target, "the target"}};
  verb.flags = {
      option("--port", Kind::number, "PORT", "local port; 0: any free one"),
      option("--listen", Kind::text, "ADDRESS", "local address (127.0.0.1); others than loopback need --allow-remote"),
      toggle("--allow-remote", "let --listen open the tunnel to the network"),
      option("--socket", Kind::directory, "DIR", "listen on a Unix socket in this directory (0700) instead"),
      option("--database", Kind::text, "NAME", "another database of the target"),
      option("--ttl", Kind::duration, "DURATION", "end after this long: 90s, 15m, 8h"),
      toggle("--no-local-password", "let every user of this machine in"),
      toggle("--psql", "run psql in the tunnel (DBGATE_PSQL)"),
      toggle("--background", "leave the tunnel behind; dbgate status and dbgate disconnect look after it"),
  };
  verb.description =
      "Each local connection becomes one connection of the target, inside TLS, as the user who signed in, whatever "
      "user "
      "name the client sends. A tunnel leads to one target; clients may name it as database, or one of its further "
      "databases.\n"
      "The port is --port, else the one that this target had last time (by profile), else the target's own, else the "
      "first free from 15432 up.\n"
      "Other users of this machine stay out: clients are asked for a one-session password, which lies in a file of "
      "mode "
      "0600 that PGPASSFILE names. With --socket the kernel says who is at the other end. A target of engine tcp "
      "cannot "
      "be asked for a password: it needs --socket or --no-local-password.\n"
      "The sign-in is renewed beneath the tunnel; open connections live on. At the end the true reason is printed, and "
      "the command that opens the tunnel again.\n"
      "-- COMMAND runs a command with PGHOST, PGPORT, PGUSER, PGDATABASE, PGPASSFILE set and returns its exit status. "
      "With -o json events are JSON lines: starting, ready, renewed, reconnecting, ended, error.";
  verb.examples = {{"dbgate connect shop --psql", "psql in a tunnel"},
                   {"dbgate connect shop -- pg_dump -t orders", "any program that knows libpq's variables"},
                   {"dbgate connect shop --background", "a tunnel that stays"}};
  verb.exits = {3, 4, 5, 6, 7, 125, 126, 127, 130, 143};
  verb.run = connect;
  verb.command = true;
  return {verb};
}

}  // namespace dbgate::cli
