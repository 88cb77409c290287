#pragma once
#include "gateway/app/admin_core.h"

namespace dbgate::app {

/// Users, groups, roles and keys of service accounts, in the store.
class AdminUsers final : public ports::UserAdministration {
 public:
  explicit AdminUsers(AdminCore& core) : core_(core) {}

  Result<std::vector<ports::UserView>> list_users(const ports::UserQuery& query) override;
  Result<ports::UserView> find_user(const std::string& name) override;
  Result<ports::CreatedUser> create_user(const ports::Actor& actor, const ports::store::NewUser& wish) override;
  Result<ports::UserView> change_user(const ports::Actor& actor, const std::string& name, std::int64_t revision,
                                      const ports::UserPatch& patch) override;
  Result<> remove_user(const ports::Actor& actor, const std::string& name, std::int64_t revision) override;
  Result<std::string> reset_user(const ports::Actor& actor, const std::string& name) override;

  Result<std::vector<ports::GroupView>> list_groups() override;
  Result<ports::GroupView> find_group(const std::string& name) override;
  Result<ports::GroupView> create_group(const ports::Actor& actor, const ports::store::Group& wish) override;
  Result<ports::GroupView> change_group(const ports::Actor& actor, const ports::store::Group& wish) override;
  Result<> remove_group(const ports::Actor& actor, const std::string& name, std::int64_t revision) override;
  Result<> set_member(const ports::Actor& actor, const std::string& group, const std::string& user, bool in) override;
  Result<> set_role(const ports::Actor& actor, const ports::store::RoleGrant& role, bool granted) override;

  Result<std::vector<ports::store::AccessKey>> list_keys(const std::string& account) override;
  Result<ports::CreatedKey> create_key(const ports::Actor& actor, const std::string& account,
                                       const ports::KeyWish& wish) override;
  Result<> revoke_key(const ports::Actor& actor, const std::string& account, const std::string& id) override;

  /// Errors: 02000 a group that neither store nor file has; 42501 one that gives roles which the actor does not hold.
  Result<> may_join(const ports::Actor& actor, const std::vector<std::string>& groups);
  /// In the store or in the file.
  Result<bool> user_exists(const std::string& name);

 private:
  Result<ports::UserView> view_of(ports::store::User user);
  ports::UserView view_of_file(const config::User& user);
  Result<> complete(ports::UserView& view, const std::vector<ports::store::RoleGrant>& grants);
  Result<ports::store::User> stored_user(const std::string& name);
  Result<ports::store::User> program(const std::string& name);
  Result<> set_certificates(const std::string& user, const std::vector<std::string>& wanted);
  Result<ports::GroupView> view_of(ports::store::Group group, const std::vector<ports::store::RoleGrant>& grants);
  Result<bool> group_exists(const std::string& name);

  AdminCore& core_;
};

/// admin, user_admin, target_admin, policy_admin, auditor.
bool is_role(std::string_view name);

}  // namespace dbgate::app
