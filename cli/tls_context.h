#pragma once
#include "cli/options.h"
#include "gateway/net/tls.h"

namespace dbgate::cli {

/// How the gateway's certificate is checked: by --ca-file or the system's authorities, unless --insecure.
/// Reading the authorities of a system takes some milliseconds. Throws Problem.
net::TlsContext make_tls_context(const Options& options);

}  // namespace dbgate::cli
