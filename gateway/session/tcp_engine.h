#pragma once
#include "gateway/session/engine.h"
#include "gateway/session/host.h"

namespace dbgate::session {

inline constexpr std::string_view tcp_engine = "tcp";

/// Any protocol over TCP: decides on the connection as a whole and accounts for its bytes, without looking into them.
/// The arrival says who connects and to what; a connection that came without a user is closed.
class TcpEngine final : public Engine {
 public:
  explicit TcpEngine(Host& host) : host_(host) {}
  std::string_view name() const noexcept override { return tcp_engine; }
  Task<> serve(net::Stream client, Arrival arrival, Counted counted) override;

 private:
  Task<> serve_known(net::Stream& client, Arrival arrival);
  Host& host_;
};

}  // namespace dbgate::session
