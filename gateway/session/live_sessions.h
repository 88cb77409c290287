#pragma once
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/session/end_reason.h"
#include "gateway/session/pins.h"

namespace dbgate::session {

struct SessionInfo;

/// Why a session is ended from outside.
struct Ending {
  std::string message;  ///< for the client
  EndReason reason = EndReason::ended_by_operator;
};

/// What a session is doing.
struct SessionStatus {
  enum class Doing : std::uint8_t {
    idle,
    active,               ///< the server works for it
    idle_in_transaction,  ///< the client may go on with its transaction
    waiting               ///< for a server connection, or for its statement to be judged
  };
  std::string_view id;
  std::uint16_t client_port = 0;
  Doing doing = Doing::idle;
  std::uint64_t statements = 0;  ///< that were decided on
  std::uint64_t from_client = 0;
  std::uint64_t to_client = 0;
  std::optional<std::chrono::steady_clock::time_point> running_since;  ///< of the statement that runs
  Pins pins;                                                           ///< what binds it to its server connection
  std::int32_t server_pid = 0;  ///< of its server connection; 0: it has none at the moment
  bool held = false;            ///< `waiting`: others have yet to agree to its statement
};

/// A session as the process reaches it. On its own thread; leaves its list when it goes.
class LiveSession {
 public:
  LiveSession() = default;
  LiveSession(const LiveSession&) = delete;
  LiveSession& operator=(const LiveSession&) = delete;
  virtual ~LiveSession() { leave_list(); }

  /// Who and where it is. Of a session that sleeps, without its id and the client's port.
  virtual const SessionInfo& info() const noexcept = 0;
  virtual SessionStatus status() const = 0;
  /// Ends it: the client is told why, and what runs is cancelled; a gentle end waits for the end of the transaction.
  virtual void end(const Ending& why, bool gentle) = 0;
  /// Called now and then: gives unused memory back if it has been idle since.
  virtual void trim() {}

 protected:
  void leave_list() noexcept;

 private:
  friend class LiveSessions;
  LiveSession* next_ = nullptr;
  LiveSession** back_ = nullptr;  // what points here; null: in no list
};

/// Sessions of one thread. Keeps nothing but where the first is, so that a session's place costs no allocation.
class LiveSessions {
 public:
  LiveSessions() = default;
  LiveSessions(const LiveSessions&) = delete;
  LiveSessions& operator=(const LiveSessions&) = delete;
  ~LiveSessions() {
    while (first_ != nullptr)
      first_->leave_list();
  }

  void add(LiveSession& session) noexcept;
  /// `act` may not destroy sessions; what it does to them shows later on the same thread.
  template <class Act>
  void for_each(Act&& act) const {
    for (LiveSession* at = first_; at != nullptr; at = at->next_)
      act(*at);
  }

 private:
  LiveSession* first_ = nullptr;
};

}  // namespace dbgate::session
