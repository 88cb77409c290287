#pragma once
#include "gateway/net/stream.h"

struct x509_st;

namespace dbgate::net {

/// Of the alternative names (RFC 5280 §4.2.1.6) those of hosts, URIs and mail addresses, 64 at most; names that hold a
/// NUL, which others may read as the end, are left out. The common name is not looked at.
PeerCertificate describe_certificate(const x509_st& certificate);

}  // namespace dbgate::net
