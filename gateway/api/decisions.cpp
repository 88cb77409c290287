#include "gateway/api/decisions.h"

#include <boost/json.hpp>

#include "gateway/api/json_body.h"

namespace dbgate::api {
namespace {

namespace json = boost::json;

constexpr std::int64_t most_texts = 100;
constexpr std::int64_t most_name = 256;  // target/database
constexpr std::int64_t most_characters = 16 << 20;

json::object objects_of(const ports::DecisionSummary& decided) {
  json::array relations;
  for (const ports::RelationSummary& relation : decided.relations) {
    json::object entry{{"name", relation.name}, {"effects", json::value_from(relation.effects)}};
    if (!relation.reads.empty()) entry["reads"] = json::value_from(relation.reads);
    if (!relation.writes.empty()) entry["writes"] = json::value_from(relation.writes);
    relations.push_back(std::move(entry));
  }
  return {{"relations", std::move(relations)}, {"functions", json::value_from(decided.functions)}};
}

json::array approvals_of(const ports::DecisionSummary& decided) {
  json::array approvals;
  for (const ports::HoldSummary& hold : decided.holds) {
    approvals.push_back(json::object{{"rule", hold.rule},
                                     {"groups", json::value_from(hold.groups)},
                                     {"users", json::value_from(hold.users)},
                                     {"needed", hold.needed}});
  }
  return approvals;
}

json::object risk_of(const ports::RiskSummary& risk) {
  json::array rules;
  for (const ports::RiskRuleSummary& rule : risk.rules) {
    json::object entry{{"id", rule.id}, {"level", rule.level}, {"title", rule.title}};
    if (!rule.about.empty()) entry["about"] = rule.about;
    entry["why"] = rule.why;
    entry["remedy"] = rule.remedy;
    rules.push_back(std::move(entry));
  }
  return {{"level", risk.level}, {"score", risk.score}, {"rules", std::move(rules)}};
}

json::object answer_of(const ports::DecisionSummary& decided) {
  json::object answer;
  answer["effect"] = decided.effect;
  answer["rule"] = decided.rule;
  answer["reasons"] = json::value_from(decided.reasons);
  answer["operation"] = decided.operation;
  answer["objects"] = objects_of(decided);
  if (!decided.holds.empty()) answer["approvals"] = approvals_of(decided);
  answer["risk"] = risk_of(decided.risk);
  if (decided.sqlstate.empty()) return answer;
  answer["sqlstate"] = decided.sqlstate;
  answer["message"] = decided.message;
  if (!decided.hint.empty()) answer["hint"] = decided.hint;
  if (!decided.suggestion.empty()) answer["suggestion"] = decided.suggestion;
  if (decided.position > 0) answer["position"] = decided.position;
  return answer;
}

}  // namespace

Task<Response> decide(Services& services, Request& request) {
  JsonBody body(request, {member::text("target", 1, most_name), member::sql("sql").optional(),
                          member::texts("statements", 1, most_texts, most_characters, 0).optional(),
                          member::text("principal", 0, most_name).optional()});
  const bool several = body.has("statements");
  if (body.valid() && body.has("sql") == several) body.refuse("sql", "or \"statements\" is needed, and not both");
  if (!body.valid()) co_return body.refused(request);
  ports::DecisionQuestion question;
  question.user = request.caller->user;
  question.principal = body.text("principal");
  question.target = body.text("target");
  question.texts = several ? body.texts("statements") : std::vector<std::string>{body.text("sql")};
  const auto decided = co_await services.gateway.decide(std::move(question));
  if (!decided) {
    const Error why = decided.error();
    const bool not_allowed = why.code() == sqlstate::insufficient_privilege;
    co_return problem(request, not_allowed ? "not_administrator" : "no_such_target", why.message());
  }
  if (!several) co_return json_response(json::serialize(answer_of(decided->front())));
  json::array items;
  for (const ports::DecisionSummary& one : *decided)
    items.push_back(answer_of(one));
  co_return json_response(json::serialize(json::object{{"items", std::move(items)}}));
}

}  // namespace dbgate::api
