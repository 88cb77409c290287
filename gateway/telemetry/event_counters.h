#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/telemetry/counter.h"

namespace dbgate::telemetry {

// Names of what is counted here; labels stand in families.h's order.
inline constexpr std::string_view risk_requests = "dbgate_risk_requests_total";             ///< provider, result
inline constexpr std::string_view risk_durations = "dbgate_risk_duration_seconds";          ///< provider
inline constexpr std::string_view risk_tokens = "dbgate_risk_tokens_total";                 ///< provider, direction
inline constexpr std::string_view risk_fallbacks = "dbgate_risk_fallbacks_total";           ///< reason
inline constexpr std::string_view approvals = "dbgate_approvals_total";                     ///< outcome
inline constexpr std::string_view approval_waits = "dbgate_approval_wait_seconds";          ///< outcome
inline constexpr std::string_view http_requests = "dbgate_http_requests_total";             ///< method, route, code
inline constexpr std::string_view http_durations = "dbgate_http_request_duration_seconds";  ///< method, route
inline constexpr std::string_view rate_limited = "dbgate_rate_limited_total";               ///< scope
inline constexpr std::string_view auth_durations = "dbgate_auth_duration_seconds";          ///< method
inline constexpr std::string_view protocol_errors = "dbgate_protocol_errors_total";         ///< side, reason
inline constexpr std::string_view tls_failures = "dbgate_tls_handshake_failures_total";     ///< listener, reason

/// Counters and durations of what is rare beside statements, such as questions to models: any thread counts, under one
/// short lock. Series are made by whoever counts, and stay.
///
/// Values of labels have to come from closed sets: names of the configuration and enumerators.
class EventCounters {
 public:
  using Labels = std::vector<std::pair<std::string, std::string>>;
  struct Duration {
    std::vector<std::uint64_t> buckets = std::vector<std::uint64_t>(Durations::buckets);  ///< as in Durations
    std::uint64_t sum_us = 0;
    std::span<const std::chrono::microseconds> bounds = duration_bounds;  ///< of all buckets but the last
  };
  using Counts = std::map<Labels, std::uint64_t>;
  using Times = std::map<Labels, Duration>;

  /// @param metric  of families.h
  void count(std::string_view metric, Labels labels, std::uint64_t more = 1);
  void observe(std::string_view metric, Labels labels, std::chrono::microseconds took);

  /// Opinions of models that were known from before, and those that had to be asked for.
  SharedCounter risk_cache_hits, risk_cache_misses;

  /// What has been counted so far; empty: nothing.
  Counts counts(std::string_view metric) const;
  Times times(std::string_view metric) const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, Counts, std::less<>> counts_;
  std::map<std::string, Times, std::less<>> times_;
};

}  // namespace dbgate::telemetry
