#include "gateway/session/pump.h"
#include "gateway/session/replies.h"

// Statements that wait until others agree, or for what models say of them. Nothing is read from their client meanwhile:
// what it sends comes behind.
namespace dbgate::session {
namespace {

// How soon it shows that a client has gone, which says nothing when it goes.
constexpr std::chrono::milliseconds look_each{250};

}  // namespace

/// For as long as the statement at hand waits for somebody.
class Pump::Suspension {
 public:
  explicit Suspension(Pump& pump)
      : pump_(pump), looking_(pump.client_.executor(), [&pump] { pump.progress_.notify(); }) {
    if (pump_.link_ && pump_.relay_.at_rest()) pump_.rest();
    pump_.waiting_ = true;
    pump_.cancel_.when_idle([this] {
      cancelled_ = true;
      pump_.progress_.notify();
    });
  }
  Suspension(const Suspension&) = delete;
  Suspension& operator=(const Suspension&) = delete;
  ~Suspension() {
    pump_.cancel_.when_idle(nullptr);
    pump_.waiting_ = pump_.held_ = false;
  }

  bool cancelled() const noexcept { return cancelled_; }
  /// Until something may have come, or the client has gone, which ends the session.
  Task<> wait() {
    if (pump_.client_.peer_gone()) {
      pump_.end(EndReason::client_gone);
      co_return;
    }
    looking_.set(std::chrono::steady_clock::now() + look_each);
    co_await pump_.progress_.wait();
  }

 private:
  Pump& pump_;
  bool cancelled_ = false;
  net::Alarm looking_;
};

Task<> Pump::hold() {
  Suspension suspension(*this);
  held_ = true;
  std::vector<HoldAnswer> answers;
  HoldingPtr holding = ports_.hold(relay_.held(), [this, &answers](HoldAnswer answer) {
    answers.push_back(std::move(answer));
    progress_.notify();
  });
  bool settled = false;
  while (!ended_ && !settled) {
    if (suspension.cancelled()) answers.push_back({HoldAnswer::What::cancelled, held_as_, {}, {}, {}});
    for (std::size_t i = 0; i < answers.size() && !settled && !ended_; ++i) {
      const HoldAnswer answer = answers[i];
      settled = answer.what != HoldAnswer::What::asked;
      if (settled) {
        relay_.answer_hold(answer);
      } else {
        held_as_ = answer.approval;
        co_await tell_of_hold(answer);
      }
    }
    answers.clear();
    if (!settled && !ended_) co_await suspension.wait();
  }
  held_as_.clear();
}

// Says nothing to the client: it is a matter of seconds.
Task<> Pump::ask() {
  Suspension suspension(*this);
  bool answered = false;
  const HoldingPtr asking = ports_.ask(relay_.questions(), [this, &answered](Heard heard) {
    answered = true;
    relay_.answer_questions(std::move(heard));
    progress_.notify();
  });
  while (!ended_ && !answered && !suspension.cancelled())
    co_await suspension.wait();
  if (suspension.cancelled() && !answered) relay_.give_up_questions();
}

// Between two messages of the server, whatever it may have to say meanwhile.
Task<> Pump::tell_of_hold(const HoldAnswer& asked) {
  while (relay_.in_message_to_client() && !ended_)
    co_await next_answer();
  if (ended_) co_return;
  Outgoing notice;
  notice.say(hold_notice(asked));
  const auto written = co_await write_client(notice);
  if (!written) end(EndReason::client_gone);
}

}  // namespace dbgate::session
