#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "config/loader.h"
#include "gateway/audit/chain.h"
#include "gateway/audit/json.h"
#include "gateway/rehearsal/diff.h"
#include "gateway/rehearsal/learn.h"
#include "gateway/rehearsal/tests.h"
#include "tests/support/temp_directory.h"

namespace dbgate::rehearsal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::int64_t monday = 1795392000;  // 2026-11-23

config::Config config_of(const std::string& rest) {
  const config::Loaded loaded = config::load_text(
      "version: 1\nusers: [ { name: u, scram_verifier_file: nowhere } ]\n"
      "targets: { shop: { databases: [other], upstream: { hosts: [db], database: shop, user: d, password_env: NONE,\n"
      "                   ca_file: nowhere } } }\n" +
          rest,
      "test.yaml", "/", config::Purpose::judge);
  for (const config::Problem& problem : loaded.problems)
    ADD_FAILURE() << problem.line_text();
  return loaded.config.value_or(config::Config());
}

std::string policy(const std::string& rules) {
  return "policies: [ { name: p, who: { users: [u] }, on: [shop], " + rules + " } ]\n";
}

TEST(Rehearsal, JudgesAsTheGatewayWould) {
  const config::Config config =
      config_of(policy("allow: [ { select: ['public.t(a)'], when: { from: '08:00', to: '18:00' } } ]"));
  const Rehearsal rehearsal(config);
  const Outcome allowed = rehearsal.judge("u", "shop", "SELECT a FROM t", monday + 9 * 3600);
  EXPECT_EQ(allowed.effect, "allow");
  EXPECT_EQ(allowed.rule, "p/allow[0]");
  EXPECT_EQ(rehearsal.judge("u", "shop", "SELECT a FROM t", monday).effect, "deny");
  const Outcome denied = rehearsal.judge("u", "shop/other", "SELECT b FROM t", monday + 9 * 3600);
  EXPECT_EQ(denied.effect, "deny");
  EXPECT_THAT(denied.reasons, ElementsAre("no rule allows SELECT on column b of t"));
  EXPECT_EQ(rehearsal.judge("u", "shop", "SELEC", monday).effect, "error");
  EXPECT_EQ(rehearsal.judge("x", "shop", "SELECT 1", monday).effect, "error");
  EXPECT_EQ(rehearsal.judge("u", "x", "SELECT 1", monday).effect, "error");
}

TEST(Rehearsal, SaysWhatMasksAndFiltersMakeOfAStatement) {
  const config::Config config = config_of(
      policy("allow: [ { pack: readonly }, { update: [public.t], insert: [public.orders] } ], "
             "mask: { public.t.email: email, public.t.tax: { type: hash, compare: masked }, '*.*.password': redact }, "
             "filter: { public.orders: 'owner = :user.name', public.places: 'region = :user.region' }"));
  const Rehearsal rehearsal(config);
  const auto says = [&](const char* sql, const std::string& effect, const std::string& rule = {}) {
    const Outcome outcome = rehearsal.judge("u", "shop", sql, monday);
    EXPECT_EQ(outcome.effect, effect) << sql << (outcome.reasons.empty() ? "" : ": " + outcome.reasons.back());
    if (!rule.empty()) EXPECT_EQ(outcome.rule, rule) << sql;
  };
  for (const char* sql : {"SELECT 1", "SELECT a FROM other", "SELECT lower(a) FROM other.t", "UPDATE t SET email = 'x'",
                          "SELECT relname FROM \"Pg\"", "BEGIN"}) {
    says(sql, "allow");
  }
  for (const char* sql :
       {"SELECT email FROM t", "SELECT * FROM public.t x", "SELECT id FROM t WHERE id = 1",
        "SELECT count(*) FROM t GROUP BY tax", "SELECT DISTINCT tax FROM t", "SELECT id, email FROM t ORDER BY id",
        "SELECT id, email FROM t ORDER BY 1", "SELECT DISTINCT id FROM t", "SELECT 1 + 1 AS n, email FROM t ORDER BY 1",
        "SELECT password FROM users", "SELECT * FROM orders", "SELECT 1; SELECT email FROM t",
        "WITH c AS (SELECT email FROM t) SELECT email FROM c", "PREPARE p AS SELECT email FROM t",
        "DECLARE c CURSOR FOR SELECT email FROM t"}) {
    says(sql, "mask");
  }
  const std::string email = "p/mask[public.t.email]";
  for (const char* sql :
       {"SELECT id FROM t WHERE email = 'a'", "SELECT upper(email) FROM t", "SELECT id FROM t ORDER BY email",
        "SELECT DISTINCT email FROM t", "SELECT id, email FROM t ORDER BY 2", "SELECT * FROM t ORDER BY email",
        "SELECT email AS e FROM t ORDER BY e", "SELECT email FROM t UNION SELECT email FROM t",
        "SELECT DISTINCT * FROM t", "SELECT 1 FROM other WHERE 'x' IN (SELECT email FROM t)",
        "SELECT to_json(t) FROM t", "UPDATE t SET id = 1 WHERE email = 'a'"}) {
    says(sql, "deny", email);
  }
  for (const char* sql :
       {"EXPLAIN SELECT email FROM t", "SELECT ctid FROM t", "SELECT email FROM t TABLESAMPLE system (1)",
        "PREPARE p AS SELECT email FROM t; EXPLAIN EXECUTE p", "SET dbgate.user_name = 'x'", "SELECT f(1)",
        "DO 'BEGIN END'"}) {
    says(sql, "deny");
  }
  says("INSERT INTO orders VALUES (1)", "deny", "p/filter[public.orders]");
  says("SELECT * FROM places", "deny", "p/filter[public.places]");
}

TEST(Tests, SayWhatIsNotAsExpected) {
  const config::Config config =
      config_of(policy("allow: [ { select: [public.t] } ]") +
                "tests:\n"
                "  - { as: u, on: shop, sql: SELECT a FROM t, expect: allow, rule: 'p/allow[0]' }\n"
                "  - { as: u, on: shop, sql: SELECT a FROM t, expect: allow, rule: 'p/allow[1]' }\n"
                "  - { as: u, on: shop, sql: DELETE FROM t, expect: allow }\n"
                "  - { as: u, on: shop, sql: DELETE FROM t, expect: deny, reason: DELETE on t }\n"
                "  - { as: u, on: shop, sql: DELETE FROM t, expect: deny, reason: hungry }\n"
                "  - { as: x, on: shop, sql: SELECT 1, expect: deny }\n");
  std::vector<std::string> mismatches;
  for (const TestResult& result : run_tests(config, config.tests, monday))
    mismatches.push_back(std::to_string(result.test.line) + ": " + result.mismatch);
  EXPECT_THAT(mismatches, ElementsAre("7: ", "8: expected rule p/allow[1], got p/allow[0]",
                                      "9: expected allow, got deny by default: no rule allows DELETE on t",
                                      "10: ", "11: no reason has \"hungry\": no rule allows DELETE on t",
                                      "12: expected deny, got error: there is no target \"shop\" for user \"x\""));
}

/// A directory of one segment with these records.
class Log {
 public:
  void decided(const std::string& user, const std::string& text, const std::string& more) {
    std::string fields;
    audit::append_field(fields, "user.name", std::string_view(user));
    fields += R"(,"target":"shop","db.namespace":"shop","protocol":"simple")";
    audit::append_field(fields, "db.query.text", std::string_view(text));
    chain_.seal(lines_, "statement.decided", fields + more);
  }
  void line(const std::string& text) { lines_ += text + "\n"; }
  History read() {
    std::ofstream(directory_.path() + "/audit-w0-000001.jsonl") << lines_;
    auto history = read_history(directory_.path());
    return history ? std::move(*history) : History();
  }
  const std::string& path() const { return directory_.path(); }

 private:
  tests::TempDirectory directory_;
  audit::Chain chain_{"w0"};
  std::string lines_;
};

TEST(History, CountsWhatWasAsked) {
  Log log;
  log.decided("u", "SELECT 1", R"(,"decision.effect":"allow","decision.rule_id":"builtin/harmless")");
  log.decided("u", "SELECT 1", R"(,"decision.effect":"allow","decision.rule_id":"builtin/harmless")");
  log.decided("u", "SELECT \"x\"", R"(,"decision.effect":"deny","decision.rule_id":"default")");
  log.decided("a", "SELECT 1", "");
  log.decided("u", "", R"(,"decision.effect":"deny","decision.rule_id":"builtin/limit")");
  log.decided("u", "", R"(,"db.query.text_sha256":"../../etc/passwd")");
  log.line(R"({"event":"statement.done"})");
  log.line(R"({"event":"statement.decided")");
  const History history = log.read();
  std::vector<std::string> asked;
  for (const Asked& one : history.asked)
    asked.push_back(one.user + " " + one.target + " " + one.text + " " + std::to_string(one.count));
  EXPECT_THAT(asked, ElementsAre("a shop/shop SELECT 1 1", "u shop/shop SELECT \"x\" 1", "u shop/shop SELECT 1 2"));
  EXPECT_EQ(history.unread, 2u);
  EXPECT_EQ(history.malformed, 1u);
  EXPECT_FALSE(read_history(log.path() + "/nowhere"));
}

TEST(History, ReadsTextsThatAreStoredApart) {
  Log log;
  const std::string text = "SELECT 'long'";
  std::filesystem::create_directory(log.path() + "/blobs");
  std::ofstream(log.path() + "/blobs/" + audit::sha256_hex(text)) << text;
  log.decided("u", "", R"(,"db.query.text_sha256":")" + audit::sha256_hex(text) + '"');
  log.decided("u", "", R"(,"db.query.text_sha256":")" + audit::sha256_hex("gone") + '"');
  std::filesystem::create_directory(log.path() + "/blobs/" + audit::sha256_hex("a directory"));
  log.decided("u", "", R"(,"db.query.text_sha256":")" + audit::sha256_hex("a directory") + '"');
  const History history = log.read();
  ASSERT_EQ(history.asked.size(), 1u);
  EXPECT_EQ(history.asked[0].text, text);
  EXPECT_EQ(history.unread, 2u);
}

TEST(Diff, FindsWhatChanges) {
  Log log;
  log.decided("u", "SELECT a FROM t", "");
  log.decided("u", "SELECT b FROM t", "");
  log.decided("u", "SELECT 1", "");
  const config::Config before = config_of(policy("allow: [ { select: ['public.t(a)'] } ]"));
  const config::Config after = config_of(policy("allow: [ { select: ['public.t(b)'] } ]"));
  const History history = log.read();
  std::vector<std::string> changes;
  for (const Change& change : compare(before, after, history)) {
    changes.push_back(change.asked->text + ": " + change.before.effect + " " + change.before.rule + " " +
                      change.after.effect + " " + change.after.rule);
  }
  EXPECT_THAT(changes, ElementsAre("SELECT a FROM t: allow p/allow[0] deny default",
                                   "SELECT b FROM t: deny default allow p/allow[0]"));
  EXPECT_TRUE(compare(before, before, history).empty());
}

TEST(Learn, ProposesAList) {
  Log log;
  const std::string passed = R"(,"decision.effect":"log_only","decision.rule_id":"default","statement.shapes":)";
  log.decided("u", "SELECT '${HOME}' FROM t", passed + R"(["select '${HOME}' from \"T\""])");
  log.decided("u", "SELECT U&'x'", passed + R"([""])");
  log.decided("u", "BEGIN", R"(,"decision.rule_id":"builtin/harmless","statement.shapes":["begin"])");
  log.decided("u", "DELETE", R"(,"decision.effect":"deny","statement.shapes":["delete from t"])");
  log.decided("x", "SELECT 2", passed + R"(["select 2"])");
  const Proposal proposal = propose(log.read(), "u", "shop");
  EXPECT_EQ(proposal.texts, 3u);
  EXPECT_EQ(proposal.unlisted, 1u);
  EXPECT_EQ(proposal.yaml, "allow:\n  - statements:\n      - \"select '$${HOME}' from \\\"T\\\"\"\n");
  EXPECT_EQ(propose(log.read(), "u", "sho").texts, 0u);
  std::string indented = "    ";
  for (const char c : proposal.yaml)
    indented += c == '\n' ? std::string("\n    ") : std::string(1, c);
  const config::Config config =
      config_of("policies:\n  - name: p\n    who: { users: [u] }\n    on: [shop]\n" + indented);
  EXPECT_EQ(Rehearsal(config).judge("u", "shop", "SELECT '${HOME}' FROM \"T\"", monday).effect, "allow");
}

}  // namespace
}  // namespace dbgate::rehearsal
