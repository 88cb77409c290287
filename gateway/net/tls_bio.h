#pragma once

struct ssl_st;

namespace dbgate::net {

class Watch;

/// Makes TLS read from and write to the descriptor of a watch, which must outlive it or be followed by another call.
/// False: there is no memory.
bool connect_tls_to(ssl_st* tls, Watch& watch);

}  // namespace dbgate::net
