#include "gateway/app/replica_words.h"

#include <algorithm>
#include <boost/json.hpp>

#include "gateway/auth/digests.h"

namespace dbgate::app {
namespace {

namespace json = boost::json;
using ports::SessionSummary;

constexpr std::string_view whats[] = {"cancel", "sessions", "end", "query", "witness"};
constexpr std::string_view query_whats[] = {"show", "rows", "cancel", "statement"};

json::value parsed(std::string_view text) {
  boost::system::error_code failed;
  json::parse_options options;
  options.allow_invalid_utf8 = true;  // clients name their applications: one of them must not hide all sessions
  json::value value = json::parse(text, failed, {}, options);
  return failed ? json::value() : value;
}

std::string text_of(const json::object& object, std::string_view name) {
  const json::value* const found = object.if_contains(name);
  return found != nullptr && found->is_string() ? std::string(found->get_string()) : std::string();
}

template <class Number>
Number number_of(const json::object& object, std::string_view name) {
  const json::value* const found = object.if_contains(name);
  if (found == nullptr) return 0;
  boost::system::error_code failed;
  const auto number = found->to_number<Number>(failed);
  return failed ? Number{0} : number;
}

json::object json_of(const Counts& counts) {
  json::object object;
  for (const auto& [name, count] : counts)
    object[name] = count;
  return object;
}

Counts counts_of(const json::object& object, std::string_view name) {
  Counts counts;
  const json::value* const found = object.if_contains(name);
  if (found == nullptr || !found->is_object()) return counts;
  for (const auto& entry : found->get_object())
    counts[std::string(entry.key())] = number_of<std::size_t>(found->get_object(), entry.key());
  return counts;
}

void add(Counts& sum, const Counts& more) {
  for (const auto& [name, count] : more)
    sum[name] += count;
}

json::object json_of(const SessionSummary& session) {
  return {{"id", session.id},
          {"user", session.user},
          {"target", session.target},
          {"database", session.database},
          {"client_address", session.client_address},
          {"client_port", session.client_port},
          {"application", session.application},
          {"auth_method", session.auth_method},
          {"credential", session.credential},
          {"credential_expires", session.credential_expires},
          {"started_us", session.started_us},
          {"state", session.state},
          {"bound_by", session.bound_by},
          {"statements", session.statements},
          {"bytes_from_client", session.bytes_from_client},
          {"bytes_to_client", session.bytes_to_client},
          {"statement_started_us", session.statement_started_us}};
}

SessionSummary session_of(const json::object& object) {
  SessionSummary session;
  session.id = text_of(object, "id");
  session.user = text_of(object, "user");
  session.target = text_of(object, "target");
  session.database = text_of(object, "database");
  session.client_address = text_of(object, "client_address");
  session.client_port = number_of<std::uint16_t>(object, "client_port");
  session.application = text_of(object, "application");
  session.auth_method = text_of(object, "auth_method");
  session.credential = text_of(object, "credential");
  session.credential_expires = number_of<std::int64_t>(object, "credential_expires");
  session.started_us = number_of<std::int64_t>(object, "started_us");
  session.state = text_of(object, "state");
  session.bound_by = text_of(object, "bound_by");
  session.statements = number_of<std::uint64_t>(object, "statements");
  session.bytes_from_client = number_of<std::uint64_t>(object, "bytes_from_client");
  session.bytes_to_client = number_of<std::uint64_t>(object, "bytes_to_client");
  session.statement_started_us = number_of<std::int64_t>(object, "statement_started_us");
  return session;
}

json::object json_of(const ports::QueryQuestion& question) {
  return {{"what", query_whats[static_cast<std::size_t>(question.what)]},
          {"user", question.caller.user},
          {"administrator", question.caller.administrator},
          {"id", question.id},
          {"result", question.result},
          {"from", question.from},
          {"limit", question.limit},
          {"most_bytes", question.most_bytes}};
}

bool read_query(const json::object& object, ports::QueryQuestion& question) {
  const auto what = std::find(std::begin(query_whats), std::end(query_whats), text_of(object, "what"));
  const json::value* const administrator = object.if_contains("administrator");
  if (what == std::end(query_whats) || administrator == nullptr || !administrator->is_bool()) return false;
  question.what = static_cast<ports::QueryQuestion::What>(what - std::begin(query_whats));
  question.caller = {text_of(object, "user"), administrator->get_bool()};
  question.id = text_of(object, "id");
  question.result = number_of<std::size_t>(object, "result");
  question.from = number_of<std::size_t>(object, "from");
  question.limit = number_of<std::size_t>(object, "limit");
  question.most_bytes = number_of<std::size_t>(object, "most_bytes");
  return true;
}

}  // namespace

std::string to_json(const ReplicaUsage& usage) {
  return json::serialize(json::object{{"users", json_of(usage.users)},
                                      {"targets", json_of(usage.targets)},
                                      {"failures", json_of(usage.failures)},
                                      {"requests", json_of(usage.requests)},
                                      {"running", json_of(usage.running)},
                                      {"taken", json_of(usage.taken)}});
}

ReplicaUsage usage_from_json(std::string_view text) {
  const json::value value = parsed(text);
  if (!value.is_object()) return {};
  const json::object& object = value.get_object();
  return {counts_of(object, "users"),    counts_of(object, "targets"), counts_of(object, "failures"),
          counts_of(object, "requests"), counts_of(object, "running"), counts_of(object, "taken")};
}

void add(ReplicaUsage& sum, const ReplicaUsage& more) {
  add(sum.users, more.users);
  add(sum.targets, more.targets);
  add(sum.failures, more.failures);
  add(sum.requests, more.requests);
  add(sum.running, more.running);
}

void add_taken(Counts& sum, Counts& now, const Counts& before) {
  for (const auto& [name, count] : before)
    now.try_emplace(name, count);
  for (const auto& [name, count] : now) {
    const auto known = before.find(name);
    const std::size_t from = known == before.end() ? 0 : known->second;
    if (count > from) sum[name] += count - from;
  }
}

std::string to_json(const ReplicaMail& mail) {
  return json::serialize(json::object{{"from", mail.from}, {"answers", mail.answers}, {"text", mail.text}});
}

std::optional<ReplicaMail> mail_from_json(std::string_view text) {
  const json::value value = parsed(text);
  if (!value.is_object()) return {};
  const json::object& object = value.get_object();
  return ReplicaMail{text_of(object, "from"), text_of(object, "answers"), text_of(object, "text")};
}

std::string to_json(const ReplicaQuestion& question) {
  json::object object{{"what", whats[static_cast<std::size_t>(question.what)]}};
  if (question.what == ReplicaQuestion::What::cancel) {
    object["pid"] = question.pid;
    object["key"] = auth::base64_encode(question.key);
  } else if (question.what == ReplicaQuestion::What::end) {
    object["id"] = question.id;
    object["by"] = question.by;
    object["reason"] = question.reason;
  } else if (question.what == ReplicaQuestion::What::witness) {
    object["key"] = auth::base64_encode(question.key);
    object["text"] = question.text;
  } else if (question.what == ReplicaQuestion::What::query) {
    object["query"] = json_of(question.query);
  }
  return json::serialize(object);
}

std::optional<ReplicaQuestion> question_from_json(std::string_view text) {
  const json::value value = parsed(text);
  if (!value.is_object()) return {};
  const json::object& object = value.get_object();
  const std::string what = text_of(object, "what");
  for (std::size_t i = 0; i < std::size(whats); ++i) {
    if (what != whats[i]) continue;
    ReplicaQuestion question;
    question.what = static_cast<ReplicaQuestion::What>(i);
    question.pid = number_of<std::int32_t>(object, "pid");
    question.key = auth::base64_decode(text_of(object, "key"));
    question.id = text_of(object, "id");
    question.by = text_of(object, "by");
    question.reason = text_of(object, "reason");
    question.text = text_of(object, "text");
    if (question.what == ReplicaQuestion::What::query) {
      const json::value* const query = object.if_contains("query");
      if (query == nullptr || !query->is_object() || !read_query(query->get_object(), question.query)) return {};
    }
    return question;
  }
  return {};
}

std::string to_json(const ports::HttpResponse& response) {
  return json::serialize(json::object{{"status", response.status}, {"body", response.body}});
}

std::optional<ports::HttpResponse> response_from_json(std::string_view text) {
  const json::value value = parsed(text);
  if (!value.is_object() || !value.get_object().contains("status")) return {};
  return ports::HttpResponse{number_of<unsigned>(value.get_object(), "status"), text_of(value.get_object(), "body")};
}

std::string to_json(const std::vector<SessionSummary>& sessions) {
  json::array array;
  for (const SessionSummary& session : sessions)
    array.push_back(json_of(session));
  return json::serialize(array);
}

std::vector<SessionSummary> sessions_from_json(std::string_view text) {
  std::vector<SessionSummary> sessions;
  const json::value value = parsed(text);
  if (!value.is_array()) return sessions;
  for (const json::value& entry : value.get_array())
    if (entry.is_object()) sessions.push_back(session_of(entry.get_object()));
  return sessions;
}

std::string to_json(const std::optional<Result<>>& outcome) {
  if (!outcome) return "{}";
  if (*outcome) return R"({"done":true})";
  const Error why = outcome->error();
  return json::serialize(json::object{{"sqlstate", why.code().text()}, {"message", why.message()}});
}

std::optional<Result<>> outcome_from_json(std::string_view text) {
  const json::value value = parsed(text);
  if (!value.is_object()) return {};
  const json::object& object = value.get_object();
  if (object.contains("done")) return Result<>(boost::system::in_place_value);
  if (text_of(object, "sqlstate").size() != 5) return {};
  return Result<>(Error(protocol::SqlState::from(text_of(object, "sqlstate")), text_of(object, "message")));
}

std::string to_json(const std::optional<ports::QueryAnswer>& answer) {
  if (!answer) return {};
  return json::serialize(json::object{{"status", answer->status}, {"body", answer->body}, {"cursor", answer->cursor}});
}

std::optional<ports::QueryAnswer> answer_from_json(std::string_view text) {
  const json::value value = parsed(text);
  if (!value.is_object()) return {};
  const json::object& object = value.get_object();
  ports::QueryAnswer answer{number_of<unsigned>(object, "status"), text_of(object, "body"), text_of(object, "cursor")};
  if (answer.status != 200 && answer.status != 202 && answer.status != ports::QueryAnswer::rights_changed) return {};
  return answer;
}

}  // namespace dbgate::app
