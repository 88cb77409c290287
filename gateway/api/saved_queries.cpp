#include <boost/json.hpp>

#include "gateway/api/administration.h"
#include "gateway/api/entries.h"
#include "gateway/api/etag.h"
#include "gateway/api/json_body.h"
#include "gateway/api/problem.h"

// The queries that people keep.
namespace dbgate::api {
namespace {

namespace json = boost::json;
namespace store = ports::store;

constexpr std::int64_t most_name = 100;
constexpr std::int64_t most_target = 128;
constexpr std::int64_t most_description = 1000;
constexpr std::int64_t most_sql = 1 << 20;

json::object json_of(const store::SavedQuery& query) {
  return {{"id", query.id},
          {"owner", query.owner},
          {"name", query.name},
          {"target", query.target},
          {"sql", query.text},
          {"description", query.description},
          {"shared", query.shared},
          {"created_at", time_or_null(query.created_us)},
          {"updated_at", time_or_null(query.updated_us)}};
}

Response shown(const store::SavedQuery& query, unsigned status = 200) {
  Response response = json_response(json::serialize(json_of(query)), status);
  response.etag = etag_of(query.id, query.revision);
  return response;
}

std::vector<Member> members_of_saved() {
  return {member::text("name", 1, most_name), member::text("target", 1, most_target),
          member::secret("sql", 1, most_sql), member::text("description", 0, most_description).optional(),
          member::boolean("shared").optional()};
}

void take(const JsonBody& body, store::SavedQuery& query) {
  if (body.has("name")) query.name = body.text("name");
  if (body.has("target")) query.target = body.text("target");
  if (body.has("sql")) query.text = body.text("sql");
  if (body.has("description")) query.description = body.text("description");
  query.shared = body.boolean("shared", query.shared);
}

Task<Result<store::SavedQuery>> find(Services& services, Request& request) {
  co_return co_await ask<store::SavedQuery>(services, [&](ports::Administration& all) {
    return all.work().find_saved(request.caller->user, request.parameter("id"));
  });
}

}  // namespace

Task<Response> list_saved_queries(Services& services, Request& request) {
  Response refused;
  const auto query = read_list_query(request, services.cursors, {.sorts = {"name"}}, refused);
  if (!query) co_return refused;
  auto all = co_await ask<std::vector<store::SavedQuery>>(
      services, [&](ports::Administration& admin) { return admin.work().list_saved(request.caller->user); });
  if (!all) co_return refused_by(request, all.error());
  co_return page_of<store::SavedQuery>(
      request, services, *query, std::move(*all), [](const store::SavedQuery& one) { return one.name + "\n" + one.id; },
      [](const store::SavedQuery& one) { return json::serialize(json_of(one)); });
}

Task<Response> create_saved_query(Services& services, Request& request) {
  const JsonBody body(request, members_of_saved());
  if (!body.valid()) co_return body.refused(request);
  store::SavedQuery wish;
  wish.owner = request.caller->user;
  take(body, wish);
  const auto made = co_await ask<store::SavedQuery>(
      services, [&](ports::Administration& all) { return all.work().create_saved(wish); });
  if (!made) co_return refused_by(request, made.error());
  Response response = shown(*made, 201);
  response.headers.set("Location", "/api/v1/saved-queries/" + made->id);
  co_return response;
}

Task<Response> show_saved_query(Services& services, Request& request) {
  const auto found = co_await find(services, request);
  if (!found) co_return refused_by(request, found.error());
  co_return shown(*found);
}

Task<Response> change_saved_query(Services& services, Request& request) {
  const JsonBody body(request, members_of_saved(), true);
  if (!body.valid()) co_return body.refused(request);
  auto found = co_await find(services, request);
  if (!found) co_return refused_by(request, found.error());
  if (auto refused = refuse_unless_match(request, etag_of(found->id, found->revision))) co_return *refused;
  store::SavedQuery wish = *found;
  wish.owner = request.caller->user;
  take(body, wish);
  const auto changed = co_await ask<store::SavedQuery>(
      services, [&](ports::Administration& all) { return all.work().change_saved(wish); });
  if (!changed) co_return refused_by(request, changed.error());
  co_return shown(*changed);
}

Task<Response> remove_saved_query(Services& services, Request& request) {
  const auto found = co_await find(services, request);
  if (!found) co_return refused_by(request, found.error());
  if (auto refused = refuse_unless_match(request, etag_of(found->id, found->revision))) co_return *refused;
  const auto gone = co_await ask<void>(services, [&](ports::Administration& all) {
    return all.work().remove_saved(request.caller->user, found->id, found->revision);
  });
  if (!gone) co_return refused_by(request, gone.error());
  co_return no_content();
}

}  // namespace dbgate::api
