#pragma once
#include <array>
#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "gateway/telemetry/words.h"

namespace dbgate::app {

/// What is going on at the moment, as workers tell it.
struct Gauges {
  static constexpr std::array<std::string_view, 5> client_states = {"active", "idle", "idle_in_transaction", "waiting",
                                                                    "held"};
  struct Target {
    std::array<std::size_t, client_states.size()> clients{};
    std::array<std::size_t, telemetry::pin_reasons.size()> pinned{};
    std::size_t upstream_active = 0;
    std::size_t upstream_idle = 0;
    std::chrono::steady_clock::duration oldest_wait{0};
  };
  std::map<std::string, Target, std::less<>> targets;

  /// What somebody else has told.
  void add(const Gauges& others);

  Target& of(std::string_view target) {
    const auto found = targets.find(target);
    return found != targets.end() ? found->second : targets.emplace(target, Target()).first->second;
  }
};

}  // namespace dbgate::app
