#include "gateway/api/sign_in.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>

#include "gateway/api/account_answers.h"
#include "gateway/api/json_body.h"
#include "gateway/api/listing.h"
#include "gateway/api/pages.h"
#include "gateway/api/text.h"

namespace dbgate::api {
namespace {

namespace json = boost::json;

constexpr std::int64_t most_name = 128;
constexpr std::int64_t most_password = 1024;
constexpr std::int64_t most_code = 64;
constexpr std::int64_t most_client = 100;
constexpr std::int64_t most_url = 512;
constexpr std::string_view callback_path = "/api/v1/login/oidc/callback";

Response sign_in_answer(const Request& request, const Result<ports::SignInAnswer>& answer, const char* wrong) {
  if (!answer) return account_problem(request, answer.error());
  switch (answer->state) {
    case ports::SignInState::signed_in:
      return json_response(json::serialize(tokens_object(answer->tokens)));
    case ports::SignInState::second_factor_needed:
      return problem(request, "second_factor_required", "this account has a second factor",
                     {.members = "\"challenge\":" + json::serialize(json::string(answer->challenge))});
    case ports::SignInState::limited:
      return problem(request, "too_many_attempts", "too many failed attempts",
                     {.retry_after_seconds = answer->retry_after_s});
    case ports::SignInState::refused:
      break;
  }
  return problem(request, "not_authenticated", wrong);
}

// A name or an address, with a port or without: nothing that could end a URL early.
bool is_host(std::string_view host) {
  return !host.empty() && std::all_of(host.begin(), host.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || std::string_view(".-:[]").find(static_cast<char>(c)) != std::string_view::npos;
  });
}

Response provider_problem(const Request& request, const Error& why) {
  if (why.code() == sqlstate::feature_not_supported) return problem(request, "unprocessable", why.message());
  // The provider or the store: the detail says which.
  if (why.code() == sqlstate::connection_failure) {
    return problem(request, "unavailable", why.message(), {.retry_after_seconds = 5});
  }
  return account_problem(request, why);
}

Response failure_page(unsigned status, std::string_view what) {
  Response page = html_response(
      html_page("Signing in failed", "<main><h1>Signing in failed</h1><p>" + escape_html(what) + "</p></main>\n"));
  page.status = status;
  return page;
}

std::string value_of(const std::vector<std::pair<std::string, std::string>>& parameters, std::string_view name) {
  const auto found =
      std::find_if(parameters.begin(), parameters.end(), [name](const auto& one) { return one.first == name; });
  return found == parameters.end() ? std::string() : found->second;
}

}  // namespace

Task<Response> login(Services& services, Request& request) {
  const JsonBody body(
      request, {member::text("username", 1, most_name), member::secret("password", 1, most_password),
                member::text("otp", 1, most_code).optional(), member::text("recovery_code", 1, most_code).optional(),
                member::text("client", 1, most_client).optional()});
  if (!body.valid()) co_return body.refused(request);
  const ports::PasswordProof proof{body.text("username"), body.text("password"), body.text("otp"),
                                   body.text("recovery_code")};
  const auto answer = co_await services.accounts.sign_in(proof, device_of(request, body.text("client")));
  co_return sign_in_answer(request, answer, "the user name, the password or the code is wrong");
}

Task<Response> answer_second_factor(Services& services, Request& request) {
  JsonBody body(request, {member::text("challenge", 1, most_name), member::text("otp", 1, most_code).optional(),
                          member::text("recovery_code", 1, most_code).optional(),
                          member::text("client", 1, most_client).optional()});
  if (body.valid() && body.has("otp") == body.has("recovery_code")) {
    body.refuse("otp", "give this or recovery_code");
  }
  if (!body.valid()) co_return body.refused(request);
  const ports::PasswordProof proof{{}, {}, body.text("otp"), body.text("recovery_code")};
  const auto answer = co_await services.accounts.answer_challenge(body.text("challenge"), proof,
                                                                  device_of(request, body.text("client")));
  co_return sign_in_answer(request, answer, "the code is wrong, or the challenge has expired");
}

Task<Response> show_login_methods(Services& services, Request& /*request*/) {
  json::array providers;
  for (const std::string& name : services.accounts.providers())
    providers.push_back(json::object{{"name", name}});
  co_return json_response(json::serialize(json::object{{"password", true}, {"providers", std::move(providers)}}));
}

Task<Response> start_oidc_login(Services& services, Request& request) {
  const JsonBody body(request,
                      {member::text("provider", 1, most_name).optional(), member::text("redirect_uri", 1, most_url),
                       member::text("code_challenge", 43, 43), member::text("state", 1, most_url)});
  if (!body.valid()) co_return body.refused(request);
  const std::string host(request.headers.get("Host"));
  if (!is_host(host)) co_return problem(request, "bad_request", "the header field Host is none");
  ports::BrowserSignIn start;
  start.provider = body.text("provider");
  start.redirect_uri = body.text("redirect_uri");
  start.code_challenge = body.text("code_challenge");
  start.state = body.text("state");
  // Whatever a client writes as Host: the provider sends browsers to addresses that it knows, and to no other.
  const std::string named = services.public_url ? services.public_url() : std::string();
  const std::string origin = named.empty() ? (request.secured ? "https://" : "http://") + host : named;
  start.callback = origin + std::string(callback_path);
  const auto url = co_await services.accounts.start_browser(std::move(start));
  if (!url) co_return provider_problem(request, url.error());
  co_return json_response(json::serialize(json::object{{"authorization_url", *url}}));
}

Task<Response> finish_oidc_login(Services& services, Request& request) {
  const auto parameters = read_any_query(request);
  if (!parameters) co_return failure_page(400, "The identity provider's answer cannot be read. Start again.");
  const auto url =
      co_await services.accounts.finish_browser({value_of(*parameters, "state"), value_of(*parameters, "code"),
                                                 value_of(*parameters, "error"), value_of(*parameters, "iss")});
  if (!url && url.error().code() == sqlstate::invalid_authorization_specification) {
    co_return failure_page(400, "This sign-in is unknown, has been used, or has expired. Start again.");
  }
  if (!url) co_return failure_page(503, "The gateway cannot do this now. Start again in a moment.");
  Response response;
  response.status = 302;
  response.content_type = "text/plain";
  response.headers.set("Location", *url);
  // The code must not go on from the address bar (RFC 9700 §4.2.4).
  response.headers.set("Referrer-Policy", "no-referrer");
  co_return response;
}

Task<Response> start_device_login(Services& services, Request& request) {
  const JsonBody body(request, {member::text("provider", 1, most_name).optional()});
  if (!body.valid()) co_return body.refused(request);
  const auto codes = co_await services.accounts.start_device(body.text("provider"));
  if (!codes) co_return provider_problem(request, codes.error());
  json::object answer{{"device_code", codes->device_code},
                      {"user_code", codes->user_code},
                      {"verification_uri", codes->verification_uri},
                      {"expires_in", codes->expires_in_s},
                      {"interval", codes->interval_s}};
  if (!codes->verification_uri_complete.empty()) answer["verification_uri_complete"] = codes->verification_uri_complete;
  co_return json_response(json::serialize(answer));
}

Task<Response> show_jwks(Services& services, Request& request) {
  const auto keys = co_await services.accounts.jwks();
  if (!keys) co_return account_problem(request, keys.error());
  co_return json_response(*keys);
}

}  // namespace dbgate::api
