#include "cli/http/http_client.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <functional>
#include <optional>
#include <stop_token>
#include <variant>

#include "cli/http/dial.h"
#include "cli/http/trace.h"
#include "cli/problem.h"
#include "cli/tls_context.h"

namespace dbgate::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using PlainStream = beast::tcp_stream;
using TlsStream = asio::ssl::stream<beast::tcp_stream>;
using Parser = http::response_parser<http::buffer_body>;

constexpr std::chrono::seconds handshake_limit{10};
constexpr std::chrono::seconds answer_limit{60};
constexpr std::size_t piece_bytes = 64u << 10;
constexpr std::size_t most_answer_bytes = 256u << 20;

Problem unreachable(const GatewayUrl& url, const std::string& why) {
  return {Exit::unreachable, "cannot reach the gateway at " + url.text() + ": " + why, "dbgate doctor"};
}

std::string bare(const std::string& host) {
  return host.starts_with("[") && host.ends_with("]") ? host.substr(1, host.size() - 2) : host;
}

bool same_name(beast::string_view a, const std::string& b) {
  return beast::iequals(a, beast::string_view(b.data(), b.size()));
}

}  // namespace

std::string HttpAnswer::header(const std::string& name) const {
  for (const auto& [key, value] : headers)
    if (same_name({key.data(), key.size()}, name)) return value;
  return {};
}

struct HttpConnection::Impl {
  Impl(const Options& opts, const GatewayUrl& where) : options(opts), url(where) {}

  // An order to stop that came while nothing ran is found here: restarting the context forgets it.
  void run() {
    context.restart();
    if (!options.stop.stop_requested()) context.run();
  }

  // Runs one asynchronous operation to its end: only these have time limits.
  template <class Start>
  boost::system::error_code wait(Start&& start) {
    boost::system::error_code result = asio::error::operation_aborted;
    start([&result](const boost::system::error_code& failed, auto&&...) { result = failed; });
    run();
    return result;
  }

  template <class Work>
  auto with_stream(Work&& work) {
    return secured ? work(*secured) : work(*plain);
  }
  PlainStream& lowest() { return secured ? secured->next_layer() : *plain; }

  void connect();
  void handshake(PlainStream stream);
  void send(const HttpRequest& request);

  Options options;
  GatewayUrl url;
  asio::io_context context{1};
  std::optional<asio::ssl::context> tls;
  std::optional<PlainStream> plain;
  std::optional<TlsStream> secured;
  beast::flat_buffer buffer;
  std::unique_ptr<Parser> parser;
  bool reusable = true;
  std::stop_callback<std::function<void()>> stopping{options.stop, [this] { context.stop(); }};
};

void HttpConnection::Impl::connect() {
  std::optional<PlainStream> stream;
  Error why(sqlstate::connection_failure, "no connection");
  net::run_apart(context.get_executor(), [&]() -> Task<> {
    auto dialled = co_await dial(context.get_executor(), url);
    if (dialled) {
      stream.emplace(std::move(**dialled));
    } else {
      why = dialled.error();
    }
  });
  run();
  if (!stream) throw unreachable(url, why.message());
  const std::string proxy = proxy_for(url);
  trace(options, "connected to " + url.text() + (proxy.empty() ? "" : " through " + proxy));
  if (url.tls) return handshake(std::move(*stream));
  plain.emplace(std::move(*stream));
}

void HttpConnection::Impl::handshake(PlainStream stream) {
  const net::TlsContext context_of_options = make_tls_context(options);
  SSL_CTX_up_ref(context_of_options.get());
  tls.emplace(context_of_options.get());  // owns one reference
  secured.emplace(std::move(stream), *tls);
  const std::string host = bare(url.host);
  if (!options.insecure) secured->set_verify_callback(asio::ssl::host_name_verification(host));
  SSL_set_tlsext_host_name(secured->native_handle(), host.c_str());
  lowest().expires_after(handshake_limit);
  const auto failed =
      wait([this](auto handler) { secured->async_handshake(asio::ssl::stream_base::client, std::move(handler)); });
  if (!failed) return;
  const long verified = SSL_get_verify_result(secured->native_handle());
  std::string why = failed == beast::error::timeout ? "no answer in time" : failed.message();
  if (verified != X509_V_OK) why += std::string(" (") + X509_verify_cert_error_string(verified) + ")";
  Problem problem = unreachable(url, why);
  problem.hint = "check the URL, and --ca-file if the certificate is your own; dbgate doctor says more";
  throw problem;
}

void HttpConnection::Impl::send(const HttpRequest& request) {
  http::request<http::string_body> message(http::string_to_verb(request.method), request.path, 11);
  message.set(http::field::host, url.host + ":" + std::to_string(url.port));
  message.set(http::field::user_agent, "dbgate/" DBGATE_VERSION);
  if (!request.token.empty()) message.set(http::field::authorization, "Bearer " + request.token);
  if (!request.content_type.empty()) message.set(http::field::content_type, request.content_type);
  for (const auto& [name, value] : request.headers)
    message.set(name, value);
  message.body() = request.body;
  message.prepare_payload();
  trace_request(options, request);
  lowest().expires_after(answer_limit);
  const auto failed = wait([&](auto handler) {
    with_stream([&](auto& stream) { http::async_write(stream, message, std::move(handler)); });
  });
  if (failed) throw unreachable(url, failed.message());
}

HttpConnection::HttpConnection(const Options& options, const GatewayUrl& url)
    : impl_(std::make_unique<Impl>(options, url)) {
  impl_->connect();
  if (options.debug && url.tls) trace(options, tls_summary());
}

HttpConnection::~HttpConnection() = default;

HttpAnswer HttpConnection::open(const HttpRequest& request) {
  impl_->send(request);
  impl_->parser = std::make_unique<Parser>();
  impl_->parser->body_limit(boost::none);
  if (request.limit.count() > 0) {
    impl_->lowest().expires_after(request.limit);
  } else {
    impl_->lowest().expires_never();
  }
  const auto failed = impl_->wait([&](auto handler) {
    impl_->with_stream(
        [&](auto& stream) { http::async_read_header(stream, impl_->buffer, *impl_->parser, std::move(handler)); });
  });
  if (failed) {
    impl_->reusable = false;
    throw unreachable(impl_->url, failed == beast::error::timeout ? "no answer in time" : failed.message());
  }
  HttpAnswer answer;
  answer.status = impl_->parser->get().result_int();
  for (const auto& field : impl_->parser->get())
    answer.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  impl_->reusable = impl_->parser->get().keep_alive();
  return answer;
}

std::string HttpConnection::read_some(std::chrono::seconds limit) {
  std::string piece(piece_bytes, '\0');
  while (!impl_->parser->is_done()) {
    auto& body = impl_->parser->get().body();
    body.data = piece.data();
    body.size = piece.size();
    if (limit.count() > 0) {
      impl_->lowest().expires_after(limit);
    } else {
      impl_->lowest().expires_never();
    }
    auto failed = impl_->wait([&](auto handler) {
      impl_->with_stream(
          [&](auto& stream) { http::async_read_some(stream, impl_->buffer, *impl_->parser, std::move(handler)); });
    });
    if (failed == http::error::need_buffer) failed = {};
    if (failed == beast::error::timeout) {
      throw Problem{Exit::timed_out, "the gateway sent nothing for " + std::to_string(limit.count()) + " s", ""};
    }
    if (failed) throw unreachable(impl_->url, failed.message());
    const std::size_t got = piece.size() - body.size;
    if (got == 0) continue;
    piece.resize(got);
    return piece;
  }
  return {};
}

HttpAnswer HttpConnection::exchange(const HttpRequest& request) {
  HttpAnswer answer = open(request);
  for (std::string piece = read_some(answer_limit); !piece.empty(); piece = read_some(answer_limit)) {
    answer.body += piece;
    if (answer.body.size() > most_answer_bytes) throw unreachable(impl_->url, "the answer has no end");
  }
  trace_answer(impl_->options, answer);
  return answer;
}

bool HttpConnection::reusable() const {
  return impl_->reusable;
}

std::string HttpConnection::tls_summary() const {
  if (!impl_->secured) return {};
  SSL* const handle = impl_->secured->native_handle();
  std::string text = std::string(SSL_get_version(handle)) + ", " + SSL_get_cipher_name(handle);
  X509* const certificate = SSL_get0_peer_certificate(handle);
  if (certificate == nullptr) return text;
  char name[256] = "";
  X509_NAME_oneline(X509_get_subject_name(certificate), name, sizeof name);
  return text + ", " + name;
}

std::int64_t HttpConnection::certificate_end() const {
  if (!impl_->secured) return 0;
  X509* const certificate = SSL_get0_peer_certificate(impl_->secured->native_handle());
  tm ends{};
  if (certificate == nullptr || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &ends) != 1) return 0;
  return static_cast<std::int64_t>(::timegm(&ends));
}

}  // namespace dbgate::cli
