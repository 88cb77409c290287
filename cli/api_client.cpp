#include "cli/api_client.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>

#include "cli/problem.h"
#include "cli/tls_context.h"

namespace dbgate::cli {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace json = boost::json;
using asio::ip::tcp;
using HttpRequest = http::request<http::string_body>;
using HttpResponse = http::response<http::string_body>;

Problem unreachable(const GatewayUrl& url, const std::string& why) {
  return {Exit::unreachable, "cannot reach the gateway at " + url.text() + ": " + why,
          "check the URL, and --ca-file if the certificate is your own", ""};
}

template <class Stream>
HttpResponse exchange(Stream& stream, const HttpRequest& request) {
  http::write(stream, request);
  boost::beast::flat_buffer buffer;
  HttpResponse response;
  http::read(stream, buffer, response);
  return response;
}

HttpResponse send(const Options& options, const GatewayUrl& url, const HttpRequest& request) {
  asio::io_context context;
  try {
    tcp::resolver resolver(context);
    const auto addresses = resolver.resolve(url.host, std::to_string(url.port));
    if (!url.tls) {
      boost::beast::tcp_stream stream(context);
      stream.connect(addresses);
      return exchange(stream, request);
    }
    asio::ssl::context tls = make_tls_context(options);
    asio::ssl::stream<tcp::socket> stream(context, tls);
    if (!options.insecure) stream.set_verify_callback(asio::ssl::host_name_verification(url.host));
    SSL_set_tlsext_host_name(stream.native_handle(), url.host.c_str());
    asio::connect(stream.next_layer(), addresses);
    stream.handshake(asio::ssl::stream_base::client);
    return exchange(stream, request);
  } catch (const boost::system::system_error& error) {
    throw unreachable(url, error.code().message());
  }
}

Exit exit_for(unsigned status) {
  switch (status) {
    case 401:
      return Exit::not_authenticated;
    case 403:
      return Exit::denied;
    case 404:
      return Exit::not_found;
    case 502:
    case 503:
    case 504:
      return Exit::unreachable;
    default:
      return Exit::failure;
  }
}

std::string member(const json::value& body, const char* name) {
  if (!body.is_object()) return {};
  const json::value* value = body.as_object().if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

}  // namespace

asio::ssl::context make_tls_context(const Options& options) {
  asio::ssl::context context(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
  if (options.insecure) {
    context.set_verify_mode(asio::ssl::verify_none);
    return context;
  }
  context.set_verify_mode(asio::ssl::verify_peer);
  const std::string ca_file = ca_file_of(options);
  boost::system::error_code failed;
  if (ca_file.empty()) {
    context.set_default_verify_paths(failed);
  } else {
    context.load_verify_file(ca_file, failed);
  }
  if (failed) throw Problem{Exit::failure, "cannot read certificates from " + ca_file, "", ""};
  return context;
}

ApiAnswer call_api(const Options& options, const GatewayUrl& url, const std::string& token, const std::string& method,
                   const std::string& path, const json::value& body) {
  HttpRequest request(http::string_to_verb(method), "/api/v1" + path, 11);
  request.set(http::field::host, url.host);
  request.set(http::field::connection, "close");
  request.set(http::field::user_agent, "dbgate");
  if (!token.empty()) request.set(http::field::authorization, "Bearer " + token);
  if (!body.is_null()) {
    request.set(http::field::content_type, "application/json");
    request.body() = json::serialize(body);
  }
  request.prepare_payload();
  const HttpResponse response = send(options, url, request);
  ApiAnswer answer;
  answer.status = response.result_int();
  const auto id = response["X-Request-Id"];
  answer.request_id.assign(id.data(), id.size());
  boost::system::error_code failed;
  if (!response.body().empty()) answer.body = json::parse(response.body(), failed);
  if (answer.status < 400 && !failed) return answer;
  std::string detail = member(answer.body, "detail");
  if (detail.empty()) detail = "the gateway answered " + std::to_string(answer.status);
  const Exit exit = exit_for(answer.status);
  throw Problem{exit, detail, exit == Exit::not_authenticated ? "dbgate login" : "", answer.request_id};
}

ApiAnswer call_api(const Options& options, const std::string& method, const std::string& path,
                   const json::value& body) {
  const GatewayUrl url = gateway_of(options);
  return call_api(options, url, token_for(url), method, path, body);
}

}  // namespace dbgate::cli
