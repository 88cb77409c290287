#include "gateway/app/admin_requests.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <set>

#include "gateway/base/clock.h"
#include "gateway/base/log.h"

namespace dbgate::app {
namespace {

namespace json = boost::json;

constexpr std::array<std::string_view, 5> levels{"debug", "info", "warn", "error", "off"};

/// A request whose members have been looked at.
struct Request {
  std::string command;
  json::object members;

  std::string text(std::string_view name) const {
    const json::value* const found = members.if_contains(name);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
  }
  bool flag(std::string_view name) const {
    const json::value* const found = members.if_contains(name);
    return found != nullptr && found->is_bool() && found->get_bool();
  }
};

json::object failure(const std::string& why) {
  return {{"ok", false}, {"error", why}};
}

// Which members a command may have, by name; texts, apart from `wait`.
const std::set<std::string_view>* members_of(std::string_view command) {
  static const std::set<std::string_view> none{}, drain{"wait"}, level{"level"}, kill{"id", "reason"};
  if (command == "status" || command == "reload") return &none;
  if (command == "drain") return &drain;
  if (command == "log-level") return &level;
  return command == "kill-session" ? &kill : nullptr;
}

Result<Request> read(const std::string& line) {
  const auto bad = [](const std::string& why) { return Error(sqlstate::invalid_parameter_value, why); };
  boost::system::error_code failed;
  const json::value parsed = json::parse(line, failed);
  if (failed || !parsed.is_object()) return bad("a request is one JSON object on a line");
  Request request{{}, parsed.get_object()};
  request.command = request.text("command");
  const auto* const known = members_of(request.command);
  if (known == nullptr) return bad("\"command\" must be status, reload, drain, log-level or kill-session");
  for (const auto& [name, value] : request.members) {
    const std::string key(name);
    if (key != "command" && !known->contains(key)) return bad("\"" + request.command + "\" takes no \"" + key + "\"");
    if (key == "wait" ? !value.is_bool() : !value.is_string()) return bad("\"" + key + "\" is of the wrong type");
  }
  return request;
}

json::object tell(const Reloaded& reloaded) {
  json::array problems(reloaded.problems.begin(), reloaded.problems.end());
  json::object told{{"ok", reloaded.good}, {"config", reloaded.version}, {"problems", std::move(problems)}};
  if (!reloaded.good) told["error"] = "the configuration was not reloaded; the old one stays in force";
  return told;
}

json::object tell(const AdminStatus& status) {
  return {{"ok", true},
          {"state", status.state},
          {"pid", ::getpid()},
          {"config", status.config},
          {"last_reload_ok", status.last_reload_good},
          {"config_in_force_since", format_time(status.reloaded_us)},
          {"connections", status.connections},
          {"log_level", status.log_level},
          {"process_before", status.process_before}};
}

Task<json::object> end_session(const AdminTies& ties, const Request& request, AdminPeer peer) {
  const std::string id = request.text("id");
  if (id.empty()) co_return failure("\"kill-session\" needs \"id\"");
  const std::string by = "the admin socket (uid " + std::to_string(peer.uid) + ")";
  const auto ended = co_await ties.end_session(id, by, request.text("reason"));
  if (!ended) co_return failure("there is no session \"" + id + "\" in this process");
  if (ended->has_error()) co_return failure(ended->error().message());
  co_return json::object{{"ok", true}};
}

// On the thread of the process.
Task<json::object> act(const AdminTies& ties, const Request& request, AdminPeer peer) {
  if (request.command == "status") co_return tell(ties.status());
  if (request.command == "reload") co_return tell(ties.reload());
  if (request.command == "kill-session") co_return co_await end_session(ties, request, peer);
  if (request.command == "drain") {
    ties.drain();
    co_return json::object{{"ok", true}, {"state", "draining"}};
  }
  const std::string level = request.text("level");
  if (std::find(levels.begin(), levels.end(), level) == levels.end())
    co_return failure("\"level\" must be debug, info, warn, error or off");
  ties.set_log_level(level);
  co_return json::object{{"ok", true}, {"log_level", level}};
}

}  // namespace

Task<AdminAnswer> answer_admin(const AdminTies& ties, std::string line, AdminPeer peer) {
  const auto request = read(line);
  if (!request) {
    const Error why = request.error();
    co_return AdminAnswer{json::serialize(failure(why.message()))};
  }
  const std::string uid = std::to_string(peer.uid);
  const std::string pid = std::to_string(peer.pid);
  if (request->command != "status") {
    log::info("admin", "asked at the admin socket", {{"command", request->command}, {"uid", uid}, {"pid", pid}});
  }
  json::object told;
  co_await net::run_on(ties.home, [&]() -> Task<> { told = co_await act(ties, *request, peer); });
  co_return AdminAnswer{json::serialize(told), request->command == "drain" && request->flag("wait")};
}

}  // namespace dbgate::app
