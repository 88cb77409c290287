#include "gateway/models/answer.h"

#include <gtest/gtest.h>

#include "gateway/models/prompt.h"

namespace dbgate::models {
namespace {

using ports::ModelOutcome;

ports::RiskOpinion read(std::string_view text) {
  ports::RiskOpinion opinion;
  read_answer(text, opinion);
  return opinion;
}

const std::string good =
    R"({"level":"high","factors":["mass_read","data_loss","mass_read"],"needs_approval":true,"confidence":"low","why":"All rows."})";

TEST(Answer, IsReadWhereItIsWhatWasAskedFor) {
  const ports::RiskOpinion opinion = read(good);
  EXPECT_EQ(opinion.outcome, ModelOutcome::ok);
  EXPECT_EQ(opinion.level, config::RiskLevel::high);
  EXPECT_EQ(opinion.factors, (std::vector<std::string>{"data_loss", "mass_read"}));
  EXPECT_TRUE(opinion.needs_approval);
  EXPECT_EQ(opinion.confidence, "low");
  EXPECT_EQ(opinion.why, "All rows.");
}

TEST(Answer, EverythingElseIsInvalid) {
  const auto with = [](const std::string& what, const std::string& by) {
    std::string text = good;
    return text.replace(text.find(what), what.size(), by);
  };
  for (const std::string& text : {std::string(),
                                  std::string("{}"),
                                  std::string("null"),
                                  std::string("[]"),
                                  std::string("high"),
                                  std::string("\"high\""),
                                  "```json\n" + good + "\n```",
                                  "Here it is: " + good,
                                  good + good,
                                  good + " thanks",
                                  with("\"high\"", "\"HIGH\""),
                                  with("\"high\"", "\"info\""),
                                  with("\"high\"", "\"none\""),
                                  with("\"high\"", "3"),
                                  with("\"high\"", "null"),
                                  with("\"high\"", "[\"high\"]"),
                                  with("\"level\"", "\"Level\""),
                                  with("data_loss", "fun"),
                                  with("[\"mass_read\",\"data_loss\",\"mass_read\"]", "\"mass_read\""),
                                  with("[\"mass_read\",\"data_loss\",\"mass_read\"]", "[1]"),
                                  with("true", "\"true\""),
                                  with("true", "1"),
                                  with("\"low\"", "\"critical\""),
                                  with(",\"why\":\"All rows.\"", ""),
                                  with("\"All rows.\"", "null"),
                                  with("\"why\"", "\"allow\":true,\"why\""),
                                  good.substr(0, good.size() - 1),
                                  good.substr(0, 20),
                                  std::string(1 << 20, '['),
                                  "{\"level\":" + std::string(5000, '['),
                                  std::string("\xff\xfe{}"),
                                  with("All rows.", std::string(40'000, 'x'))}) {
    const ports::RiskOpinion opinion = read(text);
    EXPECT_EQ(opinion.outcome, ModelOutcome::invalid) << text.substr(0, 200);
    EXPECT_EQ(opinion.level, config::RiskLevel::info) << text.substr(0, 200);
    EXPECT_TRUE(opinion.why.empty() && opinion.factors.empty()) << text.substr(0, 200);
  }
}

TEST(Answer, CutAnywhereIsInvalid) {
  for (std::size_t bytes = 0; bytes < good.size(); ++bytes)
    EXPECT_EQ(read(std::string_view(good).substr(0, bytes)).outcome, ModelOutcome::invalid) << bytes;
}

TEST(PlainWords, AreOneLineWithoutSurprises) {
  EXPECT_EQ(plain_words("  two\r\n\tlines \x1b[31m red\x07 "), "two lines [31m red");
  EXPECT_EQ(plain_words("a\xE2\x80\xAE"
                        "b\xE2\x80\x8B"
                        "c\xEF\xBB\xBF"
                        "d"),
            "abcd");
  EXPECT_EQ(plain_words("caf\xC3\xA9 \xF0\x9F\x99\x82"), "caf\xC3\xA9 \xF0\x9F\x99\x82");
  EXPECT_EQ(plain_words(std::string("nul\0here", 8)), "nulhere");
  EXPECT_EQ(plain_words("bad \xff\xc0\x80 bytes"), "bad bytes");
  EXPECT_EQ(plain_words(std::string(1000, 'x')), std::string(300, 'x'));
  std::string wide;
  for (int i = 0; i < 400; ++i)
    wide += "\xC3\xA9";
  EXPECT_EQ(plain_words(wide).size(), 600u);
  EXPECT_EQ(plain_words("<b>&amp;</b>"), "<b>&amp;</b>");  // whoever shows it escapes it
}

TEST(Prompt, IsHashedWithAllThatIsSent) {
  EXPECT_EQ(prompt_hash("{}").size(), 64u);
  EXPECT_EQ(prompt_hash("{}"), prompt_hash("{}"));
  EXPECT_NE(prompt_hash("{}"), prompt_hash("{ }"));
}

}  // namespace
}  // namespace dbgate::models
