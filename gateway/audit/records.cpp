#include "gateway/audit/records.h"

#include "gateway/audit/json.h"

namespace dbgate::audit {
namespace {

template <class Out, std::size_t N>
void append_if(Out& out, const char (&key)[N], std::string_view value) {
  if (!value.empty()) append_member(out, key, value);
}

void append_list(std::string& out, std::string_view key, const std::vector<std::string>& values) {
  if (values.empty()) return;
  out += ",\"";
  out += key;
  out += "\":[";
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, values[i]);
  }
  out += ']';
}

// Milliseconds with three decimals, without going through floating point.
template <class Out, std::size_t N>
void append_milliseconds(Out& out, const char (&key)[N], std::uint64_t microseconds) {
  append_member(out, key, microseconds / 1000);
  const std::uint64_t rest = microseconds % 1000;
  const std::array<char, 4> decimals = {'.', static_cast<char>('0' + rest / 100),
                                        static_cast<char>('0' + rest / 10 % 10), static_cast<char>('0' + rest % 10)};
  out.append(decimals.data(), decimals.size());
}

}  // namespace

SessionText SessionFields::render() const {
  SessionText text;
  std::string& out = text.all;
  append_field(out, "session_id", std::string_view(session_id));
  append_field(out, "user.name", std::string_view(user));
  append_if(out, "target", target);
  text.name_bytes = out.size();
  append_if(out, "auth.method", auth_method);
  append_field(out, "client.address", std::string_view(client_address));
  append_field(out, "client.port", std::uint64_t{client_port});
  append_if(out, "client.application", application);
  if (!target.empty()) {
    append_if(out, "db.system.name", db_system);
    append_if(out, "db.namespace", database);
    append_if(out, "server.address", server_address);
    append_field(out, "server.port", std::uint64_t{server_port});
    append_if(out, "upstream.user", upstream_user);
  }
  return text;
}

JudgementText::JudgementText(const JudgementFields& judgement) {
  append_if(operation, "db.operation.name", judgement.operation);
  append_list(outcome, "objects", judgement.objects);
  append_field(outcome, "decision.effect", judgement.effect);
  append_if(outcome, "decision.rule_id", judgement.rule_id);
  append_list(reasons, "decision.reasons", judgement.reasons);
  append_list(reasons, "decision.masked_columns", judgement.masked_columns);
  if (!judgement.risk_level.empty()) {
    append_field(reasons, "risk.level", judgement.risk_level);
    append_field(reasons, "risk.score", std::uint64_t{judgement.risk_score});
    append_list(reasons, "risk.rules", judgement.risk_rules);
  }
  if (!judgement.risk_model.empty()) reasons.append(",\"risk.model\":").append(judgement.risk_model);
  append_list(reasons, "statement.shapes", judgement.shapes);
}

std::string trace_members(const TraceContext& trace, std::string_view query_id) {
  std::string out;
  if (trace.trace_id.empty()) return out;
  append_plain(out, "trace_id", trace.trace_id);
  append_plain(out, "span_id", span_id_of(query_id));
  append_plain(out, "parent_span_id", trace.parent_id);
  append_plain(out, "trace_flags", trace.sampled ? "01" : "00");
  return out;
}

template <class Out>
void append_decision(Out& out, const DecisionFields& decision, const JudgementText& judgement) {
  append_plain(out, "query_id", decision.query_id);
  append_plain(out, "protocol", decision.protocol);
  out += judgement.operation;
  append_if(out, "statement.name", decision.statement_name);
  if (decision.text_sha256.empty()) {
    append_member(out, "db.query.text", decision.text);
  } else {
    append_plain(out, "db.query.text_sha256", decision.text_sha256);
    append_member(out, "db.query.text_bytes", std::uint64_t{decision.text_bytes});
  }
  if (!decision.parameters.empty()) {
    out += ",\"db.query.parameters\":";
    out += decision.parameters;
  }
  if (!decision.definitions.empty()) {
    out += ",\"statement.definitions\":";
    out += decision.definitions;
  }
  out += judgement.outcome;
  append_if(out, "approval.id", decision.approvals);
  append_if(out, "approval.by", decision.approved_by);
  out += judgement.reasons;
  out += decision.trace;
}

template <class Out>
void append_outcome(Out& out, const OutcomeFields& outcome) {
  append_plain(out, "query_id", outcome.query_id);
  append_plain(out, "outcome", outcome.outcome);
  append_if(out, "db.response.status_code", outcome.sqlstate);
  append_if(out, "limit", outcome.limit);
  append_if(out, "served_from", outcome.served_from);
  append_if(out, "db.response.command_tags", outcome.tags);
  append_member(out, "db.response.returned_rows", outcome.rows_returned);
  append_member(out, "rows_affected", outcome.rows_affected);
  append_member(out, "bytes", outcome.bytes);
  append_milliseconds(out, "duration_ms", outcome.duration_us);
  if (!outcome.rows.empty() || outcome.rows_cut) {
    out += ",\"result.rows\":";
    out += outcome.rows.empty() ? std::string_view("[]") : outcome.rows;
    out += outcome.rows_cut ? ",\"result.cut\":true" : ",\"result.cut\":false";
  }
  out += outcome.trace;
}

template void append_decision(std::string&, const DecisionFields&, const JudgementText&);
template void append_decision(Text&, const DecisionFields&, const JudgementText&);
template void append_outcome(std::string&, const OutcomeFields&);
template void append_outcome(Text&, const OutcomeFields&);

}  // namespace dbgate::audit
