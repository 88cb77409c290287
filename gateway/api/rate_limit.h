#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace dbgate::api {

/// What a bucket says to one request.
struct Allowance {
  bool allowed = true;
  std::uint64_t quota = 0;         ///< requests a minute; 0: no limit
  std::uint64_t left = 0;          ///< requests that would pass right now
  std::int64_t wait_seconds = 0;   ///< until the next one passes; 0 if one would now
  std::int64_t reset_seconds = 0;  ///< until the bucket is full
};

/// Token buckets by key (a caller, an address): a minute's worth at once, refilled evenly. Memory is bounded: of more
/// than `most` keys, those that have not been seen for longest are forgotten, which fills their buckets. Any thread.
///
/// Gateways on one store tell each other what is missing from their buckets: together a caller has one bucket. What is
/// missing comes back to each in proportion to what it has given away, so that together they refill at the one rate.
class RateLimiter {
 public:
  using Clock = std::chrono::steady_clock;

  explicit RateLimiter(std::size_t most = 20'000) : most_(most) {}

  /// Takes one token, if there is one.
  /// @param per_minute  0: no limit
  Allowance take(const std::string& key, std::uint64_t per_minute, Clock::time_point now);
  std::size_t size() const;
  /// What is missing from buckets that lack a tenth and more, in steps of a twentieth; of many those seen last.
  std::map<std::string, std::size_t, std::less<>> used(Clock::time_point now) const;
  /// What is missing from the buckets of others.
  void count_elsewhere(std::map<std::string, std::size_t, std::less<>> used);

 private:
  struct Bucket {
    std::string key;
    double full = 0;
    double tokens = 0;
    Clock::time_point at;
    double tokens_at(Clock::time_point now, double elsewhere) const;
  };
  double elsewhere(const std::string& key) const;
  using Order = std::list<Bucket>;

  mutable std::mutex mutex_;
  std::map<std::string, std::size_t, std::less<>> elsewhere_;
  Order order_;  // seen last: in front
  std::unordered_map<std::string, Order::iterator> buckets_;
  const std::size_t most_;
};

/// What counts as one address: IPv4 as it is, of IPv6 the first 64 bits, which is what one customer gets.
std::string address_group(std::string_view address);

}  // namespace dbgate::api
