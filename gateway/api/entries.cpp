#include "gateway/api/entries.h"

#include <boost/json.hpp>

#include "gateway/api/administration.h"
#include "gateway/api/json_body.h"
#include "gateway/api/problem.h"
#include "gateway/api/users.h"

// Invitations, registrations, logins.
namespace dbgate::api {
namespace {

namespace json = boost::json;
namespace store = ports::store;

constexpr std::int64_t most_name = 63;
constexpr std::int64_t most_text = 200;
constexpr std::int64_t most_email = 254;
constexpr std::int64_t most_groups = 200;
constexpr std::int64_t most_roles = 5;
constexpr std::int64_t most_password = 1024;
constexpr std::int64_t longest_invitation_s = 90ll * 86'400;
constexpr std::int64_t usual_invitation_s = 7ll * 86'400;
constexpr std::int64_t attempts_pause_s = 60;

json::object json_of(const store::Invitation& invitation) {
  return {{"id", invitation.id},
          {"email", invitation.email},
          {"groups", json::value_from(invitation.groups)},
          {"roles", json::value_from(invitation.roles)},
          {"created_by", invitation.created_by},
          {"used_by", invitation.used_by},
          {"created_at", time_or_null(invitation.created_us)},
          {"expires_at", time_or_null(invitation.expires_us)},
          {"used_at", time_or_null(invitation.used_us)},
          {"revoked_at", time_or_null(invitation.revoked_us)}};
}

json::object json_of(const store::Login& login) {
  return {{"id", login.id},
          {"user", login.user},
          {"method", login.method},
          {"client", login.client},
          {"address", login.address},
          {"created_at", time_or_null(login.created_us)},
          {"last_used_at", time_or_null(login.last_used_us)},
          {"expires_at", time_or_null(login.expires_us)}};
}

}  // namespace

Task<Response> list_invitations(Services& services, Request& request) {
  Response refused;
  const auto query = read_list_query(request, services.cursors, {}, refused);
  if (!query) co_return refused;
  auto all = co_await ask<std::vector<store::Invitation>>(
      services, [](ports::Administration& admin) { return admin.entries().list_invitations(); });
  if (!all) co_return refused_by(request, all.error());
  co_return page_of<store::Invitation>(
      request, services, *query, std::move(*all), [](const store::Invitation& one) { return one.id; },
      [](const store::Invitation& one) { return json::serialize(json_of(one)); });
}

Task<Response> create_invitation(Services& services, Request& request) {
  const JsonBody body(request, {member::text("email", 0, most_email).optional(),
                                member::texts("groups", 0, most_groups, most_name).optional(),
                                member::texts("roles", 0, most_roles, most_name).optional(),
                                member::whole("expires_in_seconds", 1, longest_invitation_s).optional()});
  if (!body.valid()) co_return body.refused(request);
  const ports::InvitationWish wish{body.text("email"), body.texts("groups"), body.texts("roles"),
                                   body.whole("expires_in_seconds", usual_invitation_s)};
  const ports::Actor actor = actor_of(request);
  const auto made = co_await ask<ports::CreatedInvitation>(
      services, [&](ports::Administration& admin) { return admin.entries().create_invitation(actor, wish); });
  if (!made) co_return refused_by(request, made.error());
  json::object answer = json_of(made->invitation);
  answer["secret"] = made->text;
  Response response = json_response(json::serialize(answer), 201);
  response.headers.set("Location", "/api/v1/invitations/" + made->invitation.id);
  co_return response;
}

Task<Response> revoke_invitation(Services& services, Request& request) {
  const ports::Actor actor = actor_of(request);
  const auto done = co_await ask<void>(services, [&](ports::Administration& admin) {
    return admin.entries().revoke_invitation(actor, request.parameter("id"));
  });
  if (!done) co_return refused_by(request, done.error());
  co_return no_content();
}

Task<Response> enroll(Services& services, Request& request) {
  const JsonBody body(
      request, {member::text("name", 1, most_name), member::secret("password", 1, most_password),
                member::text("invitation", 1, most_text).optional(), member::text("email", 0, most_email).optional(),
                member::text("display_name", 0, most_text).optional()});
  if (!body.valid()) co_return body.refused(request);
  ports::Registration wish;
  wish.user.name = body.text("name");
  wish.user.email = body.text("email");
  wish.user.display_name = body.text("display_name");
  wish.password = body.text("password");
  wish.invitation = body.text("invitation");
  Result<store::User> made = Error(sqlstate::connection_failure, "this gateway has no identity store");
  if (ports::Administration* const admin = services.administration; admin != nullptr) {
    co_await admin->run_only([&] { made = admin->entries().enroll(wish, request.address); });
  }
  if (!made) {
    const Error why = made.error();
    if (why.code() == sqlstate::invalid_authorization_specification) {
      co_return problem(request, "unprocessable", why.message(), {.errors = {{"/invitation", "is not good"}}});
    }
    if (why.code() == sqlstate::configuration_limit_exceeded) {
      co_return problem(request, "too_many_attempts", why.message(), {.retry_after_seconds = attempts_pause_s});
    }
    co_return refused_by(request, why);
  }
  const bool waits = made->state == store::UserState::pending;
  co_return json_response(json::serialize(json::object{{"name", made->name}, {"state", waits ? "pending" : "active"}}),
                          waits ? 202 : 201);
}

Task<Response> list_registrations(Services& services, Request& request) {
  Response refused;
  const auto query = read_list_query(request, services.cursors, {.sorts = {"name"}}, refused);
  if (!query) co_return refused;
  auto all = co_await ask<std::vector<ports::UserView>>(
      services, [](ports::Administration& admin) { return admin.entries().list_registrations(); });
  if (!all) co_return refused_by(request, all.error());
  co_return page_of<ports::UserView>(
      request, services, *query, std::move(*all), [](const ports::UserView& view) { return view.user.name; },
      [](const ports::UserView& view) { return json::serialize(json_of(view)); });
}

Task<Response> approve_registration(Services& services, Request& request) {
  const JsonBody body(request, {member::texts("groups", 0, most_groups, most_name).optional(),
                                member::texts("roles", 0, most_roles, most_name).optional()});
  if (!body.valid()) co_return body.refused(request);
  const ports::Actor actor = actor_of(request);
  const auto done = co_await ask<ports::UserView>(services, [&](ports::Administration& admin) {
    return admin.entries().approve(actor, request.parameter("name"), body.texts("groups"), body.texts("roles"));
  });
  if (!done) co_return refused_by(request, done.error());
  co_return json_response(json::serialize(json_of(*done)));
}

Task<Response> deny_registration(Services& services, Request& request) {
  const ports::Actor actor = actor_of(request);
  const auto done = co_await ask<void>(
      services, [&](ports::Administration& admin) { return admin.entries().deny(actor, request.parameter("name")); });
  if (!done) co_return refused_by(request, done.error());
  co_return no_content();
}

Task<Response> list_logins(Services& services, Request& request) {
  Response refused;
  const auto query = read_list_query(request, services.cursors, {.filters = {"user"}}, refused);
  if (!query) co_return refused;
  store::LoginFilter filter;
  filter.live_only = true;
  if (const std::string* const user = query->filter("user")) filter.user = *user;
  const store::Page page = store_page(*query);
  const auto listed = co_await ask<store::Listed<store::Login>>(
      services, [&](ports::Administration& admin) { return admin.entries().list_logins(filter, page); });
  if (!listed) co_return refused_by(request, listed.error());
  co_return store_list_response<store::Login>(
      request, services.cursors, *query, *listed,
      [](const store::Login& login) { return json::serialize(json_of(login)); });
}

Task<Response> end_login(Services& services, Request& request) {
  const ports::Actor actor = actor_of(request);
  const auto done = co_await ask<void>(services, [&](ports::Administration& admin) {
    return admin.entries().end_login(actor, request.parameter("id"));
  });
  if (!done) co_return refused_by(request, done.error());
  co_return no_content();
}

}  // namespace dbgate::api
