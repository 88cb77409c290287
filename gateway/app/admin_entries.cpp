#include "gateway/app/admin_entries.h"

#include "gateway/identity/key_text.h"
#include "gateway/identity/password_rules.h"

namespace dbgate::app {
namespace {

namespace store = ports::store;

constexpr std::int64_t second_us = 1'000'000;
constexpr std::size_t secret_characters = 30;  // 178 bits
constexpr std::size_t most_waiting = 1000;     // for approval

Error no_invitation(const std::string& id) {
  return {sqlstate::no_data, "there is no invitation \"" + id + "\" that is open"};
}

Error not_good() {
  return {sqlstate::invalid_authorization_specification, "the invitation is used, revoked, expired, or none at all"};
}

}  // namespace

Result<std::vector<store::Invitation>> AdminEntries::list_invitations() {
  return whole_list<store::Invitation>(
      [&](const store::Page& page) { return core_.store().work().list_invitations(page); });
}

Result<ports::CreatedInvitation> AdminEntries::create_invitation(const ports::Actor& actor,
                                                                 const ports::InvitationWish& wish) {
  for (const std::string& role : wish.roles)
    if (!is_role(role)) return Error(sqlstate::invalid_parameter_value, "there is no role \"" + role + "\"");
  DBGATE_CHECK(AdminCore::may_give(actor, {wish.roles.begin(), wish.roles.end()}));
  DBGATE_CHECK(users_.may_join(actor, wish.groups));
  DBGATE_CHECK(core_.record(actor, "invitation.create", wish.email));
  ports::CreatedInvitation made;
  made.text = "dbg_inv_" + identity::random_base62(secret_characters);
  made.invitation.hash = identity::key_hash(made.text);
  made.invitation.email = wish.email;
  made.invitation.groups = wish.groups;
  made.invitation.roles = wish.roles;
  made.invitation.created_by = actor.user;
  made.invitation.expires_us = wall_us() + wish.lasts_s * second_us;
  DBGATE_TRY(made.invitation, core_.store().work().create_invitation(made.invitation, wall_us()));
  return made;
}

Result<> AdminEntries::revoke_invitation(const ports::Actor& actor, const std::string& id) {
  DBGATE_CHECK(core_.record(actor, "invitation.revoke", id));
  DBGATE_TRY(const bool was, core_.store().work().revoke_invitation(id, wall_us()));
  if (!was) return no_invitation(id);
  return boost::system::in_place_value;
}

Result<store::User> AdminEntries::enroll(const ports::Registration& wish, const std::string& address) {
  // Counted by address alone: nobody keeps others from coming in, and what is guessed at has 178 bits.
  const std::string key = "registration " + identity::counted_address(address);
  DBGATE_TRY(const std::int64_t wait_s, attempts_.wait_s(key, address, wall_us()));
  if (wait_s != 0) return Error(sqlstate::configuration_limit_exceeded, "too many attempts");
  return wish.invitation.empty() ? apply(wish, address, key) : come_in(wish, address, key);
}

// Names that are taken are answered as others are, after the same work. Whoever wants to know who is here learns as
// much as from signing in.
Result<store::User> AdminEntries::apply(const ports::Registration& wish, const std::string& address,
                                        const std::string& key) {
  if (core_.file()->registration != config::Registration::approval) {
    return Error(sqlstate::invalid_authorization_specification, "an invitation is needed here");
  }
  const std::string& name = wish.user.name;
  if (!store::valid_name(name)) return Error(sqlstate::invalid_parameter_value, "that is no name for a user");
  DBGATE_CHECK(identity::check_new_password(name, wish.password));
  DBGATE_CHECK(attempts_.failed(key, address, wall_us()));
  store::UserFilter pending;
  pending.state = store::UserState::pending;
  store::Page page;
  page.limit = most_waiting;
  DBGATE_TRY(const auto waiting, core_.store().users().list_users(pending, page));
  if (waiting.items.size() >= most_waiting) {
    return Error(sqlstate::configuration_limit_exceeded, "too many people wait for approval");
  }
  store::NewUser user;
  user.user = wish.user;
  user.user.state = store::UserState::pending;
  DBGATE_TRY(user.password_hash, core_.hasher().hash(wish.password));
  DBGATE_CHECK(core_.record({name, {}, address}, "user.apply", name));
  DBGATE_TRY(const bool exists, users_.user_exists(name));
  DBGATE_TRY(const auto roles, core_.roles_of_user(name));
  if (exists || !roles.empty()) {
    // As many writes as for a name that is free.
    DBGATE_CHECK(core_.store().sign_ins().put_pending_login(
        {identity::key_hash(identity::random_base62(secret_characters)), "none", user.password_hash, wall_us()}));
    return user.user;
  }
  const auto made = core_.store().users().create_user(user, wall_us());
  if (!made && made.error().code() != sqlstate::unique_violation) return made.error();
  return user.user;
}

// Whatever is wrong with the invitation is said before anything about names: only who is invited learns those.
Result<store::User> AdminEntries::come_in(const ports::Registration& wish, const std::string& address,
                                          const std::string& key) {
  const std::string hash = identity::key_hash(wish.invitation);
  DBGATE_TRY(const auto invitation, core_.store().work().find_invitation_by_hash(hash));
  const bool open = invitation && invitation->used_us == 0 && invitation->revoked_us == 0 &&
                    invitation->expires_us > wall_us() &&
                    (invitation->email.empty() || invitation->email == wish.user.email);
  if (!open) {
    DBGATE_CHECK(attempts_.failed(key, address, wall_us()));
    return not_good();
  }
  const std::string& name = wish.user.name;
  if (!store::valid_name(name)) return Error(sqlstate::invalid_parameter_value, "that is no name for a user");
  if (core_.file_has_user(name)) return Error(sqlstate::unique_violation, "there is a user of this name already");
  DBGATE_CHECK(identity::check_new_password(name, wish.password));
  // What waits in the store for a user of the name is nothing that an invitation gives.
  DBGATE_TRY(const auto waiting_roles, core_.roles_of_user(name));
  if (!waiting_roles.empty()) return Error(sqlstate::unique_violation, "there is a user of this name already");
  store::NewUser user;
  user.user = wish.user;
  DBGATE_TRY(user.password_hash, core_.hasher().hash(wish.password));
  DBGATE_CHECK(core_.record({name, {}, address}, "user.register", name, {{"invitation", invitation->id}}));
  DBGATE_TRY(auto used, core_.store().work().use_invitation(hash, user, wall_us()));
  if (used.outcome != store::InvitationUse::used) return not_good();
  return std::move(used.user);
}

Result<std::vector<ports::UserView>> AdminEntries::list_registrations() {
  ports::UserQuery query;
  query.state = store::UserState::pending;
  return users_.list_users(query);
}

Result<ports::UserView> AdminEntries::waiting(const std::string& name) {
  DBGATE_TRY(auto view, users_.find_user(name));
  if (view.user.state == store::UserState::pending) return view;
  return Error(sqlstate::no_data, "\"" + name + "\" does not wait for approval");
}

// Rights first, entry last: whoever is let in has all that was decided.
Result<ports::UserView> AdminEntries::approve(const ports::Actor& actor, const std::string& name,
                                              const std::vector<std::string>& groups,
                                              const std::vector<std::string>& roles) {
  DBGATE_TRY(const auto view, waiting(name));
  DBGATE_CHECK(AdminCore::may_give(actor, {roles.begin(), roles.end()}));
  DBGATE_CHECK(users_.may_join(actor, groups));
  for (const std::string& group : groups)
    DBGATE_CHECK(users_.set_member(actor, group, name, true));
  for (const std::string& role : roles)
    DBGATE_CHECK(users_.set_role(actor, {store::SubjectKind::user, name, role}, true));
  ports::UserPatch patch;
  patch.state = store::UserState::active;
  return users_.change_user(actor, name, view.user.revision, patch);
}

Result<> AdminEntries::deny(const ports::Actor& actor, const std::string& name) {
  DBGATE_TRY(const auto view, waiting(name));
  return users_.remove_user(actor, name, view.user.revision);
}

Result<store::Listed<store::Login>> AdminEntries::list_logins(const store::LoginFilter& filter,
                                                              const store::Page& page) {
  return core_.store().logins().list_logins(filter, page, wall_us());
}

Result<> AdminEntries::end_login(const ports::Actor& actor, const std::string& id) {
  const Error none(sqlstate::no_data, "there is no live login \"" + id + "\"");
  DBGATE_TRY(const auto login, core_.store().logins().find_login(id));
  if (!login) return none;
  DBGATE_CHECK(core_.may_touch(actor, login->user));
  DBGATE_CHECK(core_.record(actor, "login.end", id, {{"object.user", login->user}}));
  DBGATE_TRY(const bool was, core_.store().logins().end_login(id, {"revoked", actor.user}, wall_us()));
  if (!was) return none;
  return boost::system::in_place_value;
}

Result<std::vector<store::SavedQuery>> AdminWork::list_saved(const std::string& user) {
  return whole_list<store::SavedQuery>(
      [&](const store::Page& page) { return core_.store().work().list_saved_queries(user, page); });
}

Result<store::SavedQuery> AdminWork::find_saved(const std::string& user, const std::string& id) {
  DBGATE_TRY(auto found, core_.store().work().find_saved_query(id));
  if (found && (found->owner == user || found->shared)) return std::move(*found);
  return Error(sqlstate::no_data, "there is no saved query \"" + id + "\"");
}

Result<store::SavedQuery> AdminWork::own(const std::string& user, const std::string& id) {
  DBGATE_TRY(auto found, find_saved(user, id));
  if (found.owner == user) return found;
  return Error(sqlstate::insufficient_privilege, "only its owner may change a saved query");
}

Result<store::SavedQuery> AdminWork::create_saved(const store::SavedQuery& wish) {
  return core_.store().work().create_saved_query(wish, wall_us());
}

Result<store::SavedQuery> AdminWork::change_saved(const store::SavedQuery& wish) {
  DBGATE_CHECK(own(wish.owner, wish.id));
  return core_.store().work().update_saved_query(wish, wall_us());
}

Result<> AdminWork::remove_saved(const std::string& user, const std::string& id, std::int64_t revision) {
  DBGATE_CHECK(own(user, id));
  return core_.store().work().remove_saved_query(id, revision);
}

}  // namespace dbgate::app
