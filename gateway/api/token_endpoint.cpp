#include <algorithm>
#include <boost/json.hpp>

#include "gateway/api/account_answers.h"
#include "gateway/api/listing.h"
#include "gateway/api/sign_in.h"

// OAuth's token endpoint. Its errors look as RFC 6749 §5.2 and RFC 8628 §3.5 have them.
namespace dbgate::api {
namespace {

namespace json = boost::json;

using Form = std::vector<std::pair<std::string, std::string>>;

constexpr std::string_view device_grant = "urn:ietf:params:oauth:grant-type:device_code";

std::string field(const Form& form, std::string_view name) {
  const auto found = std::find_if(form.begin(), form.end(), [name](const auto& one) { return one.first == name; });
  return found == form.end() ? std::string() : found->second;
}

Response oauth_error(std::string_view code, const std::string& description) {
  return json_response(json::serialize(json::object{{"error", code}, {"error_description", description}}), 400);
}

Response tokens_answer(const ports::IssuedTokens& tokens) {
  json::object answer;
  answer["access_token"] = tokens.access_token;
  answer["token_type"] = "Bearer";
  answer["expires_in"] = tokens.expires_in_s;
  answer["refresh_token"] = tokens.refresh_token;
  answer["refresh_expires_in"] = tokens.refresh_expires_in_s;
  answer["user"] = json::object{{"name", tokens.user}};
  return json_response(json::serialize(answer));
}

// The grant is no good, or the gateway cannot tell.
Response refused(const Request& request, const Error& why, const char* what) {
  const bool theirs =
      why.code() == sqlstate::invalid_authorization_specification || why.code() == sqlstate::insufficient_privilege;
  return theirs ? oauth_error("invalid_grant", what) : account_problem(request, why);
}

Task<Response> by_refresh_token(Services& services, Request& request, const Form& form) {
  const std::string token = field(form, "refresh_token");
  if (token.empty()) co_return oauth_error("invalid_request", "refresh_token is missing");
  const auto tokens = co_await services.accounts.refresh(token, request.address);
  if (!tokens) co_return refused(request, tokens.error(), "the refresh token is unknown, used, expired or revoked");
  co_return tokens_answer(*tokens);
}

Task<Response> by_code(Services& services, Request& request, const Form& form) {
  const ports::CodeGrant grant{field(form, "code"), field(form, "code_verifier"), field(form, "redirect_uri")};
  if (grant.code.empty() || grant.verifier.empty() || grant.redirect_uri.empty()) {
    co_return oauth_error("invalid_request", "code, code_verifier and redirect_uri are needed");
  }
  const auto tokens = co_await services.accounts.redeem(grant, device_of(request, {}));
  if (!tokens) co_return refused(request, tokens.error(), "the code is unknown, used or expired, or is not yours");
  co_return tokens_answer(*tokens);
}

Task<Response> by_device_code(Services& services, Request& request, const Form& form) {
  const std::string code = field(form, "device_code");
  if (code.empty()) co_return oauth_error("invalid_request", "device_code is missing");
  const auto answer = co_await services.accounts.poll_device(code, device_of(request, {}));
  if (!answer) {
    const Error why = answer.error();
    if (why.code() == sqlstate::insufficient_privilege) co_return oauth_error("access_denied", why.message());
    // The provider or the store: the detail says which.
    if (why.code() == sqlstate::connection_failure) {
      co_return problem(request, "unavailable", why.message(), {.retry_after_seconds = 5});
    }
    co_return refused(request, why, "the device code is no good");
  }
  switch (answer->progress) {
    case ports::DeviceProgress::pending:
      co_return oauth_error("authorization_pending", "nobody has signed in yet");
    case ports::DeviceProgress::slow_down:
      co_return oauth_error("slow_down", "wait five seconds longer between requests");
    case ports::DeviceProgress::expired:
      co_return oauth_error("expired_token", "the device code has expired");
    case ports::DeviceProgress::denied:
      co_return oauth_error("access_denied", "signing in was refused");
    case ports::DeviceProgress::done:
      break;
  }
  co_return tokens_answer(answer->tokens);
}

}  // namespace

Task<Response> exchange_token(Services& services, Request& request) {
  const std::string_view type(request.content_type);
  if (type.substr(0, type.find(';')) != "application/x-www-form-urlencoded") {
    co_return problem(request, "unsupported_media_type", "send application/x-www-form-urlencoded");
  }
  const auto form = read_form(request);
  if (!form) co_return oauth_error("invalid_request", "the body is no form, or has a field twice");
  const std::string grant = field(*form, "grant_type");
  if (grant == "refresh_token") {
    auto answer = co_await by_refresh_token(services, request, *form);
    co_return answer;
  }
  if (grant == "authorization_code") {
    auto answer = co_await by_code(services, request, *form);
    co_return answer;
  }
  if (grant == device_grant) {
    auto answer = co_await by_device_code(services, request, *form);
    co_return answer;
  }
  if (grant.empty()) co_return oauth_error("invalid_request", "grant_type is missing");
  co_return oauth_error("unsupported_grant_type", "refresh_token, authorization_code and device_code are known");
}

}  // namespace dbgate::api
