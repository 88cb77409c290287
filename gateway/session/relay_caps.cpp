#include <charconv>

#include "gateway/session/relay.h"
#include "gateway/session/replies.h"
#include "gateway/session/row_caps.h"
#include "protocol/postgres/backend_messages.h"
#include "protocol/postgres/frontend_messages.h"

// Statements that may change so many rows and no more: the server's count tells, and what is too much is undone as what
// other limits stop (docs/decisions/0008-what-a-limit-stops-is-undone.md).
namespace dbgate::session {

std::uint64_t rows_of(std::string_view tag) {
  const std::size_t space = tag.rfind(' ');
  if (space == std::string_view::npos) return 0;
  std::uint64_t rows = 0;
  std::from_chars(tag.data() + space + 1, tag.data() + tag.size(), rows);
  return rows;
}

OverLimit too_many_changes(const RowCap& cap) {
  OverLimit over;
  over.rule = cap.rule;
  over.refusal.code = sqlstate::program_limit_exceeded;
  over.refusal.message =
      "statement changes more rows than the limit of " + std::to_string(cap.rows) + " by dbgate policy";
  over.refusal.hint = "It was undone. Change fewer rows at once, by a narrower WHERE.";
  return over;
}

Refusal cannot_be_undone(const char* why) {
  Refusal refusal;
  refusal.message = "permission denied by dbgate policy: the rows that this statement changes are limited";
  refusal.hint = why;
  return refusal;
}

// Whether a query text has to be seen again later; refused if dbgate could not undo it.
bool Relay::caps_stop_query(const Judged& judged, std::string_view text) {
  if (judged.refused || judged.row_caps.empty()) return false;
  const LimitTraits traits = limit_traits(*judged.script);
  if (traits.controls_transactions || traits.copies_in) {
    Judged denied = judged;
    denied.refused = true;
    denied.refusal = cannot_be_undone("Send it in a message of its own, apart from what begins or ends transactions.");
    refuse_simple(record_denial(denied, text, simple_protocol(), {}));
    return true;
  }
  // Whether the frontend is in a transaction is certain only when nothing is under way.
  if (expected_.empty()) return false;
  next_ = Next::wait;
  return true;
}

// Nothing that would make its effect final may follow it before its count is known.
void Relay::cap_rows(Expected& entry, const std::vector<RowCap>& caps) {
  if (caps.empty()) return;
  if (!entry.under) {
    static const auto no_limits = std::make_shared<const policy::LimitSet>();
    entry.under = std::make_unique<UnderLimits>();
    entry.under->limits = no_limits;
  }
  UnderLimits& under = *entry.under;
  under.row_caps = caps;
  ++capped_;
  if (!std::exchange(under.held, true)) ++held_;
  if (entry.kind != Expected::Kind::query || under.guard != Guard::none || status_ != 'I') return;
  under.guard = Guard::opening;
  static const std::string begin = protocol::encoded(protocol::frontend::Query{"BEGIN"});
  to_server_.say(begin);
}

// Returns true if the CommandComplete is done with: the statement has changed too much.
bool Relay::changed_too_much(Expected& entry, Bytes body) {
  UnderLimits& under = *entry.under;
  const bool own_words = under.guard != Guard::none && under.guard != Guard::running;
  if (under.stopped || own_words || !entry.run || entry.run->statement >= under.row_caps.size()) return false;
  const RowCap& cap = under.row_caps[entry.run->statement];
  const auto complete = protocol::backend::CommandComplete::decode(body);
  if (cap.rows == 0 || !complete || rows_of(complete->tag) <= cap.rows) return false;
  const bool last = !entry.run->script || entry.run->statement + 1 >= entry.run->script->statements.size();
  stop(entry, too_many_changes(cap));
  if (last) cancel_due_ = false;  // it is over
  return entry.kind == Expected::Kind::execute ? stopped_reply('C') : true;
}

}  // namespace dbgate::session
