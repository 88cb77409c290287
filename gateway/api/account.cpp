#include "gateway/api/account.h"

#include <boost/json.hpp>
#include <chrono>

#include "gateway/api/json_body.h"
#include "gateway/api/text.h"

namespace dbgate::api {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds token_lifetime{12 * 3600};
constexpr std::int64_t failed_login_pause_seconds = 60;
constexpr std::int64_t most_name = 128;
constexpr std::int64_t most_password = 1024;

}  // namespace

Task<Response> login(Services& services, Request& request) {
  const JsonBody body(request, {member::text("username", 1, most_name), member::secret("password", 1, most_password)});
  if (!body.valid()) co_return body.refused(request);
  const std::string user = body.text("username");
  const auto checked = co_await services.gateway.check_password(user, body.text("password"), request.address);
  if (!checked) {
    const Error why = checked.error();
    if (why.code() == sqlstate::invalid_authorization_specification) {
      co_return problem(request, "too_many_attempts", why.message(),
                        {.retry_after_seconds = failed_login_pause_seconds});
    }
    if (why.code() != sqlstate::invalid_password) co_return problem(request, "unavailable", why.message());
    co_return problem(request, "not_authenticated", "the user name or the password is wrong");
  }
  const auto token = services.tokens.issue(user, token_lifetime);
  if (!token) co_return problem(request, "internal_error", "cannot make a token");
  json::object answer;
  answer["access_token"] = *token;
  answer["token_type"] = "Bearer";
  answer["expires_in_seconds"] = token_lifetime.count();
  answer["user"] = json::object{{"name", user}};
  co_return json_response(json::serialize(answer));
}

Task<Response> logout(Services& services, Request& request) {
  const ports::TokenClaims claims{request.caller->user, request.caller->token_id, request.caller->expires};
  const auto revoked = services.tokens.revoke(claims);
  if (!revoked) co_return problem(request, "not_revoked", "the state directory cannot be written");
  co_return no_content();
}

Task<Response> show_me(Services& /*services*/, Request& request) {
  json::object answer;
  answer["user"] = json::object{{"name", request.caller->user}};
  answer["groups"] = json::value_from(request.caller->groups);
  answer["expires_at"] = rfc3339(request.caller->expires);
  co_return json_response(json::serialize(answer));
}

}  // namespace dbgate::api
