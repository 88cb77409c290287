#pragma once
#include <cstdint>

#include "gateway/upstream/connection.h"

namespace dbgate::upstream {

/// Ends the server's process `pid`, which must be that of an open connection, by pg_terminate_backend() on a connection
/// of its own: a role may end what has logged in as itself. @return whether the server has been signalled
Task<bool> end_process(net::Executor executor, const ServerSpec& spec, ServerSpec::Host host, std::int32_t pid);

}  // namespace dbgate::upstream
