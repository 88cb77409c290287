#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "config/models.h"

namespace dbgate::models {

/// Tokens, and what they cost.
struct Spending {
  std::uint64_t tokens = 0;
  std::int64_t cost_nano = 0;
};

/// What principals have spent today (UTC), in this process. Reserved before, settled after; whoever shares one holds a
/// lock.
class Budget {
 public:
  explicit Budget(const config::Models& models) : each_(models.each), all_(models.all) {}

  /// Takes it from what is left of the principal's day, and of everybody's. False: there is not as much left.
  /// @param now  seconds since 1970 UTC
  bool reserve(std::string_view principal, const Spending& estimate, std::int64_t now);
  /// What was reserved turned out to be something else. A day that is over is not looked back on.
  void settle(std::string_view principal, const Spending& estimate, const Spending& spent, std::int64_t now);
  Spending spent_by(std::string_view principal) const;

 private:
  void turn_to(std::int64_t now);

  const config::ModelBudget each_, all_;
  std::int64_t day_ = -1;
  Spending total_;
  std::map<std::string, Spending, std::less<>> by_principal_;
};

/// What tokens cost at a price.
std::int64_t cost_of(const config::TokenPrice& price, std::uint64_t input_tokens, std::uint64_t output_tokens);

}  // namespace dbgate::models
