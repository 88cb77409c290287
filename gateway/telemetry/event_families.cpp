#include <algorithm>

#include "gateway/telemetry/families.h"

// Series of what is rare, those that nothing has happened to as well.
namespace dbgate::telemetry {
namespace {

using Labels = EventCounters::Labels;

Family counts(const EventCounters& events, std::string_view name, const char* help, const std::vector<Labels>& known) {
  Family family{std::string(name), help, FamilyType::counter, {}};
  EventCounters::Counts all = events.counts(name);
  for (const Labels& labels : known)
    all.try_emplace(labels, 0);
  for (const auto& [labels, count] : all)
    family.add(labels, static_cast<double>(count));
  return family;
}

Family times(const EventCounters& events, std::string_view name, const char* help, const std::vector<Labels>& known) {
  Family family{std::string(name), help, FamilyType::histogram, {}};
  EventCounters::Times all = events.times(name);
  for (const Labels& labels : known)
    all.try_emplace(labels);
  for (const auto& [labels, duration] : all)
    family.add(labels, duration);
  return family;
}

void add_models(Families& families, const EventCounters& events, const std::vector<std::string>& providers) {
  std::vector<Labels> by_provider, by_result, by_direction;
  for (const std::string& provider : providers) {
    by_provider.push_back({{"provider", provider}});
    for (const char* const result : {"ok", "timeout", "error", "invalid"})
      by_result.push_back({{"provider", provider}, {"result", result}});
    for (const char* const direction : {"input", "output"})
      by_direction.push_back({{"provider", provider}, {"direction", direction}});
  }
  families.push_back(counts(events, risk_requests, "Questions sent to models.", by_result));
  families.push_back(times(events, risk_durations, "Time until a model answered, or failed to.", by_provider));
  families.push_back(counts(events, risk_tokens, "Tokens that models have counted.", by_direction));
  families.push_back(
      counts(events, risk_fallbacks, "Questions that no model has answered in time, by what came last.", {}));
  Family cache{"dbgate_risk_cache_requests_total", "Opinions of models that were wanted.", FamilyType::counter, {}};
  cache.add({{"result", "hit"}}, static_cast<double>(events.risk_cache_hits.value()));
  cache.add({{"result", "miss"}}, static_cast<double>(events.risk_cache_misses.value()));
  families.push_back(std::move(cache));
}

// What goes wrong before anybody is in, or ends a session.
void add_arrivals(Families& families, const EventCounters& events) {
  std::vector<Labels> by_method, by_fault, by_reason;
  for (const std::string_view method : auth_methods)
    by_method.push_back({{"method", std::string(method)}});
  for (const auto& [side, reason] : protocol_faults)
    by_fault.push_back({{"side", std::string(side)}, {"reason", std::string(reason)}});
  for (const char* const listener : {"api", "postgres"}) {
    for (const std::string_view reason : tls_reasons)
      by_reason.push_back({{"listener", listener}, {"reason", std::string(reason)}});
  }
  families.push_back(times(events, auth_durations, "Time that sign-ins on the wire took.", by_method));
  families.push_back(counts(events, protocol_errors, "Sessions that ended because a side was out of step.", by_fault));
  families.push_back(counts(events, tls_failures, "TLS handshakes of clients that failed.", by_reason));
}

}  // namespace

Families event_families(const EventCounters& events, const std::vector<std::string>& providers,
                        const std::vector<const WorkerCounters*>& workers) {
  Families families;
  add_models(families, events, providers);
  std::vector<Labels> by_outcome, by_scope;
  for (const char* const outcome : {"approved", "denied", "expired", "cancelled"})
    by_outcome.push_back({{"outcome", outcome}});
  for (const char* const scope : {"address", "api"})
    by_scope.push_back({{"scope", scope}});
  families.push_back(counts(events, approvals, "Approvals that were decided on, or have ended, here.", by_outcome));
  families.push_back(times(events, approval_waits, "Time from asking for approval to its end.", by_outcome));
  families.push_back(counts(events, http_requests, "Answers of the API.", {}));
  families.push_back(times(events, http_durations, "Time from a request's header to its answer.", {}));
  Family limited = counts(events, rate_limited, "Refused for coming too often.", by_scope);
  for (std::size_t i = 0; i < limit_scopes.size(); ++i) {
    std::uint64_t refused = 0;
    for (const WorkerCounters* const worker : workers)
      refused += worker->limited(static_cast<LimitScope>(i));
    limited.add({{"scope", std::string(limit_scopes[i])}}, static_cast<double>(refused));
  }
  families.push_back(std::move(limited));
  add_arrivals(families, events);
  return families;
}

namespace {

// The families of the log and its sinks, each series with its label.
struct AuditFamilies {
  Family records{
      "dbgate_audit_records_total", "Records that a sink took, and attempts that it did not.", FamilyType::counter, {}};
  Family durations{"dbgate_audit_write_seconds", "Time that writes of records took.", FamilyType::histogram, {}};
  Family queue{"dbgate_audit_queue_records",
               "Records that were accepted and have yet to reach the sink.",
               FamilyType::gauge,
               {}};
  Family success{
      "dbgate_audit_last_success_timestamp_seconds", "When records were written last.", FamilyType::gauge, {}};
  Family dropped{"dbgate_audit_dropped_records_total",
                 "Records that a sink will not get: the log has them, and says so in audit.gap.",
                 FamilyType::counter,
                 {}};

  void add(const std::string& sink, std::uint64_t taken, std::uint64_t failures, EventCounters::Duration writes,
           std::uint64_t waiting, std::uint64_t last, std::uint64_t lost) {
    const Labels label = {{"sink", sink}};
    records.add({{"sink", sink}, {"result", "ok"}}, static_cast<double>(taken));
    records.add({{"sink", sink}, {"result", "error"}}, static_cast<double>(failures));
    durations.add(label, std::move(writes));
    queue.add(label, static_cast<double>(waiting));
    success.add(label, static_cast<double>(last));
    dropped.add(label, static_cast<double>(lost));
  }
};

}  // namespace

Families audit_families(const std::vector<std::shared_ptr<const AuditCounters>>& chains,
                        const std::vector<SinkView>& sinks) {
  EventCounters::Duration writes;
  std::uint64_t accepted = 0, waiting = 0, failures = 0, last = 0;
  for (const auto& chain : chains) {
    const std::uint64_t written = chain->written.value();  // before what is accepted, which is never less
    const std::uint64_t taken = chain->accepted.value();
    accepted += taken;
    waiting += taken > written ? taken - written : 0;
    failures += chain->failures.value();
    last = std::max(last, chain->last_success_s.value());
    add_durations(writes, chain->writes);
  }
  AuditFamilies all;
  // Where the log does not take records, statements are refused: it loses none.
  all.add("file", accepted, failures, std::move(writes), waiting, last, 0);
  for (const SinkView& sink : sinks) {
    const SinkCounters& counted = *sink.counters;
    EventCounters::Duration sends;
    add_durations(sends, counted.sends);
    all.add(sink.name, counted.delivered.value(), counted.failures.value(), std::move(sends), counted.waiting.value(),
            counted.last_success_s.value(), counted.dropped.value());
  }
  return {std::move(all.records), std::move(all.durations), std::move(all.queue), std::move(all.success),
          std::move(all.dropped)};
}

Families log_families(const LogCounters& counted) {
  Family bytes{"dbgate_audit_log_bytes", "Segments of the audit log, as they are on the disk.", FamilyType::gauge, {}};
  Family segments{"dbgate_audit_segments_total",
                  "Segments that were compressed, or removed by retention.",
                  FamilyType::counter,
                  {}};
  Family removed{"dbgate_audit_removed_records_total",
                 "Records that retention has removed: the log says which.",
                 FamilyType::counter,
                 {}};
  Family failures{"dbgate_audit_keeping_failures_total",
                  "Times that segments could not be compressed or removed.",
                  FamilyType::counter,
                  {}};
  bytes.add({}, static_cast<double>(counted.bytes.value()));
  segments.add({{"result", "compressed"}}, static_cast<double>(counted.compressed.value()));
  segments.add({{"result", "removed"}}, static_cast<double>(counted.removed.value()));
  removed.add({}, static_cast<double>(counted.removed_records.value()));
  failures.add({}, static_cast<double>(counted.failures.value()));
  return {std::move(bytes), std::move(segments), std::move(removed), std::move(failures)};
}

}  // namespace dbgate::telemetry
