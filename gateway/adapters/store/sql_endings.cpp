#include "gateway/adapters/store/sql_endings.h"

namespace dbgate::adapters::store {
namespace {

// Notes what an UPDATE … RETURNING id, user_name has just ended.
Result<std::int64_t> note(SqlTransaction& transaction, SqlResult ended, const Ending& why, Micros now_us) {
  const std::size_t count = ended.rows();
  for (std::size_t i = 0; i < count; ++i) {
    SqlRow row = ended.row(i);
    const std::string credential = row.text();
    const std::string user = row.text();
    DBGATE_CHECK(
        transaction.run("INSERT INTO ended_credentials (credential, user_name, ended_us, reason, ended_by) "
                        "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (credential) DO NOTHING",
                        {credential, user, now_us, why.reason, why.by}));
  }
  return static_cast<std::int64_t>(count);
}

}  // namespace

Result<std::int64_t> end_logins(SqlTransaction& transaction, std::string_view user, std::string_view keep,
                                const Ending& why, Micros now_us) {
  DBGATE_TRY(SqlResult ended, transaction.run("UPDATE logins SET ended_us = $3, end_reason = $4, ended_by = $5 "
                                              "WHERE user_name = $1 AND id <> $2 AND ended_us = 0 "
                                              "RETURNING id, user_name",
                                              {user, keep, now_us, why.reason, why.by}));
  return note(transaction, std::move(ended), why, now_us);
}

Result<bool> end_login(SqlTransaction& transaction, std::string_view id, const Ending& why, Micros now_us) {
  DBGATE_TRY(SqlResult ended, transaction.run("UPDATE logins SET ended_us = $2, end_reason = $3, ended_by = $4 "
                                              "WHERE id = $1 AND ended_us = 0 RETURNING id, user_name",
                                              {id, now_us, why.reason, why.by}));
  DBGATE_TRY(const std::int64_t count, note(transaction, std::move(ended), why, now_us));
  return count > 0;
}

Result<bool> end_access_key(SqlTransaction& transaction, std::string_view user, std::string_view id, const Ending& why,
                            Micros now_us) {
  DBGATE_TRY(SqlResult ended, transaction.run("UPDATE access_keys SET revoked_us = $3 "
                                              "WHERE ($1 = '' OR user_name = $1) AND id = $2 AND revoked_us = 0 "
                                              "RETURNING id, user_name",
                                              {user, id, now_us}));
  DBGATE_TRY(const std::int64_t count, note(transaction, std::move(ended), why, now_us));
  return count > 0;
}

Result<bool> end_database_password(SqlTransaction& transaction, std::string_view user, std::string_view id,
                                   const Ending& why, Micros now_us) {
  DBGATE_TRY(SqlResult ended, transaction.run("UPDATE database_passwords SET revoked_us = $3 "
                                              "WHERE ($1 = '' OR user_name = $1) AND id = $2 AND revoked_us = 0 "
                                              "RETURNING id, user_name",
                                              {user, id, now_us}));
  DBGATE_TRY(const std::int64_t count, note(transaction, std::move(ended), why, now_us));
  return count > 0;
}

Result<> clear_user(SqlTransaction& transaction, std::string_view user, const Ending& why, Micros now_us) {
  for (const char* const sql : {"DELETE FROM logins WHERE user_name = $1 RETURNING id, user_name",
                                "DELETE FROM access_keys WHERE user_name = $1 RETURNING id, user_name",
                                "DELETE FROM database_passwords WHERE user_name = $1 RETURNING id, user_name"}) {
    DBGATE_TRY(SqlResult ended, transaction.run(sql, {user}));
    // What had ended long ago is noted once more, which does no harm.
    DBGATE_CHECK(note(transaction, std::move(ended), why, now_us));
  }
  DBGATE_CHECK(
      transaction.run("UPDATE access_requests SET ended_us = $2, updated_us = $2, end_reason = $3, ended_by = $4, "
                      "revision = revision + 1 WHERE user_name = $1 AND ended_us = 0",
                      {user, now_us, why.reason, why.by}));
  for (const char* const sql :
       {"DELETE FROM sign_ins WHERE user_name = $1", "DELETE FROM recovery_codes WHERE user_name = $1",
        "DELETE FROM certificate_names WHERE user_name = $1", "DELETE FROM memberships WHERE user_name = $1",
        "DELETE FROM roles WHERE subject_kind = 'user' AND subject = $1", "DELETE FROM saved_queries WHERE owner = $1",
        "DELETE FROM requests WHERE user_name = $1"}) {
    DBGATE_CHECK(transaction.run(sql, {user}));
  }
  return done;
}

}  // namespace dbgate::adapters::store
