#include <boost/json.hpp>

#include "gateway/api/administration.h"
#include "gateway/api/entries.h"
#include "gateway/api/json_body.h"
#include "gateway/api/problem.h"

// Sessions that are there.
namespace dbgate::api {
namespace {

namespace json = boost::json;

constexpr std::int64_t most_reason = 200;

json::object json_of(const ports::SessionSummary& session) {
  json::object item;
  item["id"] = session.id;
  item["user"] = session.user;
  item["target"] = session.target;
  item["database"] = session.database;
  item["client"] = session.client_address + ":" + std::to_string(session.client_port);
  item["application"] = session.application;
  item["auth_method"] = session.auth_method;
  item["credential"] = session.credential;
  item["started_at"] = time_or_null(session.started_us);
  item["state"] = session.state;
  item["bound_by"] = session.bound_by;
  item["statements"] = session.statements;
  item["bytes_from_client"] = session.bytes_from_client;
  item["bytes_to_client"] = session.bytes_to_client;
  item["statement_started_at"] = time_or_null(session.statement_started_us);
  return item;
}

// Auditors see all sessions, others their own.
bool sees(const Request& request, const ports::SessionSummary& session) {
  return any_of(request.caller->roles, Role::auditor) || session.user == request.caller->user;
}

bool fits(const ListQuery& query, std::string_view filter, const std::string& value) {
  const std::string* const wanted = query.filter(filter);
  return wanted == nullptr || *wanted == value;
}

Task<std::optional<ports::SessionSummary>> find(Services& services, Request& request) {
  const std::vector<ports::SessionSummary> all = co_await services.gateway.sessions();
  for (const ports::SessionSummary& session : all)
    if (session.id == request.parameter("id") && sees(request, session)) co_return session;
  co_return std::nullopt;
}

Response no_session(const Request& request) {
  return problem(request, "not_found", "there is no session \"" + request.parameter("id") + "\"");
}

}  // namespace

Task<Response> list_sessions(Services& services, Request& request) {
  Response refused;
  const auto query = read_list_query(request, services.cursors, {.filters = {"user", "target"}}, refused);
  if (!query) co_return refused;
  std::vector<ports::SessionSummary> seen;
  std::vector<ports::SessionSummary> all = co_await services.gateway.sessions();
  for (ports::SessionSummary& session : all) {
    const bool wanted = fits(*query, "user", session.user) && fits(*query, "target", session.target);
    if (wanted && sees(request, session)) seen.push_back(std::move(session));
  }
  co_return page_of<ports::SessionSummary>(
      request, services, *query, std::move(seen), [](const ports::SessionSummary& session) { return session.id; },
      [](const ports::SessionSummary& session) { return json::serialize(json_of(session)); });
}

Task<Response> show_session(Services& services, Request& request) {
  const auto session = co_await find(services, request);
  if (!session) co_return no_session(request);
  co_return json_response(json::serialize(json_of(*session)));
}

Task<Response> kill_session(Services& services, Request& request) {
  const JsonBody body(request, {member::text("reason", 1, most_reason)});
  if (!body.valid()) co_return body.refused(request);
  const auto session = co_await find(services, request);
  if (!session) co_return no_session(request);
  const bool own = session->user == request.caller->user;
  if (!own && !any_of(request.caller->roles, Role::admin)) {
    co_return problem(request, "not_permitted", "only administrators end the sessions of others");
  }
  const auto ended = co_await services.gateway.end_session(session->id, request.caller->user, body.text("reason"));
  if (!ended) co_return refused_by(request, ended.error());
  co_return no_content();
}

}  // namespace dbgate::api
