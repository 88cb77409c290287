#include "gateway/models/advisor.h"

#include <gtest/gtest.h>

#include <deque>

namespace dbgate::models {
namespace {

using ports::HttpFetched;
using ports::ModelOutcome;
using ports::RiskOpinion;
using std::chrono::milliseconds;
using std::chrono::seconds;

/// Requests wait here until the test answers them.
class Scripted final : public ports::HttpFetches {
 public:
  struct Open {
    ports::HttpRequest request;
    ports::FetchLimits limits;
    std::function<void(HttpFetched)> done;
  };
  void start(ports::HttpRequest request, const ports::FetchLimits& limits,
             std::function<void(HttpFetched)> done) override {
    open.push_back({std::move(request), limits, std::move(done)});
  }
  void answer(HttpFetched fetched) {
    Open first = std::move(open.front());
    open.pop_front();
    first.done(std::move(fetched));
  }
  std::deque<Open> open;
};

std::string verdict(const char* level) {
  return std::string(R"({\"level\":\")") + level +
         R"(\",\"factors\":[],\"needs_approval\":false,\"confidence\":\"high\",\"why\":\"ok\"})";
}

HttpFetched said(const char* level) {
  return {HttpFetched::Fault::none,
          {200,
           R"({"choices":[{"message":{"content":")" + verdict(level) +
               R"("},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"completion_tokens":10}})",
           {}}};
}
HttpFetched status(unsigned code, std::string body = "{}",
                   std::vector<std::pair<std::string, std::string>> headers = {}) {
  return {HttpFetched::Fault::none, {code, std::move(body), std::move(headers)}};
}
HttpFetched fault(HttpFetched::Fault of) {
  return {of, {}};
}

class AdvisorTest : public testing::Test {
 protected:
  config::ModelProvider& add(const char* name) {
    config::ModelProvider provider;
    provider.name = name;
    provider.url = std::string("https://") + name;
    provider.model = "m";
    models_.providers.push_back(provider);
    return models_.providers.back();
  }
  Advisor& advisor() {
    if (!advisor_) {
      Clocks clocks;
      clocks.steady = [this] { return now_; };
      clocks.wall_seconds = [this] { return wall_; };
      advisor_ = std::make_unique<Advisor>(models_, fetches_, counted_, clocks);
    }
    return *advisor_;
  }
  void ask(const std::string& key = "k", const std::string& principal = "ana",
           config::PrincipalKind caller = config::PrincipalKind::person) {
    ports::RiskQuestion question;
    question.brief = "{}";
    question.key = key;
    question.principal = principal;
    question.caller = caller;
    advisor().ask(question, [this](RiskOpinion opinion) { told_.push_back(std::move(opinion)); });
  }
  RiskOpinion last() {
    if (told_.empty()) return {};
    RiskOpinion opinion = told_.back();
    told_.pop_back();
    return opinion;
  }
  ModelOutcome outcome() { return last().outcome; }

  config::Models models_;
  Scripted fetches_;
  Breaker::Time now_{seconds(1'000)};
  std::int64_t wall_ = 86'400;
  std::vector<RiskOpinion> told_;
  telemetry::EventCounters counted_;
  std::unique_ptr<Advisor> advisor_;
};

TEST_F(AdvisorTest, SaysWhatItTook) {
  add("one").price = {1'000'000'000, 2'000'000'000};
  ask();
  now_ += milliseconds(70);
  fetches_.answer(said("high"));
  const RiskOpinion opinion = last();
  EXPECT_EQ(opinion.outcome, ModelOutcome::ok);
  EXPECT_EQ(opinion.level, config::RiskLevel::high);
  EXPECT_EQ(opinion.provider, "one");
  EXPECT_EQ(opinion.model, "m");
  EXPECT_EQ(opinion.prompt_hash.size(), 64u);
  EXPECT_EQ(opinion.input_tokens, 100u);
  EXPECT_EQ(opinion.output_tokens, 10u);
  EXPECT_EQ(opinion.cost_nano, 120'000);
  EXPECT_EQ(opinion.ms, 70);
  EXPECT_EQ(opinion.status, 200u);
  EXPECT_FALSE(opinion.cached);
  EXPECT_EQ(advisor().spent_by("ana").tokens, 110u);
}

TEST_F(AdvisorTest, WithoutProvidersNobodyIsAsked) {
  ask();
  EXPECT_EQ(outcome(), ModelOutcome::unavailable);
}

TEST_F(AdvisorTest, EqualQuestionsAreOneRequest) {
  add("one");
  ask("k");
  ask("k", "bob");
  ask("other");
  EXPECT_EQ(fetches_.open.size(), 2u);
  fetches_.answer(said("high"));
  ASSERT_EQ(told_.size(), 2u);
  EXPECT_FALSE(told_[0].cached);
  EXPECT_TRUE(told_[1].cached);
  EXPECT_EQ(told_[1].level, config::RiskLevel::high);
  ask("k");
  EXPECT_EQ(fetches_.open.size(), 1u);
  EXPECT_TRUE(last().cached);
  EXPECT_EQ(advisor().spent_by("bob").tokens, 0u);
}

TEST_F(AdvisorTest, WithoutAKeyEachIsAskedForItself) {
  add("one");
  ask("");
  ask("");
  EXPECT_EQ(fetches_.open.size(), 2u);
  fetches_.answer(said("low"));
  fetches_.answer(said("low"));
  ask("");
  EXPECT_EQ(fetches_.open.size(), 1u);
}

TEST_F(AdvisorTest, NobodyJoinsAFlightThatMayEndTooLate) {
  models_.deadline = {milliseconds(4'000), milliseconds(1'000), milliseconds(4'000)};
  add("one");
  ask("k", "ana", config::PrincipalKind::person);
  ask("k", "app", config::PrincipalKind::service);
  EXPECT_EQ(fetches_.open.size(), 2u);
}

TEST_F(AdvisorTest, AnswersAreKeptForADayAndFailuresForHalfAMinute) {
  add("one");
  ask();
  fetches_.answer(said("medium"));
  now_ += std::chrono::hours(23);
  ask();
  EXPECT_TRUE(fetches_.open.empty());
  now_ += std::chrono::hours(1);
  ask();
  ASSERT_EQ(fetches_.open.size(), 1u);
  fetches_.answer(status(404));
  EXPECT_EQ(outcome(), ModelOutcome::rejected);
  ask();
  EXPECT_TRUE(fetches_.open.empty());
  EXPECT_EQ(outcome(), ModelOutcome::rejected);
  now_ += seconds(30);
  ask();
  EXPECT_EQ(fetches_.open.size(), 1u);
}

TEST_F(AdvisorTest, TheNextProviderIsAskedWhereOneFails) {
  add("one");
  add("two");
  for (const HttpFetched& failure : {status(500), status(429), status(401), status(404), status(200, "<html>"),
                                     fault(HttpFetched::Fault::timeout), fault(HttpFetched::Fault::unreachable),
                                     fault(HttpFetched::Fault::untrusted), fault(HttpFetched::Fault::too_long)}) {
    advisor_.reset();
    ask("");
    fetches_.answer(failure);
    ASSERT_EQ(fetches_.open.size(), 1u);
    EXPECT_TRUE(fetches_.open.front().request.url.starts_with("https://two/"));
    fetches_.answer(said("high"));
    const RiskOpinion opinion = last();
    EXPECT_EQ(opinion.outcome, ModelOutcome::ok);
    EXPECT_EQ(opinion.provider, "two");
  }
}

TEST_F(AdvisorTest, WhatAModelSaysIsFinal) {
  add("one");
  add("two");
  for (const char* finish : {"length", "content_filter"}) {
    ask("");
    fetches_.answer(
        status(200, std::string(R"({"choices":[{"message":{"content":""},"finish_reason":")") + finish + R"("}]})"));
    EXPECT_TRUE(fetches_.open.empty());
    EXPECT_NE(outcome(), ModelOutcome::ok);
  }
}

TEST_F(AdvisorTest, OneMoreAttemptIfItFits) {
  add("one");
  ask("");
  fetches_.answer(status(429, "{}", {{"retry-after-ms", "700"}}));
  ASSERT_EQ(fetches_.open.size(), 1u);
  EXPECT_EQ(fetches_.open.front().limits.delay, milliseconds(700));
  EXPECT_LE(fetches_.open.front().limits.whole, milliseconds(3'300));
  fetches_.answer(status(500));
  EXPECT_TRUE(fetches_.open.empty()) << "two attempts at most";
  EXPECT_EQ(outcome(), ModelOutcome::failing);

  ask("");
  fetches_.answer(status(429, "{}", {{"retry-after", "60"}}));
  EXPECT_TRUE(fetches_.open.empty());
  EXPECT_EQ(outcome(), ModelOutcome::limited);

  ask("");
  now_ += milliseconds(3'900);
  fetches_.answer(status(503));
  EXPECT_TRUE(fetches_.open.empty());
  EXPECT_EQ(outcome(), ModelOutcome::failing);
}

TEST_F(AdvisorTest, WhatWillNotChangeIsNotTriedAgain) {
  add("one");
  for (const unsigned code : {400u, 401u, 402u, 403u, 404u, 413u, 422u, 302u}) {
    advisor_.reset();
    ask("");
    fetches_.answer(status(code));
    EXPECT_TRUE(fetches_.open.empty()) << code;
  }
  advisor_.reset();
  ask("");
  fetches_.answer(status(429, R"({"error":{"code":"insufficient_quota"}})"));
  EXPECT_TRUE(fetches_.open.empty());
  EXPECT_EQ(outcome(), ModelOutcome::exhausted);
}

TEST_F(AdvisorTest, ATemperatureThatIsNotWantedIsLeftOutFromThenOn) {
  add("one").temperature = 0;
  ask("");
  ask("");
  EXPECT_NE(fetches_.open.front().request.body.find("temperature"), std::string::npos);
  const HttpFetched refusal = status(400, R"({"error":{"param":"temperature"}})");
  fetches_.answer(refusal);
  fetches_.answer(refusal);
  ASSERT_EQ(fetches_.open.size(), 2u) << "of both that were on their way";
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(fetches_.open.front().request.body.find("temperature"), std::string::npos);
    fetches_.answer(said("low"));
    EXPECT_EQ(outcome(), ModelOutcome::ok);
  }
  ask("");
  EXPECT_EQ(fetches_.open.front().request.body.find("temperature"), std::string::npos);
  fetches_.answer(refusal);
  EXPECT_EQ(outcome(), ModelOutcome::rejected) << "it was not in there";
}

TEST_F(AdvisorTest, AttemptsHaveTheProvidersTimeAndNoMoreThanIsLeft) {
  add("one").timeout = milliseconds(1'500);
  ask("");
  EXPECT_EQ(fetches_.open.front().limits.whole, milliseconds(1'500));
  now_ += milliseconds(1'500);
  fetches_.answer(fault(HttpFetched::Fault::timeout));
  EXPECT_EQ(fetches_.open.front().limits.whole, milliseconds(1'500));
  ask("", "app", config::PrincipalKind::service);
  EXPECT_EQ(fetches_.open.back().limits.whole, milliseconds(1'000));
}

TEST_F(AdvisorTest, AProviderThatFailsIsLeftAlone) {
  add("one");
  add("two");
  ask("");
  fetches_.answer(status(401));
  fetches_.answer(said("low"));
  ask("");
  EXPECT_TRUE(fetches_.open.front().request.url.starts_with("https://two/"));
  fetches_.answer(status(401));
  ask("");
  EXPECT_EQ(outcome(), ModelOutcome::unavailable);
  now_ += seconds(30);
  ask("");
  EXPECT_TRUE(fetches_.open.front().request.url.starts_with("https://one/"));
  ask("");
  EXPECT_TRUE(fetches_.open.back().request.url.starts_with("https://two/")) << "one probe each";
}

TEST_F(AdvisorTest, WhatAnotherHasSaidCountsOnlyWhileTheFirstCannotBeAsked) {
  add("one");
  add("two");
  ask();
  fetches_.answer(status(401));
  fetches_.answer(said("low"));
  ask();
  EXPECT_EQ(last().provider, "two");
  now_ += seconds(30);
  ask("other");
  fetches_.answer(said("low"));
  ask();
  EXPECT_EQ(fetches_.open.size(), 1u);
}

TEST_F(AdvisorTest, NoMoreAtOnceThanMayBe) {
  add("one").concurrency = 2;
  ask("");
  ask("");
  ask("");
  EXPECT_EQ(fetches_.open.size(), 2u);
  EXPECT_EQ(outcome(), ModelOutcome::busy);
  fetches_.answer(said("low"));
  ask("");
  EXPECT_EQ(fetches_.open.size(), 2u);
}

TEST_F(AdvisorTest, BudgetsHoldBeforeAndAfter) {
  models_.each.tokens = 5'000;
  add("one").max_output_tokens = 1'000;
  int asked = 0;
  for (; asked < 1'000; ++asked) {
    ask("", "ana");
    if (fetches_.open.empty()) break;
    fetches_.answer(said("low"));
    ASSERT_EQ(outcome(), ModelOutcome::ok);
    ASSERT_LE(advisor().spent_by("ana").tokens, 5'000u);
  }
  EXPECT_EQ(outcome(), ModelOutcome::over_budget);
  EXPECT_GT(asked, 10);
  ask("", "bob");
  EXPECT_EQ(fetches_.open.size(), 1u);
  fetches_.answer(said("low"));
  wall_ += 86'400;
  ask("", "ana");
  EXPECT_EQ(fetches_.open.size(), 1u);
}

TEST_F(AdvisorTest, WhoGivesUpWaitingPaysAllTheSame) {
  add("one").timeout = models_.deadline[0];
  ask("");
  now_ += milliseconds(4'000);
  fetches_.answer(fault(HttpFetched::Fault::timeout));
  EXPECT_EQ(outcome(), ModelOutcome::timeout);
  EXPECT_GT(advisor().spent_by("ana").tokens, 1'000u);
  ask("");
  fetches_.answer(fault(HttpFetched::Fault::unreachable));
  const auto spent = advisor().spent_by("ana").tokens;
  fetches_.answer(fault(HttpFetched::Fault::unreachable));
  EXPECT_LT(advisor().spent_by("ana").tokens, spent) << "nothing was sent";
}

TEST_F(AdvisorTest, EveryQuestionIsAnsweredOnce) {
  add("one").concurrency = 100;
  for (int i = 0; i < 50; ++i)
    ask(i % 2 ? "k" + std::to_string(i % 7) : "");
  while (!fetches_.open.empty())
    fetches_.answer(fetches_.open.size() % 3 ? said("low") : fault(HttpFetched::Fault::stopped));
  EXPECT_EQ(told_.size(), 50u);
}

// What is there without anybody being asked.
TEST_F(AdvisorTest, SaysWhatIsKnownWithoutAsking) {
  add("one");
  ports::RiskQuestion question;
  question.brief = "{}";
  question.key = "k";
  EXPECT_FALSE(advisor().known(question));
  ask();
  EXPECT_FALSE(advisor().idle());
  EXPECT_FALSE(advisor().known(question)) << "on its way";
  fetches_.answer(said("high"));
  EXPECT_TRUE(advisor().idle());
  EXPECT_EQ(last().until, now_ + models_.cache_ttl);
  const auto known = advisor().known(question);
  ASSERT_TRUE(known);
  EXPECT_EQ(known->level, config::RiskLevel::high);
  EXPECT_TRUE(known->cached);
  EXPECT_EQ(known->until, now_ + models_.cache_ttl);
  now_ += models_.cache_ttl;
  EXPECT_FALSE(advisor().known(question));
  question.key.clear();
  EXPECT_FALSE(advisor().known(question)) << "each has its own";
  EXPECT_TRUE(fetches_.open.empty());
}

TEST_F(AdvisorTest, NobodyToAskIsKnownUntilTheFirstIsToBeAskedAgain) {
  add("one");
  add("two");
  const ports::RiskQuestion question{"{}", "other", "ana", config::PrincipalKind::person};
  ask("a");
  fetches_.answer(status(401));
  now_ += seconds(10);
  fetches_.answer(status(401));
  const auto nobody = advisor().known(question);
  ASSERT_TRUE(nobody);
  EXPECT_EQ(nobody->outcome, ModelOutcome::unavailable);
  EXPECT_EQ(nobody->until, now_ + seconds(20)) << "30 s after the first one was left alone";
  now_ += seconds(20);
  EXPECT_FALSE(advisor().known(question)) << "one may be asked";
  ask("b");
  EXPECT_FALSE(advisor().known(question)) << "and is";
}

}  // namespace
}  // namespace dbgate::models
