#include <algorithm>

#include "gateway/upstream/host_probe.h"
#include "gateway/upstream/opening.h"

// Connections where there is a choice of hosts: to one that serves, for as long as it does.
namespace dbgate::upstream {
namespace {

// Hosts that look well and let nobody in: whoever asks is told why after so many attempts.
constexpr int most_failures = 4;

// What a host was when it was looked at may be over: the connection itself says what it leads to now.
Task<Result<>> check_role(Connection& connection, const HostSet& hosts, std::chrono::milliseconds limit) {
  const SessionAttrs attrs = hosts.settings().rules.attrs;
  const bool primary = attrs == SessionAttrs::primary || attrs == SessionAttrs::read_write;
  if (!primary && attrs != SessionAttrs::standby) co_return boost::system::in_place_value;
  const auto standby = co_await leads_to_standby(connection, limit);
  if (!standby) co_return standby.error();
  if (*standby != primary) co_return boost::system::in_place_value;
  co_return Error(sqlstate::connection_failure, connection.host.name + ":" + std::to_string(connection.host.port) +
                                                    ": it has become a " + (primary ? "standby" : "primary"));
}

}  // namespace

void note_connect(telemetry::TargetCounters& counters, std::chrono::steady_clock::time_point begun, bool connected) {
  const auto now = std::chrono::steady_clock::now();
  const auto took = std::chrono::duration_cast<std::chrono::microseconds>(now - begun);
  const auto since_start = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch());
  counters.upstream_connects[connected ? telemetry::Outcome::ok : telemetry::Outcome::error].add();
  counters.upstream_connect_durations.observe(took);
  (connected ? counters.connected_us : counters.connect_failed_us).set(static_cast<std::uint64_t>(since_start.count()));
}

Error shutting_down() {
  return {sqlstate::admin_shutdown, "terminating connection: dbgate is shutting down"};
}

// While no host serves, whoever needs one waits here, and nobody tries: those who look at the hosts say when there is
// one again.
Task<Result<Connection>> Pool::connect_chosen(Opening& opening) {
  const LinkRequest& request = opening.request();
  const ServerSpec& spec = request.spec;
  HostSet& hosts = *spec.choice;
  telemetry::TargetCounters& counters = counters_.of(request.target);
  const auto wait = std::make_shared<HostWait>(executor_);
  bool expired = false;
  net::Alarm alarm(executor_, [&expired, &wait] {
    expired = true;
    wait->changed.notify();
  });
  alarm.set(opening.since() + hosts.settings().wait);
  opening.wait_with(wait);
  hosts.wait(wait);
  std::optional<Error> last;
  for (int failures = 0; failures < most_failures;) {
    if (closed_ || opening.given_up()) co_return shutting_down();
    auto use = hosts.choose();
    if (!use) {
      if (expired) co_return hosts.none_fits();
      co_await wait->changed.wait();
      continue;
    }
    const auto begun = Clock::now();
    const std::size_t host = use->host();
    auto connected = co_await connect_one(executor_, spec, spec.hosts[host], request.parameters);
    Result<> fits = boost::system::in_place_value;
    if (connected) fits = co_await check_role(*connected, hosts, spec.connect_timeout);
    note_connect(counters, begun, connected && fits);
    if (connected && fits) {
      connected->use = std::move(*use);
      co_return connected;
    }
    last = connected ? fits.error() : connected.error();
    if (!is_of_the_host(*last)) co_return *last;
    ++failures;
    hosts.suspect(host);
  }
  co_return *last;
}

// What is idle at hosts that do not serve any more is given up; at those where nobody may be, so is the rest. A break
// that was not asked for has the host looked at.
void Pool::leave_hosts(PoolGroup& group) {
  for (std::list<LinkPtr>* const list : {&group.free, &group.resting, &group.busy}) {
    if (list->empty() || list->front()->connection.use.set() == nullptr) continue;
    const std::vector<LinkPtr> links(list->begin(), list->end());
    for (const LinkPtr& link : links) {
      const HostUse& use = link->connection.use;
      if (use.in_place() || !link->usable()) continue;
      if (list == &group.busy) {
        if (use.must_leave()) link->break_off();
        continue;
      }
      move_to(*link, group.busy);
      give_up(*link);
    }
  }
}

void Pool::give_up(Link& link) {
  take_from_holder(link);
  link.end();
}

}  // namespace dbgate::upstream
