#include "gateway/app/host_watch.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>

#include "gateway/base/log.h"
#include "gateway/upstream/host_probe.h"

namespace dbgate::app {
namespace {

constexpr std::size_t stack_bytes = 512u << 10;
// How often hosts are looked at while none of them serves and somebody may wait.
constexpr std::chrono::milliseconds while_deserted{100};

std::string name_of(const config::HostPort& host) {
  return host.host + ":" + std::to_string(host.port);
}

void tell_failure(const upstream::HostSet& set, std::size_t host, const Error& why) {
  log::warn("hosts", "a host cannot be looked at",
            {{"target", set.settings().target},
             {"host", set.settings().names[host]},
             {"sqlstate", why.code().text()},
             {"err", why.message()}});
}

// For as long as anybody has to do with the set: sessions that began before a reload keep theirs.
Task<> look_after(std::weak_ptr<upstream::HostSet> watched, std::size_t host,
                  std::shared_ptr<upstream::HostProbe> probe, std::chrono::milliseconds interval) {
  for (bool known_down = false;;) {
    const auto found = co_await probe->look();
    std::chrono::milliseconds pause = interval;
    {
      const auto set = watched.lock();
      if (!set) co_return;
      upstream::HostState state;
      state.health = upstream::HostState::Health::down;
      if (found) state = *found;
      if (!found && !known_down) tell_failure(*set, host, found.error());
      known_down = !found;
      const bool deserted = set->deserted();
      set->note(host, state);
      // Another may have become what is wanted, and would be looked at an interval later.
      for (std::size_t i = 0; !deserted && set->deserted() && i < set->settings().names.size(); ++i) {
        if (i != host) set->suspect(i, true);
      }
      if (set->deserted()) pause = std::min(pause, while_deserted);
    }
    co_await probe->rest(pause);
  }
}

}  // namespace

HostWatch::HostWatch(std::function<void(const std::string&)> moved) : moved_(std::move(moved)) {}

HostWatch::~HostWatch() {
  stop();
}

void HostWatch::start() {
  thread_ = std::make_unique<Thread>(stack_bytes, [this] {
    const auto work = boost::asio::make_work_guard(context_);
    context_.run();
  });
}

void HostWatch::stop() {
  context_.stop();
  thread_.reset();
}

HostWatch::Set HostWatch::make_set(const Target& target) {
  const config::Upstream& upstream = target.settings.upstream;
  upstream::HostSet::Settings settings;
  settings.target = target.settings.name;
  settings.rules = {static_cast<upstream::SessionAttrs>(upstream.session_attrs), upstream.max_lag};
  settings.wait = upstream.failover_wait;
  for (const config::HostPort& host : upstream.hosts)
    settings.names.push_back(name_of(host));
  const auto set = std::make_shared<upstream::HostSet>(std::move(settings));
  std::vector<std::weak_ptr<upstream::HostProbe>> probes;
  std::vector<std::function<void()>> begin;
  for (std::size_t i = 0; i < upstream.hosts.size(); ++i) {
    upstream::ServerSpec one = target.server;
    one.hosts = {target.server.hosts[i]};
    one.connect_timeout = upstream.health.timeout;
    const auto probe =
        std::make_shared<upstream::HostProbe>(context_.get_executor(), std::move(one), upstream.health.timeout);
    probes.push_back(probe);
    begin.emplace_back([this, weak = std::weak_ptr(set), i, probe, interval = upstream.health.interval] {
      net::run_apart(context_.get_executor(),
                     [weak, i, probe, interval] { return look_after(weak, i, probe, interval); });
    });
  }
  set->on_suspicion([probes](std::size_t host) {
    if (const auto probe = probes[host].lock()) probe->ask();
  });
  set->on_move([this, name = target.settings.name] { moved_(name); });
  for (const auto& begins : begin)
    net::post_to(context_.get_executor(), begins);
  return set;
}

void HostWatch::configure(const Snapshot& snapshot) {
  const std::lock_guard lock(entries_->mutex);
  std::map<std::string, Entry, std::less<>> next;
  for (const auto& [name, target] : snapshot.targets) {
    const config::Upstream& upstream = target.settings.upstream;
    if (target.settings.engine != config::EngineKind::postgresql || !upstream.chooses()) continue;
    const auto before = entries_->by_target.find(name);
    const bool same = before != entries_->by_target.end() && before->second.settings == upstream;
    next[name] = {upstream, same ? before->second.set : make_set(target)};
  }
  entries_->by_target = std::move(next);
}

HostWatch::Set HostWatch::of(std::string_view target) const {
  const std::lock_guard lock(entries_->mutex);
  const auto found = entries_->by_target.find(target);
  return found == entries_->by_target.end() ? nullptr : found->second.set;
}

std::function<bool(const std::string&, config::Upstream&)> HostWatch::narrowing() const {
  return [entries = entries_](const std::string& target, config::Upstream& server) {
    const std::lock_guard lock(entries->mutex);
    const auto found = entries->by_target.find(target);
    if (found == entries->by_target.end() || !(found->second.settings == server)) return true;
    const upstream::HostSet& set = *found->second.set;
    if (!set.known()) return true;
    std::vector<config::HostPort> hosts;
    for (const std::size_t host : set.serving())
      hosts.push_back(server.hosts[host]);
    server.hosts = std::move(hosts);
    return !server.hosts.empty();
  };
}

}  // namespace dbgate::app
