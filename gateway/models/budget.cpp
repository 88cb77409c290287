#include "gateway/models/budget.h"

#include <algorithm>

namespace dbgate::models {
namespace {

constexpr std::int64_t day_seconds = 86'400;

bool fits(const config::ModelBudget& limit, const Spending& spent, const Spending& more) {
  if (limit.tokens != 0 && spent.tokens + more.tokens > limit.tokens) return false;
  return limit.cost_nano == 0 || spent.cost_nano + more.cost_nano <= limit.cost_nano;
}

void add(Spending& to, const Spending& more) {
  to.tokens += more.tokens;
  to.cost_nano += more.cost_nano;
}

void take(Spending& from, const Spending& less) {
  from.tokens -= std::min(from.tokens, less.tokens);
  from.cost_nano -= std::min(from.cost_nano, less.cost_nano);
}

}  // namespace

void Budget::turn_to(std::int64_t now) {
  const std::int64_t day = now / day_seconds;
  if (day <= day_) return;  // a clock that goes back gives nothing back
  day_ = day;
  total_ = {};
  by_principal_.clear();
}

bool Budget::reserve(std::string_view principal, const Spending& estimate, std::int64_t now) {
  turn_to(now);
  const auto at = by_principal_.try_emplace(std::string(principal)).first;
  if (!fits(each_, at->second, estimate) || !fits(all_, total_, estimate)) return false;
  add(at->second, estimate);
  add(total_, estimate);
  return true;
}

void Budget::settle(std::string_view principal, const Spending& estimate, const Spending& spent, std::int64_t now) {
  const std::int64_t before = day_;
  turn_to(now);
  const auto at = by_principal_.try_emplace(std::string(principal)).first;
  if (day_ == before) {
    take(at->second, estimate);
    take(total_, estimate);
  }
  add(at->second, spent);
  add(total_, spent);
}

Spending Budget::spent_by(std::string_view principal) const {
  const auto found = by_principal_.find(principal);
  return found == by_principal_.end() ? Spending{} : found->second;
}

std::int64_t cost_of(const config::TokenPrice& price, std::uint64_t input_tokens, std::uint64_t output_tokens) {
  constexpr double million = 1e6;
  const double cost = static_cast<double>(input_tokens) * static_cast<double>(price.input) / million +
                      static_cast<double>(output_tokens) * static_cast<double>(price.output) / million;
  constexpr double most = 9e18;
  return static_cast<std::int64_t>(std::min(cost, most));
}

}  // namespace dbgate::models
