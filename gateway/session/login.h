#pragma once
#include "gateway/session/host.h"

namespace dbgate::session {

/// Finds out whether the client is the user whom `info` names. Whoever shows a certificate that stands for the user is
/// asked nothing; which question another is asked depends on the name alone. Nothing but authentication messages is
/// accepted. On success `info` has method and credential, and the last message of the exchange is returned unsent, so
/// that it leaves together with what follows; it may be empty. A failure is recorded.
/// Errors: 28P01 for a wrong password or token, 28000 for a token outside TLS (before it is asked for) and for an
/// address that has failed too often, 08P01; an empty message: the client has gone.
Task<Result<std::string>> authenticate(Host& host, net::Stream& client, SessionInfo& info);

/// A tunnel leads to one target. Its clients may name that, or one of its databases; any other name must not quietly
/// become this one. @param target  of the tunnel, perhaps with a database
std::string database_in_tunnel(const std::string& asked, const std::string& target);

/// Whether it is the search path that the target has anyway.
bool is_route_path(const StartupSetting& setting, const Route& route);
/// The SET that would do the same.
std::string as_statement(const StartupSetting& setting);

/// What the server is told of who uses a connection: the principal, and the session where it is its own; or what the
/// client calls itself.
std::string application_name_of(const SessionInfo& info, const Route& route);

/// The settings of the server connection: the fixed ones, and what the client asked for. The application_name is not
/// among them where it is a client's and the connection may change hands: RESET goes back to what is.
upstream::StartupParameters server_parameters(const StartupRequest& request, const Route& route,
                                              const std::string& application_name);

/// Which connections can stand for each other (upstream::LinkRequest::key).
std::string pool_key(const Route& route, const upstream::StartupParameters& parameters);

/// AuthenticationOk up to the first ReadyForQuery, as the client sees its login.
/// Errors: the server's encoding or literal syntax is not the one that statements are judged in.
Result<std::string> welcome(const StartupRequest& request, const upstream::StartupParameters& status, std::int32_t pid,
                            std::string_view cancel_key);
/// NegotiateProtocolVersion, or nothing if the client asked for what dbgate speaks.
std::string negotiation(const StartupRequest& request);

}  // namespace dbgate::session
