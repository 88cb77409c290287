#include "gateway/identity/oidc_client.h"

#include <algorithm>

#include "gateway/auth/digests.h"
#include "gateway/identity/id_token.h"
#include "gateway/identity/oidc_claims.h"
#include "gateway/identity/strict_json.h"

namespace dbgate::identity {
namespace {

namespace json = boost::json;

constexpr unsigned http_ok = 200;
constexpr std::int64_t longest_device_s = 1800;
constexpr std::int64_t default_interval_s = 5;  // RFC 8628 §3.2
constexpr std::int64_t longest_interval_s = 60;
constexpr std::size_t max_code_bytes = 4096;

std::string form_text(const std::vector<std::pair<std::string, std::string>>& form) {
  std::string text;
  for (const auto& [name, value] : form) {
    if (!text.empty()) text += '&';
    text += percent_encoded(name) + "=" + percent_encoded(value);
  }
  return text;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words)
    text += (text.empty() ? "" : " ") + word;
  return text;
}

Error refused(const std::string& provider, const json::object& body) {
  // Of the answer only the code is repeated, and only one of RFC 6749 §5.2: the rest is anybody's text.
  const std::string said = text_member(body, "error");
  const bool plain =
      !said.empty() && said.size() < 40 && said.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos;
  return {sqlstate::invalid_authorization_specification,
          "the identity provider \"" + provider + "\" refuses the sign-in" + (plain ? ": " + said : "")};
}

Error broken(const std::string& provider) {
  return {sqlstate::connection_failure, "the identity provider \"" + provider + "\" gives an answer that is none"};
}

}  // namespace

Result<std::string> OidcClient::authorization_url(const CodeRequest& request, std::int64_t now_us) {
  DBGATE_TRY(const OidcMetadata metadata, facts_.metadata(now_us));
  const Form form = {{"response_type", "code"},
                     {"client_id", settings_.client_id},
                     {"redirect_uri", request.callback},
                     {"scope", joined(settings_.scopes)},
                     {"state", request.state},
                     {"nonce", request.nonce},
                     {"code_challenge", code_challenge(request.verifier)},
                     {"code_challenge_method", "S256"}};
  const std::string& endpoint = metadata.authorization_endpoint;
  return endpoint + (endpoint.find('?') == std::string::npos ? "?" : "&") + form_text(form);
}

Result<bool> OidcClient::answers(const std::string& issuer, std::int64_t now_us) {
  DBGATE_TRY(const OidcMetadata metadata, facts_.metadata(now_us));
  return issuer.empty() ? !metadata.names_itself : issuer == settings_.issuer;
}

Result<OidcClient::Answer> OidcClient::post(const std::string& url, Form form, bool secret_in_body) {
  ports::HttpRequest request;
  request.method = "POST";
  request.url = url;
  request.ca_file = settings_.ca_file;
  request.headers = {{"Accept", "application/json"}, {"Content-Type", "application/x-www-form-urlencoded"}};
  const bool basic = !settings_.client_secret.empty() && !secret_in_body;
  if (basic) {
    const std::string both = percent_encoded(settings_.client_id) + ":" + percent_encoded(settings_.client_secret);
    request.headers.emplace_back("Authorization", "Basic " + auth::base64_encode(both));
  } else {
    form.emplace_back("client_id", settings_.client_id);
    if (!settings_.client_secret.empty()) form.emplace_back("client_secret", settings_.client_secret);
  }
  request.body = form_text(form);
  DBGATE_TRY(const ports::HttpResponse response, http_.send(request));
  auto body = parse_object(response.body);
  if (!body) return broken(settings_.name);
  return Answer{response.status, std::move(*body)};
}

Result<json::object> OidcClient::claims_of(const json::object& tokens, const std::string& nonce, std::int64_t now_us) {
  IdTokenQuestion question;
  question.token = text_member(tokens, "id_token");
  question.access_token = text_member(tokens, "access_token");
  question.nonce = nonce;
  question.now_us = now_us;
  return check_id_token(settings_, facts_, jose_, question);
}

Result<json::object> OidcClient::redeem(const std::string& code, const CodeRequest& request, std::int64_t now_us) {
  DBGATE_TRY(const OidcMetadata metadata, facts_.metadata(now_us));
  if (code.empty() || code.size() > max_code_bytes) return refused(settings_.name, {});
  DBGATE_TRY(const Answer answer, post(metadata.token_endpoint,
                                       {{"grant_type", "authorization_code"},
                                        {"code", code},
                                        {"redirect_uri", request.callback},
                                        {"code_verifier", request.verifier}},
                                       metadata.secret_in_body));
  if (answer.status != http_ok) return refused(settings_.name, answer.body);
  return claims_of(answer.body, request.nonce, now_us);
}

Result<DeviceCodes> OidcClient::start_device(std::int64_t now_us) {
  DBGATE_TRY(const OidcMetadata metadata, facts_.metadata(now_us));
  if (metadata.device_authorization_endpoint.empty()) {
    return Error(sqlstate::feature_not_supported,
                 "the identity provider \"" + settings_.name + "\" has no device flow");
  }
  DBGATE_TRY(const Answer answer, post(metadata.device_authorization_endpoint, {{"scope", joined(settings_.scopes)}},
                                       metadata.secret_in_body));
  if (answer.status != http_ok) return refused(settings_.name, answer.body);
  DeviceCodes codes;
  codes.device_code = text_member(answer.body, "device_code");
  codes.user_code = text_member(answer.body, "user_code");
  codes.verification_uri = text_member(answer.body, "verification_uri");
  codes.verification_uri_complete = text_member(answer.body, "verification_uri_complete");
  codes.expires_in_s = std::min(time_member(answer.body, "expires_in").value_or(0), longest_device_s);
  codes.interval_s = std::clamp<std::int64_t>(time_member(answer.body, "interval").value_or(default_interval_s), 1,
                                              longest_interval_s);
  const bool whole = !codes.device_code.empty() && !codes.user_code.empty() && codes.expires_in_s > 0;
  // People are told to open this: no other scheme, whatever the provider says.
  const auto opens = [](const std::string& uri) { return uri.starts_with("https://") || uri.starts_with("http://"); };
  if (!whole || !opens(codes.verification_uri)) return broken(settings_.name);
  if (!opens(codes.verification_uri_complete)) codes.verification_uri_complete.clear();
  return codes;
}

Result<DeviceAnswer> OidcClient::ask_device(const std::string& device_code, std::int64_t now_us) {
  DBGATE_TRY(const OidcMetadata metadata, facts_.metadata(now_us));
  DBGATE_TRY(const Answer answer,
             post(metadata.token_endpoint,
                  {{"grant_type", "urn:ietf:params:oauth:grant-type:device_code"}, {"device_code", device_code}},
                  metadata.secret_in_body));
  if (answer.status == http_ok) {
    DBGATE_TRY(json::object claims, claims_of(answer.body, {}, now_us));
    return DeviceAnswer{DeviceState::done, std::move(claims)};
  }
  const std::string error = text_member(answer.body, "error");
  if (error == "authorization_pending") return DeviceAnswer{DeviceState::pending, {}};
  if (error == "slow_down") return DeviceAnswer{DeviceState::slow_down, {}};
  if (error == "expired_token") return DeviceAnswer{DeviceState::expired, {}};
  if (error == "access_denied") return DeviceAnswer{DeviceState::denied, {}};
  return refused(settings_.name, answer.body);
}

}  // namespace dbgate::identity
