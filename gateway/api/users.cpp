#include "gateway/api/users.h"

#include <boost/json.hpp>

#include "gateway/api/administration.h"
#include "gateway/api/etag.h"
#include "gateway/api/json_body.h"

namespace dbgate::api {
namespace {

namespace json = boost::json;
namespace store = ports::store;

constexpr std::int64_t most_name = 63;
constexpr std::int64_t most_text = 200;
constexpr std::int64_t most_email = 254;  // RFC 5321 §4.5.3.1.3
constexpr std::int64_t most_groups = 200;
constexpr std::int64_t most_roles = 5;
constexpr std::int64_t most_certificates = 20;
constexpr std::int64_t most_certificate = 1000;
constexpr std::size_t most_attributes = 50;
constexpr std::size_t most_attribute_bytes = 1000;

const char* word(store::UserKind kind) {
  if (kind == store::UserKind::person) return "person";
  return kind == store::UserKind::service ? "service" : "agent";
}

const char* word(store::UserState state) {
  switch (state) {
    case store::UserState::active:
      return "active";
    case store::UserState::disabled:
      return "disabled";
    case store::UserState::invited:
      return "invited";
    case store::UserState::pending:
      return "pending";
  }
  return "";
}

// Attributes of a body: a map of texts. The body is told if it is none.
std::map<std::string, std::string> read_attributes(JsonBody& body) {
  std::map<std::string, std::string> attributes;
  const json::value* const given = body.value("attributes");
  if (given == nullptr || !given->is_object()) return attributes;
  for (const auto& [name, value] : given->as_object()) {
    const bool fine = value.is_string() && !name.empty() && name.size() <= static_cast<std::size_t>(most_name) &&
                      value.as_string().size() <= most_attribute_bytes && given->as_object().size() <= most_attributes;
    if (fine) attributes.emplace(name, std::string(value.as_string()));
    if (!fine) body.refuse("attributes", "must be an object of at most 50 short strings");
    if (!fine) break;
  }
  return attributes;
}

ports::UserPatch patch_of(JsonBody& body) {
  ports::UserPatch patch;
  if (body.has("state")) {
    patch.state = body.text("state") == "active" ? store::UserState::active : store::UserState::disabled;
  }
  if (body.has("display_name")) patch.display_name = body.text("display_name");
  if (body.has("email")) patch.email = body.text("email");
  if (body.has("wire")) {
    patch.wire = body.text("wire") == "token" ? store::WireLogin::token : store::WireLogin::password;
  }
  if (body.has("attributes")) patch.attributes = read_attributes(body);
  if (body.has("certificates")) patch.certificates = body.texts("certificates");
  return patch;
}

Response created(const ports::CreatedUser& made, const std::string& collection) {
  json::object answer = json_of(made.view);
  if (!made.one_time_password.empty()) answer["one_time_password"] = made.one_time_password;
  Response response = json_response(json::serialize(answer), 201);
  response.headers.set("Location", "/api/v1/" + collection + "/" + made.view.user.name);
  response.etag = etag_of(made.view);
  return response;
}

std::optional<store::UserState> state_of(const std::string& text) {
  for (const auto state :
       {store::UserState::active, store::UserState::disabled, store::UserState::invited, store::UserState::pending})
    if (text == word(state)) return state;
  return {};
}

std::optional<store::UserKind> kind_of(const std::string& text) {
  for (const auto kind : {store::UserKind::person, store::UserKind::service, store::UserKind::agent})
    if (text == word(kind)) return kind;
  return {};
}

Task<Response> list_of(Services& services, Request& request, bool programs) {
  Response refused;
  const auto query =
      read_list_query(request, services.cursors, {.sorts = {"name"}, .filters = {"state", "kind", "group"}}, refused);
  if (!query) co_return refused;
  ports::UserQuery wanted;
  wanted.services_and_agents = programs;
  if (const std::string* const state = query->filter("state")) {
    wanted.state = state_of(*state);
    if (!wanted.state)
      co_return problem(request, "bad_request", "there is no such state of users",
                        {.errors = {{"?state", "is no state"}}});
  }
  if (const std::string* const kind = query->filter("kind")) {
    wanted.kind = kind_of(*kind);
    if (!wanted.kind)
      co_return problem(request, "bad_request", "there is no such kind of users",
                        {.errors = {{"?kind", "is no kind"}}});
  }
  if (const std::string* const group = query->filter("group")) wanted.group = *group;
  auto users = co_await ask<std::vector<ports::UserView>>(
      services, [&](ports::Administration& all) { return all.users().list_users(wanted); });
  if (!users) co_return refused_by(request, users.error());
  co_return page_of<ports::UserView>(
      request, services, *query, std::move(*users), [](const ports::UserView& view) { return view.user.name; },
      [](const ports::UserView& view) { return json::serialize(json_of(view)); });
}

}  // namespace

json::object json_of(const ports::UserView& view) {
  const store::User& user = view.user;
  json::object item;
  if (!view.of_file) item["id"] = user.id;
  item["name"] = user.name;
  item["kind"] = word(user.kind);
  item["state"] = word(user.state);
  item["display_name"] = user.display_name;
  item["email"] = user.email;
  item["wire"] = user.wire_login == store::WireLogin::token ? "token" : "password";
  item["attributes"] = json::value_from(user.attributes);
  item["groups"] = json::value_from(view.groups);
  item["roles"] = json::value_from(view.roles);
  item["certificates"] = json::value_from(view.certificates);
  item["source"] = user.source == store::Source::oidc ? "oidc" : "local";
  item["managed_by"] = view.of_file ? "configuration" : "store";
  item["created_at"] = time_or_null(user.created_us);
  item["updated_at"] = time_or_null(user.updated_us);
  return item;
}

std::string etag_of(const ports::UserView& view) {
  return view.of_file ? etag_of(view.user.name) : etag_of(view.user.id, view.user.revision);
}

Task<Response> list_users(Services& services, Request& request) {
  co_return co_await list_of(services, request, false);
}

Task<Response> list_service_accounts(Services& services, Request& request) {
  co_return co_await list_of(services, request, true);
}

Task<Response> create_user(Services& services, Request& request) {
  JsonBody body(request, {member::text("name", 1, most_name), member::text("display_name", 0, most_text).optional(),
                          member::text("email", 0, most_email).optional(), member::object("attributes").optional(),
                          member::word("wire", {"password", "token"}).optional(),
                          member::texts("groups", 0, most_groups, most_name).optional(),
                          member::texts("roles", 0, most_roles, most_name).optional()});
  const auto attributes = read_attributes(body);
  if (!body.valid()) co_return body.refused(request);
  store::NewUser wish;
  wish.user.name = body.text("name");
  wish.user.display_name = body.text("display_name");
  wish.user.email = body.text("email");
  wish.user.attributes = attributes;
  if (body.text("wire") == "token") wish.user.wire_login = store::WireLogin::token;
  wish.groups = body.texts("groups");
  wish.roles = body.texts("roles");
  const ports::Actor actor = actor_of(request);
  const auto made = co_await ask<ports::CreatedUser>(
      services, [&](ports::Administration& all) { return all.users().create_user(actor, wish); });
  if (!made) co_return refused_by(request, made.error());
  co_return created(*made, "users");
}

Task<Response> create_service_account(Services& services, Request& request) {
  const JsonBody body(request,
                      {member::text("name", 1, most_name), member::word("kind", {"service", "agent"}).optional(),
                       member::text("display_name", 0, most_text).optional(),
                       member::texts("groups", 0, most_groups, most_name).optional()});
  if (!body.valid()) co_return body.refused(request);
  store::NewUser wish;
  wish.user.name = body.text("name");
  wish.user.kind = body.text("kind") == "agent" ? store::UserKind::agent : store::UserKind::service;
  wish.user.wire_login = store::WireLogin::token;
  wish.user.display_name = body.text("display_name");
  wish.groups = body.texts("groups");
  const ports::Actor actor = actor_of(request);
  const auto made = co_await ask<ports::CreatedUser>(
      services, [&](ports::Administration& all) { return all.users().create_user(actor, wish); });
  if (!made) co_return refused_by(request, made.error());
  co_return created(*made, "users");
}

Task<Response> show_user(Services& services, Request& request) {
  const auto found = co_await ask<ports::UserView>(
      services, [&](ports::Administration& all) { return all.users().find_user(request.parameter("name")); });
  if (!found) co_return refused_by(request, found.error());
  Response response = json_response(json::serialize(json_of(*found)));
  response.etag = etag_of(*found);
  co_return response;
}

Task<Response> change_user(Services& services, Request& request) {
  JsonBody body(request,
                {member::word("state", {"active", "disabled"}), member::text("display_name", 0, most_text).nullable(),
                 member::text("email", 0, most_email).nullable(), member::object("attributes").nullable(),
                 member::word("wire", {"password", "token"}),
                 member::texts("certificates", 0, most_certificates, most_certificate).nullable()},
                true);
  const ports::UserPatch patch = patch_of(body);
  if (!body.valid()) co_return body.refused(request);
  const std::string& name = request.parameter("name");
  const ports::Actor actor = actor_of(request);
  const auto found =
      co_await ask<ports::UserView>(services, [&](ports::Administration& all) { return all.users().find_user(name); });
  if (!found) co_return refused_by(request, found.error());
  if (auto refused = refuse_unless_match(request, etag_of(*found))) co_return *refused;
  const auto changed = co_await ask<ports::UserView>(services, [&](ports::Administration& all) {
    return all.users().change_user(actor, name, found->user.revision, patch);
  });
  if (!changed) co_return refused_by(request, changed.error());
  Response response = json_response(json::serialize(json_of(*changed)));
  response.etag = etag_of(*changed);
  co_return response;
}

Task<Response> remove_user(Services& services, Request& request) {
  const std::string& name = request.parameter("name");
  const ports::Actor actor = actor_of(request);
  const auto found =
      co_await ask<ports::UserView>(services, [&](ports::Administration& all) { return all.users().find_user(name); });
  if (!found) co_return refused_by(request, found.error());
  if (auto refused = refuse_unless_match(request, etag_of(*found))) co_return *refused;
  const auto gone = co_await ask<void>(
      services, [&](ports::Administration& all) { return all.users().remove_user(actor, name, found->user.revision); });
  if (!gone) co_return refused_by(request, gone.error());
  co_return no_content();
}

Task<Response> reset_user(Services& services, Request& request) {
  const std::string& name = request.parameter("name");
  const ports::Actor actor = actor_of(request);
  const auto text = co_await ask<std::string>(
      services, [&](ports::Administration& all) { return all.users().reset_user(actor, name); });
  if (!text) co_return refused_by(request, text.error());
  co_return json_response(json::serialize(json::object{{"name", name}, {"one_time_password", *text}}));
}

}  // namespace dbgate::api
