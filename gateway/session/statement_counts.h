#pragma once
#include <chrono>
#include <string_view>

#include "gateway/session/expected.h"
#include "gateway/session/judge.h"
#include "gateway/session/pins.h"
#include "gateway/telemetry/worker_counters.h"

namespace dbgate::session {

/// Counts a session's statements, each where its audit record is written: a text is one, of the kind of its first
/// statement. On the thread of the worker whose counters they are, which outlive it.
class StatementCounts {
 public:
  explicit StatementCounts(telemetry::TargetCounters& counters) noexcept : counters_(&counters) {}

  /// @param effect  as recorded
  void decided(const Judged& judged, std::string_view effect, std::string_view protocol,
               telemetry::RuleClass rule) noexcept;
  /// @param sqlstate  empty: it did not run
  void done(const Run& run, std::string_view sqlstate, std::chrono::microseconds took) noexcept;

 private:
  void count_limit(std::string_view rule) noexcept;

  telemetry::TargetCounters* counters_;
};

/// Counts a session that `reasons` have bound to its server connection.
void count_pins(telemetry::TargetCounters& counters, const Pins& reasons) noexcept;

/// Where the rule stands that has decided.
telemetry::RuleClass rule_class_of(const Judged& judged) noexcept;

/// What its statements count as.
telemetry::StatementKind counted_kind(const sql::Script* script) noexcept;

}  // namespace dbgate::session
