#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "gateway/net/stream.h"
#include "gateway/upstream/connection.h"

namespace dbgate::session {

/// Where a CancelRequest meets the session it is for. Lives on the session's thread.
///
/// A late cancel must not hit the statement after the one it was meant for. The server takes the signal when it comes,
/// so the session sends nothing to its server while a cancel is under way, and drops a cancel that arrives while
/// nothing runs. One that arrives while a statement is on its way, being judged or recorded, waits until it is there:
/// the server would take the signal for nothing.
class CancelPoint : public std::enable_shared_from_this<CancelPoint> {
 public:
  CancelPoint(const net::Executor& executor, std::shared_ptr<const upstream::ServerSpec> spec);

  /// Names the server connection of the session; its process is asked for cancels while `busy` says so.
  void attach(const upstream::ServerSpec::Host& host, std::int32_t pid, std::string key, std::function<bool()> busy);
  void detach() { busy_ = nullptr; }

  /// A client asks: cancels what runs now, or what is on its way.
  Task<> request();
  /// While nothing runs: a statement is on its way to the server.
  void set_out() noexcept { coming_ = true; }
  /// It is there, or needed no server.
  void arrived() {
    if (coming_) meet();
  }
  /// Cancels what the session runs now, if anything; returns when the server has been signalled. Own thread only.
  Task<> cancel();
  /// The same without waiting: nothing new is sent to the server from now on until it has been signalled.
  void start_cancel();
  /// Ends the server's process, so that nothing runs that waits behind what runs now: a cancel would let it begin. If
  /// the server does not take another connection, what runs is cancelled.
  Task<> stop();
  /// Waits until no cancel is under way.
  Task<> settled();
  /// Called by cancels that find nothing running; null: nobody is interested.
  void when_idle(std::function<void()> call) { when_idle_ = std::move(call); }
  bool under_way() const noexcept { return under_way_ > 0; }
  /// Called whenever a cancel is over and no other is under way.
  void when_settled(std::function<void()> call) { when_settled_ = std::move(call); }
  const net::Executor& executor() const noexcept { return executor_; }

 private:
  Task<> send();
  void note_over();
  void meet();
  net::Executor executor_;
  std::shared_ptr<const upstream::ServerSpec> spec_;
  upstream::ServerSpec::Host host_;
  std::int32_t pid_ = 0;
  std::string key_;
  std::function<bool()> busy_;
  std::function<void()> when_settled_;
  std::function<void()> when_idle_;
  int under_way_ = 0;
  bool coming_ = false;
  bool asked_ = false;  // for what is coming
  net::Event over_;
};

/// Finds sessions by the key that dbgate gave to their clients. Shared by all threads; used at login, at the end of
/// a session and by cancel requests only.
///
/// Of several gateways each marks the long keys of protocol 3.2, so that a request that reaches another one can be
/// passed on. The four bytes of protocol 3.0 have no room for that: all of them are what keeps strangers out.
class CancelRegistry {
 public:
  CancelRegistry();
  /// Marks keys from now on. Before there are sessions.
  void be(std::string_view replica) { mark_ = mark_of(replica); }
  /// Whether a key can be one that the gateway of that name gave out.
  static bool may_be_of(std::string_view key, std::string_view replica);

  /// Makes a fresh key of `bytes` for a session: random, but for the mark of a long one.
  std::string enter(std::int32_t pid, std::size_t bytes, const std::shared_ptr<CancelPoint>& point);
  /// The same session goes on with the key that it had.
  void enter_again(std::int32_t pid, const std::string& key, const std::shared_ptr<CancelPoint>& point);
  void leave(std::int32_t pid, const std::string& key);
  /// A number for a session without a server process of its own, as PostgreSQL numbers processes.
  std::int32_t next_pid() noexcept;
  std::shared_ptr<CancelPoint> find(std::int32_t pid, std::string_view key) const;

 private:
  static std::string mark_of(std::string_view replica);
  std::string mark_;                 // empty: there is one gateway
  std::atomic<std::uint32_t> pids_;  // from anywhere: two gateways should not give the same numbers
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::weak_ptr<CancelPoint>> points_;  // pid and key together
};

}  // namespace dbgate::session
