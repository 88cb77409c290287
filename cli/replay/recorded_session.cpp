#include "cli/replay/recorded_session.h"

#include <algorithm>
#include <boost/json.hpp>
#include <fstream>
#include <sstream>
#include <unordered_map>

#include "cli/output.h"
#include "cli/problem.h"
#include "gateway/audit/log_reader.h"
#include "gateway/audit/sha256.h"
#include "gateway/search/matcher.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

std::string text_of(const json::object& record, const char* name) {
  const json::value* const value = record.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

template <class Number>
Number number_of(const json::object& record, const char* name) {
  const json::value* const value = record.if_contains(name);
  boost::system::error_code failed;
  const Number number = value == nullptr ? Number{} : value->to_number<Number>(failed);
  return failed ? Number{} : number;
}

// Why there is no text to run, of what is no SQL or was not read.
std::string why_no_text(const RecordedStatement& statement) {
  if (statement.protocol == "function_call") return "a FunctionCall: its values are not recorded";
  if (statement.protocol == "replication") return "a command of replication";
  if (statement.protocol == "tcp") return "a connection of engine tcp: its bytes are not recorded";
  if (statement.rule == "builtin/admin-database") return "a command of dbgate's own console";
  return {};
}

std::string blob(const std::string& directory, const std::string& hash) {
  if (hash.find_first_not_of("0123456789abcdef") != std::string::npos) return {};
  std::ifstream file(directory + "/blobs/" + hash, std::ios::binary);
  std::ostringstream whole;
  whole << file.rdbuf();
  return whole.str();
}

}  // namespace

void SessionReader::take(const json::object& record) {
  if (text_of(record, "session_id") != session_.id) return;
  const std::string event = text_of(record, "event");
  if (event == "statement.decided") {
    take_who(record);
    take_decision(record);
  } else if (event == "statement.done") {
    outcomes_.emplace_back(
        text_of(record, "query_id"),
        Outcome{text_of(record, "outcome"), text_of(record, "db.response.status_code"),
                text_of(record, "db.response.command_tags"), text_of(record, "limit"), text_of(record, "served_from"),
                number_of<std::uint64_t>(record, "db.response.returned_rows"),
                number_of<std::uint64_t>(record, "rows_affected"), number_of<std::uint64_t>(record, "bytes"),
                number_of<double>(record, "duration_ms")});
  } else if (event == "session.start" || event == "session.end") {
    take_who(record);
    (event == "session.start" ? session_.started_at : session_.ended_at) = text_of(record, "ts");
    if (event == "session.end") session_.reason = text_of(record, "reason");
  }
}

void SessionReader::take_who(const json::object& record) {
  if (found_) return;
  found_ = true;
  session_.user = text_of(record, "user.name");
  session_.target = text_of(record, "target");
  session_.database = text_of(record, "db.namespace");
  session_.client = text_of(record, "client.address");
  session_.application = text_of(record, "client.application");
}

void SessionReader::take_decision(const json::object& record) {
  RecordedStatement statement;
  statement.session = session_.id;
  statement.query_id = text_of(record, "query_id");
  statement.created_at = text_of(record, "ts");
  statement.protocol = text_of(record, "protocol");
  statement.operation = text_of(record, "db.operation.name");
  statement.effect = text_of(record, "decision.effect");
  statement.rule = text_of(record, "decision.rule_id");
  statement.at_us = search::parse_log_time(statement.created_at);
  statement.text_sha256 = text_of(record, "db.query.text_sha256");
  if (const json::value* const values = record.if_contains("db.query.parameters"); values != nullptr)
    statement.parameters = *values;
  statement.missing = why_no_text(statement);
  if (!statement.missing.empty()) {
    statement.text_sha256.clear();
  } else if (statement.text_sha256.empty()) {
    statement.sql = text_of(record, "db.query.text");
  }
  session_.statements.push_back(std::move(statement));
}

void SessionReader::settle(RecordedStatement& statement, const Outcome* outcome) const {
  if (outcome == nullptr) {
    statement.state = statement.effect == "deny" ? "denied" : statement.effect == "error" ? "failed" : "unfinished";
    return;
  }
  statement.sqlstate = outcome->sqlstate;
  statement.tags = outcome->tags;
  statement.limit = outcome->limit;
  statement.served_from = outcome->served_from;
  statement.rows = outcome->rows;
  statement.rows_affected = outcome->rows_affected;
  statement.bytes = outcome->bytes;
  statement.elapsed_ms = outcome->elapsed_ms;
  statement.state = statement.effect == "deny"      ? "denied"
                    : outcome->outcome == "ok"      ? "succeeded"
                    : outcome->outcome == "not_run" ? "not_run"
                    : outcome->sqlstate == "57014"  ? "cancelled"
                                                    : "failed";
}

std::optional<RecordedSession> SessionReader::finish() {
  if (!found_) return {};
  std::unordered_map<std::string, const Outcome*> by_query;
  for (const auto& [query, outcome] : outcomes_)
    by_query[query] = &outcome;
  auto& statements = session_.statements;
  std::stable_sort(statements.begin(), statements.end(),
                   [](const RecordedStatement& a, const RecordedStatement& b) { return a.at_us < b.at_us; });
  std::int64_t begin = search::parse_log_time(session_.started_at);
  if (begin == 0 && !statements.empty()) begin = statements.front().at_us;
  for (RecordedStatement& statement : statements) {
    const auto outcome = by_query.find(statement.query_id);
    settle(statement, outcome == by_query.end() ? nullptr : outcome->second);
    statement.at_us = std::max<std::int64_t>(0, statement.at_us - begin);
  }
  return std::move(session_);
}

std::optional<RecordedSession> read_session(const std::string& directory, const std::string& id) {
  const search::Matcher of_session(ports::AuditFilter{{{ports::AuditField::session, id}}, {}, {}, {}});
  SessionReader reader(id);
  audit::LogReader log(directory);
  const auto read = log.more([&](const std::string& line) {
    search::Record record;
    if (!search::read_record(line, record) || !of_session.matches(record)) return;
    boost::system::error_code failed;
    const json::value parsed = json::parse(line, failed);
    if (!failed && parsed.is_object()) reader.take(parsed.as_object());
  });
  if (!read) throw Problem{Exit::failure, read.error().message(), read.error().hint()};
  auto session = reader.finish();
  if (!session) return session;
  for (RecordedStatement& statement : session->statements)
    if (!statement.text_sha256.empty()) give_text(statement, blob(directory, statement.text_sha256));
  return session;
}

void give_text(RecordedStatement& statement, std::optional<std::string> text) {
  if (text && audit::sha256_hex(*text) == statement.text_sha256) {
    statement.sql = std::move(text);
    statement.missing.clear();
  } else {
    statement.missing = "its text is kept apart, and is not there or not the one that was recorded";
  }
}

}  // namespace dbgate::cli
