#include "gateway/api/http_server.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "gateway/api/address_limits.h"
#include "gateway/api/http_session.h"
#include "gateway/base/log.h"

namespace dbgate::api {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr auto awaiting = asio::as_tuple(asio::use_awaitable);

void report(std::exception_ptr failure) {
  if (!failure) return;
  try {
    std::rethrow_exception(failure);
  } catch (const std::exception& error) {
    log::error("api", "a connection ended by an internal error", {{"err", error.what()}});
  }
}

}  // namespace

struct HttpServer::Impl {
  Impl(asio::io_context& context, Serve by, std::function<ServerSettings()> ask, HttpLimits with)
      : acceptor(context), serve(std::move(by)), settings(std::move(ask)), limits(with) {}

  Task<> accept_loop();
  void start(tcp::socket socket);

  tcp::acceptor acceptor;
  const Serve serve;
  std::function<ServerSettings()> settings;
  const HttpLimits limits;
  AddressLimits addresses;
};

// Who is one too many gets no answer: that would take a TLS handshake, which is what costs.
void HttpServer::Impl::start(tcp::socket socket) {
  boost::system::error_code ignored;
  const std::string address = socket.remote_endpoint(ignored).address().to_string();
  ServerSettings now = settings();
  const auto slot = addresses.take(address, now.connections, now.connections_per_address);
  if (!slot) return;
  socket.set_option(tcp::no_delay(true), ignored);
  auto connection = make_connection(std::move(socket), std::move(now.tls));
  auto serving = serve(std::move(connection), limits, address, [slot] { slot->release(); });
  asio::co_spawn(acceptor.get_executor(), std::move(serving), [slot](std::exception_ptr failure) { report(failure); });
}

Task<> HttpServer::Impl::accept_loop() {
  while (acceptor.is_open()) {
    auto [failed, socket] = co_await acceptor.async_accept(awaiting);
    if (!failed) {
      start(std::move(socket));
      continue;
    }
    if (!acceptor.is_open()) co_return;
    asio::steady_timer pause(acceptor.get_executor(), std::chrono::milliseconds(100));
    co_await pause.async_wait(awaiting);
  }
}

HttpServer::HttpServer(asio::io_context& context, Dispatcher& dispatcher, std::function<ServerSettings()> settings,
                       HttpLimits limits)
    : HttpServer(
          context,
          [&dispatcher](std::unique_ptr<Connection> connection, const HttpLimits& with, std::string address,
                        std::function<void()> upgraded) {
            return serve_connection(std::move(connection), dispatcher, with, std::move(address), std::move(upgraded));
          },
          std::move(settings), limits) {}
HttpServer::HttpServer(asio::io_context& context, Serve serve, std::function<ServerSettings()> settings,
                       HttpLimits limits)
    : impl_(std::make_shared<Impl>(context, std::move(serve), std::move(settings), limits)) {}
HttpServer::~HttpServer() = default;

Result<> HttpServer::listen(const net::ListenAddress& where) {
  boost::system::error_code failed;
  const auto ip = asio::ip::make_address(where.address, failed);
  const tcp::endpoint endpoint(ip, where.port);
  if (!failed && where.socket >= 0) {
    impl_->acceptor.assign(endpoint.protocol(), where.socket, failed);
  } else {
    if (!failed) impl_->acceptor.open(endpoint.protocol(), failed);
    if (!failed) impl_->acceptor.set_option(asio::socket_base::reuse_address(true), failed);
    if (!failed) impl_->acceptor.bind(endpoint, failed);
  }
  if (!failed) where.keep_alive.put_on(impl_->acceptor.native_handle());
  if (!failed) impl_->acceptor.listen(asio::socket_base::max_listen_connections, failed);
  if (failed) {
    return Error(sqlstate::internal_error,
                 "cannot listen on " + where.address + ":" + std::to_string(where.port) + ": " + failed.message());
  }
  asio::co_spawn(impl_->acceptor.get_executor(), impl_->accept_loop(), [](std::exception_ptr) {});
  return boost::system::in_place_value;
}

std::uint16_t HttpServer::port() const noexcept {
  boost::system::error_code ignored;
  return impl_->acceptor.local_endpoint(ignored).port();
}

int HttpServer::descriptor() noexcept {
  return impl_->acceptor.native_handle();
}

void HttpServer::close() noexcept {
  boost::system::error_code ignored;
  impl_->acceptor.close(ignored);
}

}  // namespace dbgate::api
