#include "gateway/net/listener.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <exception>
#include <system_error>

#include "gateway/base/log.h"

namespace dbgate::net {
namespace {

constexpr auto awaiting = boost::asio::as_tuple(boost::asio::use_awaitable);
// Without free descriptors accept fails at once, again and again; sessions that end free some.
constexpr std::chrono::milliseconds accept_pause{100};

std::string place_of(const ListenAddress& where) {
  return where.unix_path.empty() ? where.address + ":" + std::to_string(where.port) : where.unix_path;
}

int family_of(int socket) {
  int family = AF_INET;
  socklen_t length = sizeof family;
  ::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &family, &length);
  return family;
}

void report(const std::string& name, std::exception_ptr failure) {
  if (!failure) return;
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    log::error("net", "a connection ended by an internal error", {{"listener", name}, {"err", error.what()}});
  }
}

}  // namespace

Listener::Listener(boost::asio::io_context& accepting) : acceptor_(accepting) {}
Listener::~Listener() {
  close();
}

bool listens_at(int socket, const ListenAddress& where) {
  sockaddr_storage raw{};
  socklen_t length = sizeof raw;
  if (::getsockname(socket, reinterpret_cast<sockaddr*>(&raw), &length) != 0) return false;
  if (raw.ss_family == AF_UNIX) return where.unix_path == reinterpret_cast<const sockaddr_un&>(raw).sun_path;
  if (!where.unix_path.empty()) return false;
  boost::asio::ip::tcp::endpoint bound;
  bound.resize(length);
  std::memcpy(bound.data(), &raw, length);
  boost::system::error_code failed;
  const auto address = boost::asio::ip::make_address(where.address, failed);
  return !failed && bound.address() == address && (where.port == 0 || bound.port() == where.port);
}

Result<> Listener::open(const ListenAddress& where) {
  boost::system::error_code failed;
  const auto failure = [&where](const boost::system::error_code& why) {
    return Error(sqlstate::internal_error, "cannot listen on " + place_of(where) + ": " + why.message());
  };
  unix_path_ = where.unix_path;
  if (where.socket >= 0) {
    const int family = where.unix_path.empty() ? family_of(where.socket) : AF_UNIX;
    acceptor_.assign(boost::asio::generic::stream_protocol(family, 0), where.socket, failed);
  } else {
    boost::asio::generic::stream_protocol::endpoint endpoint;
    if (where.unix_path.empty()) {
      const auto address = boost::asio::ip::make_address(where.address, failed);
      if (failed) return failure(failed);
      endpoint = boost::asio::ip::tcp::endpoint(address, where.port);
    } else {
      ::unlink(where.unix_path.c_str());
      endpoint = boost::asio::local::stream_protocol::endpoint(where.unix_path);
    }
    acceptor_.open(endpoint.protocol(), failed);
    if (failed) return failure(failed);
    acceptor_.set_option(boost::asio::socket_base::reuse_address(true), failed);
    acceptor_.bind(endpoint, failed);
  }
  if (failed) return failure(failed);
  // Those that it accepts inherit it.
  where.keep_alive.put_on(acceptor_.native_handle());
  acceptor_.native_non_blocking(true, failed);
  acceptor_.listen(boost::asio::socket_base::max_listen_connections, failed);
  if (failed) return failure(failed);
  if (where.unix_path.empty()) {
    const auto bound = acceptor_.local_endpoint(failed);
    // A port stands at the same place in sockaddr_in and sockaddr_in6.
    const auto* raw = reinterpret_cast<const sockaddr_in*>(bound.data());
    port_ = ntohs(raw->sin_port);
  }
  return boost::system::in_place_value;
}

void Listener::start(std::string name, Pick pick, Serve serve) {
  boost::asio::co_spawn(acceptor_.get_executor(), accept_loop(name, std::move(pick), std::move(serve)),
                        [name](std::exception_ptr failure) { report(name, failure); });
}

Task<> Listener::accept_loop(std::string name, Pick pick, Serve serve) {
  while (acceptor_.is_open()) {
    // Not async_accept(): that would register every connection with the reactor of Asio, which never serves it.
    const int descriptor = ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (descriptor < 0) {
      const int why = errno;
      if (why == EINTR || why == ECONNABORTED) continue;
      if (why == EAGAIN || why == EWOULDBLOCK) {
        co_await acceptor_.async_wait(Acceptor::wait_read, awaiting);
        continue;
      }
      log::warn("net", "cannot accept a connection",
                {{"listener", name}, {"err", std::generic_category().message(why)}});
      boost::asio::steady_timer pause(acceptor_.get_executor(), accept_pause);
      co_await pause.async_wait(awaiting);
      continue;
    }
    boost::asio::io_context& place = pick();
    boost::asio::co_spawn(
        place,
        [stream = Stream::of_prepared(place, descriptor), serve]() mutable -> Task<> {
          co_await serve(std::move(stream));
        },
        [name](std::exception_ptr failure) { report(name, failure); });
    nudge(place.get_executor());
  }
}

void Listener::leave() noexcept {
  unix_path_.clear();
  close();
}

void Listener::close() noexcept {
  boost::system::error_code ignored;
  acceptor_.close(ignored);
  if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
  unix_path_.clear();
}

}  // namespace dbgate::net
