#include "gateway/app/admin_users.h"

#include <algorithm>

#include "config/certificate_names.h"

namespace dbgate::app {
namespace {

namespace store = ports::store;

bool has(const std::vector<std::string>& list, const std::string& wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

Error no_user(const std::string& name) {
  return {sqlstate::no_data, "there is no user \"" + name + "\""};
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names)
    text += (text.empty() ? "" : ",") + name;
  return text;
}

bool wanted_by(const ports::UserQuery& query, const ports::UserView& view) {
  if (query.kind && view.user.kind != *query.kind) return false;
  if (query.state && view.user.state != *query.state) return false;
  if (query.services_and_agents && view.user.kind == store::UserKind::person) return false;
  return query.group.empty() || has(view.groups, query.group);
}

}  // namespace

bool is_role(std::string_view name) {
  return name == "admin" || name == "user_admin" || name == "target_admin" || name == "policy_admin" ||
         name == "auditor";
}

Result<> AdminUsers::complete(ports::UserView& view, const std::vector<store::RoleGrant>& grants) {
  const auto file = core_.file();
  std::set<std::string> groups;
  std::set<std::string> roles;
  DBGATE_TRY(const auto memberships, core_.store().users().memberships_of_user(view.user.name));
  for (const store::Membership& membership : memberships)
    groups.insert(membership.group);
  for (const auto& [group, members] : file->groups)
    if (has(members, view.user.name)) groups.insert(group);
  for (const store::RoleGrant& grant : grants)
    if (grant.kind == store::SubjectKind::user && grant.subject == view.user.name) roles.insert(grant.role);
  for (const auto& [role, holders] : file->roles)
    if (has(holders.users, view.user.name)) roles.insert(role);
  view.groups.assign(groups.begin(), groups.end());
  view.roles.assign(roles.begin(), roles.end());
  return boost::system::in_place_value;
}

ports::UserView AdminUsers::view_of_file(const config::User& user) {
  ports::UserView view;
  view.user.name = user.name;
  view.user.attributes = user.attributes;
  view.user.wire_login = user.wire == config::WireSignIn::token ? store::WireLogin::token : store::WireLogin::password;
  view.certificates = user.certificates;
  view.of_file = true;
  return view;
}

Result<ports::UserView> AdminUsers::view_of(store::User user) {
  ports::UserView view;
  view.user = std::move(user);
  DBGATE_TRY(const auto grants, core_.store().users().list_roles());
  DBGATE_CHECK(complete(view, grants));
  DBGATE_TRY(const auto names, core_.store().users().certificate_names_of(view.user.name));
  for (const store::CertificateName& name : names)
    view.certificates.push_back(name.value);
  return view;
}

Result<std::vector<ports::UserView>> AdminUsers::list_users(const ports::UserQuery& query) {
  std::vector<ports::UserView> views;
  const auto file = core_.file();
  for (const config::User& user : file->users)
    views.push_back(view_of_file(user));
  store::UserFilter filter;
  filter.kind = query.kind;
  filter.state = query.state;
  filter.services_and_agents = query.services_and_agents;
  DBGATE_TRY(auto users, whole_list<store::User>(
                             [&](const store::Page& page) { return core_.store().users().list_users(filter, page); }));
  for (store::User& user : users) {
    if (core_.file_has_user(user.name)) continue;
    ports::UserView view;
    view.user = std::move(user);
    views.push_back(std::move(view));
  }
  DBGATE_TRY(const auto grants, core_.store().users().list_roles());
  std::vector<ports::UserView> wanted;
  for (ports::UserView& view : views) {
    DBGATE_CHECK(complete(view, grants));
    if (wanted_by(query, view)) wanted.push_back(std::move(view));
  }
  return wanted;
}

Result<ports::UserView> AdminUsers::find_user(const std::string& name) {
  const auto file = core_.file();
  for (const config::User& user : file->users) {
    if (user.name != name) continue;
    ports::UserView view = view_of_file(user);
    DBGATE_TRY(const auto grants, core_.store().users().list_roles());
    DBGATE_CHECK(complete(view, grants));
    return view;
  }
  DBGATE_TRY(auto found, core_.store().users().find_user(name));
  if (!found) return no_user(name);
  return view_of(std::move(*found));
}

Result<store::User> AdminUsers::stored_user(const std::string& name) {
  if (core_.file_has_user(name)) return managed_by_configuration("the user \"" + name + "\"");
  DBGATE_TRY(auto found, core_.store().users().find_user(name));
  if (!found) return no_user(name);
  return std::move(*found);
}

Result<bool> AdminUsers::user_exists(const std::string& name) {
  if (core_.file_has_user(name)) return true;
  DBGATE_TRY(const auto found, core_.store().users().find_user(name));
  return found.has_value();
}

Result<> AdminUsers::may_join(const ports::Actor& actor, const std::vector<std::string>& groups) {
  for (const std::string& group : groups) {
    DBGATE_TRY(const bool exists, group_exists(group));
    if (!exists) return Error(sqlstate::invalid_parameter_value, "there is no group \"" + group + "\"");
    DBGATE_TRY(const auto roles, core_.roles_of_group(group));
    DBGATE_CHECK(AdminCore::may_give(actor, roles));
  }
  return boost::system::in_place_value;
}

Result<ports::CreatedUser> AdminUsers::create_user(const ports::Actor& actor, const store::NewUser& wish) {
  const std::string& name = wish.user.name;
  if (!store::valid_name(name)) return Error(sqlstate::invalid_parameter_value, "that is no name for a user");
  if (core_.file_has_user(name)) return managed_by_configuration("the user \"" + name + "\"");
  DBGATE_CHECK(AdminCore::may_give(actor, {wish.roles.begin(), wish.roles.end()}));
  DBGATE_CHECK(may_join(actor, wish.groups));
  // Roles and memberships that wait in the store for a user of the name would be given with it.
  DBGATE_CHECK(core_.may_touch(actor, name));
  DBGATE_TRY(const bool exists, user_exists(name));
  if (exists) return Error(sqlstate::unique_violation, "there is a user \"" + name + "\" already");
  DBGATE_CHECK(
      core_.record(actor, "user.create", name, {{"groups", joined(wish.groups)}, {"roles", joined(wish.roles)}}));
  DBGATE_TRY(store::User user, core_.store().users().create_user(wish, wall_us()));
  ports::CreatedUser created;
  if (user.kind == store::UserKind::person && user.state == store::UserState::active) {
    DBGATE_TRY(created.one_time_password, core_.passwords().reset(name, actor.user, wall_us()));
  }
  DBGATE_TRY(created.view, find_user(name));
  return created;
}

Result<> AdminUsers::set_certificates(const std::string& user, const std::vector<std::string>& wanted) {
  DBGATE_TRY(const auto stored, core_.store().users().certificate_names_of(user));
  std::vector<std::string> there;
  for (const store::CertificateName& name : stored) {
    there.push_back(name.value);
    if (!has(wanted, name.value))
      DBGATE_CHECK(core_.store().users().remove_certificate_name(user, name.value, wall_us()));
  }
  for (const std::string& value : wanted) {
    if (!has(there, value)) DBGATE_CHECK(core_.store().users().add_certificate_name({value, user, 0}, wall_us()));
  }
  return boost::system::in_place_value;
}

Result<ports::UserView> AdminUsers::change_user(const ports::Actor& actor, const std::string& name,
                                                std::int64_t revision, const ports::UserPatch& patch) {
  DBGATE_TRY(store::User user, stored_user(name));
  DBGATE_CHECK(core_.may_touch(actor, name));
  std::vector<std::pair<std::string, std::string>> what;
  std::vector<std::string> certificates;
  for (const std::string& certificate : patch.certificates.value_or(std::vector<std::string>())) {
    certificates.push_back(config::normal_certificate_name(certificate));
    if (certificates.back().empty()) {
      return Error(sqlstate::invalid_parameter_value, "a name of a certificate is email:…, uri:… or dns:…");
    }
  }
  user.revision = revision;
  if (patch.state) what.emplace_back("state", *patch.state == store::UserState::active ? "active" : "disabled");
  if (patch.attributes) what.emplace_back("attributes", "changed");
  if (patch.certificates) what.emplace_back("certificates", joined(certificates));
  user.state = patch.state.value_or(user.state);
  user.display_name = patch.display_name.value_or(user.display_name);
  user.email = patch.email.value_or(user.email);
  user.wire_login = patch.wire.value_or(user.wire_login);
  user.attributes = patch.attributes.value_or(user.attributes);
  DBGATE_CHECK(core_.record(actor, "user.change", name, what));
  DBGATE_TRY(user, core_.store().users().update_user(user, {"user_disabled", actor.user}, wall_us()));
  if (patch.certificates) DBGATE_CHECK(set_certificates(name, certificates));
  return view_of(std::move(user));
}

Result<> AdminUsers::remove_user(const ports::Actor& actor, const std::string& name, std::int64_t revision) {
  DBGATE_TRY(const store::User user, stored_user(name));
  DBGATE_CHECK(core_.may_touch(actor, name));
  DBGATE_CHECK(core_.record(actor, "user.remove", name));
  return core_.store().users().remove_user(name, revision, {"user_removed", actor.user}, wall_us());
}

Result<std::string> AdminUsers::reset_user(const ports::Actor& actor, const std::string& name) {
  DBGATE_TRY(const store::User user, stored_user(name));
  if (user.kind != store::UserKind::person || user.source != store::Source::local) {
    return Error(sqlstate::invalid_parameter_value, "only people whose password dbgate keeps can be reset");
  }
  DBGATE_CHECK(core_.may_touch(actor, name));
  DBGATE_CHECK(core_.record(actor, "user.reset", name));
  DBGATE_TRY(std::string text, core_.passwords().reset(name, actor.user, wall_us()));
  DBGATE_CHECK(core_.store().sign_ins().remove_totp(name, wall_us()));
  return text;
}

}  // namespace dbgate::app
