#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/session/relay_lab.h"

// Statements that wait for what models say of them: where they wait, and what runs then.
namespace dbgate::session {
namespace {

namespace b = backend;
namespace f = frontend;
using config::RiskLevel;
using testing::HasSubstr;
using testing::StartsWith;

/// "t" is doubtful.
void in_every_split_of_doubted(const std::function<void(RelayLab&)>& scenario) {
  in_every_split([&](RelayLab& lab) {
    lab.judge.doubted = {"t"};
    scenario(lab);
  });
}

std::string prepared(const std::string& text, const std::string& name = "", const std::string& portal = "") {
  return f::parse(name, text) + f::bind(portal, name) + f::execute(portal) + f::sync;
}

TEST(RelayModels, NothingOfAQueryIsSentBefore) {
  in_every_split_of_doubted([](RelayLab& lab) {
    lab.client(f::query("SELECT 1; DELETE FROM t") + f::query("SELECT 2"));
    EXPECT_EQ(lab.next, Relay::Next::ask);
    ASSERT_EQ(lab.relay.questions().size(), 1U);
    EXPECT_EQ(lab.relay.questions()[0].brief, "t");
    EXPECT_EQ(lab.at_server() + lab.at_client() + lab.audit(), "");
    lab.models(RiskLevel::low);
    EXPECT_EQ(lab.at_server(), "Q(SELECT 1; DELETE FROM t) Q(SELECT 2)");
    EXPECT_THAT(lab.audit(), StartsWith("q1 allow simple SELECT 1; DELETE FROM t because answers\nq2 allow"));
  });
}

TEST(RelayModels, WhatIsDeniedIsRefusedInItsPlace) {
  in_every_split_of_doubted([](RelayLab& lab) {
    lab.client(f::query("DELETE FROM t") + f::query("SELECT 2"));
    lab.models(RiskLevel::critical);
    EXPECT_THAT(lab.at_client(), StartsWith("E(42501 rated critical"));
    EXPECT_EQ(lab.at_server(), "Q(SELECT 2)");
  });
}

TEST(RelayModels, WhatIsHeldWaitsForOthersThen) {
  in_every_split_of_doubted([](RelayLab& lab) {
    lab.client(f::query("DELETE FROM t"));
    lab.models(RiskLevel::high);
    EXPECT_EQ(lab.next, Relay::Next::hold);
    HoldAnswer agreed;
    agreed.what = HoldAnswer::What::approved;
    agreed.approval = "apr_1";
    lab.others(agreed);
    EXPECT_EQ(lab.at_server(), "Q(DELETE FROM t)");
    EXPECT_THAT(lab.audit(), HasSubstr("agreed apr_1"));
  });
}

TEST(RelayModels, DoesNotWaitForWhatComesBefore) {
  in_every_split_of_doubted([](RelayLab& lab) {
    lab.client(f::query("SELECT 1") + f::query("DELETE FROM t"));
    EXPECT_EQ(lab.at_server(), "Q(SELECT 1)");
    EXPECT_EQ(lab.next, Relay::Next::ask);
    lab.models(RiskLevel::low);
    EXPECT_EQ(lab.at_server(), "Q(DELETE FROM t)");
  });
}

TEST(RelayModels, ExtendedQueriesWaitAtBind) {
  in_every_split_of_doubted([](RelayLab& lab) {
    lab.client(f::parse("s", "DELETE FROM t WHERE a = $1") + f::bind("", "s") + f::describe('P', "") + f::execute("") +
               f::sync);
    EXPECT_EQ(lab.at_server(), "P(s,DELETE FROM t WHERE a = $1)");
    EXPECT_EQ(lab.next, Relay::Next::ask);
    lab.models(RiskLevel::low);
    EXPECT_EQ(lab.at_server(), "B(,s) D(P ) E() S");
    EXPECT_THAT(lab.audit(), HasSubstr("allow extended DELETE FROM t WHERE a = $1 because answers"));
  });
}

TEST(RelayModels, ADenialAtBindSkipsToSync) {
  in_every_split_of_doubted([](RelayLab& lab) {
    lab.client(prepared("DELETE FROM t") + f::query("SELECT 2"));
    lab.models(RiskLevel::critical);
    EXPECT_THAT(lab.at_server(), StartsWith("P(,DELETE FROM t) P(dbgate_refused"));
    EXPECT_THAT(lab.audit(), StartsWith("q1 deny extended DELETE FROM t because answers"));
  });
}

TEST(RelayModels, WhatIsRaisedAtBindIsHeldAtExecute) {
  in_every_split_of_doubted([](RelayLab& lab) {
    lab.client(prepared("DELETE FROM t"));
    lab.models(RiskLevel::high);
    lab.server(b::parse_complete + b::bind_complete);
    EXPECT_EQ(lab.next, Relay::Next::hold);
  });
}

TEST(RelayModels, APortalIsAskedAboutOnce) {
  RelayLab lab;
  lab.judge.doubted = {"t"};
  lab.client(f::parse("", "SELECT a FROM t") + f::bind("p", "") + f::execute("p", 1) + f::flush);
  lab.models(RiskLevel::low);
  lab.server(b::parse_complete + b::bind_complete + b::row() + b::suspended);
  lab.client(f::execute("p", 1) + f::flush);
  EXPECT_NE(lab.next, Relay::Next::ask);
  lab.server(b::row() + b::suspended);
  lab.client(f::bind("q", ""));
  EXPECT_EQ(lab.next, Relay::Next::ask);
}

TEST(RelayModels, AnAnswerThatLastsIsNotAskedForAgain) {
  RelayLab lab;
  lab.judge.doubted = {"t"};
  lab.judge.lasting = std::chrono::hours(1);
  lab.client(f::parse("s", "DELETE FROM t") + f::bind("", "s") + f::execute("") + f::sync);
  lab.models(RiskLevel::low);
  lab.server(b::parse_complete + b::bind_complete + b::complete("DELETE 1") + b::ready('I'));
  for (int i = 0; i < 3; ++i) {
    lab.client(f::bind("", "s") + f::execute("") + f::sync);
    EXPECT_EQ(lab.next, Relay::Next::more);
    lab.server(b::bind_complete + b::complete("DELETE 1") + b::ready('I'));
  }
}

TEST(RelayModels, WhatIsJudgedAtExecuteIsAskedAboutThere) {
  in_every_split_of_doubted([](RelayLab& lab) {
    lab.client(f::query("PREPARE p AS DELETE FROM t"));
    if (lab.next == Relay::Next::ask) lab.models(RiskLevel::low);  // the real judge asks about EXECUTE alone
    lab.server(b::complete("PREPARE") + b::ready('I'));
    lab.at_server();
    lab.client(prepared("EXECUTE p"));
    EXPECT_EQ(lab.at_server(), "P(,EXECUTE p) B(,)");
    EXPECT_EQ(lab.next, Relay::Next::ask);
    lab.models(RiskLevel::high);
    lab.server(b::parse_complete + b::bind_complete);
    EXPECT_EQ(lab.next, Relay::Next::hold) << "its values were kept for that";
  });
}

TEST(RelayModels, PoliciesThatChangeBetweenBindAndExecute) {
  RelayLab lab;
  lab.judge.doubted = {"t"};
  lab.client(f::parse("s", "DELETE FROM t")).server(b::parse_complete);
  ++lab.judge.current;
  lab.client(f::bind("", "s") + f::execute("") + f::sync);
  EXPECT_EQ(lab.next, Relay::Next::ask) << "at Execute";
  lab.models(RiskLevel::high);
  lab.server(b::bind_complete);
  EXPECT_EQ(lab.next, Relay::Next::hold);
  // Nor does what a model has said outlive a policy that denies.
  lab.judge.denied = {"t"};
  lab.others({HoldAnswer::What::approved, "apr_1", {}, {}, {}});
  EXPECT_THAT(lab.audit(), HasSubstr("deny extended"));
}

TEST(RelayModels, WhatIsJudgedThenCounts) {
  RelayLab lab;
  lab.judge.doubted = {"t"};
  lab.client(f::query("DELETE FROM t"));
  lab.judge.denied = {"t"};
  lab.models(RiskLevel::low);
  EXPECT_THAT(lab.at_client(), StartsWith("E(42501 denied t"));
  EXPECT_EQ(lab.at_server(), "");
}

TEST(RelayModels, ACancelEndsTheWait) {
  in_every_split_of_doubted([](RelayLab& lab) {
    lab.client(f::query("DELETE FROM t") + f::query("SELECT 2"));
    lab.cancel_questions();
    EXPECT_THAT(lab.at_client(), StartsWith("E(57014 canceling statement due to user request) Z(I)"));
    EXPECT_EQ(lab.at_server(), "Q(SELECT 2)");
    EXPECT_THAT(lab.audit(), StartsWith("q1 deny simple DELETE FROM t because canceling"));
  });
}

TEST(RelayModels, ACancelCountsEvenIfNobodyIsAskedByThen) {
  for (const bool extended : {false, true}) {
    RelayLab lab;
    lab.judge.doubted = {"t"};
    lab.client(extended ? prepared("DELETE FROM t") : f::query("DELETE FROM t"));
    EXPECT_EQ(lab.next, Relay::Next::ask);
    static_cast<void>(lab.at_server());
    lab.judge.doubted.clear();
    ++lab.judge.current;
    lab.cancel_questions();
    if (extended) lab.server(b::parse_complete + b::syntax_error + b::ready('I'));
    EXPECT_THAT(lab.at_client(), HasSubstr("E(57014 "));
    EXPECT_THAT(lab.at_server(), testing::Not(HasSubstr("DELETE")));
    EXPECT_THAT(lab.at_server(), testing::Not(HasSubstr("E()")));
  }
}

TEST(RelayModels, ACancelAtBindIsForThatStatement) {
  in_every_split_of_doubted([](RelayLab& lab) {
    lab.client(prepared("DELETE FROM t"));
    lab.cancel_questions();
    lab.server(b::parse_complete + b::syntax_error + b::ready('I'));
    EXPECT_THAT(lab.at_client(), HasSubstr("E(57014 "));
    lab.client(f::query("SELECT 2"));
    EXPECT_EQ(lab.next, Relay::Next::more);
  });
}

TEST(RelayModels, WithoutWaitingTheyAreAskedAfterTheDecision) {
  in_every_split([](RelayLab& lab) {
    lab.judge.doubted = {"t"};
    lab.judge.afterwards = true;
    lab.client(f::query("DELETE FROM t") + prepared("DELETE FROM t"));
    EXPECT_EQ(lab.next, Relay::Next::more);
    EXPECT_THAT(lab.at_server(), HasSubstr("Q(DELETE FROM t) P(,DELETE FROM t) B(,) E() S"));
    ASSERT_EQ(lab.relay.late_questions().size(), 2U);
    EXPECT_EQ(lab.relay.late_questions()[0].query_id.view(), "q1");
    EXPECT_EQ(lab.relay.late_questions()[1].query_id.view(), "q2");
  });
}

TEST(RelayModels, OfAStatementThatComesAgainTheyAreAskedOnce) {
  RelayLab lab;
  lab.judge.doubted = {"t"};
  lab.judge.afterwards = true;
  lab.client(f::parse("s", "DELETE FROM t"));
  for (int i = 0; i < 5; ++i)
    lab.client(f::bind("", "s") + f::execute("") + f::sync);
  EXPECT_EQ(lab.relay.late_questions().size(), 1U);
}

TEST(RelayModels, SharedServersAreUsedTheSameWay) {
  upstream::ServerMemory server;
  RelayLab lab({}, {}, false, Sharing::transaction);
  lab.free_server = &server;
  lab.judge.doubted = {"t"};
  lab.client(f::query("DELETE FROM t"));
  EXPECT_EQ(lab.next, Relay::Next::ask);
  EXPECT_TRUE(lab.relay.at_rest()) << "others may have the server meanwhile";
  lab.models(RiskLevel::low);
  EXPECT_THAT(lab.at_server(), HasSubstr("Q(DELETE FROM t)"));
}

}  // namespace
}  // namespace dbgate::session
