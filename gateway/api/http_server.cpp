#include "gateway/api/http_server.h"

#include <openssl/ssl.h>
#include <sys/socket.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <boost/url/parse.hpp>

#include "gateway/base/ids.h"
#include "gateway/base/log.h"

namespace dbgate::api {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using asio::ip::tcp;
using PlainStream = beast::tcp_stream;
using TlsStream = asio::ssl::stream<beast::tcp_stream>;
using HttpRequest = http::request<http::string_body>;

constexpr auto awaiting = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t max_body_bytes = 17u << 20;  // a statement of the largest size, in JSON
constexpr std::uint32_t max_header_bytes = 16u << 10;
constexpr std::chrono::seconds request_limit{30};
constexpr std::size_t tunnel_buffer_bytes = 64u << 10;
constexpr std::string_view tunnel_protocol = "dbgate.tunnel.v1";

bool acceptable_request_id(std::string_view id) {
  return !id.empty() && id.size() <= 64 && std::all_of(id.begin(), id.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_';
  });
}

std::string text(beast::string_view view) {
  return {view.data(), view.size()};
}

// False for a target that is no path; the rest of the request is taken as it is.
bool read_request(HttpRequest& message, const std::string& address, Request& request) {
  const auto url = boost::urls::parse_origin_form({message.target().data(), message.target().size()});
  request.request_id = text(message["X-Request-Id"]);
  if (!acceptable_request_id(request.request_id)) request.request_id = make_id("req_");
  if (!url) return false;
  request.method = text(message.method_string());
  for (const auto segment : url->segments())
    request.path += "/" + std::string(segment);
  request.query = std::string(url->encoded_query());
  request.address = address;
  request.content_type = text(message[http::field::content_type]);
  const std::string authorization = text(message[http::field::authorization]);
  constexpr std::string_view bearer = "Bearer ";
  if (authorization.starts_with(bearer)) request.bearer = authorization.substr(bearer.size());
  request.body = std::move(message.body());
  return true;
}

http::response<http::string_body> render(const Response& response, const Request& request, unsigned version,
                                         bool keep) {
  http::response<http::string_body> message(static_cast<http::status>(response.status), version);
  message.set("X-Request-Id", request.request_id);
  message.set(http::field::cache_control, "no-store");
  message.set("X-Content-Type-Options", "nosniff");
  if (response.status == 401) message.set(http::field::www_authenticate, "Bearer");
  if (response.status == 429) message.set(http::field::retry_after, "60");
  if (response.status != 204) {
    message.set(http::field::content_type, response.problem ? "application/problem+json" : "application/json");
  }
  message.keep_alive(keep);
  message.body() = response.body;
  message.prepare_payload();
  return message;
}

template <class WebSocket>
Task<> from_client(WebSocket& ws, asio::local::stream_protocol::socket& inside) {
  beast::flat_buffer buffer;
  for (;;) {
    const auto [failed, bytes] = co_await ws.async_read_some(buffer, tunnel_buffer_bytes, awaiting);
    if (failed) break;
    const auto [broken, written] = co_await asio::async_write(inside, buffer.data(), awaiting);
    if (broken) break;
    buffer.consume(bytes);
  }
  boost::system::error_code ignored;
  inside.shutdown(asio::socket_base::shutdown_send, ignored);
}

template <class WebSocket>
Task<> to_client(WebSocket& ws, asio::local::stream_protocol::socket& inside) {
  std::vector<char> buffer(tunnel_buffer_bytes);
  for (;;) {
    const auto [failed, bytes] = co_await inside.async_read_some(asio::buffer(buffer), awaiting);
    if (failed) break;
    const auto [broken, written] = co_await ws.async_write(asio::buffer(buffer, bytes), awaiting);
    if (broken) co_return;
  }
  co_await ws.async_close(websocket::close_code::normal, awaiting);
}

// Carries the bytes of one database connection between a WebSocket and the gateway's own end of a socket pair.
template <class Stream>
Task<> run_tunnel(Stream stream, HttpRequest message, Routes& routes, ports::TunnelRequest tunnel) {
  using asio::experimental::awaitable_operators::operator&&;
  beast::get_lowest_layer(stream).expires_never();
  websocket::stream<Stream> ws(std::move(stream));
  ws.set_option(websocket::stream_base::timeout::suggested(beast::role_type::server));
  ws.set_option(websocket::stream_base::decorator([](websocket::response_type& response) {
    response.set(http::field::sec_websocket_protocol, std::string(tunnel_protocol));
  }));
  ws.binary(true);
  ws.auto_fragment(false);
  ws.read_message_max(0);  // bytes pass through; nothing is collected
  const auto [failed] = co_await ws.async_accept(message, awaiting);
  if (failed) co_return;
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) co_return;
  asio::local::stream_protocol::socket inside(ws.get_executor(), asio::local::stream_protocol(), pair[0]);
  const auto served = routes.service().serve_tunnel(std::move(tunnel), pair[1]);
  if (!served) co_return;
  co_await (from_client(ws, inside) && to_client(ws, inside));
}

template <class Stream>
Task<> serve_requests(Stream stream, Routes& routes, std::string address) {
  beast::flat_buffer buffer;
  for (;;) {
    http::request_parser<http::string_body> parser;
    parser.body_limit(max_body_bytes);
    parser.header_limit(max_header_bytes);
    beast::get_lowest_layer(stream).expires_after(request_limit);
    const auto [failed, bytes] = co_await http::async_read(stream, buffer, parser, awaiting);
    if (failed == http::error::end_of_stream || failed == beast::error::timeout) break;
    HttpRequest message = parser.release();
    Request request;
    Response response;
    bool keep = false;
    if (failed == http::error::body_limit || failed == http::error::header_limit) {
      request.request_id = make_id("req_");
      response = problem(request, 413, "too_large", "Too large", "the request is larger than this server takes");
    } else if (failed) {
      break;
    } else if (!read_request(message, address, request)) {
      response = problem(request, 400, "bad_request", "Malformed request", "the request target is not a path");
    } else if (websocket::is_upgrade(message) && Routes::is_tunnel(request)) {
      auto tunnel = routes.open_tunnel(request, response);
      if (tunnel) {
        co_await run_tunnel(std::move(stream), std::move(message), routes, std::move(*tunnel));
        co_return;
      }
    } else if (Routes::is_tunnel(request)) {
      response = problem(request, 426, "upgrade_required", "Upgrade required", "a tunnel is a WebSocket");
    } else {
      keep = message.keep_alive();
      response = co_await routes.handle(request);
    }
    const auto rendered = render(response, request, message.version() == 0 ? 11 : message.version(), keep);
    beast::get_lowest_layer(stream).expires_after(request_limit);
    const auto [broken, written] = co_await http::async_write(stream, rendered, awaiting);
    if (broken || !keep) break;
  }
  beast::get_lowest_layer(stream).close();
}

Task<> serve_tls(PlainStream plain, net::TlsContext tls, Routes& routes, std::string address) {
  SSL_CTX_up_ref(tls.get());
  asio::ssl::context context(tls.get());  // owns one reference
  TlsStream stream(std::move(plain), context);
  beast::get_lowest_layer(stream).expires_after(request_limit);
  const auto [failed] = co_await stream.async_handshake(asio::ssl::stream_base::server, awaiting);
  if (failed) co_return;
  co_await serve_requests(std::move(stream), routes, std::move(address));
}

}  // namespace

struct HttpServer::Impl {
  Impl(asio::io_context& context, Routes& handlers, std::function<net::TlsContext()> contexts)
      : acceptor(context), routes(handlers), tls(std::move(contexts)) {}

  Task<> accept_loop();

  tcp::acceptor acceptor;
  Routes& routes;
  std::function<net::TlsContext()> tls;
};

Task<> HttpServer::Impl::accept_loop() {
  while (acceptor.is_open()) {
    auto [failed, socket] = co_await acceptor.async_accept(awaiting);
    if (failed) {
      if (!acceptor.is_open()) co_return;
      asio::steady_timer pause(acceptor.get_executor(), std::chrono::milliseconds(100));
      co_await pause.async_wait(awaiting);
      continue;
    }
    boost::system::error_code ignored;
    const std::string address = socket.remote_endpoint(ignored).address().to_string();
    socket.set_option(tcp::no_delay(true), ignored);
    PlainStream stream(std::move(socket));
    net::TlsContext context = tls();
    auto serving = context ? serve_tls(std::move(stream), std::move(context), routes, address)
                           : serve_requests(std::move(stream), routes, address);
    asio::co_spawn(acceptor.get_executor(), std::move(serving), [](std::exception_ptr failure) {
      if (!failure) return;
      try {
        std::rethrow_exception(failure);
      } catch (const std::exception& error) {
        log::error("api", "a connection ended by an internal error", {{"err", error.what()}});
      }
    });
  }
}

HttpServer::HttpServer(asio::io_context& context, Routes& routes, std::function<net::TlsContext()> tls)
    : impl_(std::make_unique<Impl>(context, routes, std::move(tls))) {}
HttpServer::~HttpServer() = default;

Result<> HttpServer::listen(const std::string& address, std::uint16_t port) {
  boost::system::error_code failed;
  const auto ip = asio::ip::make_address(address, failed);
  const tcp::endpoint endpoint(ip, port);
  if (!failed) impl_->acceptor.open(endpoint.protocol(), failed);
  if (!failed) impl_->acceptor.set_option(asio::socket_base::reuse_address(true), failed);
  if (!failed) impl_->acceptor.bind(endpoint, failed);
  if (!failed) impl_->acceptor.listen(asio::socket_base::max_listen_connections, failed);
  if (failed) {
    return Error(sqlstate::internal_error,
                 "cannot listen on " + address + ":" + std::to_string(port) + ": " + failed.message());
  }
  asio::co_spawn(impl_->acceptor.get_executor(), impl_->accept_loop(), [](std::exception_ptr) {});
  return boost::system::in_place_value;
}

std::uint16_t HttpServer::port() const noexcept {
  boost::system::error_code ignored;
  return impl_->acceptor.local_endpoint(ignored).port();
}

void HttpServer::close() noexcept {
  boost::system::error_code ignored;
  impl_->acceptor.close(ignored);
}

}  // namespace dbgate::api
