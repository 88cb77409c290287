#include "gateway/app/health.h"

#include <algorithm>
#include <boost/json.hpp>

#include "gateway/app/audit_sinks.h"

namespace dbgate::app {
namespace {

constexpr std::chrono::seconds longest_turn{10};

}  // namespace

bool Health::good() const noexcept {
  return std::all_of(checks_.begin(), checks_.end(), [](const Check& check) { return check.good || !check.counts; });
}

std::string Health::json(bool verbose) const {
  boost::json::object body;
  body["status"] = good() ? "ok" : "unavailable";
  boost::json::array checks;
  for (const Check& check : checks_) {
    if (check.good && !verbose) continue;
    checks.push_back({{"name", check.name}, {"status", check.good ? "ok" : "failed"}});
  }
  if (verbose || !checks.empty()) body["checks"] = std::move(checks);
  return boost::json::serialize(body);
}

Health startup_health(const Shared& shared) {
  Health health;
  health.add("started", shared.lifecycle.started);
  return health;
}

Health live_health(const Shared& shared) {
  Health health;
  const auto now = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < shared.workers.size(); ++i)
    health.add("worker " + std::to_string(i), now - shared.workers[i]->last_turn() < longest_turn);
  return health;
}

bool is_down(const Shared& shared, std::string_view target) {
  if (const auto hosts = shared.hosts ? shared.hosts->of(target) : nullptr) return hosts->deserted();
  std::uint64_t connected = 0, failed = 0;
  for (const Worker* const worker : shared.workers) {
    const telemetry::TargetCounters* const counters = worker->counted().find(target);
    if (counters == nullptr) continue;
    connected = std::max(connected, counters->connected_us.value());
    failed = std::max(failed, counters->connect_failed_us.value());
  }
  return failed > connected;
}

Health ready_health(const Shared& shared, const ports::AuditLog& audit) {
  Health health;
  health.add("started", shared.lifecycle.started);
  health.add("not draining", !shared.lifecycle.draining);
  const auto chains = audit.counters();
  health.add("audit log",
             std::none_of(chains.begin(), chains.end(), [](const auto& chain) { return chain->failing.value() != 0; }));
  if (shared.sinks != nullptr) {
    for (const AuditSinks::State& sink : shared.sinks->states())
      health.add("audit sink " + sink.name, !sink.failing && !sink.refusing, sink.refusing);
  }
  const auto snapshot = shared.current.get();
  bool any = snapshot->targets.empty();
  for (const auto& [name, target] : snapshot->targets) {
    const bool up = !is_down(shared, name);
    any = any || up;
    health.add("target " + name, up, false);
    const auto hosts = shared.hosts ? shared.hosts->of(name) : nullptr;
    if (!hosts) continue;
    for (const auto& host : hosts->view()) {
      const bool down = host.fit == upstream::HostFit::down || upstream::must_leave(host.fit);
      health.add("target " + name + " host " + host.host, !down, false);
    }
  }
  health.add("some target", any);
  return health;
}

}  // namespace dbgate::app
