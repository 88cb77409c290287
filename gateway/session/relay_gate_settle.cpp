#include "gateway/base/ids.h"
#include "gateway/session/commit_gate.h"
#include "gateway/session/relay.h"

// Transactions whose changes are shown to others before they are committed: what they have changed, and who agrees.
namespace dbgate::session {
namespace {

using Stage = GateStage;

// In the place of Judge::version(): what it has to know was waited for, once.
constexpr std::uint64_t waited = UINT64_MAX;

std::unique_ptr<HoldAnswer> refused_by(const Refusal& why) {
  auto answer = std::make_unique<HoldAnswer>();
  answer->error = Error(why.code, why.message, why.hint);
  return answer;
}

}  // namespace

// Deferred constraints come first: what their triggers change belongs to it.
void Relay::read_changes() {
  GateSide& gate = *gate_;
  gate.changes = std::make_shared<Changes>();
  say_step("SET CONSTRAINTS ALL IMMEDIATE");
  if (gate.comparison) {
    say_step(Comparison::settings(gate.gate->lock_budget));
    say_step(gate_patience(gate.gate->lock_budget));
    say_step(gate.comparison->facts());
  } else {
    say_step(gate_patience(gate.gate->lock_budget));
    say_step(gate_reading());
  }
  end_steps(Stage::reading);
}

// What was captured is not what the server has counted: something was undone (a savepoint, an error that a function
// caught), or has gone past the triggers. Or nothing was captured from some savepoint on that was rolled back: the gate
// is never opened a second time, as what was changed in between would be taken for what was there before. Comparing
// tells, with what there was before the transaction's first change.
void Relay::compare_after_all() {
  GateSide& gate = *gate_;
  gate.comparison = std::move(gate.reserve);
  gate.changes = std::make_shared<Changes>();
  say_step(Comparison::settings(gate.gate->lock_budget));
  say_step(gate.comparison->facts());
  end_steps(Stage::reading);
}

// False: see the message again. Else what has changed is known, or cannot be.
bool Relay::compare_changes() {
  GateSide& gate = *gate_;
  if (!gate.error_code.empty() || gate.answer) return true;
  Comparison& comparison = *gate.comparison;
  gate.changes->compared = true;
  if (gate.stage == Stage::reading && comparison.changes_something() && comparison.unseen().empty()) {
    hold_ = std::make_unique<HoldSide>();
    hold_->question.budget = gate.gate->lock_budget;
    hold_->question.view = std::make_shared<const OtherView>(
        OtherView{comparison.settings_of_others(), comparison.versions_of_others(), "H1 "});
    gate.stage = Stage::comparing;
    next_ = Next::hold;
    return false;
  }
  if (gate.stage == Stage::comparing) {
    for (const std::string& text : comparison.own_versions())
      say_step(text);
    end_steps(Stage::rereading);
    return false;
  }
  comparison.finish(*gate.changes);
  return true;
}

// What the transaction has changed is agreed to, refused (GateSide::answer), failed at the server (GateSide::error), or
// nothing at all. False: see the message again.
bool Relay::settle_gate(std::string_view protocol) {
  GateSide& gate = *gate_;
  if (!gate_may_speak()) return false;
  idle_due_ = UnderLimits::never;
  if (gate.stage == Stage::idle) {
    read_changes();
    return false;
  }
  const bool closed = gate.undone && !gate.changes->open;
  const bool differs = gate.changes->open && gate.changes->unseen.empty() && gate.changes->differs;
  if (gate.reserve && gate.error_code.empty() && (closed || differs)) {
    compare_after_all();
    return false;
  }
  if (gate.comparison && gate.stage != Stage::asking && !compare_changes()) return false;
  gate.stage = Stage::asking;
  if (!gate.error_code.empty() || gate.answer) return true;
  const Changes& changes = *gate.changes;
  if (!changes.open || !changes.unseen.empty() || changes.too_many || changes.differs) {
    gate.answer = refused_by(unseen_changes(changes));
    return true;
  }
  if (changes.count == 0) return true;
  if (!gate.asked_of) gate.asked_of = gate.gate;
  if (gate.asked == gate.asked_of->holds.size()) judge_gated_again();
  if (next_ == Next::analyze) return false;
  if (gate.answer || gate.asked == gate.asked_of->holds.size()) return true;
  hold_ = std::make_unique<HoldSide>();
  HoldQuestion& question = hold_->question;
  question.hold = gate.asked_of->holds[gate.asked];
  question.changes = gate.changes;
  question.budget = gate.asked_of->lock_budget;
  question.text = gate.texts;
  question.protocol = protocol;
  question.script = gate.script;
  question.verdict = gate.verdict;
  // Of this transaction and no other, were its rows the same.
  question.digest = judge_.digest_of_hold(question.hold, gate.texts, make_id("gate_") + changes.rows);
  next_ = Next::hold;
  return false;
}

// Others have agreed, and that takes its time: what policies say now counts, of what has run as of whom they ask.
void Relay::judge_gated_again() {
  GateSide& gate = *gate_;
  const std::uint64_t version = judge_.version();
  if (gate.judged_by == version) return;
  if (!judge_.ready() && gate.judged_by != waited) {  // the catalog is about to be read
    gate.judged_by = waited;
    text_to_analyze_ = gate.texts;
    next_ = Next::analyze;
    return;
  }
  policy::CommitGatePtr now;
  if (gate.forgets) {
    gate.answer = refused_by(no_longer_allowed({}));
    return;
  }
  for (const GatedText& text : gate.judged) {
    static const BoundValues nothing;
    const Judged judged = judging().judge_bound(*text.analysis, text.bound ? text.bound.get() : &nothing, statements_,
                                                portals_, segment_);
    if (judged.refused || judged.wait) {
      gate.answer = refused_by(no_longer_allowed(judged.refusal));
      return;
    }
    if (judged.verdict && judged.verdict->gate) now = judged.verdict->gate;
  }
  gate.judged_by = version;
  if (!now || same_holds(*now, *gate.asked_of)) return;
  gate.asked_of = now;
  gate.asked = 0;
  gate.agreement = {};
}

void Relay::answer_gate(HoldAnswer answer) {
  GateSide& gate = *gate_;
  if (answer.what == HoldAnswer::What::viewed && gate.comparison) {
    for (const std::string& row : *answer.rows)
      gate.comparison->add_other(row);
    if (!gate.comparison->same_server()) gate.answer = refused_by(elsewhere());
    return;
  }
  if (answer.what != HoldAnswer::What::approved) {
    gate.answer = std::make_unique<HoldAnswer>(std::move(answer));
    return;
  }
  ++gate.asked;
  gate.agreement.approvals += (gate.agreement.approvals.empty() ? "" : ",") + answer.approval;
  gate.agreement.by += (gate.agreement.by.empty() || answer.by.empty() ? "" : ",") + answer.by;
}

}  // namespace dbgate::session
