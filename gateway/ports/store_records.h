#pragma once
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

/// What the identity store keeps, as plain values. Times are microseconds since 1970 UTC, 0: never. Hashes are whatever
/// text the caller looks them up by again (SHA-256 in hexadecimal). Members named secret, password, private_pem, data
/// or body are plain here; the store seals them (gateway/identity/sealing.h) before they reach a disk.
namespace dbgate::ports::store {

using Micros = std::int64_t;

/// What everything that the API shows as a resource of its own has.
struct Object {
  std::string id;  ///< prefixed, sortable (base/ids.h); made by the store
  Micros created_us = 0;
  Micros updated_us = 0;
  std::int64_t revision = 0;  ///< 1 at first; an update names the one that it saw
};

/// Names of users, groups, targets: `[A-Za-z0-9][A-Za-z0-9._@-]{0,62}`, case-sensitive.
inline bool valid_name(std::string_view name) noexcept {
  const auto alphanumeric = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !name.empty() && name.size() <= 63 && alphanumeric(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return alphanumeric(c) || c == '.' || c == '_' || c == '@' || c == '-'; });
}

enum class UserKind : std::uint8_t { person, service, agent };
enum class UserState : std::uint8_t { active, disabled, invited, pending };
enum class Source : std::uint8_t { local, oidc };
/// What the wire protocol asks the user for.
enum class WireLogin : std::uint8_t { password, token };

/// A principal. Everything that belongs to one names it by `name`, which never changes: users of the configuration file
/// have logins and keys as well, and no row here.
struct User : Object {
  std::string name;  ///< unique
  UserKind kind = UserKind::person;
  UserState state = UserState::active;
  std::string display_name;
  std::string email;
  WireLogin wire_login = WireLogin::password;
  std::map<std::string, std::string> attributes;
  Source source = Source::local;
  std::string issuer, subject;  ///< of an OIDC account; the pair is unique unless both are empty
};

struct NewUser {
  User user;                  ///< id, times and revision are the store's to fill in
  std::string password_hash;  ///< empty: none
  bool must_change_password = false;
  std::vector<std::string> groups;
  std::vector<std::string> roles;
};

struct UserFilter {
  std::optional<UserKind> kind;
  std::optional<UserState> state;
  bool services_and_agents = false;  ///< all but persons
};

struct Group : Object {
  std::string name;  ///< unique
  std::string description;
};

struct Membership {
  std::string user;   ///< name; may be a user of the configuration file
  std::string group;  ///< name; may be a group of the configuration file
  Source source = Source::local;
};

enum class SubjectKind : std::uint8_t { user, group };

/// An administrative right: admin, user_admin, target_admin, policy_admin, auditor.
struct RoleGrant {
  SubjectKind kind = SubjectKind::user;
  std::string subject;  ///< name
  std::string role;
};

/// What the configuration file says about administrators (who hold the role `admin`), and the store cannot know.
struct FileAdministrators {
  std::set<std::string> users;                              ///< hold the role
  std::set<std::string> groups;                             ///< hold the role
  std::map<std::string, std::vector<std::string>> members;  ///< of the file's groups
  std::set<std::string> active;                             ///< users of the file: they cannot be disabled
};

/// A name in client certificates that stands for a user: `email:a@b`, `uri:spiffe://…`, `dns:host`.
struct CertificateName {
  std::string value;  ///< unique
  std::string user;
  Micros created_us = 0;
};

/// What a person signs in with.
struct SignInSecrets {
  std::string password_hash;  ///< empty: no password
  bool must_change_password = false;
  Micros password_changed_us = 0;
  std::string totp_secret;       ///< empty: no second factor was ever started
  Micros totp_confirmed_us = 0;  ///< 0: not in force
  std::int64_t totp_last_step = 0;
};

struct PasswordChange {
  std::string hash;
  bool must_change = false;
  std::optional<std::string> seen_hash;  ///< given: changes only if this is still the hash (else 40001)
  bool end_logins = true;                ///< all of the user's…
  std::string keep_login;                ///< …but this one
  std::string by;                        ///< user name, for `ended_by`
};

/// Salt and iterations that all database passwords of one user share.
struct ScramSalt {
  std::string user;
  std::string salt;  ///< raw bytes
  int iterations = 4096;
};

/// A generated password for the wire protocol, kept as SCRAM keys.
struct DatabasePassword {
  std::string id;  ///< dpw_…
  std::string user;
  std::string name;        ///< unique among the user's that are not revoked
  std::string target;      ///< empty: any
  std::string stored_key;  ///< raw bytes; constant-time comparison is the caller's
  std::string server_key;
  Micros created_us = 0, expires_us = 0, last_used_us = 0, revoked_us = 0;
  std::string salt = {};  ///< of a new one: the user's, which its keys were made with; not kept
};

enum class KeyKind : std::uint8_t { personal, service };

/// A personal token or a key of a service account.
struct AccessKey {
  std::string id;  ///< key_…
  KeyKind kind = KeyKind::personal;
  std::string user;
  std::string name;  ///< unique among the user's that are not revoked
  std::string hash;
  std::string hint;  ///< its last characters, for people to recognise it
  std::vector<std::string> scopes;
  Micros created_us = 0, expires_us = 0, last_used_us = 0, revoked_us = 0;
};

/// One sign-in of one device, with its family of refresh tokens.
struct Login {
  std::string id;  ///< lgn_…
  std::string user;
  std::string method;  ///< password, oidc, certificate, device
  std::string client;
  std::string address;
  Micros created_us = 0, last_used_us = 0, expires_us = 0, ended_us = 0;
  std::string end_reason;  ///< logout, revoked, reuse, password_changed, user_disabled, …
  std::string ended_by;

  bool live(Micros now_us) const noexcept { return ended_us == 0 && (expires_us == 0 || expires_us > now_us); }
};

struct LoginFilter {
  std::string user;        ///< empty: all
  bool live_only = false;  ///< at the time of asking
};

struct RefreshToken {
  std::string hash;
  Micros expires_us = 0;
};

enum class Rotation : std::uint8_t {
  rotated,
  reused,   ///< the token had been used before: its login has ended with this very step
  unknown,  ///< nobody's token
  expired,  ///< never used, too old
  ended     ///< the login is over
};

struct Rotated {
  Rotation outcome = Rotation::unknown;
  Login login;  ///< of the token, unless that is unknown
};

/// Why a credential ends, and by whom.
struct Ending {
  std::string reason;
  std::string by;  ///< user name; empty: dbgate itself
};

/// A credential (`lgn_…`, `key_…`, `dpw_…`) that ended; what it let in must end too.
struct EndedCredential {
  std::string credential;
  std::string user;
  Micros ended_us = 0;
  Ending why;
};

/// An access token that must not be accepted although it has not expired.
struct RevokedToken {
  std::string jti;
  Micros expires_us = 0;
};

/// A key pair that signs access tokens.
struct SigningKey {
  std::string kid;
  std::string private_pem;
  std::string public_pem;
  Micros created_us = 0;
  Micros retired_us = 0;  ///< signs no more; still verifies
};

/// A step of signing in that awaits the next: OIDC state, device code, second-factor challenge, one-time code.
struct PendingLogin {
  std::string hash;  ///< of what the other side holds
  std::string kind;
  std::string data;  ///< the caller's own
  Micros expires_us = 0;
};

/// How failed attempts lock: after `most` within `window_us`, for `lock_us`, doubled by each further one, to
/// `longest_us`.
struct LockRule {
  std::int64_t most = 5;
  Micros window_us = 15 * 60 * 1'000'000LL;
  Micros lock_us = 30 * 1'000'000LL;
  Micros longest_us = 15 * 60 * 1'000'000LL;
};

struct Failures {
  std::int64_t count = 0;  ///< in the window
  Micros locked_until_us = 0;

  bool locked(Micros now_us) const noexcept { return locked_until_us > now_us; }
};

/// A database that users may reach.
struct Target : Object {
  std::string name;                     ///< unique
  std::string settings;                 ///< JSON object
  std::optional<std::string> password;  ///< of the upstream account
  bool password_unreadable = false;     ///< it is there, but no key of the configuration opens it
};

/// In an update nothing of a target's password needs to be known.
enum class PasswordUpdate : std::uint8_t { keep, set, remove };

/// Policies are one text (YAML), kept in all its versions.
struct PolicyVersion {
  std::int64_t number = 0;  ///< from 1
  std::string text;         ///< empty in lists
  std::string comment;
  std::string author;
  Micros created_us = 0;
  bool active = false;
};

struct SavedQuery : Object {
  std::string owner;
  std::string name;  ///< unique among the owner's
  std::string target;
  std::string text;
  std::string description;
  bool shared = false;  ///< others may read it
};

struct Invitation {
  std::string id;  ///< inv_…
  std::string hash;
  std::string email;
  std::vector<std::string> groups;
  std::vector<std::string> roles;
  std::string created_by;
  Micros created_us = 0, expires_us = 0, used_us = 0, revoked_us = 0;
  std::string used_by;
};

enum class InvitationUse : std::uint8_t { used, unknown, expired };

struct InvitedUser {
  InvitationUse outcome = InvitationUse::unknown;
  User user;
};

enum class RequestState : std::uint8_t {
  started,   ///< nobody has made this request: do it, then finish() or abandon() it
  running,   ///< the same request is being worked on
  finished,  ///< done: here is the answer
  mismatch   ///< the key belongs to another request
};

struct IdempotentRequest {
  RequestState state = RequestState::started;
  int status = 0;
  std::string body;
};

/// Which part of a list: what follows `after` in the list's order. A cursor stays good whatever is added or removed.
struct Cursor {
  std::string key;  ///< value of the sort key of the last item seen; numbers in decimal
  std::string id;   ///< its id
};

struct Page {
  std::size_t limit = 50;
  bool descending = false;
  std::optional<Cursor> after;
};

template <class T>
struct Listed {
  std::vector<T> items;
  std::optional<Cursor> next;  ///< nothing: this was the end
};

/// How far rights for a time have come.
enum class AccessState : std::uint8_t {
  pending,    ///< others have to agree
  active,     ///< in force
  ended,      ///< its time is over, or somebody has taken it back
  denied,     ///< somebody has said no
  expired,    ///< nobody has decided in time
  cancelled,  ///< taken back before it was in force
};

/// Rights that somebody has asked for, for a time.
struct AccessRequest : Object {
  AccessState state = AccessState::pending;
  std::string user;
  std::string target;
  std::string offer;                ///< of the configuration's `requests`
  std::vector<std::string> tables;  ///< patterns
  std::vector<std::string> verbs;
  std::int64_t seconds = 0;  ///< for how long, once it is in force
  std::string reason;        ///< the requester's own words
  std::string ticket;
  bool break_glass = false;
  std::string approval;                                      ///< apr_…: of break-glass, its review
  Micros starts_us = 0;                                      ///< 0: not yet
  Micros ends_us = 0;                                        ///< a whole second; the first moment at which it is over
  Micros ended_us = 0;                                       ///< before its time, or when its end was noted
  std::string end_reason;                                    ///< expired, revoked, refused in review, …
  std::string ended_by;                                      ///< user name; empty: nobody
  bool in_review = false;                                    ///< break-glass that nobody has looked at yet
  std::vector<std::string> approver_groups, approver_users;  ///< who decide on it, or look at it
};

/// Everything that decides who may do what, as of one moment.
struct Directory {
  std::int64_t generation = 0;
  std::vector<User> users;
  std::vector<Group> groups;
  std::vector<Membership> memberships;
  std::vector<RoleGrant> roles;
  std::vector<Target> targets;
  std::optional<PolicyVersion> policy;               ///< the active one
  std::vector<DatabasePassword> database_passwords;  ///< neither revoked nor expired
  std::vector<ScramSalt> scram_salts;
  std::vector<CertificateName> certificate_names;
  std::vector<EndedCredential> ended;        ///< since the time asked for
  std::vector<RevokedToken> revoked_tokens;  ///< that have not expired
  std::vector<AccessRequest> access;         ///< in force, or over and nobody has noted it yet
};

}  // namespace dbgate::ports::store
