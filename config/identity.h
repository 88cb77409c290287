#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

// How people prove who they are, as plain values. Every key is described in docs/configuration.md.
namespace dbgate::config {

/// What a person's password costs to check: Argon2id (RFC 9106).
struct Passwords {
  std::size_t memory_bytes = 19u << 20;  ///< of one hash
  std::size_t passes = 2;                ///< over that memory
  std::size_t parallelism = 1;           ///< lanes; computed by one thread all the same
  std::size_t threads = 0;               ///< that hash, at the lowest priority; 0: half the cores
  std::size_t queue = 64;                ///< checks that may wait; more are refused
};

struct Tokens {
  std::chrono::milliseconds access_ttl{15 * 60'000};        ///< of an access token
  std::chrono::milliseconds refresh_ttl{30l * 86'400'000};  ///< a login that is not used ends after
  std::chrono::milliseconds login_ttl{90l * 86'400'000};    ///< a login ends after, however much it is used
  std::chrono::milliseconds key_ttl{90l * 86'400'000};      ///< a signing key is followed by the next after
};

/// What attempts to sign in are held to.
struct SignIn {
  std::size_t failures = 10;                             ///< of one account from one address, before it has to wait
  std::size_t account_failures = 100;                    ///< of one account from anywhere
  std::size_t address_failures = 60;                     ///< of one address, whatever the accounts, a minute
  std::chrono::milliseconds first_delay{1'000};          ///< doubles with every further failure
  std::chrono::milliseconds longest_delay{15 * 60'000};  ///< and never gets longer than this
};

/// How people come in who have no account.
enum class Registration : std::uint8_t {
  invitation,  ///< with an invitation alone
  approval     ///< also without: then they wait until an administrator lets them in
};

/// Somebody else who knows who people are (OpenID Connect Core 1.0).
struct OidcProvider {
  std::string name;
  std::string issuer;         ///< exactly as the provider writes it
  std::string client_id;      ///< what the provider knows dbgate by
  std::string client_secret;  ///< empty: a public client
  std::string ca_file;        ///< trusted certificates; empty: the system's
  std::vector<std::string> scopes{"openid", "profile", "email"};
  std::string username_claim = "preferred_username";
  std::string groups_claim = "groups";
  std::map<std::string, std::string> group_map;  ///< the provider's group → dbgate's; others do not count
  std::vector<std::string> allowed_domains;      ///< of verified addresses; empty: all
  bool auto_create = false;                      ///< who signs in for the first time becomes a user
};

}  // namespace dbgate::config
