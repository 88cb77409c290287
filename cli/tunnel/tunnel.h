#pragma once
#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>

#include "cli/context.h"
#include "gateway/auth/scram_verifier.h"
#include "gateway/net/listener.h"

namespace dbgate::cli {

struct TunnelSettings {
  Options options;
  GatewayUrl url;
  std::string token;
  std::string path;  ///< of the API's tunnel resource
  net::ListenAddress address;
  bool speaks_postgres = true;  ///< otherwise bytes pass from the first on, and no password can be asked for
  std::optional<auth::ScramVerifier> verifier;  ///< of the one-session password; none: no password is asked for
};

/// A local listener whose connections each become one connection of the target. Ends with its io_context.
class Tunnel {
 public:
  Tunnel(boost::asio::io_context& context, TunnelSettings settings);

  /// Errors: the address cannot be listened on.
  Result<> open();
  std::uint16_t port() const noexcept { return listener_.port(); }

 private:
  Task<> serve(net::Stream client);

  boost::asio::io_context& context_;
  TunnelSettings settings_;
  net::Listener listener_;
};

}  // namespace dbgate::cli
