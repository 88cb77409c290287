#include "gateway/session/pump.h"
#include "gateway/session/replies.h"

// A statement that waits until others agree. Nothing is read from its client meanwhile: what it sends comes behind.
namespace dbgate::session {
namespace {

// How soon it shows that a client has gone, which says nothing when it goes.
constexpr std::chrono::milliseconds look_each{250};

}  // namespace

Task<> Pump::hold() {
  if (link_ && relay_.at_rest()) rest();
  waiting_ = true;
  std::vector<HoldAnswer> answers;
  bool cancelled = false;
  net::Alarm looking(client_.executor(), [this] { progress_.notify(); });
  cancel_.when_idle([this, &cancelled] {
    cancelled = true;
    progress_.notify();
  });
  HoldingPtr holding = ports_.hold(relay_.held(), [this, &answers](HoldAnswer answer) {
    answers.push_back(std::move(answer));
    progress_.notify();
  });
  bool settled = false;
  while (!ended_ && !settled) {
    if (cancelled) answers.push_back({HoldAnswer::What::cancelled, held_as_, {}, {}, {}});
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
    if (settled || ended_) break;
    if (client_.peer_gone()) {
      end(EndReason::client_gone);
      break;
    }
    looking.set(std::chrono::steady_clock::now() + look_each);
    co_await progress_.wait();
  }
  cancel_.when_idle(nullptr);
  held_as_.clear();
  waiting_ = false;
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
