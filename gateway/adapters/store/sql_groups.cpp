#include <algorithm>

#include "gateway/adapters/store/sql_parts.h"
#include "gateway/base/ids.h"

// Groups, memberships, roles, and names in certificates.
namespace dbgate::adapters::store {
namespace {

constexpr const char* sources[] = {"local", "oidc"};
constexpr const char* subject_kinds[] = {"user", "group"};

// A change that is one statement and may find nothing to do: then nobody needs to hear of it.
Result<bool> change_in(SqlTransaction& transaction, const char* sql, std::initializer_list<SqlValue> values) {
  DBGATE_TRY(const SqlResult result, transaction.run(sql, values));
  if (result.changed > 0) DBGATE_CHECK(raise_generation(transaction));
  return result.changed > 0;
}

Result<bool> change(const SqlCore& core, const char* sql, std::initializer_list<SqlValue> values) {
  return core.write<bool>([&](SqlTransaction& transaction) -> Result<bool> {
    DBGATE_CHECK(take_turn(transaction));
    return change_in(transaction, sql, values);
  });
}

const char* word_of(SubjectKind kind) {
  return subject_kinds[static_cast<std::size_t>(kind)];
}

}  // namespace

const std::string group_columns = "id, name, description, created_us, updated_us, revision";

Group read_group(SqlRow& row) {
  Group group;
  group.id = row.text();
  group.name = row.text();
  group.description = row.text();
  group.created_us = row.number();
  group.updated_us = row.number();
  group.revision = row.number();
  return group;
}

Membership read_membership(SqlRow& row) {
  Membership membership;
  membership.group = row.text();
  membership.user = row.text();
  membership.source = from_word<Source>(sources, row.text());
  return membership;
}

RoleGrant read_role(SqlRow& row) {
  RoleGrant role;
  role.kind = from_word<SubjectKind>(subject_kinds, row.text());
  role.subject = row.text();
  role.role = row.text();
  return role;
}

CertificateName read_certificate_name(SqlRow& row) {
  CertificateName name;
  name.value = row.text();
  name.user = row.text();
  name.created_us = row.number();
  return name;
}

Result<std::optional<Group>> SqlUsers::find_group(std::string_view name) {
  const std::string sql = "SELECT " + group_columns + " FROM groups WHERE name = $1";
  DBGATE_TRY(SqlResult result, core_.database.query(sql.c_str(), {name}));
  return read_one<Group>(std::move(result), read_group);
}

Result<Listed<Group>> SqlUsers::list_groups(const Page& page) {
  ListQuery list("SELECT " + group_columns + " FROM groups");
  DBGATE_CHECK(list.page("name", "id", page, false));
  return list_page<Group>(core_.database, list, page, read_group, &Group::name, &Group::id);
}

Result<Group> SqlUsers::create_group(const Group& group, Micros now_us) {
  DBGATE_CHECK(require_name(group.name));
  return core_.write<Group>([&](SqlTransaction& transaction) -> Result<Group> {
    DBGATE_CHECK(raise_generation(transaction));
    Group made = group;
    made.id = make_id("grp_");
    made.created_us = made.updated_us = now_us;
    made.revision = 1;
    const auto inserted = transaction.run(
        "INSERT INTO groups (id, name, description, created_us, updated_us, revision) "
        "VALUES ($1, $2, $3, $4, $4, 1)",
        {made.id, made.name, made.description, now_us});
    if (!inserted) return taken(inserted.error(), "group");
    return made;
  });
}

Result<Group> SqlUsers::update_group(const Group& group, Micros now_us) {
  return core_.write<Group>([&](SqlTransaction& transaction) -> Result<Group> {
    DBGATE_CHECK(raise_generation(transaction));
    const std::string sql =
        "UPDATE groups SET description = $3, updated_us = $4, revision = revision + 1 "
        "WHERE name = $1 AND revision = $2 RETURNING " +
        group_columns;
    DBGATE_TRY(SqlResult updated,
               transaction.run(sql.c_str(), {group.name, group.revision, group.description, now_us}));
    DBGATE_CHECK(require_changed(transaction, updated, "SELECT 1 FROM groups WHERE name = $1", group.name, "group"));
    SqlRow row = updated.row(0);
    return read_group(row);
  });
}

Result<> SqlUsers::remove_group(std::string_view name, std::int64_t revision, Micros) {
  return core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    DBGATE_CHECK(raise_generation(transaction));
    return keeping_administrator(transaction, [&]() -> Result<> {
      DBGATE_TRY(const SqlResult removed,
                 transaction.run("DELETE FROM groups WHERE name = $1 AND ($2 = 0 OR revision = $2)", {name, revision}));
      DBGATE_CHECK(require_changed(transaction, removed, "SELECT 1 FROM groups WHERE name = $1", name, "group"));
      DBGATE_CHECK(transaction.run("DELETE FROM memberships WHERE group_name = $1", {name}));
      DBGATE_CHECK(transaction.run("DELETE FROM roles WHERE subject_kind = 'group' AND subject = $1", {name}));
      return done;
    });
  });
}

Result<std::vector<Membership>> SqlUsers::memberships_of_user(std::string_view user) {
  DBGATE_TRY(SqlResult result,
             core_.database.query("SELECT group_name, user_name, source FROM memberships WHERE user_name = $1 "
                                  "ORDER BY group_name, source",
                                  {user}));
  return read_all<Membership>(std::move(result), read_membership);
}

Result<Listed<Membership>> SqlUsers::list_members(std::string_view group, const Page& page) {
  ListQuery list("SELECT group_name, user_name, source FROM memberships");
  list.where("group_name = ?", group);
  DBGATE_CHECK(list.page("user_name", "source", page, false));
  auto listed =
      list_page<Membership>(core_.database, list, page, read_membership, &Membership::user, &Membership::group);
  if (listed && listed->next) listed->next->id = sources[static_cast<std::size_t>(listed->items.back().source)];
  return listed;
}

Result<bool> SqlUsers::withdraw(const char* sql, std::initializer_list<SqlValue> values) {
  return core_.write<bool>([&](SqlTransaction& transaction) -> Result<bool> {
    DBGATE_CHECK(take_turn(transaction));
    bool changed = false;
    DBGATE_CHECK(keeping_administrator(transaction, [&]() -> Result<> {
      DBGATE_TRY(changed, change_in(transaction, sql, values));
      return done;
    }));
    return changed;
  });
}

Result<bool> SqlUsers::add_member(std::string_view group, std::string_view user, Micros) {
  return change(core_,
                "INSERT INTO memberships (group_name, user_name, source) VALUES ($1, $2, 'local') "
                "ON CONFLICT (group_name, user_name, source) DO NOTHING",
                {group, user});
}

Result<bool> SqlUsers::remove_member(std::string_view group, std::string_view user, Micros) {
  return withdraw("DELETE FROM memberships WHERE group_name = $1 AND user_name = $2 AND source = 'local'",
                  {group, user});
}

Result<bool> SqlUsers::set_provider_groups(std::string_view user, std::span<const std::string> groups, Micros) {
  std::vector<std::string> wanted(groups.begin(), groups.end());
  std::sort(wanted.begin(), wanted.end());
  wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
  const char* const asked =
      "SELECT group_name FROM memberships WHERE user_name = $1 AND source = 'oidc' ORDER BY group_name";
  DBGATE_TRY(SqlResult result, core_.database.query(asked, {user}));
  // At nearly every sign-in: nothing has changed, and nothing is written.
  if (read_all<std::string>(std::move(result), [](SqlRow& row) { return row.text(); }) == wanted) return false;
  return core_.write<bool>([&](SqlTransaction& transaction) -> Result<bool> {
    DBGATE_CHECK(raise_generation(transaction));
    DBGATE_CHECK(transaction.run("DELETE FROM memberships WHERE user_name = $1 AND source = 'oidc'", {user}));
    for (const std::string& group : wanted) {
      DBGATE_CHECK(transaction.run("INSERT INTO memberships (group_name, user_name, source) VALUES ($1, $2, 'oidc')",
                                   {group, user}));
    }
    return true;
  });
}

Result<std::vector<RoleGrant>> SqlUsers::list_roles() {
  DBGATE_TRY(SqlResult result, core_.database.query("SELECT subject_kind, subject, role FROM roles "
                                                    "ORDER BY subject_kind, subject, role"));
  return read_all<RoleGrant>(std::move(result), read_role);
}

Result<bool> SqlUsers::grant_role(const RoleGrant& role, Micros) {
  return change(core_,
                "INSERT INTO roles (subject_kind, subject, role) VALUES ($1, $2, $3) "
                "ON CONFLICT (subject_kind, subject, role) DO NOTHING",
                {word_of(role.kind), role.subject, role.role});
}

Result<bool> SqlUsers::revoke_role(const RoleGrant& role, Micros) {
  return withdraw("DELETE FROM roles WHERE subject_kind = $1 AND subject = $2 AND role = $3",
                  {word_of(role.kind), role.subject, role.role});
}

Result<std::vector<CertificateName>> SqlUsers::certificate_names_of(std::string_view user) {
  DBGATE_TRY(SqlResult result,
             core_.database.query("SELECT value, user_name, created_us FROM certificate_names WHERE user_name = $1 "
                                  "ORDER BY value",
                                  {user}));
  return read_all<CertificateName>(std::move(result), read_certificate_name);
}

Result<> SqlUsers::add_certificate_name(const CertificateName& name, Micros now_us) {
  const auto added = change(core_, "INSERT INTO certificate_names (value, user_name, created_us) VALUES ($1, $2, $3)",
                            {name.value, name.user, now_us});
  if (!added) return taken(added.error(), "name of a certificate");
  return done;
}

Result<> SqlUsers::remove_certificate_name(std::string_view user, std::string_view value, Micros) {
  DBGATE_TRY(const bool removed,
             change(core_, "DELETE FROM certificate_names WHERE user_name = $1 AND value = $2", {user, value}));
  if (!removed) return missing("name of a certificate");
  return done;
}

}  // namespace dbgate::adapters::store
