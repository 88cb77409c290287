#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cli/options.h"

namespace dbgate::cli {

/// One sign-in: of a profile (empty: none) at a gateway. Times are seconds since 1970, by this machine's clock.
struct Login {
  std::string profile;
  std::string url;
  std::string user;
  std::string access_token;
  std::int64_t access_expires = 0;  ///< 0: not known
  std::string refresh_token;        ///< empty: the sign-in ends with the access token
};

/// All sign-ins that are kept, the latest first. Throws Problem if others can read them.
std::vector<Login> load_logins(const Options& options);
/// Keeps one instead of the one for the same profile and gateway.
void keep_login(const Options& options, const Login& login);
/// Forgets the tokens for a gateway, not where it is.
void forget_login(const Options& options, const GatewayUrl& url);
/// The sign-in for the profile in force at a gateway.
std::optional<Login> find_login(const Options& options, const GatewayUrl& url);

/// DBGATE_TOKEN, or what DBGATE_TOKEN_FILE holds; empty if neither is set. Then nothing is kept and nothing renewed.
std::string fixed_token();

/// An access token for the gateway that is good for `needed` more. A kept one is renewed where it must be, under a
/// lock, so that commands that run at the same time use one refresh token once.
/// @param refused a token that the gateway has just not accepted; empty: none
/// Throws Problem (not authenticated) if there is none, or if the sign-in has ended.
std::string token_for(const Options& options, const GatewayUrl& url, std::chrono::seconds needed,
                      const std::string& refused = {});

}  // namespace dbgate::cli
