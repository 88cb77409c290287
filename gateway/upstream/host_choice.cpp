#include "gateway/upstream/host_choice.h"

#include <algorithm>
#include <array>

namespace dbgate::upstream {
namespace {

constexpr std::array<std::string_view, 6> attrs_words = {"any",     "read-write", "read-only",
                                                         "primary", "standby",    "prefer-standby"};
constexpr std::array<std::string_view, 8> fit_words = {"serves",     "unknown", "down",         "wrong role",
                                                       "not needed", "lags",    "other system", "deposed"};

bool is_up(const HostState& state) {
  return state.health == HostState::Health::up;
}

bool is_of(const Cluster& cluster, const HostState& state) {
  return cluster.system == 0 || state.system == cluster.system;
}

bool has_role(SessionAttrs attrs, const HostState& state) {
  switch (attrs) {
    case SessionAttrs::any:
    case SessionAttrs::prefer_standby:
      return true;
    case SessionAttrs::read_write:
      return !state.in_recovery && !state.read_only;
    case SessionAttrs::read_only:
      return state.in_recovery || state.read_only;
    case SessionAttrs::primary:
      return !state.in_recovery;
    case SessionAttrs::standby:
      return state.in_recovery;
  }
  return false;
}

HostFit fit_of(const HostRules& rules, const Cluster& cluster, const HostState& state, bool is_primary) {
  if (state.health == HostState::Health::unknown) return HostFit::unknown;
  if (!is_up(state)) return HostFit::down;
  if (cluster.system == 0) return HostFit::unknown;
  if (!is_of(cluster, state)) return HostFit::other_system;
  if (!state.in_recovery && !is_primary) return HostFit::deposed;
  if (!has_role(rules.attrs, state)) return HostFit::wrong_role;
  if (state.in_recovery && rules.max_lag.count() > 0 && state.lag > rules.max_lag) return HostFit::lags;
  return HostFit::fits;
}

}  // namespace

std::string_view word_of(SessionAttrs attrs) noexcept {
  return attrs_words[static_cast<std::size_t>(attrs)];
}

std::string_view word_of(HostFit fit) noexcept {
  return fit_words[static_cast<std::size_t>(fit)];
}

Cluster learn(const Cluster& known, std::span<const HostState> states) {
  Cluster cluster = known;
  if (cluster.system == 0) {
    const bool waits = std::any_of(states.begin(), states.end(),
                                   [](const HostState& state) { return state.health == HostState::Health::unknown; });
    const auto first = std::find_if(states.begin(), states.end(), is_up);
    if (waits || first == states.end()) return cluster;
    cluster.system = first->system;
  }
  // Two that were never told apart by a promotion cannot be told apart here: the one in force stays.
  const auto candidate = [&](std::size_t i) {
    return is_up(states[i]) && !states[i].in_recovery && is_of(cluster, states[i]) &&
           states[i].timeline >= cluster.timeline;
  };
  std::optional<std::size_t> best;
  if (cluster.primary && candidate(*cluster.primary)) best = cluster.primary;
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (candidate(i) && (!best || states[i].timeline > states[*best].timeline)) best = i;
  }
  if (!best) return cluster;
  cluster.primary = best;
  cluster.timeline = states[*best].timeline;
  return cluster;
}

std::vector<HostFit> fits(const HostRules& rules, const Cluster& cluster, std::span<const HostState> states) {
  std::vector<HostFit> found;
  bool standby_serves = false;
  for (std::size_t i = 0; i < states.size(); ++i) {
    found.push_back(fit_of(rules, cluster, states[i], cluster.primary == i));
    standby_serves = standby_serves || (found[i] == HostFit::fits && states[i].in_recovery);
  }
  if (rules.attrs != SessionAttrs::prefer_standby || !standby_serves) return found;
  for (std::size_t i = 0; i < states.size(); ++i) {
    if (found[i] == HostFit::fits && !states[i].in_recovery) found[i] = HostFit::not_needed;
  }
  return found;
}

std::optional<std::size_t> least_used(std::span<const HostFit> fits, std::span<const std::size_t> connections) {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < fits.size(); ++i) {
    if (fits[i] == HostFit::fits && (!best || connections[i] < connections[*best])) best = i;
  }
  return best;
}

void PositionLog::note(std::uint64_t position, Clock::time_point now) {
  const bool close = marks_.size() > 1 && now - marks_[marks_.size() - 2].when < spacing_;
  if (close) marks_.pop_back();
  if (marks_.size() == most) marks_.erase(marks_.begin());
  marks_.push_back({position, now});
}

std::optional<std::chrono::milliseconds> PositionLog::lag_of(std::uint64_t position) const {
  if (marks_.empty()) return std::nullopt;
  const auto behind =
      std::find_if(marks_.rbegin(), marks_.rend(), [position](const Mark& mark) { return mark.position <= position; });
  const auto since = behind == marks_.rend() ? marks_.front().when : behind->when;
  return std::chrono::duration_cast<std::chrono::milliseconds>(marks_.back().when - since);
}

}  // namespace dbgate::upstream
