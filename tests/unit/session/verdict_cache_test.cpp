#include "gateway/session/verdict_cache.h"

#include <gtest/gtest.h>

#include "config/loader.h"
#include "gateway/policy/treat.h"
#include "gateway/session/policy_judge.h"
#include "gateway/session/user_types.h"
#include "tests/support/masked_shop.h"

namespace dbgate::session {
namespace {

constexpr std::int64_t monday_at_eight = 1795392000 + 8 * 3600;

/// Principals u and v under one policy that can be put in place of another; a catalog that can be out of date.
class Source final : public PolicySource {
 public:
  explicit Source(const std::string& rules) { put(rules); }

  void put(const std::string& rules) {
    const config::Loaded loaded = config::load_text(
        "version: 1\nusers: [ { name: u, scram_verifier: 'SCRAM-SHA-256$x' }, { name: v, scram_verifier: "
        "'SCRAM-SHA-256$x' } ]\n"
        "targets: { shop: { upstream: { hosts: [db], database: shop, user: d } } }\n"
        "policies:\n  - { name: p, who: { users: [u, v] }, on: [shop], " +
            rules + " }\n",
        "test.yaml", "/");
    for (const config::Problem& problem : loaded.problems)
      ADD_FAILURE() << problem.line_text();
    policies = std::make_unique<policy::PolicySet>(*loaded.config);
    ++current;
  }
  std::uint64_t version() const override { return current; }
  PolicyView view(const std::string& user, const std::string& target, const std::string& database,
                  std::int64_t now) const override {
    const policy::TimedGrants timed = policies->grants_at(user, target, now);
    PolicyView view;
    view.grants = timed.grants;
    view.names.search_path = {"public"};
    view.names.database = database;
    view.version = current;
    view.from = timed.from;
    view.until = timed.until;
    view.ready = ready;
    return view;
  }
  void catalog_changed(const std::string&, const std::string&) const override {}

  std::unique_ptr<policy::PolicySet> policies;
  std::uint64_t current = 0;
  bool ready = true;
};

class VerdictCacheTest : public testing::Test {
 protected:
  PolicyJudge judge_of(const char* user = "u", const char* database = "shop") {
    return PolicyJudge(
        source_, user, "shop", database, limits_, {}, {}, [this] { return now_; }, &cache_);
  }

  /// As a session does it. @return whether the verdict was known
  static bool known(PolicyJudge& judge, std::string_view text, TextForm form = TextForm::query) {
    if (judge.recall(text, form).script) return true;
    static const BoundValues nothing;
    const auto analysis = judge.analyze(text);
    const Judged judged = judge.judge_bound(*analysis, form == TextForm::query ? &nothing : nullptr, {}, {}, 0);
    judge.remember(text, form, *analysis, judged);
    return false;
  }

  Source source_{"allow: [ { select: [public.t], update: [public.t], functions: [safe] } ]"};
  sql::ScanLimits limits_;
  std::int64_t now_ = monday_at_eight;
  VerdictCache cache_{1u << 20};
};

TEST_F(VerdictCacheTest, SaysWhatWasSaidBefore) {
  PolicyJudge judge = judge_of();
  EXPECT_FALSE(known(judge, "SELECT a FROM t WHERE b = 1"));
  const Judged again = judge.recall("SELECT a FROM t WHERE b = 1", TextForm::query);
  ASSERT_TRUE(again.script && again.verdict);
  EXPECT_EQ(again.verdict->rule_id, "p/allow[0]");
  EXPECT_EQ(again.judged_by, judge.version());
  EXPECT_TRUE(judge.recall("SELECT a FROM t WHERE b = 999999999", TextForm::query).script);
  EXPECT_FALSE(judge.recall("SELECT a FROM t WHERE b = 1.5", TextForm::query).script);
  EXPECT_FALSE(judge.recall("SELECT a FROM t WHERE c = 1", TextForm::query).script);
}

// What the audit log says of a verdict is made once for all that share it.
TEST_F(VerdictCacheTest, SharesItsRecord) {
  PolicyJudge judge = judge_of();
  EXPECT_FALSE(known(judge, "SELECT a FROM t WHERE b = 1"));
  const auto record = judge.recall("SELECT a FROM t WHERE b = 1", TextForm::query).record;
  ASSERT_TRUE(record);
  EXPECT_EQ(judge.recall("SELECT a FROM t WHERE b = 2", TextForm::query).record, record);
  EXPECT_FALSE(known(judge, "SELECT a FROM t WHERE c = 1"));
  EXPECT_NE(judge.recall("SELECT a FROM t WHERE c = 1", TextForm::query).record, record);
}

TEST_F(VerdictCacheTest, TextsOfParseAreKnownByThemselvesAlone) {
  PolicyJudge judge = judge_of();
  EXPECT_FALSE(known(judge, "SELECT a FROM t WHERE b = 1", TextForm::parse));
  EXPECT_TRUE(known(judge, "SELECT a FROM t WHERE b = 1", TextForm::parse));
  EXPECT_FALSE(known(judge, "SELECT a FROM t WHERE b = 2", TextForm::parse));
  EXPECT_FALSE(known(judge, "SELECT a FROM t WHERE b = 1", TextForm::query));
}

TEST_F(VerdictCacheTest, CommentsAtTheEndAreNotLookedAt) {
  PolicyJudge judge = judge_of();
  EXPECT_FALSE(known(judge, "SELECT a FROM t WHERE b = 1 /*trace='1'*/", TextForm::parse));
  EXPECT_TRUE(known(judge, "SELECT a FROM t WHERE b = 1 /*trace='2'*/", TextForm::parse));
  EXPECT_FALSE(known(judge, "SELECT a FROM t WHERE b = 2 /*trace='2'*/", TextForm::parse));
  EXPECT_FALSE(known(judge, "SELECT a FROM t WHERE b = 1 /*trace='3'*/"));
  EXPECT_TRUE(known(judge, "SELECT a FROM t WHERE b = 2 /*trace='4'*/"));
  EXPECT_FALSE(known(judge, "SELECT a FROM t WHERE b = 2 /*! or 1 = 1 */"));
  source_.put("allow: [ { select: [public.t], require: { max_limit: 9 } } ]");
  EXPECT_FALSE(known(judge, "SELECT a FROM t LIMIT 5 /*trace='1'*/"));
  EXPECT_TRUE(known(judge, "SELECT a FROM t LIMIT 5 /*trace='1'*/"));
  EXPECT_FALSE(known(judge, "SELECT a FROM t LIMIT 5 /*trace='2'*/"));
}

TEST_F(VerdictCacheTest, SharedByTheSessionsOfOnePrincipalOnOneDatabase) {
  PolicyJudge judge = judge_of(), other = judge_of(), of_v = judge_of("v"), elsewhere = judge_of("u", "other");
  EXPECT_FALSE(known(judge, "SELECT a FROM t"));
  EXPECT_TRUE(known(other, "SELECT a FROM t"));
  EXPECT_FALSE(known(of_v, "SELECT a FROM t"));
  EXPECT_FALSE(known(elsewhere, "SELECT a FROM t"));
  limits_.max_tokens = 100;
  PolicyJudge limited = judge_of();
  EXPECT_FALSE(known(limited, "SELECT a FROM t"));
}

TEST_F(VerdictCacheTest, AnotherPolicyMeansAnotherVerdict) {
  PolicyJudge judge = judge_of();
  EXPECT_FALSE(known(judge, "SELECT a FROM t"));
  source_.put("allow: [ { select: [public.other] } ]");
  EXPECT_FALSE(judge.recall("SELECT a FROM t", TextForm::query).script);
  EXPECT_EQ(cache_.size(), 0u) << "nobody can ask for what the old one said any more";
  source_.put("allow: [ { select: [public.t] } ]");
  EXPECT_FALSE(known(judge, "SELECT a FROM t"));
  EXPECT_TRUE(known(judge, "SELECT a FROM t"));
}

TEST_F(VerdictCacheTest, NothingIsKeptOfWhatWasReadUnderAnotherPolicy) {
  PolicyJudge judge = judge_of();
  EXPECT_FALSE(judge.recall("SELECT a FROM t", TextForm::query).script);
  const auto analysis = judge.analyze("SELECT a FROM t");
  source_.put("allow: [ { select: [public.t] } ]");
  const Judged judged = judge.judge(*analysis, {}, {}, 0);
  EXPECT_FALSE(judged.refused);
  judge.remember("SELECT a FROM t", TextForm::query, *analysis, judged);
  EXPECT_FALSE(judge.recall("SELECT a FROM t", TextForm::query).script);
}

TEST_F(VerdictCacheTest, WindowsOpenAndClose) {
  source_.put("allow: [ { select: [public.t], when: { days: [mon], from: '08:00', to: '09:00' } } ]");
  PolicyJudge judge = judge_of();
  EXPECT_FALSE(known(judge, "SELECT a FROM t"));
  EXPECT_TRUE(known(judge, "SELECT a FROM t"));
  now_ += 3600;
  EXPECT_FALSE(judge.recall("SELECT a FROM t", TextForm::query).script);
  EXPECT_TRUE(judge.judge(*judge.analyze("SELECT a FROM t"), {}, {}, 0).refused);
}

TEST_F(VerdictCacheTest, NotKept) {
  source_.put("allow: [ { everything: true } ]");
  PolicyJudge judge = judge_of();
  const std::string long_text = "SELECT '" + std::string(VerdictCache::max_text_bytes, 'x') + "'";
  for (const std::string& text :
       {std::string("EXECUTE p"), std::string("PREPARE p AS SELECT 1"), std::string("DEALLOCATE p"),
        std::string("DECLARE c CURSOR FOR SELECT 1"), std::string("CLOSE c"), std::string("DISCARD ALL"),
        std::string("SELECT 1; EXECUTE p"), std::string("EXPLAIN EXECUTE p"),
        std::string("CREATE TABLE x AS EXECUTE p"), std::string("DROP TABLE t"), std::string("SELEC 1"), long_text}) {
    EXPECT_FALSE(known(judge, text)) << text;
    EXPECT_FALSE(known(judge, text)) << text;
  }
  for (const char* text : {"BEGIN", "COMMIT", "SET work_mem = 1", "SHOW work_mem", "SELECT 1; SELECT 2", ""}) {
    EXPECT_FALSE(known(judge, text)) << text;
    EXPECT_TRUE(known(judge, text)) << text;
  }
  source_.put("allow: [ { select: [public.t] } ]");
  EXPECT_FALSE(known(judge, "SELECT a FROM denied"));
  EXPECT_FALSE(known(judge, "SELECT a FROM denied"));
}

TEST_F(VerdictCacheTest, NotWhileTheCatalogIsOutOfDate) {
  PolicyJudge judge = judge_of();
  EXPECT_FALSE(known(judge, "SELECT a FROM t"));
  source_.ready = false;
  ++source_.current;
  EXPECT_FALSE(judge.recall("SELECT a FROM t", TextForm::query).script);
  source_.ready = true;
  ++source_.current;
  EXPECT_TRUE(judge.recall("SELECT a FROM t", TextForm::query).script) << "the same premises again";
}

TEST_F(VerdictCacheTest, DeclaredTypesOfUsersAreNotRemembered) {
  PolicyJudge judge = judge_of();
  judge.recall("SELECT a FROM t WHERE b = $1", TextForm::parse);
  const auto analysis = with_declared_types(judge.analyze("SELECT a FROM t WHERE b = $1"), {16384});
  const Judged judged = judge.judge(*analysis, {}, {}, 0);
  ASSERT_FALSE(judged.refused);
  judge.remember("SELECT a FROM t WHERE b = $1", TextForm::parse, *analysis, judged);
  EXPECT_FALSE(judge.recall("SELECT a FROM t WHERE b = $1", TextForm::parse).script);
}

// Where rules look at constants, a text is known by itself alone.
TEST_F(VerdictCacheTest, ConstantsThatCount) {
  for (const char* rules : {"allow: [ { select: [public.t], require: { max_limit: 10 } } ]",
                            "allow: [ { select: [public.t], require: { max_list: 2 } } ]",
                            "allow: [ { statements: [ 'SELECT a FROM t WHERE b = 0 LIMIT 5' ] } ]",
                            "mode: learn, allow: [ { select: [public.t] } ]"}) {
    source_.put(rules);
    PolicyJudge judge = judge_of();
    EXPECT_FALSE(known(judge, "SELECT a FROM t WHERE b = 1 LIMIT 5"));
    EXPECT_TRUE(known(judge, "SELECT a FROM t WHERE b = 1 LIMIT 5")) << rules;
    EXPECT_FALSE(known(judge, "SELECT a FROM t WHERE b = 2 LIMIT 5")) << rules;
    EXPECT_FALSE(known(judge, "SELECT a FROM t WHERE b = 1 LIMIT 11")) << rules;
  }
}

// Facts outlive rules: a statement that was read when no rule listed any is found in a list that comes later.
TEST_F(VerdictCacheTest, ListsThatComeLaterKnowFactsThatWereReadBefore) {
  source_.put("allow: [ { select: [public.t] } ]");
  PolicyJudge judge = judge_of();
  const auto analysis = judge.analyze("SELECT a FROM t WHERE b = 1");
  EXPECT_FALSE(judge.judge(*analysis, {}, {}, 0).refused);
  source_.put("allow: [ { statements: [ 'SELECT a FROM t WHERE b = 2' ] } ]");
  EXPECT_FALSE(judge.judge(*analysis, {}, {}, 0).refused);
  source_.put("allow: [ { statements: [ 'SELECT a FROM t WHERE c = 2' ] } ]");
  EXPECT_TRUE(judge.judge(*analysis, {}, {}, 0).refused);
}

// More than the cache counts of one key: it must not lose count.
TEST_F(VerdictCacheTest, OneTextOfManyDatabases) {
  VerdictCache cache(16u << 20);
  std::vector<std::unique_ptr<PolicyJudge>> judges;
  for (int i = 0; i < 300; ++i) {
    judges.push_back(std::make_unique<PolicyJudge>(
        source_, "u", "shop", "shop" + std::to_string(i), limits_, std::string(), std::nullopt, [this] { return now_; },
        &cache));
    EXPECT_FALSE(known(*judges.back(), "SELECT a FROM t")) << i;
    EXPECT_TRUE(known(*judges.front(), "SELECT a FROM t")) << i;
  }
  source_.put("allow: [ { select: [public.t] } ]");
  for (const auto& judge : judges)
    judge->recall("SELECT a FROM t", TextForm::query);
  EXPECT_FALSE(known(*judges.front(), "SELECT a FROM t")) << "under new rules";
  EXPECT_TRUE(known(*judges.front(), "SELECT a FROM t"));
}

TEST_F(VerdictCacheTest, BoundedByBytes) {
  constexpr std::size_t bytes = 80 * 1024;  // a verdict of either kind is no more than its share of them
  VerdictCache cache(bytes);
  PolicyJudge judge(
      source_, "u", "shop", "shop", limits_, {}, {}, [this] { return now_; }, &cache);
  EXPECT_FALSE(known(judge, "SELECT a FROM t WHERE first"));
  std::size_t most = 0;
  for (int i = 0; i < 1000; ++i) {
    const std::string text = "SELECT a AS x" + std::to_string(i) + " FROM t";
    EXPECT_FALSE(known(judge, text));
    EXPECT_TRUE(known(judge, "SELECT a FROM t WHERE first")) << "asked for all the time";
    EXPECT_LE(cache.bytes(), bytes);
    most = std::max(most, cache.size());
    if (i % 2 == 0) continue;  // it has come once: nothing goes for it
    known(judge, text);
    EXPECT_TRUE(known(judge, text));
  }
  EXPECT_GT(most, 10u);
  EXPECT_LT(most, 100u);
  EXPECT_FALSE(judge.recall("SELECT a AS x1 FROM t", TextForm::query).script);
  EXPECT_FALSE(judge.recall("SELECT a AS x998 FROM t", TextForm::query).script);
  EXPECT_TRUE(judge.recall("SELECT a AS x999 FROM t", TextForm::query).script);
  // One that would drive out the others is not kept.
  std::string wide = "SELECT a";
  for (int i = 0; i < 200; ++i)
    wide += ", a AS column_" + std::to_string(i);
  EXPECT_FALSE(known(judge, wide + " FROM t"));
  EXPECT_FALSE(known(judge, wide + " FROM t"));
}

TEST_F(VerdictCacheTest, OutlastsSessionsButNotPolicies) {
  {
    PolicyJudge judge = judge_of(), idle = judge_of("v");
    EXPECT_FALSE(known(judge, "SELECT a FROM t"));
    EXPECT_FALSE(idle.recall("SELECT a FROM t", TextForm::query).script);
    EXPECT_EQ(cache_.scopes(), 2u);
  }
  EXPECT_EQ(cache_.scopes(), 1u);
  {
    PolicyJudge judge = judge_of();
    EXPECT_TRUE(known(judge, "SELECT a FROM t"));
  }
  for (int i = 0; i < 100; ++i) {
    source_.put("allow: [ { select: [public.t] } ]");
    PolicyJudge judge = judge_of();
    EXPECT_FALSE(known(judge, "SELECT a FROM t"));
    source_.policies = nullptr;
  }
  EXPECT_LE(cache_.scopes(), 3u);
  EXPECT_LE(cache_.size(), 3u);
}

/// Masks: the text that the server is given is remembered too.
class MaskedSource final : public PolicySource {
 public:
  std::uint64_t version() const override { return current; }
  PolicyView view(const std::string&, const std::string&, const std::string&, std::int64_t) const override {
    PolicyView view;
    view.grants = shop.grants;
    view.names = shop.names;
    view.catalog = shop.snapshot;
    view.closure = shop.closure;
    view.version = current;
    view.settings = {{"dbgate.k", key}};
    return view;
  }
  void catalog_changed(const std::string&, const std::string&) const override {}

  tests::MaskedShop shop;
  std::uint64_t current = 1;
  std::string key = "v";
};

TEST(VerdictCacheOfMasks, KeepsTheTextThatIsSent) {
  const MaskedSource source;
  VerdictCache cache(1u << 20);
  const ServerSettings told{{"dbgate.k", "v"}};
  PolicyJudge judge(source, "u", "shop", "shop", {}, {}, told, system_clock_seconds, &cache);
  const std::string text = "SELECT email FROM customers WHERE id = 1";
  judge.recall(text, TextForm::query);
  const auto analysis = judge.analyze(text);
  const Judged judged = judge.judge(*analysis, {}, {}, 0);
  ASSERT_TRUE(judged.sent) << judged.refusal.message;
  ASSERT_FALSE(judged.sent->rewritten.empty());
  judge.remember(text, TextForm::query, *analysis, judged);

  const Judged known = judge.recall(text, TextForm::query);
  ASSERT_TRUE(known.script && known.sent);
  EXPECT_EQ(known.sent->rewritten, judged.sent->rewritten);
  EXPECT_EQ(known.sent->text, text);
  EXPECT_EQ(known.verdict->masked, judged.verdict->masked);
  EXPECT_EQ(effect_of(known), "mask");
  // Numbers of views are a judge's own.
  EXPECT_EQ(known.sent->judged_by, 0u);
  Prepared prepared;
  prepared.sent = known.sent;
  EXPECT_TRUE(judge.stands(prepared));
  EXPECT_FALSE(judge.recall("SELECT email FROM customers WHERE id = 2", TextForm::query).script);

  PolicyJudge untold(source, "u", "shop", "shop", {}, {}, ServerSettings{}, system_clock_seconds, &cache);
  EXPECT_FALSE(untold.recall(text, TextForm::query).script) << "its server connection does not know the key";
}

TEST(VerdictBytes, GrowWithWhatIsInside) {
  const auto bytes = [](const std::string& text) {
    Judged judged;
    judged.script = analyze_text(text, {})->script;
    judged.verdict = std::make_shared<const policy::Verdict>();
    return bytes_of(judged);
  };
  const std::size_t small = bytes("SELECT a FROM t");
  EXPECT_GT(small, sizeof(Judged) + sizeof(sql::Statement) + sizeof(policy::Verdict) + sizeof(sql::RelationUse));
  EXPECT_GT(bytes("SELECT " + std::string(60, 'a') + " FROM t"), small + 60);
  EXPECT_GT(bytes("SELECT a FROM t JOIN u ON t.a = u.a"), small + sizeof(sql::RelationUse) + sizeof(sql::FunctionUse));
}

}  // namespace
}  // namespace dbgate::session
