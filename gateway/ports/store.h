#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/error.h"
#include "gateway/ports/store_access.h"
#include "gateway/ports/store_approvals.h"
#include "gateway/ports/store_records.h"
#include "gateway/ports/store_replicas.h"

/// The identity store: people, their credentials, and what administrators keep in it.
///
/// Every operation is one transaction, blocks for at most `store.timeout` (never call one on an event loop), and is
/// safe from any thread. `now_us` is the caller's wall clock. What changes the directory raises its generation in the
/// same transaction and is announced to the watchers of all gateways on the store.
///
/// Errors of every operation: 08006 the store cannot be reached (try again later), XX001 a sealed value cannot be
/// opened, XX000. Of those that write: 02000 no such object, 23505 the name (or hash) is taken, 22023 a name
/// that is none, 40001 the object has another revision than the one named: somebody else changed it.
namespace dbgate::ports::store {

/// Users, groups, memberships, roles, names in certificates.
class Users {
 public:
  virtual ~Users() = default;
  virtual Result<std::optional<User>> find_user(std::string_view name) = 0;
  virtual Result<std::optional<User>> find_user_of(std::string_view issuer, std::string_view subject) = 0;
  /// By name.
  virtual Result<Listed<User>> list_users(const UserFilter& filter, const Page& page) = 0;
  /// Whatever was left under the name (of a user of the file that is gone) ends first: nobody inherits credentials.
  virtual Result<User> create_user(const NewUser& user, Micros now_us) = 0;
  /// Writes all but name, id and kind, if `user.revision` is the one stored. A state other than active ends the logins.
  /// @return with the new revision
  virtual Result<User> update_user(const User& user, const Ending& why, Micros now_us) = 0;
  /// With all that is the user's; its live credentials end. `revision` 0: any.
  virtual Result<> remove_user(std::string_view name, std::int64_t revision, const Ending& why, Micros now_us) = 0;

  virtual Result<std::optional<Group>> find_group(std::string_view name) = 0;
  /// By name.
  virtual Result<Listed<Group>> list_groups(const Page& page) = 0;
  virtual Result<Group> create_group(const Group& group, Micros now_us) = 0;
  virtual Result<Group> update_group(const Group& group, Micros now_us) = 0;
  /// With its memberships and roles.
  virtual Result<> remove_group(std::string_view name, std::int64_t revision, Micros now_us) = 0;

  virtual Result<std::vector<Membership>> memberships_of_user(std::string_view user) = 0;
  /// By user name.
  virtual Result<Listed<Membership>> list_members(std::string_view group, const Page& page) = 0;
  /// Of source local. Names are the caller's to check. Adding a member twice is fine. @return whether it was new
  virtual Result<bool> add_member(std::string_view group, std::string_view user, Micros now_us) = 0;
  /// @return whether it was there
  virtual Result<bool> remove_member(std::string_view group, std::string_view user, Micros now_us) = 0;
  /// Makes these, and no others, the memberships that the identity provider gives. @return whether any changed
  virtual Result<bool> set_provider_groups(std::string_view user, std::span<const std::string> groups,
                                           Micros now_us) = 0;

  virtual Result<std::vector<RoleGrant>> list_roles() = 0;
  virtual Result<bool> grant_role(const RoleGrant& role, Micros now_us) = 0;
  virtual Result<bool> revoke_role(const RoleGrant& role, Micros now_us) = 0;

  /// From now on update_user, remove_user, remove_group, remove_member and revoke_role fail with 55000 if they would
  /// leave no administrator who is active, where there was one. Asked inside their transactions, so that of two
  /// gateways that each remove the other's administrator one does not. What a provider says about groups is not held
  /// up.
  /// @param by_file  any thread; set it before others use the store
  virtual void keep_administrator(std::function<FileAdministrators()> by_file) = 0;

  virtual Result<std::vector<CertificateName>> certificate_names_of(std::string_view user) = 0;
  virtual Result<> add_certificate_name(const CertificateName& name, Micros now_us) = 0;
  virtual Result<> remove_certificate_name(std::string_view user, std::string_view value, Micros now_us) = 0;
};

/// Passwords of people, second factors, failed attempts, steps of signing in.
class SignIns {
 public:
  virtual ~SignIns() = default;
  /// All empty for a user without any, also for one that does not exist.
  virtual Result<SignInSecrets> sign_in_secrets(std::string_view user) = 0;
  virtual Result<> set_password(std::string_view user, const PasswordChange& change, Micros now_us) = 0;

  /// A new secret that is not yet in force; replaces another such. Errors: 40001 if one is in force (remove it first).
  virtual Result<> start_totp(std::string_view user, std::string_view secret, Micros now_us) = 0;
  /// Puts the secret in force, with the step that proved it and hashes of recovery codes.
  /// @return false if there is none, it is in force already, or it is another secret than `secret`
  virtual Result<bool> confirm_totp(std::string_view user, std::string_view secret, std::int64_t step,
                                    std::span<const std::string> recovery_hashes, Micros now_us) = 0;
  /// Secret and recovery codes. @return whether there was one
  virtual Result<bool> remove_totp(std::string_view user, Micros now_us) = 0;
  /// A step is good once, and none before it. @return false if it (or a later one) has been used
  virtual Result<bool> use_totp_step(std::string_view user, std::int64_t step) = 0;
  virtual Result<> replace_recovery_codes(std::string_view user, std::span<const std::string> hashes) = 0;
  /// @return false if there is no such code, or it has been used
  virtual Result<bool> use_recovery_code(std::string_view user, std::string_view hash, Micros now_us) = 0;
  virtual Result<std::int64_t> recovery_codes_left(std::string_view user) = 0;

  /// `key` names an account or an address, as the caller likes (hash what must not be readable).
  virtual Result<Failures> failures(std::string_view key, Micros now_us) = 0;
  /// Counts one. Costs a durable write: ask failures() first, and note nothing while it is locked.
  virtual Result<Failures> note_failure(std::string_view key, const LockRule& rule, Micros now_us) = 0;
  virtual Result<> clear_failures(std::string_view key) = 0;

  /// Errors: 23505 if there is one of that hash.
  virtual Result<> put_pending_login(const PendingLogin& pending) = 0;
  /// Nothing for one that has expired or is of another kind.
  virtual Result<std::optional<PendingLogin>> find_pending_login(std::string_view kind, std::string_view hash,
                                                                 Micros now_us) = 0;
  /// Other data for it. @return false if it is gone
  virtual Result<bool> change_pending_login(const PendingLogin& pending, Micros now_us) = 0;
  /// Reads and deletes in one step: of several callers one gets it.
  virtual Result<std::optional<PendingLogin>> take_pending_login(std::string_view kind, std::string_view hash,
                                                                 Micros now_us) = 0;
};

/// Logins, refresh tokens, revoked access tokens.
class Logins {
 public:
  virtual ~Logins() = default;
  /// @param login  id and times of creation are filled in
  virtual Result<Login> create_login(const Login& login, const RefreshToken& token, Micros now_us) = 0;
  virtual Result<std::optional<Login>> find_login(std::string_view id) = 0;
  /// By time of creation.
  virtual Result<Listed<Login>> list_logins(const LoginFilter& filter, const Page& page, Micros now_us) = 0;
  /// The old token becomes used and the new one valid, or neither. Of several callers with one token one gets
  /// `rotated`; every other gets `reused`, and the login has ended. Whether the user may still sign in is the caller's
  /// to ask.
  virtual Result<Rotated> rotate_refresh_token(std::string_view old_hash, const RefreshToken& fresh, Micros now_us) = 0;
  /// The login of a refresh token, in whatever state both are; for logout.
  virtual Result<std::optional<Login>> find_login_of_token(std::string_view hash) = 0;
  /// @return whether it was live until now; false also if there is none
  virtual Result<bool> end_login(std::string_view id, const Ending& why, Micros now_us) = 0;
  /// @param keep  id of one that stays; may be empty. @return how many ended
  virtual Result<std::int64_t> end_logins_of(std::string_view user, std::string_view keep, const Ending& why,
                                             Micros now_us) = 0;
  virtual Result<> revoke_token(const RevokedToken& token, Micros now_us) = 0;
};

/// Database passwords, personal tokens, service keys; the keys that sign access tokens.
class Keys {
 public:
  virtual ~Keys() = default;
  /// The user's salt; made at first use, the same for all who ask at once.
  /// @param wanted  salt and iterations to take if none is there, or if no database password in force rests on the one
  /// that is; its salt may be empty: any will do
  virtual Result<ScramSalt> scram_salt(std::string_view user, const ScramSalt& wanted, Micros now_us) = 0;
  /// @param password  its id, if it has one, stays. Errors: 40001 if `password.salt` is not the user's.
  virtual Result<DatabasePassword> create_database_password(const DatabasePassword& password, Micros now_us) = 0;
  virtual Result<std::optional<DatabasePassword>> find_database_password(std::string_view id) = 0;
  /// By id (which is by time of creation), without revoked ones.
  virtual Result<Listed<DatabasePassword>> list_database_passwords(std::string_view user, const Page& page) = 0;
  /// @param user  whose it must be; empty: anybody's. @return whether it was in force until now
  virtual Result<bool> revoke_database_password(std::string_view user, std::string_view id, const Ending& why,
                                                Micros now_us) = 0;

  /// @param key  its id, if it has one, stays.
  virtual Result<AccessKey> create_access_key(const AccessKey& key, Micros now_us) = 0;
  /// In whatever state it is: the caller looks at revoked_us and expires_us.
  virtual Result<std::optional<AccessKey>> find_access_key_by_hash(std::string_view hash) = 0;
  virtual Result<std::optional<AccessKey>> find_access_key(std::string_view id) = 0;
  /// By id, without revoked ones.
  virtual Result<Listed<AccessKey>> list_access_keys(std::string_view user, KeyKind kind, const Page& page) = 0;
  virtual Result<bool> revoke_access_key(std::string_view user, std::string_view id, const Ending& why,
                                         Micros now_us) = 0;

  /// Sets last_used_us of a `lgn_…`, `key_…` or `dpw_…`, at most once a minute; unknown ids are fine.
  virtual Result<> note_used(std::string_view credential, Micros now_us) = 0;

  /// Newest first, with retired ones.
  virtual Result<std::vector<SigningKey>> signing_keys() = 0;
  /// Adds `candidate` only if no key is in force: of several gateways at their first start one makes the key.
  /// @return all keys, newest first
  virtual Result<std::vector<SigningKey>> ensure_signing_key(const SigningKey& candidate, Micros now_us) = 0;
  /// Retires all others and puts this one in force.
  virtual Result<> rotate_signing_key(const SigningKey& fresh, Micros now_us) = 0;
  virtual Result<> remove_signing_keys_retired_before(Micros retired_us) = 0;
};

/// Targets and policies.
class Objects {
 public:
  virtual ~Objects() = default;
  virtual Result<std::optional<Target>> find_target(std::string_view name) = 0;
  /// By name. Passwords are not read: `password` is an empty text where there is one.
  virtual Result<Listed<Target>> list_targets(const Page& page) = 0;
  virtual Result<Target> create_target(const Target& target, Micros now_us) = 0;
  /// @param password  what becomes of it; `set` takes the one of `target`
  virtual Result<Target> update_target(const Target& target, PasswordUpdate password, Micros now_us) = 0;
  virtual Result<> remove_target(std::string_view name, std::int64_t revision, Micros now_us) = 0;

  virtual Result<std::optional<PolicyVersion>> active_policy() = 0;
  virtual Result<std::optional<PolicyVersion>> find_policy_version(std::int64_t number) = 0;
  /// By number, without texts.
  virtual Result<Listed<PolicyVersion>> list_policy_versions(const Page& page) = 0;
  /// Adds a version, not active. @return with its number
  virtual Result<PolicyVersion> add_policy_version(const PolicyVersion& version, Micros now_us) = 0;
  /// @param number  0: none is active any more
  /// @param seen  number of the version that the caller saw active (0: none); another one now: 40001
  virtual Result<> activate_policy(std::int64_t number, std::int64_t seen, Micros now_us) = 0;
};

/// What people keep for themselves, invitations, requests that may come twice.
class Work {
 public:
  virtual ~Work() = default;
  virtual Result<std::optional<SavedQuery>> find_saved_query(std::string_view id) = 0;
  /// By name: the user's own and those that others share.
  virtual Result<Listed<SavedQuery>> list_saved_queries(std::string_view user, const Page& page) = 0;
  virtual Result<SavedQuery> create_saved_query(const SavedQuery& query, Micros now_us) = 0;
  virtual Result<SavedQuery> update_saved_query(const SavedQuery& query, Micros now_us) = 0;
  virtual Result<> remove_saved_query(std::string_view id, std::int64_t revision) = 0;

  virtual Result<Invitation> create_invitation(const Invitation& invitation, Micros now_us) = 0;
  /// In whatever state.
  virtual Result<std::optional<Invitation>> find_invitation_by_hash(std::string_view hash) = 0;
  /// By id.
  virtual Result<Listed<Invitation>> list_invitations(const Page& page) = 0;
  virtual Result<bool> revoke_invitation(std::string_view id, Micros now_us) = 0;
  /// Uses it up and creates the user with its groups and roles (in place of those in `user`), or neither.
  /// Errors: 23505 if the user's name is taken; the invitation can be used again.
  virtual Result<InvitedUser> use_invitation(std::string_view hash, const NewUser& user, Micros now_us) = 0;

  /// Of several callers with one key one gets `started`. A request whose gateway died stays `running` until it expires:
  /// doing it twice would be worse. Of one user the last 1000 or so are kept.
  virtual Result<IdempotentRequest> begin_request(std::string_view user, std::string_view key,
                                                  std::string_view request_hash, Micros expires_us, Micros now_us) = 0;
  virtual Result<> finish_request(std::string_view user, std::string_view key, int status, std::string_view body) = 0;
  /// It came to nothing, and may be tried again.
  virtual Result<> abandon_request(std::string_view user, std::string_view key) = 0;
};

struct Event {
  enum class What : std::uint8_t {
    changed,  ///< the directory has another generation
    lost,     ///< the store cannot be reached
    back      ///< it can be again; the directory may have changed meanwhile
  };
  What what = What::changed;
  std::int64_t generation = 0;  ///< of changed and back
};

/// While it lives, its callback is called; its destructor waits for a call that is under way.
class Watch {
 public:
  virtual ~Watch() = default;
};

/// The store of one gateway. Objects that it hands out live as long as it does.
class Store {
 public:
  virtual ~Store() = default;
  virtual Users& users() = 0;
  virtual SignIns& sign_ins() = 0;
  virtual Logins& logins() = 0;
  virtual Keys& keys() = 0;
  virtual Objects& objects() = 0;
  virtual Work& work() = 0;
  virtual Replicas& replicas() = 0;
  virtual Approvals& approvals() = 0;
  virtual Access& access() = 0;

  /// @param ended_since_us  how far back ended credentials are wanted: at least the life of an access token
  virtual Result<Directory> load_directory(Micros ended_since_us, Micros now_us) = 0;
  virtual Result<std::int64_t> generation() = 0;
  /// Calls back from a thread of the store's own, for changes by any gateway within a second. The callback must return
  /// soon, may use the store, must not end its own watch, and must not throw. Several watches are fine.
  virtual std::unique_ptr<Watch> watch(std::function<void(const Event&)> callback) = 0;
  /// Deletes what has expired: pending logins, counters, revoked tokens, answers, tokens of logins that are over. Call
  /// it now and then. @return rows deleted
  virtual Result<std::int64_t> sweep(Micros now_us) = 0;
};

}  // namespace dbgate::ports::store
