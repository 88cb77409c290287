#include "config/models.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "config/loader.h"
#include "tests/support/temp_directory.h"

namespace dbgate::config {
namespace {

Loaded load(const std::string& models) {
  return load_text("version: 1\nmodels: " + models + "\n", "f.yaml", "/dir");
}

std::string complaint(const Loaded& loaded) {
  return loaded.problems.empty() ? "" : loaded.problems.front().line_text();
}

std::string one(const std::string& more) {
  return "{ providers: [ { name: a, dialect: openai, model: m" + (more.empty() ? "" : ", " + more) + " } ] }";
}

TEST(Models, AreNoneByDefault) {
  const Loaded loaded = load("{ }");
  ASSERT_TRUE(loaded.config);
  EXPECT_TRUE(loaded.config->models.providers.empty());
  EXPECT_FALSE(loaded.config->models.names);
}

TEST(Models, AreReadInTheirOrder) {
  const Loaded loaded = load(
      "{ providers: [ { name: main, dialect: anthropic, model: m-1, effort: low, max_output_tokens: 600, timeout: "
      "1500ms, "
      "concurrency: 4, price: { input: 0.25, output: 2 } }, { name: here, dialect: ollama, model: 'm:8b', "
      "context_tokens: 4096, temperature: 0.5 } ], deadline: { service: 800ms }, budget: { tokens: 200000, cost: 1.5 "
      "}, "
      "total_budget: { cost: 20 }, cache: 1MiB, cache_ttl: 2h, names: true }");
  ASSERT_TRUE(loaded.config) << complaint(loaded);
  const Models& models = loaded.config->models;
  ASSERT_EQ(models.providers.size(), 2u);
  const ModelProvider& main = models.providers[0];
  EXPECT_EQ(main.dialect, ModelDialect::anthropic);
  EXPECT_EQ(main.url, "https://api.anthropic.com");
  EXPECT_EQ(main.effort, "low");
  EXPECT_EQ(main.max_output_tokens, 600u);
  EXPECT_EQ(main.timeout, std::chrono::milliseconds(1'500));
  EXPECT_EQ(main.concurrency, 4u);
  EXPECT_EQ(main.price.input, 250'000'000);
  EXPECT_EQ(main.price.output, 2'000'000'000);
  EXPECT_FALSE(main.temperature);
  const ModelProvider& here = models.providers[1];
  EXPECT_EQ(here.url, "http://127.0.0.1:11434");
  EXPECT_EQ(here.context_tokens, 4'096u);
  EXPECT_EQ(here.temperature, 0.5);
  EXPECT_EQ(models.deadline[0], std::chrono::milliseconds(4'000));
  EXPECT_EQ(models.deadline[1], std::chrono::milliseconds(800));
  EXPECT_EQ(models.each.tokens, 200'000u);
  EXPECT_EQ(models.each.cost_nano, 1'500'000'000);
  EXPECT_EQ(models.all.tokens, 0u);
  EXPECT_EQ(models.all.cost_nano, 20'000'000'000);
  EXPECT_EQ(models.cache_bytes, 1u << 20);
  EXPECT_TRUE(models.names);
}

TEST(Models, KeysComeFromFilesAndNeverIntoComplaints) {
  const tests::TempDirectory directory;
  tests::write_file(directory.file("key"), "sk-very-secret\n");
  ::chmod(directory.file("key").c_str(), 0600);
  const Loaded loaded = load_text("version: 1\nmodels: " + one("key_file: key"), "f.yaml", directory.path());
  ASSERT_TRUE(loaded.config) << complaint(loaded);
  EXPECT_EQ(loaded.config->models.providers[0].key, "sk-very-secret");
  const Loaded bad = load(one("key: \"very secret\""));
  EXPECT_FALSE(bad.config);
  for (const Problem& problem : bad.problems)
    EXPECT_EQ(problem.line_text().find("very secret"), std::string::npos) << problem.line_text();
}

TEST(Models, MistakesAreNamed) {
  const std::pair<std::string, const char*> cases[] = {
      {"{ providers: [ { name: a, model: m } ] }", "needs dialect"},
      {"{ providers: [ { name: a, dialect: openai } ] }", "needs model"},
      {"{ providers: [ { dialect: openai, model: m } ] }", "needs a name"},
      {"{ providers: [ { name: a, dialect: opena, model: m } ] }", "is not one of"},
      {"{ providers: [ { name: a, dialect: azure, model: m } ] }", "url: is needed"},
      {"{ providers: [ { name: a, dialect: groq, model: m }, { name: a, dialect: groq, model: m } ] }",
       "defined twice"},
      {one("url: 'http://models.example'"), "must be https"},
      {one("url: 'https://u:p@models.example'"), "a key belongs into key_file"},
      {one("url: 'https://models.example?key=x'"), "a key belongs into key_file"},
      {one("timeout: 10ms"), "must be from 50ms to 60s"},
      {one("temperature: 3"), "is not a number from 0 to 2"},
      {one("temperature: warm"), "is not a number"},
      {one("price: { input: -1 }"), "is not a number"},
      {one("price: { input: 1e3 }"), "is not a number"},
      {one("effort: huge"), "is not one of"},
      {one("concurrency: 0"), "must be at least 1"},
      {one("max_output_tokens: 20"), "must be at least 100"},
      {one("api_version: 2024-10-21"), "is for azure_deployment only"},
      {one("context_tokens: 10"), "is for ollama only"},
      {one("modle: x"), "did you mean \"model\""},
      {"{ deadline: { person: 2m } }", "must be from 50ms to 60s"},
      {"{ cache_ttl: 48h }", "must be from 0 to 24h"},
      {"{ cache: 2GiB }", "must not exceed 1GiB"},
      {"{ budget: { money: 1 } }", "unknown key"}};
  for (const auto& [models, expected] : cases) {
    const Loaded loaded = load(models);
    EXPECT_FALSE(loaded.config) << models;
    std::vector<std::string> lines;
    for (const Problem& problem : loaded.problems)
      lines.push_back(problem.line_text());
    EXPECT_THAT(lines, testing::Contains(testing::HasSubstr(expected))) << models;
  }
}

TEST(Models, AreAskedWhereAPolicySaysSo) {
  const auto uses = [](const std::string& risk) {
    const Loaded loaded = load_text(
        "version: 1\nusers: [ { name: u, scram_verifier: SCRAM-SHA-256$x } ]\ntargets: { shop: { upstream: { hosts: "
        "[a], "
        "database: d, user: u } } }\npolicies: [ { name: p, who: { users: [u] }, on: [shop], risk: " +
            risk + " } ]\n",
        "f.yaml", "/dir");
    EXPECT_TRUE(loaded.config) << complaint(loaded);
    const RiskPolicy& of = loaded.config->policies[0].risk;
    return std::vector<ModelUse>{of[0].llm, of[1].llm, of[2].llm};
  };
  using enum ModelUse;
  EXPECT_EQ(uses("{ }"), (std::vector<ModelUse>{off, off, off}));
  EXPECT_EQ(uses("{ llm: on, service: { llm: async } }"), (std::vector<ModelUse>{on, async, on}));
  EXPECT_EQ(uses("{ agent: { llm: on } }"), (std::vector<ModelUse>{off, off, on}));
}

TEST(Models, ThatAreAskedForAndNotThereAreWarnedOf) {
  const auto warned = [](const std::string& models) {
    const Loaded loaded = load_text(
        "version: 1\nusers: [ { name: u, scram_verifier: SCRAM-SHA-256$x } ]\ntargets: { shop: { upstream: { hosts: "
        "[a], "
        "database: d, user: u } } }\n" +
            models + "policies: [ { name: p, who: { users: [u] }, on: [shop], risk: { agent: { llm: on } } } ]\n",
        "f.yaml", "/dir");
    return std::any_of(loaded.problems.begin(), loaded.problems.end(), [](const Problem& problem) {
      return problem.warning && problem.text.find("models.providers has none") != std::string::npos;
    });
  };
  EXPECT_TRUE(warned(""));
  EXPECT_FALSE(warned("models: " + one("") + "\n"));
}

}  // namespace
}  // namespace dbgate::config
