#pragma once
#include <sys/uio.h>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/error.h"
#include "gateway/base/open_connection.h"
#include "gateway/base/task.h"
#include "gateway/net/reactor.h"

struct ssl_ctx_st;
struct ssl_st;

namespace dbgate::net {

using Socket = boost::asio::generic::stream_protocol::socket;

/// What one non-blocking attempt to read or write did.
enum class IoStatus : std::uint8_t {
  ok,          ///< `bytes` were moved, at least one
  want_read,   ///< nothing moved: wait until the socket is readable (TLS may say so to a writer)
  want_write,  ///< nothing moved: wait until the socket is writable
  end,         ///< the peer closed its side in an orderly way
  failed       ///< the connection is broken
};

struct IoResult {
  std::size_t bytes = 0;
  IoStatus status = IoStatus::ok;
  /// A read took all there was, and little: whoever waits now will most likely wait for something, and saves the
  /// attempt that would say so. (What comes after the read is an event, so that nothing is missed.)
  bool drained = false;
};

/// Where a connection comes from or goes to, as text for logs and audit.
struct Address {
  std::string host;        ///< numeric; "[local]" for a Unix socket
  std::uint16_t port = 0;  ///< 0 for a Unix socket
  bool loopback = false;   ///< a loopback address or a Unix socket

  bool operator==(const Address&) const = default;
};

/// What a certificate of the other side says, once it has been verified.
struct PeerCertificate {
  std::string sha256;              ///< of all of it, in hexadecimal
  std::int64_t not_after = 0;      ///< seconds since 1970 UTC; 0: beyond what can be told
  std::vector<std::string> names;  ///< of its subject, as they stand there: "dns:…", "uri:…", "email:…"
};

/// When the other side counts as gone though nothing says so: its machine has died, or the way there (tcp(7)).
struct KeepAlive {
  std::chrono::seconds idle{60};  ///< until it is asked; then four times more, a quarter of that apart
  std::chrono::milliseconds unacknowledged{60'000};  ///< of what was sent; 0: the system's

  /// With TCP_NODELAY. On a socket that listens it is for those that it accepts. Nothing on Unix sockets.
  void put_on(int descriptor) const noexcept;
};

/// A connected byte stream, plain or TLS, over any stream socket. Used by one thread only.
///
/// TLS works straight on the descriptor (no memory BIO pair): one copy less, and idle connections give OpenSSL's
/// buffers back (SSL_MODE_RELEASE_BUFFERS).
class Stream {
 public:
  /// Takes the socket's descriptor out of it. Any thread.
  explicit Stream(Socket socket);
  /// Takes the descriptor over, to be used on the thread of `context`. Any thread.
  Stream(boost::asio::io_context& context, int descriptor);
  /// The same of one that has what KeepAlive::put_on() gives: accepted by a socket that has it, for example.
  static Stream of_prepared(boost::asio::io_context& context, int descriptor);
  /// The same with TLS under way; its handshake may have been made by somebody else. Any thread.
  Stream(boost::asio::io_context& context, OpenConnection connection);
  Stream(Stream&&) noexcept;
  Stream& operator=(Stream&&) noexcept;
  ~Stream();

  /// Moves what can be moved without waiting.
  IoResult try_read(std::span<std::byte> into);
  IoResult try_write(std::span<const iovec> pieces);
  /// As try_write(), but a short message may leave at the end of the reactor's round, together with those of other
  /// streams. It counts as written; if it cannot be sent, the next attempt fails.
  IoResult write_soon(std::span<const iovec> pieces);
  /// Whether nothing that counts as written is still here. Tries to send it.
  bool all_sent() noexcept;

  /// Waits until an attempt may succeed. Errors show in the next attempt.
  Wait wait_readable() noexcept;
  Wait wait_writable() noexcept;

  /// Waits for at least one byte. Errors: 08006 when the peer closed or the connection broke.
  Task<Result<std::size_t>> read_some(std::span<std::byte> into);
  /// Waits for exactly `bytes`, and takes no more than that. Errors: as read_some().
  Task<Result<std::string>> read_exactly(std::size_t bytes);
  /// Writes everything.
  Task<Result<>> write_all(std::span<const std::byte> bytes);
  Task<Result<>> write_pieces(std::vector<iovec>& pieces);

  /// TLS handshakes. `first` are bytes already read from the socket (direct TLS is recognised by peeking, so that there
  /// are none); errors carry OpenSSL's reason.
  /// @param why  becomes handshake_failure() of one that fails; null: nobody asks
  Task<Result<>> accept_tls(ssl_ctx_st* context, std::string_view* why = nullptr);
  Task<Result<>> connect_tls(ssl_ctx_st* context, const std::string& server_name, bool verify_name);

  /// Looks at bytes without taking them. @return how many lie in `into`; 0 at the end of the stream
  Task<Result<std::size_t>> peek(std::span<std::byte> into);

  bool secured() const noexcept { return tls_ != nullptr; }
  /// The ALPN protocol agreed in the handshake; empty without.
  std::string alpn() const;
  /// Data for SCRAM channel binding tls-server-end-point (RFC 5929 §4): the hash of the server's certificate. Empty
  /// without TLS. On the server side the own certificate counts, on the client side the peer's.
  std::string server_end_point(bool own_certificate) const;
  /// The certificate that the peer has shown and that was verified. None: it was not asked for one, or has none.
  std::optional<PeerCertificate> peer_certificate() const;
  /// "TLSv1.3" and the like; empty without TLS.
  std::string tls_version() const;

  void keep_alive(const KeepAlive& settings) noexcept { settings.put_on(descriptor()); }

  /// Ends the own side: the peer sees the end of the stream, and may still send.
  void finish_writing() noexcept;

  /// Ends the own side, then reads and drops what the peer still sends until it closes or the time is over. Closing
  /// with unread bytes would make the kernel reset the connection, and the peer would lose the last message.
  Task<> linger(std::chrono::milliseconds limit);

  Address peer() const;
  /// Whether the peer has closed its side, or the connection is broken, whatever lies unread before that.
  bool peer_gone() const noexcept;
  /// The user at the other end of a Unix socket, as the kernel has it; -1 cast to uid_t for any other socket.
  uid_t peer_uid() const;
  Executor executor() const { return reactor_->executor(); }
  bool is_open() const noexcept { return watch_ != nullptr; }
  /// Sends TLS close_notify if there is TLS, then closes. Never waits.
  void close() noexcept;
  /// Waits that are under way end, and so does the next of each kind. The stream lives on.
  void wake() noexcept;
  /// The same connection as a stream of another thread's. This one is closed from here on; who waits on it goes on.
  Stream move_to(const Executor& executor);
  /// Makes every pending and later operation end; the descriptor lives until close().
  void shutdown() noexcept;

 private:
  friend class ParkedStream;
  struct FreeTls {
    void operator()(ssl_st* tls) const noexcept;
  };
  int descriptor() const noexcept { return watch_ ? watch_->descriptor() : -1; }
  /// Whoever waits goes on; somebody else has the descriptor from here on.
  int forget_descriptor() noexcept;
  IoResult read_plain(std::span<std::byte> into);
  IoResult tls_result(int returned, std::size_t bytes);
  Task<Result<>> handshake(const char* what, std::string_view* why);

  Reactor* reactor_;
  std::unique_ptr<Watch> watch_;  // null: closed
  std::unique_ptr<ssl_st, FreeTls> tls_;
  std::size_t read_in_a_row_ = 0;  // bytes since the last wait
};

/// Shuts a stream down when its time is over, unless it is destroyed before. For handshakes and logins, where one limit
/// covers many reads and writes.
class Deadline {
 public:
  Deadline(Stream& stream, std::chrono::milliseconds limit);
  ~Deadline();
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  bool expired() const noexcept;

 private:
  struct State;
  boost::asio::steady_timer timer_;
  std::shared_ptr<State> state_;
};

/// Wakes coroutines of the same thread.
class Event {
 public:
  explicit Event(const Executor& executor) : reactor_(&Reactor::of(executor)) {}
  /// Returns at the next notify(). Notifications while nobody waits are lost: test the condition first, in a loop.
  Wait wait() { return {*reactor_, &place_}; }
  void notify() { place_.wake_all(); }

 private:
  Reactor* reactor_;
  WaitPlace place_;
};

/// Calls a function of the same thread when it is time. Cheaper than a coroutine that waits.
class Alarm {
 public:
  Alarm(const Executor& executor, std::function<void()> ring);
  ~Alarm();
  Alarm(const Alarm&) = delete;
  Alarm& operator=(const Alarm&) = delete;
  /// Instead of any time that was set before.
  void set(std::chrono::steady_clock::time_point time);

 private:
  struct State;
  boost::asio::steady_timer timer_;
  std::shared_ptr<State> state_;
};

/// Starts a task that nobody waits for; it must own what it uses.
void run_apart(Executor executor, std::function<Task<>()> task);
/// Runs a task on another executor and waits for its end there, whatever cancels the caller.
Task<> run_on(Executor executor, std::function<Task<>()> task);

}  // namespace dbgate::net
