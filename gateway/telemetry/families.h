#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "gateway/telemetry/audit_counters.h"
#include "gateway/telemetry/event_counters.h"
#include "gateway/telemetry/log_counters.h"
#include "gateway/telemetry/sink_counters.h"
#include "gateway/telemetry/witness_counters.h"
#include "gateway/telemetry/worker_counters.h"

namespace dbgate::telemetry {

enum class FamilyType : std::uint8_t { counter, gauge, histogram };

/// One time series at one moment.
struct Series {
  EventCounters::Labels labels;
  double value = 0;                    ///< counter, gauge
  EventCounters::Duration duration{};  ///< histogram
};

/// All series of one name.
struct Family {
  std::string name;
  std::string help;
  FamilyType type = FamilyType::counter;
  std::vector<Series> series;

  Family& add(EventCounters::Labels labels, double value);
  Family& add(EventCounters::Labels labels, EventCounters::Duration duration);
};
using Families = std::vector<Family>;

/// No duration yet, in the buckets of `Part`.
template <class Part>
EventCounters::Duration none_within() {
  return {std::vector<std::uint64_t>(Part::buckets), 0, Part::bounds};
}
template <class Part>
void add_durations(EventCounters::Duration& total, const Part& part) {
  for (std::size_t i = 0; i < Part::buckets; ++i)
    total.buckets[i] += part.in_bucket(i);
  total.sum_us += part.sum_us();
}

/// What several workers have counted of one target, added up as it is asked for.
class TargetTotals {
 public:
  TargetTotals(std::string_view target, const std::vector<const WorkerCounters*>& workers);

  /// @param counter  TargetCounters → Counter
  template <class Get>
  double sum(Get counter) const {
    std::uint64_t total = 0;
    for (const TargetCounters* const part : parts_)
      total += counter(*part).value();
    return static_cast<double>(total);
  }
  /// @param durations  TargetCounters → Durations
  template <class Get>
  EventCounters::Duration times(Get durations) const {
    using Part = std::remove_cvref_t<decltype(durations(std::declval<const TargetCounters&>()))>;
    EventCounters::Duration total = none_within<Part>();
    for (const TargetCounters* const part : parts_)
      add_durations(total, durations(*part));
    return total;
  }

 private:
  std::vector<const TargetCounters*> parts_;
};

/// What workers have counted of targets: every series of every one of them, those at 0 as well.
Families target_families(const std::vector<std::string>& targets, const std::vector<const WorkerCounters*>& workers);

/// Models, approvals, the API, what is refused before there is a target, and for limits of any. @param providers  of
/// models, whose series are there from the start
Families event_families(const EventCounters& events, const std::vector<std::string>& providers,
                        const std::vector<const WorkerCounters*>& workers);

/// One sink of the audit log, by the name that the configuration gives it.
struct SinkView {
  std::string name;
  const SinkCounters* counters = nullptr;
};

/// The audit log, all chains together, as sink `file`, and its sinks.
Families audit_families(const std::vector<std::shared_ptr<const AuditCounters>>& chains,
                        const std::vector<SinkView>& sinks = {});

/// One witness of the audit log, by the name that the configuration gives it.
struct WitnessView {
  std::string name;
  const WitnessCounters* counters = nullptr;
};

/// What is signed of the audit log, and who else has that.
Families checkpoint_families(const CheckpointCounters& checkpoints, const std::vector<WitnessView>& witnesses,
                             const Counter& peer_conflicts);

/// What becomes of the audit log's segments.
Families log_families(const LogCounters& counted);

/// process_* of this process, as client libraries name them (Prometheus docs, "Writing client libraries").
Families process_families();

}  // namespace dbgate::telemetry
