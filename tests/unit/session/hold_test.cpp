#include "gateway/session/hold.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "tests/unit/session/fixed_policies.h"
#include "tests/unit/session/relay_lab.h"

// Statements that wait until others agree: where they wait, what runs then, and what agreement is bound to.
namespace dbgate::session {
namespace {

namespace b = backend;
namespace f = frontend;
using testing::HasSubstr;
using testing::StartsWith;
using What = HoldAnswer::What;

HoldAnswer answer(What what) {
  HoldAnswer made;
  made.what = what;
  made.approval = "apr_1";
  made.by = "lead";
  made.reason = "no\x1b time";
  return made;
}

/// "t" needs agreement.
void in_every_split_of_held(const std::function<void(RelayLab&)>& scenario) {
  in_every_split([&](RelayLab& lab) {
    lab.judge.held = {"t"};
    scenario(lab);
  });
}

TEST(Hold, NothingOfAQueryIsSentBefore) {
  in_every_split_of_held([](RelayLab& lab) {
    lab.client(f::query("SELECT 1; DELETE FROM t") + f::query("SELECT 2"));
    EXPECT_EQ(lab.next, Relay::Next::hold);
    EXPECT_EQ(lab.relay.held().text, "SELECT 1; DELETE FROM t");
    EXPECT_EQ(lab.at_server() + lab.at_client() + lab.audit(), "");
    lab.others(answer(What::approved));
    EXPECT_EQ(lab.at_server(), "Q(SELECT 1; DELETE FROM t) Q(SELECT 2)");
    EXPECT_EQ(lab.audit(), "q1 allow simple SELECT 1; DELETE FROM t agreed apr_1 by lead\nq2 allow simple SELECT 2\n");
  });
}

TEST(Hold, WhatIsDeniedIsRefusedInItsPlace) {
  in_every_split_of_held([](RelayLab& lab) {
    lab.client(f::query("DELETE FROM t") + f::query("SELECT 2"));
    lab.others(answer(What::denied));
    EXPECT_THAT(lab.at_client(), StartsWith("E(42501 permission denied by dbgate policy: approval apr_1 was denied"));
    EXPECT_EQ(lab.at_server(), "Q(SELECT 2)");
    EXPECT_THAT(lab.audit(), StartsWith("q1 deny simple DELETE FROM t because"));
  });
}

TEST(Hold, AgreementIsForOneExecution) {
  RelayLab lab;
  lab.judge.held = {"t"};
  lab.client(f::query("DELETE FROM t"));
  lab.others(answer(What::approved));
  lab.server(b::complete("DELETE 1") + b::ready('I'));
  lab.client(f::query("DELETE FROM t"));
  EXPECT_EQ(lab.next, Relay::Next::hold);
  // Nor does it outlive a policy that does not ask any more.
  lab.judge.held.clear();
  lab.others(answer(What::approved));
  lab.server(b::complete("DELETE 1") + b::ready('I'));
  lab.judge.held = {"t"};
  lab.client(f::query("DELETE FROM t"));
  EXPECT_EQ(lab.next, Relay::Next::hold);
}

TEST(Hold, WhatIsJudgedThenCounts) {
  RelayLab lab;
  lab.judge.held = {"t"};
  lab.client(f::query("DELETE FROM t"));
  lab.judge.denied = {"t"};
  lab.others(answer(What::approved));
  EXPECT_THAT(lab.at_client(), StartsWith("E(42501 denied t"));
  EXPECT_EQ(lab.at_server(), "");
}

TEST(Hold, WhatIsTurnedDownDoesNotRunEvenIfNobodyIsAskedByThen) {
  for (const What what : {What::denied, What::cancelled, What::expired}) {
    RelayLab lab;
    lab.judge.held = {"t"};
    lab.client(f::query("DELETE FROM t"));
    lab.judge.held.clear();
    lab.others(answer(what));
    EXPECT_THAT(lab.at_client(), StartsWith(what == What::cancelled ? "E(57014" : "E(42501"));
    EXPECT_EQ(lab.at_server(), "");
    lab.client(f::query("DELETE FROM t"));
    EXPECT_EQ(lab.at_server(), "Q(DELETE FROM t)");
  }
}

TEST(Hold, APortalThatIsTurnedDownDoesNotRunEither) {
  RelayLab lab;
  lab.judge.held = {"t"};
  lab.client(f::parse("", "DELETE FROM t") + f::bind("", "") + f::execute("") + f::sync);
  lab.server(b::parse_complete + b::bind_complete);
  EXPECT_EQ(lab.next, Relay::Next::hold);
  static_cast<void>(lab.at_server());
  lab.judge.held.clear();
  ++lab.judge.current;
  lab.others(answer(What::denied));
  EXPECT_THAT(lab.at_server(), testing::Not(HasSubstr("E()")));
}

TEST(Hold, WaitsForWhatComesBefore) {
  in_every_split_of_held([](RelayLab& lab) {
    lab.client(f::query("SELECT 1") + f::query("DELETE FROM t"));
    EXPECT_EQ(lab.next, Relay::Next::wait);
    lab.server(b::rows() + b::complete("SELECT 1") + b::ready('I'));
    EXPECT_EQ(lab.next, Relay::Next::hold);
  });
}

TEST(Hold, ExtendedQueriesWaitAtExecute) {
  in_every_split_of_held([](RelayLab& lab) {
    lab.client(f::parse("s", "DELETE FROM t WHERE a = $1") + f::bind("", "s") + f::describe('P', "") + f::execute("") +
               f::sync);
    EXPECT_EQ(lab.at_server(), "P(s,DELETE FROM t WHERE a = $1) B(,s) D(P ) H");
    lab.server(b::parse_complete + b::bind_complete + b::no_data);
    EXPECT_EQ(lab.next, Relay::Next::hold);
    EXPECT_EQ(lab.at_client(), "1 2 n");
    lab.others(answer(What::approved));
    EXPECT_EQ(lab.at_server(), "E() S");
  });
}

TEST(Hold, WhatFailsBeforeItTakesItAlong) {
  in_every_split_of_held([](RelayLab& lab) {
    lab.client(f::parse("", "SELECT a FROM u") + f::bind("", "") + f::execute("") + f::parse("", "DELETE FROM t") +
               f::bind("", "") + f::execute("") + f::sync);
    EXPECT_EQ(lab.next, Relay::Next::wait);
    lab.server(b::parse_complete + b::bind_complete + b::error("22012"));
    EXPECT_NE(lab.next, Relay::Next::hold);
    lab.server(b::ready('I'));
    EXPECT_THAT(lab.at_client(), HasSubstr("22012"));
    EXPECT_EQ(lab.next, Relay::Next::more);
  });
}

TEST(Hold, APortalIsAgreedToOnce) {
  RelayLab lab;
  lab.judge.held = {"t"};
  lab.client(f::parse("", "SELECT a FROM t") + f::bind("p", "") + f::execute("p", 1));
  lab.server(b::parse_complete + b::bind_complete);
  lab.others(answer(What::approved));
  lab.client(f::flush).server(b::row() + b::suspended);
  lab.client(f::execute("p", 1));
  EXPECT_NE(lab.next, Relay::Next::hold);
  lab.client(f::bind("q", "") + f::execute("q", 1) + f::flush).server(b::row() + b::suspended + b::bind_complete);
  EXPECT_EQ(lab.next, Relay::Next::hold);
}

TEST(Hold, ValuesAreAmongWhatIsAgreedTo) {
  RelayLab lab;
  lab.judge.held = {"t"};
  std::set<std::string> digests;
  for (const char* const value : {"1", "2", "1"}) {
    lab.client(f::parse("", "DELETE FROM t WHERE a = $1") + f::bind("", "", value) + f::execute("") + f::sync);
    lab.server(b::parse_complete + b::bind_complete);
    ASSERT_EQ(lab.next, Relay::Next::hold);
    digests.insert(lab.relay.held().digest);
    lab.others(answer(What::approved));
    lab.server(b::complete("DELETE 1") + b::ready('I'));
  }
  EXPECT_EQ(digests.size(), 2U);
}

TEST(Hold, SoIsWhatNamesStandFor) {
  RelayLab lab;
  lab.judge.held = {"t"};
  std::set<std::string> digests;
  for (const char* const path : {"a", "b", "a"}) {
    lab.client(f::query(std::string("SET search_path = ") + path)).server(b::complete("SET") + b::ready('I'));
    lab.client(f::query("DELETE FROM t"));
    ASSERT_EQ(lab.next, Relay::Next::hold);
    digests.insert(lab.relay.held().digest);
    lab.others(answer(What::approved));
    lab.server(b::complete("DELETE 1") + b::ready('I'));
  }
  EXPECT_EQ(digests.size(), 2U);
}

TEST(Hold, WhatWasBoundBeforeItWasHeldIsPreparedAgain) {
  RelayLab lab;
  lab.client(f::parse("s", "DELETE FROM t") + f::bind("", "s"));
  lab.server(b::parse_complete + b::bind_complete);
  lab.judge.held = {"t"};
  ++lab.judge.current;
  lab.client(f::execute("") + f::sync);
  EXPECT_NE(lab.next, Relay::Next::hold);
  EXPECT_THAT(lab.at_server(), HasSubstr("dbgate_refused_this_statement"));
  EXPECT_THAT(lab.audit(), HasSubstr("deny extended DELETE FROM t"));
}

TEST(Hold, AFailedTransactionAsksNobody) {
  RelayLab lab;
  lab.judge.held = {"t"};
  lab.client(f::query("BEGIN")).server(b::error("42601") + b::ready('E'));
  lab.at_client();
  lab.client(f::query("DELETE FROM t"));
  EXPECT_NE(lab.next, Relay::Next::hold);
  lab.server(b::syntax_error + b::ready('E'));
  EXPECT_THAT(lab.at_client(), StartsWith("E(25P02"));
}

TEST(Hold, DigestsTellEverythingApart) {
  const auto rule = [](std::size_t needed) {
    config::ApprovalRule made;
    made.groups = {"leads"};
    made.needed = needed;
    return std::make_shared<const config::ApprovalRule>(made);
  };
  const policy::Hold hold{rule(1), "p/allow[0]"};
  std::set<std::string> seen;
  const auto add = [&seen](const std::string& digest) { seen.insert(digest); };
  add(digest_of({"u", "shop", "db"}, hold, "text", ""));
  add(digest_of({"us", "hop", "db"}, hold, "text", ""));
  add(digest_of({"u", "shop", "other"}, hold, "text", ""));
  add(digest_of({"u", "shop", "db"}, {rule(2), "p/allow[0]"}, "text", ""));
  add(digest_of({"u", "shop", "db"}, {rule(1), "p/allow[1]"}, "text", ""));
  add(digest_of({"u", "shop", "db"}, hold, "text ", ""));
  add(digest_of({"u", "shop", "db"}, hold, "tex", "t"));
  add(digest_of({"u", "shop", "db"}, hold, "text", digest_of_values({}, "")));
  add(digest_of({"u", "shop", "db"}, hold, "text", digest_of_values({23}, "")));
  add(digest_of({"u", "shop", "db"}, hold, "text", digest_of_values({23}, "v")));
  EXPECT_EQ(seen.size(), 10U);
  EXPECT_EQ(digest_of({"u", "shop", "db"}, hold, "text", ""), digest_of({"u", "shop", "db"}, hold, "text", ""));
  EXPECT_EQ(seen.begin()->size(), 64U);
}

const std::string asks = "approval: { from: { users: [u] } }";

TEST(HeldByPolicy, RulesThatNeedNobodyAreTakenFirst) {
  const Fixed source("allow: [ { update: ['public.t(a)'] }, { update: [public.t], require: { " + asks + " } } ]");
  PolicyJudge policy(source, "u", "shop", "shop", sql::ScanLimits{});
  EXPECT_EQ(effect_of(judge(policy, "UPDATE t SET a = 1")), "allow");
  const Judged held = judge(policy, "UPDATE t SET a = 1, b = 2");
  EXPECT_EQ(effect_of(held), "hold");
  ASSERT_EQ(held.verdict->holds.size(), 1U);
  EXPECT_EQ(held.verdict->holds[0].rule_id, "p/allow[1]");
  EXPECT_EQ(effect_of(judge(policy, "UPDATE t SET b = 1; DELETE FROM t")), "deny");
  EXPECT_EQ(effect_of(judge(policy, "SELECT 1; UPDATE t SET b = 1")), "hold");
}

TEST(HeldByPolicy, ConditionsHoldBesides) {
  const Fixed source("allow: [ { delete: [public.t], require: { where: true, max_rows: 5, " + asks + " } } ]");
  PolicyJudge policy(source, "u", "shop", "shop", sql::ScanLimits{});
  EXPECT_EQ(effect_of(judge(policy, "DELETE FROM t")), "deny");
  const Judged held = judge(policy, "DELETE FROM t WHERE true");
  EXPECT_EQ(effect_of(held), "hold");
  ASSERT_EQ(held.row_caps.size(), 1U);
  EXPECT_EQ(held.row_caps[0].rows, 5U);
}

TEST(HeldByPolicy, ByRating) {
  const Fixed source("allow: [ { everything: true } ], risk: { log_at: medium, hold_at: high }, " + asks);
  PolicyJudge policy(source, "u", "shop", "shop", sql::ScanLimits{});
  const Judged held = judge(policy, "DELETE FROM t");
  EXPECT_EQ(effect_of(held), "hold");
  EXPECT_EQ(held.verdict->holds[0].rule_id, "p/risk.hold_at");
  EXPECT_EQ(effect_of(judge(policy, "SELECT 1")), "allow");
  EXPECT_EQ(effect_of(judge(policy, "PREPARE p AS DELETE FROM t")), "allow") << "EXECUTE waits";
  EXPECT_EQ(effect_of(judge(policy, "PREPARE p AS DELETE FROM t; EXECUTE p")), "hold");
  for (const char* const text : {"BEGIN", "COMMIT", "ROLLBACK", "ROLLBACK TO a", "RELEASE a", "DEALLOCATE ALL"})
    EXPECT_NE(effect_of(judge(policy, text)), "hold") << text;
}

TEST(HeldByPolicy, BothAsk) {
  const Fixed source("allow: [ { select: [public.t] }, { delete: [public.t], require: { " + asks +
                     " } } ], risk: { hold_at: high }, " + asks);
  PolicyJudge policy(source, "u", "shop", "shop", sql::ScanLimits{});
  EXPECT_EQ(judge(policy, "DELETE FROM t").verdict->holds.size(), 2U);
  EXPECT_EQ(judge(policy, "DELETE FROM t WHERE a = 1").verdict->holds.size(), 1U);
}

TEST(HeldByPolicy, ObservingHoldsNothing) {
  const Fixed source("mode: observe, allow: [ { delete: [public.t], require: { " + asks +
                     " } } ], risk: { hold_at: low }, " + asks);
  PolicyJudge policy(source, "u", "shop", "shop", sql::ScanLimits{});
  EXPECT_EQ(effect_of(judge(policy, "DELETE FROM t")), "log_only");
}

TEST(HeldByPolicy, IsNeverRemembered) {
  VerdictCache cache(1u << 20);
  const Fixed source("allow: [ { select: [public.t], functions: [safe] }, { update: [public.t], require: { " + asks +
                     " } } ]");
  PolicyJudge policy(source, "u", "shop", "shop", sql::ScanLimits{}, {}, {}, system_clock_seconds, &cache);
  for (int i = 0; i < 3; ++i) {
    for (const std::string text : {"UPDATE t SET a = 1", "SELECT a FROM t"}) {
      const bool held = text.starts_with("U");
      const Judged recalled = policy.recall(text, TextForm::query);
      EXPECT_TRUE(!held || !recalled.script);
      const auto analysis = policy.analyze(text);
      const Judged judged = policy.judge(*analysis, {}, {}, 0);
      EXPECT_EQ(effect_of(judged), held ? "hold" : "allow");
      policy.remember(text, TextForm::query, *analysis, judged);
    }
  }
  EXPECT_EQ(cache.size(), 1U);
}

}  // namespace
}  // namespace dbgate::session
