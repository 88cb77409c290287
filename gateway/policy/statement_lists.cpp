#include "gateway/policy/statement_lists.h"

#include "gateway/sql/analyze.h"
#include "gateway/sql/shape.h"

namespace dbgate::policy {
namespace {

// Empty: nothing is wrong.
std::string problem_of(const std::string& text) {
  const sql::AnalyzeResult result = sql::analyze(text, sql::ScanLimits{});
  if (result.parse_error) return "is not a statement: " + result.parse_error->message;
  if (result.scan_error) return "is not a statement that dbgate reads";
  if (result.script->statements.size() != 1) return "must be one statement";
  const sql::Statement& statement = result.script->statements.front();
  if (!statement.unknown.empty()) return "cannot be listed: dbgate does not understand it completely";
  if (sql::shape_of(statement).empty())
    return "cannot be listed: it is too long, or has U& or a literal continued on a new line";
  return {};
}

}  // namespace

std::vector<config::Problem> check_statement_lists(const config::Config& config, const std::string& file) {
  std::vector<config::Problem> problems;
  const auto check = [&](const std::vector<config::ListedStatement>& list, const std::string& where) {
    for (const config::ListedStatement& statement : list) {
      const std::string why = problem_of(statement.text);
      if (!why.empty()) problems.push_back({file, statement.line, statement.column, false, where + ": " + why});
    }
  };
  for (const config::Policy& policy : config.policies) {
    for (std::size_t i = 0; i < policy.allow.size(); ++i)
      check(policy.allow[i].statements, policy.name + "/allow[" + std::to_string(i) + "].statements");
    check(policy.known, policy.name + "/risk.known");
  }
  return problems;
}

}  // namespace dbgate::policy
