#include <boost/json.hpp>
#include <iostream>

#include "cli/api_client.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/problem.h"
#include "cli/terminal.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds heartbeat_limit{60};  // the gateway speaks every 15 s

int list(const Call& call) {
  Api api(call.options);
  Listing listing{{"id", "user", "target", "state", "client", "started_at"},
                  api.sessions({{"user", call.text("user")}, {"target", call.text("target")}}),
                  {"application", "statement", "credential"}};
  listing.empty = "no session is open";
  print_listing(call.options, listing);
  return 0;
}

/// One event of a stream (HTML Living Standard, "Server-sent events").
struct Event {
  std::string name, data;
};

void show(const Options& options, const Event& event) {
  boost::system::error_code failed;
  const json::value value = json::parse(event.data, failed);
  json::object object = !failed && value.is_object() ? value.as_object() : json::object{{"data", event.data}};
  if (!object.contains("event")) object["event"] = event.name;
  if (format_of(options) == "table" || format_of(options) == "wide") {
    std::cout << text_at(object, "ts") << "  " << event.name << "  " << text_at(object, "id") << "  "
              << text_at(object, "user") << "  " << text_at(object, "target") << std::endl;
  } else {
    std::cout << json::serialize(object) << std::endl;
  }
}

int watch(const Call& call) {
  Api api(call.options);
  api.events("sessions");
  std::string pending;
  Event event;
  for (;;) {
    const std::string piece = api.connection().read_some(heartbeat_limit);
    if (piece.empty()) throw Problem{Exit::unreachable, "the gateway ended the stream", "dbgate sessions watch"};
    pending += piece;
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = pending.find('\n', begin)) != std::string::npos; begin = end + 1) {
      std::string line = pending.substr(begin, end - begin);
      if (!line.empty() && line.back() == '\r') line.pop_back();
      if (line.empty()) {
        if (!event.data.empty()) show(call.options, event);
        event = {};
      } else if (line.starts_with("event:")) {
        event.name = line.substr(std::min(line.find_first_not_of(' ', 6), line.size()));
      } else if (line.starts_with("data:")) {
        event.data += line.substr(5);
      }
    }
    pending.erase(0, begin);
  }
}

int kill(const Call& call) {
  Api api(call.options);
  const std::string id = call.text("ID");
  std::string reason = call.text("reason");
  confirm(call.options, call.has("yes"), "End session " + id + "?");
  if (reason.empty()) reason = ask(call.options, "Reason, for the record: ", "give --reason TEXT");
  if (reason.empty()) throw Problem{Exit::usage, "ending a session needs a reason", "give --reason TEXT"};
  api.kill_session(id, reason);
  std::cerr << "ended " << id << '\n';
  return 0;
}

}  // namespace

Verbs session_verbs() {
  Verb all{"sessions list", "list live sessions: yours, or all for auditors and administrators"};
  all.flags = {option("--user", Kind::user, "USER", "of this user"),
               option("--target", Kind::target, "TARGET", "on this target")};
  all.exits = {4, 5, 7};
  all.run = list;
  Verb live{"sessions watch", "show sessions as they begin and end, until Ctrl-C"};
  live.exits = {4, 5, 7, 130};
  live.run = watch;
  Verb end{"sessions kill", "end a session", {{"ID", Kind::text, "the session: ses_…"}}};
  end.flags = {option("--reason", Kind::text, "TEXT", "why, for the record"), toggle("--yes", "do not ask")};
  end.exits = {3, 4, 5, 7};
  end.run = kill;
  return {all, live, end};
}

}  // namespace dbgate::cli
