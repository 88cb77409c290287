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

inline constexpr SqlState not_in_prerequisite_state{"55000"};

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

/// Everything, by subject.
class Administration {
 public:
  virtual ~Administration() = default;
  virtual UserAdministration& users() = 0;
  /// Runs `work` where it may block, and returns when it is done.
  virtual Task<> run(std::function<void()> work) = 0;
};

}  // namespace dbgate::ports
