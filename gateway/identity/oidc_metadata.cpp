#include "gateway/identity/oidc_metadata.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <cstdlib>

#include "gateway/identity/strict_json.h"

namespace dbgate::identity {
namespace {

namespace json = boost::json;

constexpr std::int64_t kept_us = 3600ll * 1'000'000;
constexpr std::int64_t between_fetches_us = 60ll * 1'000'000;
constexpr std::int64_t between_failures_us = 10ll * 1'000'000;
constexpr unsigned http_ok = 200;
constexpr std::size_t max_keys = 100;
// base64url of 2048 bits and of 8192 bits: smaller keys are too weak, larger ones cost too much.
constexpr std::size_t least_modulus = 341;
constexpr std::size_t most_modulus = 1366;

Error wrong(const std::string& provider, const std::string& what) {
  return {sqlstate::connection_failure, "the identity provider \"" + provider + "\" " + what};
}

// Plain HTTP is for tests: then the provider is on this machine, and so is all that it names. A provider elsewhere
// must not make the gateway talk to what listens beside it.
bool usable(const std::string& endpoint, const std::string& issuer) {
  if (!boost::urls::parse_uri(endpoint)) return false;
  return endpoint.starts_with("https://") || (issuer.starts_with("http://") && endpoint.starts_with("http://"));
}

std::optional<OidcKey> usable_key(const json::object& key) {
  const std::string use = text_member(key, "use");
  if (!use.empty() && use != "sig") return std::nullopt;
  if (key.contains("d") || key.contains("k")) return std::nullopt;  // private, or not a public key at all
  OidcKey found{text_member(key, "kid"), text_member(key, "alg"), text_member(key, "kty"), {}};
  const std::size_t modulus = text_member(key, "n").size();
  const bool rsa = found.type == "RSA" && modulus >= least_modulus && modulus <= most_modulus;
  const bool ec = found.type == "EC" && text_member(key, "crv") == "P-256";
  if (!rsa && !ec) return std::nullopt;
  found.json = json::serialize(key);
  return found;
}

}  // namespace

bool is_id_token_algorithm(std::string_view name) noexcept {
  return name == "RS256" || name == "PS256" || name == "ES256";
}

Result<std::string> OidcProviderFacts::get(const std::string& url, const char* what) {
  ports::HttpRequest request;
  request.url = url;
  request.ca_file = settings_.ca_file;
  request.headers = {{"Accept", "application/json"}};
  DBGATE_TRY(ports::HttpResponse response, http_.send(request));
  if (response.status != http_ok) {
    return wrong(settings_.name,
                 std::string("answers with status ") + std::to_string(response.status) + " when asked for " + what);
  }
  return std::move(response.body);
}

Result<OidcMetadata> OidcProviderFacts::fetch_metadata() {
  std::string url = settings_.issuer;
  if (url.ends_with('/')) url.pop_back();
  DBGATE_TRY(const std::string body, get(url + "/.well-known/openid-configuration", "its configuration"));
  const auto said = parse_object(body);
  if (!said) return wrong(settings_.name, "has a configuration that is not JSON");
  if (text_member(*said, "issuer") != settings_.issuer) return wrong(settings_.name, "calls itself by another issuer");
  OidcMetadata metadata;
  metadata.authorization_endpoint = text_member(*said, "authorization_endpoint");
  metadata.token_endpoint = text_member(*said, "token_endpoint");
  metadata.device_authorization_endpoint = text_member(*said, "device_authorization_endpoint");
  metadata.jwks_uri = text_member(*said, "jwks_uri");
  for (const std::string* endpoint : {&metadata.authorization_endpoint, &metadata.token_endpoint, &metadata.jwks_uri}) {
    if (!usable(*endpoint, settings_.issuer)) return wrong(settings_.name, "names an endpoint that is not https");
  }
  const std::string& device = metadata.device_authorization_endpoint;
  if (!device.empty() && !usable(device, settings_.issuer)) metadata.device_authorization_endpoint.clear();
  const auto challenges = texts_member(*said, "code_challenge_methods_supported");
  const bool s256 = std::find(challenges.begin(), challenges.end(), "S256") != challenges.end();
  if (!challenges.empty() && !s256) return wrong(settings_.name, "does not know PKCE with S256");
  const json::value* const names = said->if_contains("authorization_response_iss_parameter_supported");
  metadata.names_itself = names != nullptr && names->is_bool() && names->as_bool();
  metadata.algorithms = texts_member(*said, "id_token_signing_alg_values_supported");
  const auto known = [](const std::string& algorithm) { return is_id_token_algorithm(algorithm); };
  if (!metadata.algorithms.empty() && std::none_of(metadata.algorithms.begin(), metadata.algorithms.end(), known))
    return wrong(settings_.name, "signs ID tokens with none of RS256, PS256 and ES256");
  const auto methods = texts_member(*said, "token_endpoint_auth_methods_supported");
  const auto takes = [&methods](const char* name) {
    return std::find(methods.begin(), methods.end(), name) != methods.end();
  };
  metadata.secret_in_body = takes("client_secret_post") && !takes("client_secret_basic");
  return metadata;
}

Result<OidcMetadata> OidcProviderFacts::metadata(std::int64_t now_us) {
  const std::lock_guard lock(mutex_);
  if (metadata_us_ != 0 && now_us - metadata_us_ < kept_us) return metadata_;
  // Anybody may ask for a sign-in: whoever comes while the provider does not answer hears so at once.
  if (now_us - failed_us_ < between_failures_us) return metadata_us_ == 0 ? Result<OidcMetadata>(failed_) : metadata_;
  auto fetched = fetch_metadata();
  if (fetched) {
    metadata_ = std::move(*fetched);
    metadata_us_ = now_us;
    return metadata_;
  }
  failed_ = fetched.error();
  failed_us_ = now_us;
  return metadata_us_ == 0 ? Result<OidcMetadata>(failed_) : metadata_;
}

Result<std::vector<OidcKey>> OidcProviderFacts::fetch_keys(const std::string& url) {
  DBGATE_TRY(const std::string body, get(url, "its keys"));
  const auto said = parse_object(body);
  const json::value* const list = said ? said->if_contains("keys") : nullptr;
  if (list == nullptr || !list->is_array()) return wrong(settings_.name, "has keys that are not a JSON Web Key Set");
  std::vector<OidcKey> keys;
  for (const json::value& entry : list->as_array()) {
    auto key = entry.is_object() ? usable_key(entry.as_object()) : std::nullopt;
    if (key && keys.size() < max_keys) keys.push_back(std::move(*key));
  }
  return keys;
}

std::vector<OidcKey> OidcProviderFacts::fitting(const std::string& kid, const std::string& algorithm) const {
  const std::string type = algorithm == "ES256" ? "EC" : "RSA";
  std::vector<OidcKey> found;
  for (const OidcKey& key : keys_) {
    const bool named = kid.empty() || key.kid.empty() || key.kid == kid;
    if (named && key.type == type && (key.algorithm.empty() || key.algorithm == algorithm)) found.push_back(key);
  }
  return found;
}

Result<std::vector<OidcKey>> OidcProviderFacts::keys(const std::string& kid, const std::string& algorithm,
                                                     std::int64_t now_us) {
  DBGATE_TRY(const OidcMetadata known, metadata(now_us));
  const auto& offered = known.algorithms;
  const bool fits = offered.empty() || std::find(offered.begin(), offered.end(), algorithm) != offered.end();
  if (!fits) return std::vector<OidcKey>();
  const std::lock_guard lock(mutex_);
  std::vector<OidcKey> found = fitting(kid, algorithm);
  const std::int64_t age = now_us - keys_us_;
  const bool stale = keys_us_ == 0 || age >= kept_us || (found.empty() && age >= between_fetches_us);
  if (!stale) return found;
  auto fetched = fetch_keys(known.jwks_uri);
  if (fetched) {
    keys_ = std::move(*fetched);
    keys_us_ = now_us;
  } else if (found.empty()) {
    return fetched.error();
  }
  return fitting(kid, algorithm);
}

}  // namespace dbgate::identity
