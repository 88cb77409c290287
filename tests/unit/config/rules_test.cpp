// Modes, statement lists, windows and tests of policies: what is read, and every mistake with its place.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/loader.h"
#include "tests/support/temp_directory.h"

namespace dbgate::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Lines = std::vector<std::string>;

constexpr const char* head =
    "version: 1\nusers: [ { name: u, scram_verifier: SCRAM-SHA-256$x } ]\n"
    "targets: { shop: { upstream: { hosts: [a], database: d, user: u } } }\n"
    "policies: [ { name: p, who: { users: [u] }, on: [shop],\n";

Loaded load(const std::string& rest) {
  return load_text(head + rest + " } ]\n", "f.yaml", "/dir");
}

Lines problems(const std::string& rest) {
  Lines lines;
  for (const Problem& problem : load(rest).problems)
    lines.push_back(std::to_string(problem.line) + ":" + std::to_string(problem.column) + " " + problem.text);
  return lines;
}

TEST(Rules, ReadModesListsAndWindows) {
  const Loaded loaded = load(
      "mode: learn, allow: [ { statements: [SELECT 1, SELECT 2], when: { days: [mon, sun], from: '08:30', to: "
      "'24:00',\n"
      "timezone: Europe/Zurich } }, { when: { from: '22:00', to: '06:00' } } ]");
  ASSERT_TRUE(loaded.config);
  const Policy& policy = loaded.config->policies[0];
  EXPECT_EQ(policy.mode, PolicyMode::learn);
  const Rule& rule = policy.allow[0];
  EXPECT_EQ(rule.statements[1].text, "SELECT 2");
  EXPECT_EQ(rule.statements[1].line, 5);
  EXPECT_EQ(rule.statements[1].column, 48);
  EXPECT_EQ(rule.when->days, 0b1000001);
  EXPECT_EQ(rule.when->from, 510);
  EXPECT_EQ(rule.when->to, 1440);
  EXPECT_TRUE(rule.when->zone);
  EXPECT_EQ(policy.allow[1].when->days, 0x7f);
  EXPECT_FALSE(policy.allow[1].when->zone);
  EXPECT_EQ(load("allow: []").config->policies[0].mode, PolicyMode::enforce);
}

TEST(Rules, MistakesAreNamedByPlace) {
  EXPECT_THAT(problems("mode: lax"),
              ElementsAre(R"(5:7 policies[0].mode: "lax" is not one of: enforce, observe, learn)"));
  EXPECT_THAT(problems("deny: [ { statements: [SELECT 1] } ]"),
              ElementsAre("5:23 policies[0].deny[0].statements: is for allow only: name what is denied"));
  EXPECT_THAT(problems("allow: [ { statements: [ { a: b } ] } ]"),
              ElementsAre("5:26 policies[0].allow[0].statements[0]: must be a single value"));
  EXPECT_THAT(
      problems("allow: [ { when: { days: [mo], frm: '08:00' } } ]"),
      ElementsAre(R"(5:32 policies[0].allow[0].when.frm: unknown key; did you mean "from"?)",
                  R"(5:27 policies[0].allow[0].when.days[0]: "mo" is not one of: mon, tue, wed, thu, fri, sat, sun)",
                  "5:26 policies[0].allow[0].when.days: names no day"));
  for (const char* text : {"8:00", "24:01", "25:00", "08:60", "0800", "08:00:00", "ab:cd", "-1:00"}) {
    EXPECT_THAT(problems("allow: [ { when: { to: '" + std::string(text) + "' } } ]"),
                ElementsAre("5:24 policies[0].allow[0].when.to: \"" + std::string(text) +
                            "\" is not a time of day; write \"08:30\", in quotes"));
  }
  EXPECT_THAT(problems("allow: [ { when: { from: '24:00' } } ]"),
              ElementsAre("5:26 policies[0].allow[0].when.from: a window cannot begin at 24:00; write \"00:00\""));
  for (const char* zone : {"Mars/Olympus", "../../etc/passwd", "/etc/passwd", "Europe", "tzdata.zi"}) {
    EXPECT_THAT(problems("allow: [ { when: { timezone: " + std::string(zone) + " } } ]"),
                ElementsAre("5:30 policies[0].allow[0].when.timezone: there is no time zone \"" + std::string(zone) +
                            "\" in /usr/share/zoneinfo/; write one such as Europe/Zurich or UTC (package tzdata)"));
  }
}

TEST(Tests, AreRead) {
  const Loaded loaded = load_text(
      "version: 1\ntests:\n  - { as: u, on: shop/x, sql: SELECT 1, expect: deny, rule: r, reason: s, at: "
      "'2026-11-23T08:00:01Z' }\n"
      "  - { as: u, on: shop, sql: SELECT 1, expect: log_only }\n",
      "f.yaml", "/dir");
  ASSERT_TRUE(loaded.config);
  const PolicyTest& test = loaded.config->tests[0];
  EXPECT_EQ(test.user + test.target + test.sql + test.expect + test.rule + test.reason, "ushop/xSELECT 1denyrs");
  EXPECT_EQ(test.at, 1795392000 + 8 * 3600 + 1);
  EXPECT_EQ(loaded.config->tests[1].line, 4);
  EXPECT_FALSE(loaded.config->tests[1].at);
}

TEST(Tests, MistakesAreNamedByPlace) {
  Lines lines;
  for (const Problem& problem :
       load_text("version: 1\ntests:\n  - { as: u, sql: x, expect: perhaps, at: now, more: 1 }\n"
                 "  - { as: u, on: t, sql: x, expect: deny, at: '2026-02-30T00:00:00Z' }\n",
                 "f.yaml", "/dir")
           .problems)
    lines.push_back(problem.line_text());
  EXPECT_THAT(
      lines,
      ElementsAre(
          R"(f.yaml:3:48: error: tests[0].more: unknown key)",
          R"(f.yaml:3:43: error: tests[0].at: "now" is not a time; write 2026-11-23T08:00:00Z)",
          R"(f.yaml:3:5: error: tests[0]: needs on)",
          R"(f.yaml:3:30: error: tests[0].expect: "perhaps" is not one of: allow, deny, mask, log_only, hold)",
          R"(f.yaml:4:47: error: tests[1].at: "2026-02-30T00:00:00Z" is not a time; write 2026-11-23T08:00:00Z)"));
}

TEST(Tests, OfAFileOfTheirOwn) {
  const tests::TempDirectory directory;
  const auto read = [&directory](std::string_view text) {
    tests::write_file(directory.file("t.yaml"), text);
    return load_tests(directory.file("t.yaml"));
  };
  const LoadedTests loaded = read("config: ../g.yaml\ntests: [ { as: u, on: t, sql: x, expect: deny } ]\n");
  EXPECT_FALSE(loaded.failed);
  EXPECT_EQ(loaded.config, directory.path() + "/../g.yaml");
  EXPECT_EQ(loaded.tests.size(), 1u);
  EXPECT_TRUE(read("version: 1\n").is_configuration);
  EXPECT_TRUE(read("tests: []\n").failed);
  EXPECT_TRUE(read("tests: {\n").failed);
  EXPECT_TRUE(read("- x\n").failed);
  EXPECT_TRUE(load_tests(directory.path()).failed);
  EXPECT_TRUE(load_tests(directory.file("none")).failed);
}

TEST(Purpose, JudgingNeedsNoSecretsAndNoFiles) {
  const std::string yaml =
      "version: 1\nlisten: { postgres: { tls: { cert_file: none, key_file: none } } }\n"
      "users: [ { name: u, scram_verifier_file: none }, { name: v, scram_verifier_env: DBGATE_NOT_SET } ]\n"
      "targets: { shop: { upstream: { hosts: [a], database: d, user: u, password_credential: none } } }\n";
  EXPECT_THAT(load_text(yaml, "f.yaml", "/dir", Purpose::judge).problems, IsEmpty());
  EXPECT_EQ(load_text(yaml, "f.yaml", "/dir").problems.size(), 7u);
}

constexpr const char* one_rule =
    "version: 1\nusers: [ { name: u, scram_verifier: 'SCRAM-SHA-256$x', attributes: { tenant: '42' } } ]\n"
    "targets: { shop: { upstream: { hosts: [a], database: d, user: u, tls: disable } } }\n"
    "policies:\n  - name: p\n    who: { users: [u] }\n    on: [shop]\n    allow:\n      - ";

std::vector<std::string> mistakes_of(const std::string& rule) {
  std::vector<std::string> lines;
  for (const Problem& problem : load_text(one_rule + rule + "\n", "f.yaml", "/dir").problems) {
    if (problem.text.find("inline") == std::string::npos) {
      lines.push_back(std::to_string(problem.line) + ":" + std::to_string(problem.column) + " " + problem.text);
    }
  }
  return lines;
}

TEST(Require, Values) {
  const Loaded loaded = load_text(std::string(one_rule) +
                                      "{ select: [public.t], require: { values: { tenant_id: ':user.tenant', "
                                      "public.t.Region: eu, n: 7 }, max_list: 3, max_limit: 4, max_rows: 5 } }\n",
                                  "f.yaml", "/dir");
  ASSERT_TRUE(loaded.config);
  const Rule& rule = loaded.config->policies.at(0).allow.at(0);
  ASSERT_EQ(rule.require_values.size(), 3u);
  EXPECT_EQ(rule.require_values[0].column, "tenant_id");
  EXPECT_EQ(rule.require_values[0].attribute, "tenant");
  EXPECT_EQ(rule.require_values[1].schema, "public");
  EXPECT_EQ(rule.require_values[1].table, "t");
  EXPECT_EQ(rule.require_values[1].column, "region");
  EXPECT_EQ(rule.require_values[1].value, "eu");
  EXPECT_EQ(rule.require_values[2].value, "7");
  EXPECT_EQ(rule.max_list, 3u);
  EXPECT_EQ(rule.max_limit, 4u);
  EXPECT_EQ(rule.max_rows, 5u);
}

TEST(Require, MistakesAreNamedByPlace) {
  using testing::ElementsAre;
  using testing::HasSubstr;
  EXPECT_THAT(mistakes_of("{ select: [public.t], require: { values: { 'a.b': x } } }"),
              ElementsAre(AllOf(HasSubstr("9:"), HasSubstr("write column or schema.table.column"))));
  EXPECT_THAT(mistakes_of("{ select: [public.t], require: { values: { a: ':me' } } }"),
              ElementsAre(HasSubstr("write \":user.attribute\"")));
  EXPECT_THAT(mistakes_of("{ select: [public.t], require: { values: { a: ':user.tenat' } } }"),
              ElementsAre(HasSubstr("did you mean \"tenant\"")));
  EXPECT_THAT(mistakes_of("{ select: [public.t], require: { max_rows: 0 } }"), ElementsAre(HasSubstr("at least 1")));
  EXPECT_THAT(mistakes_of("{ select: [public.t], require: { max_list: many } }"),
              ElementsAre(HasSubstr("not a number")));
  EXPECT_THAT(mistakes_of("{ everything: true, select: [public.t], require: { max_rows: 1 } }"),
              ElementsAre(HasSubstr("cannot stand beside everything")));
  EXPECT_THAT(mistakes_of("{ statements: [SELECT 1], select: [public.t], require: { max_rows: 1 } }"),
              ElementsAre(HasSubstr("cannot stand beside statements")));
  EXPECT_THAT(mistakes_of("{ functions: [safe], require: { max_rows: 1 } }"),
              ElementsAre(HasSubstr("needs relations")));
  EXPECT_THAT(mistakes_of("{ everything: true }\n    deny:\n      - { select: [public.t], require: { max_rows: 1 } }"),
              ElementsAre(HasSubstr("is for allow only")));
}

}  // namespace
}  // namespace dbgate::config
