#include "gateway/identity/password_sign_in.h"

#include "gateway/auth/random.h"
#include "gateway/base/log.h"
#include "gateway/identity/key_text.h"
#include "gateway/identity/password_rules.h"

namespace dbgate::identity {
namespace {

namespace store = ports::store;

constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t challenge_lasts_us = 300 * second_us;
constexpr std::size_t challenge_characters = 43;  // 256 bits
constexpr std::size_t one_time_characters = 20;   // 119 bits
constexpr std::size_t secret_bytes = 32;
constexpr int most_at_once = 4;  // a person has few devices
constexpr const char* kind_challenge = "second_factor";

SignInResult limited(std::int64_t retry_after_s) {
  SignInResult result;
  result.outcome = SignInOutcome::limited;
  result.retry_after_s = retry_after_s;
  return result;
}

bool possible(const PasswordAttempt& attempt) {
  return store::valid_name(attempt.user) && !attempt.password.empty() && attempt.password.size() <= max_password_bytes;
}

constexpr std::size_t most_remembered = 10'000;

// Unlike any account alone, whatever people type as a name: that begins with another letter.
std::string pair_of(const std::string& user, const std::string& address) {
  return "at " + counted_address(address) + ' ' + user;
}

}  // namespace

PasswordSignIn::PasswordSignIn(const config::SignIn& settings, store::Store& store, ports::PasswordHasher& hasher,
                               KnownUsers users, std::size_t most)
    : store_(store),
      hasher_(hasher),
      users_(std::move(users)),
      attempts_(settings, store),
      mock_secret_(auth::random_bytes(secret_bytes)),
      most_(most) {}

// Both kinds of hash every time, so that the time tells neither whether there is such a user nor where it stands.
Result<bool> PasswordSignIn::password_fits(const PasswordAttempt& attempt, const store::SignInSecrets& secrets) {
  const auto in_file = users_.file_verifier(attempt.user);
  const auth::ScramVerifier verifier = in_file ? *in_file : auth::mock_scram_verifier(attempt.user, mock_secret_);
  const bool fits_file = auth::verify_password(verifier, attempt.password);
  const bool has_hash = !secrets.password_hash.empty();
  DBGATE_TRY(const bool fits_hash,
             hasher_.verify(has_hash ? secrets.password_hash : hasher_.decoy(), attempt.password));
  const bool fits = in_file ? fits_file : has_hash && fits_hash;
  return fits && users_.may_enter(attempt.user);
}

Result<PasswordSignIn::Place> PasswordSignIn::enter(const std::string& user, const std::string& address) {
  const std::lock_guard lock(mutex_);
  if (entered_ >= most_) {
    return Error(sqlstate::too_many_connections, "too many passwords are being checked", "try again in a few seconds");
  }
  std::string crowd = pair_of(user, address);
  if (!lately_.contains(crowd)) crowd = "of " + user;
  int& count = under_way_[crowd];
  if (count >= most_at_once) return Error(sqlstate::configuration_limit_exceeded, "too many attempts", "try again");
  ++count;
  ++entered_;
  return Place(*this, std::move(crowd));
}

void PasswordSignIn::leave(const std::string& crowd) noexcept {
  const std::lock_guard lock(mutex_);
  const auto found = under_way_.find(crowd);
  if (--found->second == 0) under_way_.erase(found);
  --entered_;
}

void PasswordSignIn::remember(const std::string& user, const std::string& address) {
  const std::lock_guard lock(mutex_);
  if (lately_.size() >= most_remembered) lately_.clear();
  lately_.insert(pair_of(user, address));
}

Result<SignInResult> PasswordSignIn::attempt(const PasswordAttempt& attempt, std::int64_t now_us) {
  DBGATE_TRY(const std::int64_t wait_s, attempts_.wait_s(attempt.user, attempt.address, now_us));
  if (wait_s != 0) return limited(wait_s);
  if (possible(attempt)) return checked(attempt, now_us);
  // What no account can have says nothing of accounts, and is not worth the work.
  DBGATE_CHECK(attempts_.failed(attempt.user, attempt.address, now_us));
  return SignInResult{};
}

Result<SignInResult> PasswordSignIn::checked(const PasswordAttempt& attempt, std::int64_t now_us) {
  DBGATE_TRY(const auto secrets, store_.sign_ins().sign_in_secrets(attempt.user));
  DBGATE_TRY(const bool fits, password_fits(attempt, secrets));
  if (!fits) {
    DBGATE_CHECK(attempts_.failed(attempt.user, attempt.address, now_us));
    return SignInResult{};
  }
  DBGATE_CHECK(attempts_.succeeded(attempt.user, attempt.address));
  remember(attempt.user, attempt.address);
  refresh_hash(attempt, secrets, now_us);
  return with_factor(attempt.user, secrets, attempt.factor, now_us);
}

Result<SignInResult> PasswordSignIn::with_factor(const std::string& user, const store::SignInSecrets& secrets,
                                                 const SecondFactor& factor, std::int64_t now_us) {
  SignInResult result;
  result.user = user;
  result.must_change_password = secrets.must_change_password;
  result.outcome = SignInOutcome::signed_in;
  if (secrets.totp_confirmed_us == 0) return result;
  if (!factor.given()) {
    SignInResult asked;
    asked.outcome = SignInOutcome::second_factor_needed;
    asked.challenge = random_base62(challenge_characters);
    DBGATE_CHECK(store_.sign_ins().put_pending_login(
        {key_hash(asked.challenge), kind_challenge, user, now_us + challenge_lasts_us}));
    return asked;
  }
  DBGATE_TRY(const FactorResult checked, check_second_factor(store_, user, secrets, factor, now_us));
  if (checked.outcome == FactorOutcome::limited) return limited(checked.retry_after_s);
  return checked.outcome == FactorOutcome::right ? result : SignInResult{};
}

Result<SignInResult> PasswordSignIn::answer(std::string_view challenge, const SecondFactor& factor,
                                            std::int64_t now_us) {
  const std::string hash = key_hash(challenge);
  DBGATE_TRY(const auto pending, store_.sign_ins().find_pending_login(kind_challenge, hash, now_us));
  if (!pending || !factor.given()) return SignInResult{};
  DBGATE_TRY(const auto secrets, store_.sign_ins().sign_in_secrets(pending->data));
  // Without its second factor the account is not the one that was asked for it: the password has to come again.
  if (secrets.totp_confirmed_us == 0 || !users_.may_enter(pending->data)) return SignInResult{};
  DBGATE_TRY(SignInResult result, with_factor(pending->data, secrets, factor, now_us));
  result.user = pending->data;
  if (result.outcome != SignInOutcome::signed_in) return result;
  DBGATE_TRY(const auto taken, store_.sign_ins().take_pending_login(kind_challenge, hash, now_us));
  return taken ? result : SignInResult{};
}

// Parameters have changed since the password was set, and only now is it known. It may fail: next time, then.
void PasswordSignIn::refresh_hash(const PasswordAttempt& attempt, const store::SignInSecrets& secrets,
                                  std::int64_t now_us) {
  if (secrets.password_hash.empty() || !hasher_.needs_rehash(secrets.password_hash)) return;
  const auto fresh = hasher_.hash(attempt.password);
  if (!fresh) return;
  store::PasswordChange change;
  change.hash = *fresh;
  change.must_change = secrets.must_change_password;
  change.seen_hash = secrets.password_hash;
  change.end_logins = false;
  const auto done = store_.sign_ins().set_password(attempt.user, change, now_us);
  if (!done) log::warn("identity", "cannot store a password hash with new parameters");
}

Result<store::PasswordChange> PasswordSignIn::prepare_change(const PasswordAttempt& current,
                                                             const std::string& new_password,
                                                             const std::string& keep_login, std::int64_t now_us) {
  if (users_.file_verifier(current.user)) {
    return Error(sqlstate::feature_not_supported, "the configuration file has this password", "change it there");
  }
  DBGATE_CHECK(check_new_password(current.user, new_password));
  DBGATE_TRY(const std::int64_t wait_s, attempts_.wait_s(current.user, current.address, now_us));
  if (wait_s != 0) return Error(sqlstate::configuration_limit_exceeded, "too many attempts", "try again later");
  DBGATE_TRY(const auto secrets, store_.sign_ins().sign_in_secrets(current.user));
  DBGATE_TRY(const bool fits, password_fits(current, secrets));
  if (!fits) {
    DBGATE_CHECK(attempts_.failed(current.user, current.address, now_us));
    return Error(sqlstate::invalid_password, "the current password is wrong");
  }
  if (current.password == new_password) return Error(sqlstate::invalid_parameter_value, "the password is the old one");
  store::PasswordChange change;
  DBGATE_TRY(change.hash, hasher_.hash(new_password));
  change.seen_hash = secrets.password_hash;
  change.keep_login = keep_login;
  change.by = current.user;
  return change;
}

Result<std::string> PasswordSignIn::reset(const std::string& user, const std::string& by, std::int64_t now_us) {
  std::string text = random_base62(one_time_characters);
  store::PasswordChange change;
  DBGATE_TRY(change.hash, hasher_.hash(text));
  change.must_change = true;
  change.by = by;
  DBGATE_CHECK(store_.sign_ins().set_password(user, change, now_us));
  return text;
}

}  // namespace dbgate::identity
