#include "gateway/app/identity_tokens.h"

#include "gateway/base/clock.h"

namespace dbgate::app {
namespace {

constexpr std::int64_t second_us = 1'000'000;

}  // namespace

Result<std::string> IdentityTokens::issue(std::string_view user, std::chrono::seconds /*lifetime*/) {
  DBGATE_TRY(const auto pair, tokens_.begin({std::string(user), "password", "", ""}, wall_clock_us()));
  return pair.access_token;
}

Result<ports::TokenClaims> IdentityTokens::verify(std::string_view token) {
  DBGATE_TRY(const auto bearer, tokens_.verify(token, wall_clock_us()));
  if (!bearer.may("connect")) return Error(sqlstate::invalid_authorization_specification, "the token is not valid");
  return ports::TokenClaims{bearer.user, bearer.credential, bearer.expires_us / second_us};
}

Result<> IdentityTokens::revoke(const ports::TokenClaims& claims) {
  identity::Bearer bearer;
  bearer.user = claims.user;
  bearer.credential = claims.id;
  return tokens_.end(bearer, {"logout", claims.user}, wall_clock_us());
}

}  // namespace dbgate::app
