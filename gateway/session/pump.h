#pragma once
#include <functional>
#include <memory>
#include <string>

#include "gateway/net/stream.h"
#include "gateway/session/cancel.h"
#include "gateway/session/live_sessions.h"
#include "gateway/session/relay.h"
#include "gateway/upstream/pool.h"
#include "protocol/postgres/read_buffer.h"

namespace dbgate::session {

/// What the pump needs from the world besides its two streams.
struct PumpPorts {
  /// Makes everything announced to the audit trail accepted, if that needs no waiting. False: accept_audit() does it.
  /// Errors: nothing of the batch may be forwarded.
  std::function<Result<bool>()> commit_audit;
  std::function<Task<Result<>>()> accept_audit;
  /// Analyses a large text away from the event loop.
  std::function<Task<std::shared_ptr<const Analysis>>(std::string_view)> analyze;
  /// Has the catalog read, if that is due.
  std::function<void()> read_catalog;
  /// Asks others whether the statement may run.
  std::function<HoldingPtr(const HoldQuestion&, HoldListener)> hold;
  /// Asks models; the answers come all at once.
  std::function<HoldingPtr(const std::vector<ports::RiskQuestion>&, HeardListener)> ask;
  /// The same, while the statements that it is about go on.
  std::function<void(std::vector<LateQuestions>)> ask_afterwards;
  /// Gets a server connection, ready for this session.
  std::function<Task<Result<upstream::LinkPtr>>()> lend;
  /// What sessions of its database listen to, where the server connection is shared.
  std::function<std::shared_ptr<upstream::Channels>()> channels;
  /// Something binds the session to its server connection from here on, which had not before.
  std::function<void(const Pins& reasons)> bound;
  /// Whoever waits in lend() need not wait any longer.
  std::function<void()> stop_lending;
  /// Where what happens at its target is counted; never null.
  telemetry::TargetCounters* counted = nullptr;
  /// A side has broken the protocol: "client" or "upstream".
  std::function<void(std::string_view side)> out_of_step;
};

/// Moves bytes between a client and its server through a Relay: reads what is there, lets the relay handle all of it,
/// writes once. Nothing is read from one side while a write to the other is pending, so a session's memory is its two
/// buffers. What can be done without waiting is done by plain functions; coroutines wait.
class Pump final : public upstream::LinkHolder, public upstream::Subscriber {
 public:
  /// `pool` may take the server connection between transactions; null: it is the session's own.
  Pump(net::Stream& client, Relay& relay, CancelPoint& cancel, PumpPorts ports, upstream::Pool* pool);

  /// Takes a server connection for this session.
  void take(upstream::LinkPtr link);
  /// Null: there is none at hand.
  const upstream::Link* server() const noexcept { return link_.get(); }
  /// Gives it up, if there is one.
  upstream::LinkPtr release();

  /// Goes on counting from there.
  void count_from(std::uint64_t from_client, std::uint64_t to_client) noexcept {
    from_client_ = from_client;
    to_client_ = to_client;
  }
  /// Runs until either side is done, or the session has fallen asleep.
  Task<> run();
  /// Whether it ended because nobody has had anything to do for a while: all there is to know of the session is what
  /// the relay knows, and the client's stream is as it was.
  bool asleep() const noexcept { return asleep_; }
  EndReason reason() const noexcept { return reason_; }
  /// reason(), for the session's record.
  std::string reason_text() const;
  std::uint64_t bytes_from_client() const noexcept { return from_client_; }
  std::uint64_t bytes_to_client() const noexcept { return to_client_; }
  /// Ends the session from outside, on its own thread: the client is told why, work under way is cancelled. A gentle
  /// end waits until the session is outside a transaction.
  void end_session(const Ending& why, bool gentle);
  /// Whether it waits for a server connection, or for its statement to be judged.
  bool waiting() const noexcept { return waiting_; }
  /// … until others agree to its statement.
  bool held() const noexcept { return held_; }
  /// Of the server connection that it has at the moment; 0: none.
  std::int32_t server_pid() const noexcept { return link_ ? link_->connection.pid : 0; }
  /// Gives unused memory back if nothing has come since the last call, and falls asleep if it may.
  void trim();
  /// Tells the client why its session ends, if it can still be told without waiting.
  void tell_client(std::string fatal);

  Handled on_server_bytes() override;
  Task<bool> finish_server_bytes() override;
  void on_server_gone() override;
  void on_link_taken() override;
  void on_notification(const upstream::NotificationPtr& notification) override;
  void on_channels_lost() override;

 private:
  enum class Go : std::uint8_t { on, again, stop };
  enum class Wrote : std::uint8_t { all, part, unaccepted, refused };
  Task<> client_side();
  Wrote forward_now();
  Wrote handle_client();
  void note_overhead();
  Task<Go> forward_rest(Wrote so_far);
  Task<Go> go_on();
  Task<> lend();
  class Suspension;
  Task<> hold();
  Task<> ask();
  Task<> tell_of_hold(const HoldAnswer& asked);
  Task<> listen();
  Task<> tell_notifications();
  void stop_listening(EndReason reason, std::string why);
  void end_of_client();
  Handled after_server_bytes();
  bool write_now(net::Stream& stream, Outgoing& outgoing, bool busy);
  Task<> act_for_limits();
  /// Looks after what may come to be over time by a limit of a policy.
  void watch();
  void on_time();
  Task<Result<>> write_client(Outgoing& outgoing);
  Task<Result<>> write_server(Outgoing& outgoing);
  void end(EndReason reason);
  void close_server();
  void rest();
  bool may_sleep() noexcept;
  void tell_of_pins();
  bool at_boundary() const noexcept { return !relay_.busy() && !relay_.in_transaction(); }
  void end_now();
  void note_answer();
  Task<> next_answer();

  net::Stream& client_;
  Relay& relay_;
  CancelPoint& cancel_;
  PumpPorts ports_;
  upstream::Pool* pool_;
  upstream::LinkPtr link_;
  std::shared_ptr<upstream::Channels> channels_;  // null: it has not listened
  Pins bound_;                                    // that have been told of
  bool resting_ = false;                          // the pool may take the link
  protocol::ReadBuffer from_client_buffer_;
  Relay::Step from_client_step_;  // of the bytes that are being forwarded
  Relay::Step from_server_step_;
  net::Event progress_;        // the server has answered something, and …
  std::uint64_t answers_ = 0;  // … how often, as nobody may have waited
  bool awaited_ = false;       // somebody waits for an answer
  net::Event client_free_;     // nobody writes to the client
  bool client_busy_ = false;
  net::Event server_free_;  // nobody writes to the server
  bool server_busy_ = false;
  std::unique_ptr<net::Alarm> alarm_;  // null: nothing ever had a time
  Relay::Clock::time_point alarm_time_ = UnderLimits::never;
  bool waiting_ = false;
  bool held_ = false;
  std::string held_as_;  // the approval that its statement waits for
  bool ended_ = false;
  bool draining_ = false;  // the client said Terminate while statements were under way
  std::string farewell_;   // non-empty: the session ends at its next boundary, for …
  EndReason farewell_reason_ = EndReason::ended_by_operator;
  EndReason reason_ = EndReason::terminated;
  std::uint64_t from_client_ = 0;
  std::uint64_t trimmed_at_ = UINT64_MAX;  // from_client_ then
  bool drowsy_ = false;                    // falls asleep unless something has come
  bool asleep_ = false;
  std::uint64_t to_client_ = 0;
  Relay::Clock::time_point turn_since_{};  // of one that is timed: when it began
  std::uint64_t turn_decisions_ = 0;       // … and what had been decided by then
};

}  // namespace dbgate::session
