#pragma once
#include <sys/uio.h>

#include <cstddef>
#include <deque>
#include <string>
#include <vector>

#include "protocol/postgres/bytes.h"

namespace dbgate::session {

using protocol::Bytes;

/// Bytes to be written in order: views into a receive buffer where nothing changed, own text where dbgate speaks.
/// Views stay valid until the receive buffer is consumed, which happens after the write.
class Outgoing {
 public:
  void forward(Bytes view);
  /// Keeps a copy of `message`.
  void say(std::string message);
  bool empty() const noexcept { return pieces_.empty(); }
  std::vector<iovec>& pieces() noexcept { return pieces_; }
  std::size_t bytes() const noexcept { return bytes_; }
  /// The first `bytes` have been written. True: that was all.
  bool written(std::size_t bytes);
  void clear();

 private:
  std::vector<iovec> pieces_;
  std::deque<std::string> own_;  // a deque: earlier texts must not move
  std::size_t bytes_ = 0;
};

}  // namespace dbgate::session
