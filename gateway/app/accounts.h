#pragma once
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "config/schema.h"
#include "gateway/identity/token_service.h"
#include "gateway/net/stream.h"
#include "gateway/session/account.h"
#include "gateway/session/host.h"
#include "gateway/session/live_sessions.h"

// How users sign in on the wire by the snapshot in force, and who may stay (docs/wire-authentication.md).
namespace dbgate::app {

struct Snapshot;

/// Database passwords beyond 32, or with keys that are none, are left out. Errors: the verifier of the file is none.
Result<session::AccountPtr> make_account(const config::User& user);
/// The account without passwords that have expired or were ended. Null: it has had some, or none at all, and none is
/// left: the user cannot be told from one that does not exist.
session::AccountPtr account_in_force(const session::AccountPtr& account, const Snapshot& snapshot, std::int64_t now);
/// What the user is in with by a certificate; none: it does not stand for the user, or was ended.
std::optional<session::Credential> certified(std::string_view user, const net::PeerCertificate& certificate,
                                             const Snapshot& snapshot);
/// Whom a certificate stands for where nobody is named; empty: for nobody, or for more than one.
std::string user_of(const net::PeerCertificate& certificate, const Snapshot& snapshot);
/// What a token stands for.
session::Credential credential_of(const identity::Bearer& bearer);
/// Why a session of somebody who is in must end; none: it may go on, as far as its target is open to the user.
std::optional<session::Ending> why_out(const session::SessionInfo& session, const Snapshot& snapshot);

}  // namespace dbgate::app
