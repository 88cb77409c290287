#include "gateway/app/admin_client.h"

#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstring>
#include <ostream>

#include "config/endpoints.h"
#include "gateway/app/local_socket.h"

namespace dbgate::app {
namespace {

namespace json = boost::json;
using Clock = LocalSocket::Clock;

constexpr std::size_t longest_answer = 1u << 20;

Result<std::string> socket_path(const AdminQuestion& question) {
  if (!question.socket.empty()) return question.socket;
  const auto endpoints = config::load_endpoints(question.config_path);
  if (endpoints) return endpoints->admin_socket;
  return Error(sqlstate::invalid_parameter_value, "cannot read " + question.config_path,
               "give the path of the admin socket: --socket PATH");
}

// Whoever could put a socket there could say anything. Root may ask anybody's.
bool is_trusted(int descriptor) {
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return false;
  return ::geteuid() == 0 || credentials.uid == 0 || credentials.uid == ::geteuid();
}

Result<LocalSocket> connect(const std::string& path, Clock::time_point deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return Error(sqlstate::invalid_parameter_value, "the path is too long for a socket: " + path);
  std::memcpy(address.sun_path, path.data(), path.size());
  auto socket = LocalSocket::connect(reinterpret_cast<const sockaddr*>(&address), sizeof address, deadline);
  if (!socket) {
    return Error(sqlstate::connection_failure, path + ": " + socket.error().message(),
                 "does the gateway run, and are you its user or root?");
  }
  if (!is_trusted(socket->descriptor())) return Error(sqlstate::insufficient_privilege, path + " is another user's");
  return socket;
}

std::string request_of(const AdminQuestion& question) {
  json::object request{{"command", question.command}};
  if (question.command == "log-level") request["level"] = question.level;
  if (question.command == "kill-session") request["id"] = question.session;
  if (!question.reason.empty()) request["reason"] = question.reason;
  if (question.wait) request["wait"] = true;
  return json::serialize(request) + "\n";
}

// What a terminal would take for more than text.
std::string printable(std::string_view text) {
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return line;
}

std::string text_of(const json::value& value) {
  return printable(value.is_string() ? std::string(value.get_string()) : json::serialize(value));
}

bool is_good(const json::object& answer) {
  const json::value* const ok = answer.if_contains("ok");
  return ok != nullptr && ok->is_bool() && ok->get_bool();
}

// Members as they are called; problems, a line each, go to standard error.
void print(const json::object& answer, std::ostream& out, std::ostream& errors) {
  for (const auto& [name, value] : answer) {
    if (name == "ok") continue;
    if (name == "error") {
      errors << "dbgate-gateway: " << text_of(value) << '\n';
    } else if (name == "problems" && value.is_array()) {
      for (const json::value& problem : value.get_array())
        errors << text_of(problem) << '\n';
    } else {
      out << printable(std::string_view(name)) << ": " << text_of(value) << '\n';
    }
  }
}

Result<json::object> ask(const AdminQuestion& question, LocalSocket& socket) {
  DBGATE_CHECK(socket.write_all(request_of(question)));
  DBGATE_TRY(const std::string line, socket.read_line(longest_answer));
  boost::system::error_code failed;
  const json::value parsed = json::parse(line, failed);
  if (!failed && parsed.is_object()) return parsed.get_object();
  return Error(sqlstate::protocol_violation, "the answer is not understood");
}

int fail(const Error& why, std::ostream& errors) {
  errors << "dbgate-gateway: " << why.message() << '\n';
  if (!why.hint().empty()) errors << "  hint: " << why.hint() << '\n';
  return 1;
}

}  // namespace

int ask_admin(const AdminQuestion& question, std::ostream& out, std::ostream& errors) {
  const auto path = socket_path(question);
  if (!path) return fail(path.error(), errors);
  auto socket = connect(*path, Clock::now() + question.timeout);
  if (!socket) return fail(socket.error(), errors);
  const auto answer = ask(question, *socket);
  if (!answer) return fail(answer.error(), errors);
  if (question.json) {
    out << json::serialize(*answer) << '\n';
  } else {
    print(*answer, out, errors);
  }
  if (!is_good(*answer)) return 1;
  if (!question.wait) return 0;
  // It ends with the process.
  out.flush();
  const auto ended = socket->read_to_end(1);
  return ended ? 0 : fail(ended.error(), errors);
}

}  // namespace dbgate::app
