#pragma once
#include "gateway/session/host.h"

// A server connection that changes hands (docs/decisions/0016-sharing-server-connections.md).
namespace dbgate::session {

/// What a session asks the pool for.
upstream::LinkRequest link_request(const StartupRequest& request, const Route& route, const SessionInfo& info);

/// Brings a server connection that was taken for `request` to where `settings` say; nothing of another principal's is
/// left on it. Sends nothing if that is so already. Errors: the server would not; the connection is closed then.
Task<Result<upstream::LinkPtr>> make_ready(upstream::LinkPtr link, const upstream::LinkRequest& request,
                                           std::shared_ptr<const SettingTexts> settings);

/// Takes everything from a server connection that its sessions have left there. Errors: as make_ready().
Task<Result<>> wipe(upstream::Link& link);

}  // namespace dbgate::session
