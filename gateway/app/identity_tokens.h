#pragma once
#include "gateway/identity/token_service.h"
#include "gateway/ports/tokens.h"

namespace dbgate::app {

/// Access tokens, personal tokens and service keys as those see them who only ask whose they are. The id of a claim is
/// the credential: the login or the key.
class IdentityTokens final : public ports::Tokens {
 public:
  explicit IdentityTokens(identity::TokenService& tokens) : tokens_(tokens) {}

  /// Begins a login. The lifetime is the configuration's.
  Result<std::string> issue(std::string_view user, std::chrono::seconds lifetime) override;
  Result<ports::TokenClaims> verify(std::string_view token) override;
  /// Ends the login.
  Result<> revoke(const ports::TokenClaims& claims) override;

 private:
  identity::TokenService& tokens_;
};

}  // namespace dbgate::app
