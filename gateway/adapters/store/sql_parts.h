#pragma once
#include "gateway/adapters/store/sql_core.h"

// The interfaces of ports/store.h over SQL, one file each.
namespace dbgate::adapters::store {

class SqlUsers : public Users {
 public:
  explicit SqlUsers(const SqlCore& core) : core_(core) {}
  Result<std::optional<User>> find_user(std::string_view name) override;
  Result<std::optional<User>> find_user_of(std::string_view issuer, std::string_view subject) override;
  Result<Listed<User>> list_users(const UserFilter& filter, const Page& page) override;
  Result<User> create_user(const NewUser& user, Micros now_us) override;
  Result<User> update_user(const User& user, const Ending& why, Micros now_us) override;
  Result<> remove_user(std::string_view name, std::int64_t revision, const Ending& why, Micros now_us) override;
  Result<std::optional<Group>> find_group(std::string_view name) override;
  Result<Listed<Group>> list_groups(const Page& page) override;
  Result<Group> create_group(const Group& group, Micros now_us) override;
  Result<Group> update_group(const Group& group, Micros now_us) override;
  Result<> remove_group(std::string_view name, std::int64_t revision, Micros now_us) override;
  Result<std::vector<Membership>> memberships_of_user(std::string_view user) override;
  Result<Listed<Membership>> list_members(std::string_view group, const Page& page) override;
  Result<bool> add_member(std::string_view group, std::string_view user, Micros now_us) override;
  Result<bool> remove_member(std::string_view group, std::string_view user, Micros now_us) override;
  Result<bool> set_provider_groups(std::string_view user, std::span<const std::string> groups, Micros now_us) override;
  Result<std::vector<RoleGrant>> list_roles() override;
  Result<bool> grant_role(const RoleGrant& role, Micros now_us) override;
  Result<bool> revoke_role(const RoleGrant& role, Micros now_us) override;
  void keep_administrator(std::function<FileAdministrators()> by_file) override { by_file_ = std::move(by_file); }
  Result<std::vector<CertificateName>> certificate_names_of(std::string_view user) override;
  Result<> add_certificate_name(const CertificateName& name, Micros now_us) override;
  Result<> remove_certificate_name(std::string_view user, std::string_view value, Micros now_us) override;

 private:
  /// Inside a transaction that has called raise_generation() or take_turn(): does `change`, and fails if nobody is
  /// administrator any more who was before.
  Result<> keeping_administrator(SqlTransaction& transaction, const std::function<Result<>()>& change) const;

  /// One statement that takes a right away. @return whether there was one
  Result<bool> withdraw(const char* sql, std::initializer_list<SqlValue> values);

  const SqlCore& core_;
  std::function<FileAdministrators()> by_file_;
};

class SqlSignIns : public SignIns {
 public:
  explicit SqlSignIns(const SqlCore& core) : core_(core) {}
  Result<SignInSecrets> sign_in_secrets(std::string_view user) override;
  Result<> set_password(std::string_view user, const PasswordChange& change, Micros now_us) override;
  Result<> start_totp(std::string_view user, std::string_view secret, Micros now_us) override;
  Result<bool> confirm_totp(std::string_view user, std::string_view secret, std::int64_t step,
                            std::span<const std::string> recovery_hashes, Micros now_us) override;
  Result<bool> remove_totp(std::string_view user, Micros now_us) override;
  Result<bool> use_totp_step(std::string_view user, std::int64_t step) override;
  Result<> replace_recovery_codes(std::string_view user, std::span<const std::string> hashes) override;
  Result<bool> use_recovery_code(std::string_view user, std::string_view hash, Micros now_us) override;
  Result<std::int64_t> recovery_codes_left(std::string_view user) override;
  Result<Failures> failures(std::string_view key, Micros now_us) override;
  Result<Failures> note_failure(std::string_view key, const LockRule& rule, Micros now_us) override;
  Result<> clear_failures(std::string_view key) override;
  Result<> put_pending_login(const PendingLogin& pending) override;
  Result<std::optional<PendingLogin>> find_pending_login(std::string_view kind, std::string_view hash,
                                                         Micros now_us) override;
  Result<bool> change_pending_login(const PendingLogin& pending, Micros now_us) override;
  Result<std::optional<PendingLogin>> take_pending_login(std::string_view kind, std::string_view hash,
                                                         Micros now_us) override;

 private:
  Result<std::optional<PendingLogin>> opened(SqlResult result, std::string_view kind, std::string_view hash) const;
  const SqlCore& core_;
};

class SqlLogins : public Logins {
 public:
  explicit SqlLogins(const SqlCore& core) : core_(core) {}
  Result<Login> create_login(const Login& login, const RefreshToken& token, Micros now_us) override;
  Result<std::optional<Login>> find_login(std::string_view id) override;
  Result<Listed<Login>> list_logins(const LoginFilter& filter, const Page& page, Micros now_us) override;
  Result<Rotated> rotate_refresh_token(std::string_view old_hash, const RefreshToken& fresh, Micros now_us) override;
  Result<std::optional<Login>> find_login_of_token(std::string_view hash) override;
  Result<bool> end_login(std::string_view id, const Ending& why, Micros now_us) override;
  Result<std::int64_t> end_logins_of(std::string_view user, std::string_view keep, const Ending& why,
                                     Micros now_us) override;
  Result<> revoke_token(const RevokedToken& token, Micros now_us) override;

 private:
  const SqlCore& core_;
};

class SqlKeys : public Keys {
 public:
  explicit SqlKeys(const SqlCore& core) : core_(core) {}
  Result<ScramSalt> scram_salt(std::string_view user, const ScramSalt& wanted, Micros now_us) override;
  Result<DatabasePassword> create_database_password(const DatabasePassword& password, Micros now_us) override;
  Result<std::optional<DatabasePassword>> find_database_password(std::string_view id) override;
  Result<Listed<DatabasePassword>> list_database_passwords(std::string_view user, const Page& page) override;
  Result<bool> revoke_database_password(std::string_view user, std::string_view id, const Ending& why,
                                        Micros now_us) override;
  Result<AccessKey> create_access_key(const AccessKey& key, Micros now_us) override;
  Result<std::optional<AccessKey>> find_access_key_by_hash(std::string_view hash) override;
  Result<std::optional<AccessKey>> find_access_key(std::string_view id) override;
  Result<Listed<AccessKey>> list_access_keys(std::string_view user, KeyKind kind, const Page& page) override;
  Result<bool> revoke_access_key(std::string_view user, std::string_view id, const Ending& why, Micros now_us) override;
  Result<> note_used(std::string_view credential, Micros now_us) override;
  Result<std::vector<SigningKey>> signing_keys() override;
  Result<std::vector<SigningKey>> ensure_signing_key(const SigningKey& candidate, Micros now_us) override;
  Result<> rotate_signing_key(const SigningKey& fresh, Micros now_us) override;
  Result<> remove_signing_keys_retired_before(Micros retired_us) override;

 private:
  Result<std::vector<SigningKey>> opened(SqlResult result) const;
  Result<> add_signing_key(SqlTransaction& transaction, const SigningKey& key, Micros now_us) const;
  const SqlCore& core_;
};

class SqlObjects : public Objects {
 public:
  explicit SqlObjects(const SqlCore& core) : core_(core) {}
  Result<std::optional<Target>> find_target(std::string_view name) override;
  Result<Listed<Target>> list_targets(const Page& page) override;
  Result<Target> create_target(const Target& target, Micros now_us) override;
  Result<Target> update_target(const Target& target, PasswordUpdate password, Micros now_us) override;
  Result<> remove_target(std::string_view name, std::int64_t revision, Micros now_us) override;
  Result<std::optional<PolicyVersion>> active_policy() override;
  Result<std::optional<PolicyVersion>> find_policy_version(std::int64_t number) override;
  Result<Listed<PolicyVersion>> list_policy_versions(const Page& page) override;
  Result<PolicyVersion> add_policy_version(const PolicyVersion& version, Micros now_us) override;
  Result<> activate_policy(std::int64_t number, std::int64_t seen, Micros now_us) override;

 private:
  const SqlCore& core_;
};

class SqlWork : public Work {
 public:
  explicit SqlWork(const SqlCore& core) : core_(core) {}
  Result<std::optional<SavedQuery>> find_saved_query(std::string_view id) override;
  Result<Listed<SavedQuery>> list_saved_queries(std::string_view user, const Page& page) override;
  Result<SavedQuery> create_saved_query(const SavedQuery& query, Micros now_us) override;
  Result<SavedQuery> update_saved_query(const SavedQuery& query, Micros now_us) override;
  Result<> remove_saved_query(std::string_view id, std::int64_t revision) override;
  Result<Invitation> create_invitation(const Invitation& invitation, Micros now_us) override;
  Result<std::optional<Invitation>> find_invitation_by_hash(std::string_view hash) override;
  Result<Listed<Invitation>> list_invitations(const Page& page) override;
  Result<bool> revoke_invitation(std::string_view id, Micros now_us) override;
  Result<InvitedUser> use_invitation(std::string_view hash, const NewUser& user, Micros now_us) override;
  Result<IdempotentRequest> begin_request(std::string_view user, std::string_view key, std::string_view request_hash,
                                          Micros expires_us, Micros now_us) override;
  Result<> finish_request(std::string_view user, std::string_view key, int status, std::string_view body) override;
  Result<> abandon_request(std::string_view user, std::string_view key) override;

 private:
  const SqlCore& core_;
};

class SqlReplicas : public Replicas {
 public:
  explicit SqlReplicas(const SqlCore& core) : core_(core) {}
  Result<> say(std::string_view id, std::string_view state, bool wake) override;
  Result<std::vector<Replica>> list() override;
  Result<> forget(std::string_view id, std::int64_t beats) override;
  Result<> send(std::span<const ReplicaMessage> messages) override;
  Result<std::vector<ReplicaMessage>> take(std::string_view recipient) override;
  Result<> withdraw(std::span<const ReplicaMessage> messages) override;
  Result<std::string> secret(std::string_view name, std::string_view candidate) override;
  Result<std::unique_ptr<StoreSignal>> signal() override;

 private:
  const SqlCore& core_;
};

class SqlApprovals : public Approvals {
 public:
  explicit SqlApprovals(const SqlCore& core) : core_(core) {}
  Result<Approval> create_approval(const Approval& approval, Micros now_us) override;
  Result<std::optional<Approval>> find_approval(std::string_view id, Micros now_us) override;
  Result<Listed<Approval>> list_approvals(const ApprovalFilter& filter, const Page& page, Micros now_us) override;
  Result<Approval> vote(std::string_view id, std::int64_t revision, const ApprovalVote& vote, Micros now_us) override;
  Result<Approval> cancel_approval(std::string_view id, Micros now_us) override;
  Result<std::optional<Approval>> use_approval(std::string_view requester, std::string_view digest, std::string_view id,
                                               Micros now_us) override;
  Result<std::optional<Approval>> find_pending(std::string_view requester, std::string_view digest,
                                               Micros now_us) override;
  Result<std::int64_t> forget_approvals(Micros before_us) override;
  Result<std::unique_ptr<StoreSignal>> signal() override;

 private:
  Result<Approval> opened(SqlTransaction& transaction, SqlResult result, Micros now_us) const;
  Result<std::optional<Approval>> found(SqlTransaction& transaction, SqlResult result, Micros now_us) const;
  const SqlCore& core_;
};

class SqlAccess : public Access {
 public:
  explicit SqlAccess(const SqlCore& core) : core_(core) {}
  Result<AccessRequest> create_access(const AccessRequest& request, const Approval& approval, Micros now_us) override;
  Result<std::optional<AccessRequest>> find_access(std::string_view id, Micros now_us) override;
  Result<std::optional<AccessRequest>> find_access_of(std::string_view approval, Micros now_us) override;
  Result<Listed<AccessRequest>> list_access(const AccessFilter& filter, const Page& page, Micros now_us) override;
  Result<AccessRequest> end_access(std::string_view id, const Ending& why, Micros now_us) override;
  Result<std::vector<AccessRequest>> end_over(Micros now_us) override;

 private:
  const SqlCore& core_;
};

/// In a transaction of the caller's.
Result<Approval> insert_approval(SqlTransaction& transaction, const SqlCore& core, const Approval& approval,
                                 Micros now_us);
/// What a decision does to rights for a time, if that is what the approval is about. In the transaction of the vote.
Result<> follow_decision(SqlTransaction& transaction, Approval& approval, const ApprovalVote& vote, Micros now_us);
/// What is in force at `now_us`, or is over and nobody has noted it.
Result<std::vector<AccessRequest>> access_not_ended(SqlTransaction& transaction, Micros now_us);

/// In a transaction of the caller's, behind raise_generation(): the user with groups, roles and password.
Result<User> insert_user(SqlTransaction& transaction, const NewUser& fresh, Micros now_us);

// Columns and readers that load_directory() needs as well.
extern const std::string user_columns;
User read_user(SqlRow& row);
extern const std::string group_columns;
Group read_group(SqlRow& row);
Membership read_membership(SqlRow& row);
RoleGrant read_role(SqlRow& row);
CertificateName read_certificate_name(SqlRow& row);
extern const std::string database_password_columns;
DatabasePassword read_database_password(SqlRow& row);
ScramSalt read_scram_salt(SqlRow& row);
extern const std::string target_columns;
/// With its password, or the mark that no key opens it.
Target read_target(SqlRow& row, const identity::Sealing& sealing);
extern const std::string policy_columns;
PolicyVersion read_policy(SqlRow& row);

}  // namespace dbgate::adapters::store
