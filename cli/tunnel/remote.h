#pragma once
#include <cstdint>
#include <memory>
#include <string>

#include "cli/options.h"
#include "gateway/base/error.h"
#include "gateway/base/task.h"
#include "gateway/net/stream.h"
#include "gateway/net/tls.h"

namespace dbgate::cli {

/// What a tunnel has done so far.
struct TunnelCounts {
  std::uint64_t connections = 0;
  std::uint64_t open = 0;
  std::uint64_t bytes_sent = 0;      ///< to the gateway
  std::uint64_t bytes_received = 0;  ///< from it
  std::string last_error;
};

/// How a connection ended.
struct RemoteEnd {
  bool by_client = false;
  std::string reason;  ///< what the gateway said; empty if nothing
};

/// One connection to a target through the gateway's API.
class Remote {
 public:
  virtual ~Remote() = default;
  /// Carries the bytes of a local client, of which `first` have been read already, until both have ended or one is
  /// lost.
  virtual Task<RemoteEnd> relay(net::Stream& client, std::string first, TunnelCounts& counts) = 0;
};

/// Where connections lead to.
struct RemoteSettings {
  Options options;
  GatewayUrl url;
  std::string path;     ///< of the API's tunnel resource
  net::TlsContext tls;  ///< null: none
};

/// Opens connections to a target: the bytes as they are after an HTTP upgrade, and in a WebSocket where something on
/// the way knows no other upgrade (docs/api.md).
class RemoteOpener {
 public:
  explicit RemoteOpener(RemoteSettings settings) : settings_(std::move(settings)) {}

  /// Errors: 08006 the gateway cannot be reached, 28000 the token is not accepted, 42501 the token is not good for
  /// tunnels, 3D000 no such target, 53300 too many requests, 57P01 the gateway is draining.
  Task<Result<std::unique_ptr<Remote>>> open(net::Executor executor, std::string token);

 private:
  const RemoteSettings settings_;
  bool by_websocket_ = false;
};

/// The same with one way. Null: what answers does not know this upgrade.
Task<Result<std::unique_ptr<Remote>>> open_plain_remote(net::Executor executor, RemoteSettings settings,
                                                        std::string token);
Task<Result<std::unique_ptr<Remote>>> open_websocket_remote(net::Executor executor, RemoteSettings settings,
                                                            std::string token);

/// What an answer of the gateway means that is no upgrade; success: nothing that would be different another way.
Result<> refusal_of(unsigned status);
Error gateway_unreachable(const GatewayUrl& url, const std::string& why);

}  // namespace dbgate::cli
