#pragma once
#include "gateway/session/live_sessions.h"
#include "gateway/session/pump.h"

namespace dbgate::session {

/// A session at work, as the process reaches it.
class AwakeSession final : public LiveSession {
 public:
  AwakeSession(const SessionInfo& info, Pump& pump) : info_(info), pump_(pump) {}
  const SessionInfo& info() const noexcept override { return info_; }
  void end(const Ending& why, bool gentle) override { pump_.end_session(why, gentle); }
  void trim() override { pump_.trim(); }

 private:
  const SessionInfo& info_;
  Pump& pump_;
};

}  // namespace dbgate::session
