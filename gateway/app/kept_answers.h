#pragma once
#include <string>

#include "gateway/api/idempotency.h"
#include "gateway/app/identity.h"

namespace dbgate::app {

/// Answers by Idempotency-Key in the identity store, sealed: the same for all gateways on it, and after a restart.
class KeptAnswers final : public api::IdempotencyKeys {
 public:
  explicit KeptAnswers(Identity& identity) : identity_(identity) {}

  Task<Result<api::IdempotencyClaim>> claim(std::string user, std::string key, std::string request_hash) override;
  /// One that is larger than 128 KiB is remembered as done and not kept.
  Task<Result<>> answer(std::string user, std::string key, api::KeptAnswer answer) override;
  Task<> forget(std::string user, std::string key) override;

 private:
  Identity& identity_;
};

}  // namespace dbgate::app
