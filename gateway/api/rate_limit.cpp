#include "gateway/api/rate_limit.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace dbgate::api {

namespace {

constexpr std::size_t most_told = 1'000;

}  // namespace

// What is missing here comes back as its part of what is missing everywhere.
double RateLimiter::Bucket::tokens_at(Clock::time_point now, double elsewhere) const {
  const double passed = std::chrono::duration<double>(std::max(now, at) - at).count();
  const double missing = full - tokens;
  if (missing <= 0) return full;
  return std::min(full, tokens + passed * full / 60 * missing / (missing + elsewhere));
}

double RateLimiter::elsewhere(const std::string& key) const {
  const auto found = elsewhere_.find(key);
  return found == elsewhere_.end() ? 0 : static_cast<double>(found->second);
}

std::size_t RateLimiter::size() const {
  const std::lock_guard lock(mutex_);
  return buckets_.size();
}

Allowance RateLimiter::take(const std::string& key, std::uint64_t per_minute, Clock::time_point now) {
  if (per_minute == 0) return {};
  const std::lock_guard lock(mutex_);
  const auto full = static_cast<double>(per_minute);
  const double per_second = full / 60;
  const auto found = buckets_.find(key);
  if (found == buckets_.end()) {
    order_.push_front({key, full, full, now});
    buckets_.emplace(key, order_.begin());
    if (order_.size() > most_) {
      buckets_.erase(order_.back().key);
      order_.pop_back();
    }
  } else {
    order_.splice(order_.begin(), order_, found->second);
  }
  Bucket& bucket = order_.front();
  const double gone = elsewhere(key);
  bucket.tokens = std::min(full, bucket.tokens);
  bucket.full = full;
  bucket.tokens = bucket.tokens_at(now, gone);
  bucket.at = std::max(now, bucket.at);
  Allowance allowance;
  allowance.quota = per_minute;
  allowance.allowed = bucket.tokens - gone >= 1;
  if (allowance.allowed) bucket.tokens -= 1;
  const double left = bucket.tokens - gone;
  allowance.left = static_cast<std::uint64_t>(std::max(0.0, left));
  if (left < 1) allowance.wait_seconds = static_cast<std::int64_t>(std::ceil((1 - left) / per_second));
  allowance.reset_seconds = static_cast<std::int64_t>(std::ceil((full - left) / per_second));
  return allowance;
}

// A bucket that nobody has touched for a minute is full.
std::map<std::string, std::size_t, std::less<>> RateLimiter::used(Clock::time_point now) const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, std::size_t, std::less<>> used;
  for (const Bucket& bucket : order_) {
    const double gone = elsewhere(bucket.key);
    if (used.size() >= most_told || (gone == 0 && now - bucket.at > std::chrono::minutes(1))) break;
    const double step = std::max(1.0, std::floor(bucket.full / 20));
    const double missing = std::floor((bucket.full - bucket.tokens_at(now, gone)) / step) * step;
    if (missing > 0 && missing >= bucket.full / 10) used.emplace(bucket.key, static_cast<std::size_t>(missing));
  }
  return used;
}

void RateLimiter::count_elsewhere(std::map<std::string, std::size_t, std::less<>> used) {
  const std::lock_guard lock(mutex_);
  elsewhere_ = std::move(used);
}

std::string address_group(std::string_view address) {
  const std::string text(address.substr(0, address.find('%')));
  in6_addr parsed{};
  if (inet_pton(AF_INET6, text.c_str(), &parsed) != 1) return text;
  if (IN6_IS_ADDR_V4MAPPED(&parsed)) return text;
  std::memset(parsed.s6_addr + 8, 0, 8);
  char group[INET6_ADDRSTRLEN];
  inet_ntop(AF_INET6, &parsed, group, sizeof group);
  return std::string(group) + "/64";
}

}  // namespace dbgate::api
