#include <algorithm>

#include "gateway/base/ids.h"
#include "gateway/session/commit_gate.h"
#include "gateway/session/relay.h"
#include "gateway/session/replies.h"
#include "protocol/postgres/frontend_messages.h"

// Transactions whose changes are shown to others before they are committed (docs/commit-gate.md): what the frontend
// sends. Whatever has to wait is handled again from the same bytes; GateSide says how far it has come.
namespace dbgate::session {
namespace {

namespace frontend = protocol::frontend;
using Stage = GateStage;

bool is_control(const sql::Statement& statement) {
  using enum sql::StatementKind;
  constexpr sql::StatementKind all[] = {begin, commit, rollback, savepoint, release, rollback_to};
  return std::find(std::begin(all), std::end(all), statement.kind) != std::end(all);
}

bool is_commit(const sql::Statement& statement) {
  return statement.kind == sql::StatementKind::commit;
}

bool copies_in(const sql::Script& script) {
  return std::any_of(script.statements.begin(), script.statements.end(),
                     [](const sql::Statement& one) { return one.kind == sql::StatementKind::copy_in; });
}

GateSide& gate_for(std::unique_ptr<GateSide>& gate, bool in_block, const policy::Verdict& verdict) {
  if (!gate) {
    gate = std::make_unique<GateSide>();
    gate->in_block = in_block;
  }
  if (verdict.gate) gate->gate = verdict.gate;
  return *gate;
}

}  // namespace

// Everything dbgate sends by itself has to find the server at rest: nothing else is under way, and its replies are the
// next ones. False: wait.
bool Relay::gate_may_speak() {
  if (expected_.empty() && doubtful_syncs_ == 0 && copy_in_ == CopyIn::none) return true;
  next_ = Next::wait;
  return false;
}

void Relay::say_step(std::string_view text) {
  std::string messages;
  append_own_statement(text, messages);
  to_server_.say(messages);
  using enum Expected::Kind;
  for (const Expected::Kind kind : {parse, bind, execute, close, close}) {
    Expected& entry = expect(kind);
    entry.gate_step = true;
    entry.under = nullptr;
  }
}

void Relay::end_steps(GateStage stage) {
  static const std::string sync = protocol::encoded(frontend::Sync{});
  to_server_.say(sync);
  Expected& entry = expect(Expected::Kind::sync);
  entry.gate_step = true;
  entry.under = nullptr;
  gate_->stage = stage;
  gate_->error.clear();
  gate_->error_code.clear();
  flushed_ = owed_;
  next_ = Next::wait;
}

// From now on the server keeps what is changed. False: see the message again. Else it may run, or `judged` is refused.
bool Relay::open_gate(Judged& judged, std::string_view text, const std::shared_ptr<const BoundValues>& bound) {
  GateSide& gate = *gate_;
  if (!gate.open) {
    if (!gate_may_speak()) return false;
    if (gate.stage != Stage::opening) {
      if (!gate.in_block) {
        gate.own_block = true;
        say_step("BEGIN");
      }
      gate.comparison = gate.reserve = nullptr;
      (judged.verdict->gate_compares ? gate.comparison : gate.reserve) = std::make_shared<Comparison>();
      if (!gate.comparison) say_step(gate_opening());
      say_step(Comparison::opening());
      end_steps(Stage::opening);
      return false;
    }
    gate.stage = Stage::idle;
    if (!gate.error_code.empty() || status_ != 'T') {
      refuse(judged, gate_closed(gate.error_code, gate.comparison != nullptr));
      if (gate.own_block) abandon_own_block();
      return true;
    }
    gate.open = true;
  }
  gate.note(judged, text, bound);
  return true;
}

void Relay::abandon_own_block() {
  say_step("ROLLBACK");
  end_steps(Stage::idle);
  next_ = Next::more;
  gate_->forget_transaction();
  gate_->in_block = false;
}

// What the client is told instead of COMMIT's success; empty: it may be committed.
std::string Relay::gate_error() {
  GateSide& gate = *gate_;
  if (!gate.error_code.empty()) return gate.error;
  return gate.answer ? error_response(hold_refusal(*gate.answer)) : std::string();
}

// COMMIT of a transaction that has failed rolls back, as ever. Whether it has is the server's to say: what the client
// has been told last may be older than a ROLLBACK TO of the same pipeline.
bool Relay::gate_found_failed() {
  GateSide& gate = *gate_;
  if (status_ != 'E' || !is_aborted(gate.error_code)) return false;
  gate.error.clear();
  gate.error_code.clear();
  gate.stage = Stage::idle;
  return true;
}

// The same of a statement that ends the transaction. False: it is not to be sent, and `error` is the client's.
bool Relay::gate_lets_commit(Judged& judged, std::string_view text, std::string_view protocol, std::string_view name,
                             std::string& error) {
  GateSide& gate = *gate_;
  error = gate_error();
  if (!gate.agreement.approvals.empty()) judged.agreement = std::make_shared<Agreement>(gate.agreement);
  if (gate.answer) {
    if (!gate.answer->approval.empty()) {
      judged.agreement = std::make_shared<Agreement>(Agreement{gate.answer->approval, gate.answer->by});
    }
    refuse(judged, hold_refusal(*gate.answer));
    error = error_response(record_denial(judged, text, protocol, name));
  } else if (!error.empty()) {
    if (auto run = announce(judged, text, protocol, name)) finish_run(*run, gate.error_code);
  }
  gate.stage = Stage::idle;
  if (error.empty()) judged.record = nullptr;
  return error.empty();
}

// A Query after what dbgate has begun by itself: the same one, whose text has run, or another that comes without a Sync
// before it. False: it is dealt with, or has to be seen again.
bool Relay::go_on_gated() {
  if (gate_->keeps_message) {
    finish_wrapped();
    return false;
  }
  if (!gate_->own_block || !dirty_) return true;
  if (!end_own_block()) return false;
  end_steps(Stage::idle);
  dirty_ = false;
  return false;  // it comes again when that is answered
}

// A Query of a principal whose changes are shown. True: it goes its way, refused or not. False: it is dealt with, or
// has to be seen again.
bool Relay::gated_query(Judged& judged, std::string_view text) {
  GateSide& gate = gate_for(gate_, status_ != 'I', *judged.verdict);
  const auto& statements = judged.script->statements;
  const bool ends = std::any_of(statements.begin(), statements.end(), is_commit);
  const bool controls = std::any_of(statements.begin(), statements.end(), is_control);
  const bool opens = judged.verdict->gate && judged.verdict->gate_opens;
  if (!opens && !(ends && (gate.open || !expected_.empty()))) return true;
  if (!gate_may_speak()) return false;
  if (ends && !gate.open && !opens) return true;
  if ((opens && controls) || (ends && statements.size() > 1) || (copies_in(*judged.script) && statements.size() > 1)) {
    refuse(judged, apart_from_control());
    return true;
  }
  if (opens) {
    const bool opened = open_gate(judged, text, nullptr);
    // Extended queries before it without a Sync are in the same transaction, and dbgate's own Sync has ended them.
    if (gate.stage == Stage::opening) dirty_ = false;
    return opened;
  }
  if (!settle_gate(simple_protocol())) return false;
  std::string error;
  if (gate_found_failed() || gate_lets_commit(judged, text, simple_protocol(), {}, error)) return true;
  local_replies_.say(error);
  end_by_query("ROLLBACK");
  return false;
}

// Ends the transaction; the client has its ReadyForQuery from that.
void Relay::end_by_query(std::string_view text) {
  GateSide& gate = *gate_;
  to_server_.say(protocol::encoded(frontend::Query{text}));
  ++segment_;
  Expected& entry = expect(Expected::Kind::query);
  entry.gate_ends = true;
  entry.under = nullptr;
  entry.run = gate.run ? std::move(gate.run) : std::make_unique<Run>();
  ++segment_;
  dirty_ = false;
  gate.stage = Stage::idle;
  gate.forget_transaction();
}

// The text has run in a transaction of dbgate's own: it is shown, and committed or rolled back. False: see the message
// again.
bool Relay::finish_wrapped() {
  GateSide& gate = *gate_;
  const bool over = gate.stage == Stage::over;
  if (!over && !settle_gate(simple_protocol())) return false;
  gate.wraps = gate.keeps_message = false;
  gate.stage = Stage::idle;
  if (over) return true;
  const std::string error = gate_error();
  if (error.empty()) {
    end_by_query("COMMIT");
    return true;
  }
  const Refusal refusal = gate.answer ? hold_refusal(*gate.answer) : Refusal();
  if (gate.run) finish_run(*gate.run, gate.answer ? refusal.code.text() : std::string_view(gate.error_code));
  gate.last_tag.clear();
  gate.run = nullptr;
  local_replies_.say(error);
  end_by_query("ROLLBACK");
  return true;
}

// The same for Execute.
bool Relay::gated_execute(Judged& judged, const Prepared& prepared, std::string_view portal) {
  const std::string_view text = prepared.text;
  GateSide& gate = gate_for(gate_, status_ != 'I', *judged.verdict);
  const auto& statements = judged.script->statements;
  const bool opens = judged.verdict->gate && judged.verdict->gate_opens;
  const bool ends = std::any_of(statements.begin(), statements.end(), is_commit);
  if (opens) {
    if (!gate_may_speak()) return false;
    if (!gate.in_block && copies_in(*judged.script)) {
      refuse(judged, copy_needs_block());
      return true;
    }
    return open_gate(judged, text, prepared.bound);
  }
  if (!ends || (!gate.open && expected_.empty())) return true;
  if (!gate_may_speak()) return false;
  if (!gate.open) return true;
  if (!settle_gate("extended")) return false;
  std::string error;
  if (gate_found_failed() || gate_lets_commit(judged, text, "extended", portal, error)) return true;
  local_replies_.say(error);
  say_step("ROLLBACK");
  gate.forget_transaction();
  gate.in_block = false;
  skipping_ = true;
  skip_is_local_ = false;
  return false;
}

// Sync, or a Query that comes without one, ends what dbgate has begun around extended queries. False: see the message
// again.
bool Relay::end_own_block() {
  GateSide& gate = *gate_;
  if (!gate_may_speak()) return false;
  if (skipping_) {
    // The server reads nothing before a Sync.
    end_steps(Stage::idle);
    next_ = Next::more;
    say_step("ROLLBACK");
  } else {
    if (!settle_gate("extended")) return false;
    const std::string error = gate_error();
    if (!error.empty()) local_replies_.say(error);
    gate.stage = Stage::idle;
    if (error.empty()) gate_commits_ = true;
    say_step(error.empty() ? "COMMIT" : "ROLLBACK");
  }
  gate.forget_transaction();
  gate.in_block = false;
  return true;
}

// The text that follows runs in a transaction of dbgate's own: the message waits until that has ended. Copy data comes
// behind it, and waits in its place.
void Relay::wrap_query(Expected& entry) {
  GateSide& gate = *gate_;
  entry.wrapped = gate.wraps = true;
  gate.keeps_message = !copies_in(*entry.run->script);
  if (gate.keeps_message) next_ = Next::wait;
}

// Copy data of a text that has a transaction of dbgate's own around it ends here. False: see the message again.
bool Relay::end_wrapped_copy(Bytes message) {
  GateSide& gate = *gate_;
  if (!gate.keeps_message) {
    if (copy_in_ == CopyIn::none) return true;  // it has failed, and the server drops this
    gate.keeps_message = true;
    to_server_.forward(message);
    copy_in_ = CopyIn::none;
    next_ = Next::wait;
    return false;
  }
  return finish_wrapped();
}

}  // namespace dbgate::session
