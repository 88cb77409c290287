#pragma once
#include <string>

#include "gateway/auth/scram_verifier.h"
#include "gateway/net/stream.h"

namespace dbgate::cli {

/// Takes a local client's startup packet and, unless it is a cancel request (whose key is a secret already), checks the
/// one-session password by SCRAM: other users of this machine must not borrow the tunnel.
/// @param verifier null: no password is asked for (the socket's owner was checked)
/// @return the bytes with which the gateway's side begins; what the client is told of its authentication was sent.
/// Errors: 28P01 wrong password, 08P01 not PostgreSQL; the client was told.
Task<Result<std::string>> admit_local_client(net::Stream& client, const auth::ScramVerifier* verifier);

/// An ErrorResponse with severity FATAL.
std::string fatal_message(const Error& error);

}  // namespace dbgate::cli
