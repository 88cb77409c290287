#include "gateway/api/approvals.h"

#include <boost/json.hpp>
#include <charconv>

#include "gateway/api/administration.h"
#include "gateway/api/etag.h"
#include "gateway/api/json_body.h"
#include "gateway/api/problem.h"
#include "gateway/ports/approval_words.h"

namespace dbgate::api {
namespace {

namespace json = boost::json;
namespace store = ports::store;

constexpr std::int64_t most_reason = 500;
constexpr std::int64_t most_ticket = 100;
constexpr std::int64_t most_wait_s = 30;
constexpr std::size_t listed_sql_bytes = 4096;

Response refused(const Request& request, const Error& why) {
  if (why.code() == sqlstate::insufficient_privilege) return problem(request, "not_an_approver", why.message());
  if (why.code() == sqlstate::object_not_in_prerequisite_state)
    return problem(request, "approval_ended", why.message());
  return refused_by(request, why);
}

Response no_such_state(const Request& request) {
  constexpr const char* why = "must be one of: pending, approved, denied, expired, cancelled, used";
  return problem(request, "bad_request", std::string("the parameter \"state\" ") + why, {.errors = {{"?state", why}}});
}

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

json::array votes_of(const store::Approval& approval) {
  json::array votes;
  for (const store::ApprovalVote& vote : approval.votes) {
    votes.push_back(json::object{{"by", vote.by},
                                 {"approve", vote.yes},
                                 {"reason", text_or_null(vote.reason)},
                                 {"ticket", text_or_null(vote.ticket)},
                                 {"voted_at", time_or_null(vote.at_us)}});
  }
  return votes;
}

std::string_view beginning_of(std::string_view text, std::size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80)
    --most;
  return text.substr(0, most);
}

json::value take(json::object& from, std::string_view name) {
  const auto found = from.find(name);
  if (found == from.end()) return nullptr;
  json::value value = std::move(found->value());
  from.erase(found);
  return value;
}

/// What a decision goes by. Text, operation and level stand where lists have them too; the rest is for `details`.
void add_body(json::object& shown, const store::Approval& approval, bool whole) {
  boost::system::error_code failed;
  json::value parsed = json::parse(approval.body.empty() ? "{}" : approval.body, failed);
  json::object details = !failed && parsed.is_object() ? std::move(parsed.get_object()) : json::object();
  const json::value sql = take(details, "sql");
  const json::value operation = take(details, "operation");
  const json::value* const risk = details.if_contains("risk");
  const json::value* const level =
      risk != nullptr && risk->is_object() ? risk->get_object().if_contains("level") : nullptr;
  shown["operation"] = operation.is_string() ? operation : json::value(nullptr);
  shown["risk_level"] = level != nullptr && level->is_string() ? *level : json::value(nullptr);
  shown["sql"] = nullptr;
  shown["sql_bytes"] = 0;
  if (sql.is_string()) {
    const std::string_view text(sql.get_string());
    shown["sql"] = whole ? text : beginning_of(text, listed_sql_bytes);
    shown["sql_bytes"] = text.size();
  }
  if (whole) shown["details"] = std::move(details);
}

json::object json_of(const ports::ApprovalView& view, bool whole) {
  const store::Approval& approval = view.approval;
  json::object shown;
  shown["id"] = approval.id;
  shown["kind"] = ports::word_of(approval.kind);
  shown["state"] = ports::word_of(approval.state);
  shown["requester"] = approval.requester;
  shown["target"] = approval.target;
  shown["database"] = approval.database;
  shown["session_id"] = text_or_null(approval.session);
  shown["rule"] = approval.policy_rule;
  shown["reason"] = text_or_null(approval.reason);
  shown["ticket"] = text_or_null(approval.ticket);
  shown["approvers"] = {{"groups", json::value_from(approval.rule.groups)},
                        {"users", json::value_from(approval.rule.users)},
                        {"needed", approval.rule.needed}};
  shown["votes"] = votes_of(approval);
  shown["missing"] = view.missing;
  shown["may_decide"] = view.may_decide;
  shown["once"] = approval.once;
  add_body(shown, approval, whole);
  shown["created_at"] = time_or_null(approval.created_us);
  shown["updated_at"] = time_or_null(approval.updated_us);
  shown["decide_by"] = time_or_null(approval.decide_by_us);
  shown["good_until"] = time_or_null(approval.good_until_us);
  return shown;
}

// The tag is of the representation and not of the revision: time alone makes an approval expired, and a group that
// somebody has left takes their vote, without a change of what is stored.
Response shown(const ports::ApprovalView& view) {
  Response response = json_response(json::serialize(json_of(view, true)));
  response.etag = etag_of(response.body);
  return response;
}

Response no_approvals(const Request& request) {
  return problem(request, "unavailable", "this gateway keeps no approvals");
}

Task<Response> decide(Services& services, Request& request, bool yes) {
  Member reason = member::text("reason", 1, most_reason);
  if (yes) reason = reason.optional();
  const JsonBody body(request, {reason, member::text("ticket", 1, most_ticket).optional()});
  if (!body.valid()) co_return body.refused(request);
  if (services.approvals == nullptr) co_return no_approvals(request);
  const std::string& id = request.parameter("id");
  ports::ApprovalDecision decision{yes, body.text("reason"), body.text("ticket"), 0};
  if (request.headers.has("If-Match")) {
    const auto seen = co_await services.approvals->find(approver_of(request), id);
    if (!seen) co_return refused(request, seen.error());
    if (auto changed = refuse_unless_match(request, shown(*seen).etag)) co_return std::move(*changed);
    decision.revision = seen->approval.revision;
  }
  const auto decided = co_await services.approvals->decide(approver_of(request), id, std::move(decision));
  if (!decided) co_return refused(request, decided.error());
  co_return shown(*decided);
}

/// What GET /approvals/{id} is asked to wait for.
struct Patience {
  store::ApprovalState seen = store::ApprovalState::pending;
  std::int64_t seconds = 0;
};

std::optional<Patience> read_patience(const Request& request, Response& refusal) {
  const auto query = read_query(request, {"wait_seconds", "state"}, refusal);
  if (!query) return {};
  Patience patience;
  for (const auto& [name, value] : *query) {
    if (name == "state") {
      const auto state = ports::approval_state_of(value);
      if (!state) {
        refusal = no_such_state(request);
        return {};
      }
      patience.seen = *state;
      continue;
    }
    const auto read = std::from_chars(value.data(), value.data() + value.size(), patience.seconds);
    const bool whole = read.ec == std::errc() && read.ptr == value.data() + value.size();
    if (whole && patience.seconds >= 0 && patience.seconds <= most_wait_s) continue;
    constexpr const char* why = "must be a whole number from 0 to 30";
    refusal = problem(request, "bad_request", std::string("the parameter \"wait_seconds\" ") + why,
                      {.errors = {{"?wait_seconds", why}}});
    return {};
  }
  return patience;
}

}  // namespace

ports::Approver approver_of(const Request& request) {
  const Caller& caller = *request.caller;
  return {caller.user,
          {caller.groups.begin(), caller.groups.end()},
          any_of(caller.roles, Role::auditor),
          request.address,
          any_of(caller.roles, Role::admin | Role::policy_admin)};
}

Task<Response> list_approvals(Services& services, Request& request) {
  Response refusal;
  const auto query = read_list_query(request, services.cursors, {.filters = {"state", "target", "requester"}}, refusal);
  if (!query) co_return refusal;
  store::ApprovalFilter filter;
  if (const std::string* const word = query->filter("state")) {
    filter.state = ports::approval_state_of(*word);
    if (!filter.state) co_return no_such_state(request);
  }
  if (const std::string* const target = query->filter("target")) filter.target = *target;
  if (const std::string* const requester = query->filter("requester")) filter.requester = *requester;
  if (services.approvals == nullptr) co_return no_approvals(request);
  store::Page page = store_page(*query);
  page.descending = true;
  const auto list = co_await services.approvals->list(approver_of(request), std::move(filter), std::move(page));
  if (!list) co_return refused(request, list.error());
  co_return store_list_response<ports::ApprovalView>(
      request, services.cursors, *query, *list,
      [](const ports::ApprovalView& view) { return json::serialize(json_of(view, false)); });
}

Task<Response> show_approval(Services& services, Request& request) {
  Response refusal;
  const auto patience = read_patience(request, refusal);
  if (!patience) co_return refusal;
  if (services.approvals == nullptr) co_return no_approvals(request);
  const std::string& id = request.parameter("id");
  auto view = co_await services.approvals->find(approver_of(request), id);
  if (view && view->approval.state == patience->seen && patience->seconds > 0) {
    view = co_await services.approvals->wait(approver_of(request), id, patience->seen, patience->seconds * 1000);
  }
  if (!view) co_return refused(request, view.error());
  co_return shown(*view);
}

Task<Response> approve_approval(Services& services, Request& request) {
  auto response = co_await decide(services, request, true);
  co_return response;
}

Task<Response> deny_approval(Services& services, Request& request) {
  auto response = co_await decide(services, request, false);
  co_return response;
}

Task<Response> cancel_approval(Services& services, Request& request) {
  if (services.approvals == nullptr) co_return no_approvals(request);
  const auto cancelled = co_await services.approvals->cancel(approver_of(request), request.parameter("id"));
  if (!cancelled) co_return refused(request, cancelled.error());
  co_return shown(*cancelled);
}

}  // namespace dbgate::api
