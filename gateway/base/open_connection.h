#pragma once
#include <unistd.h>

#include <memory>
#include <utility>

struct ssl_st;

namespace dbgate {

/// A connected stream socket, and the TLS that is spoken over it, on its way from one owner to the next. Moves; closes
/// the descriptor if nobody takes it.
class OpenConnection {
 public:
  /// Takes the descriptor over. @param tls  its handshake is done; null: none is spoken
  explicit OpenConnection(int descriptor, std::shared_ptr<ssl_st> tls = nullptr) noexcept
      : descriptor_(descriptor), tls_(std::move(tls)) {}
  OpenConnection(OpenConnection&& other) noexcept
      : descriptor_(std::exchange(other.descriptor_, -1)), tls_(std::move(other.tls_)) {}
  OpenConnection& operator=(OpenConnection&& other) noexcept {
    std::swap(descriptor_, other.descriptor_);
    std::swap(tls_, other.tls_);
    return *this;
  }
  ~OpenConnection() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  const std::shared_ptr<ssl_st>& tls() const noexcept { return tls_; }
  /// The caller has the descriptor from here on.
  int release() noexcept { return std::exchange(descriptor_, -1); }

 private:
  int descriptor_;
  std::shared_ptr<ssl_st> tls_;
};

}  // namespace dbgate
