#include <algorithm>

#include "gateway/adapters/store/sql_endings.h"
#include "gateway/adapters/store/sql_parts.h"
#include "gateway/auth/digests.h"

// Passwords of people and second factors.
namespace dbgate::adapters::store {
namespace {

std::string totp_place(std::string_view user) {
  return place("sign_ins.sealed_totp", user);
}

// The row of a user, so that there is one to change.
Result<> make_row(SqlTransaction& transaction, std::string_view user) {
  DBGATE_CHECK(
      transaction.run("INSERT INTO sign_ins (user_name) VALUES ($1) ON CONFLICT (user_name) DO NOTHING", {user}));
  return done;
}

Result<> add_codes(SqlTransaction& transaction, std::string_view user, std::span<const std::string> hashes) {
  DBGATE_CHECK(transaction.run("DELETE FROM recovery_codes WHERE user_name = $1", {user}));
  for (const std::string& hash : hashes) {
    DBGATE_CHECK(
        transaction.run("INSERT INTO recovery_codes (user_name, hash, used_us) VALUES ($1, $2, 0)", {user, hash}));
  }
  return done;
}

}  // namespace

Result<SignInSecrets> SqlSignIns::sign_in_secrets(std::string_view user) {
  SignInSecrets secrets;
  DBGATE_TRY(SqlResult result,
             core_.database.query("SELECT password_hash, must_change_password, password_changed_us, sealed_totp, "
                                  "totp_confirmed_us, totp_last_step FROM sign_ins WHERE user_name = $1",
                                  {user}));
  if (result.rows() == 0) return secrets;
  SqlRow row = result.row(0);
  secrets.password_hash = row.text();
  secrets.must_change_password = row.flag();
  secrets.password_changed_us = row.number();
  const std::string sealed = row.text();
  secrets.totp_confirmed_us = row.number();
  secrets.totp_last_step = row.number();
  if (sealed.empty()) return secrets;
  DBGATE_TRY(secrets.totp_secret, core_.sealing.open(sealed, totp_place(user)));
  return secrets;
}

Result<> SqlSignIns::set_password(std::string_view user, const PasswordChange& change, Micros now_us) {
  const bool any = !change.seen_hash.has_value();
  return core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    if (change.end_logins) DBGATE_CHECK(raise_generation(transaction));
    DBGATE_CHECK(make_row(transaction, user));
    DBGATE_TRY(const SqlResult changed,
               transaction.run("UPDATE sign_ins SET password_hash = $2, must_change_password = $3, "
                               "password_changed_us = $4 WHERE user_name = $1 AND ($5 = 1 OR password_hash = $6)",
                               {user, change.hash, change.must_change, now_us, any, change.seen_hash.value_or("")}));
    if (changed.changed == 0) return conflict();
    if (!change.end_logins) return done;
    DBGATE_CHECK(end_logins(transaction, user, change.keep_login, {"password_changed", change.by}, now_us));
    return done;
  });
}

Result<> SqlSignIns::start_totp(std::string_view user, std::string_view secret, Micros) {
  const std::string sealed = core_.sealing.seal(secret, totp_place(user));
  return core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    DBGATE_CHECK(make_row(transaction, user));
    DBGATE_TRY(const SqlResult changed, transaction.run("UPDATE sign_ins SET sealed_totp = $2, totp_last_step = 0 "
                                                        "WHERE user_name = $1 AND totp_confirmed_us = 0",
                                                        {user, sealed}));
    if (changed.changed == 0) return conflict();
    return done;
  });
}

Result<bool> SqlSignIns::confirm_totp(std::string_view user, std::string_view secret, std::int64_t step,
                                      std::span<const std::string> recovery_hashes, Micros now_us) {
  return core_.write<bool>([&](SqlTransaction& transaction) -> Result<bool> {
    DBGATE_TRY(SqlResult found, transaction.run("SELECT sealed_totp FROM sign_ins WHERE user_name = $1 AND "
                                                "sealed_totp <> '' AND totp_confirmed_us = 0",
                                                {user}));
    if (found.rows() == 0) return false;
    const std::string sealed = found.row(0).text();
    DBGATE_TRY(const std::string kept, core_.sealing.open(sealed, totp_place(user)));
    if (!auth::equal_constant_time(kept, secret)) return false;
    // Only if it is still the one that was just opened.
    DBGATE_TRY(const SqlResult changed,
               transaction.run("UPDATE sign_ins SET totp_confirmed_us = $2, totp_last_step = $3 "
                               "WHERE user_name = $1 AND totp_confirmed_us = 0 AND sealed_totp = $4",
                               {user, now_us, step, sealed}));
    if (changed.changed == 0) return false;
    DBGATE_CHECK(add_codes(transaction, user, recovery_hashes));
    return true;
  });
}

Result<bool> SqlSignIns::remove_totp(std::string_view user, Micros) {
  return core_.write<bool>([&](SqlTransaction& transaction) -> Result<bool> {
    DBGATE_TRY(const SqlResult changed,
               transaction.run("UPDATE sign_ins SET sealed_totp = '', totp_confirmed_us = 0, totp_last_step = 0 "
                               "WHERE user_name = $1 AND sealed_totp <> ''",
                               {user}));
    DBGATE_CHECK(transaction.run("DELETE FROM recovery_codes WHERE user_name = $1", {user}));
    return changed.changed > 0;
  });
}

Result<bool> SqlSignIns::use_totp_step(std::string_view user, std::int64_t step) {
  return core_.write<bool>([&](SqlTransaction& transaction) -> Result<bool> {
    DBGATE_TRY(const SqlResult changed,
               transaction.run("UPDATE sign_ins SET totp_last_step = $2 "
                               "WHERE user_name = $1 AND totp_confirmed_us > 0 AND totp_last_step < $2",
                               {user, step}));
    return changed.changed > 0;
  });
}

Result<> SqlSignIns::replace_recovery_codes(std::string_view user, std::span<const std::string> hashes) {
  return core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    // One at a time for one user.
    DBGATE_CHECK(make_row(transaction, user));
    DBGATE_CHECK(transaction.run("UPDATE sign_ins SET user_name = user_name WHERE user_name = $1", {user}));
    return add_codes(transaction, user, hashes);
  });
}

Result<bool> SqlSignIns::use_recovery_code(std::string_view user, std::string_view hash, Micros now_us) {
  return core_.write<bool>([&](SqlTransaction& transaction) -> Result<bool> {
    DBGATE_TRY(const SqlResult changed, transaction.run("UPDATE recovery_codes SET used_us = $3 "
                                                        "WHERE user_name = $1 AND hash = $2 AND used_us = 0",
                                                        {user, hash, now_us}));
    return changed.changed > 0;
  });
}

Result<std::int64_t> SqlSignIns::recovery_codes_left(std::string_view user) {
  DBGATE_TRY(SqlResult result, core_.database.query("SELECT COUNT(*) FROM recovery_codes "
                                                    "WHERE user_name = $1 AND used_us = 0",
                                                    {user}));
  return result.row(0).number();
}

}  // namespace dbgate::adapters::store
