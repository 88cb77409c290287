#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "gateway/models/advisor.h"

namespace dbgate::models {
namespace {

using ports::HttpFetched;

/// Answers on a thread of its own, every third time with trouble.
class Elsewhere final : public ports::HttpFetches {
 public:
  ~Elsewhere() override {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  void start(ports::HttpRequest, const ports::FetchLimits&, std::function<void(HttpFetched)> done) override {
    {
      const std::lock_guard lock(mutex_);
      open_.push_back(std::move(done));
    }
    wake_.notify_one();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [this] { return over_ || !open_.empty(); });
      if (open_.empty()) return;
      const auto done = std::move(open_.front());
      open_.pop_front();
      lock.unlock();
      HttpFetched fetched{HttpFetched::Fault::none, {++count_ % 3 == 0 ? 503u : 200u, answer, {}}};
      if (over_at_once()) fetched = {HttpFetched::Fault::stopped, {}};
      done(std::move(fetched));
      lock.lock();
    }
  }
  bool over_at_once() {
    const std::lock_guard lock(mutex_);
    return over_;
  }

  const std::string answer =
      R"({"choices":[{"message":{"content":"{\"level\":\"high\",\"factors\":[],\"needs_approval\":false,)"
      R"(\"confidence\":\"low\",\"why\":\"x\"}"},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":1}})";
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void(HttpFetched)>> open_;
  bool over_ = false;
  unsigned count_ = 0;
  std::thread thread_{[this] { run(); }};
};

TEST(AdvisorThreads, EachOfManyIsToldOnce) {
  config::Models models;
  for (const char* name : {"one", "two"}) {
    config::ModelProvider provider;
    provider.name = name;
    provider.url = "https://models.example";
    provider.concurrency = 1'000;
    models.providers.push_back(provider);
  }
  models.each.tokens = 200'000;
  constexpr int threads = 4, each = 200;
  std::atomic<int> told = 0;
  {
    telemetry::EventCounters counted;
    std::unique_ptr<Advisor> advisor;
    auto fetches = std::make_unique<Elsewhere>();
    advisor = std::make_unique<Advisor>(models, *fetches, counted);
    std::vector<std::thread> asking;
    for (int thread = 0; thread < threads; ++thread) {
      asking.emplace_back([&, thread] {
        for (int i = 0; i < each; ++i) {
          ports::RiskQuestion question;
          question.brief = "{}";
          question.key = i % 5 == 0 ? std::string() : "k" + std::to_string(i % 17);
          question.principal = thread % 2 == 0 ? "ana" : "bob";
          advisor->ask(std::move(question), [&told](const ports::RiskOpinion&) { ++told; });
        }
      });
    }
    for (std::thread& thread : asking)
      thread.join();
    fetches.reset();  // ends what is open
    EXPECT_LE(advisor->spent_by("ana").tokens, 200'000u);
  }
  EXPECT_EQ(told, threads * each);
}

}  // namespace
}  // namespace dbgate::models
