#pragma once
#include <cstdint>
#include <string>

namespace dbgate::cli {

/// Where the gateway's API is: https://host[:port], or http:// on a loopback address.
struct GatewayUrl {
  bool tls = true;
  std::string host;
  std::uint16_t port = 8443;
  std::string text() const;
};

/// Throws Problem (usage) for anything else.
GatewayUrl parse_gateway_url(const std::string& text);

}  // namespace dbgate::cli
