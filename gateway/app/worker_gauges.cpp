#include <algorithm>

#include "gateway/app/worker.h"

// What a worker's sessions and server connections are doing, for metrics: on its own thread.
namespace dbgate::app {
namespace {

std::size_t state_of(const session::SessionStatus& status) {
  using Doing = session::SessionStatus::Doing;
  if (status.held) return 4;
  switch (status.doing) {
    case Doing::active:
      return 0;
    case Doing::idle:
      return 1;
    case Doing::idle_in_transaction:
      return 2;
    case Doing::waiting:
      return 3;
  }
  return 1;
}

template <class Counts>
void add_each(Counts& to, const Counts& more) {
  for (std::size_t i = 0; i < to.size(); ++i)
    to[i] += more[i];
}

}  // namespace

void Gauges::add(const Gauges& others) {
  for (const auto& [name, more] : others.targets) {
    Target& to = of(name);
    add_each(to.clients, more.clients);
    add_each(to.pinned, more.pinned);
    to.upstream_active += more.upstream_active;
    to.upstream_idle += more.upstream_idle;
    to.oldest_wait = std::max(to.oldest_wait, more.oldest_wait);
  }
}

void Worker::add_gauges(Gauges& gauges) const {
  sessions_.for_each([&gauges](const session::LiveSession& session) {
    const session::SessionStatus status = session.status();
    Gauges::Target& target = gauges.of(session.info().target);
    ++target.clients[state_of(status)];
    for (std::size_t i = 0; i < status.pins.size(); ++i)
      target.pinned[i] += status.pins.test(i) ? 1 : 0;
  });
  // Thousands of them share what they have in common.
  const session::SessionInfo* seen = nullptr;
  Gauges::Target* target = nullptr;
  sleeping_.for_each([&](const session::LiveSession& session) {
    const session::SessionInfo* const info = &session.info();
    if (std::exchange(seen, info) != info) target = &gauges.of(info->target);
    ++target->clients[state_of({})];
  });
  for (const auto& [name, tally] : servers_.tally()) {
    Gauges::Target& of = gauges.of(name);
    of.upstream_active += tally.active;
    of.upstream_idle += tally.idle;
    of.oldest_wait = std::max(of.oldest_wait, tally.oldest_wait);
  }
}

}  // namespace dbgate::app
