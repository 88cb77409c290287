#pragma once
#include <cstdint>
#include <string_view>

namespace dbgate::session {

/// Why a session ended, for its audit record.
enum class EndReason : std::uint8_t {
  terminated,
  client_gone,
  server_gone,
  protocol_error,
  audit_failed,
  limit,              ///< of a policy
  ended_by_operator,  ///< the process ends
  ended_by_administrator,
  credential_ended,  ///< what it had signed in with
  user_gone,         ///< disabled or removed
  access_revoked,    ///< to its target
  denied,
  listener_lost,        ///< the server connection that listened for it
  notifications_unread  ///< more than are kept for a client
};

std::string_view name_of(EndReason reason);

}  // namespace dbgate::session
