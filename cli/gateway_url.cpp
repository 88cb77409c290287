#include "cli/gateway_url.h"

#include <boost/url/parse.hpp>

#include "cli/problem.h"

namespace dbgate::cli {
namespace {

constexpr std::uint16_t https_port = 8443;
constexpr std::uint16_t http_port = 8080;

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host == "[::1]" || host.starts_with("127.");
}

}  // namespace

std::string GatewayUrl::text() const {
  return std::string(tls ? "https" : "http") + "://" + host + ":" + std::to_string(port);
}

GatewayUrl parse_gateway_url(const std::string& text) {
  const auto parsed = boost::urls::parse_uri(text);
  const bool path = parsed && !parsed->encoded_path().empty() && parsed->encoded_path() != "/";
  if (!parsed || path || parsed->has_query() || parsed->has_userinfo() || parsed->encoded_host().empty() ||
      (parsed->scheme() != "https" && parsed->scheme() != "http")) {
    throw Problem{Exit::usage, "\"" + text + "\" is not the URL of a gateway", "use https://HOST[:PORT]", ""};
  }
  GatewayUrl url;
  url.tls = parsed->scheme() == "https";
  url.host = std::string(parsed->encoded_host());
  url.port = parsed->has_port() ? parsed->port_number() : (url.tls ? https_port : http_port);
  // A token in clear text on a network would be anybody's.
  if (!url.tls && !is_loopback(url.host)) {
    throw Problem{Exit::usage, "http:// is for loopback addresses only", "use https://" + url.host, ""};
  }
  return url;
}

}  // namespace dbgate::cli
