#include "gateway/api/account.h"

#include <array>
#include <boost/json.hpp>
#include <utility>

#include "gateway/api/access.h"
#include "gateway/api/account_answers.h"
#include "gateway/api/json_body.h"
#include "gateway/api/text.h"

namespace dbgate::api {
namespace {

namespace json = boost::json;

constexpr std::int64_t most_password = 1024;
constexpr std::int64_t most_code = 64;

constexpr std::array<std::pair<Role, std::string_view>, 5> role_names = {{{Role::admin, "admin"},
                                                                          {Role::user_admin, "user_admin"},
                                                                          {Role::target_admin, "target_admin"},
                                                                          {Role::policy_admin, "policy_admin"},
                                                                          {Role::auditor, "auditor"}}};
constexpr std::array<std::string_view, 6> all_scopes = {"read", "query", "connect", "approve", "account", "admin"};

json::array roles_of(const Caller& caller) {
  json::array names;
  for (const auto& [role, name] : role_names) {
    if ((static_cast<unsigned>(caller.roles) & static_cast<unsigned>(role)) != 0) names.emplace_back(name);
  }
  return names;
}

json::array scopes_of(const Caller& caller) {
  json::array names;
  for (const std::string_view scope : all_scopes) {
    if (caller.may(scope)) names.emplace_back(scope);
  }
  return names;
}

}  // namespace

Task<Response> logout(Services& services, Request& request) {
  bool all = false;
  if (!request.body.empty()) {
    const JsonBody body(request, {member::boolean("all").optional()});
    if (!body.valid()) co_return body.refused(request);
    all = body.boolean("all", false);
  }
  if (all && !request.caller->may("account")) {
    co_return out_of_scope(request, "account");
  }
  if (!all && !request.caller->certificate.empty()) {
    co_return problem(request, "conflict",
                      "a certificate has no login to end; an administrator takes it from its user");
  }
  const auto ended = co_await services.accounts.sign_out(account_caller(request), all);
  if (!ended) co_return account_problem(request, ended.error());
  co_return no_content();
}

Task<Response> show_me(Services& services, Request& request) {
  const Caller& caller = *request.caller;
  json::object answer;
  answer["user"] = json::object{{"name", caller.user}};
  answer["groups"] = json::value_from(caller.groups);
  answer["roles"] = roles_of(caller);
  answer["scopes"] = scopes_of(caller);
  answer["expires_at"] = caller.expires == 0 ? json::value() : json::value(rfc3339(caller.expires));
  answer["access"] = access_in_force(services, caller.user);
  co_return json_response(json::serialize(answer));
}

Task<Response> change_my_password(Services& services, Request& request) {
  const JsonBody body(request, {member::secret("current_password", 1, most_password),
                                member::secret("new_password", 1, most_password)});
  if (!body.valid()) co_return body.refused(request);
  const auto changed = co_await services.accounts.change_password(
      account_caller(request), body.text("current_password"), body.text("new_password"));
  if (!changed) co_return account_problem(request, changed.error());
  co_return no_content();
}

Task<Response> start_my_totp(Services& services, Request& request) {
  const auto started = co_await services.accounts.start_totp(account_caller(request));
  if (!started) co_return account_problem(request, started.error());
  co_return json_response(json::serialize(json::object{{"secret", started->secret}, {"uri", started->uri}}));
}

Task<Response> confirm_my_totp(Services& services, Request& request) {
  const JsonBody body(request, {member::text("otp", 1, most_code)});
  if (!body.valid()) co_return body.refused(request);
  const auto codes = co_await services.accounts.confirm_totp(account_caller(request), body.text("otp"));
  if (!codes) co_return account_problem(request, codes.error());
  co_return json_response(json::serialize(json::object{{"recovery_codes", json::value_from(*codes)}}));
}

Task<Response> remove_my_totp(Services& services, Request& request) {
  JsonBody body(request,
                {member::secret("password", 1, most_password).optional(), member::text("otp", 1, most_code).optional(),
                 member::text("recovery_code", 1, most_code).optional()});
  const int given = static_cast<int>(body.has("password")) + static_cast<int>(body.has("otp")) +
                    static_cast<int>(body.has("recovery_code"));
  if (body.valid() && given != 1) body.refuse("password", "give this, otp or recovery_code");
  if (!body.valid()) co_return body.refused(request);
  const ports::PasswordProof proof{{}, body.text("password"), body.text("otp"), body.text("recovery_code")};
  const auto removed = co_await services.accounts.remove_totp(account_caller(request), proof);
  if (!removed) co_return account_problem(request, removed.error());
  co_return no_content();
}

}  // namespace dbgate::api
