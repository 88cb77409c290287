#pragma once
#include <atomic>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "gateway/net/stream.h"
#include "gateway/upstream/host_choice.h"

namespace dbgate::upstream {

class HostSet;

/// One connection's place at a host, for as long as it lives: it counts there. Empty where there is no choice of hosts.
class HostUse {
 public:
  HostUse() = default;
  HostUse(std::shared_ptr<HostSet> set, std::size_t host);
  HostUse(HostUse&& other) noexcept;
  HostUse& operator=(HostUse&& other) noexcept;
  ~HostUse();

  /// Whether the host is still one of those that serve. Any thread, no lock.
  bool in_place() const noexcept { return !set_ || fit() == HostFit::fits; }
  bool must_leave() const noexcept { return set_ && upstream::must_leave(fit()); }
  /// Null: there is no choice.
  HostSet* set() const noexcept { return set_.get(); }
  std::size_t host() const noexcept { return host_; }

 private:
  HostFit fit() const noexcept;
  std::shared_ptr<HostSet> set_;
  std::size_t host_ = 0;
};

/// Somebody who waits until another host may serve. Of one thread; the set tells it there.
struct HostWait {
  explicit HostWait(const net::Executor& of) : executor(of), changed(of) {}
  const net::Executor executor;
  net::Event changed;
};

/// The hosts of one target and what is known of them. Any thread; somebody looks at the hosts and says what is found
/// (host_watch.h).
class HostSet : public std::enable_shared_from_this<HostSet> {
 public:
  using Clock = std::chrono::steady_clock;

  struct Settings {
    std::string target;
    HostRules rules;
    std::chrono::milliseconds wait{0};  ///< for a host that fits, while there is none
    std::vector<std::string> names;     ///< of the hosts, as "host:port"
  };
  explicit HostSet(Settings settings);

  const Settings& settings() const noexcept { return settings_; }
  /// Unlike any other set's of this process.
  std::uint64_t number() const noexcept { return number_; }
  HostFit fit(std::size_t host) const noexcept { return fits_[host].load(std::memory_order_relaxed); }

  /// Where the next connection goes: it has its place there already. None: no host fits at the moment.
  std::optional<HostUse> choose();
  /// A connection could not be made there: nobody new goes there before it has been looked at again, which is now. What
  /// is open there stays. `only_look`: one broke, which may mean nothing.
  void suspect(std::size_t host, bool only_look = false);
  /// Is told from now on whenever another host serves.
  void wait(const std::shared_ptr<HostWait>& who);
  /// Why nobody serves, for who waited in vain.
  Error none_fits() const;

  // For who looks.
  /// What a look has found; `lag` is found out here.
  void note(std::size_t host, HostState state);
  /// Called when somebody wants a host looked at at once. Once, before anything else.
  void on_suspicion(std::function<void(std::size_t host)> look) { look_ = std::move(look); }
  /// Called, by who notes, before anybody is let to a primary on another timeline than the last, or to another cluster.
  void on_move(std::function<void()> moved) { moved_ = std::move(moved); }
  /// Whether all hosts have been looked at, or what they are is known of before.
  bool known() const;
  /// Whether no host serves.
  bool deserted() const noexcept { return serving_.load(std::memory_order_relaxed) == 0; }

  /// For who asks what there is.
  struct View {
    std::string host;
    HostState state;
    HostFit fit = HostFit::unknown;
    bool primary = false;
    std::size_t connections = 0;
  };
  std::vector<View> view() const;
  /// How often a host became the primary after another.
  std::uint64_t failovers() const noexcept { return failovers_.load(std::memory_order_relaxed); }
  /// Names of hosts that fit, as their places in the list; those with fewer connections first.
  std::vector<std::size_t> serving() const;

 private:
  friend class HostUse;
  void publish(bool changed);
  void tell_change(std::size_t host, HostFit fit) const;
  std::vector<std::size_t> connections() const;

  const Settings settings_;
  const std::uint64_t number_;
  std::function<void(std::size_t)> look_;
  std::function<void()> moved_;
  mutable std::mutex mutex_;
  std::vector<HostState> states_;
  std::vector<bool> suspected_;  // nobody new goes there before the next look
  Cluster cluster_;
  PositionLog positions_;
  std::vector<std::weak_ptr<HostWait>> waiting_;
  std::unique_ptr<std::atomic<HostFit>[]> fits_;
  std::unique_ptr<std::atomic<std::size_t>[]> connections_;
  std::atomic<std::size_t> serving_{0};
  std::atomic<std::uint64_t> failovers_{0};
};

}  // namespace dbgate::upstream
