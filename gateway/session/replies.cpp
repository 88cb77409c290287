#include "gateway/session/replies.h"

#include <algorithm>

#include "protocol/postgres/backend_messages.h"
#include "protocol/postgres/field_writer.h"
#include "protocol/postgres/frontend_messages.h"

namespace dbgate::session {
namespace {

namespace frontend = protocol::frontend;
namespace backend = protocol::backend;
using protocol::encoded;

template <class Message = backend::ErrorResponse>
std::string error_message(std::string_view severity, const Refusal& refusal) {
  const std::string position = refusal.position > 0 ? std::to_string(refusal.position) : std::string();
  std::vector<backend::ErrorField> fields;
  const auto add = [&fields](char code, std::string_view value) {
    if (!value.empty()) fields.push_back({code, value});
  };
  add('S', severity);
  add('V', severity);
  add('C', refusal.code.text());
  add('M', refusal.message);
  add('D', refusal.detail);
  add('H', refusal.hint);
  add('P', position);
  add('R', refusal.routine);
  std::string storage;
  return encoded(Message{backend::ErrorFields::lay_out(fields, storage)});
}

// Stands in the server's log as the statement of a syntax error; its name says where it comes from.
constexpr std::string_view unparsable = "dbgate_refused_this_statement";

}  // namespace

std::string error_response(const Refusal& refusal) {
  return error_message(refusal.fatal ? "FATAL" : "ERROR", refusal);
}

std::string notice_response(const Refusal& words) {
  return error_message<backend::NoticeResponse>("NOTICE", words);
}

std::string fatal_response(SqlState code, std::string_view message, std::string_view hint) {
  Refusal refusal;
  refusal.code = code;
  refusal.message = message;
  refusal.hint = hint;
  return error_message("FATAL", refusal);
}

std::string ready_for_query(char status) {
  return encoded(backend::ReadyForQuery{static_cast<backend::TransactionStatus>(status)});
}

const std::string& flush_message() {
  static const std::string message = encoded(frontend::Flush{});
  return message;
}

const std::string& failing_query() {
  static const std::string message = encoded(frontend::Query{unparsable});
  return message;
}

const std::string& failing_parse(bool unnamed) {
  static const std::string of_the_unnamed = encoded(frontend::Parse{{}, unparsable, {}});
  static const std::string named = encoded(frontend::Parse{unparsable, unparsable, {}});
  return unnamed ? of_the_unnamed : named;
}

Refusal unknown_statement(std::string_view name) {
  Refusal refusal;
  refusal.code = sqlstate::invalid_sql_statement_name;
  refusal.message = name.empty() ? "unnamed prepared statement does not exist"
                                 : "prepared statement \"" + std::string(name) + "\" does not exist";
  return refusal;
}

// The words by which drivers know that it helps to prepare again (plancache.c).
Refusal changed_result() {
  Refusal refusal;
  refusal.code = sqlstate::feature_not_supported;
  refusal.message = "cached plan must not change result type";
  refusal.routine = "RevalidateCachedQuery";
  return refusal;
}

Refusal outdated_statement() {
  Refusal refusal = changed_result();
  refusal.hint = "dbgate's policy has changed what you see of its tables: prepare the statement again.";
  return refusal;
}

Refusal audit_refusal(const Error& why) {
  Refusal refusal;
  refusal.code = sqlstate::io_error;
  if (!why.hint().empty()) {
    refusal.message = why.message();
    refusal.hint = why.hint();
    return refusal;
  }
  refusal.message = "the audit log cannot be written, so the statement was not run";
  refusal.hint = "Try again later, or tell the operator of dbgate.";
  return refusal;
}

Judged over_limit(Refusal refusal, std::shared_ptr<const sql::Script> script, std::string_view rule) {
  policy::Verdict verdict;
  verdict.rule_id = rule;
  verdict.reasons.push_back(refusal.message);
  Judged judged;
  judged.script = script ? std::move(script) : std::make_shared<const sql::Script>();
  judged.verdict = std::make_shared<const policy::Verdict>(std::move(verdict));
  judged.refused = true;
  judged.refusal = std::move(refusal);
  return judged;
}

void refuse(Judged& judged, Refusal refusal) {
  auto verdict =
      judged.verdict ? std::make_shared<policy::Verdict>(*judged.verdict) : std::make_shared<policy::Verdict>();
  verdict->decision = policy::Decision::deny;
  verdict->reasons.push_back(refusal.message);
  judged.verdict = std::move(verdict);
  judged.record = nullptr;
  judged.refused = true;
  judged.refusal = std::move(refusal);
}

Refusal with_request_id(Refusal refusal, std::string_view query_id) {
  if (refusal.code != sqlstate::insufficient_privilege) return refusal;
  if (!refusal.hint.empty()) refusal.hint += '\n';
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
