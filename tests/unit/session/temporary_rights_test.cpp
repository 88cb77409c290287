#include <gtest/gtest.h>

#include "config/loader.h"
#include "gateway/policy/access.h"
#include "gateway/session/policy_judge.h"
#include "gateway/session/verdict_cache.h"

namespace dbgate::session {
namespace {

constexpr std::int64_t noon = 1795435200;
constexpr const char* update = "UPDATE t SET a = 1";

/// Principals u and v, who may read; u has more for a time.
class Source final : public PolicySource {
 public:
  Source() {
    const config::Loaded loaded = config::load_text(
        "version: 1\nlisten: { api: { address: 127.0.0.1, port: 0 } }\n"
        "users: [ { name: u, scram_verifier: 'SCRAM-SHA-256$x' }, { name: v, scram_verifier: 'SCRAM-SHA-256$x' } ]\n"
        "targets: { shop: { upstream: { hosts: [db], database: shop, user: d } } }\n"
        "policies: [ { name: p, who: { users: [u, v] }, on: [shop], allow: [ { select: [public.t] } ] } ]\n"
        "requests: [ { name: more, who: { users: [u] }, on: [shop], tables: [public.t], verbs: [select, update], "
        "approval: { from: { users: [v] } } } ]\n",
        "test.yaml", "/");
    for (const config::Problem& problem : loaded.problems)
      ADD_FAILURE() << problem.line_text();
    config_ = *loaded.config;
    policies_ = std::make_unique<policy::PolicySet>(config_);
  }

  /// As a gateway does: the policies stay, and with them the grants of everybody else.
  void give(std::int64_t from, std::int64_t until) {
    config_.access = {{"acc_1", "u", "shop", "more", {"public.t"}, {"select", "update"}, false, from, until}};
    ++current_;
  }
  void take_back() {
    config_.access.clear();
    ++current_;
  }

  std::uint64_t version() const override { return current_; }
  PolicyView view(const std::string& user, const std::string& target, const std::string& database,
                  std::int64_t now) const override {
    const auto rights = policy::temporary_rights(config_, config_.access, user, target);
    const policy::TimedGrants timed = policies_->grants_at(user, target, now, rights.get());
    PolicyView view;
    view.grants = timed.grants;
    view.names.search_path = {"public"};
    view.names.database = database;
    view.version = current_;
    view.from = timed.from;
    view.until = timed.until;
    return view;
  }
  void catalog_changed(const std::string&, const std::string&) const override {}

 private:
  config::Config config_;
  std::unique_ptr<policy::PolicySet> policies_;
  std::uint64_t current_ = 1;
};

class TemporaryRights : public testing::Test {
 protected:
  PolicyJudge judge_of(const char* user) {
    return PolicyJudge(
        source_, user, "shop", "shop", sql::ScanLimits{}, {}, {}, [this] { return now_; }, &cache_);
  }
  static bool known(PolicyJudge& judge, std::string_view text) {
    return judge.recall(text, TextForm::query).script != nullptr;
  }
  /// As a session does it: known, or judged and remembered. @return whether it may run
  static bool runs(PolicyJudge& judge, std::string_view text) {
    if (known(judge, text)) return true;
    static const BoundValues nothing;
    const auto analysis = judge.analyze(text);
    const Judged judged = judge.judge_bound(*analysis, &nothing, {}, {}, 0);
    judge.remember(text, TextForm::query, *analysis, judged);
    return !judged.refused;
  }

  Source source_;
  std::int64_t now_ = noon;
  VerdictCache cache_{1u << 20};
};

TEST_F(TemporaryRights, CountForSessionsThatAreThere) {
  PolicyJudge judge = judge_of("u");
  EXPECT_FALSE(runs(judge, update));
  source_.give(noon, noon + 60);
  EXPECT_TRUE(runs(judge, update));
  source_.take_back();
  EXPECT_FALSE(runs(judge, update));
}

TEST_F(TemporaryRights, WhatIsRememberedEndsInTheVerySecond) {
  source_.give(noon, noon + 60);
  PolicyJudge judge = judge_of("u");
  EXPECT_TRUE(runs(judge, update));
  EXPECT_TRUE(known(judge, update));
  now_ = noon + 59;
  EXPECT_TRUE(known(judge, update));
  now_ = noon + 60;
  EXPECT_FALSE(known(judge, update)) << "nobody has told the session of anything: the clock has";
  EXPECT_FALSE(runs(judge, update));
  EXPECT_TRUE(runs(judge, "SELECT a FROM t"));
}

TEST_F(TemporaryRights, WhatIsRememberedOfASessionIsNotKnownToALaterOne) {
  source_.give(noon, noon + 60);
  PolicyJudge judge = judge_of("u");
  EXPECT_TRUE(runs(judge, update));
  now_ = noon + 60;
  PolicyJudge later = judge_of("u");
  EXPECT_FALSE(known(later, update));
  EXPECT_FALSE(runs(later, update));
  now_ = noon + 59;  // of a session whose clock is behind
  PolicyJudge behind = judge_of("u");
  EXPECT_TRUE(runs(behind, update));
}

TEST_F(TemporaryRights, WhatIsPreparedIsJudgedAgain) {
  source_.give(noon, noon + 60);
  PolicyJudge judge = judge_of("u");
  const auto analysis = judge.analyze(update);
  const Judged judged = judge.judge(*analysis, {}, {}, 0);
  EXPECT_FALSE(judged.refused);
  EXPECT_EQ(judged.verdict->rule_id, "acc_1");
  EXPECT_EQ(judged.judged_by, judge.version());
  now_ = noon + 60;
  EXPECT_NE(judged.judged_by, judge.version()) << "Execute looks at this";
  EXPECT_TRUE(judge.judge(*analysis, {}, {}, 0).refused);
}

TEST_F(TemporaryRights, OfOneDoNotTouchWhatIsRememberedOfOthers) {
  PolicyJudge other = judge_of("v");
  EXPECT_TRUE(runs(other, "SELECT a FROM t"));
  source_.give(noon, noon + 60);
  EXPECT_TRUE(known(other, "SELECT a FROM t"));
  EXPECT_FALSE(runs(other, update));
  now_ = noon + 60;
  EXPECT_TRUE(known(other, "SELECT a FROM t"));
  source_.take_back();
  EXPECT_TRUE(known(other, "SELECT a FROM t"));
}

}  // namespace
}  // namespace dbgate::session
