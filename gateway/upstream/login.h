#pragma once
#include "gateway/upstream/connection.h"

namespace dbgate::upstream {

/// Logs in over an open stream: startup packet, authentication, and everything up to the first ReadyForQuery.
Task<Result<>> log_in(Connection& connection, const ServerSpec& spec, const StartupParameters& parameters);

/// Reads one whole message. @return its type; the body lies in `body` until the buffer is read into again.
/// Errors: 08006 for what is malformed or larger than `max_bytes`.
struct Message {
  char type = 0;
  protocol::Bytes body;
};
Task<Result<Message>> read_message(Connection& connection, std::size_t max_bytes);

}  // namespace dbgate::upstream
