#include "gateway/adapters/store/sql_endings.h"
#include "gateway/adapters/store/sql_parts.h"
#include "gateway/auth/digests.h"
#include "gateway/auth/random.h"
#include "gateway/base/ids.h"

// Database passwords, access keys. Signing keys are in sql_signing_keys.cpp.
namespace dbgate::adapters::store {
namespace {

constexpr const char* kinds[] = {"personal", "service"};
constexpr std::size_t salt_bytes = 16;
constexpr int scram_iterations = 4096;
// Uses closer together than this are one.
constexpr Micros use_step_us = 60 * 1'000'000LL;

const std::string key_columns =
    "id, kind, user_name, name, hash, hint, scopes, created_us, expires_us, last_used_us, revoked_us";

AccessKey read_key(SqlRow& row) {
  AccessKey key;
  key.id = row.text();
  key.kind = from_word<KeyKind>(kinds, row.text());
  key.user = row.text();
  key.name = row.text();
  key.hash = row.text();
  key.hint = row.text();
  key.scopes = list_from_json(row.text());
  key.created_us = row.number();
  key.expires_us = row.number();
  key.last_used_us = row.number();
  key.revoked_us = row.number();
  return key;
}

// The statement that notes a use, by what the credential is; null for what is none.
const char* use_of(std::string_view credential) {
  if (credential.starts_with("lgn_")) return "UPDATE logins SET last_used_us = $2 WHERE id = $1 AND last_used_us < $3";
  if (credential.starts_with("key_"))
    return "UPDATE access_keys SET last_used_us = $2 WHERE id = $1 AND last_used_us < $3";
  if (credential.starts_with("dpw_"))
    return "UPDATE database_passwords SET last_used_us = $2 WHERE id = $1 AND last_used_us < $3";
  return nullptr;
}

// Keys that were made with a salt that the user has no more would fit no password.
Result<> require_salt(SqlTransaction& transaction, const std::string& user, const std::string& salt) {
  DBGATE_TRY(const SqlResult found,
             transaction.run("SELECT 1 FROM sign_ins WHERE user_name = $1 AND scram_salt = $2", {user, salt}));
  return found.rows() == 1 ? done : conflict();
}

}  // namespace

const std::string database_password_columns =
    "id, user_name, name, target, stored_key, server_key, created_us, expires_us, last_used_us, revoked_us";

DatabasePassword read_database_password(SqlRow& row) {
  DatabasePassword password;
  password.id = row.text();
  password.user = row.text();
  password.name = row.text();
  password.target = row.text();
  password.stored_key = auth::base64_decode(row.text());
  password.server_key = auth::base64_decode(row.text());
  password.created_us = row.number();
  password.expires_us = row.number();
  password.last_used_us = row.number();
  password.revoked_us = row.number();
  return password;
}

ScramSalt read_scram_salt(SqlRow& row) {
  ScramSalt salt;
  salt.user = row.text();
  salt.salt = auth::base64_decode(row.text());
  salt.iterations = static_cast<int>(row.number());
  return salt;
}

Result<ScramSalt> SqlKeys::scram_salt(std::string_view user, const ScramSalt& wanted, Micros now_us) {
  ScramSalt fresh = wanted;
  if (fresh.salt.empty()) fresh = {std::string(user), auth::random_bytes(salt_bytes), scram_iterations};
  const std::string salt = auth::base64_encode(fresh.salt);
  return core_.write<ScramSalt>([&](SqlTransaction& transaction) -> Result<ScramSalt> {
    // Whoever comes second finds what the first has decided.
    DBGATE_CHECK(take_turn(transaction));
    DBGATE_CHECK(
        transaction.run("INSERT INTO sign_ins (user_name) VALUES ($1) ON CONFLICT (user_name) DO NOTHING", {user}));
    DBGATE_CHECK(
        transaction.run("UPDATE sign_ins SET scram_salt = $2, scram_iterations = $3 WHERE user_name = $1 AND "
                        "(scram_salt = '' OR ($4 = 1 "
                        "AND NOT EXISTS (SELECT 1 FROM database_passwords WHERE user_name = $1 AND revoked_us = 0 AND "
                        "(expires_us = 0 OR "
                        "expires_us > $5))))",
                        {user, salt, fresh.iterations, !wanted.salt.empty(), now_us}));
    DBGATE_TRY(
        SqlResult result,
        transaction.run("SELECT user_name, scram_salt, scram_iterations FROM sign_ins WHERE user_name = $1", {user}));
    SqlRow row = result.row(0);
    return read_scram_salt(row);
  });
}

Result<DatabasePassword> SqlKeys::create_database_password(const DatabasePassword& password, Micros now_us) {
  DatabasePassword made = password;
  if (made.id.empty()) made.id = make_id("dpw_");
  made.created_us = now_us;
  made.last_used_us = made.revoked_us = 0;
  DBGATE_CHECK(core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    DBGATE_CHECK(raise_generation(transaction));
    if (!made.salt.empty()) DBGATE_CHECK(require_salt(transaction, made.user, auth::base64_encode(made.salt)));
    const auto added = transaction.run(
        "INSERT INTO database_passwords (id, user_name, name, target, stored_key, server_key, created_us, expires_us, "
        "last_used_us, revoked_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, 0)",
        {made.id, made.user, made.name, made.target, auth::base64_encode(made.stored_key),
         auth::base64_encode(made.server_key), now_us, made.expires_us});
    if (!added) return taken(added.error(), "database password");
    return done;
  }));
  return made;
}

Result<std::optional<DatabasePassword>> SqlKeys::find_database_password(std::string_view id) {
  const std::string sql = "SELECT " + database_password_columns + " FROM database_passwords WHERE id = $1";
  DBGATE_TRY(SqlResult result, core_.database.query(sql.c_str(), {id}));
  return read_one<DatabasePassword>(std::move(result), read_database_password);
}

Result<Listed<DatabasePassword>> SqlKeys::list_database_passwords(std::string_view user, const Page& page) {
  ListQuery list("SELECT " + database_password_columns + " FROM database_passwords");
  list.where("user_name = ?", user);
  list.where("revoked_us = 0");
  DBGATE_CHECK(list.page("id", "id", page, false));
  return list_page<DatabasePassword>(core_.database, list, page, read_database_password, &DatabasePassword::id,
                                     &DatabasePassword::id);
}

Result<bool> SqlKeys::revoke_database_password(std::string_view user, std::string_view id, const Ending& why,
                                               Micros now_us) {
  return core_.write<bool>([&](SqlTransaction& transaction) -> Result<bool> {
    DBGATE_CHECK(raise_generation(transaction));
    return end_database_password(transaction, user, id, why, now_us);
  });
}

Result<AccessKey> SqlKeys::create_access_key(const AccessKey& key, Micros now_us) {
  AccessKey made = key;
  if (made.id.empty()) made.id = make_id("key_");
  made.created_us = now_us;
  made.last_used_us = made.revoked_us = 0;
  DBGATE_CHECK(core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    const auto added = transaction.run(
        "INSERT INTO access_keys (id, kind, user_name, name, hash, hint, scopes, created_us, expires_us, last_used_us, "
        "revoked_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0)",
        {made.id, kinds[static_cast<std::size_t>(made.kind)], made.user, made.name, made.hash, made.hint,
         to_json(made.scopes), now_us, made.expires_us});
    if (!added) return taken(added.error(), "key");
    return done;
  }));
  return made;
}

Result<std::optional<AccessKey>> SqlKeys::find_access_key_by_hash(std::string_view hash) {
  const std::string sql = "SELECT " + key_columns + " FROM access_keys WHERE hash = $1";
  DBGATE_TRY(SqlResult result, core_.database.query(sql.c_str(), {hash}));
  return read_one<AccessKey>(std::move(result), read_key);
}

Result<std::optional<AccessKey>> SqlKeys::find_access_key(std::string_view id) {
  const std::string sql = "SELECT " + key_columns + " FROM access_keys WHERE id = $1";
  DBGATE_TRY(SqlResult result, core_.database.query(sql.c_str(), {id}));
  return read_one<AccessKey>(std::move(result), read_key);
}

Result<Listed<AccessKey>> SqlKeys::list_access_keys(std::string_view user, KeyKind kind, const Page& page) {
  ListQuery list("SELECT " + key_columns + " FROM access_keys");
  list.where("user_name = ?", user);
  list.where("kind = ?", kinds[static_cast<std::size_t>(kind)]);
  list.where("revoked_us = 0");
  DBGATE_CHECK(list.page("id", "id", page, false));
  return list_page<AccessKey>(core_.database, list, page, read_key, &AccessKey::id, &AccessKey::id);
}

Result<bool> SqlKeys::revoke_access_key(std::string_view user, std::string_view id, const Ending& why, Micros now_us) {
  return core_.write<bool>([&](SqlTransaction& transaction) -> Result<bool> {
    DBGATE_CHECK(raise_generation(transaction));
    return end_access_key(transaction, user, id, why, now_us);
  });
}

Result<> SqlKeys::note_used(std::string_view credential, Micros now_us) {
  const char* const sql = use_of(credential);
  if (sql == nullptr) return done;
  return core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    DBGATE_CHECK(transaction.run(sql, {credential, now_us, now_us - use_step_us}));
    return done;
  });
}

}  // namespace dbgate::adapters::store
