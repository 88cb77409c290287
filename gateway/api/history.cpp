#include <array>
#include <boost/json.hpp>
#include <charconv>

#include "gateway/api/administration.h"
#include "gateway/api/entries.h"
#include "gateway/api/problem.h"
#include "gateway/base/clock.h"

// What was done: statements by who ran them, and the records of the audit log.
namespace dbgate::api {
namespace {

namespace json = boost::json;
using ports::AuditField;
using ports::Statement;

constexpr std::size_t most_filter = 1000;

/// A filter by the name that the API has for it, and what it may be.
struct Filter {
  std::string_view name;
  AuditField field;
  std::string_view words = {};  ///< separated by blanks; empty: any text
};
constexpr std::string_view effects = "allow mask deny log_only";
constexpr std::array<Filter, 13> filters{{{"user", AuditField::user},
                                          {"target", AuditField::target},
                                          {"session", AuditField::session},
                                          {"address", AuditField::address},
                                          {"event", AuditField::event},
                                          {"effect", AuditField::effect, effects},
                                          {"rule", AuditField::rule},
                                          {"object", AuditField::object},
                                          {"operation", AuditField::operation},
                                          {"outcome", AuditField::outcome},
                                          {"sqlstate", AuditField::sqlstate},
                                          {"query_id", AuditField::query},
                                          {"id", AuditField::id}}};

// By Statement::State.
constexpr std::array<std::string_view, 6> states{"unfinished", "succeeded", "failed", "cancelled", "not_run", "denied"};

bool is_among(std::string_view words, std::string_view word) {
  while (!words.empty()) {
    const std::size_t blank = words.find(' ');
    if (words.substr(0, blank) == word) return true;
    words = blank == std::string_view::npos ? std::string_view() : words.substr(blank + 1);
  }
  return false;
}

Response refuse(const Request& request, const std::string& name, const std::string& detail) {
  return problem(request, "bad_request", "the parameter \"" + name + "\" " + detail,
                 {.errors = {{"?" + name, detail}}});
}

// What both lists are asked for. On failure `refused` is the answer.
std::optional<ports::AuditFilter> read_filter(const Request& request, const ListQuery& query, Response& refused) {
  ports::AuditFilter wanted{{}, {}, query.since_us, query.until_us};
  for (const auto& [name, value] : query.filters) {
    if (value.empty() || value.size() > most_filter) {
      refused = refuse(request, name, "must have 1 to 1000 bytes");
      return {};
    }
    if (name == "text") wanted.text = value;
    for (const Filter& filter : filters) {
      if (filter.name != name) continue;
      if (!filter.words.empty() && !is_among(filter.words, value)) {
        refused = refuse(request, name, "must be one of: " + std::string(filter.words));
        return {};
      }
      wanted.is.emplace_back(filter.field, value);
    }
  }
  return wanted;
}

// As keys of cursors: time|sequence|chain.
std::string text_of(const std::optional<ports::AuditPosition>& at) {
  if (!at) return {};
  return std::to_string(at->time_us) + '|' + std::to_string(at->sequence) + '|' + at->chain;
}

// Ours: its cursor was signed.
std::optional<ports::AuditPosition> position_of(const std::string& text) {
  if (text.empty()) return {};
  ports::AuditPosition at;
  const char* const end = text.data() + text.size();
  const auto time = std::from_chars(text.data(), end, at.time_us);
  if (time.ptr == end) return {};
  const auto sequence = std::from_chars(time.ptr + 1, end, at.sequence);
  if (sequence.ptr != end) at.chain.assign(sequence.ptr + 1, end);
  return at;
}

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

json::value moment_or_null(std::int64_t micros) {
  return micros == 0 ? json::value(nullptr) : json::value(format_time(micros));
}

// Milliseconds to the microsecond, as the log has them.
json::value elapsed(const Statement& statement) {
  if (statement.ended_us == 0) return nullptr;
  return static_cast<double>(statement.duration_us) / 1000;
}

json::object json_of(const Statement& statement) {
  json::object item;
  item["id"] = statement.id;
  item["session_id"] = statement.session;
  item["user"] = statement.user;
  item["target"] = statement.target;
  item["database"] = statement.database;
  item["protocol"] = statement.protocol;
  item["operation"] = statement.operation;
  item["state"] = states[static_cast<std::size_t>(statement.state)];
  item["sql"] = statement.text;
  item["sql_bytes"] = statement.text_bytes;
  item["decision"] = {
      {"effect", statement.effect}, {"rule", statement.rule}, {"reasons", json::value_from(statement.reasons)}};
  item["rows"] = statement.rows;
  item["rows_affected"] = statement.rows_affected;
  item["bytes"] = statement.bytes;
  item["sqlstate"] = text_or_null(statement.sqlstate);
  item["limit"] = text_or_null(statement.limit);
  item["from_cache"] = statement.from_cache;
  item["created_at"] = moment_or_null(statement.decided_us);
  item["ended_at"] = moment_or_null(statement.ended_us);
  item["elapsed_ms"] = elapsed(statement);
  return item;
}

Response no_log(const Request& request) {
  return problem(request, "unavailable", "this gateway has no audit log to search");
}

bool is_auditor(const Request& request) {
  return any_of(request.caller->roles, Role::auditor);
}

// When the caller's account was made: what was done before under its name was done by somebody else. 0 for users of the
// configuration file.
Task<Result<std::int64_t>> account_since(Services& services, const Request& request) {
  const std::string name = request.caller->user;
  const auto view = co_await ask<ports::UserView>(
      services, [name](ports::Administration& all) { return all.users().find_user(name); });
  if (!view) co_return view.error();
  co_return view->user.created_us;
}

/// Whose statements are wanted: one's own, unless an auditor says otherwise. False: not for the caller.
bool add_user(const Request& request, const ListQuery& query, ports::AuditFilter& filter) {
  const std::string* const all = query.filter("all");
  const std::string* const user = query.filter("user");
  const bool others = (all != nullptr && *all == "true") || (user != nullptr && *user != request.caller->user);
  if (others) return is_auditor(request);
  if (user == nullptr) filter.is.emplace_back(AuditField::user, request.caller->user);
  return true;
}

std::optional<ports::StatementQuery> read_history_query(const Request& request, const ListQuery& query,
                                                        Response& refused) {
  auto filter = read_filter(request, query, refused);
  if (!filter) return {};
  ports::StatementQuery wanted{std::move(*filter), {}};
  if (const std::string* const all = query.filter("all"); all != nullptr && *all != "true" && *all != "false") {
    refused = refuse(request, "all", "must be true or false");
    return {};
  }
  if (const std::string* const state = query.filter("state")) {
    const auto* const found = std::find(states.begin(), states.end(), *state);
    if (found == states.end()) {
      refused = refuse(request, "state", "must be one of: unfinished succeeded failed cancelled not_run denied");
      return {};
    }
    wanted.state = static_cast<Statement::State>(found - states.begin());
  }
  if (add_user(request, query, wanted.filter)) return wanted;
  refused = problem(request, "not_permitted", "only auditors see what others have run");
  return {};
}

// The statement that the path names, if the caller may see it; else `refused` is the answer.
Task<std::optional<Statement>> seen_statement(Services& services, const Request& request, Response& refused) {
  if (services.audit == nullptr) {
    refused = no_log(request);
    co_return std::nullopt;
  }
  const std::string& id = request.parameter("id");
  auto found = co_await services.audit->statement(request.caller->user, id);
  if (!found) {
    refused = refused_by(request, found.error());
    co_return std::nullopt;
  }
  bool seen = *found && ((*found)->user == request.caller->user || is_auditor(request));
  if (seen && !is_auditor(request)) {
    const auto since = co_await account_since(services, request);
    if (!since) {
      refused = refused_by(request, since.error());
      co_return std::nullopt;
    }
    seen = (*found)->decided_us >= *since;
  }
  if (seen) co_return std::move(*found);
  refused = problem(request, "not_found", "there is no statement \"" + id + "\"");
  co_return std::nullopt;
}

}  // namespace

Task<Response> list_history(Services& services, Request& request) {
  Response refused;
  const auto query = read_list_query(
      request, services.cursors,
      {.filters = {"user", "all", "target", "session", "state", "effect", "rule", "object", "operation", "text"},
       .times = true},
      refused);
  if (!query) co_return refused;
  auto wanted = read_history_query(request, *query, refused);
  if (!wanted) co_return refused;
  if (services.audit == nullptr) co_return no_log(request);
  if (!is_auditor(request)) {
    const auto since = co_await account_since(services, request);
    if (!since) co_return refused_by(request, since.error());
    wanted->filter.since_us = std::max(wanted->filter.since_us.value_or(0), *since);
  }
  const auto found = co_await services.audit->statements(request.caller->user, std::move(*wanted),
                                                         {query->limit, position_of(query->last)});
  if (!found) co_return refused_by(request, found.error());
  std::vector<std::string> items;
  for (const Statement& statement : found->statements)
    items.push_back(json::serialize(json_of(statement)));
  co_return list_response(request, services.cursors, *query, items, text_of(found->next), found->cut);
}

Task<Response> show_statement(Services& services, Request& request) {
  Response refused;
  const auto statement = co_await seen_statement(services, request, refused);
  if (!statement) co_return refused;
  co_return json_response(json::serialize(json_of(*statement)));
}

Task<Response> list_receipts(Services& services, Request& request) {
  Response refused;
  const auto statement = co_await seen_statement(services, request, refused);
  if (!statement) co_return refused;
  const auto receipts = co_await services.audit->receipts(request.caller->user, statement->id);
  if (!receipts) co_return refused_by(request, receipts.error());
  std::string body = "{\"items\":[";
  for (const std::string& receipt : *receipts)
    body.append(body.back() == '[' ? "" : ",").append(receipt);
  co_return json_response(body + "]}");
}

Task<Response> list_audit_records(Services& services, Request& request) {
  Response refused;
  ListOffer offer{.filters = {"text"}, .times = true};
  for (const Filter& filter : filters)
    offer.filters.push_back(filter.name);
  const auto query = read_list_query(request, services.cursors, offer, refused);
  if (!query) co_return refused;
  auto wanted = read_filter(request, *query, refused);
  if (!wanted) co_return refused;
  if (services.audit == nullptr) co_return no_log(request);
  const auto found = co_await services.audit->records(request.caller->user, std::move(*wanted),
                                                      {query->limit, position_of(query->last)});
  if (!found) co_return refused_by(request, found.error());
  co_return list_response(request, services.cursors, *query, found->lines, text_of(found->next), found->cut);
}

}  // namespace dbgate::api
