#pragma once
#include "gateway/session/live_sessions.h"
#include "gateway/session/pump.h"

namespace dbgate::session {

/// A session at work, as the process reaches it.
class AwakeSession final : public LiveSession {
 public:
  /// @param statements  that it had been decided on before it slept
  AwakeSession(const SessionInfo& info, Pump& pump, const Relay& relay, const Trail& trail, std::uint64_t statements)
      : info_(info), pump_(pump), relay_(relay), trail_(trail), statements_(statements) {}
  const SessionInfo& info() const noexcept override { return info_; }
  SessionStatus status() const override {
    SessionStatus status;
    status.id = info_.id;
    status.client_port = info_.client.port;
    status.statements = statements_ + trail_.decisions();
    status.from_client = pump_.bytes_from_client();
    status.to_client = pump_.bytes_to_client();
    status.running_since = relay_.running_since();
    status.pins = relay_.pins();
    status.held = pump_.held();
    status.server_pid = pump_.server_pid();
    if (pump_.waiting()) {
      status.doing = SessionStatus::Doing::waiting;
    } else if (relay_.busy()) {
      status.doing = SessionStatus::Doing::active;
    } else if (relay_.in_transaction()) {
      status.doing = SessionStatus::Doing::idle_in_transaction;
    }
    return status;
  }
  void end(const Ending& why, bool gentle) override { pump_.end_session(why, gentle); }
  void trim() override { pump_.trim(); }

 private:
  const SessionInfo& info_;
  Pump& pump_;
  const Relay& relay_;
  const Trail& trail_;
  const std::uint64_t statements_;
};

}  // namespace dbgate::session
