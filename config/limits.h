#pragma once
#include <chrono>
#include <cstddef>

// Limits of what people do on targets, as opposed to config::Limits, which keep the process itself safe.
namespace dbgate::config {

/// So many in so much time.
struct Rate {
  std::size_t count = 0;
  std::chrono::milliseconds per{1'000};
};

/// `limits` of a policy or of a target. What is zero is not limited.
struct TrafficLimits {
  std::size_t rows = 0;   ///< of one statement's result, or of one cursor over all its fetches
  std::size_t bytes = 0;  ///< the same
  std::chrono::milliseconds statement_timeout{0};
  std::chrono::milliseconds idle_in_transaction{0};
  std::size_t concurrent = 0;  ///< statements at once
  Rate rate;                   ///< statements
  std::size_t statement_bytes = 0;
};

}  // namespace dbgate::config
