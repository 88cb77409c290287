#include "gateway/session/commit_gate.h"

#include <algorithm>

#include "protocol/postgres/field_writer.h"
#include "protocol/postgres/frontend_messages.h"

namespace dbgate::session {
namespace {

namespace frontend = protocol::frontend;

// Of a statement and a portal on the server; nobody else's may begin so (shared_statements.cpp).
constexpr std::string_view own_name = "dbgate:gate";
constexpr std::size_t most_text_bytes = 64u << 10;
constexpr std::size_t most_statements = 200;

void join(std::string& list, std::string_view item) {
  if (!list.empty()) list += ',';
  list += item;
}

}  // namespace

void Changes::add(std::string_view line) {
  if (line.empty()) return;
  const std::string_view said = line.substr(1);
  switch (line.front()) {
    case 'O':
      open = true;
      break;
    case 'U':
      unseen.emplace_back(said);
      break;
    case 'L':
      differs = true;
      break;
    case 'T':
      join(tables, said);
      break;
    case 'R':
      ++count;
      too_many = too_many || count > most_rows || said.size() > most_bytes - std::min(most_bytes, rows.size());
      if (!too_many) join(rows, said);
      break;
    default:
      break;
  }
}

void GateSide::forget_transaction() {
  own_block = open = undone = forgets = false;
  comparison = reserve = nullptr;
  judged.clear();
  asked_of = nullptr;
  texts.clear();
  script = nullptr;
  verdict = nullptr;
  changes = nullptr;
  error.clear();
  error_code.clear();
  asked = 0;
  agreement = {};
  answer = nullptr;
}

void GateSide::give_up_wrapped() {
  last_tag.clear();
  run = nullptr;
  forget_transaction();
  stage = keeps_message ? GateStage::over : GateStage::idle;
  wraps = keeps_message;
}

void GateSide::note(const Judged& said, std::string_view text, std::shared_ptr<const BoundValues> bound) {
  judged_by = judged.empty() || judged_by == said.judged_by ? said.judged_by : 0;
  forgets = forgets || judged.size() == most_statements;
  if (!forgets) judged.push_back({std::make_shared<const Analysis>(Analysis{said.script, false, {}, {}}), bound});
  verdict = said.verdict;
  if (texts.size() + text.size() > most_text_bytes) {
    if (!texts.ends_with("…")) texts += "\n…";
  } else {
    texts.append(texts.empty() ? "" : ";\n").append(text);
  }
  if (!script) script = std::make_shared<sql::Script>();
  for (const sql::Statement& statement : said.script->statements) {
    if (script->statements.size() < most_statements) script->statements.push_back(statement);
  }
}

void GateSide::follow(const sql::Statement& statement) {
  using enum sql::StatementKind;
  switch (statement.kind) {
    case begin:
      in_block = true;
      break;
    case commit:
    case rollback:
      in_block = false;
      forget_transaction();
      break;
    case rollback_to:
      undone = open;  // the server has forgotten with it that it captures, if that began behind the savepoint
      break;
    default:
      break;
  }
}

void GateSide::take_row(std::string_view row) {
  const bool asks = stage == GateStage::opening || stage == GateStage::reading || stage == GateStage::rereading;
  if (comparison && asks) comparison->add(row);
  if (!comparison && reserve && stage == GateStage::opening) reserve->add(row);
  if (!comparison && changes && stage == GateStage::reading) changes->add(row);
}

void append_own_statement(std::string_view text, std::string& messages) {
  messages += protocol::encoded(frontend::Parse{own_name, text, {}});
  protocol::FieldWriter writer(messages);
  writer.begin_message('B');
  writer.string(own_name);
  writer.string(own_name);
  for (int i = 0; i < 3; ++i)
    writer.int16(0);
  writer.end_message();
  messages += protocol::encoded(frontend::Execute{own_name, 0});
  messages += protocol::encoded(frontend::Close{frontend::NameKind::portal, own_name});
  messages += protocol::encoded(frontend::Close{frontend::NameKind::prepared_statement, own_name});
}

const char* gate_opening() {
  return "SELECT dbgate_gate.open()";
}

const char* gate_reading() {
  return "SELECT dbgate_gate.changes(20001)";  // Changes::most_rows and one
}

std::string gate_patience(std::chrono::milliseconds lock_budget) {
  constexpr std::chrono::seconds grace{30};
  return "SELECT pg_catalog.set_config('idle_in_transaction_session_timeout', '" +
         std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(lock_budget + grace).count()) +
         "', true)";
}

Refusal unseen_changes(const Changes& changes) {
  Refusal refusal;
  if (!changes.open) {
    refusal.message = "permission denied by dbgate policy: the capture of what this transaction changes was stopped";
    return refusal;
  }
  if (changes.too_many) {
    refusal.code = sqlstate::program_limit_exceeded;
    refusal.message = "transaction changes more rows than can be shown to those who approve it";
    refusal.hint = "It was rolled back. Change at most " + std::to_string(Changes::most_rows) + " rows at once.";
    return refusal;
  }
  std::string list = changes.unseen.empty() ? "some tables" : "";
  for (const std::string& name : changes.unseen) {
    if (list.size() > 200) {
      list += ", …";
      break;
    }
    list += (list.empty() ? "" : ", ") + name;
  }
  refusal.message =
      "permission denied by dbgate policy: changes need approval before they are committed, and those of " + list +
      " cannot be shown";
  refusal.hint = changes.compared
                     ? "The transaction was rolled back. In a database that is prepared they can be: dbgate target "
                       "prepare TARGET --apply"
                     : "The transaction was rolled back. New tables are prepared by: dbgate target prepare "
                       "TARGET --apply";
  return refusal;
}

Refusal aborted_transaction() {
  Refusal refusal;
  refusal.code = protocol::SqlState("25P02");
  refusal.message = "current transaction is aborted, commands ignored until end of transaction block";
  return refusal;
}

bool is_aborted(std::string_view server_code) {
  return server_code == "25P02";
}

Refusal gate_closed(std::string_view server_code, bool compares) {
  if (is_aborted(server_code)) return aborted_transaction();
  Refusal refusal;
  if (compares) {
    refusal.message =
        "permission denied by dbgate policy: changes need approval before they are committed, and the server does not "
        "tell what they are";
    refusal.detail = "The server said SQLSTATE " + std::string(server_code) + ".";
    return refusal;
  }
  refusal.message =
      "permission denied by dbgate policy: changes need approval before they are committed, and the database is not "
      "prepared for that";
  refusal.detail = "The server said SQLSTATE " + std::string(server_code) + ".";
  refusal.hint = "An administrator prepares it: dbgate target prepare TARGET --apply";
  return refusal;
}

Refusal no_longer_allowed(const Refusal& why) {
  Refusal refusal = why;
  if (refusal.message.empty()) refusal.message = "permission denied by dbgate policy: policies have changed meanwhile";
  refusal.hint = "Policies have changed since it ran; it was rolled back. " + why.hint;
  return refusal;
}

Refusal elsewhere() {
  Refusal refusal;
  refusal.code = sqlstate::connection_failure;
  refusal.message = "what the transaction changes cannot be compared: no other connection came to the same server";
  refusal.hint =
      "The transaction was rolled back. An administrator looks at upstream.hosts of the target, or prepares it: "
      "dbgate target prepare TARGET --apply";
  return refusal;
}

bool same_holds(const policy::CommitGate& one, const policy::CommitGate& other) {
  const auto same = [](const policy::Hold& a, const policy::Hold& b) {
    if (a.rule_id != b.rule_id || !a.approval || !b.approval) return a.rule_id == b.rule_id && a.approval == b.approval;
    return a.approval->groups == b.approval->groups && a.approval->users == b.approval->users &&
           a.approval->needed == b.approval->needed;
  };
  return std::equal(one.holds.begin(), one.holds.end(), other.holds.begin(), other.holds.end(), same);
}

Refusal apart_from_control() {
  Refusal refusal;
  refusal.message = "permission denied by dbgate policy: changes need approval before they are committed";
  refusal.hint = "Send BEGIN, COMMIT, ROLLBACK and savepoints in messages of their own, apart from what changes rows.";
  return refusal;
}

Refusal copy_needs_block() {
  Refusal refusal = apart_from_control();
  refusal.hint = "Send this COPY in a transaction block, between BEGIN and COMMIT.";
  return refusal;
}

}  // namespace dbgate::session
