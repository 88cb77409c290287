#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/error.h"
#include "gateway/base/task.h"
#include "gateway/ports/store_records.h"

// What administrators, and people for themselves, change in the identity store. All of it blocks: it is called inside
// Administration::run() and nowhere else. What changes something is recorded in the audit log before it is done.
//
// Errors of all: 08006 the store cannot be reached, 58030 the audit log cannot take the record (nothing has changed),
// 02000 no such object, 23505 the name is taken, 22023 it cannot be so, 40001 somebody else has changed it, 42501 the
// actor's roles are not enough, 0A000 the configuration file has it and the API cannot change it, 55000 the state of
// things forbids it, such as the last administrator.
namespace dbgate::ports {

/// Who does something, with the roles that this request may use.
struct Actor {
  std::string user;
  std::set<std::string> roles;
  std::string address;

  bool holds(const std::string& role) const { return roles.contains("admin") || roles.contains(role); }
};

/// A user with what belongs to one. One of the configuration file has no id and no revision.
struct UserView {
  store::User user;
  std::vector<std::string> groups;
  std::vector<std::string> roles;  ///< granted to the user itself, not by groups
  std::vector<std::string> certificates;
  bool of_file = false;
};

struct UserQuery {
  std::optional<store::UserKind> kind;
  std::optional<store::UserState> state;
  bool services_and_agents = false;
  std::string group;  ///< empty: all
};

/// What becomes other; nothing: it stays.
struct UserPatch {
  std::optional<store::UserState> state;
  std::optional<std::string> display_name;
  std::optional<std::string> email;
  std::optional<store::WireLogin> wire;
  std::optional<std::map<std::string, std::string>> attributes;
  std::optional<std::vector<std::string>> certificates;
};

struct CreatedUser {
  UserView view;
  std::string one_time_password;  ///< of persons; must be changed at the first sign-in
};

struct GroupView {
  store::Group group;
  std::vector<std::string> members;
  std::vector<std::string> roles;
  bool of_file = false;
};

struct CreatedKey {
  std::string text;  ///< shown once
  store::AccessKey key;
};

struct KeyWish {
  std::string name;
  std::vector<std::string> scopes;
  std::int64_t lasts_s = 0;
};

/// People, programs, groups, roles. Nobody gives a right away that he does not hold, and nobody touches the account of
/// somebody who holds more; the last active administrator stays.
class UserAdministration {
 public:
  virtual ~UserAdministration() = default;
  virtual Result<std::vector<UserView>> list_users(const UserQuery& query) = 0;
  virtual Result<UserView> find_user(const std::string& name) = 0;
  virtual Result<CreatedUser> create_user(const Actor& actor, const store::NewUser& wish) = 0;
  virtual Result<UserView> change_user(const Actor& actor, const std::string& name, std::int64_t revision,
                                       const UserPatch& patch) = 0;
  virtual Result<> remove_user(const Actor& actor, const std::string& name, std::int64_t revision) = 0;
  /// A one-time password; the second factor goes. @return the password
  virtual Result<std::string> reset_user(const Actor& actor, const std::string& name) = 0;

  virtual Result<std::vector<GroupView>> list_groups() = 0;
  virtual Result<GroupView> find_group(const std::string& name) = 0;
  virtual Result<GroupView> create_group(const Actor& actor, const store::Group& wish) = 0;
  virtual Result<GroupView> change_group(const Actor& actor, const store::Group& wish) = 0;
  virtual Result<> remove_group(const Actor& actor, const std::string& name, std::int64_t revision) = 0;
  virtual Result<> set_member(const Actor& actor, const std::string& group, const std::string& user, bool in) = 0;
  virtual Result<> set_role(const Actor& actor, const store::RoleGrant& role, bool granted) = 0;

  virtual Result<std::vector<store::AccessKey>> list_keys(const std::string& account) = 0;
  virtual Result<CreatedKey> create_key(const Actor& actor, const std::string& account, const KeyWish& wish) = 0;
  virtual Result<> revoke_key(const Actor& actor, const std::string& account, const std::string& id) = 0;
};

/// A target. One of the configuration file has no id and no revision, and its settings are not shown.
struct TargetView {
  store::Target target;  ///< without its password
  bool has_password = false;
  bool of_file = false;
};

struct TargetWish {
  std::string name;
  std::string settings;       ///< a JSON object, as in the configuration file; upstream.password is taken out
  std::int64_t revision = 0;  ///< of a change: the one that was seen
};

struct TargetTest {
  bool ok = false;
  std::string server_version;
  bool tls = false;
  std::int64_t elapsed_ms = 0;
  std::string detail;  ///< what failed, in dbgate's words
};

/// What the commit gate needs in the database of a target (docs/commit-gate.md).
struct TargetPreparation {
  std::string sql;
  std::string undo_sql;
};

/// What is wrong with settings or policies.
struct TextProblem {
  int line = 0;  ///< from 1; 0: not known
  int column = 0;
  bool warning = false;
  std::string detail;
};

/// Changed, or refused because of errors in what was given.
template <class T>
struct Checked {
  T value;
  std::vector<TextProblem> problems;  ///< with an error among them nothing was changed

  bool refused() const {
    for (const TextProblem& problem : problems)
      if (!problem.warning) return true;
    return false;
  }
};

/// Targets of the store. Nobody reads a password back.
class TargetAdministration {
 public:
  virtual ~TargetAdministration() = default;
  virtual Result<TargetView> find_target(const std::string& name) = 0;
  virtual Result<Checked<TargetView>> create_target(const Actor& actor, const TargetWish& wish) = 0;
  /// A password that is not given stays, unless host, port or user of the server change; null takes it away.
  virtual Result<Checked<TargetView>> change_target(const Actor& actor, const TargetWish& wish) = 0;
  virtual Result<> remove_target(const Actor& actor, const std::string& name, std::int64_t revision) = 0;
  /// Connects as the gateway would, within ten seconds.
  virtual Result<TargetTest> test_target(const Actor& actor, const std::string& name) = 0;
  virtual Result<TargetPreparation> preparation(const std::string& name) = 0;
  /// Prepares a database of the target as the gateway's account, or takes that back; within a minute.
  /// @param database  empty: the target's own
  virtual Result<> prepare_target(const Actor& actor, const std::string& name, const std::string& database,
                                  bool undo) = 0;
};

/// The policies of the store: one text in all its versions.
class PolicyAdministration {
 public:
  virtual ~PolicyAdministration() = default;
  /// Number 0 without any.
  virtual Result<store::PolicyVersion> active_policy() = 0;
  virtual Result<std::vector<TextProblem>> check_policy(const std::string& text) = 0;
  virtual Result<std::vector<store::PolicyVersion>> list_versions() = 0;
  virtual Result<store::PolicyVersion> find_version(std::int64_t number) = 0;
  virtual Result<Checked<store::PolicyVersion>> add_version(const Actor& actor, const std::string& text,
                                                            const std::string& comment) = 0;
  /// @param seen  the version that the actor saw active; 0: none. Errors: 40001 if it is another one
  virtual Result<Checked<store::PolicyVersion>> activate(const Actor& actor, std::int64_t number,
                                                         std::int64_t seen) = 0;
};

struct InvitationWish {
  std::string email;
  std::vector<std::string> groups;
  std::vector<std::string> roles;
  std::int64_t lasts_s = 0;
};

struct CreatedInvitation {
  std::string text;  ///< shown once
  store::Invitation invitation;
};

struct Registration {
  store::User user;
  std::string password;
  std::string invitation;  ///< its secret; empty: none
};

/// Who comes in: invitations, registrations, logins.
class EntryAdministration {
 public:
  virtual ~EntryAdministration() = default;
  virtual Result<std::vector<store::Invitation>> list_invitations() = 0;
  virtual Result<CreatedInvitation> create_invitation(const Actor& actor, const InvitationWish& wish) = 0;
  virtual Result<> revoke_invitation(const Actor& actor, const std::string& id) = 0;
  /// By anybody. With an invitation the user is active; without one, where the configuration lets people apply,
  /// pending, and whether the name was free is not told. Errors: 28000 an invitation is needed, or it is not good (any
  /// more); 53400 too many attempts from this address, or too many who wait.
  virtual Result<store::User> enroll(const Registration& wish, const std::string& address) = 0;
  /// Users who wait for approval.
  virtual Result<std::vector<UserView>> list_registrations() = 0;
  virtual Result<UserView> approve(const Actor& actor, const std::string& name, const std::vector<std::string>& groups,
                                   const std::vector<std::string>& roles) = 0;
  virtual Result<> deny(const Actor& actor, const std::string& name) = 0;

  virtual Result<store::Listed<store::Login>> list_logins(const store::LoginFilter& filter,
                                                          const store::Page& page) = 0;
  virtual Result<> end_login(const Actor& actor, const std::string& id) = 0;
};

/// What people keep for themselves.
class WorkAdministration {
 public:
  virtual ~WorkAdministration() = default;
  /// The user's own and those that others share, by name.
  virtual Result<std::vector<store::SavedQuery>> list_saved(const std::string& user) = 0;
  /// Errors: 02000 also for one that is not the user's, unless it is shared.
  virtual Result<store::SavedQuery> find_saved(const std::string& user, const std::string& id) = 0;
  virtual Result<store::SavedQuery> create_saved(const store::SavedQuery& wish) = 0;
  /// Only the owner's. `wish.owner` is who asks.
  virtual Result<store::SavedQuery> change_saved(const store::SavedQuery& wish) = 0;
  virtual Result<> remove_saved(const std::string& user, const std::string& id, std::int64_t revision) = 0;
};

/// Everything, by subject.
class Administration {
 public:
  virtual ~Administration() = default;
  virtual UserAdministration& users() = 0;
  virtual TargetAdministration& targets() = 0;
  virtual PolicyAdministration& policies() = 0;
  virtual EntryAdministration& entries() = 0;
  virtual WorkAdministration& work() = 0;
  /// Runs `work` where it may block, and returns when what it has changed is in force on this gateway.
  virtual Task<> run(std::function<void()> work) = 0;
  /// The same, and returns when it is done: how long it takes does not tell whether something has changed.
  virtual Task<> run_only(std::function<void()> work) = 0;
};

}  // namespace dbgate::ports
