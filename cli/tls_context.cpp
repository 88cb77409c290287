#include "cli/tls_context.h"

#include "cli/problem.h"

namespace dbgate::cli {

net::TlsContext make_tls_context(const Options& options) {
  net::TlsClientOptions tls;
  // The name is checked by whoever connects, who knows it.
  tls.verify = options.insecure ? net::TlsVerify::none : net::TlsVerify::certificate;
  tls.ca_file = options.ca_file;
  auto context = net::make_client_context(tls);
  if (!context) throw Problem{Exit::failure, context.error().message(), "check --ca-file"};
  return std::move(*context);
}

}  // namespace dbgate::cli
