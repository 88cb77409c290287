#include "config/limits.h"

#include <gtest/gtest.h>

#include "config/loader.h"

namespace dbgate::config {
namespace {

constexpr const char* head =
    "version: 1\n"
    "users: [ { name: alice, scram_verifier: SCRAM-SHA-256$x } ]\n";

std::string target_with(const std::string& limits) {
  return head + std::string("targets: { shop: { upstream: { hosts: [a], database: d, user: u }, limits: ") + limits +
         " } }\n";
}

std::string policy_with(const std::string& limits) {
  return target_with("{ }") +
         "policies:\n  - name: p\n    who: { users: [alice] }\n    on: [shop]\n    limits: " + limits + "\n";
}

TEST(TrafficLimits, AllOfThem) {
  const std::string all =
      "{ rows: 10000, bytes: 16MiB, statement_timeout: 30s, idle_in_transaction: 5m, concurrent: 4, rate: 50/s, "
      "statement_bytes: 64KiB }";
  for (const std::string& yaml : {policy_with(all), target_with(all)}) {
    const Loaded loaded = load_text(yaml, "f.yaml", "/dir");
    ASSERT_TRUE(loaded.config) << loaded.problems.front().line_text();
    const TrafficLimits& limits =
        loaded.config->policies.empty() ? loaded.config->targets[0].limits : loaded.config->policies[0].limits;
    EXPECT_EQ(limits.rows, 10'000u);
    EXPECT_EQ(limits.bytes, 16u << 20);
    EXPECT_EQ(limits.statement_timeout, std::chrono::seconds(30));
    EXPECT_EQ(limits.idle_in_transaction, std::chrono::minutes(5));
    EXPECT_EQ(limits.concurrent, 4u);
    EXPECT_EQ(limits.rate.count, 50u);
    EXPECT_EQ(limits.rate.per, std::chrono::seconds(1));
    EXPECT_EQ(limits.statement_bytes, 64u << 10);
  }
}

TEST(TrafficLimits, NoneByDefault) {
  const Loaded loaded = load_text(policy_with("{ }"), "f.yaml", "/dir");
  ASSERT_TRUE(loaded.config);
  EXPECT_EQ(loaded.config->policies[0].limits.rows, 0u);
  EXPECT_EQ(loaded.config->policies[0].limits.rate.count, 0u);
}

TEST(TrafficLimits, UnitsOfRates) {
  const auto rate = [](const std::string& text) {
    return load_text(policy_with("{ rate: " + text + " }"), "f.yaml", "/dir").config.value().policies[0].limits.rate;
  };
  EXPECT_EQ(rate("1/s").per, std::chrono::seconds(1));
  EXPECT_EQ(rate("1000/m").count, 1'000u);
  EXPECT_EQ(rate("1000/m").per, std::chrono::minutes(1));
  EXPECT_EQ(rate("1000000/h").per, std::chrono::hours(1));
}

TEST(TrafficLimits, MistakesAreNamedByPlace) {
  struct Case {
    std::string limits;
    std::string problem;
  };
  const std::string no_rate = "is not a rate; write 50/s, 1000/m or 20000/h";
  const std::string zero = "must be more than 0; leave it out for no limit";
  for (
      const Case& mistake : {
          Case{"{ rwos: 5 }", R"(8:15: error: policies[0].limits.rwos: unknown key; did you mean "rows"?)"},
          Case{"{ rows: 0 }", "8:21: error: policies[0].limits.rows: " + zero},
          Case{"{ rows: -1 }", R"(8:21: error: policies[0].limits.rows: "-1" is not a number from 0 to 1000000000000)"},
          Case{"{ rows: 10k }",
               R"(8:21: error: policies[0].limits.rows: "10k" is not a number from 0 to 1000000000000)"},
          Case{"{ bytes: 5 }",
               R"(8:22: error: policies[0].limits.bytes: "5" is not a size; write 64KiB, 16MiB or 1GiB)"},
          Case{"{ bytes: 0 }", "8:22: error: policies[0].limits.bytes: " + zero},
          Case{
              "{ statement_timeout: 30 }",
              R"(8:34: error: policies[0].limits.statement_timeout: "30" is not a duration; write 250ms, 30s, 5m or 1h)"},
          Case{"{ statement_timeout: 0s }", "8:34: error: policies[0].limits.statement_timeout: " + zero},
          Case{"{ concurrent: 0 }", "8:27: error: policies[0].limits.concurrent: " + zero},
          Case{"{ rate: 50 }", R"(8:21: error: policies[0].limits.rate: "50" )" + no_rate},
          Case{"{ rate: 50/d }", R"(8:21: error: policies[0].limits.rate: "50/d" )" + no_rate},
          Case{"{ rate: 0/s }", R"(8:21: error: policies[0].limits.rate: "0/s" )" + no_rate},
          Case{"{ rate: 1.5/s }", R"(8:21: error: policies[0].limits.rate: "1.5/s" )" + no_rate},
          Case{"{ rate: 1000001/s }", R"(8:21: error: policies[0].limits.rate: "1000001/s" )" + no_rate},
          Case{"{ rate: [1/s] }", "8:21: error: policies[0].limits.rate: must be a single value"},
          Case{"5", "8:13: error: policies[0].limits: must be a map of settings"},
      }) {
    const Loaded loaded = load_text(policy_with(mistake.limits), "f.yaml", "/dir");
    ASSERT_EQ(loaded.problems.size(), 1u) << mistake.limits;
    EXPECT_EQ(loaded.problems[0].line_text(), "f.yaml:" + mistake.problem);
    EXPECT_FALSE(loaded.config);
  }
}

TEST(TrafficLimits, AreForPostgresqlTargets) {
  const Loaded loaded = load_text(
      head + std::string("targets: { raw: { engine: tcp, upstream: { hosts: [a] }, listen: { user: alice }, limits: { "
                         "rows: 5 } } }\n"),
      "f.yaml", "/dir");
  ASSERT_EQ(loaded.problems.size(), 1u);
  EXPECT_EQ(loaded.problems[0].line_text(), "f.yaml:3:91: error: targets.raw.limits: is for postgresql only");
}

}  // namespace
}  // namespace dbgate::config
