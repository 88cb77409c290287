#include "gateway/show/stats.h"

namespace dbgate::show {
namespace {

constexpr std::uint64_t second_us = 1'000'000;

std::uint64_t ratio(std::uint64_t what, std::uint64_t by) {
  return by == 0 ? 0 : what / by;
}

// 0 as well if there is less than before: of a target that has come again.
std::uint64_t more(std::uint64_t earlier, std::uint64_t later) {
  return later > earlier ? later - earlier : 0;
}

}  // namespace

Averages averages(const Totals& earlier, const Totals& later, std::chrono::microseconds between) {
  const auto us = static_cast<std::uint64_t>(between.count() > 0 ? between.count() : 0);
  const auto each_second = [us](std::uint64_t before, std::uint64_t after) {
    return ratio(more(before, after) * second_us, us);
  };
  Averages found;
  found.transactions = each_second(earlier.transactions, later.transactions);
  found.queries = each_second(earlier.queries, later.queries);
  found.received = each_second(earlier.received, later.received);
  found.sent = each_second(earlier.sent, later.sent);
  found.wait_us = each_second(earlier.wait_us, later.wait_us);
  found.transaction_us =
      ratio(more(earlier.transaction_us, later.transaction_us), more(earlier.transactions, later.transactions));
  found.query_us = ratio(more(earlier.query_us, later.query_us), more(earlier.queries, later.queries));
  return found;
}

bool StatsPeriods::due(Clock::time_point now) const {
  const std::lock_guard lock(mutex_);
  return noted_ == Clock::time_point::min() || now - noted_ >= period;
}

void StatsPeriods::note(Clock::time_point now, TotalsByTarget totals) {
  const std::lock_guard lock(mutex_);
  before_ = noted_;
  earlier_ = std::move(last_);
  noted_ = now;
  last_ = std::move(totals);
}

AveragesByTarget StatsPeriods::of_last() const {
  const std::lock_guard lock(mutex_);
  AveragesByTarget found;
  if (before_ == Clock::time_point::min()) return found;
  const auto between = std::chrono::duration_cast<std::chrono::microseconds>(noted_ - before_);
  for (const auto& [target, totals] : last_) {
    const auto earlier = earlier_.find(target);
    found.emplace(target, averages(earlier == earlier_.end() ? Totals() : earlier->second, totals, between));
  }
  return found;
}

}  // namespace dbgate::show
