#include <algorithm>
#include <boost/json.hpp>

#include "gateway/api/account.h"
#include "gateway/api/account_answers.h"
#include "gateway/api/json_body.h"
#include "gateway/api/listing.h"

// Logins, personal tokens and database passwords of the caller.
namespace dbgate::api {
namespace {

namespace json = boost::json;
namespace store = ports::store;

constexpr std::int64_t most_name = 100;
constexpr std::int64_t most_target = 128;
constexpr std::int64_t longest_life_s = 366ll * 86'400;

template <class T, class Render>
Response listed(Services& services, const Request& request, const ListQuery& query, const store::Listed<T>& list,
                const Render& render) {
  return store_list_response<T>(request, services.cursors, query, list,
                                [&render](const T& item) { return json::serialize(render(item)); });
}

json::object token_object(const store::AccessKey& token) {
  return {{"id", token.id},
          {"name", token.name},
          {"hint", token.hint},
          {"scopes", json::value_from(token.scopes)},
          {"created_at", time_or_null(token.created_us)},
          {"expires_at", time_or_null(token.expires_us)},
          {"last_used_at", time_or_null(token.last_used_us)}};
}

json::object password_object(const store::DatabasePassword& password) {
  return {{"id", password.id},
          {"name", password.name},
          {"target", password.target.empty() ? json::value() : json::value(password.target)},
          {"created_at", time_or_null(password.created_us)},
          {"expires_at", time_or_null(password.expires_us)},
          {"last_used_at", time_or_null(password.last_used_us)}};
}

/// A page of what the caller has of one kind.
template <class T>
using ListOwn = Task<Result<store::Listed<T>>> (ports::AccountService::*)(std::string user, store::Page page);

template <class T, class Render>
Task<Response> list_own(Services& services, Request& request, ListOwn<T> list, Render render) {
  Response refused;
  const auto query = read_list_query(request, services.cursors, {.sorts = {"created_at"}}, refused);
  if (!query) co_return refused;
  const auto page = co_await (services.accounts.*list)(request.caller->user, store_page(*query));
  if (!page) co_return account_problem(request, page.error());
  co_return listed(services, request, *query, *page, render);
}

using RevokeOwn = Task<Result<>> (ports::AccountService::*)(ports::AccountCaller caller, std::string id);

Task<Response> revoke_own(Services& services, Request& request, RevokeOwn revoke) {
  const auto revoked = co_await (services.accounts.*revoke)(account_caller(request), request.parameter("id"));
  if (!revoked) co_return account_problem(request, revoked.error());
  co_return no_content();
}

Response created(json::object made, std::string_view secret_name, const std::string& secret) {
  made[secret_name] = secret;
  return json_response(json::serialize(made), 201);
}

}  // namespace

Task<Response> list_my_logins(Services& services, Request& request) {
  return list_own(services, request, &ports::AccountService::logins,
                  [current = request.caller->credential](const store::Login& login) {
                    return json::object{{"id", login.id},
                                        {"method", login.method},
                                        {"client", login.client},
                                        {"address", login.address},
                                        {"current", login.id == current},
                                        {"created_at", time_or_null(login.created_us)},
                                        {"expires_at", time_or_null(login.expires_us)},
                                        {"last_used_at", time_or_null(login.last_used_us)}};
                  });
}

Task<Response> end_my_login(Services& services, Request& request) {
  return revoke_own(services, request, &ports::AccountService::end_login);
}

Task<Response> list_my_tokens(Services& services, Request& request) {
  return list_own(services, request, &ports::AccountService::tokens, token_object);
}

Task<Response> create_my_token(Services& services, Request& request) {
  const JsonBody body(request, {member::text("name", 1, most_name), member::texts("scopes", 1, 6, 16),
                                member::whole("expires_in_seconds", 1, longest_life_s)});
  if (!body.valid()) co_return body.refused(request);
  const Caller& caller = *request.caller;
  // Who has to choose a password could otherwise keep a way in that its owner does not know of.
  const bool must_choose = !caller.scopes.empty() && caller.credential.starts_with("lgn_");
  for (const std::string& scope : body.texts("scopes")) {
    if (must_choose || !caller.may(scope)) co_return out_of_scope(request, scope);
  }
  const auto made = co_await services.accounts.create_token(
      account_caller(request), {body.text("name"), body.texts("scopes"), body.whole("expires_in_seconds", 0)});
  if (!made) co_return account_problem(request, made.error());
  co_return created(token_object(made->token), "secret", made->secret);
}

Task<Response> revoke_my_token(Services& services, Request& request) {
  return revoke_own(services, request, &ports::AccountService::revoke_token);
}

Task<Response> list_my_database_passwords(Services& services, Request& request) {
  return list_own(services, request, &ports::AccountService::database_passwords, password_object);
}

Task<Response> create_my_database_password(Services& services, Request& request) {
  const JsonBody body(request,
                      {member::text("name", 1, most_name), member::text("target", 1, most_target).optional().nullable(),
                       member::whole("expires_in_seconds", 1, longest_life_s)});
  if (!body.valid()) co_return body.refused(request);
  if (!request.caller->may("connect")) co_return out_of_scope(request, "connect");
  const std::string target = body.text("target");
  const auto targets = services.gateway.targets(request.caller->user);
  const bool known = target.empty() || std::any_of(targets.begin(), targets.end(),
                                                   [&target](const auto& one) { return one.name == target; });
  if (!known) co_return problem(request, "no_such_target", "there is no target \"" + target + "\" for you");
  const auto made = co_await services.accounts.create_database_password(
      account_caller(request), {body.text("name"), target, body.whole("expires_in_seconds", 0)});
  if (!made) co_return account_problem(request, made.error());
  co_return created(password_object(made->record), "password", made->password);
}

Task<Response> revoke_my_database_password(Services& services, Request& request) {
  return revoke_own(services, request, &ports::AccountService::revoke_database_password);
}

}  // namespace dbgate::api
