#include "gateway/session/commit_gate.h"
#include "gateway/session/reduced_errors.h"
#include "gateway/session/relay.h"
#include "gateway/session/replies.h"
#include "protocol/postgres/backend_messages.h"
#include "protocol/postgres/frontend_messages.h"

// Transactions whose changes are shown to others before they are committed: what the server answers.
namespace dbgate::session {
namespace {

namespace backend = protocol::backend;

}  // namespace

// Replies to what dbgate has asked by itself. False: it is not one of those.
bool Relay::gate_reply(char type, Bytes message, Bytes body) {
  GateSide& gate = *gate_;
  backend_pass_ = Pass::drop;
  switch (type) {
    case 'E': {
      const auto head = backend::ErrorHead::read(body);
      if (head.severity == "FATAL" || head.severity == "PANIC") {
        backend_pass_ = Pass::forward;
        return false;
      }
      gate.error_code = SqlState::from(head.sqlstate).text();
      gate.error =
          judge_.reduces_errors() ? reduced_error(body, judge_.rewrites()) : std::string(protocol::as_text(message));
      if (std::exchange(gate_commits_, false)) to_client_.say(gate.error);
      failed_ = true;
      while (!expected_.empty() && expected_.front().gate_step && expected_.front().kind != Expected::Kind::sync)
        pop_front(false);
      return true;
    }
    case 'N': {
      // It is in a block after all (BEGIN): that is the client's.
      const auto head = backend::ErrorHead::read(body);
      if (head.sqlstate == "25001") gate.own_block = false;
      return true;
    }
    case 'D': {
      const auto row = backend::DataRow::decode(body);
      if (!row || row->columns.empty()) return true;
      if (const auto column = *row->columns.begin()) gate.take_row(protocol::as_text(*column));
      return true;
    }
    case 'Z': {
      const auto ready = backend::ReadyForQuery::decode(body);
      if (ready) status_ = static_cast<char>(ready->status);
      gate.in_block = status_ != 'I';
      pop_front(true);
      return true;
    }
    case '1':
    case '2':
    case '3':
    case 'C':
      if (type == 'C') gate_commits_ = false;
      pop_front(true);
      return true;
    default:
      backend_pass_ = Pass::forward;
      return false;
  }
}

// The last of a text with a transaction of dbgate's own around it is true once that is committed.
bool Relay::gate_keeps_tag(Bytes message, std::string_view tag) {
  Expected& entry = expected_.front();
  if (entry.gate_ends) {
    if (tag == "COMMIT" && !gate_->last_tag.empty()) to_client_.say(gate_->last_tag);
    gate_->last_tag.clear();
  } else {
    const Run& run = *entry.run;
    if (!run.script || run.statement + 1 < run.script->statements.size()) return false;
    gate_->last_tag = std::string(protocol::as_text(message));
    on_complete(tag);
  }
  backend_pass_ = Pass::drop;
  return true;
}

// It has come to its end on the server, where nothing is committed yet. False: its transaction is over after all.
bool Relay::wrapped_ready(char status) {
  GateSide& gate = *gate_;
  Expected& entry = expected_.front();
  if (status == 'I') {
    gate.give_up_wrapped();
    return false;
  }
  status_ = status;
  copy_in_ = CopyIn::none;
  backend_pass_ = Pass::drop;
  gate.run = std::move(entry.run);
  pop_front(true);
  if (status == 'T') return true;
  static const std::string rollback = protocol::encoded(protocol::frontend::Query{"ROLLBACK"});
  own_words_.say(rollback);
  Expected& ending = expect(Expected::Kind::query);
  ending.gate_ends = true;
  ending.run = std::make_unique<Run>();
  // What the frontend sends next must not overtake it.
  static const auto no_limits = std::make_shared<const policy::LimitSet>();
  ending.under = std::make_unique<UnderLimits>();
  ending.under->limits = no_limits;
  ending.under->held = true;
  ++held_;
  gate.give_up_wrapped();
  return true;
}

}  // namespace dbgate::session
