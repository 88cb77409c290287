#pragma once
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <cstddef>
#include <new>
#include <type_traits>
#include <utility>

namespace dbgate::net {

class Reactor;
class Wait;

/// A doubly linked list's hook; by itself: an empty list.
struct Link {
  Link() noexcept = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() = default;
  Link* next = this;
  Link* previous = this;
};

/// Where coroutines wait for one thing. Must outlive nobody: whoever still waits when it goes is woken.
class WaitPlace {
 public:
  WaitPlace() noexcept = default;
  WaitPlace(const WaitPlace&) = delete;
  WaitPlace& operator=(const WaitPlace&) = delete;
  ~WaitPlace() { wake_all(); }
  bool empty() const noexcept { return first_ == nullptr; }
  /// Everyone goes on soon: after what runs now, on the same thread.
  void wake_all() noexcept;

 private:
  friend class Wait;
  Wait* first_ = nullptr;  // mostly there is one or none
};

/// One wait of a coroutine: `co_await stream.wait_readable()`. It lies in the coroutine's frame and is itself what the
/// reactor keeps in its lists, so that waiting allocates nothing. Ends early by Asio's cancellation; says nothing of
/// how it ended.
class [[nodiscard]] Wait : private Link {
 public:
  /// `place` null, or nothing to wait for: the wait ends as soon as others had their turn.
  Wait(Reactor& reactor, WaitPlace* place, bool cancellable = true) noexcept
      : reactor_(reactor), place_(place), cancellable_(cancellable) {}
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;
  ~Wait() = default;

  /// Begins to wait. Called by co_await, which knows this as an asynchronous operation of Asio.
  template <boost::asio::completion_token_for<void()> Token>
  auto operator()(Token&& token) {
    return boost::asio::async_initiate<Token, void()>(
        [this](auto handler) {
          using Handler = decltype(handler);
          static_assert(sizeof(Handler) <= sizeof handler_ && std::is_nothrow_move_constructible_v<Handler>);
          if (cancellable_) {
            auto slot = boost::asio::get_associated_cancellation_slot(handler);
            // The handler clears the slot before its coroutine goes on.
            if (slot.is_connected()) slot.assign([this](boost::asio::cancellation_type) { wake(); });
          }
          ::new (static_cast<void*>(handler_)) Handler(std::move(handler));
          take_out_ = [](std::byte* stored, bool call) {
            auto* const at = std::launder(reinterpret_cast<Handler*>(stored));
            Handler taken(std::move(*at));
            at->~Handler();
            if (call) std::move(taken)();
          };
          park();
        },
        token);
  }

 private:
  friend class Reactor;
  friend class WaitPlace;

  void park() noexcept;
  void wake() noexcept;
  void leave_place() noexcept;
  /// Runs the coroutine on, or gives it up. `*this` is gone when this returns.
  void finish(bool call) { take_out_(handler_, call); }

  Reactor& reactor_;
  WaitPlace* place_;
  Wait* next_at_place_ = nullptr;
  void (*take_out_)(std::byte*, bool) = nullptr;
  alignas(void*) std::byte handler_[sizeof(void*)];
  bool cancellable_;
};

}  // namespace dbgate::net
