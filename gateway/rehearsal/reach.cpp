#include "gateway/rehearsal/reach.h"

#include <algorithm>
#include <charconv>

#include "gateway/policy/catalog_lists.h"
#include "gateway/sql/analyze.h"
#include "gateway/sql/tokens.h"

namespace dbgate::rehearsal {
namespace {

using sql::Effect;
using sql::StatementKind;

// What a transaction that only reads may do. A lock of rows is one that such a transaction refuses.
bool only_reads(Effect effect) {
  switch (effect) {
    case Effect::read:
    case Effect::copy_out:
    case Effect::session:
    case Effect::show:
    case Effect::transaction:
    case Effect::listen:
    case Effect::cursor:
    case Effect::prepare:
    case Effect::execute:
    case Effect::deallocate:
    case Effect::explain:
      return true;
    default:
      return false;
  }
}

bool has(const sql::Statement& statement, Effect effect) {
  return statement.effects[static_cast<std::size_t>(effect)];
}

bool only_computes(const sql::FunctionUse& function) {
  if (function.form != sql::FunctionForm::call && function.form != sql::FunctionForm::procedure) return true;
  const std::string& schema = function.name.schema;
  if (!schema.empty() && schema != "pg_catalog") return false;
  const std::string& name = function.name.name;
  return function.sets || policy::is_safe_function(name) || policy::is_harmless_function(name) ||
         policy::is_introspection_function(name);
}

std::string why_it_writes(const sql::Statement& statement) {
  if (!statement.unknown.empty()) return statement.tag + " does what cannot be told from its text";
  for (std::size_t i = 0; i < statement.effects.size(); ++i)
    if (statement.effects[i] && !only_reads(static_cast<Effect>(i))) return statement.tag + " may change something";
  for (const sql::FunctionUse& function : statement.functions)
    if (!only_computes(function)) return "it calls " + function.name.name + "(), which may change something";
  return {};
}

// What changes the transaction or its settings, in one message with others: nothing can be put in between.
bool changes_its_frame(const sql::Statement& statement) {
  return has(statement, Effect::transaction) || has(statement, Effect::session);
}

std::size_t parameters_in(std::string_view text) {
  std::size_t most = 0;
  const auto tokens = sql::tokenize(text);
  if (!tokens) return 0;
  for (const sql::Token& token : *tokens) {
    std::size_t number = 0;
    if (token.kind == sql::TokenKind::parameter)
      std::from_chars(text.data() + token.begin + 1, text.data() + token.end, number);
    most = std::max(most, number);
  }
  return most;
}

void take_names(const sql::Statement& statement, Reach& reach) {
  if (statement.name.empty()) return;
  switch (statement.kind) {
    case StatementKind::prepare:
    case StatementKind::declare_cursor:
      reach.makes.push_back(statement.name);
      break;
    case StatementKind::execute:
    case StatementKind::fetch:
      reach.needs.push_back(statement.name);
      break;
    default:
      break;
  }
}

}  // namespace

Reach reach_of(std::string_view text) {
  Reach reach;
  const sql::AnalyzeResult analyzed = sql::analyze(text, sql::ScanLimits{});
  if (!analyzed.script) {
    reach.writes = "dbgate cannot read it";
    return reach;
  }
  const auto& statements = analyzed.script->statements;
  reach.readable = true;
  reach.statements = statements.size();
  // Of PREPARE and of bodies of functions they are not the client's to fill.
  const bool inner = std::any_of(statements.begin(), statements.end(), [](const sql::Statement& statement) {
    return statement.kind == StatementKind::prepare || statement.kind == StatementKind::ddl;
  });
  if (!inner) reach.parameters = parameters_in(text);
  for (const sql::Statement& statement : statements) {
    if (has(statement, Effect::copy_in) && !has(statement, Effect::server_file) &&
        !has(statement, Effect::server_program))
      reach.takes_rows = true;
    if (reach.writes.empty()) reach.writes = why_it_writes(statement);
    if (reach.writes.empty() && statements.size() > 1 && changes_its_frame(statement))
      reach.writes = statement.tag + " stands in one message with other statements";
    take_names(statement, reach);
  }
  return reach;
}

}  // namespace dbgate::rehearsal
