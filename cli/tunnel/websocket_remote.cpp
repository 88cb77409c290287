#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <vector>

#include "cli/http/dial.h"
#include "cli/tunnel/remote.h"
#include "gateway/net/race.h"
#include "protocol/postgres/bytes.h"

namespace dbgate::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;

constexpr auto awaiting = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds connect_limit{10};

constexpr std::size_t buffer_bytes = 64u << 10;

/// The bytes travel in binary messages.
template <class Stream>
class WebSocketRemote final : public Remote {
 public:
  explicit WebSocketRemote(websocket::stream<Stream> socket) : socket_(std::move(socket)) {}

  Task<RemoteEnd> relay(net::Stream& client, std::string first, TunnelCounts& counts) override {
    RemoteEnd end;
    if (!first.empty()) {
      const auto [failed, written] = co_await socket_.async_write(asio::buffer(first), awaiting);
      if (failed) co_return end;
      counts.bytes_sent += first.size();
    }
    co_await net::race(to_gateway(client, counts, end.by_client), to_client(client, counts));
    const auto& said = socket_.reason();
    end.reason.assign(said.reason.data(), said.reason.size());
    if (end.reason.empty() && said.code == websocket::close_code::going_away) end.reason = "gateway draining";
    co_return end;
  }

 private:
  // The end of one direction is passed on; the connection ends with the other.
  Task<> to_gateway(net::Stream& client, TunnelCounts& counts, bool& ended) {
    std::vector<std::byte> buffer(buffer_bytes);
    for (;;) {
      const auto got = co_await client.read_some(buffer);
      if (!got) break;
      const auto [failed, written] = co_await socket_.async_write(asio::buffer(buffer.data(), *got), awaiting);
      if (failed) co_return;
      counts.bytes_sent += *got;
    }
    ended = true;
    co_await socket_.async_close(websocket::close_code::normal, awaiting);
    net::Event never(client.executor());
    co_await never.wait();
  }

  Task<> to_client(net::Stream& client, TunnelCounts& counts) {
    std::vector<char> buffer(buffer_bytes);
    for (;;) {
      const auto [failed, got] = co_await socket_.async_read_some(asio::buffer(buffer), awaiting);
      if (failed) break;
      counts.bytes_received += got;
      const auto sent = co_await client.write_all(protocol::as_bytes(std::string_view(buffer.data(), got)));
      if (!sent) break;
    }
  }

  websocket::stream<Stream> socket_;
};

template <class Stream>
Task<Result<std::unique_ptr<Remote>>> upgrade(Stream stream, RemoteSettings settings, std::string token) {
  beast::get_lowest_layer(stream).expires_never();
  websocket::stream<Stream> socket(std::move(stream));
  socket.set_option(websocket::stream_base::timeout::suggested(beast::role_type::client));
  socket.set_option(websocket::stream_base::decorator([&token](websocket::request_type& request) {
    request.set(beast::http::field::authorization, "Bearer " + token);
    request.set(beast::http::field::sec_websocket_protocol, "dbgate.tunnel.v1");
  }));
  socket.binary(true);
  socket.auto_fragment(false);
  socket.read_message_max(0);
  websocket::response_type response;
  const auto [failed] = co_await socket.async_handshake(response, settings.url.host, settings.path, awaiting);
  if (!failed) {
    co_return std::unique_ptr<Remote>(std::make_unique<WebSocketRemote<Stream>>(std::move(socket)));
  }
  const auto refused = refusal_of(response.result_int());
  co_return refused ? gateway_unreachable(settings.url, failed.message()) : refused.error();
}

}  // namespace

Task<Result<std::unique_ptr<Remote>>> open_websocket_remote(net::Executor executor, RemoteSettings settings,
                                                            std::string token) {
  const GatewayUrl& url = settings.url;
  auto dialled = co_await dial(executor, url);
  if (!dialled) co_return gateway_unreachable(url, dialled.error().message());
  beast::tcp_stream stream = std::move(**dialled);
  if (!settings.tls) {
    auto plain = co_await upgrade(std::move(stream), settings, std::move(token));
    co_return plain;
  }
  SSL_CTX_up_ref(settings.tls.get());
  asio::ssl::context context(settings.tls.get());  // owns one reference
  asio::ssl::stream<beast::tcp_stream> secured(std::move(stream), context);
  std::string host = url.host;
  if (host.starts_with("[") && host.ends_with("]")) host = host.substr(1, host.size() - 2);
  if (!settings.options.insecure) secured.set_verify_callback(asio::ssl::host_name_verification(host));
  SSL_set_tlsext_host_name(secured.native_handle(), host.c_str());
  beast::get_lowest_layer(secured).expires_after(connect_limit);
  const auto [untrusted] = co_await secured.async_handshake(asio::ssl::stream_base::client, awaiting);
  if (untrusted) co_return gateway_unreachable(url, untrusted.message());
  auto remote = co_await upgrade(std::move(secured), settings, std::move(token));
  co_return remote;
}

}  // namespace dbgate::cli
