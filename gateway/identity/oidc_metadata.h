#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "config/identity.h"
#include "gateway/ports/http_client.h"

namespace dbgate::identity {

/// What a provider says of itself (OpenID Connect Discovery 1.0 §3, RFC 8414 §2).
struct OidcMetadata {
  std::string authorization_endpoint;
  std::string token_endpoint;
  std::string device_authorization_endpoint;  ///< empty: none
  std::string jwks_uri;
  std::vector<std::string> algorithms;  ///< that ID tokens are signed with; empty: it does not say
  bool names_itself = false;            ///< authorization responses have `iss` (RFC 9207)
  bool secret_in_body = false;          ///< does not take the client's secret as HTTP Basic, but in the form
};

/// Those that dbgate can verify: RS256, PS256, ES256. libcjose has no EdDSA.
bool is_id_token_algorithm(std::string_view name) noexcept;

/// A key of a provider's (RFC 7517).
struct OidcKey {
  std::string kid;
  std::string algorithm;  ///< that it may be used with, if it says so
  std::string type;       ///< RSA or EC
  std::string json;
};

/// What is known of one provider: its metadata and keys, fetched when needed and kept for an hour. Safe to use from any
/// thread; blocks while it fetches.
class OidcProviderFacts {
 public:
  OidcProviderFacts(const config::OidcProvider& settings, ports::HttpClient& http) : settings_(settings), http_(http) {}

  /// Errors: 08006 the provider cannot be asked, or says what is wrong: another issuer, an endpoint that is not https
  /// (unless the issuer is on this machine), no PKCE with S256.
  Result<OidcMetadata> metadata(std::int64_t now_us);
  /// Keys that may have signed a token of that header. A `kid` that is not known makes the keys be fetched again, but
  /// not more than once a minute: who makes up tokens must not make us ask. Errors: 08006.
  Result<std::vector<OidcKey>> keys(const std::string& kid, const std::string& algorithm, std::int64_t now_us);

 private:
  Result<OidcMetadata> fetch_metadata();
  Result<std::vector<OidcKey>> fetch_keys(const std::string& url);
  Result<std::string> get(const std::string& url, const char* what);
  std::vector<OidcKey> fitting(const std::string& kid, const std::string& algorithm) const;

  const config::OidcProvider settings_;
  ports::HttpClient& http_;
  std::mutex mutex_;
  OidcMetadata metadata_;
  std::vector<OidcKey> keys_;
  std::int64_t metadata_us_ = 0;  // when it was fetched; 0: never
  std::int64_t keys_us_ = 0;
  std::int64_t failed_us_ = -3600ll * 1'000'000;  // when metadata could not be had, and why
  Error failed_;
};

}  // namespace dbgate::identity
