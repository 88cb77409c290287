#include "gateway/adapters/store/sql_store.h"

#include "gateway/adapters/store/migrations.h"
#include "gateway/adapters/store/sql_parts.h"
#include "gateway/adapters/store/store_watch.h"

namespace dbgate::adapters::store {
namespace {

constexpr const char* asked_generation = "SELECT generation FROM directory WHERE one = 1";

class SqlStore : public Store {
 public:
  SqlStore(std::unique_ptr<SqlDatabase> database, identity::Sealing sealing, std::int64_t generation)
      : database_(std::move(database)), sealing_(std::move(sealing)), watch_(*database_, generation) {}

  Users& users() override { return users_; }
  SignIns& sign_ins() override { return sign_ins_; }
  Logins& logins() override { return logins_; }
  Keys& keys() override { return keys_; }
  Objects& objects() override { return objects_; }
  Work& work() override { return work_; }
  Replicas& replicas() override { return replicas_; }
  Approvals& approvals() override { return approvals_; }
  Access& access() override { return access_; }

  Result<Directory> load_directory(Micros ended_since_us, Micros now_us) override;
  Result<std::int64_t> generation() override {
    DBGATE_TRY(SqlResult result, database_->query(asked_generation));
    return result.rows() == 0 ? Result<std::int64_t>(store_gone()) : result.row(0).number();
  }
  std::unique_ptr<Watch> watch(std::function<void(const Event&)> callback) override {
    return watch_.add(std::move(callback));
  }
  Result<std::int64_t> sweep(Micros now_us) override;

 private:
  Result<> load_people(SqlTransaction& transaction, Directory& directory) const;
  Result<> load_credentials(SqlTransaction& transaction, Directory& directory, Micros ended_since_us,
                            Micros now_us) const;
  Result<> load_objects(SqlTransaction& transaction, Directory& directory) const;

  const std::unique_ptr<SqlDatabase> database_;
  const identity::Sealing sealing_;
  const SqlCore core_{*database_, sealing_};
  SqlUsers users_{core_};
  SqlSignIns sign_ins_{core_};
  SqlLogins logins_{core_};
  SqlKeys keys_{core_};
  SqlObjects objects_{core_};
  SqlWork work_{core_};
  SqlReplicas replicas_{core_};
  SqlApprovals approvals_{core_};
  SqlAccess access_{core_};
  StoreWatch watch_;
};

// All rows of a query into `items`.
template <class T, class Read>
Result<> load(SqlTransaction& transaction, const std::string& sql, std::initializer_list<SqlValue> values,
              const Read& read, std::vector<T>& items) {
  DBGATE_TRY(SqlResult result, transaction.run(sql.c_str(), values));
  items = read_all<T>(std::move(result), read);
  return done;
}

EndedCredential read_ended(SqlRow& row) {
  EndedCredential ended;
  ended.credential = row.text();
  ended.user = row.text();
  ended.ended_us = row.number();
  ended.why.reason = row.text();
  ended.why.by = row.text();
  return ended;
}

RevokedToken read_revoked(SqlRow& row) {
  RevokedToken revoked;
  revoked.jti = row.text();
  revoked.expires_us = row.number();
  return revoked;
}

Result<> SqlStore::load_people(SqlTransaction& transaction, Directory& directory) const {
  DBGATE_CHECK(
      load(transaction, "SELECT " + user_columns + " FROM users ORDER BY name", {}, read_user, directory.users));
  DBGATE_CHECK(
      load(transaction, "SELECT " + group_columns + " FROM groups ORDER BY name", {}, read_group, directory.groups));
  DBGATE_CHECK(load(transaction,
                    "SELECT group_name, user_name, source FROM memberships ORDER BY group_name, user_name, source", {},
                    read_membership, directory.memberships));
  DBGATE_CHECK(load(transaction, "SELECT subject_kind, subject, role FROM roles ORDER BY subject_kind, subject, role",
                    {}, read_role, directory.roles));
  return load(transaction, "SELECT value, user_name, created_us FROM certificate_names ORDER BY value", {},
              read_certificate_name, directory.certificate_names);
}

Result<> SqlStore::load_credentials(SqlTransaction& transaction, Directory& directory, Micros ended_since_us,
                                    Micros now_us) const {
  DBGATE_CHECK(load(transaction,
                    "SELECT " + database_password_columns +
                        " FROM database_passwords WHERE revoked_us = 0 AND (expires_us = 0 OR expires_us > $1) "
                        "ORDER BY id",
                    {now_us}, read_database_password, directory.database_passwords));
  DBGATE_CHECK(load(transaction,
                    "SELECT user_name, scram_salt, scram_iterations FROM sign_ins WHERE scram_salt <> '' "
                    "ORDER BY user_name",
                    {}, read_scram_salt, directory.scram_salts));
  DBGATE_CHECK(load(transaction,
                    "SELECT credential, user_name, ended_us, reason, ended_by FROM ended_credentials "
                    "WHERE ended_us >= $1 ORDER BY ended_us, credential",
                    {ended_since_us}, read_ended, directory.ended));
  return load(transaction, "SELECT jti, expires_us FROM revoked_tokens WHERE expires_us > $1 ORDER BY jti", {now_us},
              read_revoked, directory.revoked_tokens);
}

Result<> SqlStore::load_objects(SqlTransaction& transaction, Directory& directory) const {
  DBGATE_CHECK(load(
      transaction, "SELECT " + target_columns + " FROM targets ORDER BY name", {},
      [this](SqlRow& row) { return read_target(row, sealing_); }, directory.targets));
  const std::string sql = "SELECT " + policy_columns + " FROM policy_versions WHERE active = 1";
  DBGATE_TRY(SqlResult policy, transaction.run(sql.c_str()));
  directory.policy = read_one<PolicyVersion>(std::move(policy), read_policy);
  return done;
}

Result<Directory> SqlStore::load_directory(Micros ended_since_us, Micros now_us) {
  Directory directory;
  DBGATE_CHECK(database_->snapshot([&](SqlTransaction& transaction) -> Result<> {
    DBGATE_TRY(SqlResult generation, transaction.run(asked_generation));
    if (generation.rows() == 0) return store_gone();
    directory.generation = generation.row(0).number();
    DBGATE_CHECK(load_people(transaction, directory));
    DBGATE_CHECK(load_credentials(transaction, directory, ended_since_us, now_us));
    DBGATE_TRY(directory.access, access_not_ended(transaction, now_us));
    return load_objects(transaction, directory);
  }));
  return directory;
}

// How long the end of a credential is remembered: far beyond the life of any access token.
constexpr Micros remember_ended_us = 24 * 3600 * 1'000'000LL;
// Logins that are over, used invitations and what was decided are shown to people for a while.
constexpr Micros remember_logins_us = 90 * remember_ended_us;

Result<std::int64_t> SqlStore::sweep(Micros now_us) {
  struct Old {
    const char* sql;
    Micros before_us;
  };
  const Old olds[] = {
      {"DELETE FROM pending_logins WHERE expires_us <= $1", now_us},
      {"DELETE FROM failures WHERE forget_us <= $1", now_us},
      {"DELETE FROM revoked_tokens WHERE expires_us <= $1", now_us},
      {"DELETE FROM requests WHERE expires_us <= $1", now_us},
      {"DELETE FROM ended_credentials WHERE ended_us < $1", now_us - remember_ended_us},
      {"DELETE FROM logins WHERE (ended_us > 0 AND ended_us < $1) OR (expires_us > 0 AND expires_us < $1)",
       now_us - remember_logins_us},
      {"DELETE FROM access_requests WHERE updated_us < $1 AND ends_us < $1 AND approval NOT IN "
       "(SELECT id FROM approvals WHERE state = 'pending')",
       now_us - remember_logins_us},
      // Used ones stay as long as their login lives: they are what shows that a token was stolen.
      {"DELETE FROM refresh_tokens WHERE login IN (SELECT id FROM logins WHERE ended_us > 0 AND ended_us < $1)",
       now_us - remember_ended_us},
  };
  std::int64_t swept = 0;
  for (const Old& old : olds) {
    DBGATE_CHECK(database_->write([&](SqlTransaction& transaction) -> Result<> {
      DBGATE_TRY(const SqlResult removed, transaction.run(old.sql, {old.before_us}));
      swept += removed.changed;
      return done;
    }));
  }
  DBGATE_TRY(const std::int64_t forgotten, approvals_.forget_approvals(now_us - remember_logins_us));
  return swept + forgotten;
}

}  // namespace

Result<std::unique_ptr<Store>> make_sql_store(std::unique_ptr<SqlDatabase> database, identity::Sealing sealing) {
  DBGATE_CHECK(migrate(*database, known_migrations()));
  DBGATE_TRY(SqlResult result, database->query(asked_generation));
  if (result.rows() == 0) return Error(sqlstate::data_corrupted, "the identity store has no generation");
  const std::int64_t generation = result.row(0).number();
  return std::unique_ptr<Store>(std::make_unique<SqlStore>(std::move(database), std::move(sealing), generation));
}

}  // namespace dbgate::adapters::store
