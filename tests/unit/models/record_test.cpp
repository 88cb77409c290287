#include "gateway/models/record.h"

#include <gtest/gtest.h>

#include "gateway/models/prompt.h"

namespace dbgate::models {
namespace {

using ports::ModelOutcome;

const std::string brief = R"({"statement":{"kind":"update"}})";

ports::RiskOpinion opinion(ModelOutcome outcome, config::RiskLevel level = config::RiskLevel::high) {
  ports::RiskOpinion made;
  made.outcome = outcome;
  made.level = level;
  made.factors = {"data_loss"};
  made.confidence = "low";
  made.why = "All \"rows\"\n";
  made.provider = "main";
  made.model = "m";
  made.prompt_hash = prompt_hash(brief);
  made.input_tokens = 100;
  return made;
}

TEST(Record, ComesToTheSameAgain) {
  for (const risk::Caller caller : {risk::Caller::person, risk::Caller::service, risk::Caller::agent}) {
    for (int rules = 0; rules < 5; ++rules) {
      for (std::size_t outcome = 0; outcome < static_cast<std::size_t>(ModelOutcome::count_); ++outcome) {
        const auto said = opinion(static_cast<ModelOutcome>(outcome));
        const auto rated = static_cast<risk::Level>(rules);
        const auto replayed = replay(record_of(rated, caller, brief, said));
        ASSERT_TRUE(replayed);
        EXPECT_EQ(replayed->difference, "");
        EXPECT_EQ(replayed->combined.level, combine(rated, caller, said).level);
      }
    }
  }
}

TEST(Record, ShowsWhereItDoesNotFit) {
  const std::string record =
      record_of(risk::Level::medium, risk::Caller::agent, brief, opinion(ModelOutcome::ok, risk::Level::critical));
  const auto with = [&record](const std::string& what, const std::string& by) {
    std::string text = record;
    text.replace(text.find(what), what.size(), by);
    const auto replayed = replay(text);
    return replayed ? replayed->difference : "no record";
  };
  EXPECT_NE(with("\"level\":\"critical\"", "\"level\":\"low\""), "");
  EXPECT_EQ(with("\"rules\":\"medium\"", "\"rules\":\"low\""), "") << "the same maximum";
  EXPECT_EQ(with("update", "delete"), "the hash is not that of the brief");
  EXPECT_EQ(with("\"outcome\":\"ok\"", "\"outcome\":\"fine\""), "no record");
  EXPECT_EQ(with("\"caller\":\"agent\"", "\"caller\":\"robot\""), "no record");
  for (const char* text : {"", "{}", "[]", "nonsense"})
    EXPECT_FALSE(replay(text));
}

}  // namespace
}  // namespace dbgate::models
