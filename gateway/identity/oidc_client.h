#pragma once
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/identity/oidc_metadata.h"
#include "gateway/ports/jose.h"

namespace dbgate::identity {

/// What a sign-in by authorization code is made of, besides the provider.
struct CodeRequest {
  std::string callback;  ///< of the gateway, as the provider knows it
  std::string state;
  std::string nonce;
  std::string verifier;  ///< PKCE's; the provider first gets its SHA-256
};

/// A provider's answer to the start of a device flow (RFC 8628 §3.2).
struct DeviceCodes {
  std::string device_code;
  std::string user_code;
  std::string verification_uri;
  std::string verification_uri_complete;  ///< may be empty
  std::int64_t expires_in_s = 0;
  std::int64_t interval_s = 5;
};

/// What became of a device flow so far (RFC 8628 §3.5).
enum class DeviceState : std::uint8_t { pending, slow_down, expired, denied, done };

struct DeviceAnswer {
  DeviceState state = DeviceState::pending;
  boost::json::object claims;  ///< of the ID token, when done
};

/// dbgate as a client of one provider. Safe to use from any thread; everything but authorization_url() with fresh
/// metadata blocks while the provider is asked.
class OidcClient {
 public:
  OidcClient(const config::OidcProvider& settings, ports::HttpClient& http, ports::Jose& jose)
      : settings_(settings), http_(http), jose_(jose), facts_(settings, http) {}

  const config::OidcProvider& settings() const noexcept { return settings_; }

  /// Where the person's browser is to go. Errors: 08006.
  Result<std::string> authorization_url(const CodeRequest& request, std::int64_t now_us);
  /// Whether an authorization response is of this provider and no other (RFC 9207). `issuer`: of the response; may be
  /// empty. Errors: 08006.
  Result<bool> answers(const std::string& issuer, std::int64_t now_us);
  /// The claims of the ID token that the code stands for. Errors: 28000 the code or the token is refused; 08006.
  Result<boost::json::object> redeem(const std::string& code, const CodeRequest& request, std::int64_t now_us);

  /// Errors: 0A000 the provider has no device flow; 08006.
  Result<DeviceCodes> start_device(std::int64_t now_us);
  /// Errors: 28000, 08006. While somebody has to wait that is an answer, not an error.
  Result<DeviceAnswer> ask_device(const std::string& device_code, std::int64_t now_us);

 private:
  using Form = std::vector<std::pair<std::string, std::string>>;
  struct Answer {
    unsigned status = 0;
    boost::json::object body;
  };
  Result<Answer> post(const std::string& url, Form form, bool secret_in_body);
  Result<boost::json::object> claims_of(const boost::json::object& tokens, const std::string& nonce,
                                        std::int64_t now_us);

  const config::OidcProvider settings_;
  ports::HttpClient& http_;
  ports::Jose& jose_;
  OidcProviderFacts facts_;
};

}  // namespace dbgate::identity
