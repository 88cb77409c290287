#pragma once
#include <array>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "gateway/telemetry/counter.h"
#include "gateway/telemetry/words.h"

namespace dbgate::telemetry {

/// Bytes of connections.
struct Traffic {
  Counter received, sent;
};

/// What one worker has counted of one target. The worker alone changes it.
struct TargetCounters {
  std::array<CounterOf<Effect>, statement_kinds.size()> statements;  ///< decisions, by kind
  std::array<Durations, statement_kinds.size()> statement_durations;
  CounterOf<Protocol> parse_failures;
  Counter rows_returned;
  std::array<Counter, sqlstate_classes.size()> upstream_errors;
  CounterOf<Arrival> arrivals;
  std::array<Counter, pin_reasons.size()> pins;
  CounterOf<Outcome> upstream_connects;
  Durations upstream_connect_durations;
  Counter connected_us, connect_failed_us;  ///< when it was last so, on the steady clock; 0: never
  Durations pool_waits;
  Traffic clients, servers;
  std::array<CounterOf<RuleClass>, effects.size()> policy_decisions;  ///< by effect
  CounterOf<LimitScope> limited;
  Counter masked_values;
  ShortDurations overheads;  ///< of every sixteenth turn: see its_turn()

  Counter& statements_of(StatementKind kind, Effect effect) noexcept {
    return statements[static_cast<std::size_t>(kind)][effect];
  }
  /// Whether what a session is about to do is to be timed: the clock is read for one of sixteen, the first among them.
  bool its_turn() noexcept { return turns_++ % 16 == 0; }
  Durations& durations_of(StatementKind kind) noexcept { return statement_durations[static_cast<std::size_t>(kind)]; }

 private:
  std::uint32_t turns_ = 0;
};

/// What one worker has counted.
class WorkerCounters {
 public:
  /// Of a target, for as long as this lives: targets that are configured no more keep theirs. On the worker's thread.
  /// Takes a lock the first time.
  TargetCounters& of(std::string_view target);
  /// The same, from any thread; null: nothing has been counted.
  const TargetCounters* find(std::string_view target) const;
  /// Statements refused for a limit of that scope, of all targets; from any thread.
  std::uint64_t limited(LimitScope scope) const;

  /// By method; on the worker's thread.
  CounterOf<Outcome>& auth_attempts(AuthMethod method) noexcept {
    return auth_attempts_[static_cast<std::size_t>(method)];
  }
  const CounterOf<Outcome>& auth_attempts(AuthMethod method) const noexcept {
    return auth_attempts_[static_cast<std::size_t>(method)];
  }

  ShortDurations evaluations;  ///< of policies; what is remembered is not evaluated

 private:
  mutable std::mutex mutex_;  // against readers only: nobody else adds
  std::map<std::string, std::unique_ptr<TargetCounters>, std::less<>> targets_;
  std::array<CounterOf<Outcome>, auth_methods.size()> auth_attempts_;
};

}  // namespace dbgate::telemetry
