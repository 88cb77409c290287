#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/telemetry/audit_counters.h"
#include "gateway/telemetry/event_counters.h"
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
    EventCounters::Duration total;
    for (const TargetCounters* const part : parts_)
      add(total, durations(*part));
    return total;
  }

 private:
  static void add(EventCounters::Duration& total, const Durations& part);

  std::vector<const TargetCounters*> parts_;
};

/// What workers have counted of targets: every series of every one of them, those at 0 as well.
Families target_families(const std::vector<std::string>& targets, const std::vector<const WorkerCounters*>& workers);

/// Models, approvals, the API. @param providers  of models, whose series are there from the start
Families event_families(const EventCounters& events, const std::vector<std::string>& providers);

/// The audit log, all chains together.
Families audit_families(const std::vector<std::shared_ptr<const AuditCounters>>& chains);

/// process_* of this process, as client libraries name them (Prometheus docs, "Writing client libraries").
Families process_families();

}  // namespace dbgate::telemetry
