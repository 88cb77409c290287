#include "gateway/adapters/syslog_connection.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace dbgate::adapters {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds turn{100};    // between looks at whether it is to stop
constexpr milliseconds ack_turn{5};  // acknowledgements cannot be waited for
constexpr milliseconds farewell{2'000};
constexpr int most_at_once = 64 << 10;

struct Addresses {
  addrinfo* first = nullptr;
  ~Addresses() {
    if (first != nullptr) ::freeaddrinfo(first);
  }
};

}  // namespace

Error SyslogConnection::failed(const char* what) const {
  return {sqlstate::connection_failure, host_ + ": " + what};
}

Result<std::unique_ptr<SyslogConnection>> SyslogConnection::open(const SyslogReceiver& receiver,
                                                                 const std::stop_token& stop) {
  std::unique_ptr<SyslogConnection> made(new SyslogConnection(receiver.host, receiver.timeout));
  DBGATE_CHECK(made->connect(receiver.port, stop));
  if (receiver.tls) DBGATE_CHECK(made->start_tls(receiver.ca_file, stop));
  return made;
}

SyslogConnection::~SyslogConnection() {
  if (socket_.get() < 0 || broken_) return;
  if (ssl_) ::SSL_shutdown(ssl_.get());
  ::shutdown(socket_.get(), SHUT_WR);
  const auto until = steady_clock::now() + farewell;
  while (!broken_ && read_away() && wait(POLLIN, until, {})) {
  }
}

// False: too late, or it is to stop.
bool SyslogConnection::wait(short events, Clock::time_point until, const std::stop_token& stop) {
  while (!stop.stop_requested() && Clock::now() < until) {
    const auto left = std::chrono::ceil<milliseconds>(until - Clock::now());
    pollfd ready{socket_.get(), events, 0};
    if (::poll(&ready, 1, static_cast<int>(std::min(left, turn).count())) > 0) return true;
  }
  return false;
}

Result<> SyslogConnection::connect(const std::string& port, const std::stop_token& stop) {
  Addresses addresses;
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV;
  if (::getaddrinfo(host_.c_str(), port.c_str(), &hints, &addresses.first) != 0) return failed("the name is unknown");
  const auto until = Clock::now() + timeout_;
  for (const addrinfo* at = addresses.first; at != nullptr; at = at->ai_next) {
    socket_ = File(::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, at->ai_protocol));
    if (socket_.get() < 0) continue;
    const bool now = ::connect(socket_.get(), at->ai_addr, at->ai_addrlen) == 0;
    if (!now && (errno != EINPROGRESS || !wait(POLLOUT, until, stop))) continue;
    int why = 0;
    socklen_t size = sizeof why;
    if (::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &why, &size) != 0 || why != 0) continue;
    const int on = 1;
    ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    return boost::system::in_place_value;
  }
  socket_ = File();
  return failed("no connection");
}

Result<> SyslogConnection::start_tls(const std::string& ca_file, const std::stop_token& stop) {
  context_.reset(::SSL_CTX_new(::TLS_client_method()));
  ::SSL_CTX_set_min_proto_version(context_.get(), TLS1_2_VERSION);
  ::SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER, nullptr);
  ::SSL_CTX_set_mode(context_.get(), SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  const bool trusted = ca_file.empty() ? ::SSL_CTX_set_default_verify_paths(context_.get()) == 1
                                       : ::SSL_CTX_load_verify_locations(context_.get(), ca_file.c_str(), nullptr) == 1;
  if (!trusted) return failed("the trusted certificates cannot be read");
  ssl_.reset(::SSL_new(context_.get()));
  X509_VERIFY_PARAM* const verified = ::SSL_get0_param(ssl_.get());
  if (::X509_VERIFY_PARAM_set1_ip_asc(verified, host_.c_str()) != 1) {
    ::SSL_set_tlsext_host_name(ssl_.get(), host_.c_str());
    if (::X509_VERIFY_PARAM_set1_host(verified, host_.c_str(), 0) != 1) return failed("is no name of a host");
  }
  ::SSL_set_fd(ssl_.get(), socket_.get());
  const auto until = Clock::now() + timeout_;
  for (;;) {
    ::ERR_clear_error();
    const int done = ::SSL_connect(ssl_.get());
    if (done == 1) return boost::system::in_place_value;
    const int why = ::SSL_get_error(ssl_.get(), done);
    const bool waits = why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
    if (waits && wait(why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, until, stop)) continue;
    broken_ = true;
    if (::SSL_get_verify_result(ssl_.get()) != X509_V_OK) return failed("its certificate cannot be verified");
    return failed(waits ? "it does not answer in time" : "it does not speak TLS");
  }
}

int SyslogConnection::write_some(std::string_view bytes) {
  const int size = static_cast<int>(std::min<std::size_t>(bytes.size(), most_at_once));
  if (!ssl_) {
    const ssize_t n = ::send(socket_.get(), bytes.data(), static_cast<std::size_t>(size), MSG_NOSIGNAL);
    wanted_ = POLLOUT;
    if (n >= 0) return static_cast<int>(n);
    return errno == EAGAIN || errno == EINTR ? 0 : -1;
  }
  ::ERR_clear_error();
  const int n = ::SSL_write(ssl_.get(), bytes.data(), size);
  if (n > 0) return n;
  const int why = ::SSL_get_error(ssl_.get(), n);
  wanted_ = why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
  return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

// Takes what the receiver has said: nothing that matters, but a socket that is closed with something unread in it takes
// what is on its way with it. False: it has closed.
bool SyslogConnection::read_away() {
  char nothing[4096];
  for (;;) {
    ::ERR_clear_error();
    const ssize_t n = ssl_ ? ::SSL_read(ssl_.get(), nothing, sizeof nothing)
                           : ::recv(socket_.get(), nothing, sizeof nothing, MSG_DONTWAIT);
    if (n > 0) continue;
    const bool waits = ssl_ ? ::SSL_get_error(ssl_.get(), static_cast<int>(n)) == SSL_ERROR_WANT_READ
                            : n < 0 && (errno == EAGAIN || errno == EINTR);
    return waits;
  }
}

bool SyslogConnection::alive() {
  broken_ = broken_ || !read_away();
  return !broken_;
}

Result<> SyslogConnection::send(std::string_view bytes, const std::stop_token& stop) {
  auto until = Clock::now() + timeout_;
  while (!bytes.empty() && alive()) {
    const int n = write_some(bytes);
    broken_ = n < 0;
    if (broken_) break;
    bytes.remove_prefix(static_cast<std::size_t>(n));
    if (n > 0) until = Clock::now() + timeout_;
    if (n == 0 && !wait(wanted_, until, stop)) {
      broken_ = true;
      return failed("it does not take records in time");
    }
  }
  int unacknowledged = 0;
  while (alive() && ::ioctl(socket_.get(), TIOCOUTQ, &unacknowledged) == 0 && unacknowledged > 0) {
    if (Clock::now() >= until || stop.stop_requested()) {
      broken_ = true;
      return failed("it does not take records in time");
    }
    pollfd closed{socket_.get(), POLLIN, 0};
    ::poll(&closed, 1, static_cast<int>(ack_turn.count()));
  }
  if (broken_) return failed("the connection has broken");
  return boost::system::in_place_value;
}

}  // namespace dbgate::adapters
