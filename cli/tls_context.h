#pragma once
#include <boost/asio/ssl/context.hpp>

#include "cli/options.h"

namespace dbgate::cli {

/// Verifies the gateway's certificate, always, unless --insecure stands on the command line.
boost::asio::ssl::context make_tls_context(const Options& options);

}  // namespace dbgate::cli
