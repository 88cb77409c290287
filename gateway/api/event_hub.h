#pragma once
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/net/stream.h"
#include "gateway/ports/events.h"

namespace dbgate::api {

/// Keeps the last events and wakes those who watch. Watchers have a place in one ring and no queue of their own: who is
/// overtaken by the ring's end has been too slow. What comes faster than the API's thread takes it is dropped, and one
/// event `missed`, which everybody sees, says so. Nothing is kept while nobody watches, and nobody has for some
/// minutes: events would cost each client that comes a few hundred bytes. publish() from any thread, everything else on
/// the API's.
class EventHub final : public ports::EventSink {
 public:
  static constexpr std::size_t most_events = 4096;
  static constexpr std::size_t most_bytes = 4u << 20;
  /// Who comes back after so long goes on where he was; at least, and if the ring still has it.
  static constexpr std::chrono::minutes kept_for{5};

  explicit EventHub(boost::asio::io_context& context);
  ~EventHub() override;

  void publish(ports::Event event) override;

  /// Somebody watches as long as one of these lives.
  class Watch;

  static constexpr std::string_view missed = "missed";

  struct Numbered {
    std::uint64_t number;
    ports::Event event;
  };

  /// The number that the next event will have.
  std::uint64_t next() const noexcept { return first_ + events_.size(); }
  /// Of the oldest event that is still here; next() if there is none.
  std::uint64_t first() const noexcept { return first_; }
  /// Null if the event is gone, or has not happened yet.
  const Numbered* at(std::uint64_t number) const noexcept;
  /// Wakes at the next event; and for good after close().
  net::Event& changed() noexcept { return changed_; }
  bool closed() const noexcept { return closed_; }
  /// Whoever watches stops.
  void close();

  /// What `id:` and Last-Event-ID have: the hub's own name, so that another process' numbers are not taken for these,
  /// and the number.
  std::string id_of(std::uint64_t number) const;
  /// The number behind it; nothing if the id is not this hub's.
  std::optional<std::uint64_t> number_of(std::string_view id) const noexcept;

 private:
  struct Door;
  void add(ports::Event event);
  void forget() noexcept;

  const std::string name_;
  std::deque<Numbered> events_;
  std::uint64_t first_ = 1;
  std::size_t bytes_ = 0;
  bool closed_ = false;
  net::Executor executor_;
  net::Event changed_;
  std::shared_ptr<Door> door_;  // what publish() on other threads holds
};

class EventHub::Watch {
 public:
  explicit Watch(EventHub& hub);
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  std::shared_ptr<Door> door_;
};

}  // namespace dbgate::api
