#include "gateway/app/explain.h"

#include <algorithm>
#include <array>

namespace dbgate::app {
namespace {

// In the order of sql::Effect; the words of sql/facts.h.
constexpr std::array<const char*, static_cast<std::size_t>(sql::Effect::count_)> effect_names = {
    "read",        "insert",         "update",      "delete", "truncate",    "merge",       "copy_in", "copy_out",
    "server_file", "server_program", "ddl",         "dcl",    "call",        "do_block",    "session", "show",
    "transaction", "two_phase",      "lock",        "listen", "notify",      "cursor",      "prepare", "execute",
    "deallocate",  "explain",        "maintenance", "admin",  "select_into", "replication", "opaque"};

std::string written(const sql::QualifiedName& name) {
  return (name.schema.empty() ? "" : name.schema + ".") + name.name;
}

std::vector<std::string> columns_of(const sql::ColumnUse& use) {
  std::vector<std::string> columns = use.names;
  if (use.whole_row) columns.insert(columns.begin(), "*");
  return columns;
}

void add_objects(const sql::Statement& statement, ports::DecisionSummary& summary) {
  for (const sql::RelationUse& use : statement.relations) {
    ports::RelationSummary relation{written(use.name), {}, columns_of(use.reads), columns_of(use.writes)};
    for (std::size_t i = 0; i < effect_names.size(); ++i) {
      if (use.effects.test(i)) relation.effects.emplace_back(effect_names[i]);
    }
    summary.relations.push_back(std::move(relation));
  }
  for (const sql::FunctionUse& use : statement.functions) {
    if (use.form == sql::FunctionForm::operator_) continue;
    std::string name = written(use.name);
    const auto known = std::find(summary.functions.begin(), summary.functions.end(), name);
    if (known == summary.functions.end()) summary.functions.push_back(std::move(name));
  }
}

}  // namespace

ports::DecisionSummary summary_of(const session::Judged& judged) {
  ports::DecisionSummary summary;
  summary.effect = session::effect_of(judged);
  if (judged.verdict) {
    summary.rule = judged.verdict->rule_id;
    summary.reasons = judged.verdict->reasons;
    summary.suggestion = judged.verdict->suggestion;
  }
  for (const sql::Statement& statement : judged.script->statements) {
    summary.operation += (summary.operation.empty() ? "" : "; ") + statement.tag;
    add_objects(statement, summary);
  }
  if (judged.refused) {
    summary.sqlstate = judged.refusal.code.text();
    summary.message = judged.refusal.message;
    summary.hint = judged.refusal.hint;
    summary.position = judged.refusal.position;
  }
  return summary;
}

ports::RiskSummary summary_of(const risk::Assessment& assessment) {
  ports::RiskSummary summary{std::string(risk::word_of(assessment.level)), assessment.score, {}};
  for (const risk::Hit& hit : assessment.hits) {
    if (hit.level == risk::Level::info) continue;
    summary.rules.push_back({hit.rule->id, std::string(risk::word_of(hit.level)), hit.rule->title, hit.about,
                             hit.rule->why, hit.rule->remedy});
  }
  return summary;
}

}  // namespace dbgate::app
