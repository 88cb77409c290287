#include "gateway/identity/key_service.h"

#include <set>

#include "gateway/auth/digests.h"
#include "gateway/identity/key_text.h"
#include "gateway/identity/scopes.h"

namespace dbgate::identity {
namespace {

namespace store = ports::store;

constexpr std::int64_t second_us = 1'000'000;
constexpr std::size_t max_name_bytes = 100;

Error malformed(const std::string& what) {
  return {sqlstate::invalid_parameter_value, what};
}

Result<> check(const std::string& name, std::int64_t lasts_s) {
  if (name.empty() || name.size() > max_name_bytes) return malformed("the name needs 1 to 100 bytes");
  for (const char c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return malformed("the name holds a control character");
  }
  if (lasts_s <= 0 || lasts_s > longest_key_s) return malformed("it must expire, after 366 days at the latest");
  return boost::system::in_place_value;
}

}  // namespace

Result<IssuedKey> issue_key(store::Store& store, const NewKey& wanted, std::int64_t now_us) {
  DBGATE_CHECK(check(wanted.name, wanted.lasts_s));
  const std::set<std::string> scopes(wanted.scopes.begin(), wanted.scopes.end());
  if (scopes.empty()) return malformed("it needs a scope");
  for (const std::string& scope : scopes) {
    if (!is_scope(scope))
      return malformed("there is no scope of that name; there are read, query, connect, account, admin");
  }
  IssuedKey issued;
  const bool personal = wanted.kind == store::KeyKind::personal;
  issued.text = make_key(personal ? KeyKind::personal_token : KeyKind::service_key);
  issued.record.kind = wanted.kind;
  issued.record.id = wanted.id;
  issued.record.user = wanted.user;
  issued.record.name = wanted.name;
  issued.record.hash = key_hash(issued.text);
  issued.record.hint = key_hint(issued.text);
  issued.record.scopes.assign(scopes.begin(), scopes.end());
  issued.record.expires_us = now_us + wanted.lasts_s * second_us;
  DBGATE_TRY(issued.record, store.keys().create_access_key(issued.record, now_us));
  return issued;
}

Result<IssuedPassword> issue_database_password(store::Store& store, const NewDatabasePassword& wanted,
                                               std::int64_t now_us) {
  DBGATE_CHECK(check(wanted.name, wanted.lasts_s));
  const auth::ScramVerifier& beside = wanted.beside;
  DBGATE_TRY(const store::ScramSalt salt,
             store.keys().scram_salt(wanted.user, {wanted.user, beside.salt, beside.iterations}, now_us));
  if (!beside.salt.empty() && (salt.salt != beside.salt || salt.iterations != beside.iterations)) {
    return Error(sqlstate::object_not_in_prerequisite_state,
                 "your database passwords have another salt than your password in the configuration file, which "
                 "opens no database beside them: revoke them first");
  }
  IssuedPassword issued;
  issued.text = make_key(KeyKind::database_password);
  const std::string salted = auth::salted_password(issued.text, salt.salt, salt.iterations);
  issued.record.id = wanted.id;
  issued.record.salt = salt.salt;
  issued.record.user = wanted.user;
  issued.record.name = wanted.name;
  issued.record.target = wanted.target;
  issued.record.stored_key = auth::sha256(auth::hmac_sha256(salted, "Client Key"));
  issued.record.server_key = auth::hmac_sha256(salted, "Server Key");
  issued.record.expires_us = now_us + wanted.lasts_s * second_us;
  DBGATE_TRY(issued.record, store.keys().create_database_password(issued.record, now_us));
  return issued;
}

}  // namespace dbgate::identity
