#include "config/cached_reads.h"

#include <gtest/gtest.h>

#include "config/loader.h"

namespace dbgate::config {
namespace {

Loaded load(const std::string& cache, const std::string& limits = "limits: { read_cache: 8MiB }\n") {
  return load_text(limits +
                       "version: 1\n"
                       "users: [ { name: u, scram_verifier: SCRAM-SHA-256$x } ]\n"
                       "targets: { shop: { upstream: { hosts: [a], database: d, user: u } } }\n"
                       "policies:\n  - name: p\n    who: { users: [u] }\n    on: [shop]\n    cache: " +
                       cache + "\n",
                   "f.yaml", "/dir");
}

std::string problem(const Loaded& loaded) {
  for (const Problem& found : loaded.problems) {
    if (!found.warning) return found.line_text();
  }
  return {};
}

TEST(CachedReads, AllOfThem) {
  const Loaded loaded = load("{ public.products: 30s, 'shop.*': 1h, \"*\": 1ms }");
  ASSERT_TRUE(loaded.config) << loaded.problems.front().line_text();
  const auto& cached = loaded.config->policies[0].cached;
  ASSERT_EQ(cached.size(), 3u);
  EXPECT_EQ(cached[0].schema + "." + cached[0].relation, "public.products");
  EXPECT_EQ(cached[0].ttl, std::chrono::seconds(30));
  EXPECT_EQ(cached[1].schema + "." + cached[1].relation, "shop.*");
  EXPECT_EQ(cached[1].ttl, std::chrono::hours(1));
  EXPECT_EQ(cached[2].schema + "." + cached[2].relation, "*.*");
  EXPECT_EQ(loaded.config->limits.read_cache_bytes, 8u << 20);
}

TEST(CachedReads, NoneByDefault) {
  const Loaded loaded = load("", "");
  ASSERT_TRUE(loaded.config);
  EXPECT_TRUE(loaded.config->policies[0].cached.empty());
  EXPECT_EQ(loaded.config->limits.read_cache_bytes, 0u);
}

TEST(CachedReads, MistakesHaveTheirPlace) {
  const std::string path = "policies[0].cache.";
  for (const auto& [yaml, expected] : std::vector<std::pair<const char*, std::string>>{
           {"{ products: 30s }",
            R"(f.yaml:9:24: error: policies[0].cache.products: "products" is not a table; write schema.table)"},
           {"{ 'public.t(a)': 30s }", "is not a table"},
           {"{ public.t: 30 }", R"(f.yaml:9:24: error: policies[0].cache.public.t: "30" is not a duration)"},
           {"{ public.t: 0s }", "needs a time of more than 0, such as 30s; leave it out to cache nothing"},
           {"{ public.t: }", "needs a time of more than 0"},
           {"{ public.t: 61m }", "f.yaml:9:24: error: policies[0].cache.public.t: must not exceed 1h"},
           {"{ public.t: [1s] }", "f.yaml:9:24: error: "},
           {"[public.t]", "f.yaml:9:12: error: "}}) {
    EXPECT_NE(problem(load(yaml)).find(expected), std::string::npos) << yaml << ": " << problem(load(yaml));
  }
  EXPECT_NE(problem(load("{ public.t: 30s }", ""))
                .find("f.yaml:8:12: error: policies[0].cache: needs memory: set "
                      "limits.read_cache, such as 64MiB"),
            std::string::npos)
      << problem(load("{ public.t: 30s }", ""));
}

}  // namespace
}  // namespace dbgate::config
