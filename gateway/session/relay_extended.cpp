#include "gateway/session/relay.h"
#include "gateway/session/replies.h"
#include "gateway/session/row_caps.h"
#include "gateway/session/shared_statements.h"
#include "gateway/session/user_types.h"
#include "protocol/postgres/field_reader.h"
#include "protocol/postgres/frame.h"
#include "protocol/postgres/frontend_messages.h"

// The frontend's side of extended queries: Parse, Bind, Describe, Close, Execute.
namespace dbgate::session {

using protocol::FieldReader;
namespace frontend = protocol::frontend;

void Relay::on_parse(Bytes message, Bytes body) {
  const auto parse = frontend::Parse::decode(body);
  if (!parse) return fail(sqlstate::protocol_violation, "invalid Parse message");
  const auto& [name, text, types] = *parse;
  if (refuse_by_size(text, name, false)) return;
  const std::vector<std::uint32_t> type_oids(types.begin(), types.end());
  const bool user_types = has_user_types(type_oids);
  Judged judged;
  const bool types_count = user_types || (has_odd_types(type_oids) && judge_.hides());
  if (!types_count && may_recall()) judged = judge_.recall(text, TextForm::parse);
  if (!judged.script) {
    auto analysis = analysis_of(text);
    if (!analysis) return;
    if (types_count) analysis = with_declared_types(std::move(analysis), type_oids);
    judged = judging().judge(*analysis, statements_, portals_, segment_);
    if (judged.wait) {
      next_ = Next::wait;
      return;
    }
    judge_.remember(text, TextForm::parse, *analysis, judged);
  }
  // A refused text is never executed, so this is the only record of it.
  if (judged.refused) return refuse_extended(record_denial(judged, text, "extended", name), name.empty());
  if (statements_.size() >= limits_.prepared_statements && !name.empty()) {
    Refusal refusal;
    refusal.code = sqlstate::configuration_limit_exceeded;
    refusal.message = "too many prepared statements in this session";
    refusal.hint = "The limit is " + std::to_string(limits_.prepared_statements) + "; close statements that are done.";
    return refuse_extended(record_denial(over_limit(refusal, judged.script), text, "extended", name), false);
  }
  if (pool_) {
    auto refusal = refusal_of_block(*judged.script);
    if (!refusal) refusal = refusal_of_names(judged);
    if (refusal) {
      return refuse_extended(record_denial(over_limit(*refusal, judged.script), text, "extended", name), name.empty());
    }
    if (is_duplicate(name)) return;
  }
  auto prepared = std::make_shared<Prepared>();
  prepared->text = text;
  prepared->script = judged.script;
  prepared->verdict = judged.verdict;
  prepared->judged_by = judged.judged_by;
  prepared->sent = judged.sent;
  prepared->record = judged.record;
  // A statement that has a name is there to be executed again.
  if (!prepared->record && !name.empty()) prepared->record = std::make_shared<JudgementRecord>();
  prepared->user_types = user_types;
  prepared->seen = locks_;
  prepared->row_caps = judged.row_caps;
  prepared->footprint = judged.footprint;
  prepared->residue = judged.residue;
  prepared->advice = judged.advice;
  prepared->parameter_types = type_oids;
  if (reads_ && server_untouched()) prepared->parsed_under = settings_in_force();
  if (name.empty() && unnamed_owed_) forget_unnamed();
  if (judged.sent && !judged.sent->rewritten.empty()) rewritten_ = true;
  if (pool_) {
    prepared->deallocates = !without_shared_names(*judged.script, text).empty();
    prepared->open_types = has_open_types(text, type_oids);
  }
  const bool by_own_name = pool_ && !name.empty();
  if (by_own_name) {
    prepared->key = statement_key(text_for_server(*prepared), type_oids, pool_->settings.in_force());
    close_surplus();
    parse_as(prepared->key, false);
  }
  Expected& entry = by_own_name ? expected_.back() : expect(Expected::Kind::parse);
  entry.name = name;
  entry.pended = true;
  dirty_ = true;
  if (pool_ && name.empty()) {
    prepared->unnamed = true;
    pool_->server->unnamed = prepared;
    pool_->server->unnamed_result = 0;
  }
  statements_.pend(name, prepared, segment_);
  if (by_own_name) return;  // parse_as() has sent it
  const std::string_view on_server = text_for_server(*prepared);
  if (on_server.data() != prepared->text.data()) {
    to_server_.say(protocol::encoded(frontend::Parse{name, on_server, types}));
  } else {
    to_server_.forward(message);
  }
}

// By hand, because only the beginning may have come: the values stream.
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
    const Judged judged = over_limit(refusal, found.definition->script);
    refuse_extended(record_denial(judged, found.definition->text, "extended", *portal), false);
    return true;
  }
  if (!record_bind(message, body, reader.remaining())) return false;
  const PreparedPtr statement = pool_ && found.definition->told == 0 ? found.definition : nullptr;
  const PreparedPtr untyped = is_untyped(*found.definition) ? found.definition : nullptr;
  switch (judge_.looks_at_values() ? judge_bind(found.definition, body, partial) : BindStep::go_on) {
    case BindStep::again:
      return false;
    case BindStep::refused:
      return true;
    case BindStep::go_on:
      break;
  }
  if (found.definition->advice) {
    const BindStep step = advise_bound(found.definition, *portal);
    if (step != BindStep::go_on) return step == BindStep::refused;
  }
  const bool held = waits_for_others(found.definition->verdict.get());
  if (held || is_left_to_execute(*found.definition)) {
    const auto header = protocol::decode_header(message);
    const std::size_t announced = header ? header->body_length : body.size();
    const std::string_view values = protocol::as_text(body.last(reader.remaining()));
    const BindStep step = note_held_values(found.definition, *portal, values, announced, partial, held);
    if (step != BindStep::go_on) return step == BindStep::refused;
  }
  if (name->empty() && unnamed_owed_) give_unnamed();
  std::string on_server;
  if (pool_) {
    const BindStep step = put_on_server(found.definition, on_server);
    if (step != BindStep::go_on) return step == BindStep::refused;
    if (statement || pool_->untold) note_untold(statement, *portal, on_server);
    if (untyped) ask_for_types(untyped, on_server);
  }
  note_residue(found.definition->residue);  // planning runs what does not depend on rows
  Expected& entry = expect(Expected::Kind::bind);
  entry.name = *portal;
  entry.names_portal = true;
  entry.pended = true;
  portals_.pend(*portal, metered(std::move(found.definition)), segment_, bind_records_.latest());
  dirty_ = true;
  if (on_server.empty()) {
    to_server_.forward(message);
  } else {
    to_server_.say(bind_head(message, *portal, on_server, name->size()));
    to_server_.forward(body.last(reader.remaining()));
  }
  frontend_pass_ = Pass::forward;
  return true;
}

// Returns false if the whole message has to be there first.
bool Relay::record_bind(Bytes message, Bytes body, std::size_t values) {
  if (!bind_records_.wanted()) return true;
  const auto header = protocol::decode_header(message);
  const std::size_t announced = header ? header->body_length : body.size();
  if (announced == body.size()) {
    bind_records_.take(body);
  } else if (announced <= BindRecords::most_bytes) {
    whole_bind_ = true;
    return false;
  } else {
    bind_records_.begin(body.last(values), announced - (body.size() - values));
  }
  return true;
}

void Relay::on_describe(Bytes message, Bytes body) {
  const auto describe = frontend::Describe::decode(body);
  if (!describe) return fail(sqlstate::protocol_violation, "invalid Describe message");
  if (describe->kind == frontend::NameKind::prepared_statement) {
    const auto found = statements_.find(describe->name, segment_);
    if (found.state == Names::State::wait) {
      next_ = Next::wait;
      return;
    }
    if (found.state == Names::State::absent) return refuse_extended(unknown_statement(describe->name), false);
    if (describe->name.empty() && unnamed_owed_) give_unnamed();
    std::string on_server;
    if (pool_ && put_on_server(found.definition, on_server) != BindStep::go_on) return;
    Expected& entry = expect(Expected::Kind::describe_statement);
    entry.name = describe->name;
    if (pool_ && (found.definition->key || found.definition->unnamed)) {
      entry.describes = found.definition;
      entry.server_name = on_server;
    }
    if (!on_server.empty()) {
      dirty_ = true;
      return to_server_.say(protocol::encoded(frontend::Describe{frontend::NameKind::prepared_statement, on_server}));
    }
  } else {
    Expected& entry = expect(Expected::Kind::describe_portal);
    entry.name = describe->name;
    if (pool_ && pool_->untold && pool_->untold_portal == describe->name) {
      entry.describes = pool_->untold;
      entry.server_name = pool_->untold_name;
    }
  }
  dirty_ = true;
  to_server_.forward(message);
}

void Relay::on_close(Bytes message, Bytes body) {
  const auto close = frontend::Close::decode(body);
  if (!close) return fail(sqlstate::protocol_violation, "invalid Close message");
  Expected& entry = expect(Expected::Kind::close);
  entry.name = close->name;
  entry.names_portal = close->kind == frontend::NameKind::portal;
  entry.pended = true;
  std::string on_server;
  const bool shared = pool_ && !entry.names_portal && !close->name.empty() && close_on_server(close->name, on_server);
  (entry.names_portal ? portals_ : statements_).pend(close->name, nullptr, segment_);
  dirty_ = true;
  if (shared) {
    entry.server_name = on_server;
    const std::string_view name = on_server.empty() ? std::string_view(no_statement) : on_server;
    to_server_.say(protocol::encoded(frontend::Close{frontend::NameKind::prepared_statement, name}));
    return;
  }
  if (pool_ && !entry.names_portal) pool_->server->unnamed = nullptr;
  to_server_.forward(message);
}

void Relay::on_execute(Bytes message, Bytes body) {
  const auto execute = frontend::Execute::decode(body);
  if (!execute) return fail(sqlstate::protocol_violation, "invalid Execute message");
  const std::string_view portal = execute->portal;
  const auto found = portals_.find(portal, segment_);
  if (found.state == Names::State::wait) {
    next_ = Next::wait;
    return;
  }
  if (found.state == Names::State::absent) {
    Refusal refusal;
    refusal.code = protocol::SqlState("34000");
    refusal.message = "portal \"" + std::string(portal) + "\" does not exist";
    return refuse_extended(refusal, false);
  }
  const Prepared& prepared = *found.definition;
  Judged judged;
  judged.script = prepared.script;
  judged.verdict = prepared.verdict;
  judged.judged_by = prepared.judged_by;
  judged.row_caps = prepared.row_caps;
  judged.sent = prepared.sent;
  judged.record = prepared.record;
  judged.footprint = prepared.footprint;
  judged.residue = prepared.residue;
  judged.advice = prepared.advice;
  judged.parameters = parameters_in(found.note);
  bool advised = prepared.advised;
  // Judged at Parse, run here: policy, groups or grants may have changed in between.
  const bool of_moment = prepared.verdict && prepared.verdict->risk.of_moment && prepared.seen != locks_;
  if (prepared.judged_by != judge_.version() || of_moment || moved_ || names_others(*prepared.script)) {
    // The catalog may have changed as well: what the text means is found out anew. A cursor keeps what it was opened
    // on.
    std::shared_ptr<const Analysis> analysis;
    if (prepared.text.empty()) {
      analysis = std::make_shared<const Analysis>(Analysis{prepared.script, false, {}, {}});
    } else {
      analysis = analysis_of(prepared.text);
      if (!analysis) return;
      analysis = with_declared_types(std::move(analysis), prepared.parameter_types);
    }
    // What Bind has not kept cannot be told any more.
    static const BoundValues nothing;
    const BoundValues* const bound = prepared.bound ? prepared.bound.get() : &nothing;
    judged = judging().judge_bound(*analysis, bound, statements_, portals_, segment_);
    judged.parameters = parameters_in(found.note);
    advised = false;
    if (judged.wait) {
      next_ = Next::wait;
      return;
    }
    // Of rows of a cursor nobody is asked: it was opened already.
    if (prepared.sql_cursor) judged.advice = nullptr;
    if (!judged.refused && !judge_.stands(prepared)) {
      judged.refused = true;
      judged.refusal = outdated_statement();
    }
  }
  const std::string_view protocol = prepared.sql_cursor ? "cursor" : "extended";
  // A portal that is suspended has changed everything, and the server has not said how much.
  if (!judged.row_caps.empty() && execute->max_rows > 0 && !judged.refused) {
    judged.refused = true;
    judged.refusal = cannot_be_undone("Fetch the rows of RETURNING at once.");
  }
  if (pool_ && !judged.refused) {
    auto refusal = refusal_of_names(judged);
    if (!refusal) refusal = refusal_of_channels(*judged.script);
    if (refusal) {
      judged.refused = true;
      judged.refusal = *refusal;
    }
    if (next_ != Next::more) return;
  }
  if (((judged.advice && !advised) || asking_) && !settle_models(judged)) return;
  if ((needs_agreement(judged) || turned_down(judged)) && !settle_portal(judged, prepared)) return;
  if (is_gated(judged) && !gated_execute(judged, prepared, portal)) return;
  LimitTraits traits;
  std::shared_ptr<Meter> meter;
  if (quota_.limits() && !judged.refused) {
    traits = limit_traits(*prepared.script);
    traits.returns_rows = traits.returns_rows || prepared.sql_cursor;
    meter = prepared.meter ? prepared.meter : loose_meter(std::string(Names::as_the_server(portal)));
    if (const auto over = admit(traits, meter.get())) {
      Judged denied = over_limit(over->refusal, judged.script, over->rule);
      denied.parameters = judged.parameters;
      return refuse_extended(record_denial(denied, prepared.text, protocol, portal), false);
    }
    meter->started = true;
  }
  auto run = announce(judged, prepared.text, protocol, portal);
  if (!run && traits.cost > 0) quota_.leave();
  if (!run) return refuse_extended(not_recorded_, false);
  if (judged.refused) return refuse_extended(with_request_id(judged.refusal, run->query_id), false);
  note_residue(judged.residue);
  if (controls_transactions(*prepared.script)) controlled_in_ = segment_;
  queue(*run, judged, prepared.bound);
  Expected& entry = expect(Expected::Kind::execute);
  entry.run = std::move(run);
  if (pool_ || reads_) entry.run->text = text_to_keep(*prepared.script, prepared.text);
  if (reads_) {
    note_tracks(judged.footprint);
    reads_->record();
  }
  if (entry.under) put_under_limits(entry, traits);
  if (prepared.sql_cursor) {
    // It was made by a DECLARE, and is not made again.
    entry.run->script = nullptr;
    if (meter) entry.run->meters.push_back(std::move(meter));
  } else {
    cap_rows(entry, judged.row_caps);
    pend_effects(entry, *prepared.script, prepared.sent, prepared.text, meter, prepared.bound);
  }
  dirty_ = true;
  to_server_.forward(message);
}

void Relay::refuse_extended(const Refusal& refusal, bool unnamed_parse) {
  if (reads_) reads_->forget();
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
