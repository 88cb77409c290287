#include "gateway/identity/second_factor.h"

#include <algorithm>

#include "gateway/identity/key_text.h"
#include "gateway/identity/totp.h"

namespace dbgate::identity {
namespace {

namespace store = ports::store;

constexpr std::int64_t second_us = 1'000'000;
constexpr const char* app_name = "dbgate";
// Forty codes a day at most, of which three in a million are right.
constexpr store::LockRule rule{5, 86'400 * second_us, 30 * second_us, 3600 * second_us};

std::string counter(const std::string& user) {
  return "factor:" + key_hash(user);
}

Error wrong_code() {
  return {sqlstate::invalid_password, "the code is wrong"};
}

Result<bool> use(store::Store& store, const std::string& user, const store::SignInSecrets& secrets,
                 const SecondFactor& factor, std::int64_t now_us) {
  if (!factor.recovery_code.empty()) {
    const std::string hash = recovery_code_hash(factor.recovery_code);
    if (hash.empty()) return false;
    return store.sign_ins().use_recovery_code(user, hash, now_us);
  }
  const auto step = check_totp(secrets.totp_secret, factor.otp, now_us / second_us, secrets.totp_last_step);
  if (!step) return false;
  return store.sign_ins().use_totp_step(user, *step);
}

}  // namespace

Result<StartedTotp> start_totp(store::Store& store, const std::string& user, std::int64_t now_us) {
  const std::string secret = make_totp_secret();
  DBGATE_CHECK(store.sign_ins().start_totp(user, secret, now_us));
  return StartedTotp{totp_base32(secret), totp_uri(secret, app_name, user)};
}

Result<CheckedTotp> check_started_totp(store::Store& store, const std::string& user, std::string_view code,
                                       std::int64_t now_us) {
  DBGATE_TRY(auto secrets, store.sign_ins().sign_in_secrets(user));
  if (secrets.totp_secret.empty() || secrets.totp_confirmed_us != 0) return wrong_code();
  const auto step = check_totp(secrets.totp_secret, code, now_us / second_us, 0);
  if (!step) return wrong_code();
  return CheckedTotp{std::move(secrets.totp_secret), *step};
}

Result<std::vector<std::string>> confirm_totp(store::Store& store, const std::string& user, const CheckedTotp& checked,
                                              std::int64_t now_us) {
  auto codes = make_recovery_codes();
  std::vector<std::string> hashes;
  for (const std::string& recovery : codes)
    hashes.push_back(recovery_code_hash(recovery));
  DBGATE_TRY(const bool confirmed, store.sign_ins().confirm_totp(user, checked.secret, checked.step, hashes, now_us));
  if (!confirmed) return wrong_code();
  return codes;
}

Result<FactorResult> check_second_factor(store::Store& store, const std::string& user,
                                         const store::SignInSecrets& secrets, const SecondFactor& factor,
                                         std::int64_t now_us) {
  const std::string key = counter(user);
  DBGATE_TRY(const auto failures, store.sign_ins().failures(key, now_us));
  if (failures.locked(now_us)) {
    return FactorResult{FactorOutcome::limited, (failures.locked_until_us - now_us) / second_us + 1};
  }
  DBGATE_TRY(const bool right, use(store, user, secrets, factor, now_us));
  if (right) {
    DBGATE_CHECK(store.sign_ins().clear_failures(key));
    return FactorResult{FactorOutcome::right, 0};
  }
  DBGATE_TRY([[maybe_unused]] const auto counted, store.sign_ins().note_failure(key, rule, now_us));
  return FactorResult{};
}

}  // namespace dbgate::identity
