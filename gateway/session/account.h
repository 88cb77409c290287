#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gateway/auth/scram_verifier.h"

namespace dbgate::session {

/// What somebody has signed in with, as far as a session remembers it: enough to end the session with it.
struct Credential {
  std::string id;  ///< "lgn_…", "key_…", "dpw_…", "cert:<SHA-256>"; empty: the password of the configuration file
  std::int64_t expires = 0;  ///< seconds since 1970 UTC: from then on nobody gets in with it; 0: never
  std::string target;        ///< the only one that it opens; empty: any
  bool limited = false;      ///< a key that is good for less than its user: what roles allow is not in it
  std::string certificate;   ///< the name by which a certificate stands for the user; empty: it was none

  bool operator==(const Credential&) const = default;
};

/// How a user may prove who it is; settled before any secret is seen. Names that do not exist have one that looks like
/// that of a user with a password.
struct Account {
  enum class Method : std::uint8_t {
    scram,  ///< one of the passwords, which stay with the client
    token   ///< sent as it is, inside TLS only
  };
  Method method = Method::scram;
  bool exists = false;
  auth::ScramKeyring passwords;
  std::vector<Credential> credentials;  ///< by passwords.keys
};
using AccountPtr = std::shared_ptr<const Account>;

}  // namespace dbgate::session
