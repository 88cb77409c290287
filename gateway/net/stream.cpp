#include "gateway/net/stream.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/query.hpp>
#include <cerrno>
#include <cstring>

#include "gateway/net/tls_bio.h"

namespace dbgate::net {
namespace {

// One TLS record holds at most this much; pieces are gathered up to it so that a batch of small messages is one record
// and one system call.
constexpr std::size_t tls_gather_bytes = 16 * 1024;

// A shorter read is a message by itself, not a piece of a stream.
constexpr std::size_t drained_bytes = 4 * 1024;

// Whoever reads this much without a wait lets others have their turn. Large enough to be lost in the cost of reading.
constexpr std::size_t read_in_a_row_bytes = 512 * 1024;

bool would_wait() {
  return errno == EAGAIN || errno == EWOULDBLOCK;
}

Error connection_lost(const char* what) {
  return {sqlstate::connection_failure, what};
}

boost::asio::io_context& context_of(Socket& socket) {
  return static_cast<boost::asio::io_context&>(
      boost::asio::query(socket.get_executor(), boost::asio::execution::context));
}

int descriptor_of(Socket& socket) {
  boost::system::error_code failed;
  const int descriptor = socket.release(failed);
  return failed ? -1 : descriptor;
}

}  // namespace

void Stream::FreeTls::operator()(ssl_st* tls) const noexcept {
  SSL_free(tls);
}

Stream::Stream(Socket socket) : Stream(context_of(socket), descriptor_of(socket)) {}

void KeepAlive::put_on(int descriptor) const noexcept {
  const auto set = [descriptor](int level, int option, int value) {
    ::setsockopt(descriptor, level, option, &value, sizeof value);
  };
  // Fails harmlessly on Unix sockets.
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  constexpr int questions = 4;
  const int seconds = static_cast<int>(idle.count());
  set(IPPROTO_TCP, TCP_KEEPIDLE, seconds);
  set(IPPROTO_TCP, TCP_KEEPINTVL, std::max(1, seconds / questions));
  set(IPPROTO_TCP, TCP_KEEPCNT, questions);
  set(IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(unacknowledged.count()));
}

Stream::Stream(boost::asio::io_context& context, int descriptor) : reactor_(&Reactor::of(context)) {
  if (descriptor < 0) return;
  KeepAlive().put_on(descriptor);
  ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
  watch_ = std::make_unique<Watch>(*reactor_, descriptor);
}

Stream Stream::of_prepared(boost::asio::io_context& context, int descriptor) {
  Stream stream(context, -1);
  stream.watch_ = std::make_unique<Watch>(*stream.reactor_, descriptor);
  return stream;
}

Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&& other) noexcept {
  if (this == &other) return *this;
  close();
  reactor_ = other.reactor_;
  watch_ = std::move(other.watch_);
  tls_ = std::move(other.tls_);
  return *this;
}
Stream::~Stream() {
  close();
}

IoResult Stream::tls_result(int returned, std::size_t bytes) {
  if (returned == 1) return {bytes, IoStatus::ok};
  switch (SSL_get_error(tls_.get(), returned)) {
    case SSL_ERROR_WANT_READ:
      watch_->nothing_to_read();
      return {0, IoStatus::want_read};
    case SSL_ERROR_WANT_WRITE:
      watch_->no_room_to_write();
      return {0, IoStatus::want_write};
    case SSL_ERROR_ZERO_RETURN:
      return {0, IoStatus::end};
    default:
      return {0, IoStatus::failed};
  }
}

IoResult Stream::try_read(std::span<std::byte> into) {
  if (!watch_) return {0, IoStatus::failed};
  if (read_in_a_row_ >= read_in_a_row_bytes) {
    watch_->assume_readable();
    return {0, IoStatus::want_read};
  }
  IoResult result;
  if (tls_) {
    ERR_clear_error();
    const int returned = SSL_read_ex(tls_.get(), into.data(), into.size(), &result.bytes);
    result = tls_result(returned, result.bytes);
    result.drained = result.status == IoStatus::ok && result.bytes < drained_bytes && watch_->nothing_known_to_read() &&
                     SSL_has_pending(tls_.get()) == 0;
  } else {
    result = read_plain(into);
  }
  read_in_a_row_ += result.bytes;
  return result;
}

IoResult Stream::read_plain(std::span<std::byte> into) {
  ssize_t moved = 0;
  do {
    moved = ::recv(watch_->descriptor(), into.data(), into.size(), 0);
  } while (moved < 0 && errno == EINTR);
  if (moved == 0) return {0, IoStatus::end};
  if (moved < 0 && !would_wait()) return {0, IoStatus::failed};
  if (moved < 0) {
    watch_->nothing_to_read();
    return {0, IoStatus::want_read};
  }
  IoResult result{static_cast<std::size_t>(moved), IoStatus::ok};
  // Of a stream of data more may have come by now.
  result.drained = result.bytes < std::min(into.size(), drained_bytes);
  if (result.drained) watch_->nothing_to_read();
  return result;
}

IoResult Stream::write_soon(std::span<const iovec> pieces) {
  if (!watch_) return {0, IoStatus::failed};
  if (tls_) {
    watch_->gather(true);
    const IoResult written = try_write(pieces);
    watch_->gather(false);
    return written;
  }
  if (!watch_->send_soon(pieces)) return try_write(pieces);
  IoResult taken;
  for (const iovec& piece : pieces)
    taken.bytes += piece.iov_len;
  return taken;
}

IoResult Stream::try_write(std::span<const iovec> pieces) {
  if (!watch_) return {0, IoStatus::failed};
  if (!watch_->settle()) return {0, IoStatus::want_write};
  if (watch_->broken()) return {0, IoStatus::failed};
  if (tls_) {
    ERR_clear_error();
    std::size_t written = 0;
    if (pieces.size() == 1 || pieces.front().iov_len >= tls_gather_bytes) {
      const int returned = SSL_write_ex(tls_.get(), pieces.front().iov_base, pieces.front().iov_len, &written);
      return tls_result(returned, written);
    }
    // A retried write must offer the same bytes: the caller offers the same pieces, so the gathered prefix is equal.
    std::array<std::byte, tls_gather_bytes> gathered;
    std::size_t filled = 0;
    for (const iovec& piece : pieces) {
      const std::size_t take = std::min(piece.iov_len, gathered.size() - filled);
      std::memcpy(gathered.data() + filled, piece.iov_base, take);
      filled += take;
      if (filled == gathered.size()) break;
    }
    const int returned = SSL_write_ex(tls_.get(), gathered.data(), filled, &written);
    return tls_result(returned, written);
  }
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(pieces.data());
  message.msg_iovlen = std::min<std::size_t>(pieces.size(), 64);
  ssize_t moved = 0;
  do {
    // Most writes are one piece: the kernel has less to look at then.
    moved = pieces.size() == 1 ? ::send(watch_->descriptor(), pieces[0].iov_base, pieces[0].iov_len, MSG_NOSIGNAL)
                               : ::sendmsg(watch_->descriptor(), &message, MSG_NOSIGNAL);
  } while (moved < 0 && errno == EINTR);
  if (moved > 0) return {static_cast<std::size_t>(moved), IoStatus::ok};
  if (moved == 0 || !would_wait()) return {0, IoStatus::failed};
  watch_->no_room_to_write();
  return {0, IoStatus::want_write};
}

Wait Stream::wait_readable() noexcept {
  read_in_a_row_ = 0;
  if (!watch_) return {*reactor_, nullptr};
  return watch_->wait_readable();
}

Wait Stream::wait_writable() noexcept {
  if (!watch_) return {*reactor_, nullptr};
  return watch_->wait_writable();
}

Task<Result<std::size_t>> Stream::read_some(std::span<std::byte> into) {
  for (;;) {
    const IoResult result = try_read(into);
    switch (result.status) {
      case IoStatus::ok:
        co_return result.bytes;
      case IoStatus::want_read:
        co_await wait_readable();
        break;
      case IoStatus::want_write:
        co_await wait_writable();
        break;
      case IoStatus::end:
        co_return connection_lost("connection closed by the peer");
      case IoStatus::failed:
        co_return connection_lost("connection to the peer was lost");
    }
    if (!is_open()) co_return connection_lost("connection closed");
  }
}

Task<Result<std::string>> Stream::read_exactly(std::size_t bytes) {
  std::string data(bytes, '\0');
  std::span<std::byte> room(reinterpret_cast<std::byte*>(data.data()), data.size());
  while (!room.empty()) {
    const auto got = co_await read_some(room);
    if (!got) co_return got.error();
    room = room.subspan(*got);
  }
  co_return data;
}

Task<Result<>> Stream::write_all(std::span<const std::byte> bytes) {
  std::vector<iovec> pieces{{const_cast<std::byte*>(bytes.data()), bytes.size()}};
  const auto done = co_await write_pieces(pieces);
  co_return done;
}

Task<Result<>> Stream::write_pieces(std::vector<iovec>& pieces) {
  std::span<iovec> left(pieces);
  while (!left.empty() && left.front().iov_len == 0)
    left = left.subspan(1);
  while (!left.empty()) {
    const IoResult result = try_write(left);
    switch (result.status) {
      case IoStatus::ok:
        break;
      case IoStatus::want_read:
        co_await wait_readable();
        break;
      case IoStatus::want_write:
        co_await wait_writable();
        break;
      case IoStatus::end:
      case IoStatus::failed:
        co_return connection_lost("connection to the peer was lost");
    }
    if (!is_open()) co_return connection_lost("connection closed");
    std::size_t moved = result.bytes;
    while (!left.empty() && moved >= left.front().iov_len) {
      moved -= left.front().iov_len;
      left = left.subspan(1);
    }
    if (moved > 0) {
      left.front().iov_base = static_cast<std::byte*>(left.front().iov_base) + moved;
      left.front().iov_len -= moved;
    }
  }
  co_return boost::system::in_place_value;
}

Task<Result<std::size_t>> Stream::peek(std::span<std::byte> into) {
  for (;;) {
    const ssize_t seen = ::recv(descriptor(), into.data(), into.size(), MSG_PEEK);
    if (seen >= 0) co_return static_cast<std::size_t>(seen);
    if (errno != EINTR && !would_wait()) co_return connection_lost("connection lost");
    watch_->nothing_to_read();
    co_await wait_readable();
    if (!is_open()) co_return connection_lost("connection closed");
  }
}

bool Stream::peer_gone() const noexcept {
  pollfd asked{descriptor(), POLLRDHUP, 0};
  return !is_open() || (::poll(&asked, 1, 0) > 0 && (asked.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0);
}

uid_t Stream::peer_uid() const {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  if (::getsockopt(descriptor(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0 || credentials.pid == 0) {
    return static_cast<uid_t>(-1);
  }
  return credentials.uid;
}

Address Stream::peer() const {
  sockaddr_storage raw{};
  socklen_t size = sizeof raw;
  if (::getpeername(descriptor(), reinterpret_cast<sockaddr*>(&raw), &size) != 0) return {"[gone]", 0, false};
  if (raw.ss_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &raw, sizeof v4);
    const boost::asio::ip::address_v4 address(ntohl(v4.sin_addr.s_addr));
    return {address.to_string(), ntohs(v4.sin_port), address.is_loopback()};
  }
  if (raw.ss_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, &raw, sizeof v6);
    boost::asio::ip::address_v6::bytes_type bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    const boost::asio::ip::address_v6 address(bytes);
    return {address.to_string(), ntohs(v6.sin6_port), address.is_loopback()};
  }
  return {"[local]", 0, true};
}

void Stream::close() noexcept {
  if (!is_open()) return;
  if (tls_ && SSL_is_init_finished(tls_.get())) {
    ERR_clear_error();
    SSL_shutdown(tls_.get());
  }
  tls_.reset();
  watch_->settle();
  const int closed = descriptor();
  watch_->wake_all();
  watch_.reset();
  ::close(closed);
}

int Stream::forget_descriptor() noexcept {
  const int same = descriptor();
  watch_->wake_all();
  watch_.reset();
  return same;
}

bool Stream::all_sent() noexcept {
  return !is_open() || watch_->settle();
}

Stream Stream::move_to(const Executor& executor) {
  Stream moved(static_cast<boost::asio::io_context&>(Reactor::of(executor).context()), -1);
  if (!is_open()) return moved;
  watch_->settle();
  auto rest = std::move(watch_->rest_);
  moved.watch_ = std::make_unique<Watch>(*moved.reactor_, forget_descriptor());
  moved.watch_->rest_ = std::move(rest);
  moved.tls_ = std::move(tls_);
  if (moved.tls_) connect_tls_to(moved.tls_.get(), *moved.watch_);
  return moved;
}

void Stream::wake() noexcept {
  if (is_open()) watch_->wake_all();
}

void Stream::shutdown() noexcept {
  if (!is_open()) return;
  watch_->settle();
  ::shutdown(descriptor(), SHUT_RDWR);
  watch_->wake_all();
}

void Stream::finish_writing() noexcept {
  if (tls_ && SSL_is_init_finished(tls_.get())) {
    ERR_clear_error();
    SSL_shutdown(tls_.get());
  }
  watch_->settle();
  ::shutdown(descriptor(), SHUT_WR);
}

Task<> Stream::linger(std::chrono::milliseconds limit) {
  if (!is_open()) co_return;
  constexpr std::size_t most = 1u << 20;
  const Deadline deadline(*this, limit);
  while (is_open() && !deadline.expired() && !watch_->settle())
    co_await wait_writable();
  if (!is_open()) co_return;
  finish_writing();
  std::array<std::byte, 4096> dropped;
  for (std::size_t total = 0; total < most;) {
    const ssize_t got = ::recv(descriptor(), dropped.data(), dropped.size(), 0);
    if (got > 0) {
      total += static_cast<std::size_t>(got);
    } else if (got < 0 && would_wait() && !deadline.expired()) {
      watch_->nothing_to_read();
      co_await wait_readable();
    } else {
      break;
    }
  }
  close();
}

}  // namespace dbgate::net
