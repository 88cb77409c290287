#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/identity.h"
#include "gateway/identity/signing_keys.h"
#include "gateway/ports/jose.h"
#include "gateway/ports/store.h"

namespace dbgate::identity {

/// Who is behind a bearer token.
struct Bearer {
  enum class Kind : std::uint8_t { login, personal_token, service_key };
  Kind kind = Kind::login;
  std::string user;
  std::string credential;           ///< lgn_… or key_…: ending it ends what the bearer started
  std::string token_id;             ///< `jti` of an access token
  std::vector<std::string> scopes;  ///< empty: everything the user may do
  std::int64_t expires_us = 0;      ///< 0: never

  bool may(std::string_view scope) const;
};

/// What a sign-in or a refresh gives.
struct TokenPair {
  std::string access_token;
  std::int64_t expires_in_s = 0;
  std::string refresh_token;
  std::int64_t refresh_expires_in_s = 0;
  std::string user;
  std::string login;  ///< lgn_…
};

/// Who signed in, how and from where.
struct NewLogin {
  std::string user;
  std::string method;  ///< password, oidc, device, certificate
  std::string client;
  std::string address;
};

/// Access tokens, refresh tokens and keys as bearers. Safe to use from any thread. What it says blocks asks the store
/// or signs, and is not for event loops; verify() asks the store for personal tokens and service keys alone, at most
/// once a minute for each.
class TokenService {
 public:
  /// @param may_enter  whether a user of that name exists and is active
  TokenService(const config::Tokens& settings, ports::store::Store& store, ports::Jose& jose,
               std::function<bool(std::string_view)> may_enter);

  /// Reads the signing keys, and makes the first one. Blocks. Errors: the store's.
  Result<> open(std::int64_t now_us);
  /// How far back a directory that follow() is given has to tell of what has ended: as long as access tokens live.
  std::int64_t ended_since(std::int64_t now_us) const;
  /// What has ended, as of now. To be called with every directory that is read; until the first, no bearer is accepted.
  void follow(const ports::store::Directory& directory);

  /// Begins a login. While its user has to choose another password, its access tokens are good for the scope "account"
  /// alone. Blocks. Errors: the store's.
  Result<TokenPair> begin(const NewLogin& login, std::int64_t now_us);
  /// The next pair for a refresh token, which is used up. One that comes a second time ends its login: either its owner
  /// or a thief has the newer one, and nobody can tell which. Blocks. Errors: 28000, always the same; the store's.
  Result<TokenPair> refresh(std::string_view refresh_token, std::int64_t now_us);

  /// Who sends this: an access token, a personal token or a service key. Clocks may differ by 60 s.
  /// Errors: 28000 that says nothing of why; 08006 if only the store could tell, and is gone.
  Result<Bearer> verify(std::string_view bearer, std::int64_t now_us);

  /// Ends the login or key behind a bearer, at once here and within a second elsewhere. Blocks. Errors: the store's.
  Result<> end(const Bearer& bearer, const ports::store::Ending& why, std::int64_t now_us);
  /// Makes one access token invalid, not its login. Blocks. Errors: 22023 for another bearer; the store's.
  Result<> revoke(const Bearer& bearer, std::int64_t now_us);

  /// The public keys, as a JSON Web Key Set.
  Result<std::string> jwks(std::int64_t now_us) { return keys_.jwks(now_us); }
  /// Makes a new signing key now. What others have signed goes on until it expires. Blocks. Errors: the store's.
  Result<> rotate(std::int64_t now_us) { return keys_.rotate(now_us); }

 private:
  struct KnownKey {
    ports::store::AccessKey key;
    std::int64_t read_us = 0;
  };
  Result<std::string> access_token(const ports::store::Login& login, std::int64_t now_us);
  Result<TokenPair> pair(const ports::store::Login& login, std::string refresh_token, std::int64_t now_us);
  Result<Bearer> verify_access_token(std::string_view token, std::int64_t now_us);
  Result<Bearer> verify_key(std::string_view text, std::int64_t now_us);
  Result<ports::store::AccessKey> find_key(std::string_view text, std::int64_t now_us);
  bool has_ended(const std::string& credential, const std::string& token_id);
  void note_ended(const std::string& id, std::int64_t now_us);

  const config::Tokens settings_;
  ports::store::Store& store_;
  ports::Jose& jose_;
  const std::function<bool(std::string_view)> may_enter_;
  SigningKeys keys_;
  std::mutex mutex_;
  bool follows_ = false;
  std::set<std::string, std::less<>> ended_;                 // credentials and token ids, by the directory
  std::map<std::string, std::int64_t, std::less<>> own_;     // ended here: until when it matters
  std::map<std::string, KnownKey, std::less<>> known_keys_;  // by hash
};

}  // namespace dbgate::identity
