#pragma once
#include <boost/beast/core/tcp_stream.hpp>
#include <memory>
#include <string>

#include "cli/gateway_url.h"
#include "gateway/base/error.h"
#include "gateway/base/task.h"
#include "gateway/net/stream.h"

namespace dbgate::cli {

/// The proxy for a gateway by HTTPS_PROXY and NO_PROXY: "host:port", empty if it is reached directly. NO_PROXY is a
/// list of hosts; ".example.com" and "example.com" stand for those below as well, "*" for all. Loopback never has one.
std::string proxy_for(const GatewayUrl& url);

/// Opens a TCP connection to the gateway, through the proxy by CONNECT if there is one.
/// Errors: 08006, which say what was not reached and why. At most 10 s for each step.
Task<Result<std::unique_ptr<boost::beast::tcp_stream>>> dial(net::Executor executor, GatewayUrl url);

}  // namespace dbgate::cli
