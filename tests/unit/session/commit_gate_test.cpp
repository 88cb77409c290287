#include "gateway/session/commit_gate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/session/relay_lab.h"

// Transactions that are shown before they are committed: what dbgate says to the server by itself, and what becomes of
// the client's messages meanwhile.
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
  return made;
}

/// What dbgate sends by itself, in the notation of the lab.
std::string own(std::initializer_list<std::string> texts) {
  std::string shown;
  for (const std::string& text : texts) {
    shown += "P(dbgate:gate," + text + ") B(dbgate:gate,dbgate:gate) E(dbgate:gate) C(P dbgate:gate) C(S dbgate:gate) ";
  }
  return shown + "S";
}
const std::string opening = "SELECT dbgate_gate.open()";
const std::string watching = Comparison::opening();
const std::string patience = "SELECT pg_catalog.set_config('idle_in_transaction_session_timeout', '40000', true)";
const std::string reading = own({"SET CONSTRAINTS ALL IMMEDIATE", patience, "SELECT dbgate_gate.changes(20001)"});

/// Replies to one of those.
std::string replied(const std::string& rows = {}, const char* tag = "SELECT 1") {
  return b::parse_complete + b::bind_complete + rows + b::complete(tag) + b::close_complete + b::close_complete;
}
std::string opened(bool begins) {
  return (begins ? replied({}, "BEGIN") : std::string()) + replied(b::row("")) + replied(b::row("M0")) + b::ready('T');
}
std::string changes(std::initializer_list<const char*> lines) {
  std::string rows;
  for (const char* const line : lines)
    rows += b::row(line);
  return replied({}, "SET CONSTRAINTS") + replied(b::row("1")) + replied(rows) + b::ready('T');
}
const std::string one_row = changes({"O", R"(T{"name":"t"})", R"(R{"table":"t"})"});

/// Changes of "t" are shown.
void in_every_split_of_gated(const std::function<void(RelayLab&)>& scenario) {
  for (const bool everywhere : {false, true}) {
    RelayLab lab(Cut{.everywhere = everywhere});
    lab.judge.gated = {"t"};
    scenario(lab);
  }
}

void begin(RelayLab& lab) {
  lab.client(f::query("BEGIN"));
  EXPECT_EQ(lab.at_server(), "Q(BEGIN)");
  lab.server(b::complete("BEGIN") + b::ready('T'));
  lab.client(f::query("DELETE FROM t"));
  EXPECT_EQ(lab.at_server(), own({opening, watching}));
  lab.server(opened(false));
  EXPECT_EQ(lab.at_server(), "Q(DELETE FROM t)");
  lab.server(b::complete("DELETE 1") + b::ready('T'));
  EXPECT_EQ(lab.at_client(), "C(BEGIN) Z(T) C(DELETE 1) Z(T)");
}

TEST(CommitGate, HoldsCommitUntilOthersAgree) {
  in_every_split_of_gated([](RelayLab& lab) {
    begin(lab);
    lab.client(f::query("COMMIT") + f::query("SELECT 1"));
    EXPECT_EQ(lab.at_server(), reading);
    lab.server(one_row);
    EXPECT_EQ(lab.next, Relay::Next::hold);
    ASSERT_TRUE(lab.relay.held().changes);
    EXPECT_EQ(lab.relay.held().changes->rows, R"({"table":"t"})");
    EXPECT_EQ(lab.relay.held().changes->tables, R"({"name":"t"})");
    EXPECT_EQ(lab.relay.held().text, "DELETE FROM t");
    EXPECT_EQ(lab.at_client() + lab.at_server(), "");
    lab.others(answer(What::approved));
    EXPECT_EQ(lab.at_server(), "Q(COMMIT) Q(SELECT 1)");
    EXPECT_THAT(lab.audit(), HasSubstr("allow simple COMMIT agreed apr_1 by lead"));
    lab.server(b::complete("COMMIT") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "C(COMMIT) Z(I)");
  });
}

TEST(CommitGate, AQueryIsInTheTransactionOfWhatHasNoSyncBeforeIt) {
  in_every_split_of_gated([](RelayLab& lab) {
    lab.client(f::parse("", "SELECT 1") + f::bind("", "") + f::execute("") + f::query("DELETE FROM t"));
    EXPECT_EQ(lab.at_server(), "P(,SELECT 1) B(,) E() H");
    lab.server(b::parse_complete + b::bind_complete + b::complete("SELECT 1"));
    EXPECT_EQ(lab.at_server(), own({"BEGIN", opening, watching}));
    lab.server(opened(true));
    EXPECT_EQ(lab.at_server(), "Q(DELETE FROM t)");
    lab.server(b::complete("DELETE 1") + b::ready('T'));
    EXPECT_EQ(lab.at_server(), reading);
    lab.server(one_row).others(answer(What::approved));
    EXPECT_EQ(lab.at_server(), "Q(COMMIT)");
    lab.server(b::complete("COMMIT") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "1 2 C(SELECT 1) C(DELETE 1) Z(I)");
  });
}

TEST(CommitGate, RollsBackWhatIsDenied) {
  in_every_split_of_gated([](RelayLab& lab) {
    begin(lab);
    lab.client(f::query("COMMIT"));
    lab.at_server();
    lab.server(one_row).others(answer(What::denied));
    EXPECT_EQ(lab.at_server(), "Q(ROLLBACK)");
    EXPECT_THAT(lab.at_client(), StartsWith("E(42501 permission denied by dbgate policy: approval apr_1 was denied"));
    lab.server(b::complete("ROLLBACK") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "Z(I)");
    lab.client(f::query("SELECT 1"));
    EXPECT_EQ(lab.at_server(), "Q(SELECT 1)");
  });
}

TEST(CommitGate, AsksNobodyIfNothingHasChanged) {
  RelayLab lab;
  lab.judge.gated = {"t"};
  begin(lab);
  lab.client(f::query("COMMIT"));
  lab.at_server();
  lab.server(changes({"O"}));
  EXPECT_EQ(lab.at_server(), "Q(COMMIT)");
}

TEST(CommitGate, RollsBackWhatCannotBeShown) {
  for (const auto& lines : {std::vector<const char*>{}, {"O", "Upublic.u"}, {"O", "Upg_class", "R{}"}}) {
    RelayLab lab;
    lab.judge.gated = {"t"};
    begin(lab);
    lab.client(f::query("COMMIT"));
    lab.at_server();
    std::string rows;
    for (const char* const line : lines)
      rows += b::row(line);
    lab.server(replied() + replied(b::row("1")) + replied(rows) + b::ready('T'));
    EXPECT_EQ(lab.at_server(), "Q(ROLLBACK)");
    EXPECT_THAT(lab.at_client(), StartsWith("E(42501 "));
  }
}

TEST(CommitGate, ADeferredConstraintFailsCommit) {
  RelayLab lab;
  lab.judge.gated = {"t"};
  begin(lab);
  lab.client(f::query("COMMIT"));
  lab.at_server();
  lab.server(b::parse_complete + b::bind_complete + b::error("23503") + b::ready('E'));
  EXPECT_EQ(lab.at_server(), "Q(ROLLBACK)");
  EXPECT_EQ(lab.at_client(), "E(23503 server)");
  lab.server(b::complete("ROLLBACK") + b::ready('I'));
  EXPECT_EQ(lab.at_client(), "Z(I)");
}

TEST(CommitGate, PutsATransactionAroundASingleStatement) {
  in_every_split_of_gated([](RelayLab& lab) {
    lab.client(f::query("DELETE FROM t") + f::query("SELECT 2"));
    EXPECT_EQ(lab.at_server(), own({"BEGIN", opening, watching}));
    lab.server(opened(true));
    EXPECT_EQ(lab.at_server(), "Q(DELETE FROM t)");
    lab.server(b::complete("DELETE 1") + b::ready('T'));
    EXPECT_EQ(lab.at_server(), reading);
    lab.server(one_row);
    EXPECT_EQ(lab.at_client(), "");
    EXPECT_EQ(lab.next, Relay::Next::hold);
    lab.others(answer(What::approved));
    EXPECT_EQ(lab.at_server(), "Q(COMMIT) Q(SELECT 2)");
    lab.server(b::complete("COMMIT") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "C(DELETE 1) Z(I)");
    EXPECT_THAT(lab.audit(), HasSubstr("q1 done 00000 [DELETE 1] rows 0+1"));
  });
}

TEST(CommitGate, ASingleStatementThatIsDeniedHasNotHappened) {
  in_every_split_of_gated([](RelayLab& lab) {
    lab.client(f::query("DELETE FROM t"));
    lab.server(opened(true)).server(b::complete("DELETE 1") + b::ready('T')).server(one_row);
    lab.at_server();
    lab.others(answer(What::denied));
    EXPECT_EQ(lab.at_server(), "Q(ROLLBACK)");
    lab.server(b::complete("ROLLBACK") + b::ready('I'));
    EXPECT_THAT(lab.at_client(), testing::AllOf(StartsWith("E(42501 "), testing::EndsWith(" Z(I)")));
    EXPECT_THAT(lab.audit(), HasSubstr("q1 done 42501"));
  });
}

TEST(CommitGate, ASingleStatementThatFailsFailsAsEver) {
  in_every_split_of_gated([](RelayLab& lab) {
    lab.client(f::query("DELETE FROM t"));
    lab.server(opened(true));
    lab.at_server();
    lab.server(b::error("23503") + b::ready('E'));
    EXPECT_EQ(lab.at_client(), "E(23503 server)");
    EXPECT_EQ(lab.at_server(), "Q(ROLLBACK)");
    lab.server(b::complete("ROLLBACK") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "Z(I)");
    lab.client(f::query("SELECT 1"));
    EXPECT_EQ(lab.at_server(), "Q(SELECT 1)");
  });
}

TEST(CommitGate, ADatabaseThatIsNotPreparedTakesNothing) {
  in_every_split_of_gated([](RelayLab& lab) {
    lab.client(f::query("DELETE FROM t"));
    lab.at_server();
    lab.server(replied({}, "BEGIN") + b::error("3F000") + b::ready('E'));
    EXPECT_THAT(lab.at_server(), StartsWith(own({"ROLLBACK"})));
    lab.server(replied({}, "ROLLBACK") + b::ready('I') + b::syntax_error + b::ready('I'));
    EXPECT_THAT(lab.at_client(),
                testing::AllOf(HasSubstr("E(42501 "), HasSubstr("not prepared"), testing::EndsWith("Z(I)")));
  });
}

TEST(CommitGate, ExtendedQueriesWaitAtSync) {
  in_every_split_of_gated([](RelayLab& lab) {
    lab.client(f::parse("", "DELETE FROM t") + f::bind("", "") + f::execute("") + f::sync);
    EXPECT_EQ(lab.at_server(), "P(,DELETE FROM t) B(,) H");
    lab.server(b::parse_complete + b::bind_complete);
    EXPECT_EQ(lab.at_server(), own({"BEGIN", opening, watching}));
    lab.server(opened(true));
    EXPECT_EQ(lab.at_server(), "E() H");
    lab.server(b::complete("DELETE 1"));
    EXPECT_EQ(lab.at_server(), reading);
    lab.server(one_row);
    EXPECT_EQ(lab.next, Relay::Next::hold);
    lab.others(answer(What::approved));
    EXPECT_EQ(lab.at_server(), own({"COMMIT"}));
    lab.server(replied({}, "COMMIT") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "1 2 C(DELETE 1) Z(I)");
  });
}

TEST(CommitGate, ExtendedQueriesThatAreDeniedFailAtSync) {
  in_every_split_of_gated([](RelayLab& lab) {
    lab.client(f::parse("", "DELETE FROM t") + f::bind("", "") + f::execute("") + f::sync);
    lab.server(b::parse_complete + b::bind_complete)
        .server(opened(true))
        .server(b::complete("DELETE 1"))
        .server(one_row);
    lab.at_server();
    lab.others(answer(What::expired));
    EXPECT_EQ(lab.at_server(), own({"ROLLBACK"}));
    lab.server(replied({}, "ROLLBACK") + b::ready('I'));
    EXPECT_THAT(lab.at_client(), testing::AllOf(StartsWith("1 2 C(DELETE 1) E(42501 "), testing::EndsWith("Z(I)")));
  });
}

TEST(CommitGate, ExtendedQueriesThatFailAreOverAtSync) {
  in_every_split_of_gated([](RelayLab& lab) {
    lab.client(f::parse("", "DELETE FROM t") + f::bind("", "") + f::execute("") + f::sync);
    lab.server(b::parse_complete + b::bind_complete).server(opened(true));
    lab.at_server();
    lab.server(b::error("23503"));
    EXPECT_EQ(lab.at_server(), "S " + own({"ROLLBACK"}));
    lab.server(b::ready('E') + replied({}, "ROLLBACK") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "1 2 E(23503 server) Z(I)");
  });
}

TEST(CommitGate, CommitByExecuteWaitsInItsPlace) {
  in_every_split_of_gated([](RelayLab& lab) {
    lab.client(f::parse("", "BEGIN") + f::bind("", "") + f::execute("") + f::parse("", "DELETE FROM t") +
               f::bind("", "") + f::execute("") + f::sync);
    lab.server(b::parse_complete + b::bind_complete + b::complete("BEGIN") + b::parse_complete + b::bind_complete);
    EXPECT_THAT(lab.at_server(), testing::EndsWith(own({opening, watching})));
    lab.server(opened(false));
    EXPECT_EQ(lab.at_server(), "E() S");
    lab.server(b::complete("DELETE 1") + b::ready('T'));
    lab.client(f::parse("", "COMMIT") + f::bind("", "") + f::execute("") + f::sync);
    lab.server(b::parse_complete + b::bind_complete);
    EXPECT_THAT(lab.at_server(), testing::EndsWith(reading));
    lab.server(one_row).others(answer(What::denied));
    EXPECT_EQ(lab.at_server(), own({"ROLLBACK"}));
    lab.server(replied({}, "ROLLBACK") + b::ready('I'));
    EXPECT_THAT(lab.at_client(), testing::AllOf(HasSubstr(" E(42501 "), testing::EndsWith("Z(I)")));
  });
}

TEST(CommitGate, CopyWaitsAtItsEnd) {
  in_every_split_of_gated([](RelayLab& lab) {
    lab.client(f::query("COPY t FROM STDIN"));
    lab.server(opened(true));
    lab.at_server();
    lab.server(b::copy('G'));
    lab.client(f::copy_data("1\n") + f::copy_done + f::query("SELECT 2"));
    EXPECT_EQ(lab.at_server(), "d(1\n) c");
    lab.server(b::complete("COPY 1") + b::ready('T'));
    EXPECT_EQ(lab.at_server(), reading);
    lab.server(one_row).others(answer(What::approved));
    EXPECT_EQ(lab.at_server(), "Q(COMMIT) Q(SELECT 2)");
    lab.server(b::complete("COMMIT") + b::ready('I'));
    EXPECT_THAT(lab.at_client(), testing::EndsWith("C(COPY 1) Z(I)"));
  });
}

TEST(CommitGate, CopyThatFailsEarlyHoldsNothingUp) {
  in_every_split_of_gated([](RelayLab& lab) {
    lab.client(f::query("COPY t FROM STDIN"));
    lab.server(opened(true));
    lab.at_server();
    lab.server(b::copy('G') + b::error("22P02") + b::ready('E'));
    lab.client(f::copy_data("x\n") + f::copy_done + f::query("SELECT 2"));
    EXPECT_EQ(lab.at_server(), "Q(ROLLBACK)") << "nothing overtakes it";
    lab.server(b::complete("ROLLBACK") + b::ready('I'));
    EXPECT_EQ(lab.at_server(), "Q(SELECT 2)");
  });
}

TEST(CommitGate, TransactionsAndChangesComeApart) {
  for (const char* text :
       {"BEGIN; DELETE FROM t; COMMIT", "ROLLBACK TO a; DELETE FROM t", "SAVEPOINT a; DELETE FROM t",
        "DELETE FROM t; RELEASE a", "ROLLBACK; DELETE FROM t", "ROLLBACK AND CHAIN; DELETE FROM t"}) {
    for (const char status : {'I', 'T', 'E'}) {
      RelayLab lab;
      lab.judge.gated = {"t"};
      lab.client(f::query("SELECT 1"));
      lab.server(b::complete("SELECT 1") + b::ready(status));
      lab.at_server();
      lab.at_client();
      lab.client(f::query(text));
      EXPECT_THAT(lab.at_server(), testing::Not(HasSubstr("DELETE"))) << text << status;
      lab.server(b::syntax_error + b::ready(status));
      EXPECT_THAT(lab.at_client(), testing::AllOf(StartsWith("E(42501 "), HasSubstr("messages of their own"))) << text;
    }
  }
}

TEST(CommitGate, WhatWasChangedBehindASavepointIsCompared) {
  for (const bool still_open : {false, true}) {
    in_every_split_of_gated([still_open](RelayLab& lab) {
      begin(lab);
      lab.client(f::query("ROLLBACK TO a"));
      lab.server(b::complete("ROLLBACK") + b::ready('T'));
      lab.at_server();
      lab.client(f::query("DELETE FROM t"));
      EXPECT_EQ(lab.at_server(), "Q(DELETE FROM t)") << "there is no second beginning";
      lab.server(b::complete("DELETE 1") + b::ready('T'));
      lab.client(f::query("COMMIT"));
      EXPECT_EQ(lab.at_server(), reading);
      lab.server(still_open ? one_row : changes({}));
      if (still_open) {
        EXPECT_EQ(lab.next, Relay::Next::hold);
        EXPECT_TRUE(lab.relay.held().changes);
      } else {
        EXPECT_THAT(lab.at_server(), HasSubstr("pg_locks"));
      }
    });
  }
}

TEST(CommitGate, ACaptureThatEndsByItselfIsRolledBack) {
  in_every_split_of_gated([](RelayLab& lab) {
    begin(lab);
    lab.client(f::query("COMMIT"));
    lab.at_server();
    lab.server(changes({}));
    EXPECT_EQ(lab.at_server(), "Q(ROLLBACK)");
    EXPECT_THAT(lab.at_client(), HasSubstr("was stopped"));
  });
}

TEST(CommitGate, TheServerSaysWhetherATransactionHasFailed) {
  in_every_split_of_gated([](RelayLab& lab) {
    begin(lab);
    lab.client(f::query("SELECT 1"));
    lab.server(b::syntax_error + b::ready('E'));
    lab.at_server();
    lab.at_client();
    // It has: COMMIT rolls back, as ever.
    lab.client(f::query("COMMIT"));
    EXPECT_EQ(lab.at_server(), reading);
    lab.server(b::error("25P02") + b::ready('E'));
    EXPECT_EQ(lab.at_server(), "Q(COMMIT)");
    lab.server(b::complete("ROLLBACK") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "C(ROLLBACK) Z(I)");
  });
}

TEST(CommitGate, NothingPassesForFailedThatIsNot) {
  in_every_split_of_gated([](RelayLab& lab) {
    lab.client(f::query("BEGIN"));
    lab.server(b::complete("BEGIN") + b::ready('T'));
    lab.client(f::query("SELECT 1"));
    lab.server(b::syntax_error + b::ready('E'));
    lab.at_server();
    lab.client(f::query("DELETE FROM t"));
    EXPECT_EQ(lab.at_server(), own({opening, watching}));
    lab.server(b::error("25P02") + b::ready('E'));
    EXPECT_THAT(lab.at_server(), StartsWith("Q("));
    lab.server(b::syntax_error + b::ready('E'));
    EXPECT_THAT(lab.at_client(), HasSubstr("E(25P02 "));
    lab.client(f::parse("", "ROLLBACK TO a") + f::bind("", "") + f::execute("") + f::parse("", "DELETE FROM t") +
               f::bind("", "") + f::execute("") + f::sync);
    lab.server(b::parse_complete + b::bind_complete + b::complete("ROLLBACK") + b::parse_complete + b::bind_complete);
    EXPECT_THAT(lab.at_server(), testing::EndsWith(own({opening, watching})));
  });
}

/// Replies to the questions of a comparison.
std::string facts(std::initializer_list<const char*> lines) {
  std::string rows;
  for (const char* const line : lines)
    rows += b::row(line);
  return replied(rows) + b::ready('T');
}
const std::string one_table = replied({}, "SET CONSTRAINTS") + replied(b::row()) + replied(b::row()) +
                              facts({"X700 42", "STimeZone UTC", "N1 1 public.t", "F1 public.t", "K1 dbgate_row.id"});

void begin_compared(RelayLab& lab) {
  lab.judge.compares = true;
  lab.client(f::query("DELETE FROM t"));
  EXPECT_EQ(lab.at_server(), own({"BEGIN", watching}));
  lab.server(replied({}, "BEGIN") + facts({"M0", "Con", "B16400 2"}));
  EXPECT_EQ(lab.at_server(), "Q(DELETE FROM t)");
  lab.server(b::complete("DELETE 1") + b::ready('T'));
}

HoldAnswer seen_by_others(std::vector<std::string> rows) {
  HoldAnswer made;
  made.what = What::viewed;
  made.rows = std::make_shared<const std::vector<std::string>>(std::move(rows));
  return made;
}

TEST(CommitGate, ComparesWhatIsNotPrepared) {
  in_every_split_of_gated([](RelayLab& lab) {
    begin_compared(lab);
    EXPECT_THAT(lab.at_server(), testing::AllOf(HasSubstr("SET CONSTRAINTS ALL IMMEDIATE"), HasSubstr("row_security"),
                                                HasSubstr("(16400::oid, 2::int8)")));
    lab.server(one_table);
    EXPECT_EQ(lab.next, Relay::Next::hold);
    ASSERT_TRUE(lab.relay.held().view);
    EXPECT_FALSE(lab.relay.held().changes);
    EXPECT_THAT(lab.relay.held().view->settings, HasSubstr("set_config(E'TimeZone', E'UTC', true)"));
    EXPECT_EQ(lab.relay.held().view->questions.size(), 2u);
    lab.others(seen_by_others({"H1 1", "O1 (0,1) 700\n[1]\n{\"id\": 1}", "O1 (0,2) 700\n[2]\n{\"id\": 2}"}));
    EXPECT_THAT(lab.at_server(), HasSubstr("{\"(0,1)\",\"(0,2)\"}"));
    lab.server(replied() + replied(b::row("V1 (0,2)")) + facts({"R700"}));
    EXPECT_EQ(lab.next, Relay::Next::hold);
    ASSERT_TRUE(lab.relay.held().changes);
    EXPECT_TRUE(lab.relay.held().changes->compared);
    EXPECT_EQ(lab.relay.held().changes->rows,
              R"({"table":"public.t","change":"delete","before":{"id": 1},"after":null})");
    EXPECT_EQ(lab.relay.held().changes->tables, R"({"name":"public.t","inserted":0,"updated":0,"deleted":1})");
    lab.others(answer(What::approved));
    EXPECT_EQ(lab.at_server(), "Q(COMMIT)");
  });
}

TEST(CommitGate, RollsBackWhatCannotBeCompared) {
  HoldAnswer failed;
  failed.error = Error(sqlstate::connection_failure, "no way there");
  for (const HoldAnswer& others : {seen_by_others({"H0 1"}), failed, answer(What::cancelled)}) {
    RelayLab lab;
    lab.judge.gated = {"t"};
    begin_compared(lab);
    lab.at_server();
    lab.server(one_table).others(others);
    EXPECT_EQ(lab.at_server(), "Q(ROLLBACK)");
    EXPECT_THAT(lab.at_client(), testing::AnyOf(StartsWith("E(08006 "), StartsWith("E(57014 ")));
  }
}

TEST(CommitGate, ComparingFindsNothingWhereNothingWasChanged) {
  for (const char* const line : {"X 42", "X700 42"}) {
    RelayLab lab;
    lab.judge.gated = {"t"};
    begin_compared(lab);
    lab.at_server();
    lab.server(replied() + replied(b::row()) + replied(b::row()) + facts({line}));
    EXPECT_EQ(lab.at_server(), "Q(COMMIT)");
  }
}

TEST(CommitGate, RollsBackATableThatCannotBeCompared) {
  RelayLab lab;
  lab.judge.gated = {"t"};
  begin_compared(lab);
  lab.at_server();
  lab.server(replied() + replied(b::row()) + replied(b::row()) + facts({"X700 42", "Upg_class (of the system)"}));
  EXPECT_EQ(lab.at_server(), "Q(ROLLBACK)");
  EXPECT_THAT(lab.at_client(), testing::AllOf(StartsWith("E(42501 "), HasSubstr("pg_class (of the system)")));
}

TEST(CommitGate, ComparesWhereTheServerHasCountedSomethingElse) {
  in_every_split_of_gated([](RelayLab& lab) {
    begin(lab);
    lab.client(f::query("COMMIT"));
    EXPECT_EQ(lab.at_server(), reading);
    lab.server(changes({"O", "Lpublic.t", R"(T{"name":"t"})", R"(R{"table":"t"})"}));
    EXPECT_THAT(lab.at_server(), HasSubstr("pg_locks"));
    lab.server(replied(b::row()) + facts({"X700 42", "N1 1 public.t", "F1 public.t", "K1 dbgate_row.id"}));
    ASSERT_EQ(lab.next, Relay::Next::hold);
    EXPECT_TRUE(lab.relay.held().view);
  });
}

TEST(CommitGate, FewerCountsThanChangesAreNotBelieved) {
  Comparison comparison;
  for (const char* const line : {"M0", "Con", "X700 42", "N1 0 public.t", "F1 public.t", "K1 dbgate_row.id"})
    comparison.add(line);
  comparison.add("A1 [1]\n{}");
  Changes found;
  comparison.finish(found);
  ASSERT_EQ(found.unseen.size(), 1u);
  EXPECT_THAT(found.unseen[0], HasSubstr("fewer"));
}

TEST(CommitGate, PoliciesOfTheMomentCountWhenOthersHaveAgreed) {
  in_every_split_of_gated([](RelayLab& lab) {
    lab.client(f::query("DELETE FROM t"));
    lab.server(opened(true)).server(b::complete("DELETE 1") + b::ready('T')).server(one_row);
    lab.at_server();
    lab.judge.current = 2;
    lab.judge.denied = {"t"};
    lab.others(answer(What::approved));
    EXPECT_EQ(lab.at_server(), "Q(ROLLBACK)");
    EXPECT_THAT(lab.at_client(), testing::AllOf(StartsWith("E(42501 denied t"), HasSubstr("Policies have changed")));
  });
}

TEST(CommitGate, TheSameAtSync) {
  in_every_split_of_gated([](RelayLab& lab) {
    lab.client(f::parse("", "DELETE FROM t") + f::bind("", "") + f::execute("") + f::sync);
    lab.server(b::parse_complete + b::bind_complete)
        .server(opened(true))
        .server(b::complete("DELETE 1"))
        .server(one_row);
    lab.at_server();
    lab.judge.current = 2;
    lab.judge.denied = {"t"};
    lab.others(answer(What::approved));
    EXPECT_EQ(lab.at_server(), own({"ROLLBACK"}));
    lab.server(replied({}, "ROLLBACK") + b::ready('I'));
    EXPECT_THAT(lab.at_client(), testing::AllOf(HasSubstr(" E(42501 denied t"), testing::EndsWith("Z(I)")));
  });
}

TEST(CommitGate, OtherPoliciesThatAllowItChangeNothing) {
  RelayLab lab;
  lab.judge.gated = {"t"};
  lab.client(f::query("DELETE FROM t"));
  lab.server(opened(true)).server(b::complete("DELETE 1") + b::ready('T')).server(one_row);
  lab.at_server();
  lab.judge.current = 2;
  lab.others(answer(What::approved));
  EXPECT_EQ(lab.at_server(), "Q(COMMIT)");
}

TEST(CommitGate, WhoIsNotGatedPaysNothing) {
  RelayLab lab;
  lab.client(f::query("BEGIN") + f::query("DELETE FROM t") + f::query("COMMIT"));
  EXPECT_EQ(lab.at_server(), "Q(BEGIN) Q(DELETE FROM t) Q(COMMIT)");
}

TEST(CommitGate, KeepsNoMoreThanIsRead) {
  Changes changes;
  for (std::size_t i = 0; i <= Changes::most_rows; ++i)
    changes.add("R{}");
  EXPECT_TRUE(changes.too_many);
  EXPECT_EQ(changes.rows.size(), Changes::most_rows * 3 - 1);
  changes.add("");
  changes.add("?");
  EXPECT_FALSE(changes.open);
}

}  // namespace
}  // namespace dbgate::session
