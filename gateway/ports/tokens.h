#pragma once
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "gateway/base/error.h"

namespace dbgate::ports {

/// What an access token says.
struct TokenClaims {
  std::string user;
  std::string id;            ///< of the token; what a revocation names
  std::int64_t expires = 0;  ///< seconds since 1970 UTC
};

/// Makes and checks access tokens. Safe to use from any thread; blocks for microseconds.
class Tokens {
 public:
  virtual ~Tokens() = default;
  virtual Result<std::string> issue(std::string_view user, std::chrono::seconds lifetime) = 0;
  /// Errors: 28000 for anything but a token of our own that is in force; the message says nothing about why.
  virtual Result<TokenClaims> verify(std::string_view token) = 0;
  /// The token is never accepted again, also after a restart. Errors: 58030.
  virtual Result<> revoke(const TokenClaims& claims) = 0;
};

}  // namespace dbgate::ports
