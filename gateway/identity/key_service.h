#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "gateway/auth/scram_verifier.h"
#include "gateway/ports/store.h"

namespace dbgate::identity {

/// A secret that is shown once, and what is kept of it.
struct IssuedKey {
  std::string text;
  ports::store::AccessKey record;
};
struct IssuedPassword {
  std::string text;
  ports::store::DatabasePassword record;
};

struct NewKey {
  std::string user;
  ports::store::KeyKind kind = ports::store::KeyKind::personal;
  std::string name;
  std::vector<std::string> scopes;
  std::int64_t lasts_s = 0;  ///< from now
  std::string id = {};       ///< `key_…` (base/ids.h); empty: the store makes one
};

struct NewDatabasePassword {
  std::string user;
  std::string name;
  std::string target;  ///< empty: any
  std::int64_t lasts_s = 0;
  std::string id = {};  ///< `dpw_…`; empty: the store makes one
  /// What the user has in the configuration file; empty: nothing. One exchange has one salt, so the password gets this
  /// one's, and both work.
  auth::ScramVerifier beside = {};
};

/// Nothing lasts longer than a year.
inline constexpr std::int64_t longest_key_s = 366ll * 86'400;

/// Makes a personal token or a service key. Blocks. Errors: 22023 no scope, an unknown one, or a life of none or more
/// than a year; 23505 the user has one of that name; the store's.
Result<IssuedKey> issue_key(ports::store::Store& store, const NewKey& wanted, std::int64_t now_us);
/// Makes a password for the wire protocol. Blocks. Errors: 22023, 23505, the store's; 55000 the user has passwords in
/// force whose salt is not that of `beside`.
Result<IssuedPassword> issue_database_password(ports::store::Store& store, const NewDatabasePassword& wanted,
                                               std::int64_t now_us);

}  // namespace dbgate::identity
