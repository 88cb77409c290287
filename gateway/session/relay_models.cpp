#include <algorithm>

#include "gateway/session/relay.h"
#include "gateway/session/replies.h"

// Statements that rules are unsure of, and what models say of them (docs/models.md). Whoever waits for an answer is
// handled again, from the same bytes, when it has come: what policies say at that moment counts.
namespace dbgate::session {
namespace {

// What is under way need not be asked again by everybody who sends the same meanwhile.
constexpr std::chrono::seconds asked_each{5};

Refusal cancelled_by_client() {
  Refusal refusal;
  refusal.code = sqlstate::query_canceled;
  refusal.message = "canceling statement due to user request";
  return refusal;
}

}  // namespace

// Returns false if the message has to be seen again, when models have answered. Else `judged` is as they leave it.
bool Relay::settle_models(Judged& judged) {
  if (judged.refused) return true;
  if (asking_ && asking_->cancelled) {
    refuse(judged, cancelled_by_client());
    return true;
  }
  if (!judged.advice || judge_.advise(judged, asking_ ? asking_->heard.get() : nullptr)) return true;
  if (!asking_) {
    asking_ = std::make_unique<AskSide>();
    for (const Doubt& doubt : judged.advice->doubts) {
      if (!doubt.question.brief.empty()) asking_->questions.push_back(doubt.question);
    }
  }
  idle_due_ = UnderLimits::never;
  next_ = Next::ask;
  return false;
}

// Where Execute judges anew, it asks as well.
bool Relay::is_left_to_execute(const Prepared& prepared) const {
  return prepared.advice && !prepared.advised &&
         (prepared.judged_by != judge_.version() || names_others(*prepared.script));
}

// What a portal runs is asked about when it is bound, so that it is known by then whether others have to agree to its
// values.
Relay::BindStep Relay::advise_bound(PreparedPtr& prepared, std::string_view portal) {
  const bool cancelled = asking_ && asking_->cancelled;
  if (is_left_to_execute(*prepared) && !cancelled) return BindStep::go_on;
  Judged judged;
  judged.script = prepared->script;
  judged.verdict = prepared->verdict;
  judged.judged_by = prepared->judged_by;
  judged.record = prepared->record;
  judged.advice = prepared->advice;
  const auto taken = bind_records_.latest();
  judged.parameters = parameters_in(taken);
  if (!settle_models(judged)) return BindStep::again;
  if (judged.refused) {
    refuse_extended(record_denial(judged, prepared->text, "extended", portal), false);
    return BindStep::refused;
  }
  // What others need not agree to, and may be used again, stands with the statement.
  const bool lasts = judged.advice->verdict == judged.verdict;
  if (lasts && !waits_for_others(judged.verdict.get())) return BindStep::go_on;
  auto made = std::make_shared<Prepared>(*prepared);
  made->verdict = judged.verdict;
  made->record = judged.record;
  made->advised = true;
  prepared = std::move(made);
  return BindStep::go_on;
}

void Relay::answer_questions(Heard heard) {
  if (asking_) asking_->heard = std::make_unique<Heard>(std::move(heard));
}

void Relay::give_up_questions() {
  if (asking_) asking_->cancelled = true;
}

void Relay::ask_afterwards(Advice& advice, const Id& query_id) {
  const auto now = Clock::now();
  if (now < advice.until || now < advice.asked_until) return;
  advice.asked_until = now + asked_each;
  late_.push_back({advice.doubts, query_id});
}

}  // namespace dbgate::session
