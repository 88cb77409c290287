#pragma once
#include <memory>
#include <optional>

#include "gateway/net/stream.h"

namespace dbgate::net {

/// A stream that nobody uses until its peer says something: all that is left of it in one piece, without a coroutine.
///
/// Its owner's lifetime is that of the wait: when_readable() is called once, and the function owns what holds this.
/// (A process that ends drops functions that were never called.)
class ParkedStream {
 public:
  /// Takes an open stream over that nobody waits for, on its own thread. What was written must have been sent, and the
  /// last attempt to read must have found nothing: TLS data that OpenSSL has read already would wake nobody.
  explicit ParkedStream(Stream&& stream);
  ParkedStream(const ParkedStream&) = delete;
  ParkedStream& operator=(const ParkedStream&) = delete;
  ~ParkedStream();

  /// Calls `then`, once, when there is something to read, the peer is gone, or wake() was called. Never from within.
  template <class Then>
  void when_readable(Then then) {
    wait_(std::move(then));
  }
  void wake() noexcept { watch_->wake_all(); }
  /// The stream as it was. Only after the wait.
  Stream unpark();
  Executor executor() const { return reactor_.executor(); }

 private:
  Reactor& reactor_;
  std::optional<Watch> watch_;  // null: unparked
  std::unique_ptr<ssl_st, Stream::FreeTls> tls_;
  Wait wait_;
};

}  // namespace dbgate::net
