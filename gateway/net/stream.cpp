#include "gateway/net/stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>

#include "gateway/net/tls.h"

namespace dbgate::net {
namespace {

constexpr auto awaiting = boost::asio::as_tuple(boost::asio::use_awaitable);

// One TLS record holds at most this much; pieces are gathered up to it so that a batch of small messages is one record
// and one system call.
constexpr std::size_t tls_gather_bytes = 16 * 1024;

// A shorter read is a message by itself, not a piece of a stream.
constexpr std::size_t drained_bytes = 4 * 1024;

IoResult socket_result(ssize_t moved) {
  if (moved > 0) return {static_cast<std::size_t>(moved), IoStatus::ok};
  return {0, IoStatus::failed};
}

Error connection_lost(const char* what) {
  return {sqlstate::connection_failure, what};
}

}  // namespace

void Stream::FreeTls::operator()(ssl_st* tls) const noexcept {
  SSL_free(tls);
}

Stream::Stream(Socket socket) : socket_(std::move(socket)) {
  boost::system::error_code ignored;
  socket_.native_non_blocking(true, ignored);
  const int on = 1;
  // Fails harmlessly on Unix sockets.
  ::setsockopt(socket_.native_handle(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

Stream::Stream(Stream&&) noexcept = default;
Stream& Stream::operator=(Stream&&) noexcept = default;
Stream::~Stream() {
  close();
}

IoResult Stream::tls_result(int returned, std::size_t bytes) {
  if (returned == 1) return {bytes, IoStatus::ok};
  switch (SSL_get_error(tls_.get(), returned)) {
    case SSL_ERROR_WANT_READ:
      return {0, IoStatus::want_read};
    case SSL_ERROR_WANT_WRITE:
      return {0, IoStatus::want_write};
    case SSL_ERROR_ZERO_RETURN:
      return {0, IoStatus::end};
    default:
      return {0, IoStatus::failed};
  }
}

IoResult Stream::try_read(std::span<std::byte> into) {
  if (tls_) {
    ERR_clear_error();
    std::size_t bytes = 0;
    const int returned = SSL_read_ex(tls_.get(), into.data(), into.size(), &bytes);
    return tls_result(returned, bytes);
  }
  const ssize_t moved = ::recv(socket_.native_handle(), into.data(), into.size(), 0);
  if (moved == 0) return {0, IoStatus::end};
  if (moved < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return {0, IoStatus::want_read};
  IoResult result = socket_result(moved);
  // Of a stream of data more may have come by now.
  result.drained = result.bytes < std::min(into.size(), drained_bytes);
  return result;
}

IoResult Stream::try_write(std::span<const iovec> pieces) {
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
  const ssize_t moved = ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL);
  if (moved < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return {0, IoStatus::want_write};
  return socket_result(moved);
}

Task<> Stream::wait_readable() {
  co_await socket_.async_wait(Socket::wait_read, awaiting);
}

Task<> Stream::wait_writable() {
  co_await socket_.async_wait(Socket::wait_write, awaiting);
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
    if (!socket_.is_open()) co_return connection_lost("connection closed");
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
    if (!socket_.is_open()) co_return connection_lost("connection closed");
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
    const ssize_t seen = ::recv(socket_.native_handle(), into.data(), into.size(), MSG_PEEK);
    if (seen >= 0) co_return static_cast<std::size_t>(seen);
    if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) co_return connection_lost("connection lost");
    co_await wait_readable();
    if (!socket_.is_open()) co_return connection_lost("connection closed");
  }
}

Task<Result<>> Stream::handshake(const char* what) {
  for (;;) {
    ERR_clear_error();
    const int returned = SSL_do_handshake(tls_.get());
    if (returned == 1) co_return boost::system::in_place_value;
    const int reason = SSL_get_error(tls_.get(), returned);
    if (reason == SSL_ERROR_WANT_READ) {
      co_await wait_readable();
    } else if (reason == SSL_ERROR_WANT_WRITE) {
      co_await wait_writable();
    } else {
      const long verified = SSL_get_verify_result(tls_.get());
      std::string text = std::string(what) + " failed: ";
      text += verified != X509_V_OK ? X509_verify_cert_error_string(verified) : last_openssl_error();
      co_return Error(sqlstate::connection_failure, std::move(text));
    }
    if (!socket_.is_open()) co_return connection_lost("connection closed during the TLS handshake");
  }
}

Task<Result<>> Stream::accept_tls(ssl_ctx_st* context) {
  tls_.reset(SSL_new(context));
  if (!tls_ || SSL_set_fd(tls_.get(), socket_.native_handle()) != 1) co_return connection_lost("TLS cannot start");
  SSL_set_accept_state(tls_.get());
  const auto done = co_await handshake("TLS handshake with the client");
  co_return done;
}

Task<Result<>> Stream::connect_tls(ssl_ctx_st* context, const std::string& server_name, bool verify_name) {
  tls_.reset(SSL_new(context));
  if (!tls_ || SSL_set_fd(tls_.get(), socket_.native_handle()) != 1) co_return connection_lost("TLS cannot start");
  SSL_set_connect_state(tls_.get());
  boost::system::error_code not_an_address;
  boost::asio::ip::make_address(server_name, not_an_address);
  // SNI carries host names only (RFC 6066 §3).
  if (not_an_address) SSL_set_tlsext_host_name(tls_.get(), server_name.c_str());
  if (verify_name) {
    X509_VERIFY_PARAM* parameters = SSL_get0_param(tls_.get());
    const int set = not_an_address ? X509_VERIFY_PARAM_set1_host(parameters, server_name.data(), server_name.size())
                                   : X509_VERIFY_PARAM_set1_ip_asc(parameters, server_name.c_str());
    if (set != 1) co_return connection_lost("TLS cannot check the name of the server");
  }
  const auto done = co_await handshake("TLS handshake with the server");
  co_return done;
}

std::string Stream::alpn() const {
  if (!tls_) return {};
  const unsigned char* name = nullptr;
  unsigned length = 0;
  SSL_get0_alpn_selected(tls_.get(), &name, &length);
  return {reinterpret_cast<const char*>(name), length};
}

std::string Stream::tls_version() const {
  return tls_ ? SSL_get_version(tls_.get()) : std::string();
}

std::string Stream::server_end_point(bool own_certificate) const {
  if (!tls_) return {};
  if (own_certificate) return certificate_end_point(SSL_get_certificate(tls_.get()));
  X509* const peer_certificate = SSL_get1_peer_certificate(tls_.get());
  std::string hash = certificate_end_point(peer_certificate);
  X509_free(peer_certificate);
  return hash;
}

uid_t Stream::peer_uid() const {
  ucred credentials{};
  socklen_t size = sizeof credentials;
  auto& socket = const_cast<Socket&>(socket_);  // native_handle() is not const
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0 || credentials.pid == 0) {
    return static_cast<uid_t>(-1);
  }
  return credentials.uid;
}

Address Stream::peer() const {
  boost::system::error_code failed;
  const auto endpoint = socket_.remote_endpoint(failed);
  if (failed) return {"[gone]", 0, false};
  const auto* raw = reinterpret_cast<const sockaddr*>(endpoint.data());
  if (raw->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, raw, sizeof v4);
    const boost::asio::ip::address_v4 address(ntohl(v4.sin_addr.s_addr));
    return {address.to_string(), ntohs(v4.sin_port), address.is_loopback()};
  }
  if (raw->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, raw, sizeof v6);
    boost::asio::ip::address_v6::bytes_type bytes;
    std::memcpy(bytes.data(), &v6.sin6_addr, bytes.size());
    const boost::asio::ip::address_v6 address(bytes);
    return {address.to_string(), ntohs(v6.sin6_port), address.is_loopback()};
  }
  return {"[local]", 0, true};
}

void Stream::close() noexcept {
  if (!socket_.is_open()) return;
  if (tls_ && SSL_is_init_finished(tls_.get())) {
    ERR_clear_error();
    SSL_shutdown(tls_.get());
  }
  tls_.reset();
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Stream::shutdown() noexcept {
  boost::system::error_code ignored;
  socket_.shutdown(boost::asio::socket_base::shutdown_both, ignored);
  socket_.cancel(ignored);
}

void Stream::finish_writing() noexcept {
  boost::system::error_code ignored;
  if (tls_ && SSL_is_init_finished(tls_.get())) {
    ERR_clear_error();
    SSL_shutdown(tls_.get());
  }
  socket_.shutdown(boost::asio::socket_base::shutdown_send, ignored);
}

Task<> Stream::linger(std::chrono::milliseconds limit) {
  if (!socket_.is_open()) co_return;
  constexpr std::size_t most = 1u << 20;
  finish_writing();
  const Deadline deadline(*this, limit);
  std::array<std::byte, 4096> dropped;
  for (std::size_t total = 0; total < most;) {
    const ssize_t got = ::recv(socket_.native_handle(), dropped.data(), dropped.size(), 0);
    if (got > 0) {
      total += static_cast<std::size_t>(got);
    } else if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) && !deadline.expired()) {
      co_await wait_readable();
    } else {
      break;
    }
  }
  close();
}

struct Deadline::State {
  Stream* stream;
  bool expired = false;
};

Deadline::Deadline(Stream& stream, std::chrono::milliseconds limit)
    : timer_(stream.executor(), limit), state_(std::make_shared<State>(State{&stream})) {
  timer_.async_wait([state = state_](boost::system::error_code cancelled) {
    if (cancelled || state->stream == nullptr) return;
    state->expired = true;
    state->stream->shutdown();
  });
}

Deadline::~Deadline() {
  state_->stream = nullptr;
}

bool Deadline::expired() const noexcept {
  return state_->expired;
}

Task<> Event::wait() {
  timer_.expires_at(boost::asio::steady_timer::time_point::max());
  co_await timer_.async_wait(awaiting);
}

Task<> run_on(Executor executor, std::function<Task<>()> task) {
  co_await boost::asio::co_spawn(
      executor, [task = std::move(task)]() -> Task<> { co_await task(); }, boost::asio::use_awaitable);
}

}  // namespace dbgate::net
