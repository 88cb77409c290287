#pragma once
#include <string>

#include "gateway/session/host.h"

namespace dbgate::session {

/// The name by which clients reach the admin database, unless a target has it: PgBouncer's.
inline constexpr std::string_view admin_database = "pgbouncer";
/// SessionInfo::db_system of its sessions.
inline constexpr std::string_view admin_system = "dbgate";

/// Serves a client of the admin database (docs/admin-database.md) from behind its sign-in to its end. Commands are
/// recorded like statements.
/// @param last_message  of the authentication, to be sent with the greeting
/// Errors: why it is not let in, to be told to it: 42501, 53300, 58030.
Task<Result<>> serve_admin(Host& host, net::Stream& client, SessionInfo& info, const StartupRequest& request,
                           std::string last_message);

}  // namespace dbgate::session
