#include "config/masks.h"

#include <gtest/gtest.h>

#include "config/loader.h"

namespace dbgate::config {
namespace {

Loaded load(const std::string& rest, const std::string& top = {}) {
  return load_text(top +
                       "version: 1\n"
                       "users: [ { name: u, scram_verifier: SCRAM-SHA-256$x, attributes: { region: eu } } ]\n"
                       "targets: { shop: { upstream: { hosts: [a], database: d, user: u } } }\n"
                       "policies:\n  - name: p\n    who: { users: [u] }\n    on: [shop]\n" +
                       rest,
                   "f.yaml", "/dir");
}

/// The first problem with its place; empty if there is none.
std::string problem(const std::string& rest, const std::string& top = {}) {
  for (const Problem& found : load(rest, top).problems) {
    if (!found.warning) return found.line_text();
  }
  return {};
}

TEST(Masks, AllOfThem) {
  const Loaded loaded = load(
      "    mask:\n      public.t.a: null\n      public.t.b: redact\n      public.t.c: hash\n      \"*.*.d\": range\n"
      "      'public.\"T \"\"x\".e': partial\n      public.t.f: { type: email, compare: masked }\n");
  ASSERT_TRUE(loaded.config) << loaded.problems.front().line_text();
  const auto& masks = loaded.config->policies[0].masks;
  ASSERT_EQ(masks.size(), 6u);
  EXPECT_EQ(masks[0].kind, MaskKind::null);
  EXPECT_EQ(masks[1].kind, MaskKind::redact);
  EXPECT_EQ(masks[2].kind, MaskKind::hash);
  EXPECT_EQ(masks[3].schema + masks[3].relation + masks[3].column, "**d");
  EXPECT_EQ(masks[4].relation, "T \"x");
  EXPECT_EQ(masks[5].kind, MaskKind::email);
  EXPECT_TRUE(masks[5].compare);
  EXPECT_FALSE(masks[0].compare);
}

TEST(Masks, MistakesHaveTheirPlace) {
  for (const auto& [yaml, expected] : std::vector<std::pair<std::string, const char*>>{
           {"    mask: { public.t.a: blur }\n", "f.yaml:8:25: error: "},
           {"    mask: { t.a: redact }\n", "\"t.a\" is not a column; write schema.table.column"},
           {"    mask: { public.t: redact }\n", "is not a column"},
           {"    mask: { public." + std::string(64, 't') + ".a: redact }\n", "cuts names to 63 bytes"},
           {"    filter: { public.\"" + std::string(64, 't') + "\": \"a = 1\" }\n", "cuts names to 63 bytes"},
           {"    mask: { \"public.t.*\": redact }\n", "is not a column"},
           {"    mask: { public.t.a.b: redact }\n", "is not a column"},
           {"    mask: { public.t.a: [redact] }\n", "f.yaml:8:25: error: "},
           {"    mask: { public.t.a: { type: redact, compare: always } }\n", "f.yaml:8:50: error: "},
           {"    mask: { public.t.a: { kind: redact } }\n", "kind"},
           {"    mask: { public.t.a: { compare: masked } }\n", "f.yaml:8:"},
           {"    mask: [public.t.a]\n", "f.yaml:8:11: error: "},
           {"    filter: { public.t: }\n", "needs a condition"},
           {"    filter: { t: \"a = 1\" }\n", "\"t\" is not a table; write schema.table"},
           {"    filter: { \"public.t(a)\": \"a = 1\" }\n", "is not a table"},
           {"    filter: { public.t: [a] }\n", "f.yaml:8:25: error: "}}) {
    EXPECT_NE(problem(yaml).find(expected), std::string::npos) << yaml << problem(yaml);
  }
}

TEST(Masks, TheKey) {
  EXPECT_EQ(load("    mask: { public.t.a: hash }\n", "masking: { key: 0123456789abcdef }\n").config->mask_key,
            "0123456789abcdef");
  EXPECT_NE(problem("    mask: { public.t.a: hash }\n", "masking: { key: short }\n").find("16 characters or more"),
            std::string::npos);
  EXPECT_NE(problem("    mask: { public.t.a: hash }\n", "masking: { salt: 0123456789abcdef }\n").find("f.yaml:1:"),
            std::string::npos);
  EXPECT_NE(problem("    mask: { public.t.a: hash }\n", "masking: { key_file: none }\n"), "");
  EXPECT_EQ(problem("    mask: { public.t.a: hash }\n"), "");
}

}  // namespace
}  // namespace dbgate::config
