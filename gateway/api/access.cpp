#include "gateway/api/access.h"

#include <algorithm>
#include <boost/json.hpp>

#include "gateway/api/administration.h"
#include "gateway/api/approvals.h"
#include "gateway/api/etag.h"
#include "gateway/api/json_body.h"
#include "gateway/api/problem.h"
#include "gateway/api/text.h"
#include "gateway/ports/approval_words.h"

namespace dbgate::api {
namespace {

namespace json = boost::json;
namespace store = ports::store;

constexpr std::int64_t most_name = 128;
constexpr std::int64_t most_pattern = 1'000;
constexpr std::int64_t most_tables = 100;
constexpr std::int64_t most_verbs = 20;
constexpr std::int64_t most_seconds = 30 * 24 * 3600;
constexpr std::int64_t most_reason = 500;
constexpr std::int64_t most_ticket = 100;

Response refused(const Request& request, const Error& why) {
  if (why.code() == sqlstate::configuration_limit_exceeded) return problem(request, "too_many_requests", why.message());
  return refused_by(request, why);
}

Response no_access(const Request& request) {
  return problem(request, "unavailable", "this gateway has no identity store to keep requests in");
}

json::value text_or_null(const std::string& text) {
  return text.empty() ? json::value(nullptr) : json::value(text);
}

json::object json_of(const ports::AccessView& view) {
  const store::AccessRequest& request = view.request;
  return {{"id", request.id},
          {"state", ports::word_of(request.state)},
          {"user", request.user},
          {"target", request.target},
          {"offer", request.offer},
          {"tables", json::value_from(request.tables)},
          {"verbs", json::value_from(request.verbs)},
          {"duration_seconds", request.seconds},
          {"reason", request.reason},
          {"ticket", text_or_null(request.ticket)},
          {"break_glass", request.break_glass},
          {"in_review", request.in_review},
          {"approval_id", request.approval},
          {"approval_url", "/api/v1/approvals/" + request.approval},
          {"may_end", view.may_end},
          {"created_at", time_or_null(request.created_us)},
          {"starts_at", time_or_null(request.starts_us)},
          {"ends_at", time_or_null(request.ends_us)},
          {"ended_at", time_or_null(request.ended_us)},
          {"end_reason", text_or_null(request.end_reason)},
          {"ended_by", text_or_null(request.ended_by)}};
}

Response shown(const ports::AccessView& view) {
  Response response = json_response(json::serialize(json_of(view)));
  response.etag = etag_of(response.body);
  return response;
}

json::object json_of(const ports::AccessOfferSummary& offer) {
  json::value approvers = nullptr;
  if (offer.longest_s > 0) {
    approvers = {{"groups", json::value_from(offer.approvers.groups)},
                 {"users", json::value_from(offer.approvers.users)},
                 {"needed", offer.approvers.needed}};
  }
  const auto seconds = [](std::int64_t count) { return count > 0 ? json::value(count) : json::value(nullptr); };
  return {{"name", offer.name},
          {"targets", json::value_from(offer.targets)},
          {"tables", json::value_from(offer.tables)},
          {"verbs", json::value_from(offer.verbs)},
          {"longest_seconds", seconds(offer.longest_s)},
          {"approvers", std::move(approvers)},
          {"break_glass_longest_seconds", seconds(offer.break_glass_longest_s)},
          {"ticket_required", offer.needs_ticket}};
}

}  // namespace

json::array access_in_force(const Services& services, std::string_view user, std::string_view target) {
  json::array all;
  if (services.access == nullptr) return all;
  for (const ports::AccessInForce& one : services.access->in_force(user)) {
    if (!target.empty() && one.target != target) continue;
    all.push_back(json::object{{"id", one.id},
                               {"target", one.target},
                               {"tables", json::value_from(one.tables)},
                               {"verbs", json::value_from(one.verbs)},
                               {"break_glass", one.break_glass},
                               {"ends_at", rfc3339(one.until)}});
  }
  return all;
}

Task<Response> list_access_requests(Services& services, Request& request) {
  Response refusal;
  const auto query = read_list_query(request, services.cursors, {.filters = {"state", "target", "user"}}, refusal);
  if (!query) co_return refusal;
  store::AccessFilter filter;
  if (const std::string* const word = query->filter("state")) {
    filter.state = ports::access_state_of(*word);
    constexpr const char* why = "must be one of: pending, active, ended, denied, expired, cancelled";
    if (!filter.state) {
      co_return problem(request, "bad_request", std::string("the parameter \"state\" ") + why,
                        {.errors = {{"?state", why}}});
    }
  }
  if (const std::string* const target = query->filter("target")) filter.target = *target;
  if (const std::string* const user = query->filter("user")) filter.user = *user;
  if (services.access == nullptr) co_return no_access(request);
  store::Page page = store_page(*query);
  page.descending = true;
  const auto list = co_await services.access->list(approver_of(request), std::move(filter), std::move(page));
  if (!list) co_return refused(request, list.error());
  co_return store_list_response<ports::AccessView>(
      request, services.cursors, *query, *list,
      [](const ports::AccessView& view) { return json::serialize(json_of(view)); });
}

Task<Response> request_access(Services& services, Request& request) {
  const JsonBody body(
      request, {member::text("target", 1, most_name), member::texts("tables", 1, most_tables, most_pattern),
                member::texts("verbs", 1, most_verbs, most_name), member::whole("duration_seconds", 1, most_seconds),
                member::text("reason", 1, most_reason), member::text("ticket", 1, most_ticket).optional(),
                member::boolean("break_glass").optional()});
  if (!body.valid()) co_return body.refused(request);
  if (services.access == nullptr) co_return no_access(request);
  ports::AccessWish wish{body.text("target"),
                         body.texts("tables"),
                         body.texts("verbs"),
                         body.whole("duration_seconds", 0),
                         body.text("reason"),
                         body.text("ticket"),
                         body.boolean("break_glass", false)};
  const auto asked = co_await services.access->ask(approver_of(request), std::move(wish));
  if (!asked) {
    const Error why = asked.error();
    if (why.code() == sqlstate::insufficient_privilege) co_return problem(request, "denied", why.message());
    co_return refused(request, why);
  }
  Response response = shown(*asked);
  response.status = 201;
  response.headers.set("Location", "/api/v1/access-requests/" + asked->request.id);
  co_return response;
}

Task<Response> show_access_request(Services& services, Request& request) {
  if (services.access == nullptr) co_return no_access(request);
  const auto view = co_await services.access->find(approver_of(request), request.parameter("id"));
  if (!view) co_return refused(request, view.error());
  co_return shown(*view);
}

Task<Response> end_access_request(Services& services, Request& request) {
  const JsonBody body(request, {member::text("reason", 1, most_reason).optional()});
  if (!body.valid()) co_return body.refused(request);
  if (services.access == nullptr) co_return no_access(request);
  const auto ended = co_await services.access->end(approver_of(request), request.parameter("id"), body.text("reason"));
  if (!ended) co_return refused(request, ended.error());
  co_return shown(*ended);
}

Task<Response> list_access_offers(Services& services, Request& request) {
  Response refusal;
  const auto query = read_list_query(request, services.cursors, {.sorts = {"name"}, .filters = {"target"}}, refusal);
  if (!query) co_return refusal;
  if (services.access == nullptr) co_return no_access(request);
  std::vector<ports::AccessOfferSummary> offers = services.access->offers(request.caller->user);
  if (const std::string* const target = query->filter("target")) {
    std::erase_if(offers, [target](const ports::AccessOfferSummary& offer) {
      return std::find(offer.targets.begin(), offer.targets.end(), *target) == offer.targets.end();
    });
  }
  co_return page_of<ports::AccessOfferSummary>(
      request, services, *query, std::move(offers), [](const ports::AccessOfferSummary& offer) { return offer.name; },
      [](const ports::AccessOfferSummary& offer) { return json::serialize(json_of(offer)); });
}

}  // namespace dbgate::api
