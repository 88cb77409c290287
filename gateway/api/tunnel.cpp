#include "gateway/api/tunnel.h"

#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <vector>

namespace dbgate::api {
namespace {

namespace asio = boost::asio;

constexpr auto awaiting = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t buffer_bytes = 64u << 10;
constexpr std::uint16_t normal_closure = 1000;

Task<> from_client(WebSocket& socket, asio::local::stream_protocol::socket& inside) {
  std::vector<char> buffer(buffer_bytes);
  for (;;) {
    const std::size_t bytes = co_await socket.read_some(buffer.data(), buffer.size());
    if (bytes == 0) break;
    const auto [broken, written] = co_await asio::async_write(inside, asio::buffer(buffer.data(), bytes), awaiting);
    if (broken) break;
  }
  boost::system::error_code ignored;
  inside.shutdown(asio::socket_base::shutdown_send, ignored);
}

Task<> to_client(WebSocket& socket, asio::local::stream_protocol::socket& inside) {
  std::vector<char> buffer(buffer_bytes);
  for (;;) {
    const auto [failed, bytes] = co_await inside.async_read_some(asio::buffer(buffer), awaiting);
    if (failed) break;
    const bool written = co_await socket.write_binary(buffer.data(), bytes);
    if (!written) co_return;
  }
  co_await socket.close(normal_closure);
}

}  // namespace

Task<> run_tunnel(ports::GatewayService& gateway, ports::TunnelRequest request, WebSocket& socket) {
  using asio::experimental::awaitable_operators::operator&&;
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) co_return;
  const auto executor = co_await asio::this_coro::executor;
  asio::local::stream_protocol::socket inside(executor, asio::local::stream_protocol(), pair[0]);
  const auto served = gateway.serve_tunnel(std::move(request), OpenConnection(pair[1]));
  if (!served) co_return;
  co_await (from_client(socket, inside) && to_client(socket, inside));
}

}  // namespace dbgate::api
