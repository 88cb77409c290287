#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

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
  /// @param most  attempts that are under way or wait for it at once; the next is told to come again
  PasswordSignIn(const config::SignIn& settings, ports::store::Store& store, ports::PasswordHasher& hasher,
                 KnownUsers users, std::size_t most = 64);

  /// A place among the attempts that are under way or wait for it, for as long as it lives.
  class Place {
   public:
    Place() = default;
    Place(PasswordSignIn& owner, std::string crowd) : owner_(&owner), crowd_(std::move(crowd)) {}
    Place(Place&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), crowd_(std::move(other.crowd_)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(owner_, other.owner_);
      std::swap(crowd_, other.crowd_);
      return *this;
    }
    ~Place() {
      if (owner_ != nullptr) owner_->leave(crowd_);
    }

   private:
    PasswordSignIn* owner_ = nullptr;
    std::string crowd_;
  };
  /// Blocks nobody: to be asked before an attempt waits for anything. Of one account a few only are there at once:
  /// whatever arrives in the moment a wait ends would be hashed otherwise, and hold up everybody else.
  /// Errors: 53300 too many attempts, 53400 too many on the account.
  /// Addresses from which somebody has signed in to the account lately have places of their own: others cannot take
  /// them.
  Result<Place> enter(const std::string& user, const std::string& address);
  /// Seconds that attempts on the account from that address have to wait now; 0: none. Reads the store.
  Result<std::int64_t> wait_s(const std::string& user, const std::string& address, std::int64_t now_us) {
    return attempts_.wait_s(user, address, now_us);
  }

  /// Whoever calls has a place for the account. Errors: 53300 too many passwords are being checked; the store's.
  Result<SignInResult> attempt(const PasswordAttempt& attempt, std::int64_t now_us);
  /// The second step. The challenge stays good after a wrong code, until the limit. Errors: the store's.
  Result<SignInResult> answer(std::string_view challenge, const SecondFactor& factor, std::int64_t now_us);

  /// A person's new password, chosen by the person, for Store::set_password(): what ends all other logins. The old one
  /// wrong: 28P01, counted as a failed attempt; too many: 53400. Rules: 22023. Users of the configuration file: 0A000.
  Result<ports::store::PasswordChange> prepare_change(const PasswordAttempt& current, const std::string& new_password,
                                                      const std::string& keep_login, std::int64_t now_us);
  /// A password that is good for choosing another one. @return its text, to be shown once
  Result<std::string> reset(const std::string& user, const std::string& by, std::int64_t now_us);

 private:
  void leave(const std::string& crowd) noexcept;
  void remember(const std::string& user, const std::string& address);
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
  std::map<std::string, int> under_way_;  // attempts that have a place, by account, or account and address
  std::set<std::string> lately_;          // accounts and addresses that have signed in to them
  std::size_t entered_ = 0;
  const std::size_t most_;
};

}  // namespace dbgate::identity
