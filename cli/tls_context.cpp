#include "cli/tls_context.h"

#include "cli/problem.h"

namespace dbgate::cli {

boost::asio::ssl::context make_tls_context(const Options& options) {
  namespace ssl = boost::asio::ssl;
  ssl::context context(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
  if (options.insecure) {
    context.set_verify_mode(ssl::verify_none);
    return context;
  }
  context.set_verify_mode(ssl::verify_peer);
  boost::system::error_code failed;
  if (options.ca_file.empty()) {
    context.set_default_verify_paths(failed);
  } else {
    context.load_verify_file(options.ca_file, failed);
  }
  if (failed) throw Problem{Exit::failure, "cannot read certificates from " + options.ca_file, "check --ca-file"};
  return context;
}

}  // namespace dbgate::cli
