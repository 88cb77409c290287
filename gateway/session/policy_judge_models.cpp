#include <algorithm>

#include "gateway/models/brief.h"
#include "gateway/models/combine.h"
#include "gateway/models/record.h"
#include "gateway/risk/assess.h"
#include "gateway/session/advice.h"
#include "gateway/session/policy_judge.h"

// What models say of what rules are unsure of (docs/models.md). It may raise a rating, and never lower one.
namespace dbgate::session {
namespace {

using ports::ModelOutcome;
using ports::RiskOpinion;
using std::chrono::steady_clock;

// Of one text. Each is a request to somebody who takes money for it.
constexpr std::size_t most_doubts = 8;
// So long an answer is used without asking whether there is a better one by now, or a budget for it.
constexpr std::chrono::seconds looked_up_each{60};

bool is_unsure(risk::Level level) {
  return level == risk::Level::low || level == risk::Level::medium;
}

// What models are told of the session's state is what rules look at for such a statement: briefs, and verdicts that are
// kept with them, are the same wherever it makes no difference.
risk::Circumstances shown(risk::Circumstances around, const sql::Statement& statement) {
  if (!risk::rests_on_session(statement)) around.in_transaction = around.holds_lock = around.has_lock_timeout = false;
  return around;
}

std::string joined(const std::vector<std::string>& parts, const char* between) {
  std::string text;
  for (const std::string& part : parts)
    text += (text.empty() ? "" : between) + part;
  return text;
}

// Never in the model's own words: those are for people to read, and agents read what they are told.
std::string what_was_said(const RiskOpinion& opinion) {
  if (opinion.outcome != ModelOutcome::ok)
    return "without a model's answer (" + std::string(ports::word_of(opinion.outcome)) + ")";
  const std::string factors = opinion.factors.empty() ? "" : " (" + joined(opinion.factors, ", ") + ")";
  return "by model " + opinion.provider + factors;
}

// What was asked about the statement at that place. Its facts may be others by now, as when the catalog has been read
// meanwhile: rules look at these, and one wait is all that a statement has. Null: it was not asked about.
const Answered* find(const Heard& heard, const std::vector<Doubt>& doubts, std::size_t place) {
  const std::string& brief = doubts[place].question.brief;
  const auto said = std::find_if(heard.answers.begin(), heard.answers.end(),
                                 [&brief](const Answered& answered) { return answered.brief == brief; });
  if (said != heard.answers.end()) return &*said;
  const auto asked = static_cast<std::size_t>(
      std::count_if(doubts.begin(), doubts.end(), [](const Doubt& doubt) { return !doubt.question.brief.empty(); }));
  return asked == heard.answers.size() && place < asked ? &heard.answers[place] : nullptr;
}

RiskOpinion unusable(ModelOutcome outcome) {
  RiskOpinion opinion;
  opinion.outcome = outcome;
  return opinion;
}

// A level that no rule has come to has the least score of its own.
void raise(policy::Risk& risk, risk::Level level) {
  constexpr unsigned step = 20;
  const auto known = risk::level_of(risk.level);
  if (known && *known >= level) return;
  risk.level = risk::word_of(level);
  risk.score = std::max(risk.score, static_cast<unsigned>(level) * step);
}

void use(const std::shared_ptr<const policy::Verdict>& verdict, Judged& judged) {
  judged.verdict = verdict;
  if (verdict->passes()) return;
  judged.refused = true;
  judged.refusal = denial(*verdict);
}

}  // namespace

std::size_t bytes_of(const Advice& advice) {
  constexpr std::size_t of_verdict = 2048;  // with a record of each answer in it
  std::size_t bytes = sizeof advice + of_verdict;
  for (const Doubt& doubt : advice.doubts)
    bytes += sizeof doubt + doubt.question.brief.capacity() + doubt.question.key.capacity() +
             doubt.question.principal.capacity();
  return bytes;
}

// `statement` passes. What is denied anyway is not worth a question, and what is known to be sent every day is none.
void PolicyJudge::doubt(const sql::Statement& statement, const risk::Circumstances& around, risk::Level level,
                        Judged& judged) const {
  const policy::RiskGrants granted = policy::risk_of(*view_.grants);
  if (!view_.model || granted.from.llm == config::ModelUse::off || !is_unsure(level)) return;
  const bool usual = policy::lists_shapes(*view_.grants) && !around.unknown_shape;
  if (level == risk::Level::low && usual) return;
  if (!judged.advice) judged.advice = std::make_shared<Advice>();
  Advice& advice = *judged.advice;
  advice.waits = granted.from.llm == config::ModelUse::on;
  Doubt made;
  made.rules = level;
  made.question.principal = user_;
  made.question.caller = granted.kind;
  if (advice.doubts.size() < most_doubts) {
    const std::string context = target_ + '\0' + database_ + '\0' + view_.version_text + '\0' +
                                std::to_string(view_.catalog ? view_.catalog->version() : 0);
    models::Brief brief = models::make_brief(statement, shown(around, statement), {view_.model_names, context});
    made.question.brief = std::move(brief.body);
    made.question.key = std::move(brief.key);
  }
  // The same many times is one question.
  const auto known = std::find_if(advice.doubts.begin(), advice.doubts.end(), [&made](const Doubt& one) {
    return one.question.brief == made.question.brief && one.rules == made.rules;
  });
  if (known == advice.doubts.end()) advice.doubts.push_back(std::move(made));
}

std::optional<Answered> PolicyJudge::opinion_on(const Advice& advice, std::size_t place, const Heard* heard) const {
  const ports::RiskQuestion& question = advice.doubts[place].question;
  if (question.brief.empty()) return Answered{{}, unusable(ModelOutcome::busy)};
  if (heard != nullptr) {
    const Answered* const said = find(*heard, advice.doubts, place);
    return said == nullptr ? Answered{{}, unusable(ModelOutcome::unavailable)} : *said;
  }
  if (!view_.model) return Answered{{}, unusable(ModelOutcome::unavailable)};
  auto known = view_.model->known(question);
  if (!known) return {};
  return Answered{question.brief, *std::move(known)};
}

// One doubt, settled.
void PolicyJudge::settle(const policy::RiskGrants& granted, const Doubt& doubt, const RiskOpinion& opinion,
                         policy::Verdict& verdict) const {
  const models::Combined combined = models::combine(doubt.rules, granted.kind, opinion);
  const std::string said = what_was_said(opinion);
  if (combined.level > doubt.rules) {
    raise(verdict.risk, combined.level);
    act_on(granted, combined.level, {said, "Ask for less at once, or ask somebody who may do this."}, verdict);
  }
  if (combined.alerts) {
    verdict.risk.alerts = true;
    verdict.reasons.push_back("rated by rules alone, " + said);
  }
  if (!combined.asks_approval || !verdict.allowed()) return;
  if (granted.models_approval) {
    return policy::hold_or_note(*view_.grants,
                                {granted.models_approval, std::string(granted.models_policy) + "/risk.llm"}, verdict);
  }
  // The policy names nobody who could agree. What a model would like does not count then; but without a model's answer
  // nobody at all has looked at it.
  verdict.reasons.push_back("approval wanted " + said);
  if (combined.answered || granted.observes) {
    if (verdict.decision == policy::Decision::allow) verdict.decision = policy::Decision::log_only;
    return;
  }
  verdict.decision = policy::Decision::deny;
  verdict.rule_id = std::string(granted.models_policy) + "/risk.llm";
  verdict.message =
      "permission denied by dbgate policy: rated " + std::string(risk::word_of(combined.level)) + " " + said;
  verdict.hint = "Try again later; an administrator can name who may agree instead: approval, beside risk.";
  verdict.risk.denies = true;
}

bool PolicyJudge::advise(Judged& judged, const Heard* heard) {
  Advice& advice = *judged.advice;
  const auto now = steady_clock::now();
  if (now < advice.until) {
    use(advice.verdict, judged);
    return true;
  }
  if (!view_.grants) return true;
  const policy::RiskGrants granted = policy::risk_of(*view_.grants);
  auto verdict = std::make_shared<policy::Verdict>(*judged.verdict);
  std::vector<std::string> records;
  auto until = now + looked_up_each;
  for (std::size_t i = 0; i < advice.doubts.size(); ++i) {
    const auto answered = opinion_on(advice, i, heard);
    if (!answered && advice.waits) return false;
    until = std::min(until, answered && heard == nullptr ? answered->opinion.until : Advice::Time{});
    if (!answered) continue;
    settle(granted, advice.doubts[i], answered->opinion, *verdict);
    records.push_back(models::record_of(advice.doubts[i].rules, granted.kind, answered->brief, answered->opinion));
  }
  verdict->risk.models = joined(records, ",");
  if (records.size() > 1) verdict->risk.models = "[" + verdict->risk.models + "]";
  if (until > now) {
    advice.until = until;
    advice.verdict = verdict;
  } else {
    judged.record = nullptr;  // it says what was said this once
  }
  use(verdict, judged);
  return true;
}

}  // namespace dbgate::session
