#include "gateway/queries/render.h"

#include <utility>

#include "gateway/audit/json.h"
#include "gateway/base/clock.h"

namespace dbgate::queries {
namespace {

using Kind = ports::QueryFailureKind;
using audit::append_field;
using audit::append_json_string;

void append_list(std::string& out, const std::vector<std::string>& texts) {
  out += '[';
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (i > 0) out += ',';
    append_json_string(out, texts[i]);
  }
  out += ']';
}

void append_flag(std::string& out, std::string_view key, bool value) {
  out += ",\"";
  out += key;
  out += value ? "\":true" : "\":false";
}

void append_text(std::string& out, std::string_view key, std::string_view value) {
  if (!value.empty()) append_field(out, key, value);
}

template <class Item, class Append>
void append_each(std::string& out, const std::vector<Item>& items, Append&& append) {
  out += '[';
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += ',';
    append(items[i]);
  }
  out += ']';
}

void append_column(std::string& out, const ports::ColumnSummary& column) {
  out += "{\"name\":";
  append_json_string(out, column.name);
  append_field(out, "type", column.type);
  append_flag(out, "generated", column.generated);
  append_flag(out, "nullable", column.nullable);
  append_flag(out, "masked", column.masked);
  append_text(out, "references", column.references);
  append_text(out, "comment", column.comment);
  out += '}';
}

void append_relation(std::string& out, const ports::RelationOutline& relation) {
  out += "{\"name\":";
  append_json_string(out, relation.name);
  append_field(out, "kind", relation.kind);
  append_flag(out, "writable", relation.writable);
  append_flag(out, "filtered", relation.filtered);
  out += ",\"columns\":";
  append_each(out, relation.columns, [&out](const ports::ColumnSummary& column) { append_column(out, column); });
  out += ",\"unique_keys\":";
  bool primary = relation.has_primary;
  append_each(out, relation.unique, [&out, &primary](const std::vector<std::string>& columns) {
    out += "{\"primary\":";
    out += std::exchange(primary, false) ? "true" : "false";
    out += ",\"columns\":";
    append_list(out, columns);
    out += '}';
  });
  append_text(out, "comment", relation.comment);
  out += '}';
}

void append_function(std::string& out, const ports::FunctionOutline& function) {
  out += "{\"name\":";
  append_json_string(out, function.name);
  append_field(out, "kind", function.kind);
  out += ",\"arguments\":";
  append_list(out, function.arguments);
  append_field(out, "result", function.result);
  out += '}';
}

}  // namespace

ProblemKind problem_of(Kind kind) {
  switch (kind) {
    case Kind::malformed:
      return {400, "bad_request", "Malformed request"};
    case Kind::unsupported:
      return {422, "statement_not_supported", "Not possible in a query"};
    case Kind::no_target:
      return {404, "no_such_target", "No such target"};
    case Kind::denied:
      return {403, "denied", "Denied"};
    case Kind::approval_required:
      return {403, "approval_required", "Approval required"};
    case Kind::statement:
      return {422, "statement_failed", "The statement failed"};
    case Kind::cancelled:
      return {409, "query_cancelled", "Cancelled"};
    case Kind::timed_out:
      return {504, "upstream_timeout", "The server behind was too slow"};
    case Kind::upstream:
      return {502, "upstream_failed", "The server behind failed"};
    case Kind::busy:
      return {429, "too_many_queries", "Too many queries at once"};
    case Kind::unavailable:
      return {503, "unavailable", "Unavailable"};
    case Kind::too_large:
      return {422, "result_too_large", "The result is too large"};
  }
  return {500, "internal_error", "Internal error"};
}

const char* word_of(ports::QueryState state) {
  switch (state) {
    case ports::QueryState::queued:
      return "queued";
    case ports::QueryState::running:
      return "running";
    case ports::QueryState::held:
      return "held";
    case ports::QueryState::succeeded:
      return "succeeded";
    case ports::QueryState::failed:
      return "failed";
    case ports::QueryState::cancelled:
      return "cancelled";
  }
  return "failed";
}

std::string approval_url(const std::string& id) {
  return "/api/v1/approvals/" + id;
}

void append_time(std::string& out, std::int64_t time_us) {
  if (time_us == 0) {
    out += "null";
  } else {
    append_json_string(out, format_time(time_us));
  }
}

void append_columns(std::string& out, const std::vector<ports::QueryColumn>& columns) {
  append_each(out, columns, [&out](const ports::QueryColumn& column) {
    out += "{\"name\":";
    append_json_string(out, column.name);
    append_field(out, "type", column.type);
    append_field(out, "type_oid", std::uint64_t{column.type_oid});
    out += '}';
  });
}

void append_decision(std::string& out, const ports::DecisionSummary& decision) {
  out += "{\"effect\":";
  append_json_string(out, decision.effect);
  append_field(out, "rule", decision.rule);
  out += ",\"reasons\":";
  append_list(out, decision.reasons);
  append_text(out, "suggestion", decision.suggestion);
  out += '}';
}

void append_problem(std::string& out, const ports::QueryFailure& failure, const std::string& request_id,
                    const std::string& query_id) {
  const ProblemKind kind = problem_of(failure.kind);
  out += "{\"type\":\"/problems/";
  out += kind.code;
  out += '"';
  append_field(out, "title", kind.title);
  append_field(out, "status", std::uint64_t{kind.status});
  append_field(out, "detail", failure.message);
  append_field(out, "code", kind.code);
  append_text(out, "request_id", request_id);
  append_text(out, "query_id", query_id);
  append_text(out, "sqlstate", failure.sqlstate);
  append_text(out, "server_detail", failure.detail);
  append_text(out, "hint", failure.hint);
  if (failure.position > 0) append_field(out, "position", static_cast<std::uint64_t>(failure.position));
  if (!failure.approval.empty()) append_field(out, "approval_url", approval_url(failure.approval));
  if (failure.decision) {
    out += ",\"decision\":";
    append_decision(out, *failure.decision);
  }
  out += '}';
}

void append_query_members(std::string& out, const ports::QuerySummary& query) {
  out += "\"id\":";
  append_json_string(out, query.id);
  append_field(out, "state", word_of(query.state));
  append_field(out, "user", query.user);
  append_field(out, "target", query.target);
  out += ",\"created_at\":";
  append_time(out, query.created_us);
  out += ",\"started_at\":";
  append_time(out, query.started_us);
  out += ",\"ended_at\":";
  append_time(out, query.ended_us);
  if (query.ended_us > 0 && query.started_us > 0) {
    append_field(out, "elapsed_ms", static_cast<std::uint64_t>((query.ended_us - query.started_us) / 1000));
  }
  append_text(out, "audit_id", query.audit_id);
  if (!query.approval.empty()) {
    append_field(out, "approval_id", query.approval);
    append_field(out, "approval_url", approval_url(query.approval));
  }
  if (query.decision) {
    out += ",\"decision\":";
    append_decision(out, *query.decision);
  }
  if (query.failure) {
    out += ",\"error\":";
    append_problem(out, *query.failure, {}, query.id);
  }
}

void open_result(std::string& out, const ports::QueryResult& result) {
  out += "{\"columns\":";
  append_columns(out, result.columns);
  append_field(out, "command_tag", result.tag);
  append_field(out, "row_count", std::uint64_t{result.rows});
  append_flag(out, "truncated", result.truncated);
}

void append_schema(std::string& out, const ports::SchemaSummary& schema) {
  out += "{\"target\":";
  append_json_string(out, schema.target);
  append_field(out, "database", schema.database);
  out += ",\"schemas\":";
  append_each(out, schema.schemas, [&out](const ports::SchemaOutline& one) {
    out += "{\"name\":";
    append_json_string(out, one.name);
    out += ",\"relations\":";
    append_each(out, one.relations, [&out](const ports::RelationOutline& relation) { append_relation(out, relation); });
    out += ",\"functions\":";
    append_each(out, one.functions, [&out](const ports::FunctionOutline& function) { append_function(out, function); });
    out += '}';
  });
  out += '}';
}

}  // namespace dbgate::queries
