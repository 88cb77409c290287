#include "gateway/session/commit_gate.h"
#include "gateway/session/relay.h"
#include "gateway/session/replies.h"
#include "gateway/session/row_caps.h"
#include "gateway/session/shared_statements.h"
#include "protocol/postgres/frontend_messages.h"

// Statements that are one message: Query and FunctionCall (PostgreSQL docs ch. 55.2.2, 55.2.6).
namespace dbgate::session {
namespace {

namespace frontend = protocol::frontend;

}  // namespace

void Relay::on_query(Bytes message, Bytes body) {
  const auto query = frontend::Query::decode(body);
  if (!query) return fail(sqlstate::protocol_violation, "invalid string in message");
  const std::string_view text = query->query;
  if (gate_ && !go_on_gated()) return;
  if (refuse_by_size(text, {}, true)) return;
  Judged judged;
  if (replication_) judged = judge_.judge_replication(text);
  if (!replication_ && may_recall()) judged = judge_.recall(text, TextForm::query);
  if (!judged.script) {
    const auto analysis = analysis_of(text);
    if (!analysis) return;
    static const BoundValues nothing;  // query texts have no parameters
    judged = judging().judge_bound(*analysis, &nothing, statements_, portals_, segment_);
    if (judged.wait) {
      next_ = Next::wait;
      return;
    }
    if (!replication_) judge_.remember(text, TextForm::query, *analysis, judged);
  }
  if (pool_ && !judged.refused) {
    auto refusal = refusal_of_block(*judged.script);
    if (!refusal) refusal = refusal_of_names(judged);
    if (!refusal) refusal = refusal_of_channels(*judged.script);
    if (next_ != Next::more) return;
    if (refusal) {
      return refuse_simple(record_denial(over_limit(*refusal, judged.script), text, simple_protocol(), {}));
    }
  }
  if ((judged.advice || asking_) && !settle_models(judged)) return;
  if ((needs_agreement(judged) || turned_down(judged)) && !settle_hold(judged, text, simple_protocol(), {})) return;
  if (dirty_ && controlled_in_ == segment_ && rests_on_block(judged)) {
    Judged denied = judged;
    denied.refused = true;
    denied.refusal = cannot_be_undone("Send a Sync after what begins or ends a transaction.");
    return refuse_simple(record_denial(denied, text, simple_protocol(), {}));
  }
  if (is_gated(judged) && !gated_query(judged, text)) return;
  if (caps_stop_query(judged, text)) return;
  LimitTraits traits;
  if (quota_.limits() && !judged.refused) {
    traits = limit_traits(*judged.script);
    if (waits_to_be_guarded(traits)) return;
    if (const auto over = admit(traits, nullptr)) {
      const Judged denied = over_limit(over->refusal, judged.script, over->rule);
      return refuse_simple(record_denial(denied, text, simple_protocol(), {}));
    }
  }
  if (reads_ && answers_query(judged, text, traits)) return;
  auto run = announce(judged, text, simple_protocol(), {});
  if (!run && traits.cost > 0) quota_.leave();
  if (!run) return refuse_simple(not_recorded_);
  if (judged.refused) return refuse_simple(with_request_id(judged.refusal, run->query_id));
  const std::string instead = pool_ ? without_shared_names(*judged.script, text) : std::string();
  note_residue(judged.residue);
  ++segment_;
  queue(*run, judged, {});
  Expected& entry = expect(Expected::Kind::query);
  entry.run = std::move(run);
  entry.sent = judged.sent;
  if (entry.under) put_under_limits(entry, traits);
  cap_rows(entry, judged.row_caps);
  pend_effects(entry, *judged.script, judged.sent, text);
  if (reads_) {
    note_tracks(judged.footprint);
    reads_->record();
  }
  ++segment_;
  dirty_ = false;
  if (pool_ || reads_) entry.run->text = text_to_keep(*judged.script, text);
  if (pool_) drop_unnamed();
  if (unnamed_owed_) forget_unnamed();
  if (judged.sent && !judged.sent->rewritten.empty()) {
    rewritten_ = true;
    to_server_.say(protocol::encoded(frontend::Query{judged.sent->rewritten}));
  } else if (!instead.empty()) {
    to_server_.say(protocol::encoded(frontend::Query{instead}));
  } else {
    to_server_.forward(message);
  }
  if (gate_ && gate_->own_block) wrap_query(expected_.back());
}

// Whether dbgate has to know if it runs in a transaction block of the frontend's. Behind extended queries that begin or
// end one without a Sync, the last ReadyForQuery does not tell.
bool Relay::rests_on_block(const Judged& judged) const {
  if (judged.refused) return false;
  return is_gated(judged) || !judged.row_caps.empty() || (quota_.limits() && guards(limit_traits(*judged.script)));
}

// Table entries that a statement will make or drop on the server when it succeeds.
void Relay::pend_effects(Expected& entry, const sql::Script& script, const std::shared_ptr<const Sent>& sent,
                         std::string_view text, const std::shared_ptr<Meter>& portal,
                         const std::shared_ptr<const BoundValues>& bound) {
  const bool counts = entry.under && entry.under->limits->counts_results();
  if (pool_) pin(script);
  for (const sql::Statement& statement : script.statements) {
    if (sql::may_change_catalog(statement)) touch_catalog(statement, text);
    if (counts) meter(*entry.run, statement, portal);
    switch (statement.kind) {
      case sql::StatementKind::copy_in:
        ++entry.copies_in;
        ++copies_to_come_;
        break;
      case sql::StatementKind::replication:
        entry.replicates = true;
        break;
      case sql::StatementKind::prepare: {
        auto prepared = std::make_shared<Prepared>();
        prepared->script = std::make_shared<sql::Script>(sql::Script{{statement}});
        prepared->sent = sent;
        prepared->definition = text;
        statements_.pend(statement.name, std::move(prepared), segment_);
        break;
      }
      case sql::StatementKind::declare_cursor: {
        auto cursor = std::make_shared<Prepared>();
        cursor->script = std::make_shared<sql::Script>(sql::Script{{statement}});
        cursor->sent = sent;
        cursor->sql_cursor = true;
        cursor->bound = bound;
        if (entry.under) {
          cursor->meter = std::make_shared<Meter>();
          cursor->meter->gathers = gathers_rows(statement);
        }
        portals_.pend(statement.name, std::move(cursor), segment_);
        break;
      }
      case sql::StatementKind::deallocate:
      case sql::StatementKind::discard:
        if (!entry.blocks_names) {
          entry.blocks_names = true;
          statements_.block();
        }
        if (statement.tag == "DISCARD ALL") hold_behind_discard(entry);
        break;
      default:
        break;
    }
  }
}

void Relay::on_function_call(Bytes message) {
  const Judged judged = judge_.judge_function_call();
  LimitTraits traits;
  if (quota_.limits() && !judged.refused) {
    traits = limit_traits(*judged.script);
    traits.returns_rows = true;
    if (const auto over = admit(traits, nullptr)) {
      const Judged denied = over_limit(over->refusal, judged.script, over->rule);
      return refuse_simple(record_denial(denied, {}, "function_call", {}));
    }
  }
  auto run = announce(judged, {}, "function_call", {});
  if (!run && traits.cost > 0) quota_.leave();
  if (!run) return refuse_simple(not_recorded_);
  if (judged.refused) return refuse_simple(with_request_id(judged.refusal, run->query_id));
  note_residue(policy::Residue::stays);
  ++segment_;
  queue(*run, judged, {});
  Expected& entry = expect(Expected::Kind::function_call);
  entry.run = std::move(run);
  if (entry.under) put_under_limits(entry, traits);
  if (entry.under && entry.under->limits->counts_results()) entry.run->meters.push_back(std::make_shared<Meter>());
  if (reads_) reads_->note_anything();
  ++segment_;
  dirty_ = false;
  to_server_.forward(message);
  frontend_pass_ = Pass::forward;
}

void Relay::refuse_simple(const Refusal& refusal) {
  if (gate_ && gate_->own_block) abandon_own_block();
  if (server_untouched()) {
    local_replies_.say(error_response(refusal));
    say_ready();
    return;
  }
  ++segment_;
  expect(Expected::Kind::query).refusal = error_response(refusal);
  ++segment_;
  dirty_ = false;
  if (pool_) drop_unnamed();
  to_server_.say(failing_query());
}

}  // namespace dbgate::session
