#include "gateway/upstream/host_set.h"

#include <algorithm>

#include "gateway/base/log.h"

namespace dbgate::upstream {
namespace {

std::uint64_t next_number() {
  static std::atomic<std::uint64_t> numbers{0};
  return ++numbers;
}

}  // namespace

HostUse::HostUse(std::shared_ptr<HostSet> set, std::size_t host) : set_(std::move(set)), host_(host) {
  set_->connections_[host_].fetch_add(1, std::memory_order_relaxed);
}

HostUse::HostUse(HostUse&& other) noexcept : set_(std::exchange(other.set_, nullptr)), host_(other.host_) {}

HostUse& HostUse::operator=(HostUse&& other) noexcept {
  std::swap(set_, other.set_);
  std::swap(host_, other.host_);
  return *this;
}

HostUse::~HostUse() {
  if (set_) set_->connections_[host_].fetch_sub(1, std::memory_order_relaxed);
}

HostFit HostUse::fit() const noexcept {
  return set_->fit(host_);
}

HostSet::HostSet(Settings settings)
    : settings_(std::move(settings)),
      number_(next_number()),
      states_(settings_.names.size()),
      suspected_(settings_.names.size()),
      positions_(settings_.rules.max_lag),
      fits_(std::make_unique<std::atomic<HostFit>[]>(settings_.names.size())),
      connections_(std::make_unique<std::atomic<std::size_t>[]>(settings_.names.size())) {
  for (std::size_t i = 0; i < settings_.names.size(); ++i)
    fits_[i] = HostFit::unknown;
}

std::vector<std::size_t> HostSet::connections() const {
  std::vector<std::size_t> counts;
  for (std::size_t i = 0; i < states_.size(); ++i)
    counts.push_back(connections_[i].load(std::memory_order_relaxed));
  return counts;
}

std::optional<HostUse> HostSet::choose() {
  const std::lock_guard lock(mutex_);
  std::vector<HostFit> now;
  for (std::size_t i = 0; i < states_.size(); ++i)
    now.push_back(suspected_[i] ? HostFit::unknown : fit(i));
  const auto chosen = least_used(now, connections());
  if (!chosen) return std::nullopt;
  return HostUse(shared_from_this(), *chosen);
}

void HostSet::suspect(std::size_t host, bool only_look) {
  if (!only_look) {
    const std::lock_guard lock(mutex_);
    suspected_[host] = true;
  }
  if (look_) look_(host);
}

void HostSet::wait(const std::shared_ptr<HostWait>& who) {
  const std::lock_guard lock(mutex_);
  std::erase_if(waiting_, [](const std::weak_ptr<HostWait>& one) { return one.expired(); });
  waiting_.push_back(who);
}

Error HostSet::none_fits() const {
  std::string message = "no host of \"" + settings_.target +
                        "\" serves (target_session_attrs=" + std::string(word_of(settings_.rules.attrs)) + "): ";
  for (std::size_t i = 0; i < settings_.names.size(); ++i)
    message += (i > 0 ? ", " : "") + settings_.names[i] + " " + std::string(word_of(fit(i)));
  return {sqlstate::connection_failure, std::move(message),
          "Try again in a moment. An administrator sees the hosts with SHOW HOSTS of the admin database."};
}

// What was read of a standby is how far it is; how long that is the primary's past says.
void HostSet::note(std::size_t host, HostState state) {
  bool moves = false;
  {
    const std::lock_guard lock(mutex_);
    if (state.health == HostState::Health::up && state.in_recovery)
      state.lag = positions_.lag_of(state.position).value_or(state.own_lag);
    states_[host] = state;
    const Cluster next = learn(cluster_, states_);
    moves = next.timeline != cluster_.timeline || next.system != cluster_.system;
  }
  // Nobody is let there before.
  if (moves && moved_) moved_();
  const std::lock_guard lock(mutex_);
  const Cluster before = std::exchange(cluster_, learn(cluster_, states_));
  if (cluster_.timeline != before.timeline) positions_.clear();
  if (cluster_.primary == host && state.health == HostState::Health::up && !state.in_recovery)
    positions_.note(state.position, Clock::now());
  const bool cleared = suspected_[host];
  suspected_[host] = false;
  if (before.primary && cluster_.primary != before.primary) {
    failovers_.fetch_add(1, std::memory_order_relaxed);
    log::warn("hosts", "another host is the primary",
              {{"target", settings_.target},
               {"host", settings_.names[*cluster_.primary]},
               {"before", settings_.names[*before.primary]},
               {"timeline", std::to_string(cluster_.timeline)}});
  }
  publish(cleared);
}

// With the lock.
void HostSet::publish(bool changed) {
  const auto now = fits(settings_.rules, cluster_, states_);
  std::size_t serving = 0;
  for (std::size_t i = 0; i < now.size(); ++i) {
    serving += now[i] == HostFit::fits;
    if (fits_[i].exchange(now[i], std::memory_order_relaxed) == now[i]) continue;
    changed = true;
    tell_change(i, now[i]);
  }
  serving_.store(serving, std::memory_order_relaxed);
  if (!changed) return;
  for (const auto& one : std::exchange(waiting_, {})) {
    const auto who = one.lock();
    if (!who) continue;
    waiting_.push_back(one);
    net::post_to(who->executor, [who] { who->changed.notify(); });
  }
}

void HostSet::tell_change(std::size_t host, HostFit fit) const {
  const HostState& state = states_[host];
  log::Level level = fit == HostFit::down ? log::Level::warn : log::Level::info;
  if (must_leave(fit)) level = log::Level::error;
  const char* why = "a host of a target is another than it was";
  if (fit == HostFit::other_system) why = "a host is not a copy of the same cluster as the others, and is not used";
  if (fit == HostFit::deposed) why = "a second host says that it is the primary, on no newer timeline: it is not used";
  log::write(level, "hosts", why,
             {{"target", settings_.target},
              {"host", settings_.names[host]},
              {"state", word_of(fit)},
              {"role", state.in_recovery ? "standby" : "primary"},
              {"timeline", std::to_string(state.timeline)},
              {"system", std::to_string(state.system)}});
}

bool HostSet::known() const {
  const std::lock_guard lock(mutex_);
  return cluster_.system != 0;
}

std::vector<HostSet::View> HostSet::view() const {
  const std::lock_guard lock(mutex_);
  std::vector<View> list;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    const bool up = states_[i].health == HostState::Health::up;
    list.push_back({settings_.names[i], states_[i], fit(i), up && !states_[i].in_recovery && cluster_.primary == i,
                    connections_[i].load(std::memory_order_relaxed)});
  }
  return list;
}

std::vector<std::size_t> HostSet::serving() const {
  const std::lock_guard lock(mutex_);
  const auto counts = connections();
  std::vector<std::size_t> list;
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (fit(i) == HostFit::fits) list.push_back(i);
  }
  std::stable_sort(list.begin(), list.end(), [&](std::size_t a, std::size_t b) { return counts[a] < counts[b]; });
  return list;
}

}  // namespace dbgate::upstream
