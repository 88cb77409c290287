#pragma once
#include <sys/socket.h>

#include <chrono>
#include <string>
#include <string_view>

#include "gateway/base/error.h"

namespace dbgate::app {

/// A connection of a command that ends with its answer: it blocks, and never longer than until its deadline.
class LocalSocket {
 public:
  using Clock = std::chrono::steady_clock;

  /// Errors: 08006 with the reason.
  static Result<LocalSocket> connect(const sockaddr* address, socklen_t length, Clock::time_point deadline);
  ~LocalSocket();
  LocalSocket(LocalSocket&& other) noexcept;
  LocalSocket& operator=(LocalSocket&&) = delete;

  Result<> write_all(std::string_view bytes);
  /// All until the other side ends, or `most` bytes.
  Result<std::string> read_to_end(std::size_t most);
  /// Up to a line's end, without it. Errors: the other side ended before, or the line is longer than `most` bytes.
  Result<std::string> read_line(std::size_t most);
  int descriptor() const noexcept { return descriptor_; }

 private:
  LocalSocket(int descriptor, Clock::time_point deadline) : descriptor_(descriptor), deadline_(deadline) {}
  Result<> wait_for(short events);
  /// At least one byte; none: the end.
  Result<std::string> read_some();

  int descriptor_;
  Clock::time_point deadline_;
};

}  // namespace dbgate::app
