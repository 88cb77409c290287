#pragma once
#include <sys/uio.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/postgres/bytes.h"

namespace dbgate::session {

using protocol::Bytes;

/// Bytes to be written in order: views into a receive buffer where nothing changed, own text where dbgate speaks.
/// Views stay valid until the receive buffer is consumed, which happens after the write.
class Outgoing {
 public:
  /// A short view behind own text is copied to it: one piece is cheaper to write than two.
  void forward(Bytes view);
  /// Keeps a copy of `message`.
  void say(std::string_view message);
  bool empty() const noexcept { return pieces_.empty(); }
  std::vector<iovec>& pieces() noexcept { return pieces_; }
  std::size_t bytes() const noexcept { return bytes_; }
  /// Appends what stands behind the first `from` bytes.
  void copy_to(std::string& text, std::size_t from) const;
  /// The first `bytes` have been written. True: that was all.
  bool written(std::size_t bytes);
  void clear();
  /// Gives unused memory back.
  void trim();

 private:
  void add(Bytes view);
  bool ends_with_own_text() const;

  std::vector<iovec> pieces_;
  std::vector<std::string> own_;  // each fixed in place: its room is made once, and what does not fit begins another
  std::size_t bytes_ = 0;
};

}  // namespace dbgate::session
