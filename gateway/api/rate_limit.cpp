#include "gateway/api/rate_limit.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cmath>
#include <cstring>

namespace dbgate::api {

Allowance RateLimiter::take(const std::string& key, std::uint64_t per_minute, Clock::time_point now) {
  if (per_minute == 0) return {};
  const auto full = static_cast<double>(per_minute);
  const double per_second = full / 60;
  const auto found = buckets_.find(key);
  if (found == buckets_.end()) {
    order_.push_front({key, full, now});
    buckets_.emplace(key, order_.begin());
    if (order_.size() > most_) {
      buckets_.erase(order_.back().key);
      order_.pop_back();
    }
  } else {
    order_.splice(order_.begin(), order_, found->second);
  }
  Bucket& bucket = order_.front();
  const double passed = std::chrono::duration<double>(std::max(now, bucket.at) - bucket.at).count();
  bucket.tokens = std::min(full, bucket.tokens + passed * per_second);
  bucket.at = std::max(now, bucket.at);
  Allowance allowance;
  allowance.quota = per_minute;
  allowance.allowed = bucket.tokens >= 1;
  if (allowance.allowed) bucket.tokens -= 1;
  allowance.left = static_cast<std::uint64_t>(bucket.tokens);
  if (bucket.tokens < 1)
    allowance.wait_seconds = static_cast<std::int64_t>(std::ceil((1 - bucket.tokens) / per_second));
  allowance.reset_seconds = static_cast<std::int64_t>(std::ceil((full - bucket.tokens) / per_second));
  return allowance;
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
