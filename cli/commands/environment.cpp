#include <boost/json.hpp>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>

#include "cli/commands/commands.h"
#include "cli/files.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/tunnel/control.h"
#include "cli/tunnel/local_end.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

Local tunnel_to(const std::string& name) {
  for (const LiveTunnel& tunnel : live_tunnels()) {
    if (text_at(tunnel.status, "target") != name && text_at(tunnel.status, "name") != name) continue;
    Local local;
    local.host = text_at(tunnel.status, "host");
    local.user = text_at(tunnel.status, "user");
    local.database = text_at(tunnel.status, "database");
    local.passfile = text_at(tunnel.status, "passfile");
    local.socket = text_at(tunnel.status, "socket");
    const json::value* port = tunnel.status.if_contains("port");
    if (port != nullptr && port->is_int64()) local.port = static_cast<std::uint16_t>(port->as_int64());
    return local;
  }
  throw Problem{Exit::not_found, "no tunnel to \"" + name + "\" is open", "dbgate connect " + name + " --background"};
}

std::string quoted(const std::string& text) {
  const bool plain = text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-:") ==
                     std::string::npos;
  if (plain && !text.empty()) return text;
  std::string out = "'";
  for (const char c : text)
    out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

int print_environment(const Call& call) {
  const auto variables = libpq_environment(tunnel_to(call.text("TARGET")));
  if (wants_json(call.options)) {
    json::object object;
    for (const auto& [name, value] : variables)
      object[name] = value;
    print_json(object);
    return 0;
  }
  for (const auto& [name, value] : variables)
    std::cout << "export " << name << '=' << quoted(value) << '\n';
  return 0;
}

std::string service_path() {
  const std::string chosen = environment("PGSERVICEFILE");
  return chosen.empty() ? environment("HOME") + "/.pg_service.conf" : chosen;
}

// The file without the section of this name (PostgreSQL manual ch. 34.17).
std::string without_section(const std::string& text, const std::string& name) {
  std::istringstream lines(text);
  std::string kept;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("[")) inside = line == "[" + name + "]";
    if (!inside) kept += line + "\n";
  }
  return kept;
}

int write_service(const Call& call) {
  const std::string target = call.text("TARGET");
  const std::string name = call.text("name", target);
  if (name.find_first_of("[]\n=") != std::string::npos) throw Problem{Exit::usage, "--name: not a service's name", ""};
  const Local local = tunnel_to(target);
  std::string section = "[" + name + "]\n";
  const std::pair<const char*, std::string> entries[] = {{"host", local.host},   {"port", std::to_string(local.port)},
                                                         {"user", local.user},   {"dbname", local.database},
                                                         {"sslmode", "disable"}, {"passfile", local.passfile}};
  for (const auto& [key, value] : entries)
    if (!value.empty()) section += std::string(key) + "=" + value + "\n";
  if (call.has("print")) {
    std::cout << section;
    return 0;
  }
  const std::string path = service_path();
  std::string text = without_section(read_trusted_file(path), name);
  if (!text.empty() && !text.ends_with("\n\n")) text += "\n";
  write_private_file(path, text + section);
  std::cerr << "wrote service " << name << " to " << path << "; psql service=" << name << " uses it\n";
  return 0;
}

}  // namespace

Verbs environment_verbs() {
  const std::vector<Argument> target{{"TARGET", Kind::target, "a target with a live tunnel"}};
  Verb variables{"env", "print PG* variables for a live tunnel, as a shell reads them", target};
  variables.examples = {{"eval \"$(dbgate env shop)\" && psql", "in this shell from now on"}};
  variables.exits = {3};
  variables.run = print_environment;
  Verb service{"config pgservice", "write an entry of pg_service.conf for a live tunnel", target};
  service.flags = {option("--name", Kind::text, "NAME", "the service's name (the target's)"),
                   toggle("--print", "print it instead of writing it")};
  service.exits = {3};
  service.run = write_service;
  return {variables, service};
}

}  // namespace dbgate::cli
