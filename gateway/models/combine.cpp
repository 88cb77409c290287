#include "gateway/models/combine.h"

#include <algorithm>

namespace dbgate::models {
namespace {

using ports::ModelOutcome;

bool is_sign(ModelOutcome outcome) {
  return outcome == ModelOutcome::timeout || outcome == ModelOutcome::refused || outcome == ModelOutcome::filtered;
}

}  // namespace

Combined combine(risk::Level rules, risk::Caller caller, const ports::RiskOpinion& opinion) {
  Combined combined;
  combined.level = rules;
  if (opinion.outcome == ModelOutcome::ok) {
    combined.answered = true;
    combined.level = std::max(rules, opinion.level);
    combined.asks_approval = opinion.needs_approval;
    return combined;
  }
  const bool agent = caller == risk::Caller::agent;
  if (rules == risk::Level::medium) (agent ? combined.asks_approval : combined.alerts) = true;
  if (agent && is_sign(opinion.outcome)) combined.level = risk::raised(rules);
  return combined;
}

}  // namespace dbgate::models
