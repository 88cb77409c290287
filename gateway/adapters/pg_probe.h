#pragma once
#include <chrono>
#include <string>

#include "config/schema.h"
#include "gateway/base/error.h"

namespace dbgate::adapters {

/// What a server says when it is entered.
struct PgProbe {
  std::string server_version;
  bool tls = false;
};

/// Enters a server as the gateway's account and leaves it. Blocks for at most `timeout`, and for name look-ups.
/// Errors: 08006, 57014, in words of dbgate's own; the server's go to the log.
Result<PgProbe> probe_server(const config::Upstream& server, std::chrono::milliseconds timeout);

}  // namespace dbgate::adapters
