#include "gateway/adapters/store/sql_endings.h"
#include "gateway/adapters/store/sql_parts.h"
#include "gateway/base/ids.h"

// Users themselves; groups and what else names users are in sql_groups.cpp.
namespace dbgate::adapters::store {
namespace {

constexpr const char* kinds[] = {"person", "service", "agent"};
constexpr const char* sources[] = {"local", "oidc"};
constexpr const char* wire_logins[] = {"password", "token"};

const char* word_of(UserKind kind) {
  return kinds[static_cast<std::size_t>(kind)];
}
const char* word_of(UserState state) {
  switch (state) {
    case UserState::active:
      return "active";
    case UserState::invited:
      return "invited";
    case UserState::pending:
      return "pending";
    case UserState::disabled:
      break;
  }
  return "disabled";
}
// A word that is not known lets nobody in.
UserState state_of(std::string_view word) {
  for (const UserState state : {UserState::active, UserState::invited, UserState::pending}) {
    if (word == word_of(state)) return state;
  }
  return UserState::disabled;
}

}  // namespace

const std::string user_columns =
    "id, name, kind, state, display_name, email, wire_login, attributes, source, issuer, subject, created_us, "
    "updated_us, revision";

User read_user(SqlRow& row) {
  User user;
  user.id = row.text();
  user.name = row.text();
  user.kind = from_word<UserKind>(kinds, row.text());
  user.state = state_of(row.text());
  user.display_name = row.text();
  user.email = row.text();
  user.wire_login = from_word<WireLogin>(wire_logins, row.text());
  user.attributes = map_from_json(row.text());
  user.source = from_word<Source>(sources, row.text());
  user.issuer = row.text();
  user.subject = row.text();
  user.created_us = row.number();
  user.updated_us = row.number();
  user.revision = row.number();
  return user;
}

Result<std::optional<User>> SqlUsers::find_user(std::string_view name) {
  const std::string sql = "SELECT " + user_columns + " FROM users WHERE name = $1";
  DBGATE_TRY(SqlResult result, core_.database.query(sql.c_str(), {name}));
  return read_one<User>(std::move(result), read_user);
}

Result<std::optional<User>> SqlUsers::find_user_of(std::string_view issuer, std::string_view subject) {
  const std::string sql = "SELECT " + user_columns + " FROM users WHERE issuer = $1 AND subject = $2 AND subject <> ''";
  DBGATE_TRY(SqlResult result, core_.database.query(sql.c_str(), {issuer, subject}));
  return read_one<User>(std::move(result), read_user);
}

Result<Listed<User>> SqlUsers::list_users(const UserFilter& filter, const Page& page) {
  ListQuery list("SELECT " + user_columns + " FROM users");
  if (filter.kind) list.where("kind = ?", word_of(*filter.kind));
  if (filter.state) list.where("state = ?", word_of(*filter.state));
  if (filter.services_and_agents) list.where("kind <> 'person'");
  DBGATE_CHECK(list.page("name", "id", page, false));
  return list_page<User>(core_.database, list, page, read_user, &User::name, &User::id);
}

Result<User> insert_user(SqlTransaction& transaction, const NewUser& fresh, Micros now_us) {
  DBGATE_CHECK(require_name(fresh.user.name));
  User user = fresh.user;
  user.id = make_id("usr_");
  user.created_us = user.updated_us = now_us;
  user.revision = 1;
  DBGATE_CHECK(clear_user(transaction, user.name, {"user_replaced", ""}, now_us));
  const auto inserted = transaction.run(
      "INSERT INTO users (id, name, kind, state, display_name, email, wire_login, attributes, source, issuer, subject, "
      "created_us, updated_us, revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, 1)",
      {user.id, user.name, word_of(user.kind), word_of(user.state), user.display_name, user.email,
       wire_logins[static_cast<std::size_t>(user.wire_login)], to_json(user.attributes),
       sources[static_cast<std::size_t>(user.source)], user.issuer, user.subject, now_us});
  if (!inserted) return taken(inserted.error(), "user");
  if (!fresh.password_hash.empty()) {
    DBGATE_CHECK(
        transaction.run("INSERT INTO sign_ins (user_name, password_hash, must_change_password, password_changed_us) "
                        "VALUES ($1, $2, $3, $4)",
                        {user.name, fresh.password_hash, fresh.must_change_password, now_us}));
  }
  for (const std::string& group : fresh.groups) {
    DBGATE_CHECK(
        transaction.run("INSERT INTO memberships (group_name, user_name, source) VALUES ($1, $2, 'local') "
                        "ON CONFLICT (group_name, user_name, source) DO NOTHING",
                        {group, user.name}));
  }
  for (const std::string& role : fresh.roles) {
    DBGATE_CHECK(
        transaction.run("INSERT INTO roles (subject_kind, subject, role) VALUES ('user', $1, $2) "
                        "ON CONFLICT (subject_kind, subject, role) DO NOTHING",
                        {user.name, role}));
  }
  return user;
}

Result<User> SqlUsers::create_user(const NewUser& user, Micros now_us) {
  return core_.write<User>([&](SqlTransaction& transaction) -> Result<User> {
    DBGATE_CHECK(raise_generation(transaction));
    return insert_user(transaction, user, now_us);
  });
}

Result<User> SqlUsers::update_user(const User& user, const Ending& why, Micros now_us) {
  const std::string sql =
      "UPDATE users SET state = $3, display_name = $4, email = $5, wire_login = $6, attributes = $7, source = $8, "
      "issuer = $9, subject = $10, updated_us = $11, revision = revision + 1 WHERE name = $1 AND revision = $2 "
      "RETURNING " +
      user_columns;
  return core_.write<User>([&](SqlTransaction& transaction) -> Result<User> {
    DBGATE_CHECK(raise_generation(transaction));
    std::optional<User> written;
    DBGATE_CHECK(keeping_administrator(transaction, [&]() -> Result<> {
      auto updated = transaction.run(
          sql.c_str(), {user.name, user.revision, word_of(user.state), user.display_name, user.email,
                        wire_logins[static_cast<std::size_t>(user.wire_login)], to_json(user.attributes),
                        sources[static_cast<std::size_t>(user.source)], user.issuer, user.subject, now_us});
      if (!updated) return taken(updated.error(), "user");
      DBGATE_CHECK(require_changed(transaction, *updated, "SELECT 1 FROM users WHERE name = $1", user.name, "user"));
      SqlRow row = updated->row(0);
      written = read_user(row);
      return done;
    }));
    if (user.state != UserState::active) DBGATE_CHECK(end_logins(transaction, user.name, "", why, now_us));
    return std::move(*written);
  });
}

Result<> SqlUsers::remove_user(std::string_view name, std::int64_t revision, const Ending& why, Micros now_us) {
  return core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    DBGATE_CHECK(raise_generation(transaction));
    return keeping_administrator(transaction, [&]() -> Result<> {
      DBGATE_TRY(const SqlResult removed,
                 transaction.run("DELETE FROM users WHERE name = $1 AND ($2 = 0 OR revision = $2)", {name, revision}));
      DBGATE_CHECK(require_changed(transaction, removed, "SELECT 1 FROM users WHERE name = $1", name, "user"));
      return clear_user(transaction, name, why, now_us);
    });
  });
}

}  // namespace dbgate::adapters::store
