#include "gateway/api/connection.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include "gateway/net/certificate.h"
#include "gateway/net/stream.h"
#include "gateway/net/tls.h"

namespace dbgate::api {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using PlainStream = beast::tcp_stream;
using TlsStream = asio::ssl::stream<beast::tcp_stream>;

constexpr auto awaiting = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds linger_for{2};
constexpr std::size_t linger_bytes = 1u << 20;

/// A websocket::stream behind the interface that handlers know.
template <class Stream>
class Socket final : public WebSocket {
 public:
  explicit Socket(Stream stream) : ws_(std::move(stream)) {}

  websocket::stream<Stream>& stream() noexcept { return ws_; }

  Task<std::size_t> read_some(char* into, std::size_t room) override {
    for (;;) {
      const auto [failed, bytes] = co_await ws_.async_read_some(asio::buffer(into, room), awaiting);
      if (failed) co_return 0;
      if (bytes > 0) co_return bytes;  // an empty message is no end
    }
  }
  Task<bool> write_binary(const char* bytes, std::size_t size) override {
    ws_.binary(true);
    const auto [failed, written] = co_await ws_.async_write(asio::buffer(bytes, size), awaiting);
    co_return !failed;
  }
  Task<bool> write_text(std::string_view text) override {
    ws_.text(true);
    const auto [failed, written] = co_await ws_.async_write(asio::buffer(text.data(), text.size()), awaiting);
    co_return !failed;
  }
  Task<> close(std::uint16_t code) override { co_await ws_.async_close(websocket::close_reason(code), awaiting); }

 private:
  websocket::stream<Stream> ws_;
};

template <class Stream>
class TcpConnection final : public Connection {
 public:
  static constexpr bool with_tls = std::is_same_v<Stream, TlsStream>;

  TcpConnection(Stream stream, net::TlsContext tls) : tls_(std::move(tls)), stream_(std::move(stream)) {}

  Task<bool> handshake(Clock::time_point deadline, std::string_view* why) override {
    if constexpr (with_tls) {
      lowest().expires_at(deadline);
      const auto [failed] = co_await stream_.async_handshake(asio::ssl::stream_base::server, awaiting);
      const bool of_tls = failed.category() == asio::error::get_ssl_category();
      if (why != nullptr) {
        *why = net::handshake_failure(of_tls ? static_cast<unsigned long>(failed.value()) : 0,
                                      SSL_get_verify_result(stream_.native_handle()));
      }
      co_return !failed;
    }
    co_return true;
  }

  Task<std::size_t> read_some(char* into, std::size_t room, Clock::time_point deadline) override {
    // Not the stream's own limit: it closes the socket, and who is too slow is told so.
    lowest().expires_never();
    reading_ = true;
    alarm_.set(deadline);
    const auto [failed, bytes] = co_await stream_.async_read_some(asio::buffer(into, room), awaiting);
    if (failed && ending_ == Ending::none) ending_ = Ending::closed;
    reading_ = false;
    co_return failed ? 0 : bytes;
  }

  Task<bool> write(std::string_view bytes, Clock::time_point deadline) override {
    lowest().expires_at(deadline);
    const auto [failed, written] =
        co_await asio::async_write(stream_, asio::buffer(bytes.data(), bytes.size()), awaiting);
    co_return !failed;
  }

  Ending ending() const noexcept override { return ending_; }

  Task<> linger() override {
    boost::system::error_code ignored;
    const auto deadline = Clock::now() + linger_for;
    lowest().expires_at(deadline);
    if constexpr (with_tls) {
      // Says goodbye without waiting for the peer's.
      SSL_set_shutdown(stream_.native_handle(), SSL_RECEIVED_SHUTDOWN);
      co_await stream_.async_shutdown(awaiting);
    }
    lowest().socket().shutdown(asio::socket_base::shutdown_send, ignored);
    char dropped[4096];
    for (std::size_t total = 0; total < linger_bytes;) {
      lowest().expires_at(deadline);
      const auto [failed, bytes] = co_await lowest().async_read_some(asio::buffer(dropped), awaiting);
      if (failed) break;
      total += bytes;
    }
    lowest().close();
  }

  bool peer_gone() const noexcept override {
    auto& socket = const_cast<TcpConnection*>(this)->lowest().socket();
    if (!socket.is_open()) return true;
    pollfd look{socket.native_handle(), POLLRDHUP, 0};
    return ::poll(&look, 1, 0) > 0;
  }

  bool secured() const noexcept override { return with_tls; }

  std::optional<net::PeerCertificate> client_certificate() const override {
    if constexpr (with_tls) {
      SSL* const ssl = const_cast<TlsStream&>(stream_).native_handle();
      const X509* const certificate = SSL_get0_peer_certificate(ssl);
      // The result is "ok" as well where there is no certificate, or none was asked for.
      const bool verified =
          (SSL_get_verify_mode(ssl) & SSL_VERIFY_PEER) != 0 && SSL_get_verify_result(ssl) == X509_V_OK;
      if (certificate != nullptr && verified) return net::describe_certificate(*certificate);
    }
    return {};
  }

  Task<> serve_websocket(std::string header, const Upgrade& upgrade, const Headers& fields) override {
    http::request_parser<http::empty_body> parser;
    boost::system::error_code broken;
    parser.header_limit(1u << 20);  // it was read within limits
    parser.put(asio::buffer(header), broken);
    if (broken) co_return;
    lowest().expires_never();
    Socket<Stream> socket(std::move(stream_));
    auto& ws = socket.stream();
    ws.set_option(websocket::stream_base::timeout::suggested(beast::role_type::server));
    ws.set_option(websocket::stream_base::decorator([&upgrade, &fields](websocket::response_type& response) {
      for (const auto& [name, value] : fields)
        response.set(name, value);
      if (!upgrade.protocol.empty()) response.set(http::field::sec_websocket_protocol, upgrade.protocol);
    }));
    ws.auto_fragment(false);
    ws.read_message_max(0);  // bytes pass through; nothing is collected
    const auto [failed] = co_await ws.async_accept(parser.get(), awaiting);
    if (!failed) co_await upgrade.run(socket);
  }

  std::optional<OpenConnection> release() override {
    std::shared_ptr<SSL> tls;
    if constexpr (with_tls) {
      SSL* const ssl = stream_.native_handle();
      // Records that Asio has read and OpenSSL has not: the peer spoke before it was answered.
      if (BIO_ctrl_pending(SSL_get_rbio(ssl)) > 0) return {};
      SSL_up_ref(ssl);
      tls.reset(ssl, SSL_free);
    }
    boost::system::error_code failed;
    const int descriptor = lowest().release_socket().release(failed);
    if (failed) return {};
    return OpenConnection(descriptor, std::move(tls));
  }

 private:
  PlainStream& lowest() noexcept { return beast::get_lowest_layer(stream_); }

  void give_up_reading() {
    if (!reading_) return;
    boost::system::error_code ignored;
    ending_ = Ending::timed_out;
    lowest().socket().cancel(ignored);
  }

  net::TlsContext tls_;
  Stream stream_;
  net::Alarm alarm_{stream_.get_executor(), [this] { give_up_reading(); }};
  bool reading_ = false;
  Ending ending_ = Ending::none;
};

}  // namespace

std::unique_ptr<Connection> make_connection(asio::ip::tcp::socket socket, net::TlsContext tls) {
  PlainStream plain(std::move(socket));
  if (!tls) return std::make_unique<TcpConnection<PlainStream>>(std::move(plain), nullptr);
  SSL_CTX_up_ref(tls.get());
  asio::ssl::context context(tls.get());  // owns one reference; the stream's SSL object holds its own
  TlsStream stream(std::move(plain), context);
  return std::make_unique<TcpConnection<TlsStream>>(std::move(stream), std::move(tls));
}

}  // namespace dbgate::api
