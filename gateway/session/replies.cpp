#include "gateway/session/replies.h"

#include <algorithm>

#include "protocol/postgres/field_writer.h"

namespace dbgate::session {
namespace {

using protocol::FieldWriter;

void field(FieldWriter& writer, char code, std::string_view value) {
  if (value.empty()) return;
  writer.int8(static_cast<std::int8_t>(code));
  writer.string(value);
}

std::string error_message(std::string_view severity, const Refusal& refusal) {
  std::string message;
  FieldWriter writer(message);
  writer.begin_message('E');
  field(writer, 'S', severity);
  field(writer, 'V', severity);
  field(writer, 'C', refusal.code.text());
  field(writer, 'M', refusal.message);
  field(writer, 'D', refusal.detail);
  field(writer, 'H', refusal.hint);
  if (refusal.position > 0) field(writer, 'P', std::to_string(refusal.position));
  writer.int8(0);
  writer.end_message();
  return message;
}

// Stands in the server's log as the statement of a syntax error; its name says where it comes from.
constexpr std::string_view unparsable = "dbgate_refused_this_statement";

std::string make_failing_parse(std::string_view name) {
  std::string message;
  FieldWriter writer(message);
  writer.begin_message('P');
  writer.string(name);
  writer.string(unparsable);
  writer.int16(0);
  writer.end_message();
  return message;
}

}  // namespace

std::string error_response(const Refusal& refusal) {
  return error_message(refusal.fatal ? "FATAL" : "ERROR", refusal);
}

std::string fatal_response(SqlState code, std::string_view message, std::string_view hint) {
  Refusal refusal;
  refusal.code = code;
  refusal.message = message;
  refusal.hint = hint;
  return error_message("FATAL", refusal);
}

std::string ready_for_query(char status) {
  std::string message;
  FieldWriter writer(message);
  writer.begin_message('Z');
  writer.int8(static_cast<std::int8_t>(status));
  writer.end_message();
  return message;
}

std::string parameter_status(std::string_view name, std::string_view value) {
  std::string message;
  FieldWriter writer(message);
  writer.begin_message('S');
  writer.string(name);
  writer.string(value);
  writer.end_message();
  return message;
}

const std::string& failing_query() {
  static const std::string message = [] {
    std::string text;
    FieldWriter writer(text);
    writer.begin_message('Q');
    writer.string(unparsable);
    writer.end_message();
    return text;
  }();
  return message;
}

const std::string& failing_parse(bool unnamed) {
  static const std::string of_the_unnamed = make_failing_parse("");
  static const std::string named = make_failing_parse(unparsable);
  return unnamed ? of_the_unnamed : named;
}

Refusal unknown_statement(std::string_view name) {
  Refusal refusal;
  refusal.code = sqlstate::invalid_sql_statement_name;
  refusal.message = name.empty() ? "unnamed prepared statement does not exist"
                                 : "prepared statement \"" + std::string(name) + "\" does not exist";
  return refusal;
}

Refusal audit_refusal() {
  Refusal refusal;
  refusal.code = sqlstate::io_error;
  refusal.message = "the audit log cannot be written, so the statement was not run";
  refusal.hint = "Try again later, or tell the operator of dbgate.";
  return refusal;
}

Refusal with_request_id(Refusal refusal, std::string_view query_id) {
  if (refusal.code != sqlstate::insufficient_privilege) return refusal;
  if (!refusal.hint.empty()) refusal.hint += ' ';
  refusal.hint += "Request id: ";
  refusal.hint += query_id;
  return refusal;
}

bool names_others(const sql::Script& script) {
  return std::any_of(script.statements.begin(), script.statements.end(), [](const sql::Statement& statement) {
    return statement.effects.test(static_cast<std::size_t>(sql::Effect::execute)) ||
           statement.kind == sql::StatementKind::fetch;
  });
}

}  // namespace dbgate::session
