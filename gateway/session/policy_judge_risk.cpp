#include <algorithm>

#include "gateway/risk/assess.h"
#include "gateway/session/policy_judge.h"
#include "gateway/sql/signs.h"

// What the rules of risk say of what policies allow. They may take a permission away or make it wait, never give one.
namespace dbgate::session {
namespace {

constexpr std::size_t most_hits = 8;

policy::Risk summary_of(const risk::Assessment& assessment) {
  policy::Risk summary;
  if (assessment.level == risk::Level::info) return summary;
  summary.level = risk::word_of(assessment.level);
  summary.score = assessment.score;
  for (const risk::Hit& hit : assessment.hits) {
    if (hit.level == risk::Level::info || summary.rules.size() == most_hits) break;
    summary.rules.push_back(hit.about.empty() ? hit.rule->id : std::string(hit.rule->id) + " " + hit.about);
  }
  return summary;
}

}  // namespace

bool PolicyJudge::bursts() const {
  return view_.burst && view_.burst->was_ever() && view_.burst->goes_on(clock_());
}

// Attempts that end in nothing, and questions about the catalog. Denials because of a burst do not make it last.
void PolicyJudge::count(const Judged& judged, const policy::Verdict& verdict) const {
  if (!view_.burst || !counts_) return;
  const bool denied = judged.refused && verdict.decision == policy::Decision::deny;
  const bool refused = denied && !(verdict.risk.denies && bursts());
  if (refused) view_.burst->note(Burst::Of::refusal, clock_());
  if (verdict.risk.probes) view_.burst->note(Burst::Of::probe, clock_());
}

risk::Circumstances PolicyJudge::circumstances(const policy::RiskGrants& granted, const sql::Statement& statement,
                                               std::size_t statements) const {
  risk::Circumstances circumstances;
  circumstances.caller = granted.kind;
  circumstances.resolver = view_.resolver.get();
  circumstances.sensitive = granted.sensitive;
  circumstances.in_transaction = then_.in_block();
  circumstances.holds_lock = then_.holds_lock();
  circumstances.has_lock_timeout = then_.has_timeout();
  circumstances.only_reads = !granted.writes;
  circumstances.unknown_shape = policy::is_unknown(*view_.grants, statement);
  circumstances.bursts = bursts();
  circumstances.statements = statements;
  return circumstances;
}

risk::Assessment PolicyJudge::rate(const Analysis& analysis) {
  const PolicyView& policy = view();
  if (!policy.grants) return {};
  const policy::RiskGrants granted = policy::risk_of(*policy.grants);
  if (analysis.refused) return risk::assess_unreadable(granted.kind);
  std::vector<risk::Assessment> parts;
  then_ = seen_;
  for (const sql::Statement& statement : analysis.script->statements) {
    parts.push_back(risk::assess(statement, circumstances(granted, statement, analysis.script->statements.size())));
    then_.follow(statement);
  }
  return risk::together(std::move(parts));
}

// `judged` takes what models are to be asked; null: nothing of it runs, or it was asked before.
void PolicyJudge::weigh(const sql::Statement& statement, std::size_t statements, policy::Verdict& verdict,
                        Judged* judged) const {
  const policy::RiskGrants granted = policy::risk_of(*view_.grants);
  const risk::Circumstances around = circumstances(granted, statement, statements);
  const risk::Assessment assessment = risk::assess(statement, around);
  verdict.risk = summary_of(assessment);
  verdict.risk.probes = risk::reads_catalog(assessment);
  verdict.risk.of_moment = around.bursts || risk::rests_on_session(statement);
  if (assessment.hits.empty()) return;
  const risk::Rule& worst = *assessment.hits.front().rule;
  if (granted.reached_by(assessment.level)) {
    act_on(granted, assessment.level, {"by " + std::string(worst.id) + ": " + worst.title, worst.remedy}, verdict);
  }
  if (judged != nullptr && verdict.passes()) doubt(statement, around, assessment.level, *judged);
}

// What policies say of a level.
void PolicyJudge::act_on(const policy::RiskGrants& granted, risk::Level level, const Rated& rated,
                         policy::Verdict& verdict) const {
  const auto reaches = [level](const std::optional<risk::Level>& from) { return from && level >= *from; };
  const bool denies = reaches(granted.from.deny_at);
  const bool held = !denies && granted.approval && reaches(granted.from.hold_at);
  if (!denies && !held && !reaches(granted.from.log_at)) return;
  const std::string how = "rated " + std::string(risk::word_of(level)) + " " + rated.how;
  verdict.reasons.push_back(how);
  if (held) return policy::hold_or_note(*view_.grants, {granted.approval, std::string(granted.hold_rule)}, verdict);
  if (granted.observes || !denies) {
    if (verdict.decision == policy::Decision::allow) verdict.decision = policy::Decision::log_only;
    return;
  }
  verdict.decision = policy::Decision::deny;
  verdict.rule_id = std::string(granted.policy) + "/risk.deny_at";
  verdict.message = "permission denied by dbgate policy: " + how;
  verdict.hint = rated.remedy;
  verdict.risk.denies = true;
}

Refusal denial(const policy::Verdict& verdict) {
  Refusal refusal;
  refusal.code = verdict.sqlstate;
  refusal.message = verdict.message;
  refusal.hint = verdict.hint;
  return refusal;
}

bool rests_on_values(const sql::Script& script) {
  return std::any_of(script.statements.begin(), script.statements.end(),
                     [](const sql::Statement& statement) { return statement.signs && statement.signs->by_value; });
}

}  // namespace dbgate::session
