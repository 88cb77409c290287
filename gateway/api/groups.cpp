#include <boost/json.hpp>

#include "gateway/api/administration.h"
#include "gateway/api/etag.h"
#include "gateway/api/json_body.h"
#include "gateway/api/users.h"

// Groups, roles, and keys of service accounts.
namespace dbgate::api {
namespace {

namespace json = boost::json;
namespace store = ports::store;

constexpr std::int64_t most_name = 63;
constexpr std::int64_t most_text = 500;
constexpr std::int64_t most_key_name = 100;
constexpr std::int64_t longest_key_s = 366ll * 86'400;
constexpr std::int64_t usual_key_s = 90ll * 86'400;

json::object json_of(const ports::GroupView& view) {
  json::object item;
  if (!view.of_file) item["id"] = view.group.id;
  item["name"] = view.group.name;
  item["description"] = view.group.description;
  item["members"] = json::value_from(view.members);
  item["roles"] = json::value_from(view.roles);
  item["managed_by"] = view.of_file ? "configuration" : "store";
  item["created_at"] = time_or_null(view.group.created_us);
  item["updated_at"] = time_or_null(view.group.updated_us);
  return item;
}

std::string etag_of(const ports::GroupView& view) {
  return view.of_file ? api::etag_of(view.group.name) : api::etag_of(view.group.id, view.group.revision);
}

Response shown(const ports::GroupView& view, unsigned status = 200) {
  Response response = json_response(json::serialize(json_of(view)), status);
  response.etag = etag_of(view);
  return response;
}

json::object json_of(const store::AccessKey& key) {
  return {{"id", key.id},
          {"name", key.name},
          {"hint", key.hint},
          {"scopes", json::value_from(key.scopes)},
          {"created_at", time_or_null(key.created_us)},
          {"expires_at", time_or_null(key.expires_us)},
          {"last_used_at", time_or_null(key.last_used_us)}};
}

Task<Response> set_member(Services& services, Request& request, bool in) {
  const ports::Actor actor = actor_of(request);
  const auto done = co_await ask<void>(services, [&](ports::Administration& all) {
    return all.users().set_member(actor, request.parameter("name"), request.parameter("user"), in);
  });
  if (!done) co_return refused_by(request, done.error());
  co_return no_content();
}

Task<Response> set_role(Services& services, Request& request, store::SubjectKind kind, bool granted) {
  const ports::Actor actor = actor_of(request);
  const store::RoleGrant role{kind, request.parameter("name"), request.parameter("role")};
  const auto done = co_await ask<void>(
      services, [&](ports::Administration& all) { return all.users().set_role(actor, role, granted); });
  if (!done) co_return refused_by(request, done.error());
  co_return no_content();
}

}  // namespace

Task<Response> list_groups(Services& services, Request& request) {
  Response refused;
  const auto query = read_list_query(request, services.cursors, {.sorts = {"name"}}, refused);
  if (!query) co_return refused;
  auto groups = co_await ask<std::vector<ports::GroupView>>(
      services, [](ports::Administration& all) { return all.users().list_groups(); });
  if (!groups) co_return refused_by(request, groups.error());
  co_return page_of<ports::GroupView>(
      request, services, *query, std::move(*groups), [](const ports::GroupView& view) { return view.group.name; },
      [](const ports::GroupView& view) { return json::serialize(json_of(view)); });
}

Task<Response> create_group(Services& services, Request& request) {
  const JsonBody body(request,
                      {member::text("name", 1, most_name), member::text("description", 0, most_text).optional()});
  if (!body.valid()) co_return body.refused(request);
  store::Group wish;
  wish.name = body.text("name");
  wish.description = body.text("description");
  const ports::Actor actor = actor_of(request);
  const auto made = co_await ask<ports::GroupView>(
      services, [&](ports::Administration& all) { return all.users().create_group(actor, wish); });
  if (!made) co_return refused_by(request, made.error());
  Response response = shown(*made, 201);
  response.headers.set("Location", "/api/v1/groups/" + wish.name);
  co_return response;
}

Task<Response> show_group(Services& services, Request& request) {
  const auto found = co_await ask<ports::GroupView>(
      services, [&](ports::Administration& all) { return all.users().find_group(request.parameter("name")); });
  if (!found) co_return refused_by(request, found.error());
  co_return shown(*found);
}

Task<Response> change_group(Services& services, Request& request) {
  const JsonBody body(request, {member::text("description", 0, most_text).nullable()}, true);
  if (!body.valid()) co_return body.refused(request);
  const std::string& name = request.parameter("name");
  const ports::Actor actor = actor_of(request);
  const auto found = co_await ask<ports::GroupView>(
      services, [&](ports::Administration& all) { return all.users().find_group(name); });
  if (!found) co_return refused_by(request, found.error());
  if (auto refused = refuse_unless_match(request, etag_of(*found))) co_return *refused;
  store::Group wish = found->group;
  if (body.has("description")) wish.description = body.text("description");
  const auto changed = co_await ask<ports::GroupView>(
      services, [&](ports::Administration& all) { return all.users().change_group(actor, wish); });
  if (!changed) co_return refused_by(request, changed.error());
  co_return shown(*changed);
}

Task<Response> remove_group(Services& services, Request& request) {
  const std::string& name = request.parameter("name");
  const ports::Actor actor = actor_of(request);
  const auto found = co_await ask<ports::GroupView>(
      services, [&](ports::Administration& all) { return all.users().find_group(name); });
  if (!found) co_return refused_by(request, found.error());
  if (auto refused = refuse_unless_match(request, etag_of(*found))) co_return *refused;
  const auto gone = co_await ask<void>(services, [&](ports::Administration& all) {
    return all.users().remove_group(actor, name, found->group.revision);
  });
  if (!gone) co_return refused_by(request, gone.error());
  co_return no_content();
}

Task<Response> add_member(Services& services, Request& request) {
  co_return co_await set_member(services, request, true);
}
Task<Response> remove_member(Services& services, Request& request) {
  co_return co_await set_member(services, request, false);
}
Task<Response> grant_role_to_user(Services& services, Request& request) {
  co_return co_await set_role(services, request, store::SubjectKind::user, true);
}
Task<Response> revoke_role_of_user(Services& services, Request& request) {
  co_return co_await set_role(services, request, store::SubjectKind::user, false);
}
Task<Response> grant_role_to_group(Services& services, Request& request) {
  co_return co_await set_role(services, request, store::SubjectKind::group, true);
}
Task<Response> revoke_role_of_group(Services& services, Request& request) {
  co_return co_await set_role(services, request, store::SubjectKind::group, false);
}

Task<Response> list_keys(Services& services, Request& request) {
  Response refused;
  const auto query = read_list_query(request, services.cursors, {}, refused);
  if (!query) co_return refused;
  auto keys = co_await ask<std::vector<store::AccessKey>>(
      services, [&](ports::Administration& all) { return all.users().list_keys(request.parameter("name")); });
  if (!keys) co_return refused_by(request, keys.error());
  co_return page_of<store::AccessKey>(
      request, services, *query, std::move(*keys), [](const store::AccessKey& key) { return key.id; },
      [](const store::AccessKey& key) { return json::serialize(json_of(key)); });
}

Task<Response> create_key(Services& services, Request& request) {
  const JsonBody body(request,
                      {member::text("name", 1, most_key_name), member::texts("scopes", 1, 6, most_name).optional(),
                       member::whole("expires_in_seconds", 1, longest_key_s).optional()});
  if (!body.valid()) co_return body.refused(request);
  ports::KeyWish wish{body.text("name"), body.texts("scopes"), body.whole("expires_in_seconds", usual_key_s)};
  if (wish.scopes.empty()) wish.scopes = {"connect", "query", "read"};
  const ports::Actor actor = actor_of(request);
  const auto made = co_await ask<ports::CreatedKey>(services, [&](ports::Administration& all) {
    return all.users().create_key(actor, request.parameter("name"), wish);
  });
  if (!made) co_return refused_by(request, made.error());
  json::object answer = json_of(made->key);
  answer["secret"] = made->text;
  Response response = json_response(json::serialize(answer), 201);
  response.headers.set("Location", request.path + "/" + made->key.id);
  co_return response;
}

Task<Response> revoke_key(Services& services, Request& request) {
  const ports::Actor actor = actor_of(request);
  const auto done = co_await ask<void>(services, [&](ports::Administration& all) {
    return all.users().revoke_key(actor, request.parameter("name"), request.parameter("id"));
  });
  if (!done) co_return refused_by(request, done.error());
  co_return no_content();
}

}  // namespace dbgate::api
