#include "gateway/app/explain.h"

#include <algorithm>

#include "gateway/sql/words.h"

namespace dbgate::app {
namespace {

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
    for (std::size_t i = 0; i < use.effects.size(); ++i) {
      if (use.effects.test(i)) relation.effects.emplace_back(sql::word_of(static_cast<sql::Effect>(i)));
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

void add_holds(const policy::Verdict& verdict, ports::DecisionSummary& summary) {
  for (const policy::Hold& hold : verdict.holds)
    summary.holds.push_back({hold.rule_id, hold.approval->groups, hold.approval->users, hold.approval->needed});
}

}  // namespace

ports::DecisionSummary summary_of(const session::Judged& judged) {
  ports::DecisionSummary summary;
  summary.effect = session::effect_of(judged);
  if (judged.verdict) {
    summary.rule = judged.verdict->rule_id;
    summary.reasons = judged.verdict->reasons;
    summary.suggestion = judged.verdict->suggestion;
    if (summary.effect == "hold") add_holds(*judged.verdict, summary);
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
