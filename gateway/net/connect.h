#pragma once
#include <chrono>
#include <cstdint>
#include <string>

#include "gateway/net/stream.h"

namespace dbgate::net {

/// Connects to a host name, a numeric address, or (host starting with '/') the Unix socket directory of a PostgreSQL
/// server. All addresses of a name are tried in turn within `limit`. Errors: 08006 naming host and port.
Task<Result<Stream>> connect_to(Executor executor, std::string host, std::uint16_t port,
                                std::chrono::milliseconds limit);

}  // namespace dbgate::net
