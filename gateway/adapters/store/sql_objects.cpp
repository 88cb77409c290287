#include "gateway/adapters/store/sql_parts.h"
#include "gateway/base/ids.h"
#include "gateway/base/log.h"

// Targets and policies.
namespace dbgate::adapters::store {
namespace {

std::string password_place(std::string_view id) {
  return place("targets.sealed_password", id);
}

// Without what opens the password: a list must not cost a decryption for each row.
Target read_closed(SqlRow& row, std::string& sealed) {
  Target target;
  target.id = row.text();
  target.name = row.text();
  target.settings = row.text();
  sealed = row.text();
  target.created_us = row.number();
  target.updated_us = row.number();
  target.revision = row.number();
  return target;
}

std::string sealed_password(const SqlCore& core, const Target& target) {
  return target.password ? core.sealing.seal(*target.password, password_place(target.id)) : std::string();
}

Result<std::optional<Target>> find(SqlTransaction& transaction, const SqlCore& core, std::string_view name) {
  const std::string sql = "SELECT " + target_columns + " FROM targets WHERE name = $1";
  DBGATE_TRY(SqlResult result, transaction.run(sql.c_str(), {name}));
  return read_one<Target>(std::move(result), [&](SqlRow& row) { return read_target(row, core.sealing); });
}

}  // namespace

const std::string target_columns = "id, name, settings, sealed_password, created_us, updated_us, revision";

Target read_target(SqlRow& row, const identity::Sealing& sealing) {
  std::string sealed;
  Target target = read_closed(row, sealed);
  if (sealed.empty()) return target;
  auto opened = sealing.open(sealed, password_place(target.id));
  if (opened) {
    target.password = std::move(*opened);
    return target;
  }
  const Error why = opened.error();
  log::error("store", "the password of a target cannot be opened", {{"target", target.name}, {"err", why.message()}});
  target.password_unreadable = true;
  return target;
}

const std::string policy_columns = "number, text, comment, author, created_us, active";

PolicyVersion read_policy(SqlRow& row) {
  PolicyVersion version;
  version.number = row.number();
  version.text = row.text();
  version.comment = row.text();
  version.author = row.text();
  version.created_us = row.number();
  version.active = row.flag();
  return version;
}

Result<std::optional<Target>> SqlObjects::find_target(std::string_view name) {
  const std::string sql = "SELECT " + target_columns + " FROM targets WHERE name = $1";
  DBGATE_TRY(SqlResult result, core_.database.query(sql.c_str(), {name}));
  return read_one<Target>(std::move(result), [&](SqlRow& row) { return read_target(row, core_.sealing); });
}

Result<Listed<Target>> SqlObjects::list_targets(const Page& page) {
  ListQuery list("SELECT " + target_columns + " FROM targets");
  DBGATE_CHECK(list.page("name", "id", page, false));
  const auto read = [](SqlRow& row) {
    std::string sealed;
    Target target = read_closed(row, sealed);
    if (!sealed.empty()) target.password.emplace();
    return target;
  };
  return list_page<Target>(core_.database, list, page, read, &Target::name, &Target::id);
}

Result<Target> SqlObjects::create_target(const Target& target, Micros now_us) {
  DBGATE_CHECK(require_name(target.name));
  Target made = target;
  made.id = make_id("tgt_");
  made.created_us = made.updated_us = now_us;
  made.revision = 1;
  DBGATE_CHECK(core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    DBGATE_CHECK(raise_generation(transaction));
    const auto inserted = transaction.run(
        "INSERT INTO targets (id, name, settings, sealed_password, created_us, updated_us, revision) "
        "VALUES ($1, $2, $3, $4, $5, $5, 1)",
        {made.id, made.name, made.settings, sealed_password(core_, made), now_us});
    if (!inserted) return taken(inserted.error(), "target");
    return done;
  }));
  return made;
}

Result<Target> SqlObjects::update_target(const Target& target, PasswordUpdate password, Micros now_us) {
  return core_.write<Target>([&](SqlTransaction& transaction) -> Result<Target> {
    DBGATE_CHECK(raise_generation(transaction));
    DBGATE_TRY(const auto there, find(transaction, core_, target.name));
    if (!there) return missing("target");
    Target sealing = target;
    sealing.id = there->id;  // what the password is bound to
    if (password == PasswordUpdate::remove) sealing.password.reset();
    const bool keep = password == PasswordUpdate::keep;
    DBGATE_TRY(const SqlResult updated,
               transaction.run("UPDATE targets SET settings = $3, updated_us = $4, revision = revision + 1, "
                               "sealed_password = CASE WHEN $5 = 1 THEN sealed_password ELSE $6 END "
                               "WHERE name = $1 AND revision = $2",
                               {target.name, target.revision, target.settings, now_us, keep,
                                keep ? std::string() : sealed_password(core_, sealing)}));
    if (updated.changed == 0) return conflict();
    DBGATE_TRY(auto written, find(transaction, core_, target.name));
    if (!written) return missing("target");
    return std::move(*written);
  });
}

Result<> SqlObjects::remove_target(std::string_view name, std::int64_t revision, Micros) {
  return core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    DBGATE_CHECK(raise_generation(transaction));
    DBGATE_TRY(const SqlResult removed,
               transaction.run("DELETE FROM targets WHERE name = $1 AND ($2 = 0 OR revision = $2)", {name, revision}));
    return require_changed(transaction, removed, "SELECT 1 FROM targets WHERE name = $1", name, "target");
  });
}

Result<std::optional<PolicyVersion>> SqlObjects::active_policy() {
  const std::string sql = "SELECT " + policy_columns + " FROM policy_versions WHERE active = 1";
  DBGATE_TRY(SqlResult result, core_.database.query(sql.c_str()));
  return read_one<PolicyVersion>(std::move(result), read_policy);
}

Result<std::optional<PolicyVersion>> SqlObjects::find_policy_version(std::int64_t number) {
  const std::string sql = "SELECT " + policy_columns + " FROM policy_versions WHERE number = $1";
  DBGATE_TRY(SqlResult result, core_.database.query(sql.c_str(), {number}));
  return read_one<PolicyVersion>(std::move(result), read_policy);
}

Result<Listed<PolicyVersion>> SqlObjects::list_policy_versions(const Page& page) {
  // Numbers are unique: the number is the whole key.
  ListQuery list("SELECT number, '' AS text, comment, author, created_us, active FROM policy_versions");
  std::int64_t after = 0;
  if (page.after) {
    const std::string& key = page.after->key;
    if (std::from_chars(key.data(), key.data() + key.size(), after).ptr != key.data() + key.size() || key.empty())
      return Error(sqlstate::invalid_parameter_value, "the cursor is not one of this list");
    list.where(page.descending ? "number < ?" : "number > ?", after);
  }
  DBGATE_CHECK(list.page("number", "author", Page{page.limit, page.descending, std::nullopt}, true));
  return list_page<PolicyVersion>(core_.database, list, page, read_policy, &PolicyVersion::number,
                                  &PolicyVersion::author);
}

Result<PolicyVersion> SqlObjects::add_policy_version(const PolicyVersion& version, Micros now_us) {
  return core_.write<PolicyVersion>([&](SqlTransaction& transaction) -> Result<PolicyVersion> {
    DBGATE_CHECK(take_turn(transaction));
    DBGATE_TRY(SqlResult last, transaction.run("SELECT COALESCE(MAX(number), 0) FROM policy_versions"));
    PolicyVersion made = version;
    made.number = last.row(0).number() + 1;
    made.created_us = now_us;
    made.active = false;
    DBGATE_CHECK(
        transaction.run("INSERT INTO policy_versions (number, text, comment, author, created_us, active) "
                        "VALUES ($1, $2, $3, $4, $5, 0)",
                        {made.number, made.text, made.comment, made.author, now_us}));
    return made;
  });
}

Result<> SqlObjects::activate_policy(std::int64_t number, std::int64_t seen, Micros) {
  return core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    DBGATE_CHECK(raise_generation(transaction));
    DBGATE_TRY(SqlResult now, transaction.run("SELECT COALESCE(MAX(number), 0) FROM policy_versions WHERE active = 1"));
    if (now.row(0).number() != seen) return conflict();
    DBGATE_CHECK(transaction.run("UPDATE policy_versions SET active = 0 WHERE active = 1"));
    if (number == 0) return done;
    DBGATE_TRY(const SqlResult activated,
               transaction.run("UPDATE policy_versions SET active = 1 WHERE number = $1", {number}));
    if (activated.changed == 0) return missing("version of the policies");
    return done;
  });
}

}  // namespace dbgate::adapters::store
