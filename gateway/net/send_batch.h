#pragma once
#include <sys/types.h>
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

struct io_uring;

namespace dbgate::net {

class Watch;

/// Short messages to many sockets that leave together: all of them by one system call (io_uring), after all that is
/// ready has been read and decided.
///
/// A send on loopback wakes the receiver, which then takes the processor from the sender: once per message if each is
/// sent by a call of its own, once per batch here. That is a tenth of what a statement costs (docs/decisions/0020).
/// Where the kernel does not let the process have a ring, nothing is ever taken. One thread.
class SendBatch {
 public:
  SendBatch() noexcept;
  ~SendBatch();
  SendBatch(const SendBatch&) = delete;
  SendBatch& operator=(const SendBatch&) = delete;

  /// Takes a copy, to be sent at flush(). False: nothing is taken; send it by itself.
  bool add(Watch& watch, std::span<const iovec> pieces) noexcept;
  /// Sends everything; the watches are told what became of it.
  void flush() noexcept;
  /// What is kept for this watch leaves now.
  void send_now(Watch& watch) noexcept;
  bool empty() const noexcept { return count_ == 0; }

 private:
  static constexpr std::size_t most_messages = 32;
  static constexpr std::size_t longest_message = 4096;
  static constexpr std::size_t room_bytes = 32 * 1024;

  struct Message {
    Watch* watch = nullptr;  // null: it is gone already
    std::uint32_t offset = 0;
    std::uint32_t bytes = 0;
  };
  struct FreeRing {
    void operator()(io_uring* ring) const noexcept;
  };
  using Results = std::array<ssize_t, most_messages>;

  bool open() noexcept;
  void send_each() noexcept;
  bool send_together(Results& results) noexcept;
  void finish(Message& message, ssize_t result) noexcept;

  std::unique_ptr<io_uring, FreeRing> ring_;
  std::unique_ptr<char[]> room_;
  std::array<Message, most_messages> messages_{};
  std::size_t count_ = 0;
  std::size_t used_ = 0;  // of the room
  bool refused_ = false;  // by the kernel, for good
};

}  // namespace dbgate::net
