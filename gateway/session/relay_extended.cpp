#include "gateway/session/relay.h"
#include "gateway/session/replies.h"
#include "protocol/postgres/field_reader.h"

// The frontend's side of extended queries: Parse, Bind, Describe, Close, Execute.
namespace dbgate::session {

using protocol::FieldReader;

void Relay::on_parse(Bytes message, Bytes body) {
  FieldReader reader(body);
  const auto name = reader.string();
  const auto text = reader.string();
  const auto count = reader.uint16();
  if (!name || !text || !count || reader.remaining() != static_cast<std::size_t>(*count) * 4) {
    return fail(sqlstate::protocol_violation, "invalid Parse message");
  }
  const auto analysis = analysis_of(*text);
  if (!analysis) return;
  const Judged judged = judge_.judge(*analysis, statements_, portals_, segment_);
  if (judged.wait) {
    next_ = Next::wait;
    return;
  }
  if (judged.refused) {
    // A refused text is never executed, so this is the only record of it.
    const auto recorded = trail_.decided(judged, *text, "extended", *name);
    return refuse_extended(recorded ? with_request_id(judged.refusal, *recorded) : audit_refusal(), name->empty());
  }
  if (statements_.size() >= limits_.prepared_statements && !name->empty()) {
    Refusal refusal;
    refusal.code = sqlstate::configuration_limit_exceeded;
    refusal.message = "too many prepared statements in this session";
    refusal.hint = "The limit is " + std::to_string(limits_.prepared_statements) + "; close statements that are done.";
    return refuse_extended(refusal, false);
  }
  auto prepared = std::make_shared<Prepared>();
  prepared->text = *text;
  prepared->script = judged.script;
  prepared->verdict = judged.verdict;
  prepared->judged_by = judged.judged_by;
  Expected& entry = expect(Expected::Kind::parse);
  entry.name = *name;
  entry.pended = true;
  statements_.pend(*name, std::move(prepared), segment_);
  dirty_ = true;
  to_server_.forward(message);
}

bool Relay::on_bind(Bytes message, Bytes body, bool partial) {
  FieldReader reader(body);
  const auto portal = reader.string();
  const auto name = portal ? reader.string() : portal;
  if (!name) {
    // Both names stand at the front; a message that holds neither in its first kilobytes is refused, not awaited.
    if (!partial || body.size() >= max_small_message) {
      fail(sqlstate::protocol_violation, "invalid Bind message");
    }
    return false;
  }
  auto found = statements_.find(*name, segment_);
  if (found.state == Names::State::wait) {
    next_ = Next::wait;
    return false;
  }
  if (found.state == Names::State::absent) {
    refuse_extended(unknown_statement(*name), false);
    return true;
  }
  if (portals_.size() >= limits_.portals && !portal->empty()) {
    Refusal refusal;
    refusal.code = sqlstate::configuration_limit_exceeded;
    refusal.message = "too many portals in this session";
    refuse_extended(refusal, false);
    return true;
  }
  Expected& entry = expect(Expected::Kind::bind);
  entry.name = *portal;
  entry.names_portal = true;
  entry.pended = true;
  portals_.pend(*portal, std::move(found.definition), segment_);
  dirty_ = true;
  to_server_.forward(message);
  frontend_pass_ = Pass::forward;
  return true;
}

void Relay::on_describe_or_close(char type, Bytes message, Bytes body) {
  FieldReader reader(body);
  const auto what = reader.uint8();
  const auto name = reader.string();
  if (!what || !name || reader.remaining() != 0 || (*what != 'S' && *what != 'P')) {
    return fail(sqlstate::protocol_violation, type == 'D' ? "invalid Describe message" : "invalid Close message");
  }
  const bool portal = *what == 'P';
  if (type == 'C') {
    Expected& entry = expect(Expected::Kind::close);
    entry.name = *name;
    entry.names_portal = portal;
    entry.pended = true;
    (portal ? portals_ : statements_).pend(*name, nullptr, segment_);
  } else {
    if (!portal) {
      const auto found = statements_.find(*name, segment_);
      if (found.state == Names::State::wait) {
        next_ = Next::wait;
        return;
      }
      if (found.state == Names::State::absent) return refuse_extended(unknown_statement(*name), false);
    }
    expect(portal ? Expected::Kind::describe_portal : Expected::Kind::describe_statement);
  }
  dirty_ = true;
  to_server_.forward(message);
}

void Relay::on_execute(Bytes message, Bytes body) {
  FieldReader reader(body);
  const auto portal = reader.string();
  const auto max_rows = reader.int32();
  if (!portal || !max_rows || reader.remaining() != 0) {
    return fail(sqlstate::protocol_violation, "invalid Execute message");
  }
  const auto found = portals_.find(*portal, segment_);
  if (found.state == Names::State::wait) {
    next_ = Next::wait;
    return;
  }
  if (found.state == Names::State::absent) {
    Refusal refusal;
    refusal.code = protocol::SqlState("34000");
    refusal.message = "portal \"" + std::string(*portal) + "\" does not exist";
    return refuse_extended(refusal, false);
  }
  const Prepared& prepared = *found.definition;
  Judged judged;
  judged.script = prepared.script;
  judged.verdict = prepared.verdict;
  judged.judged_by = prepared.judged_by;
  // Judged at Parse, run here: policy, groups or grants may have changed in between.
  if (prepared.judged_by != judge_.version() || names_others(*prepared.script)) {
    Analysis analysis;
    analysis.script = prepared.script;
    judged = judge_.judge(analysis, statements_, portals_, segment_);
    if (judged.wait) {
      next_ = Next::wait;
      return;
    }
  }
  auto run = announce(judged, prepared.text, prepared.sql_cursor ? "cursor" : "extended", *portal);
  if (!run) return refuse_extended(audit_refusal(), false);
  if (judged.refused) return refuse_extended(with_request_id(judged.refusal, run->query_id), false);
  Expected& entry = expect(Expected::Kind::execute);
  entry.run = std::move(run);
  pend_effects(entry, *prepared.script);
  dirty_ = true;
  to_server_.forward(message);
}

void Relay::refuse_extended(const Refusal& refusal, bool unnamed_parse) {
  skipping_ = true;
  skip_is_local_ = server_untouched();
  if (skip_is_local_) {
    // The server would drop the unnamed statement before it looks at the new text (PostgreSQL docs ch. 55.2.3).
    if (unnamed_parse) statements_.forget({});
    local_replies_.say(error_response(refusal));
    return;
  }
  expect(Expected::Kind::parse).refusal = error_response(refusal);
  dirty_ = true;
  to_server_.say(failing_parse(unnamed_parse));
}

}  // namespace dbgate::session
