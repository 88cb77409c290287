#include <algorithm>

#include "gateway/session/commit_gate.h"
#include "gateway/session/relay.h"
#include "gateway/session/replies.h"
#include "gateway/sql/signs.h"
#include "protocol/postgres/frontend_messages.h"

// Statements that wait until others agree. They are handled again, from the same bytes, whenever an answer has come:
// what policies say at that moment counts, and an answer only for exactly what it was given to.
namespace dbgate::session {
namespace {

constexpr std::size_t max_held_bind = 1u << 20;

Refusal not_bound() {
  Refusal refusal = changed_result();
  refusal.hint = "dbgate's policy now holds this statement for approval: prepare it again.";
  return refusal;
}

Refusal row_of_a_cursor() {
  Refusal refusal;
  refusal.message =
      "permission denied by dbgate policy: this statement needs approval, and which row a cursor stands "
      "on cannot be shown to those who approve it";
  refusal.hint = "Name the row by its key instead of WHERE CURRENT OF.";
  return refusal;
}

bool stands_on_a_cursor(const sql::Statement& statement) {
  if (statement.inner && stands_on_a_cursor(*statement.inner)) return true;
  return statement.signs != nullptr &&
         std::any_of(statement.signs->changes.begin(), statement.signs->changes.end(),
                     [](const sql::Change& change) { return change.where == sql::Where::cursor; });
}

bool stands_on_a_cursor(const sql::Script& script) {
  return std::any_of(script.statements.begin(), script.statements.end(),
                     [](const sql::Statement& statement) { return stands_on_a_cursor(statement); });
}

Refusal too_large_to_hold() {
  Refusal refusal;
  refusal.code = sqlstate::program_limit_exceeded;
  refusal.message = "Bind message is too large for a statement that needs approval";
  refusal.hint = "Send at most " + std::to_string(max_held_bind) + " bytes of parameters at once.";
  return refusal;
}

}  // namespace

// Returns false if the message has to be seen again, when others have answered or the server has. Else `judged` may
// run, or is refused.
bool Relay::settle_hold(Judged& judged, std::string_view text, std::string_view protocol, std::string_view values) {
  // What comes before it may fail, and take it along: nobody is asked in vain. Nor is the client told in between.
  if (!hold_) hold_ = std::make_unique<HoldSide>();
  if (!expected_.empty() || doubtful_syncs_ > 0) {
    next_ = Next::wait;
    return false;
  }
  if (status_ == 'E') {
    refuse(judged, aborted_transaction());
    return true;
  }
  if (hold_->answer) {
    judged.agreement = std::make_shared<Agreement>(Agreement{hold_->answer->approval, hold_->answer->by});
    refuse(judged, hold_refusal(*hold_->answer));
    return true;
  }
  std::string defined;
  bool by_cursor = stands_on_a_cursor(*judged.script);
  std::string meanings = judging().meaning_of_names(*judged.script);
  if (!append_definitions(*judged.script, defined, meanings, by_cursor) || text.empty()) {
    refuse(judged, not_bound());
    return true;
  }
  if (by_cursor) {
    refuse(judged, row_of_a_cursor());
    return true;
  }
  const std::string with =
      std::string(values).append(defined).append(meaning_.state()).append(meanings).append(moved_by_);
  for (const policy::Hold& hold : judged.verdict->holds) {
    std::string digest = judge_.digest_of_hold(hold, text, with);
    if (std::find(hold_->agreed.begin(), hold_->agreed.end(), digest) != hold_->agreed.end()) continue;
    hold_->question = {hold,
                       std::move(digest),
                       std::string(text),
                       std::move(defined),
                       std::string(judged.parameters),
                       protocol,
                       judged.script,
                       judged.verdict,
                       locks_.refuses_holds(),
                       !meaning_.state().empty(),
                       nullptr,
                       {},
                       nullptr};
    idle_due_ = UnderLimits::never;
    next_ = Next::hold;
    return false;
  }
  judged.agreement = hold_->agreement;
  judged.record = nullptr;
  return true;
}

// What EXECUTE runs stands elsewhere: whoever agrees agrees to that. `by_cursor` becomes true if a part of it is for
// the row that a cursor stands on. False: it is not known.
bool Relay::append_definitions(const sql::Script& script, std::string& defined, std::string& meanings,
                               bool& by_cursor) const {
  for (const sql::Statement& statement : script.statements) {
    const sql::Statement* naming = &statement;  // EXPLAIN and CREATE TABLE AS hold an EXECUTE
    while (naming != nullptr && naming->kind != sql::StatementKind::execute)
      naming = naming->inner.get();
    if (naming == nullptr) continue;
    const auto named = statements_.find(naming->name, segment_);
    if (named.state != Names::State::found) continue;  // defined in this very text, or the server knows none
    const Prepared& definition = *named.definition;
    const std::string& text = definition.text.empty() ? definition.definition : definition.text;
    if (text.empty()) return false;
    defined += std::to_string(text.size()) + ":" + text;
    if (definition.script) meanings += judge_.meaning_of_names(*definition.script);
    for (const std::uint32_t type : definition.parameter_types)
      meanings += std::to_string(type) + ";";
    by_cursor = by_cursor || (definition.script && stands_on_a_cursor(*definition.script));
  }
  return true;
}

void Relay::answer_hold(HoldAnswer answer) {
  if (!hold_) return;
  const GateStage stage = gate_ ? gate_->stage : GateStage::idle;
  if (stage == GateStage::asking || stage == GateStage::comparing) return answer_gate(std::move(answer));
  if (answer.what != HoldAnswer::What::approved) {
    hold_->answer = std::make_unique<HoldAnswer>(std::move(answer));
    return;
  }
  hold_->agreed.push_back(hold_->question.digest);
  if (!hold_->agreement) hold_->agreement = std::make_shared<Agreement>();
  Agreement& all = *hold_->agreement;
  all.approvals += (all.approvals.empty() ? "" : ",") + answer.approval;
  all.by += (all.by.empty() || answer.by.empty() ? "" : ",") + answer.by;
}

// The values that others agree to are those of this message. `prepared` becomes the portal that knows them.
// @param held  that others have to agree is certain
Relay::BindStep Relay::note_held_values(PreparedPtr& prepared, std::string_view portal, std::string_view values,
                                        std::size_t announced, bool partial, bool held) {
  if (announced > max_held_bind && !held) return BindStep::go_on;
  if (announced > max_held_bind) {
    Judged denied = over_limit(too_large_to_hold(), prepared->script);
    refuse_extended(record_denial(denied, prepared->text, "extended", portal), false);
    return BindStep::refused;
  }
  if (partial) {
    whole_bind_ = true;
    return BindStep::again;
  }
  auto made = std::make_shared<Prepared>(*prepared);
  made->held_values =
      std::make_shared<HeldValues>(HeldValues{digest_of_values(prepared->parameter_types, values), nullptr});
  prepared = std::move(made);
  return BindStep::go_on;
}

// The same for a portal. What was agreed to runs to its end, in however many pieces.
bool Relay::settle_portal(Judged& judged, const Prepared& portal) {
  const bool runs = portal.sql_cursor || (portal.held_values && portal.held_values->agreement);
  if (runs) {
    if (portal.held_values) judged.agreement = portal.held_values->agreement;
    auto verdict = std::make_shared<policy::Verdict>(*judged.verdict);
    verdict->let_go();
    judged.verdict = std::move(verdict);
    judged.record = nullptr;
    return true;
  }
  if (!portal.held_values) {
    refuse(judged, not_bound());
    return true;
  }
  const std::string& text = portal.text.empty() ? portal.definition : portal.text;
  if (!settle_hold(judged, text, "extended", portal.held_values->digest)) return false;
  if (!judged.refused) portal.held_values->agreement = judged.agreement;
  return true;
}

}  // namespace dbgate::session
