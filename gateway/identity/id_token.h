#pragma once
#include <boost/json/object.hpp>
#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/identity/oidc_metadata.h"
#include "gateway/ports/jose.h"

namespace dbgate::identity {

/// What an ID token must answer to.
struct IdTokenQuestion {
  std::string token;
  std::string nonce;         ///< of the request; empty: it had none (device flow)
  std::string access_token;  ///< that came with it; `at_hash`, if there is one, must fit
  std::int64_t now_us = 0;
};

/// The claims of an ID token that the provider has signed for us, just now (OpenID Connect Core 1.0 §3.1.3.7).
/// Signature by a key of the provider's with RS256, PS256 or ES256; `iss`, `aud` and `azp`; `exp`, `iat` and `nbf` with
/// 60 s for clocks; `nonce`; `at_hash`; a `sub`. Errors: 28000 that names the claim; 08006 if keys cannot be had.
Result<boost::json::object> check_id_token(const config::OidcProvider& settings, OidcProviderFacts& facts,
                                           ports::Jose& jose, const IdTokenQuestion& question);

}  // namespace dbgate::identity
