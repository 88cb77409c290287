#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace dbgate::show {

/// What a target has had since the process started. Times in microseconds.
struct Totals {
  std::uint64_t transactions = 0;
  std::uint64_t queries = 0;
  std::uint64_t received = 0;  ///< bytes, from clients
  std::uint64_t sent = 0;      ///< bytes, to clients
  std::uint64_t transaction_us = 0;
  std::uint64_t query_us = 0;
  std::uint64_t wait_us = 0;  ///< of who stood in line for a server connection

  bool operator==(const Totals&) const = default;
};

/// What that comes to in a period: counts, bytes and waiting for each second, times for each transaction or query.
using Averages = Totals;

using TotalsByTarget = std::map<std::string, Totals, std::less<>>;
using AveragesByTarget = std::map<std::string, Averages, std::less<>>;

/// `later` was so much later. 0 where nothing happened.
Averages averages(const Totals& earlier, const Totals& later, std::chrono::microseconds between);

/// The totals of the last two ends of periods. Any thread.
class StatsPeriods {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::seconds period{60};

  /// Whether a period is over: note() is due.
  bool due(Clock::time_point now) const;
  void note(Clock::time_point now, TotalsByTarget totals);
  /// Of the last whole period; empty before there was one.
  AveragesByTarget of_last() const;

 private:
  mutable std::mutex mutex_;
  Clock::time_point noted_ = Clock::time_point::min();
  Clock::time_point before_ = Clock::time_point::min();
  TotalsByTarget last_;
  TotalsByTarget earlier_;
};

}  // namespace dbgate::show
