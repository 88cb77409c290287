#include "gateway/session/tcp_engine.h"

#include <vector>

#include "gateway/base/ids.h"
#include "gateway/base/log.h"
#include "gateway/net/race.h"
#include "gateway/session/end_reason.h"

namespace dbgate::session {
namespace {

constexpr std::size_t buffer_bytes = 64 * 1024;
constexpr std::chrono::milliseconds farewell_limit{500};

/// Two streams, each copied into the other until both have ended or one has failed.
class Tunnel {
 public:
  Tunnel(net::Stream& client, net::Stream& server) : client_(client), server_(server), ended_(client.executor()) {}

  Task<> run() { co_await net::race(copy(client_, server_, from_client_), copy(server_, client_, to_client_)); }
  void end(EndReason reason) {
    reason_ = reason;
    client_.shutdown();
    server_.shutdown();
  }
  std::uint64_t from_client() const noexcept { return from_client_; }
  std::uint64_t to_client() const noexcept { return to_client_; }
  EndReason reason() const noexcept { return reason_; }

 private:
  Task<> copy(net::Stream& from, net::Stream& to, std::uint64_t& bytes);

  net::Stream& client_;
  net::Stream& server_;
  net::Event ended_;
  int open_ = 2;
  std::uint64_t from_client_ = 0;
  std::uint64_t to_client_ = 0;
  EndReason reason_ = EndReason::terminated;
};

// The end of one direction is passed on and leaves the other open, as TCP has it (RFC 9293 §3.6).
Task<> Tunnel::copy(net::Stream& from, net::Stream& to, std::uint64_t& bytes) {
  std::vector<std::byte> buffer(buffer_bytes);
  for (;;) {
    const net::IoResult got = from.try_read(buffer);
    if (got.status == net::IoStatus::want_read || got.status == net::IoStatus::want_write) {
      co_await from.wait_readable();
      continue;
    }
    if (got.status == net::IoStatus::failed) {
      if (reason_ == EndReason::terminated)
        reason_ = &from == &client_ ? EndReason::client_gone : EndReason::server_gone;
      co_return;
    }
    if (got.status == net::IoStatus::end) break;
    bytes += got.bytes;
    const auto written = co_await to.write_all(std::span(buffer).first(got.bytes));
    if (!written) break;
  }
  to.finish_writing();
  --open_;
  ended_.notify();
  while (open_ > 0)
    co_await ended_.wait();
}

/// A connection at work, as the process reaches it.
class LiveTunnel final : public LiveSession {
 public:
  LiveTunnel(const SessionInfo& info, Tunnel& tunnel) : info_(info), tunnel_(tunnel) {}
  const SessionInfo& info() const noexcept override { return info_; }
  SessionStatus status() const override {
    SessionStatus status;
    status.id = info_.id;
    status.client_port = info_.client.port;
    status.doing = SessionStatus::Doing::active;
    status.from_client = tunnel_.from_client();
    status.to_client = tunnel_.to_client();
    return status;
  }
  void end(const Ending& why, bool gentle) override {
    if (!gentle) tunnel_.end(why.reason);
  }

 private:
  const SessionInfo& info_;
  Tunnel& tunnel_;
};

SessionInfo describe(const Arrival& arrival) {
  SessionInfo info;
  info.id = make_id("ses_");
  info.user = arrival.signed_in_user;
  info.auth_method = arrival.by_tunnel ? "tunnel" : "listener";
  info.credential = arrival.credential;
  info.target = arrival.target;
  info.client = arrival.client;
  return info;
}

}  // namespace

Task<> TcpEngine::serve(net::Stream client, Arrival arrival, Counted /*counted*/) {
  co_await serve_known(client, std::move(arrival));
  co_await client.linger(farewell_limit);
}

Task<> TcpEngine::serve_known(net::Stream& client, Arrival arrival) {
  if (arrival.signed_in_user.empty() || arrival.target.empty()) co_return;
  SessionInfo info = describe(arrival);
  const auto route = host_.route(tcp_engine, info.user, info.target);
  if (!route) co_return;
  const auto seat = host_.admit(info.user, info.target);
  if (!seat) co_return;
  auto trail = host_.open_trail(info);
  if (!trail) co_return;
  const Judged judged = host_.judge_for(info)->judge_connection();
  const auto recorded = (*trail)->decided(judged, {}, tcp_engine, {});
  const auto accepted = co_await host_.accept_audit();
  if (!recorded || !accepted || judged.refused) {
    const EndReason reason = judged.refused ? EndReason::denied : EndReason::audit_failed;
    (*trail)->ended(name_of(reason), 0, 0);
    co_return;
  }
  auto server = co_await upstream::open(client.executor(), route->server);
  if (!server) {
    const Error why = server.error();
    log::warn("tcp", "cannot connect to a target", {{"target", info.target}, {"err", why.message()}});
    (*trail)->ended(name_of(EndReason::server_gone), 0, 0);
    co_return;
  }
  Tunnel tunnel(client, *server);
  {
    LiveTunnel live(info, tunnel);
    host_.list_session(live);
    if (const auto why = host_.why_out(info)) live.end(*why, false);
    co_await tunnel.run();
  }
  (*trail)->ended(name_of(tunnel.reason()), tunnel.from_client(), tunnel.to_client());
  telemetry::Traffic& traffic = host_.counters(info.target).clients;
  traffic.received.add(tunnel.from_client());
  traffic.sent.add(tunnel.to_client());
}

}  // namespace dbgate::session
