#include "gateway/app/overviews.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <iterator>

#include "gateway/base/clock.h"

// As metrics are: each worker is asked on its own thread, counters are read where they are.
namespace dbgate::app {
namespace {

constexpr std::chrono::seconds patience{2};

/// What workers have said so far. Of the thread that asks.
struct Answers {
  explicit Answers(boost::asio::io_context& context) : enough(context) {}
  boost::asio::steady_timer enough;
  std::size_t due = 0;
  show::Overview overview;
};

template <class List>
void move_to(List& to, List& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

void ask(Shared& shared, boost::asio::io_context& home, const std::shared_ptr<Answers>& answers) {
  for (Worker* const worker : shared.workers) {
    ++answers->due;
    net::post_to(worker->context().get_executor(), [worker, answers, executor = home.get_executor()] {
      const auto part = std::make_shared<show::Overview>();
      worker->add_to(*part);
      net::post_to(executor, [answers, part] {
        show::Overview& all = answers->overview;
        move_to(all.clients, part->clients);
        move_to(all.pools.links, part->pools.links);
        move_to(all.pools.askers, part->pools.askers);
        if (--answers->due == 0) answers->enough.cancel();
      });
    });
  }
}

show::TotalsByTarget totals(const Shared& shared, const Snapshot& snapshot) {
  show::TotalsByTarget all;
  for (const auto& [name, target] : snapshot.targets) {
    if (target.settings.engine != config::EngineKind::postgresql) continue;
    show::Totals& of = all[name];
    for (const Worker* const worker : shared.workers) {
      const telemetry::TargetCounters* const counters = worker->counted().find(name);
      if (counters == nullptr) continue;
      of.received += counters->clients.received.value();
      of.sent += counters->clients.sent.value();
      of.wait_us += counters->pool_waits.sum_us();
      for (const telemetry::Durations& durations : counters->statement_durations) {
        of.query_us += durations.sum_us();
        for (std::size_t i = 0; i < telemetry::Durations::buckets; ++i)
          of.queries += durations.in_bucket(i);
      }
    }
  }
  return all;
}

std::string word(config::PoolMode mode) {
  switch (mode) {
    case config::PoolMode::session:
      return "session";
    case config::PoolMode::transaction:
      return "transaction";
    case config::PoolMode::statement:
      return "statement";
  }
  return "session";
}

void add_databases(const Target& target, std::vector<show::Database>& list) {
  show::Database database;
  database.target = target.settings.name;
  database.user = target.server.user;
  database.pool_mode = word(target.settings.pool.mode);
  database.max = target.settings.pool.max;
  for (const upstream::ServerSpec::Host& host : target.server.hosts)
    database.host += (database.host.empty() ? "" : ",") + host.name;
  if (!target.server.hosts.empty()) database.port = target.server.hosts.front().port;
  database.name = target.settings.name;
  database.database = target.server.database;
  list.push_back(database);
  for (const std::string& further : target.settings.databases) {
    if (further == target.server.database) continue;
    database.name = target.settings.name + "/" + further;
    database.database = further;
    list.push_back(database);
  }
}

void add_hosts(const Shared& shared, const std::string& target, std::vector<show::Host>& list) {
  const auto hosts = shared.hosts->of(target);
  if (!hosts) return;
  for (const auto& host : hosts->view()) {
    const bool up = host.state.health == upstream::HostState::Health::up;
    const std::string role = up ? (host.state.in_recovery ? "standby" : "primary") : "";
    list.push_back({target, host.host, std::string(word_of(host.fit)), role, up ? host.state.timeline : 0,
                    host.state.lag.count(), host.connections});
  }
}

}  // namespace

Task<show::Overview> collect_overview(Shared& shared, boost::asio::io_context& home) {
  const auto answers = std::make_shared<Answers>(home);
  answers->enough.expires_after(patience);
  ask(shared, home, answers);
  if (answers->due > 0) co_await answers->enough.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  show::Overview overview = std::move(answers->overview);
  answers->overview = show::Overview();
  const auto snapshot = shared.current.get();
  for (const auto& [name, target] : snapshot->targets) {
    if (target.settings.engine == config::EngineKind::postgresql) add_databases(target, overview.databases);
    add_hosts(shared, name, overview.hosts);
  }
  for (const auto& [name, verifier] : snapshot->users)
    overview.users.push_back(name);
  overview.totals = totals(shared, *snapshot);
  overview.averages = shared.periods.of_last();
  overview.settings = settings_of(snapshot->config);
  overview.connections = shared.connections;
  overview.now_us = wall_clock_us();
  overview.now = std::chrono::steady_clock::now();
  co_return overview;
}

void end_stats_period(Shared& shared) {
  const auto now = std::chrono::steady_clock::now();
  if (shared.periods.due(now)) shared.periods.note(now, totals(shared, *shared.current.get()));
}

}  // namespace dbgate::app
