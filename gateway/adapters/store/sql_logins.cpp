#include "gateway/adapters/store/sql_endings.h"
#include "gateway/adapters/store/sql_parts.h"
#include "gateway/base/ids.h"

namespace dbgate::adapters::store {
namespace {

const std::string columns =
    "logins.id, user_name, method, client, address, created_us, last_used_us, logins.expires_us, ended_us, end_reason, "
    "ended_by";

Login read_login(SqlRow& row) {
  Login login;
  login.id = row.text();
  login.user = row.text();
  login.method = row.text();
  login.client = row.text();
  login.address = row.text();
  login.created_us = row.number();
  login.last_used_us = row.number();
  login.expires_us = row.number();
  login.ended_us = row.number();
  login.end_reason = row.text();
  login.ended_by = row.text();
  return login;
}

Result<> add_token(SqlTransaction& transaction, std::string_view login, const RefreshToken& token, Micros now_us) {
  const auto added = transaction.run(
      "INSERT INTO refresh_tokens (hash, login, issued_us, used_us, expires_us) "
      "VALUES ($1, $2, $3, 0, $4)",
      {token.hash, login, now_us, token.expires_us});
  if (!added) return taken(added.error(), "refresh token");
  return done;
}

Result<std::optional<Login>> login_of(SqlTransaction& transaction, std::string_view id) {
  const std::string sql = "SELECT " + columns + " FROM logins WHERE id = $1";
  DBGATE_TRY(SqlResult result, transaction.run(sql.c_str(), {id}));
  return read_one<Login>(std::move(result), read_login);
}

// A token that could not be used up: why not. A token that was used before ends its login.
Result<Rotated> refuse(SqlTransaction& transaction, std::string_view hash, Micros now_us) {
  DBGATE_TRY(SqlResult found, transaction.run("SELECT login, used_us FROM refresh_tokens WHERE hash = $1", {hash}));
  if (found.rows() == 0) return Rotated();
  SqlRow row = found.row(0);
  const std::string id = row.text();
  const bool used = row.number() != 0;
  if (used) {
    DBGATE_CHECK(raise_generation(transaction));
    DBGATE_CHECK(end_login(transaction, id, {"reuse", ""}, now_us));
  }
  DBGATE_TRY(auto login, login_of(transaction, id));
  if (!login) return Rotated();
  return Rotated{used ? Rotation::reused : Rotation::expired, std::move(*login)};
}

}  // namespace

Result<Login> SqlLogins::create_login(const Login& login, const RefreshToken& token, Micros now_us) {
  Login made = login;
  made.id = make_id("lgn_");
  made.created_us = made.last_used_us = now_us;
  made.ended_us = 0;
  made.end_reason.clear();
  made.ended_by.clear();
  DBGATE_CHECK(core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    DBGATE_CHECK(transaction.run(
        "INSERT INTO logins (id, user_name, method, client, address, created_us, last_used_us, "
        "expires_us, ended_us, end_reason, ended_by) VALUES ($1, $2, $3, $4, $5, $6, $6, $7, 0, '', '')",
        {made.id, made.user, made.method, made.client, made.address, now_us, made.expires_us}));
    return add_token(transaction, made.id, token, now_us);
  }));
  return made;
}

Result<std::optional<Login>> SqlLogins::find_login(std::string_view id) {
  const std::string sql = "SELECT " + columns + " FROM logins WHERE id = $1";
  DBGATE_TRY(SqlResult result, core_.database.query(sql.c_str(), {id}));
  return read_one<Login>(std::move(result), read_login);
}

Result<Listed<Login>> SqlLogins::list_logins(const LoginFilter& filter, const Page& page, Micros now_us) {
  ListQuery list("SELECT " + columns + " FROM logins");
  if (!filter.user.empty()) list.where("user_name = ?", filter.user);
  if (filter.live_only) list.where("ended_us = 0 AND (expires_us = 0 OR expires_us > ?)", now_us);
  DBGATE_CHECK(list.page("created_us", "id", page, true));
  return list_page<Login>(core_.database, list, page, read_login, &Login::created_us, &Login::id);
}

Result<Rotated> SqlLogins::rotate_refresh_token(std::string_view old_hash, const RefreshToken& fresh, Micros now_us) {
  return core_.write<Rotated>([&](SqlTransaction& transaction) -> Result<Rotated> {
    // The one step that decides: of several transactions one finds the token unused.
    DBGATE_TRY(SqlResult used, transaction.run("UPDATE refresh_tokens SET used_us = $2 "
                                               "WHERE hash = $1 AND used_us = 0 AND expires_us > $2 RETURNING login",
                                               {old_hash, now_us}));
    if (used.rows() == 0) return refuse(transaction, old_hash, now_us);
    const std::string id = used.row(0).text();
    DBGATE_TRY(const SqlResult live,
               transaction.run("UPDATE logins SET last_used_us = $2 WHERE id = $1 AND ended_us = 0 "
                               "AND (expires_us = 0 OR expires_us > $2)",
                               {id, now_us}));
    DBGATE_TRY(auto login, login_of(transaction, id));
    if (!login) return Rotated();
    if (live.changed == 0) return Rotated{Rotation::ended, std::move(*login)};
    DBGATE_CHECK(add_token(transaction, id, fresh, now_us));
    return Rotated{Rotation::rotated, std::move(*login)};
  });
}

Result<std::optional<Login>> SqlLogins::find_login_of_token(std::string_view hash) {
  const std::string sql = "SELECT " + columns + " FROM logins JOIN refresh_tokens ON logins.id = login WHERE hash = $1";
  DBGATE_TRY(SqlResult result, core_.database.query(sql.c_str(), {hash}));
  return read_one<Login>(std::move(result), read_login);
}

Result<bool> SqlLogins::end_login(std::string_view id, const Ending& why, Micros now_us) {
  return core_.write<bool>([&](SqlTransaction& transaction) -> Result<bool> {
    DBGATE_CHECK(raise_generation(transaction));
    return store::end_login(transaction, id, why, now_us);
  });
}

Result<std::int64_t> SqlLogins::end_logins_of(std::string_view user, std::string_view keep, const Ending& why,
                                              Micros now_us) {
  return core_.write<std::int64_t>([&](SqlTransaction& transaction) -> Result<std::int64_t> {
    DBGATE_CHECK(raise_generation(transaction));
    return end_logins(transaction, user, keep, why, now_us);
  });
}

Result<> SqlLogins::revoke_token(const RevokedToken& token, Micros) {
  return core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    DBGATE_CHECK(raise_generation(transaction));
    DBGATE_CHECK(
        transaction.run("INSERT INTO revoked_tokens (jti, expires_us) VALUES ($1, $2) "
                        "ON CONFLICT (jti) DO NOTHING",
                        {token.jti, token.expires_us}));
    return done;
  });
}

}  // namespace dbgate::adapters::store
