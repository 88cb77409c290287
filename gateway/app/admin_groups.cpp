#include <algorithm>

#include "gateway/app/admin_users.h"
#include "gateway/identity/key_service.h"

// Groups, roles, and the keys of service accounts.
namespace dbgate::app {
namespace {

namespace store = ports::store;

Error no_group(const std::string& name) {
  return {sqlstate::no_data, "there is no group \"" + name + "\""};
}

bool has(const std::vector<std::string>& list, const std::string& wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

}  // namespace

Result<bool> AdminUsers::group_exists(const std::string& name) {
  if (core_.file_has_group(name)) return true;
  DBGATE_TRY(const auto found, core_.store().users().find_group(name));
  return found.has_value();
}

// A group of the file may have further members, and roles, in the store.
Result<ports::GroupView> AdminUsers::view_of(store::Group group, const std::vector<store::RoleGrant>& grants) {
  ports::GroupView view;
  const auto file = core_.file();
  std::set<std::string> members;
  std::set<std::string> roles;
  if (const auto found = file->groups.find(group.name); found != file->groups.end()) {
    view.of_file = true;
    members.insert(found->second.begin(), found->second.end());
  }
  DBGATE_TRY(const auto memberships, whole_list<store::Membership>([&](const store::Page& page) {
               return core_.store().users().list_members(group.name, page);
             }));
  for (const store::Membership& membership : memberships)
    members.insert(membership.user);
  for (const store::RoleGrant& grant : grants)
    if (grant.kind == store::SubjectKind::group && grant.subject == group.name) roles.insert(grant.role);
  for (const auto& [role, holders] : file->roles)
    if (has(holders.groups, group.name)) roles.insert(role);
  view.members.assign(members.begin(), members.end());
  view.roles.assign(roles.begin(), roles.end());
  view.group = std::move(group);
  return view;
}

Result<std::vector<ports::GroupView>> AdminUsers::list_groups() {
  std::vector<ports::GroupView> views;
  DBGATE_TRY(const auto grants, core_.store().users().list_roles());
  const auto file = core_.file();
  for (const auto& [name, members] : file->groups) {
    store::Group group;
    group.name = name;
    DBGATE_TRY(auto view, view_of(std::move(group), grants));
    views.push_back(std::move(view));
  }
  DBGATE_TRY(auto groups, whole_list<store::Group>(
                              [&](const store::Page& page) { return core_.store().users().list_groups(page); }));
  for (store::Group& group : groups) {
    if (core_.file_has_group(group.name)) continue;
    DBGATE_TRY(auto view, view_of(std::move(group), grants));
    views.push_back(std::move(view));
  }
  return views;
}

Result<ports::GroupView> AdminUsers::find_group(const std::string& name) {
  DBGATE_TRY(const auto grants, core_.store().users().list_roles());
  if (core_.file_has_group(name)) {
    store::Group group;
    group.name = name;
    return view_of(std::move(group), grants);
  }
  DBGATE_TRY(auto found, core_.store().users().find_group(name));
  if (!found) return no_group(name);
  return view_of(std::move(*found), grants);
}

Result<ports::GroupView> AdminUsers::create_group(const ports::Actor& actor, const store::Group& wish) {
  if (!store::valid_name(wish.name)) return Error(sqlstate::invalid_parameter_value, "that is no name for a group");
  DBGATE_TRY(const bool exists, group_exists(wish.name));
  if (exists) return Error(sqlstate::unique_violation, "there is a group \"" + wish.name + "\" already");
  // Roles that wait in the store for a group of the name come with it.
  DBGATE_TRY(const auto roles, core_.roles_of_group(wish.name));
  DBGATE_CHECK(AdminCore::may_give(actor, roles));
  DBGATE_CHECK(core_.record(actor, "group.create", wish.name));
  DBGATE_CHECK(core_.store().users().create_group(wish, wall_us()));
  return find_group(wish.name);
}

Result<ports::GroupView> AdminUsers::change_group(const ports::Actor& actor, const store::Group& wish) {
  if (core_.file_has_group(wish.name)) return managed_by_configuration("the group \"" + wish.name + "\"");
  DBGATE_TRY(auto found, core_.store().users().find_group(wish.name));
  if (!found) return no_group(wish.name);
  found->description = wish.description;
  found->revision = wish.revision;
  DBGATE_CHECK(core_.record(actor, "group.change", wish.name));
  DBGATE_CHECK(core_.store().users().update_group(*found, wall_us()));
  return find_group(wish.name);
}

Result<> AdminUsers::remove_group(const ports::Actor& actor, const std::string& name, std::int64_t revision) {
  if (core_.file_has_group(name)) return managed_by_configuration("the group \"" + name + "\"");
  DBGATE_TRY(const bool exists, group_exists(name));
  if (!exists) return no_group(name);
  DBGATE_TRY(const auto roles, core_.roles_of_group(name));
  DBGATE_CHECK(AdminCore::may_give(actor, roles));
  DBGATE_CHECK(core_.record(actor, "group.remove", name));
  return core_.store().users().remove_group(name, revision, wall_us());
}

Result<> AdminUsers::set_member(const ports::Actor& actor, const std::string& group, const std::string& user, bool in) {
  DBGATE_TRY(const bool group_there, group_exists(group));
  if (!group_there) return no_group(group);
  DBGATE_TRY(const bool user_there, user_exists(user));
  if (!user_there) return Error(sqlstate::no_data, "there is no user \"" + user + "\"");
  const auto file = core_.file();
  if (const auto found = file->groups.find(group); found != file->groups.end() && has(found->second, user)) {
    return managed_by_configuration("\"" + user + "\" as a member of \"" + group + "\"");
  }
  DBGATE_TRY(const auto roles, core_.roles_of_group(group));
  DBGATE_CHECK(AdminCore::may_give(actor, roles));
  DBGATE_CHECK(core_.record(actor, in ? "group.add_member" : "group.remove_member", group, {{"object.user", user}}));
  const auto done = in ? core_.store().users().add_member(group, user, wall_us())
                       : core_.store().users().remove_member(group, user, wall_us());
  if (!done) return done.error();
  return boost::system::in_place_value;
}

Result<> AdminUsers::set_role(const ports::Actor& actor, const store::RoleGrant& role, bool granted) {
  if (!is_role(role.role)) return Error(sqlstate::no_data, "there is no role \"" + role.role + "\"");
  const bool to_group = role.kind == store::SubjectKind::group;
  DBGATE_TRY(const bool exists, to_group ? group_exists(role.subject) : user_exists(role.subject));
  if (!exists)
    return to_group ? no_group(role.subject) : Error(sqlstate::no_data, "there is no user \"" + role.subject + "\"");
  DBGATE_CHECK(AdminCore::may_give(actor, {role.role}));
  const auto file = core_.file();
  if (const auto found = file->roles.find(role.role); found != file->roles.end()) {
    if (has(to_group ? found->second.groups : found->second.users, role.subject))
      return managed_by_configuration("the role " + role.role + " of \"" + role.subject + "\"");
  }
  DBGATE_CHECK(core_.record(actor, granted ? "role.grant" : "role.revoke", role.role,
                            {{to_group ? "object.group" : "object.user", role.subject}}));
  const auto done =
      granted ? core_.store().users().grant_role(role, wall_us()) : core_.store().users().revoke_role(role, wall_us());
  if (!done) return done.error();
  return boost::system::in_place_value;
}

Result<store::User> AdminUsers::program(const std::string& name) {
  DBGATE_TRY(store::User user, stored_user(name));
  if (user.kind != store::UserKind::person) return user;
  return Error(sqlstate::no_data, "there is no service account \"" + name + "\"");
}

Result<std::vector<store::AccessKey>> AdminUsers::list_keys(const std::string& account) {
  DBGATE_CHECK(program(account));
  return whole_list<store::AccessKey>([&](const store::Page& page) {
    return core_.store().keys().list_access_keys(account, store::KeyKind::service, page);
  });
}

// A key acts as its account: who makes one must hold whatever the account does.
Result<ports::CreatedKey> AdminUsers::create_key(const ports::Actor& actor, const std::string& account,
                                                 const ports::KeyWish& wish) {
  DBGATE_CHECK(program(account));
  DBGATE_CHECK(core_.may_touch(actor, account));
  DBGATE_CHECK(core_.record(actor, "key.create", account,
                            {{"key.name", wish.name}, {"key.expires_in_s", std::to_string(wish.lasts_s)}}));
  identity::NewKey wanted{account, store::KeyKind::service, wish.name, wish.scopes, wish.lasts_s};
  DBGATE_TRY(auto issued, identity::issue_key(core_.store(), wanted, wall_us()));
  return ports::CreatedKey{std::move(issued.text), std::move(issued.record)};
}

Result<> AdminUsers::revoke_key(const ports::Actor& actor, const std::string& account, const std::string& id) {
  DBGATE_CHECK(program(account));
  DBGATE_CHECK(core_.may_touch(actor, account));
  DBGATE_CHECK(core_.record(actor, "key.revoke", account, {{"key.id", id}}));
  DBGATE_TRY(const bool was, core_.store().keys().revoke_access_key(account, id, {"revoked", actor.user}, wall_us()));
  if (!was) return Error(sqlstate::no_data, "there is no key \"" + id + "\" of \"" + account + "\"");
  return boost::system::in_place_value;
}

}  // namespace dbgate::app
