#include "gateway/models/combine.h"

#include <gtest/gtest.h>

namespace dbgate::models {
namespace {

using ports::ModelOutcome;
using risk::Caller;
using risk::Level;

constexpr Level levels[] = {Level::info, Level::low, Level::medium, Level::high, Level::critical};
constexpr Caller callers[] = {Caller::person, Caller::service, Caller::agent};

// Every verdict that a model can speak, every failure, every caller: never below the rules.
TEST(Combine, NeverLowers) {
  for (const Level rules : levels) {
    for (const Caller caller : callers) {
      for (std::size_t outcome = 0; outcome < static_cast<std::size_t>(ModelOutcome::count_); ++outcome) {
        for (const Level said : levels) {
          for (const bool approval : {false, true}) {
            ports::RiskOpinion opinion;
            opinion.outcome = static_cast<ModelOutcome>(outcome);
            opinion.level = said;
            opinion.needs_approval = approval;
            opinion.confidence = "high";
            const Combined combined = combine(rules, caller, opinion);
            EXPECT_GE(combined.level, rules);
            EXPECT_EQ(combined.answered, opinion.outcome == ModelOutcome::ok);
            if (combined.answered) {
              EXPECT_EQ(combined.level, std::max(rules, said));
              EXPECT_EQ(combined.asks_approval, approval);
            } else {
              EXPECT_LE(combined.level, caller == Caller::agent ? risk::raised(rules) : rules);
            }
          }
        }
      }
    }
  }
}

TEST(Combine, WithoutAnAnswerTheRulesSayWhatHappens) {
  ports::RiskOpinion none;
  none.outcome = ModelOutcome::failing;
  for (const Caller caller : callers) {
    for (const Level rules : {Level::info, Level::low, Level::high, Level::critical}) {
      const Combined combined = combine(rules, caller, none);
      EXPECT_EQ(combined.level, rules);
      EXPECT_FALSE(combined.asks_approval || combined.alerts);
    }
  }
  EXPECT_TRUE(combine(Level::medium, Caller::agent, none).asks_approval);
  EXPECT_FALSE(combine(Level::medium, Caller::agent, none).alerts);
  EXPECT_TRUE(combine(Level::medium, Caller::person, none).alerts);
  EXPECT_TRUE(combine(Level::medium, Caller::service, none).alerts);
  EXPECT_FALSE(combine(Level::medium, Caller::person, none).asks_approval);
}

TEST(Combine, AnAgentThatMakesAModelHangOrRefuseIsASign) {
  for (const ModelOutcome outcome : {ModelOutcome::timeout, ModelOutcome::refused, ModelOutcome::filtered}) {
    ports::RiskOpinion opinion;
    opinion.outcome = outcome;
    EXPECT_EQ(combine(Level::low, Caller::agent, opinion).level, Level::medium);
    EXPECT_EQ(combine(Level::low, Caller::person, opinion).level, Level::low);
    EXPECT_EQ(combine(Level::critical, Caller::agent, opinion).level, Level::critical);
  }
}

}  // namespace
}  // namespace dbgate::models
