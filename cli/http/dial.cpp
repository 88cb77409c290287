#include "cli/http/dial.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "cli/files.h"

namespace dbgate::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;

constexpr auto awaiting = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds step_limit{10};
constexpr std::size_t most_header_bytes = 16u << 10;

Error unreachable(const std::string& what, const boost::system::error_code& why) {
  const std::string reason = why == beast::error::timeout ? "no answer in time" : why.message();
  return {sqlstate::connection_failure, what + ": " + reason};
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "[::1]" || host == "::1" || host.starts_with("127.");
}

bool exempt(const std::string& host, const std::string& list) {
  for (std::size_t at = 0; at < list.size();) {
    const std::size_t end = std::min(list.find(',', at), list.size());
    std::string entry = list.substr(at, end - at);
    at = end + 1;
    while (!entry.empty() && (entry.front() == ' ' || entry.front() == '.'))
      entry.erase(0, 1);
    while (!entry.empty() && entry.back() == ' ')
      entry.pop_back();
    if (entry == "*" || entry == host) return true;
    if (!entry.empty() && host.ends_with("." + entry)) return true;
  }
  return false;
}

std::string either(const char* upper, const char* lower) {
  const std::string value = environment(upper);
  return value.empty() ? environment(lower) : value;
}

// One HTTP request by hand: a parser would read on into what the gateway says behind it.
Task<Result<>> connect_through(beast::tcp_stream& stream, const std::string& authority) {
  const std::string request = "CONNECT " + authority + " HTTP/1.1\r\nHost: " + authority + "\r\n\r\n";
  stream.expires_after(step_limit);
  const auto [unsent, sent] = co_await asio::async_write(stream, asio::buffer(request), awaiting);
  if (unsent) co_return unreachable("the proxy", unsent);
  std::string header;
  while (!header.ends_with("\r\n\r\n")) {
    char byte = 0;
    const auto [failed, got] = co_await stream.async_read_some(asio::buffer(&byte, 1), awaiting);
    if (failed) co_return unreachable("the proxy", failed);
    header += byte;
    if (header.size() > most_header_bytes) break;
  }
  const std::string status = header.substr(0, header.find('\r'));
  if (status.size() < 12 || !status.starts_with("HTTP/1.") || status.substr(9, 3) != "200") {
    co_return Error(sqlstate::connection_failure, "the proxy refused the connection (" + status.substr(0, 60) + ")");
  }
  co_return boost::system::in_place_value;
}

}  // namespace

std::string proxy_for(const GatewayUrl& url) {
  std::string proxy = either("HTTPS_PROXY", "https_proxy");
  if (proxy.empty() || !url.tls || is_loopback(url.host) || exempt(url.host, either("NO_PROXY", "no_proxy"))) return {};
  const std::size_t scheme = proxy.find("://");
  if (scheme != std::string::npos) proxy.erase(0, scheme + 3);
  proxy = proxy.substr(0, proxy.find('/'));
  const bool port = proxy.rfind(':') != std::string::npos && proxy.back() != ']';
  return port ? proxy : proxy + ":3128";
}

Task<Result<std::unique_ptr<beast::tcp_stream>>> dial(net::Executor executor, GatewayUrl url) {
  const std::string proxy = proxy_for(url);
  std::string host = url.host;
  std::string port = std::to_string(url.port);
  if (!proxy.empty()) {
    host = proxy.substr(0, proxy.rfind(':'));
    port = proxy.substr(proxy.rfind(':') + 1);
  }
  if (host.starts_with("[") && host.ends_with("]")) host = host.substr(1, host.size() - 2);
  const std::string what = proxy.empty() ? host : "the proxy " + proxy;
  tcp::resolver resolver(executor);
  const auto [unknown, addresses] = co_await resolver.async_resolve(host, port, awaiting);
  if (unknown) co_return unreachable(what, unknown);
  beast::tcp_stream stream(executor);
  stream.expires_after(step_limit);
  const auto [failed, endpoint] = co_await stream.async_connect(addresses, awaiting);
  if (failed) co_return unreachable(what + " port " + port, failed);
  boost::system::error_code ignored;
  stream.socket().set_option(tcp::no_delay(true), ignored);
  if (!proxy.empty()) {
    const auto through = co_await connect_through(stream, url.host + ":" + std::to_string(url.port));
    if (!through) co_return through.error();
  }
  stream.expires_never();
  co_return std::make_unique<beast::tcp_stream>(std::move(stream));
}

}  // namespace dbgate::cli
