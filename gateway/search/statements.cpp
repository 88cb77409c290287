#include "gateway/search/statements.h"

#include <boost/json.hpp>

#include "gateway/audit/chain.h"
#include "gateway/audit/json.h"
#include "gateway/search/log_view.h"

namespace dbgate::search {
namespace {

namespace json = boost::json;
using ports::Statement;

constexpr std::size_t hash_digits = 64;

std::string text_of(const json::object& record, std::string_view name) {
  const json::value* const value = record.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

std::size_t number_of(const json::object& record, std::string_view name) {
  const json::value* const value = record.if_contains(name);
  boost::system::error_code failed;
  const auto number = value == nullptr ? 0 : value->to_number<std::uint64_t>(failed);
  return failed ? 0 : number;
}

// At most so many bytes, and no part of a character.
void cut(std::string& text, std::size_t most) {
  if (text.size() <= most) return;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xc0) == 0x80)
    --most;
  text.resize(most);
}

// Bytes as JSON can have them.
std::string as_text(std::string_view bytes) {
  std::string quoted;
  audit::append_json_string(quoted, bytes);
  boost::system::error_code failed;
  const json::value parsed = json::parse(quoted, failed);
  return !failed && parsed.is_string() ? std::string(parsed.as_string()) : std::string();
}

// A text that is kept apart; empty if it is not there, or not the one. Only a hash is followed, and what a record that
// somebody has altered says of the size is not believed.
std::string stored_text(const std::string& directory, const std::string& hash, std::size_t bytes, std::size_t most) {
  constexpr std::size_t most_stored = 64u << 20;
  if (hash.size() != hash_digits || hash.find_first_not_of("0123456789abcdef") != std::string::npos) return {};
  const bool whole = bytes <= most;
  const auto text = audit::read_part(directory + "/blobs/" + hash, 0, whole ? std::min(bytes, most_stored) : most);
  if (!text || (whole && audit::sha256_hex(*text) != hash)) return {};
  return as_text(*text);
}

Statement::State state_of(const Outcome& outcome) {
  if (outcome.outcome == "ok") return Statement::State::succeeded;
  if (outcome.outcome == "not_run") return Statement::State::not_run;
  return outcome.sqlstate == "57014" ? Statement::State::cancelled : Statement::State::failed;
}

}  // namespace

std::optional<Statement> read_statement(std::string_view line, const std::string& directory, std::size_t most_text) {
  boost::system::error_code failed;
  const json::value parsed = json::parse(line, failed);
  if (failed || !parsed.is_object()) return {};
  const json::object& record = parsed.as_object();
  if (text_of(record, "event") != "statement.decided") return {};
  Statement statement;
  statement.id = text_of(record, "query_id");
  statement.session = text_of(record, "session_id");
  statement.user = text_of(record, "user.name");
  statement.target = text_of(record, "target");
  statement.database = text_of(record, "db.namespace");
  statement.protocol = text_of(record, "protocol");
  statement.operation = text_of(record, "db.operation.name");
  statement.effect = text_of(record, "decision.effect");
  statement.rule = text_of(record, "decision.rule_id");
  if (const json::value* const reasons = record.if_contains("decision.reasons");
      reasons != nullptr && reasons->is_array()) {
    for (const json::value& reason : reasons->as_array())
      if (reason.is_string()) statement.reasons.emplace_back(reason.as_string());
  }
  const std::string hash = text_of(record, "db.query.text_sha256");
  statement.text = text_of(record, "db.query.text");
  statement.text_bytes = hash.empty() ? statement.text.size() : number_of(record, "db.query.text_bytes");
  if (!hash.empty()) statement.text = stored_text(directory, hash, statement.text_bytes, most_text);
  cut(statement.text, most_text);
  statement.decided_us = parse_log_time(text_of(record, "ts"));
  return statement;
}

void add_outcome(Statement& statement, const Outcome* outcome) {
  if (statement.effect == "deny") {
    statement.state = Statement::State::denied;
    return;
  }
  if (outcome == nullptr) return;
  statement.state = state_of(*outcome);
  statement.sqlstate = outcome->sqlstate == "00000" ? "" : outcome->sqlstate;
  statement.limit = outcome->limit;
  statement.from_cache = outcome->from_cache;
  statement.rows = outcome->rows;
  statement.rows_affected = outcome->rows_affected;
  statement.bytes = outcome->bytes;
  statement.duration_us = outcome->duration_us;
  statement.ended_us = outcome->ended_us;
}

}  // namespace dbgate::search
