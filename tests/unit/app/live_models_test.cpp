#include "gateway/app/live_models.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

namespace dbgate::app {
namespace {

config::Models models_of(const std::string& name) {
  config::ModelProvider provider;
  provider.name = name;
  provider.dialect = config::ModelDialect::ollama;
  provider.url = "http://127.0.0.1:1";  // nobody listens there
  provider.model = "m";
  config::Models models;
  models.providers.push_back(provider);
  return models;
}

ports::RiskOpinion ask(ports::RiskModel& model) {
  std::promise<ports::RiskOpinion> answered;
  model.ask({"{}", {}, "u", config::PrincipalKind::person},
            [&answered](ports::RiskOpinion opinion) { answered.set_value(std::move(opinion)); });
  return answered.get_future().get();
}

TEST(LiveModels, AreThoseOfTheConfigurationInForce) {
  telemetry::EventCounters counted;
  LiveModels live(counted);
  EXPECT_EQ(live.current(), nullptr);
  live.configure(models_of("one"));
  const auto first = live.current();
  ASSERT_NE(first, nullptr);
  EXPECT_EQ(ask(*first).provider, "one");
  live.configure(models_of("one"));
  EXPECT_EQ(live.current(), first) << "nothing has changed";
  live.configure(models_of("two"));
  EXPECT_EQ(ask(*live.current()).provider, "two");
  EXPECT_EQ(ask(*first).provider, "one") << "whoever has it may ask";
  live.configure({});
  EXPECT_EQ(live.current(), nullptr);
  EXPECT_EQ(ask(*first).outcome, ports::ModelOutcome::unavailable);
}

// Sessions ask on their threads, while the configuration changes and the process ends.
TEST(LiveModels, EverybodyIsAnsweredWhateverHappens) {
  telemetry::EventCounters counted;
  LiveModels live(counted);
  live.configure(models_of("zero"));
  std::atomic<std::size_t> asked{0}, answered{0};
  std::atomic<bool> over{false};
  std::vector<std::thread> sessions;
  for (int i = 0; i < 3; ++i) {
    sessions.emplace_back([&] {
      while (!over) {
        const auto model = live.current();
        if (!model) continue;
        static_cast<void>(model->known({"{}", "k", "u", config::PrincipalKind::person}));
        ++asked;
        model->ask({"{}", {}, "u", config::PrincipalKind::person},
                   [&answered](const ports::RiskOpinion&) { ++answered; });
      }
    });
  }
  for (int i = 0; i < 50; ++i)
    live.configure(i % 5 == 4 ? config::Models{} : models_of("p" + std::to_string(i)));
  live.stop();
  over = true;
  for (std::thread& session : sessions)
    session.join();
  EXPECT_EQ(asked, answered);
}

}  // namespace
}  // namespace dbgate::app
