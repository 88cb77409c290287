#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "gateway/base/counted.h"
#include "gateway/net/stream.h"
#include "gateway/session/account.h"

namespace dbgate::session {

class Witness;

/// How a connection came to an engine.
struct Arrival {
  /// Non-empty: who it is was settled before the first byte, by a tunnel of the API or by the listener.
  std::string signed_in_user;
  Credential credential;  ///< of a tunnel: of who has opened it
  bool by_tunnel = false;
  std::string_view signed_in_by = "tunnel";  ///< what records say of that; of static duration
  std::shared_ptr<Witness> witness;          ///< null: nobody wants to know
  /// The only target that the connection may reach; empty: the client names it.
  std::string target;
  net::Address client;
};

/// One protocol family (design: protocol families). An engine takes a connection from its first byte to its last:
/// authenticates, decides, relays and accounts for it. Engines share nothing but the host behind them.
class Engine {
 public:
  virtual ~Engine() = default;
  /// The word of `targets.*.engine`.
  virtual std::string_view name() const noexcept = 0;
  /// Serves one connection on the thread that runs it, to its end or until it sleeps: it goes on by itself then when
  /// there is work. Never throws for what a peer does. `counted` lives as long as the connection.
  virtual Task<> serve(net::Stream client, Arrival arrival, Counted counted) = 0;
};

}  // namespace dbgate::session
