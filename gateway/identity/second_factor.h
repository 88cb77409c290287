#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/ports/store.h"

namespace dbgate::identity {

struct StartedTotp {
  std::string secret;  ///< base 32, to type in
  std::string uri;     ///< to scan
};

/// What somebody proves to have besides a password: one of the two.
struct SecondFactor {
  std::string otp;
  std::string recovery_code;
  bool given() const noexcept { return !otp.empty() || !recovery_code.empty(); }
};

enum class FactorOutcome : std::uint8_t { right, wrong, limited };

struct FactorResult {
  FactorOutcome outcome = FactorOutcome::wrong;
  std::int64_t retry_after_s = 0;  ///< when limited
};

/// A new secret, not in force until it is confirmed. Errors: 40001 if one is in force; the store's.
Result<StartedTotp> start_totp(ports::store::Store& store, const std::string& user, std::int64_t now_us);

/// A secret that was started, and the step of a code that it has given.
struct CheckedTotp {
  std::string secret;
  std::int64_t step = 0;
};
/// Whether a code is one of the secret that was started. Errors: 28P01 it is wrong, or nothing was started; the
/// store's.
Result<CheckedTotp> check_started_totp(ports::store::Store& store, const std::string& user, std::string_view code,
                                       std::int64_t now_us);
/// Puts the secret in force. @return the recovery codes, shown once
/// Errors: 28P01 it is no longer the one that was started; the store's.
Result<std::vector<std::string>> confirm_totp(ports::store::Store& store, const std::string& user,
                                              const CheckedTotp& checked, std::int64_t now_us);
/// Checks and uses up. After five wrong ones within a day, from anywhere, there is a wait, doubled by each further one
/// up to an hour: six digits are few. Blocks. Errors: the store's.
Result<FactorResult> check_second_factor(ports::store::Store& store, const std::string& user,
                                         const ports::store::SignInSecrets& secrets, const SecondFactor& factor,
                                         std::int64_t now_us);

}  // namespace dbgate::identity
