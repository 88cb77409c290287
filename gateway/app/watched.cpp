#include "gateway/app/watched.h"

#include <array>
#include <boost/json.hpp>
#include <utility>

#include "gateway/audit/json.h"

namespace dbgate::app {
namespace {

namespace json = boost::json;

// Members of records that events have too, and what they are called there.
constexpr std::array<std::pair<std::string_view, std::string_view>, 14> shown = {{{"user.name", "user"},
                                                                                  {"auth.method", "auth_method"},
                                                                                  {"auth.credential", "credential"},
                                                                                  {"client.address", "client_address"},
                                                                                  {"change", "change"},
                                                                                  {"object", "object"},
                                                                                  {"object.name", "object_name"},
                                                                                  {"object.user", "object_user"},
                                                                                  {"object.group", "object_group"},
                                                                                  {"object.target", "object_target"},
                                                                                  {"groups", "groups"},
                                                                                  {"roles", "roles"},
                                                                                  {"state", "state"},
                                                                                  {"reason", "reason"}}};

void add(std::string& data, std::string_view key, std::string_view value) {
  if (!value.empty()) audit::append_field(data, key, value);
}

// Members as append_field() writes them, with a comma before each.
std::string object_of(std::string_view members) {
  return "{" + std::string(members.substr(members.empty() ? 0 : 1)) + "}";
}

ports::Event event_of(std::string_view event, std::string_view fields) {
  ports::Event made;
  made.type = event;
  made.topic = event == "admin.change" ? "changes" : "sign_ins";
  boost::system::error_code failed;
  const json::value record = json::parse(object_of(fields), failed);
  if (failed || !record.is_object()) return made;
  std::string data;
  for (const auto& [key, name] : shown) {
    const json::value* const found = record.get_object().if_contains(key);
    if (found == nullptr || !found->is_string()) continue;
    const json::string& text = found->get_string();
    add(data, name, std::string_view(text.data(), text.size()));
    if (key == "user.name") made.by = text;
    if (key == "object.user") made.user = text;
  }
  made.data = object_of(data);
  return made;
}

}  // namespace

void tell_sign_in(ports::EventSink* events, const session::SessionInfo& session, bool succeeded) {
  if (events == nullptr) return;
  std::string data;
  add(data, "user", session.user);
  add(data, "auth_method", session.auth_method);
  add(data, "credential", session.credential.id);
  add(data, "client_address", session.client.host);
  events->publish({"sign_ins", succeeded ? "auth.ok" : "auth.fail", session.user, {}, object_of(data)});
}

Result<> WatchedChain::append(std::string_view event, std::string_view fields) {
  DBGATE_CHECK(chain_->append(event, fields));
  const bool told = event == "auth.ok" || event == "auth.fail" || event == "admin.change";
  if (told && shared_.events != nullptr) waiting_.push_back(event_of(event, fields));
  return boost::system::in_place_value;
}

Result<ports::AuditChain::Ticket> WatchedChain::commit() {
  auto ticket = chain_->commit();
  if (ticket) tell();
  return ticket;
}

Result<> WatchedChain::write_out() {
  DBGATE_CHECK(chain_->write_out());
  tell();
  return boost::system::in_place_value;
}

void WatchedChain::tell() {
  for (ports::Event& event : waiting_)
    shared_.events->publish(std::move(event));
  waiting_.clear();
}

WatchedTrail::WatchedTrail(session::AuditTrail trail, ports::EventSink& events, const session::SessionInfo& session)
    : trail_(std::move(trail)), events_(events), id_(session.id), user_(session.user), target_(session.target) {}

std::string WatchedTrail::common() const {
  std::string data;
  add(data, "session_id", id_);
  add(data, "user", user_);
  add(data, "target", target_);
  return data;
}

void WatchedTrail::tell_start(const session::SessionInfo& session) {
  std::string data = common();
  add(data, "database", session.database);
  add(data, "auth_method", session.auth_method);
  add(data, "credential", session.credential.id);
  add(data, "client_address", session.client.host);
  add(data, "application", session.application);
  events_.publish({"sessions", "session.start", user_, {}, object_of(data)});
}

Result<Id> WatchedTrail::decided(const session::Judged& judged, std::string_view text, std::string_view protocol,
                                 std::string_view name) {
  auto id = trail_.decided(judged, text, protocol, name);
  if (!id || !judged.refused) return id;
  std::string data = common();
  add(data, "query_id", std::string_view(*id));
  if (judged.verdict) add(data, "rule", judged.verdict->rule_id);
  events_.publish({"denials", "statement.denied", user_, {}, object_of(data)});
  return id;
}

void WatchedTrail::ended(std::string_view reason, std::uint64_t bytes_from_client, std::uint64_t bytes_to_client) {
  trail_.ended(reason, bytes_from_client, bytes_to_client);
  std::string data = common();
  add(data, "reason", reason);
  audit::append_field(data, "bytes_from_client", bytes_from_client);
  audit::append_field(data, "bytes_to_client", bytes_to_client);
  events_.publish({"sessions", "session.end", user_, {}, object_of(data)});
}

}  // namespace dbgate::app
