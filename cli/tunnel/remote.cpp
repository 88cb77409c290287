#include "cli/tunnel/remote.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include "cli/http/dial.h"
#include "cli/tls_context.h"

namespace dbgate::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;

constexpr auto awaiting = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds connect_limit{10};

Error unreachable(const GatewayUrl& url, const std::string& why) {
  return {sqlstate::connection_failure, "cannot reach the gateway at " + url.text() + ": " + why};
}

Error unreachable(const GatewayUrl& url, const boost::system::error_code& why) {
  return unreachable(url, why.message());
}

template <class Stream>
class WebSocketRemote final : public Remote {
 public:
  explicit WebSocketRemote(websocket::stream<Stream> socket) : socket_(std::move(socket)) {}

  Task<std::size_t> read_some(std::span<char> into) override {
    const auto [failed, bytes] = co_await socket_.async_read_some(asio::buffer(into.data(), into.size()), awaiting);
    co_return failed ? 0 : bytes;
  }
  Task<bool> write_all(std::string_view bytes) override {
    const auto [failed, written] = co_await socket_.async_write(asio::buffer(bytes), awaiting);
    co_return !failed;
  }
  Task<> close() override { co_await socket_.async_close(websocket::close_code::normal, awaiting); }
  std::string close_reason() const override {
    const auto& said = socket_.reason();
    if (!said.reason.empty()) return {said.reason.data(), said.reason.size()};
    return said.code == websocket::close_code::going_away ? "gateway draining" : "";
  }

 private:
  websocket::stream<Stream> socket_;
};

template <class Stream>
Task<Result<std::unique_ptr<Remote>>> upgrade(Stream stream, GatewayUrl url, std::string token, std::string path) {
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
  const auto [failed] = co_await socket.async_handshake(response, url.host, path, awaiting);
  if (!failed) {
    co_return std::unique_ptr<Remote>(std::make_unique<WebSocketRemote<Stream>>(std::move(socket)));
  }
  switch (response.result_int()) {
    case 401:
      co_return Error(sqlstate::invalid_authorization_specification, "the gateway does not accept the access token",
                      "Sign in again: dbgate login");
    case 503:
      co_return Error(sqlstate::admin_shutdown, "gateway draining", "Try again in a moment.");
    case 404:
      co_return Error(sqlstate::invalid_catalog_name, "the gateway has no such target for you", "See dbgate list.");
    default:
      co_return unreachable(url, failed);
  }
}

}  // namespace

Task<Result<std::unique_ptr<Remote>>> open_remote(net::Executor executor, const Options& options, GatewayUrl url,
                                                  std::string token, std::string path) {
  auto dialled = co_await dial(executor, url);
  if (!dialled) co_return unreachable(url, dialled.error().message());
  beast::tcp_stream stream = std::move(**dialled);
  if (!url.tls) {
    auto plain = co_await upgrade(std::move(stream), url, std::move(token), std::move(path));
    co_return plain;
  }
  asio::ssl::context context = make_tls_context(options);
  asio::ssl::stream<beast::tcp_stream> secured(std::move(stream), context);
  std::string host = url.host;
  if (host.starts_with("[") && host.ends_with("]")) host = host.substr(1, host.size() - 2);
  if (!options.insecure) secured.set_verify_callback(asio::ssl::host_name_verification(host));
  SSL_set_tlsext_host_name(secured.native_handle(), host.c_str());
  beast::get_lowest_layer(secured).expires_after(connect_limit);
  const auto [untrusted] = co_await secured.async_handshake(asio::ssl::stream_base::client, awaiting);
  if (untrusted) co_return unreachable(url, untrusted);
  auto remote = co_await upgrade(std::move(secured), url, std::move(token), std::move(path));
  co_return remote;
}

}  // namespace dbgate::cli
