#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

// Which of a target's hosts serves: pure, from what was last seen of each (docs/decisions/0039-upstream-hosts.md).
namespace dbgate::upstream {

/// libpq's target_session_attrs.
enum class SessionAttrs : std::uint8_t { any, read_write, read_only, primary, standby, prefer_standby };
std::string_view word_of(SessionAttrs attrs) noexcept;

/// What a look at one host has found.
struct HostState {
  enum class Health : std::uint8_t { unknown, up, down };
  Health health = Health::unknown;
  bool in_recovery = false;              ///< it is a standby
  bool read_only = false;                ///< default_transaction_read_only
  std::uint64_t system = 0;              ///< system identifier: of the cluster that it is a copy of
  std::uint32_t timeline = 0;            ///< of a primary; 0 of a standby, whose own is not known
  std::uint64_t position = 0;            ///< in the WAL: written by a primary, replayed by a standby
  std::chrono::milliseconds lag{0};      ///< of a standby behind the primary
  std::chrono::milliseconds own_lag{0};  ///< the same as the standby itself sees it
};

/// What has been learnt of all hosts together, and is not forgotten when they are away.
struct Cluster {
  std::uint64_t system = 0;            ///< whose copies the hosts are; 0: not known yet
  std::uint32_t timeline = 0;          ///< the newest that a primary had; 0: none was seen
  std::optional<std::size_t> primary;  ///< on that timeline, seen last
  friend bool operator==(const Cluster&, const Cluster&) = default;
};

enum class HostFit : std::uint8_t {
  fits,
  unknown,       ///< not looked at yet
  down,          ///< it does not answer
  wrong_role,    ///< it answers, and is not what target_session_attrs wants
  not_needed,    ///< prefer-standby: a standby serves
  lags,          ///< a standby too far behind
  other_system,  ///< not a copy of the same cluster
  deposed        ///< says that it is the primary, and another is on a newer timeline, or was
};
std::string_view word_of(HostFit fit) noexcept;

/// Whether whoever works there has to go at once: what is written there is lost, or belongs elsewhere.
constexpr bool must_leave(HostFit fit) noexcept {
  return fit == HostFit::other_system || fit == HostFit::deposed;
}

/// What is wanted.
struct HostRules {
  SessionAttrs attrs = SessionAttrs::any;
  std::chrono::milliseconds max_lag{0};  ///< 0: no limit
};

/// What the states add to what was known. Nothing while a host has not been looked at yet and nothing is known: which
/// cluster is meant does not depend on who answers first. The first host of the list that answers says it.
Cluster learn(const Cluster& known, std::span<const HostState> states);

/// Which hosts may serve, in the order of `states`.
std::vector<HostFit> fits(const HostRules& rules, const Cluster& cluster, std::span<const HostState> states);

/// The one of those that fit with the fewest connections, the first of several; none: no host fits.
std::optional<std::size_t> least_used(std::span<const HostFit> fits, std::span<const std::size_t> connections);

/// Where the primary has been at what time: how far a standby is behind is read off there, by one clock and whether or
/// not the standby still hears of the primary.
class PositionLog {
 public:
  using Clock = std::chrono::steady_clock;
  /// @param span  what is to be told apart at least
  explicit PositionLog(std::chrono::milliseconds span) : spacing_(span / (most / 2)) {}

  void note(std::uint64_t position, Clock::time_point now);
  void clear() { marks_.clear(); }
  /// How long before the last time the primary was seen it was where the standby is now: 0 for one that has all of it,
  /// at least so long for one further behind than the log reaches. None: the primary was never seen.
  std::optional<std::chrono::milliseconds> lag_of(std::uint64_t position) const;

 private:
  static constexpr std::size_t most = 128;
  struct Mark {
    std::uint64_t position;
    Clock::time_point when;
  };
  std::chrono::milliseconds spacing_;
  std::vector<Mark> marks_;  // by time; the last is always the newest
};

}  // namespace dbgate::upstream
