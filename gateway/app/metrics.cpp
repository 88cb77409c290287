#include "gateway/app/metrics.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "gateway/app/audit_sinks.h"
#include "gateway/app/health.h"
#include "gateway/app/notary.h"
#include "gateway/app/witnesses.h"
#include "gateway/base/clock.h"
#include "gateway/net/tls.h"

namespace dbgate::app {
namespace {

using telemetry::Family;
using telemetry::FamilyType;

constexpr std::chrono::seconds patience{2};
constexpr std::size_t approvals_at_once = 500;
// More than these are not counted one by one: somebody should have looked long ago.
constexpr std::size_t most_pages = 20;

Family gauge(const char* name, const char* help) {
  return {name, help, FamilyType::gauge, {}};
}

Family gauge(const char* name, const char* help, double value) {
  Family family = gauge(name, help);
  family.add({}, value);
  return family;
}

double seconds(std::int64_t us) {
  return static_cast<double>(us) / 1e6;
}

std::optional<std::size_t> count_pending(ports::store::Approvals& store) {
  ports::store::ApprovalFilter filter;
  filter.state = ports::store::ApprovalState::pending;
  ports::store::Page page;
  page.limit = approvals_at_once;
  std::size_t count = 0;
  for (std::size_t i = 0; i < most_pages; ++i) {
    const auto listed = store.list_approvals(filter, page, wall_clock_us());
    if (!listed) return {};
    count += listed->items.size();
    if (!listed->next) break;
    page.after = listed->next;
  }
  return count;
}

Family build_info() {
  Family family = gauge("dbgate_build_info", "1, with what this is.");
  family.add({{"version", DBGATE_VERSION}, {"revision", DBGATE_REVISION}, {"compiler", __VERSION__}}, 1);
  return family;
}

Family certificates(const Snapshot& snapshot) {
  Family family =
      gauge("dbgate_tls_certificate_not_after_timestamp_seconds", "When the certificate of a listener expires.");
  for (const auto& [listener, context] :
       {std::pair("postgres", &snapshot.postgres_tls), std::pair("api", &snapshot.api_tls)}) {
    if (const std::int64_t expiry = net::expiry_of(*context); expiry != 0)
      family.add({{"listener", listener}}, static_cast<double>(expiry));
  }
  return family;
}

// Of targets that have a choice of hosts.
telemetry::Families of_hosts(const Shared& shared, const std::vector<std::string>& targets) {
  Family up = gauge("dbgate_upstream_host_up", "1 if the host has answered the last look at it.");
  Family serves = gauge("dbgate_upstream_host_serves", "1 if the host fits what the target asks for.");
  Family primary = gauge("dbgate_upstream_host_primary", "1 of the host that is the primary.");
  Family lag = gauge("dbgate_upstream_host_lag_seconds", "How far a standby is behind the primary.");
  Family open = gauge("dbgate_upstream_host_connections", "Connections to the host.");
  Family failovers = {
      "dbgate_upstream_failovers_total", "How often another host has become the primary.", FamilyType::counter, {}};
  for (const std::string& target : targets) {
    const auto hosts = shared.hosts->of(target);
    if (!hosts) continue;
    failovers.add({{"target", target}}, static_cast<double>(hosts->failovers()));
    for (const auto& host : hosts->view()) {
      const bool is_up = host.state.health == upstream::HostState::Health::up;
      const telemetry::EventCounters::Labels labels{{"target", target}, {"host", host.host}};
      up.add(labels, is_up ? 1 : 0);
      serves.add(labels, host.fit == upstream::HostFit::fits ? 1 : 0);
      primary.add(labels, host.primary ? 1 : 0);
      if (is_up && host.state.in_recovery) lag.add(labels, std::chrono::duration<double>(host.state.lag).count());
      open.add(labels, static_cast<double>(host.connections));
    }
  }
  return {std::move(up), std::move(serves), std::move(primary), std::move(lag), std::move(open), std::move(failovers)};
}

}  // namespace

/// What those who were asked have said so far. Of the thread that asks.
struct Metrics::Answers {
  explicit Answers(boost::asio::io_context& context) : enough(context) {}
  boost::asio::steady_timer enough;
  std::size_t due = 0;
  Gauges gauges;
  std::optional<std::size_t> pending;

  void answered() {
    if (--due == 0) enough.cancel();
  }
};

void Metrics::ask(const std::shared_ptr<Answers>& answers) {
  for (Worker* const worker : shared_.workers) {
    ++answers->due;
    net::post_to(worker->context().get_executor(), [this, worker, answers] {
      const auto gauges = std::make_shared<Gauges>();
      worker->add_gauges(*gauges);
      boost::asio::post(context_, [answers, gauges] {
        answers->gauges.add(*gauges);
        answers->answered();
      });
    });
  }
}

// Approvals of all gateways on the store: who decides does not care which one asks.
void Metrics::ask_store(const std::shared_ptr<Answers>& answers) {
  if (!shared_.approvals) return;
  ++answers->due;
  boost::asio::post(shared_.approvals->blocking(), [this, answers] {
    const auto pending = count_pending(shared_.approvals->store());
    boost::asio::post(context_, [answers, pending] {
      answers->pending = pending;
      answers->answered();
    });
  });
}

Task<telemetry::Families> Metrics::collect() {
  const auto answers = std::make_shared<Answers>(context_);
  answers->enough.expires_after(patience);
  ask(answers);
  ask_store(answers);
  if (answers->due > 0) co_await answers->enough.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  const auto snapshot = shared_.current.get();
  std::vector<std::string> targets;
  for (const auto& [name, target] : snapshot->targets)
    targets.push_back(name);
  std::vector<std::string> providers;
  for (const auto& provider : snapshot->config.models.providers)
    providers.push_back(provider.name);
  std::vector<const telemetry::WorkerCounters*> workers;
  for (const Worker* const worker : shared_.workers)
    workers.push_back(&worker->counted());
  std::vector<telemetry::SinkView> sinks;
  if (shared_.sinks != nullptr) sinks = shared_.sinks->counters();
  std::vector<telemetry::WitnessView> witnesses;
  if (shared_.witnesses != nullptr) witnesses = shared_.witnesses->counters();
  telemetry::Families all = of_process(*answers);
  for (telemetry::Families part :
       {of_targets(answers->gauges, targets), of_hosts(shared_, targets), telemetry::target_families(targets, workers),
        telemetry::event_families(shared_.counted, providers, workers),
        telemetry::audit_families(audit_.counters(), sinks), telemetry::log_families(shared_.log_counted),
        telemetry::checkpoint_families(shared_.notary->counters(), witnesses, shared_.peer_conflicts),
        telemetry::process_families()})
    std::move(part.begin(), part.end(), std::back_inserter(all));
  co_return all;
}

telemetry::Families Metrics::of_process(const Answers& answers) const {
  const Lifecycle& life = shared_.lifecycle;
  const auto snapshot = shared_.current.get();
  telemetry::Families families;
  families.push_back(build_info());
  families.push_back(gauge("dbgate_ready", "1 if /readyz says so.", ready_health(shared_, audit_).good() ? 1 : 0));
  families.push_back(gauge("dbgate_draining", "1 from the signal to end on.", life.draining ? 1 : 0));
  families.push_back(gauge("dbgate_config_last_reload_successful", "0 if the file as it is now was refused.",
                           life.last_reload_good ? 1 : 0));
  families.push_back(gauge("dbgate_config_last_reload_success_timestamp_seconds",
                           "When the configuration in force was loaded.", seconds(life.reloaded_us)));
  families.push_back(gauge("dbgate_client_connection_limit",
                           "Clients that may be connected at once, all targets together.",
                           static_cast<double>(snapshot->config.limits.connections)));
  families.push_back(certificates(*snapshot));
  if (answers.pending) {
    families.push_back(gauge("dbgate_approvals_pending", "Approvals that wait for a decision.",
                             static_cast<double>(*answers.pending)));
  }
  return families;
}

telemetry::Families Metrics::of_targets(const Gauges& gauges, const std::vector<std::string>& targets) const {
  Family clients = gauge("dbgate_client_connections", "Sessions, by what they are doing.");
  Family pinned =
      gauge("dbgate_sessions_pinned", "Sessions that something binds to their server connection at the moment.");
  Family upstream =
      gauge("dbgate_upstream_connections", "Connections to servers that clients share, and that wait to be shared.");
  Family oldest = gauge("dbgate_pool_oldest_wait_seconds", "Since when a session has waited for a server connection.");
  Family up = gauge("dbgate_upstream_up", "0 if the last attempt to connect has failed.");
  for (const std::string& target : targets) {
    const auto found = gauges.targets.find(target);
    const Gauges::Target now = found == gauges.targets.end() ? Gauges::Target() : found->second;
    for (std::size_t i = 0; i < Gauges::client_states.size(); ++i)
      clients.add({{"target", target}, {"state", std::string(Gauges::client_states[i])}},
                  static_cast<double>(now.clients[i]));
    for (std::size_t i = 0; i < telemetry::pin_reasons.size(); ++i)
      pinned.add({{"target", target}, {"reason", std::string(telemetry::pin_reasons[i])}},
                 static_cast<double>(now.pinned[i]));
    const std::size_t open = now.upstream_active + now.upstream_idle;
    const std::size_t taken = shared_.permits.taken(target);
    upstream.add({{"target", target}, {"state", "active"}}, static_cast<double>(now.upstream_active));
    upstream.add({{"target", target}, {"state", "idle"}}, static_cast<double>(now.upstream_idle));
    upstream.add({{"target", target}, {"state", "login"}}, static_cast<double>(taken > open ? taken - open : 0));
    oldest.add({{"target", target}}, std::chrono::duration<double>(now.oldest_wait).count());
    up.add({{"target", target}}, is_down(shared_, target) ? 0 : 1);
  }
  return {std::move(clients), std::move(pinned), std::move(upstream), std::move(oldest), std::move(up)};
}

}  // namespace dbgate::app
