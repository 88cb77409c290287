#include "gateway/session/audit_trail.h"

#include <algorithm>

#include "gateway/audit/json.h"
#include "gateway/audit/records.h"
#include "gateway/session/judgement_record.h"
#include "gateway/sql/shape.h"
#include "gateway/sql/trace_comment.h"

namespace dbgate::session {
namespace {

// Longer texts are kept once, by content hash, beside the log.
constexpr std::size_t inline_text_bytes = 32 * 1024;

std::string name_of(const sql::QualifiedName& name) {
  return name.schema.empty() ? name.name : name.schema + "." + name.name;
}

std::vector<std::string> objects_of(const sql::Script& script) {
  std::vector<std::string> objects;
  for (const sql::Statement& statement : script.statements) {
    for (const sql::RelationUse& use : statement.relations) {
      std::string name = name_of(use.name);
      if (std::find(objects.begin(), objects.end(), name) == objects.end()) objects.push_back(std::move(name));
    }
  }
  return objects;
}

std::vector<std::string> shapes_of(const sql::Script& script) {
  std::vector<std::string> shapes;
  for (const sql::Statement& statement : script.statements) {
    std::string shape = sql::shape_of(statement);
    const bool known = std::find(shapes.begin(), shapes.end(), shape) != shapes.end();
    if (!known) shapes.push_back(std::move(shape));  // an empty one says that there is one that cannot be listed
  }
  return shapes;
}

std::string operations_of(const sql::Script& script) {
  constexpr std::size_t most = 16;
  std::string tags;
  for (std::size_t i = 0; i < script.statements.size(); ++i) {
    if (i == most) return tags + "; …";
    tags += (i > 0 ? "; " : "") + script.statements[i].tag;
  }
  return tags;
}

audit::JudgementText render(const Judged& judged, std::string_view effect) {
  audit::JudgementFields fields;
  const std::string operations = operations_of(*judged.script);
  fields.operation = operations;
  fields.objects = objects_of(*judged.script);
  fields.effect = effect;
  if (judged.verdict) {
    if (judged.verdict->learns) fields.shapes = shapes_of(*judged.script);
    fields.rule_id = judged.verdict->rule_id;
    fields.reasons = judged.verdict->reasons;
    fields.masked_columns = judged.verdict->masked;
    fields.risk_level = judged.verdict->risk.level;
    fields.risk_score = judged.verdict->risk.score;
    fields.risk_rules = judged.verdict->risk.rules;
    fields.risk_model = judged.verdict->risk.models;
  }
  return audit::JudgementText(fields);
}

// The text of a kept judgement, rendered if this is the first record of it.
const audit::JudgementText& text_of(JudgementRecord& record, const Judged& judged, std::string_view effect) {
  const bool same =
      record.text && record.script == judged.script && record.verdict == judged.verdict && record.effect == effect;
  if (!same) {
    record.script = judged.script;
    record.verdict = judged.verdict;
    record.effect = effect;
    record.rule = rule_class_of(judged);
    record.text.emplace(render(judged, effect));
  }
  return *record.text;
}

// One for the thread: there are many more sessions, and each would keep the room of its longest record.
audit::Text& begin_record() {
  thread_local audit::Text record;
  record.clear();
  return record;
}

std::string with_policies(std::string fields, std::string_view version) {
  if (!version.empty()) audit::append_field(fields, "decision.policy_version", version);
  return fields;
}

}  // namespace

audit::SessionText audit_fields(const SessionInfo& session) {
  audit::SessionFields fields;
  fields.session_id = session.id;
  fields.user = session.user;
  fields.auth_method = session.auth_method;
  fields.client_address = session.client.host;
  fields.client_port = session.client.port;
  fields.application = session.application;
  fields.target = session.target;
  fields.db_system = session.db_system;
  fields.database = session.database;
  fields.server_address = session.server_host;
  fields.server_port = session.server_port;
  fields.upstream_user = session.upstream_user;
  return fields.render();
}

AuditTrail::AuditTrail(ports::AuditChain& chain, const SessionInfo& session, const audit::SessionText& common,
                       std::string_view policy_version, telemetry::TargetCounters& counters)
    : chain_(chain),
      session_bytes_(common.all.size()),
      decision_start_(chain.start_of("statement.decided", with_policies(common.all, policy_version))),
      outcome_start_(chain.start_of("statement.done", common.names())),
      trace_(session.trace),
      counts_(counters),
      witness_(session.witness) {}

AuditTrail::AuditTrail(ports::AuditChain& chain, const SessionInfo& session, std::string_view policy_version,
                       telemetry::TargetCounters& counters)
    : AuditTrail(chain, session, audit_fields(session), policy_version, counters) {}

std::string sign_in_fields(const SessionInfo& session) {
  std::string fields = audit_fields(session).all;
  const auto add = [&fields](std::string_view key, const std::string& value) {
    if (!value.empty()) audit::append_field(fields, key, std::string_view(value));
  };
  add("auth.credential", session.credential.id);
  add("auth.certificate", session.credential.certificate);
  return fields;
}

Result<> AuditTrail::started(const SessionInfo& session) {
  return chain_.append("session.start", sign_in_fields(session));
}

Result<Id> AuditTrail::decided(const Judged& judged, std::string_view text, std::string_view protocol,
                               std::string_view name) {
  const Id query_id = Id::make("qry_");
  audit::DecisionFields fields;
  fields.query_id = query_id;
  std::string hash;
  if (text.size() > inline_text_bytes) {
    DBGATE_TRY(hash, chain_.store_text(text));
    fields.text_sha256 = hash;
    fields.text_bytes = text.size();
  } else {
    fields.text = text;
  }
  fields.protocol = protocol;
  fields.parameters = judged.parameters;
  fields.statement_name = name;
  std::string elsewhere;
  fields.definitions = judged.definitions;
  if (judged.definitions.size() > inline_text_bytes) {
    DBGATE_TRY(const std::string kept, chain_.store_text(judged.definitions));
    elsewhere = R"({"sha256":")" + kept + R"(","bytes":)" + std::to_string(judged.definitions.size()) + "}";
    fields.definitions = elsewhere;
  }
  if (judged.agreement) {
    fields.approvals = judged.agreement->approvals;
    fields.approved_by = judged.agreement->by;
  }
  TraceContext trace = sql::trace_of(text);
  if (trace.trace_id.empty() && !trace_.trace_id.empty()) trace = trace_;
  std::string members = audit::trace_members(trace, query_id);
  fields.trace = members;
  // A text that is no statement is denied like any other.
  const std::string_view effect = judged.refused ? "deny" : effect_of(judged);
  audit::Text& record = begin_record();
  if (judged.record) {
    audit::append_decision(record, fields, text_of(*judged.record, judged, effect));
  } else {
    audit::append_decision(record, fields, render(judged, effect));
  }
  const auto written = chain_.append_from(decision_start_, record.view());
  if (!written) return written.error();
  ++decisions_;
  counts_.decided(judged, effect, protocol, judged.record ? judged.record->rule : rule_class_of(judged));
  if (witness_) witness_->decided(judged, query_id);
  if (!members.empty() && effect != "deny") in_a_trace_.emplace_back(query_id, std::move(members));
  return query_id;
}

// Statements end in the order in which they began, but for what is refused or left out between.
std::string AuditTrail::take_trace(const Id& query_id) {
  const auto found = std::find_if(in_a_trace_.begin(), in_a_trace_.end(),
                                  [&query_id](const auto& one) { return one.first.view() == query_id.view(); });
  if (found == in_a_trace_.end()) return {};
  std::string members = std::move(found->second);
  in_a_trace_.erase(found);
  return members;
}

void AuditTrail::done(const Run& run, std::string_view sqlstate) {
  audit::OutcomeFields fields;
  fields.query_id = run.query_id;
  const std::string members = in_a_trace_.empty() ? std::string() : take_trace(run.query_id);
  fields.trace = members;
  fields.outcome = sqlstate.empty() ? "not_run" : sqlstate == "00000" ? "ok" : "error";
  fields.sqlstate = sqlstate;
  fields.tags = run.tags;
  fields.rows_returned = run.rows_returned;
  fields.rows_affected = run.rows_affected;
  fields.bytes = run.bytes;
  fields.limit = run.limit;
  if (run.from_cache) fields.served_from = "cache";
  const std::string rows = run.kept ? run.kept->json() : std::string();
  fields.rows = rows;
  fields.rows_cut = run.kept && run.kept->is_cut();
  const auto took =
      std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - run.started);
  fields.duration_us = static_cast<std::uint64_t>(took.count());
  counts_.done(run, sqlstate, took);
  audit::Text& record = begin_record();
  audit::append_outcome(record, fields);
  // A statement that ran cannot be taken back; a log that cannot take its outcome stops the next one.
  static_cast<void>(chain_.append_from(outcome_start_, record.view()));
}

// What decisions start with besides is by which policies they are made.
void AuditTrail::moved(const SessionInfo& session) {
  const std::string common = audit_fields(session).all;
  const std::string policies(decision_start_.fields().substr(session_bytes_));
  decision_start_ = chain_.start_of("statement.decided", common + policies);
  session_bytes_ = common.size();
}

void AuditTrail::ended(std::string_view reason, std::uint64_t bytes_from_client, std::uint64_t bytes_to_client) {
  audit::Text& record = begin_record();
  record += decision_start_.fields().substr(0, session_bytes_);
  audit::append_field(record, "reason", reason);
  audit::append_field(record, "bytes_from_client", bytes_from_client);
  audit::append_field(record, "bytes_to_client", bytes_to_client);
  static_cast<void>(chain_.append("session.end", record.view()));
}

}  // namespace dbgate::session
