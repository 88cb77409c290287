#pragma once
#include "gateway/session/host.h"

namespace dbgate::session {

/// Asks the client for SCRAM and checks it. Nothing but authentication messages is accepted. On success the server's
/// last SCRAM message is returned unsent, so that it leaves together with what follows.
Task<Result<std::string>> authenticate(net::Stream& client, const Account& account, SessionInfo& info);

/// The settings of the server connection: who it is for, the fixed ones, and what the client asked for.
upstream::StartupParameters server_parameters(const StartupRequest& request, const Route& route,
                                              const SessionInfo& info);

/// What the server is told of who uses a connection: the principal, and the session where it is its own.
std::string application_name_of(const SessionInfo& info, Sharing sharing);
/// Which connections can stand for each other (upstream::LinkRequest::key).
std::string pool_key(const Route& route, const upstream::StartupParameters& parameters);

/// AuthenticationOk up to the first ReadyForQuery, as the client sees its login.
/// Errors: the server's encoding or literal syntax is not the one that statements are judged in.
Result<std::string> welcome(const StartupRequest& request, const upstream::StartupParameters& status, std::int32_t pid,
                            std::string_view cancel_key);
/// NegotiateProtocolVersion, or nothing if the client asked for what dbgate speaks.
std::string negotiation(const StartupRequest& request);

}  // namespace dbgate::session
