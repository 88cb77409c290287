#include "gateway/app/admin_core.h"

#include <algorithm>
#include <chrono>

#include "gateway/audit/json.h"

namespace dbgate::app {
namespace {

namespace store = ports::store;

bool has(const std::vector<std::string>& list, const std::string& wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

}  // namespace

std::int64_t wall_us() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

Error managed_by_configuration(const std::string& what) {
  return {sqlstate::feature_not_supported, "the configuration file has " + what + ": change it there"};
}

Result<> append_change(ports::AuditChain& chain, const ports::Actor& actor, const std::string& change,
                       const std::string& object, const std::vector<std::pair<std::string, std::string>>& more) {
  std::string fields;
  audit::append_field(fields, "user.name", std::string_view(actor.user));
  if (!actor.address.empty()) audit::append_field(fields, "client.address", std::string_view(actor.address));
  audit::append_field(fields, "change", std::string_view(change));
  audit::append_field(fields, "object", std::string_view(object));
  for (const auto& [key, value] : more)
    audit::append_field(fields, key, std::string_view(value));
  DBGATE_CHECK(chain.append("admin.change", fields));
  const auto written = chain.commit();
  if (!written) return written.error();
  return boost::system::in_place_value;
}

Result<> AdminCore::record(const ports::Actor& actor, const std::string& change, const std::string& object,
                           const std::vector<std::pair<std::string, std::string>>& more) {
  const std::lock_guard lock(writing_);
  return append_change(*chain_, actor, change, object, more);
}

bool AdminCore::file_has_user(const std::string& name) const {
  const auto file = file_();
  return std::any_of(file->users.begin(), file->users.end(), [&](const auto& user) { return user.name == name; });
}

bool AdminCore::file_has_group(const std::string& name) const {
  return file_()->groups.contains(name);
}

bool AdminCore::file_has_target(const std::string& name) const {
  const auto file = file_();
  return std::any_of(file->targets.begin(), file->targets.end(),
                     [&](const auto& target) { return target.name == name; });
}

Result<std::set<std::string>> AdminCore::roles_of_group(const std::string& name) {
  std::set<std::string> roles;
  DBGATE_TRY(const auto grants, store_.users().list_roles());
  for (const store::RoleGrant& grant : grants)
    if (grant.kind == store::SubjectKind::group && grant.subject == name) roles.insert(grant.role);
  for (const auto& [role, holders] : file_()->roles)
    if (has(holders.groups, name)) roles.insert(role);
  return roles;
}

Result<std::set<std::string>> AdminCore::roles_of_user(const std::string& name) {
  std::set<std::string> groups;
  DBGATE_TRY(const auto memberships, store_.users().memberships_of_user(name));
  for (const store::Membership& membership : memberships)
    groups.insert(membership.group);
  const auto file = file_();
  for (const auto& [group, members] : file->groups)
    if (has(members, name)) groups.insert(group);
  std::set<std::string> roles;
  DBGATE_TRY(const auto grants, store_.users().list_roles());
  for (const store::RoleGrant& grant : grants) {
    const bool by_group = grant.kind == store::SubjectKind::group;
    if (by_group ? groups.contains(grant.subject) : grant.subject == name) roles.insert(grant.role);
  }
  for (const auto& [role, holders] : file->roles) {
    const bool by_group = std::any_of(holders.groups.begin(), holders.groups.end(),
                                      [&](const auto& one) { return groups.contains(one); });
    if (by_group || has(holders.users, name)) roles.insert(role);
  }
  return roles;
}

Result<> AdminCore::may_give(const ports::Actor& actor, const std::set<std::string>& roles) {
  for (const std::string& role : roles) {
    if (actor.holds(role)) continue;
    return Error(sqlstate::insufficient_privilege, "only who has the role " + role + " may give it or take it away");
  }
  return boost::system::in_place_value;
}

Result<> AdminCore::may_touch(const ports::Actor& actor, const std::string& user) {
  DBGATE_TRY(const auto roles, roles_of_user(user));
  if (may_give(actor, roles)) return boost::system::in_place_value;
  return Error(sqlstate::insufficient_privilege, "\"" + user + "\" has administrative roles that you do not have");
}

store::FileAdministrators administrators_of(const config::Config& file) {
  store::FileAdministrators made;
  if (const auto found = file.roles.find("admin"); found != file.roles.end()) {
    made.users.insert(found->second.users.begin(), found->second.users.end());
    made.groups.insert(found->second.groups.begin(), found->second.groups.end());
  }
  for (const auto& [group, members] : file.groups)
    made.members[group] = members;
  for (const config::User& user : file.users)
    made.active.insert(user.name);
  return made;
}

}  // namespace dbgate::app
