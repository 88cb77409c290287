#pragma once
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "cli/tunnel/remote.h"
#include "gateway/auth/scram_verifier.h"
#include "gateway/net/listener.h"

namespace dbgate::cli {

/// Where a tunnel gets the access token for its next connection.
class TunnelToken {
 public:
  virtual ~TunnelToken() = default;
  /// Waits for a renewal if the token has just ended.
  virtual Task<std::string> current() = 0;
  /// Waits for another one than the gateway has just refused; empty if there is none.
  virtual Task<std::string> instead_of(std::string refused) = 0;
  /// The gateway ended a connection: perhaps the token is not good any more.
  virtual void doubt() = 0;
};

struct TunnelSettings {
  RemoteSettings remote;
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
  /// Serves connections from here on. `token` must outlive the io_context's run.
  void start(TunnelToken& token);
  std::uint16_t port() const noexcept { return listener_.port(); }
  const TunnelCounts& counts() const noexcept { return *counts_; }

 private:
  Task<> serve(net::Stream client);
  Task<> relay(net::Stream& client, std::string first);

  boost::asio::io_context& context_;
  TunnelSettings settings_;
  RemoteOpener opener_;
  TunnelToken* token_ = nullptr;
  std::shared_ptr<TunnelCounts> counts_ = std::make_shared<TunnelCounts>();
  net::Listener listener_;
};

}  // namespace dbgate::cli
