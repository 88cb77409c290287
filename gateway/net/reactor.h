#pragma once
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "gateway/net/send_batch.h"
#include "gateway/net/wait.h"

namespace dbgate::net {

using Executor = boost::asio::any_io_executor;

/// What is known of one descriptor's readiness, and who waits for it. Lives as long as the descriptor is open.
class Watch {
 public:
  Watch(Reactor& reactor, int descriptor) noexcept : reactor_(reactor), descriptor_(descriptor) {}
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  /// Whoever still waits goes on, and finds the descriptor closed.
  ~Watch();

  /// Ends at once unless an attempt found nothing and no event came since.
  Wait wait_readable() noexcept;
  Wait wait_writable() noexcept;

  /// An attempt found nothing to read, or took all there was. Not after data that may have more behind it.
  void nothing_to_read() noexcept { readable_ = ended_; }
  void no_room_to_write() noexcept { writable_ = false; }
  /// The next wait ends at once: the last attempt was not an attempt.
  void assume_readable() noexcept { readable_ = true; }
  /// Everyone who waits goes on, now and later.
  void wake_all() noexcept;
  int descriptor() const noexcept { return descriptor_; }

  /// Takes a copy of a short message, which leaves at the end of the reactor's round or when there is room. False: send
  /// it by an attempt of your own, after settle().
  bool send_soon(std::span<const iovec> pieces) noexcept;
  /// What send_soon() has taken is on its way: an attempt to write may follow. False: not yet, wait_writable().
  bool settle() noexcept;
  /// Whether those who write through a layer of their own (TLS) should send_soon().
  bool gathers() const noexcept { return gathers_; }
  void gather(bool on) noexcept { gathers_ = on; }
  /// The last read took all there was, as far as is known.
  bool nothing_known_to_read() const noexcept { return !readable_; }
  /// What send_soon() has taken could not be sent, and cannot be.
  bool broken() const noexcept { return broken_; }

 private:
  friend class Reactor;
  friend class SendBatch;
  friend class Stream;
  void happened(std::uint32_t events) noexcept;
  bool want(std::uint32_t events) noexcept;
  /// @param result  of the send: bytes, or a negative errno
  void sent(ssize_t result, std::string_view message) noexcept;
  void send_rest() noexcept;

  Reactor& reactor_;
  WaitPlace readers_;
  WaitPlace writers_;
  const int descriptor_;
  std::uint32_t wanted_ = 0;  // what epoll was asked for; 0: nothing yet
  bool readable_ = true;      // true: or not known
  bool writable_ = true;
  bool ended_ = false;  // the peer sends no more: no event will ever come again, and reading does not wait
  bool batched_ = false;
  bool broken_ = false;
  bool gathers_ = false;
  std::unique_ptr<std::string> rest_;  // of a message that was sent in part; null: nothing
};

/// Waits for descriptors on behalf of the coroutines of one io_context.
///
/// Asio's own waits cost a system call each (epoll_ctl, to be told again of what is there already). Here a descriptor
/// is registered once, edge-triggered, in an epoll instance of the reactor, and waiting is only noting down who waits.
/// Asio watches that instance, and every turn of Asio's loop is one look at it. An io_context whose work comes through
/// streams can do without Asio's part of most turns: see linger().
/// One thread, except where stated otherwise.
class Reactor final : public boost::asio::execution_context::service {
 public:
  using Clock = std::chrono::steady_clock;
  static inline boost::asio::execution_context::id id;

  /// The reactor of an executor of an io_context; made at the first call. Any thread.
  static Reactor& of(const Executor& executor);
  static Reactor& of(boost::asio::io_context& context) { return boost::asio::use_service<Reactor>(context); }

  explicit Reactor(boost::asio::execution_context& context);
  ~Reactor() override;
  Reactor(const Reactor&) = delete;
  Reactor& operator=(const Reactor&) = delete;

  Executor executor() const { return context_.get_executor(); }
  /// From now on, events are waited for here and not by Asio for as long as they keep coming. Goes back to Asio
  ///  - every `busy_limit` while there is work,
  ///  - after `quiet_limit` without, or as soon as something is due that was announced by due_at(),
  ///  - at once when nudge() says that something was posted.
  /// Not for an io_context that has sockets of its own: they would wait.
  void linger() noexcept { lingers_ = true; }
  /// A timer of Asio is set to this time. Of several the next counts; the others may be late by `quiet_limit`.
  void due_at(Clock::time_point time) noexcept { due_ = std::min(due_, time); }
  /// Something was posted to the io_context and shall not wait until the reactor goes back by itself. Call it after
  /// posting. Any thread.
  void nudge() noexcept;

 private:
  friend class Wait;
  friend class Watch;
  friend class AsioAtWork;
  static constexpr std::chrono::milliseconds busy_limit{1};
  // A time-out that is nearer than the kernel's next tick makes it set its clock anew at every wait: 3 µs on a virtual
  // machine, a tenth of a statement.
  static constexpr std::chrono::milliseconds quiet_limit{20};
  static constexpr int batch = 64;

  void shutdown() override;
  void park(Wait& wait, bool ready) noexcept;
  void make_ready(Wait& wait) noexcept;
  void turn();
  /// @return whether anything was there to do
  bool round(Clock::time_point now);
  int patience(Clock::time_point now) const noexcept;
  void run_ready();
  void go_back(bool quiet);
  void see_to_turn();
  void arm();

  boost::asio::io_context& context_;
  const int epoll_;
  const int nudges_;                                              // an eventfd, edge-triggered and therefore never read
  std::optional<boost::asio::posix::stream_descriptor> watched_;  // what Asio sees of epoll_
  // While somebody waits, the io_context has work.
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work_;
  std::size_t waiting_ = 0;  // parked or ready
  Link parked_;
  Link ready_;
  std::array<epoll_event, batch> events_{};
  bool armed_ = false;   // Asio will call turn() when epoll_ has events
  bool posted_ = false;  // Asio will call turn() soon
  bool in_turn_ = false;
  bool lingers_ = false;
  int connecting_ = 0;
  SendBatch sends_;  // of this round
  Clock::time_point due_ = Clock::time_point::max();
  bool over_ = false;                          // the io_context is being destroyed
  std::atomic<bool> asio_has_work_{false};     // set by nudge()
  std::atomic<bool> waiting_in_epoll_{false};  // or about to: the eventfd is needed
};

/// While one lives, Asio has a connection under way for which the reactor does not linger. Its thread only.
class AsioAtWork {
 public:
  explicit AsioAtWork(Reactor& reactor) noexcept : reactor_(reactor) { ++reactor_.connecting_; }
  ~AsioAtWork() { --reactor_.connecting_; }
  AsioAtWork(const AsioAtWork&) = delete;
  AsioAtWork& operator=(const AsioAtWork&) = delete;

 private:
  Reactor& reactor_;
};

/// Reactor::nudge() where there is a reactor. Any thread.
void nudge(const Executor& executor) noexcept;
/// Posts to another io_context's thread, or the own one, so that it runs without delay. Any thread.
void post_to(const Executor& executor, std::function<void()> work);

}  // namespace dbgate::net
