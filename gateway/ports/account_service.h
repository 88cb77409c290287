#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/error.h"
#include "gateway/base/task.h"
#include "gateway/ports/store_records.h"

// Signing in, and what people do with their own account, as the API offers it.
namespace dbgate::ports {

/// From where somebody signs in.
struct Device {
  std::string client;  ///< what the device calls itself; shown in lists of logins
  std::string address;
};

/// What somebody proves who they are with.
struct PasswordProof {
  std::string user;
  std::string password;
  std::string otp;            ///< or
  std::string recovery_code;  ///< of a second factor; both may come later
};

/// What a sign-in or a refresh gives. Lifetimes in seconds.
struct IssuedTokens {
  std::string access_token;
  std::int64_t expires_in_s = 0;
  std::string refresh_token;
  std::int64_t refresh_expires_in_s = 0;
  std::string user;
  bool must_change_password = false;  ///< the access token is good for the scope "account" alone
};

enum class SignInState : std::uint8_t { signed_in, refused, second_factor_needed, limited };

struct SignInAnswer {
  SignInState state = SignInState::refused;
  IssuedTokens tokens;             ///< of signed_in
  std::string challenge;           ///< of second_factor_needed; good for five minutes
  std::int64_t retry_after_s = 0;  ///< of limited
};

/// An application wants to sign somebody in by a browser (RFC 8252).
struct BrowserSignIn {
  std::string provider;        ///< empty: the first one
  std::string redirect_uri;    ///< of the application, on the loopback interface
  std::string code_challenge;  ///< S256
  std::string state;
  std::string callback;  ///< the gateway's own URL that the provider sends the browser to
};

/// What the provider sends the browser back with.
struct BrowserReturn {
  std::string state;
  std::string code;
  std::string error;
  std::string issuer;
};

/// RFC 6749 §4.1.3 with RFC 7636.
struct CodeGrant {
  std::string code;
  std::string verifier;
  std::string redirect_uri;
};

/// RFC 8628 §3.2. Times in seconds.
struct DeviceStart {
  std::string device_code;
  std::string user_code;
  std::string verification_uri;
  std::string verification_uri_complete;  ///< may be empty
  std::int64_t expires_in_s = 0;
  std::int64_t interval_s = 0;
};

/// RFC 8628 §3.5.
enum class DeviceProgress : std::uint8_t { pending, slow_down, expired, denied, done };

struct DeviceAnswer {
  DeviceProgress progress = DeviceProgress::pending;
  IssuedTokens tokens;  ///< of done
};

/// Whose account it is, and what the request proved it with.
struct AccountCaller {
  std::string user;
  std::string credential;    ///< lgn_… or key_…
  std::int64_t expires = 0;  ///< of the credential: seconds since 1970 UTC; 0: never
  std::string address;
};

struct TotpStart {
  std::string secret;  ///< base 32, to type in
  std::string uri;     ///< to scan
};

struct NewToken {
  std::string name;
  std::vector<std::string> scopes;
  std::int64_t lasts_s = 0;
};

struct NewPassword {
  std::string name;
  std::string target;  ///< empty: any
  std::int64_t lasts_s = 0;
};

/// A secret that is shown once, and what is kept of it.
struct CreatedToken {
  std::string secret;
  store::AccessKey token;
};
struct CreatedPassword {
  std::string password;
  store::DatabasePassword record;
};

/// Used from the API's thread; nothing blocks it. Every sign-in and every change is recorded in the audit log.
/// Errors of all operations: 08006 the identity store cannot be reached, 58030 the audit log cannot take the record.
class AccountService {
 public:
  virtual ~AccountService() = default;

  // Signing in.

  /// Names of the identity providers.
  virtual std::vector<std::string> providers() const = 0;
  /// Errors: 53300 too many passwords are being checked.
  virtual Task<Result<SignInAnswer>> sign_in(PasswordProof proof, Device device) = 0;
  /// The second step: what `proof` has of a second factor. Its user and password do not count.
  virtual Task<Result<SignInAnswer>> answer_challenge(std::string challenge, PasswordProof proof, Device device) = 0;
  /// Errors: 28000, always the same. A token that comes a second time ends its login.
  virtual Task<Result<IssuedTokens>> refresh(std::string refresh_token, std::string address) = 0;
  /// @return the URL to open. Errors: 22023; 3D000 no such provider; 08006 it cannot be reached.
  virtual Task<Result<std::string>> start_browser(BrowserSignIn start) = 0;
  /// @return where to send the browser. Errors: 28000 the sign-in is unknown, used or too old; 08006.
  virtual Task<Result<std::string>> finish_browser(BrowserReturn answer) = 0;
  /// Errors: 28000, always the same.
  virtual Task<Result<IssuedTokens>> redeem(CodeGrant grant, Device device) = 0;
  /// Errors: 3D000 no such provider; 0A000 it has no device flow; 08006.
  virtual Task<Result<DeviceStart>> start_device(std::string provider) = 0;
  /// Errors: 28000, 42501 the provider's person may not enter, 08006.
  virtual Task<Result<DeviceAnswer>> poll_device(std::string device_code, Device device) = 0;
  /// The public keys of access tokens: a JSON Web Key Set.
  virtual Task<Result<std::string>> jwks() = 0;

  // One's own account.

  /// Ends the login or key of the caller; with `all` every login of the user.
  virtual Task<Result<>> sign_out(AccountCaller caller, bool all) = 0;
  /// All other logins end. Errors: 28P01 `current` is wrong; 53400 too many attempts; 22023 the new one is no good;
  /// 0A000 the configuration file has this password; 40001 it was changed meanwhile; 53300.
  virtual Task<Result<>> change_password(AccountCaller caller, std::string current, std::string next) = 0;
  /// Errors: 40001 a second factor is in force; 02000 users of the configuration file have none.
  virtual Task<Result<TotpStart>> start_totp(AccountCaller caller) = 0;
  /// @return the recovery codes, shown once. Errors: 28P01 the code is wrong, or nothing was started.
  virtual Task<Result<std::vector<std::string>>> confirm_totp(AccountCaller caller, std::string otp) = 0;
  /// Proved by the password, or by a code of the second factor. Errors: 28P01; 53400; 53300; 02000 there is none.
  virtual Task<Result<>> remove_totp(AccountCaller caller, PasswordProof proof) = 0;

  /// Those that are live, by time of creation.
  virtual Task<Result<store::Listed<store::Login>>> logins(std::string user, store::Page page) = 0;
  /// Errors: 42704 the user has no such live login.
  virtual Task<Result<>> end_login(AccountCaller caller, std::string id) = 0;
  virtual Task<Result<store::Listed<store::AccessKey>>> tokens(std::string user, store::Page page) = 0;
  /// Errors: 22023; 23505 there is one of that name.
  virtual Task<Result<CreatedToken>> create_token(AccountCaller caller, NewToken wanted) = 0;
  /// Errors: 42704.
  virtual Task<Result<>> revoke_token(AccountCaller caller, std::string id) = 0;
  virtual Task<Result<store::Listed<store::DatabasePassword>>> database_passwords(std::string user,
                                                                                  store::Page page) = 0;
  /// Errors: as create_token.
  virtual Task<Result<CreatedPassword>> create_database_password(AccountCaller caller, NewPassword wanted) = 0;
  /// Errors: 42704.
  virtual Task<Result<>> revoke_database_password(AccountCaller caller, std::string id) = 0;
};

}  // namespace dbgate::ports
