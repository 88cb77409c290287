#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/auth/scram_verifier.h"
#include "gateway/identity/attempts.h"
#include "gateway/identity/second_factor.h"
#include "gateway/ports/password_hasher.h"
#include "gateway/ports/store.h"

namespace dbgate::identity {

struct PasswordAttempt {
  std::string user;
  std::string password;
  SecondFactor factor;  ///< may come with the password, or later
  std::string address;
};

enum class SignInOutcome : std::uint8_t {
  signed_in,
  refused,               ///< the password or the code is wrong, or there is no such user: nobody hears which
  second_factor_needed,  ///< the password is right; answer the challenge
  limited                ///< too many attempts; nothing has been looked at
};

struct SignInResult {
  SignInOutcome outcome = SignInOutcome::refused;
  std::string user;                ///< of signed_in; of a second step also when refused, if the challenge is one
  std::string challenge;           ///< of second_factor_needed; good for five minutes
  std::int64_t retry_after_s = 0;  ///< of limited
  bool must_change_password = false;
};

/// What the rest of the gateway knows of users.
struct KnownUsers {
  std::function<std::optional<auth::ScramVerifier>(std::string_view)> file_verifier;  ///< of the configuration file
  std::function<bool(std::string_view)> may_enter;                                    ///< exists and is active
};

/// People who sign in with a name and a password, and a second factor if they have one. Every attempt that gets past
/// the limits costs the same work whoever it names: one Argon2 hash and one PBKDF2. Blocks for as long as those take,
/// and for the store; safe to use from any thread, never on an event loop.
class PasswordSignIn {
 public:
  PasswordSignIn(const config::SignIn& settings, ports::store::Store& store, ports::PasswordHasher& hasher,
                 KnownUsers users);

  /// Errors: 53300 too many passwords are being checked; the store's.
  Result<SignInResult> attempt(const PasswordAttempt& attempt, std::int64_t now_us);
  /// The second step. The challenge stays good after a wrong code, until the limit. Errors: the store's.
  Result<SignInResult> answer(std::string_view challenge, const SecondFactor& factor, std::int64_t now_us);

  /// A person's new password, chosen by the person. Ends all other logins. `old_password` wrong: 28P01, counted as a
  /// failed attempt; too many: 53400. Rules: 22023. Users of the configuration file: 0A000.
  Result<> change(const PasswordAttempt& current, const std::string& new_password, const std::string& keep_login,
                  std::int64_t now_us);
  /// A password that is good for choosing another one. @return its text, to be shown once
  Result<std::string> reset(const std::string& user, const std::string& by, std::int64_t now_us);

 private:
  class Turn;
  Result<SignInResult> checked(const PasswordAttempt& attempt, std::int64_t now_us);
  Result<bool> password_fits(const PasswordAttempt& attempt, const ports::store::SignInSecrets& secrets);
  Result<SignInResult> with_factor(const std::string& user, const ports::store::SignInSecrets& secrets,
                                   const SecondFactor& factor, std::int64_t now_us);
  void refresh_hash(const PasswordAttempt& attempt, const ports::store::SignInSecrets& secrets, std::int64_t now_us);

  ports::store::Store& store_;
  ports::PasswordHasher& hasher_;
  const KnownUsers users_;
  Attempts attempts_;
  const std::string mock_secret_;
  std::mutex mutex_;
  std::map<std::string, int> under_way_;  // attempts that are being checked, by user name
};

}  // namespace dbgate::identity
