#include "gateway/session/relay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/session/relay_lab.h"

namespace dbgate::session {
namespace {

namespace b = backend;
namespace f = frontend;
using testing::HasSubstr;

const std::string failing = "Q(dbgate_refused_this_statement)";
const std::string failing_named = "P(dbgate_refused_this_statement,dbgate_refused_this_statement)";
const std::string failing_unnamed = "P(,dbgate_refused_this_statement)";

/// Opens a transaction and forgets what was seen of it.
void begin(RelayLab& lab) {
  lab.client(f::query("BEGIN")).server(b::complete("BEGIN") + b::ready('T'));
  lab.at_server();
  lab.at_client();
  lab.audit();
}

/// Prepares `name` and forgets what was seen of it.
void prepare(RelayLab& lab, const std::string& name, const std::string& text) {
  lab.client(f::parse(name, text) + f::sync).server(b::parse_complete + b::ready('I'));
  lab.at_server();
  lab.at_client();
  lab.audit();
}

// ---- Simple queries

TEST(Relay, SimpleQuery) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("SELECT a FROM t"));
    EXPECT_EQ(lab.at_server(), "Q(SELECT a FROM t)");
    EXPECT_EQ(lab.audit(), "q1 allow simple SELECT a FROM t\n");
    EXPECT_TRUE(lab.relay.busy());
    lab.server(b::rows() + b::row() + b::row("two") + b::complete("SELECT 2") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "T D D C(SELECT 2) Z(I)");
    EXPECT_EQ(lab.audit(), "q1 done 00000 [SELECT 2] rows 2+0\n");
    EXPECT_FALSE(lab.relay.busy());
    EXPECT_FALSE(lab.relay.in_transaction());
  });
}

TEST(Relay, SeveralStatementsAndPipelinedQueries) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("INSERT INTO t VALUES (1); UPDATE t SET a = 2") + f::query("") + f::query("DELETE FROM t"));
    EXPECT_EQ(lab.at_server(), "Q(INSERT INTO t VALUES (1); UPDATE t SET a = 2) Q() Q(DELETE FROM t)");
    lab.server(b::complete("INSERT 0 1") + b::complete("UPDATE 5") + b::ready('I') + b::empty_query + b::ready('I') +
               b::error("57014") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "C(INSERT 0 1) C(UPDATE 5) Z(I) I Z(I) E(57014 server) Z(I)");
    EXPECT_EQ(lab.audit(),
              "q1 allow simple INSERT INTO t VALUES (1); UPDATE t SET a = 2\nq2 allow simple \nq3 allow simple DELETE "
              "FROM t\nq1 done 00000 [INSERT 0 1; UPDATE 5] rows 0+6\nq2 done 00000 [] rows 0+0\nq3 done 57014 [] rows "
              "0+0\n");
  });
}

// The server has nothing to do with it, so dbgate answers by itself.
TEST(Relay, DeniedQueryWhenIdle) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("SELECT a FROM secret") + f::query("SELECT 1"));
    EXPECT_EQ(lab.at_server(), "Q(SELECT 1)");
    EXPECT_EQ(lab.at_client(), "E(42501 denied secret Request id: q1) Z(I)");
    EXPECT_EQ(lab.audit(), "q1 deny simple SELECT a FROM secret\nq2 allow simple SELECT 1\n");
  });
}

TEST(Relay, SyntaxErrorWhenIdle) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("SELEC 1"));
    EXPECT_EQ(lab.at_server(), "");
    EXPECT_EQ(lab.at_client(), "E(42601 syntax error at or near \"SELEC\") Z(I)");
  });
}

// None of a text is run if one statement of it is denied.
TEST(Relay, OneDeniedStatementDeniesTheText) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("DELETE FROM t; SELECT a FROM secret"));
    EXPECT_EQ(lab.at_server(), "");
    EXPECT_EQ(lab.at_client(), "E(42501 denied secret Request id: q1) Z(I)");
  });
}

// An error aborts a transaction, and only the server can do that.
TEST(Relay, DeniedQueryInATransaction) {
  in_every_split([](RelayLab& lab) {
    begin(lab);
    lab.client(f::query("SELECT a FROM secret"));
    EXPECT_EQ(lab.at_server(), failing);
    EXPECT_EQ(lab.at_client(), "");
    lab.server(b::syntax_error + b::ready('E'));
    EXPECT_EQ(lab.at_client(), "E(42501 denied secret Request id: q2) Z(E)");
    EXPECT_EQ(lab.audit(), "q2 deny simple SELECT a FROM secret\n");
    EXPECT_EQ(lab.relay.transaction_status(), 'E');
    EXPECT_TRUE(lab.relay.in_transaction());
    lab.client(f::query("ROLLBACK")).server(b::complete("ROLLBACK") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "C(ROLLBACK) Z(I)");
  });
}

// Behind others it answers in its place.
TEST(Relay, DeniedQueryInAPipeline) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("SELECT 1") + f::query("SELECT a FROM secret") + f::query("SELECT 2"));
    EXPECT_EQ(lab.at_server(), "Q(SELECT 1) " + failing + " Q(SELECT 2)");
    lab.server(b::rows() + b::row() + b::complete("SELECT 1") + b::ready('I') + b::syntax_error + b::ready('I') +
               b::rows() + b::complete("SELECT 0") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "T D C(SELECT 1) Z(I) E(42501 denied secret Request id: q2) Z(I) T C(SELECT 0) Z(I)");
    EXPECT_EQ(lab.audit(),
              "q1 allow simple SELECT 1\nq2 deny simple SELECT a FROM secret\nq3 allow simple SELECT 2\n"
              "q1 done 00000 [SELECT 1] rows 1+0\nq3 done 00000 [SELECT 0] rows 0+0\n");
  });
}

// ---- Extended queries

TEST(Relay, ExtendedQuery) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::parse("s", "SELECT a FROM t WHERE b = $1") + f::describe('S', "s") + f::bind("p", "s") +
               f::describe('P', "p") + f::execute("p", 1) + f::execute("p") + f::close('P', "p") + f::close('S', "s") +
               f::flush + f::sync);
    EXPECT_EQ(lab.at_server(), "P(s,SELECT a FROM t WHERE b = $1) D(S s) B(p,s) D(P p) E(p) E(p) C(P p) C(S s) H S");
    EXPECT_EQ(
        lab.audit(),
        "q1 allow extended SELECT a FROM t WHERE b = $1 as p\nq2 allow extended SELECT a FROM t WHERE b = $1 as p\n");
    lab.server(b::parse_complete + b::plain('t') + b::rows() + b::bind_complete + b::rows() + b::row() + b::suspended +
               b::row() + b::complete("SELECT 1") + b::close_complete + b::close_complete + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "1 t T 2 T D s D C(SELECT 1) 3 3 Z(I)");
    EXPECT_EQ(lab.audit(), "q1 done 00000 [PORTAL SUSPENDED] rows 1+0\nq2 done 00000 [SELECT 1] rows 1+0\n");
    EXPECT_EQ(lab.judge.judged, 1u);  // the verdict of Parse holds while its version does
  });
}

// What stands before runs, what follows up to Sync does not, and what comes after that does.
TEST(Relay, DeniedParseInThePipeline) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::parse("", "INSERT INTO t VALUES (1)") + f::bind("", "") + f::execute("") +
               f::parse("", "SELECT a FROM secret") + f::bind("", "") + f::describe('P', "") + f::execute("") +
               f::sync + f::parse("", "SELECT 2") + f::bind("", "") + f::execute("") + f::sync);
    EXPECT_EQ(lab.at_server(),
              "P(,INSERT INTO t VALUES (1)) B(,) E() " + failing_unnamed + " S P(,SELECT 2) B(,) E() S");
    EXPECT_EQ(lab.audit(),
              "q1 allow extended INSERT INTO t VALUES (1)\nq2 deny extended SELECT a FROM secret\n"
              "q3 allow extended SELECT 2\n");
    lab.server(b::parse_complete + b::bind_complete + b::complete("INSERT 0 1") + b::syntax_error + b::ready('I') +
               b::parse_complete + b::bind_complete + b::row() + b::complete("SELECT 1") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "1 2 C(INSERT 0 1) E(42501 denied secret Request id: q2) Z(I) 1 2 D C(SELECT 1) Z(I)");
    EXPECT_EQ(lab.audit(), "q1 done 00000 [INSERT 0 1] rows 0+1\nq3 done 00000 [SELECT 1] rows 1+0\n");
  });
}

TEST(Relay, DeniedNamedParseLeavesTheUnnamedStatementAlone) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::parse("", "SELECT 1") + f::parse("s", "SELECT a FROM secret") + f::sync);
    EXPECT_EQ(lab.at_server(), "P(,SELECT 1) " + failing_named + " S");
    lab.server(b::parse_complete + b::syntax_error + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "1 E(42501 denied secret Request id: q1) Z(I)");
    lab.client(f::bind("", "") + f::execute("") + f::sync);
    EXPECT_EQ(lab.at_server(), "B(,) E() S");
    lab.client(f::bind("", "s") + f::sync);
    EXPECT_EQ(lab.at_server(), failing_named + " S");
  });
}

TEST(Relay, DeniedParseWhenIdle) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::parse("s", "SELECT a FROM secret") + f::describe('S', "s"));
    EXPECT_EQ(lab.at_client(), "E(42501 denied secret Request id: q1)");
    lab.client(f::bind("", "s") + f::execute("") + f::query("SELECT 1") + f::flush);
    EXPECT_EQ(lab.at_client(), "");
    lab.client(f::sync);
    EXPECT_EQ(lab.at_client(), "Z(I)");
    EXPECT_EQ(lab.at_server(), "");
    EXPECT_EQ(lab.audit(), "q1 deny extended SELECT a FROM secret as s\n");
    lab.client(f::query("SELECT 1"));
    EXPECT_EQ(lab.at_server(), "Q(SELECT 1)");
  });
}

TEST(Relay, DeniedParseInATransaction) {
  in_every_split([](RelayLab& lab) {
    begin(lab);
    lab.client(f::parse("", "SELECT a FROM secret") + f::bind("", "") + f::sync);
    EXPECT_EQ(lab.at_server(), failing_unnamed + " S");
    lab.server(b::syntax_error + b::ready('E'));
    EXPECT_EQ(lab.at_client(), "E(42501 denied secret Request id: q2) Z(E)");
  });
}

// Messages without Sync may have begun a transaction on the server, answered or not.
TEST(Relay, DeniedParseAfterFlush) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::parse("", "SELECT 1") + f::flush).server(b::parse_complete);
    EXPECT_TRUE(lab.relay.in_transaction());
    lab.at_server();
    lab.client(f::parse("", "SELECT a FROM secret") + f::sync);
    EXPECT_EQ(lab.at_server(), failing_unnamed + " S");
  });
}

// A Parse of the unnamed statement drops the one before even when it fails (PostgreSQL docs ch. 55.2.3).
TEST(Relay, DeniedParseDropsTheUnnamedStatement) {
  in_every_split([](RelayLab& lab) {
    prepare(lab, "", "SELECT 1");
    lab.client(f::parse("", "SELECT a FROM secret") + f::sync);
    EXPECT_EQ(lab.at_client(), "E(42501 denied secret Request id: q1) Z(I)");
    lab.client(f::bind("", "") + f::execute("") + f::sync);
    EXPECT_EQ(lab.at_client(), "E(26000 unnamed prepared statement does not exist) Z(I)");
    EXPECT_EQ(lab.at_server(), "");
  });
}

TEST(Relay, ServerErrorThenSync) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::parse("s", "SELECT a FROM gone") + f::bind("", "s") + f::execute("") + f::sync +
               f::query("SELECT 1"));
    lab.at_server();
    lab.server(b::error("42P01") + b::ready('I') + b::rows() + b::complete("SELECT 1") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "E(42P01 server) Z(I) T C(SELECT 1) Z(I)");
    EXPECT_EQ(lab.audit(),
              "q1 allow extended SELECT a FROM gone\nq2 allow simple SELECT 1\nq1 done - [] rows 0+0\n"
              "q2 done 00000 [SELECT 1] rows 0+0\n");
    lab.client(f::bind("", "s") + f::sync);  // it was never defined
    EXPECT_EQ(lab.at_client(), "E(26000 prepared statement \"s\" does not exist) Z(I)");
  });
}

// After an error the server discards everything up to Sync, also simple queries; so does dbgate, and records nothing.
TEST(Relay, ServerErrorBeforeSync) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::parse("s", "SELECT a FROM gone") + f::flush).server(b::error("42P01"));
    lab.at_server();
    lab.audit();
    lab.client(f::bind("", "s") + f::query("SELECT 1") + f::execute("") + f::sync + f::query("SELECT 2"));
    EXPECT_EQ(lab.at_server(), "S Q(SELECT 2)");
    EXPECT_EQ(lab.audit(), "q1 allow simple SELECT 2\n");
    lab.server(b::ready('I') + b::rows() + b::complete("SELECT 1") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "E(42P01 server) Z(I) T C(SELECT 1) Z(I)");
  });
}

TEST(Relay, ErrorAtSync) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::parse("", "INSERT INTO t VALUES (1)") + f::bind("", "") + f::execute("") + f::sync +
               f::query("SELECT 1"));
    lab.server(b::parse_complete + b::bind_complete + b::complete("INSERT 0 1") + b::error("23503") + b::ready('I') +
               b::empty_query + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "1 2 C(INSERT 0 1) E(23503 server) Z(I) I Z(I)");
  });
}

TEST(Relay, UnknownNames) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::bind("", "s") + f::sync + f::describe('S', "s") + f::sync + f::execute("p") + f::sync);
    EXPECT_EQ(lab.at_server(), "");
    EXPECT_EQ(
        lab.at_client(),
        "E(26000 prepared statement \"s\" does not exist) Z(I) E(26000 prepared statement \"s\" does not exist) Z(I) "
        "E(34000 portal \"p\" does not exist) Z(I)");
  });
}

// ---- Judged at Parse, run at Execute

TEST(Relay, ExecuteIsJudgedAgainWhenTheVersionChanged) {
  in_every_split([](RelayLab& lab) {
    prepare(lab, "s", "SELECT a FROM t");
    lab.judge.current = 2;
    lab.client(f::bind("", "s") + f::execute("") + f::sync);
    EXPECT_EQ(lab.at_server(), "B(,s) E() S");
    lab.server(b::bind_complete + b::complete("SELECT 0") + b::ready('I'));
    lab.audit();
    lab.judge.current = 3;
    lab.judge.denied.insert("t");
    lab.client(f::bind("", "s") + f::execute("") + f::execute("") + f::sync);
    EXPECT_EQ(lab.at_server(), "B(,s) " + failing_named + " S");
    EXPECT_EQ(lab.audit(), "q2 deny extended SELECT a FROM t\n");
    lab.server(b::bind_complete + b::syntax_error + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "2 C(SELECT 0) Z(I) 2 E(42501 denied t Request id: q2) Z(I)");
  });
}

TEST(Relay, ASuspendedPortalIsJudgedAgain) {
  in_every_split([](RelayLab& lab) {
    begin(lab);
    lab.client(f::parse("", "SELECT a FROM t") + f::bind("p", "") + f::execute("p", 1) + f::flush);
    lab.server(b::parse_complete + b::bind_complete + b::row() + b::suspended);
    lab.at_server();
    lab.judge.current = 2;
    lab.judge.denied.insert("t");
    lab.client(f::execute("p", 1) + f::sync);
    EXPECT_EQ(lab.at_server(), failing_named + " S");
  });
}

// EXECUTE and FETCH are judged by what they name each time, whatever the version.
TEST(Relay, SqlLevelNamesAreJudgedEachTime) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("PREPARE q AS SELECT a FROM t")).server(b::complete("PREPARE") + b::ready('I'));
    lab.client(f::parse("", "EXECUTE q") + f::bind("", "") + f::execute("") + f::sync);
    EXPECT_EQ(lab.at_server(), "Q(PREPARE q AS SELECT a FROM t) P(,EXECUTE q) B(,) E() S");
    lab.server(b::parse_complete + b::bind_complete + b::complete("SELECT 0") + b::ready('I'));
    lab.judge.denied.insert("t");
    lab.at_client();
    lab.client(f::query("EXECUTE q"));
    EXPECT_THAT(lab.at_client(), HasSubstr("denied t"));
    lab.client(f::bind("", "") + f::execute("") + f::sync);
    EXPECT_EQ(lab.at_server(), "B(,) " + failing_named + " S");
  });
}

// ---- Names

TEST(Relay, ProtocolAndSqlShareTheirNames) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("PREPARE q AS SELECT 1") + f::bind("", "q") + f::execute("") + f::sync);
    EXPECT_EQ(lab.at_server(), "Q(PREPARE q AS SELECT 1) B(,q) E() S");
    lab.server(b::complete("PREPARE") + b::ready('I') + b::bind_complete + b::complete("SELECT 1") + b::ready('I'));
    prepare(lab, "s", "SELECT 2");
    lab.client(f::query("EXECUTE s"));
    EXPECT_EQ(lab.at_server(), "Q(EXECUTE s)");
    lab.server(b::complete("SELECT 1") + b::ready('I'));
    lab.client(f::query("DEALLOCATE s")).server(b::complete("DEALLOCATE") + b::ready('I'));
    lab.at_client();
    lab.client(f::query("EXECUTE s"));
    EXPECT_EQ(lab.at_client(), "E(26000 prepared statement \"s\" does not exist) Z(I)");
  });
}

// Until the server has said which definition holds, nothing that depends on it goes on.
TEST(Relay, ARedefinedNameWaits) {
  in_every_split([](RelayLab& lab) {
    prepare(lab, "s", "SELECT 1");
    lab.client(f::close('S', "s") + f::parse("s", "SELECT 2") + f::sync + f::bind("", "s") + f::execute("") + f::sync);
    EXPECT_EQ(lab.at_server(), "C(S s) P(s,SELECT 2) S");
    EXPECT_EQ(lab.next, Relay::Next::wait);
    lab.server(b::close_complete + b::parse_complete);
    EXPECT_EQ(lab.at_server(), "B(,s) E() S");
    EXPECT_EQ(lab.audit(), "q1 allow extended SELECT 2\n");
  });
}

TEST(Relay, ARedefinitionThatFailsLeavesTheFirst) {
  in_every_split([](RelayLab& lab) {
    prepare(lab, "s", "SELECT 1");
    lab.client(f::parse("s", "SELECT 2") + f::sync + f::bind("", "s") + f::execute("") + f::sync);
    EXPECT_EQ(lab.at_server(), "P(s,SELECT 2) S");
    lab.server(b::error("42P05") + b::ready('I'));
    EXPECT_EQ(lab.at_server(), "B(,s) E() S");
    EXPECT_EQ(lab.audit(), "q1 allow extended SELECT 1\n");
  });
}

TEST(Relay, ARedefinitionInTheSameStretchDoesNotWait) {
  in_every_split([](RelayLab& lab) {
    prepare(lab, "s", "SELECT 1");
    lab.client(f::close('S', "s") + f::parse("s", "SELECT 2") + f::bind("", "s") + f::execute("") + f::sync);
    EXPECT_EQ(lab.at_server(), "C(S s) P(s,SELECT 2) B(,s) E() S");
    EXPECT_EQ(lab.audit(), "q1 allow extended SELECT 2\n");
  });
}

TEST(Relay, DeallocateAllHoldsEveryName) {
  in_every_split([](RelayLab& lab) {
    prepare(lab, "s", "SELECT 1");
    for (const char* text : {"DEALLOCATE ALL", "DISCARD ALL"}) {
      lab.client(f::query(text) + f::bind("", "s") + f::sync);
      EXPECT_EQ(lab.at_server(), "Q(" + std::string(text) + ")");
      EXPECT_EQ(lab.next, Relay::Next::wait);
      lab.server(b::complete(text) + b::ready('I'));
      if (text == std::string("DISCARD ALL")) {
        EXPECT_EQ(lab.at_server(), "Q(RESET ROLE)");
        lab.server(b::complete("RESET") + b::ready('I'));
      }
      EXPECT_EQ(lab.at_client(),
                "C(" + std::string(text) + ") Z(I) E(26000 prepared statement \"s\" does not exist) Z(I)");
      prepare(lab, "s", "SELECT 1");
    }
    lab.client(f::query("DISCARD PLANS")).server(b::complete("DISCARD PLANS") + b::ready('I'));
    lab.at_server();
    lab.client(f::bind("", "s") + f::sync);
    EXPECT_EQ(lab.at_server(), "B(,s) S");
  });
}

// DISCARD ALL takes more away than RESET ALL does; what dbgate says to that is nobody else's business.
TEST(Relay, RestoresTheRoleAfterDiscardAll) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("DISCARD ALL") + f::query("SELECT 1") + f::query("DISCARD ALL"));
    EXPECT_EQ(lab.at_server(), "Q(DISCARD ALL)");
    lab.server(b::status("DateStyle", "ISO") + b::complete("DISCARD ALL") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "S(DateStyle=ISO) C(DISCARD ALL) Z(I)");
    EXPECT_EQ(lab.at_server(), "Q(RESET ROLE)");
    EXPECT_FALSE(lab.relay.at_rest());
    lab.server(b::error("57014") + b::ready('I'));  // a cancel that comes late
    EXPECT_EQ(lab.at_server(), "Q(RESET ROLE)");
    lab.server(b::complete("RESET") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "");
    EXPECT_EQ(lab.at_server(), "Q(SELECT 1) Q(DISCARD ALL)");
    lab.server(b::complete("SELECT 1") + b::ready('I') + b::error("25001") + b::ready('E'));
    EXPECT_EQ(lab.at_client(), "C(SELECT 1) Z(I) E(25001 server) Z(E)");
    EXPECT_EQ(lab.at_server(), "") << "nothing was discarded";
    EXPECT_TRUE(lab.audit().find("RESET") == std::string::npos);
  });
}

TEST(Relay, RestoresTheRoleWithinAStretchOfExtendedQueries) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::parse("", "DISCARD ALL") + f::bind("", "") + f::execute("") + f::sync);
    EXPECT_EQ(lab.at_server(), "P(,DISCARD ALL) B(,) E() H");
    lab.server(b::parse_complete + b::bind_complete + b::complete("DISCARD ALL"));
    EXPECT_EQ(lab.at_server(), "Q(RESET ROLE)");
    EXPECT_EQ(lab.at_client(), "1 2 C(DISCARD ALL)");
    lab.server(b::complete("RESET") + b::ready('I'));
    EXPECT_EQ(lab.at_server(), "S");
    lab.server(b::ready('I'));
    EXPECT_EQ(lab.at_client(), "Z(I)");
    lab.client(f::parse("", "DISCARD ALL") + f::bind("", "") + f::execute("") + f::sync);
    lab.server(b::parse_complete + b::bind_complete + b::error("25001"));
    EXPECT_EQ(lab.at_server(), "P(,DISCARD ALL) B(,) E() H S");
    lab.server(b::ready('I'));
    EXPECT_EQ(lab.at_client(), "1 2 E(25001 server) Z(I)");
  });
}

TEST(Relay, EndsIfTheRoleCannotBeRestored) {
  for (const auto& [code, times] : {std::pair("42704", 1), std::pair("57014", 3)}) {
    RelayLab lab;
    lab.client(f::query("DISCARD ALL") + f::query("SELECT 1"));
    lab.server(b::complete("DISCARD ALL") + b::ready('I'));
    for (int i = 0; i < times; ++i)
      lab.server(b::error(code) + b::ready('I'));
    EXPECT_EQ(lab.next, Relay::Next::broken);
    EXPECT_EQ(lab.at_server().find("SELECT 1"), std::string::npos);
  }
}

TEST(Relay, PortalsEndWithTheirTransaction) {
  in_every_split([](RelayLab& lab) {
    begin(lab);
    lab.client(f::query("DECLARE c CURSOR FOR SELECT 1") + f::query("DECLARE h CURSOR WITH HOLD FOR SELECT 2"));
    lab.server(b::complete("DECLARE CURSOR") + b::ready('T') + b::complete("DECLARE CURSOR") + b::ready('T'));
    lab.client(f::execute("c", 1) + f::sync);
    lab.server(b::row() + b::suspended + b::ready('T'));
    lab.client(f::query("COMMIT")).server(b::complete("COMMIT") + b::ready('I'));
    lab.at_client();
    lab.at_server();
    lab.client(f::execute("c") + f::sync);
    EXPECT_EQ(lab.at_client(), "E(34000 portal \"c\" does not exist) Z(I)");
    lab.client(f::execute("h") + f::sync);
    EXPECT_EQ(lab.at_server(), "E(h) S");
    lab.server(b::complete("SELECT 1") + b::ready('I'));
    lab.client(f::query("CLOSE h")).server(b::complete("CLOSE CURSOR") + b::ready('I'));
    lab.at_client();
    lab.client(f::execute("h") + f::sync);
    EXPECT_EQ(lab.at_client(), "E(34000 portal \"h\" does not exist) Z(I)");
  });
}

// ---- COPY

TEST(Relay, CopyIn) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("COPY t FROM STDIN"));
    lab.server(b::copy('G'));
    EXPECT_EQ(lab.at_client(), "G");
    lab.client(f::copy_data("a\n") + f::sync + f::flush + f::copy_data("b\n") + f::copy_done + f::query("SELECT 1"));
    EXPECT_EQ(lab.at_server(), "Q(COPY t FROM STDIN) d(a\n) S H d(b\n) c Q(SELECT 1)");
    lab.server(b::complete("COPY 2") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "C(COPY 2) Z(I)");
    EXPECT_EQ(lab.audit(),
              "q1 allow simple COPY t FROM STDIN\nq2 allow simple SELECT 1\nq1 done 00000 [COPY 2] rows 0+2\n");
  });
}

// Data may follow the statement at once, before the server has said that it wants any; it is held back until then.
TEST(Relay, CopyInWithDataAtOnce) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("COPY t FROM STDIN") + f::copy_data("a\n") + f::copy_done + f::query("SELECT 1"));
    EXPECT_EQ(lab.at_server(), "Q(COPY t FROM STDIN)");
    EXPECT_EQ(lab.next, Relay::Next::wait);
    lab.server(b::copy('G'));
    EXPECT_EQ(lab.at_server(), "d(a\n) c Q(SELECT 1)");
    lab.server(b::complete("COPY 1") + b::ready('I'));
    lab.server(b::rows() + b::complete("SELECT 1") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "G C(COPY 1) Z(I) T C(SELECT 1) Z(I)");
  });
}

TEST(Relay, CopyInWithDataAtOnceThatFails) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("COPY t FROM STDIN") + f::copy_data("a\n") + f::copy_done + f::query("SELECT 1"));
    lab.server(b::error("42P01") + b::ready('I'));
    EXPECT_EQ(lab.at_server(), "Q(COPY t FROM STDIN) Q(SELECT 1)");
    lab.server(b::empty_query + b::ready('I'));
    lab.client(f::copy_data("late"));  // dropped, as the server would
    EXPECT_EQ(lab.at_server(), "");
    EXPECT_EQ(lab.at_client(), "E(42P01 server) Z(I) I Z(I)");
    EXPECT_EQ(lab.next, Relay::Next::more);
  });
}

TEST(Relay, ExtendedCopyIn) {
  in_every_split([](RelayLab& lab) {
    // libpq sends Sync along; the server ignores it while it reads data, and a second one follows the data.
    lab.client(f::parse("", "COPY t FROM STDIN") + f::bind("", "") + f::execute("") + f::sync);
    lab.server(b::parse_complete + b::bind_complete + b::copy('G'));
    lab.client(f::copy_data("a\n") + f::copy_done + f::sync + f::query("SELECT 1"));
    EXPECT_EQ(lab.at_server(), "P(,COPY t FROM STDIN) B(,) E() S d(a\n) c S Q(SELECT 1)");
    lab.server(b::complete("COPY 1") + b::ready('I') + b::empty_query + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "1 2 G C(COPY 1) Z(I) I Z(I)");
    EXPECT_EQ(lab.next, Relay::Next::more);
  });
}

TEST(Relay, ExtendedCopyInWithDataAtOnce) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::parse("", "COPY t FROM STDIN") + f::bind("", "") + f::execute("") + f::sync + f::copy_data("a\n") +
               f::copy_done + f::sync + f::query("SELECT 1"));
    EXPECT_EQ(lab.at_server(), "P(,COPY t FROM STDIN) B(,) E()");
    lab.server(b::parse_complete + b::bind_complete + b::copy('G'));
    EXPECT_EQ(lab.at_server(), "S d(a\n) c S Q(SELECT 1)");
    lab.server(b::complete("COPY 1") + b::ready('I') + b::empty_query + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "1 2 G C(COPY 1) Z(I) I Z(I)");
    EXPECT_NE(lab.next, Relay::Next::broken) << lab.failure();
  });
}

// The end of the data may be on its way when the server says that it wants some, and Sync come after that.
TEST(Relay, ExtendedCopyInWithSyncAfterTheAnswer) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::parse("", "COPY t FROM STDIN") + f::bind("", "") + f::execute("") + f::copy_data("a\n") +
               f::copy_done);
    lab.server(b::parse_complete + b::bind_complete + b::copy('G'));
    lab.client(f::sync);
    lab.server(b::complete("COPY 1") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "1 2 G C(COPY 1) Z(I)");
    EXPECT_NE(lab.next, Relay::Next::broken) << lab.failure();
  });
}

// A statement trigger can fail after the server has asked for data and before it has read any: the Sync that was sent
// along is then a Sync after all.
TEST(Relay, ExtendedCopyInThatFailsBeforeItReads) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::parse("", "COPY t FROM STDIN") + f::bind("", "") + f::execute("") + f::sync);
    lab.server(b::parse_complete + b::bind_complete + b::copy('G'));
    lab.server(b::error("P0001") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "1 2 G E(P0001 server) Z(I)");
    EXPECT_NE(lab.next, Relay::Next::broken) << lab.failure();
    lab.at_server();
    lab.client(f::copy_done + f::sync + f::query("SELECT 1"));
    EXPECT_EQ(lab.at_server(), "S Q(SELECT 1)");
    lab.server(b::ready('I') + b::empty_query + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "Z(I) I Z(I)");
  });
}

// As PostgreSQL answers COPY, a line that is wrong, Sync, CopyDone and another Query.
TEST(Relay, ASyncAmongTheDataOfACopyThatFailed) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("COPY t FROM STDIN")).server(b::copy('G'));
    lab.client(f::copy_data("x\n") + f::sync + f::copy_done + f::query("SELECT 1"));
    EXPECT_EQ(lab.at_server(), "Q(COPY t FROM STDIN) d(x\n) S c Q(SELECT 1)");
    lab.server(b::error("22P02") + b::ready('I') + b::ready('I'));
    EXPECT_TRUE(lab.relay.busy());
    lab.server(b::rows() + b::row() + b::complete("SELECT 1") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "G E(22P02 server) Z(I) Z(I) T D C(SELECT 1) Z(I)");
    EXPECT_THAT(lab.audit(), HasSubstr("q2 done 00000 [SELECT 1] rows 1+0"));
    EXPECT_FALSE(lab.relay.busy());
  });
}

TEST(Relay, ADenialBehindASyncAmongTheDataOfACopyThatFailed) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("COPY t FROM STDIN")).server(b::copy('G'));
    lab.client(f::copy_data("x\n") + f::sync + f::copy_done + f::query("SELECT * FROM secret"));
    lab.server(b::error("22P02") + b::ready('I') + b::ready('I') + b::syntax_error + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "G E(22P02 server) Z(I) Z(I) E(42501 denied secret Request id: q2) Z(I)");
    EXPECT_FALSE(lab.relay.busy());
  });
}

// dbgate's own words do not overtake the answer to such a Sync.
TEST(Relay, ADenialWhileASyncIsInDoubt) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("COPY t FROM STDIN")).server(b::copy('G'));
    lab.client(f::copy_data("x\n") + f::sync + f::copy_done).server(b::error("22P02") + b::ready('I'));
    lab.at_server();
    lab.client(f::query("SELECT * FROM secret"));
    EXPECT_EQ(lab.at_server(), failing);
    EXPECT_EQ(lab.at_client(), "G E(22P02 server) Z(I)");
    lab.server(b::ready('I') + b::syntax_error + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "Z(I) E(42501 denied secret Request id: q2) Z(I)");
    EXPECT_FALSE(lab.relay.busy());
    lab.client(f::query("SELECT * FROM secret"));  // nothing is in doubt any more
    EXPECT_EQ(lab.at_client(), "E(42501 denied secret Request id: q3) Z(I)");
    EXPECT_EQ(lab.at_server(), "");
  });
}

TEST(Relay, CopyFail) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("COPY t FROM STDIN")).server(b::copy('G'));
    lab.client(f::copy_data("a\n") + f::copy_fail("no more"));
    EXPECT_EQ(lab.at_server(), "Q(COPY t FROM STDIN) d(a\n) f(no more)");
    lab.server(b::error("57014") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "G E(57014 server) Z(I)");
    EXPECT_EQ(lab.audit(), "q1 allow simple COPY t FROM STDIN\nq1 done 57014 [] rows 0+0\n");
    lab.client(f::query("SELECT 1"));
    EXPECT_EQ(lab.at_server(), "Q(SELECT 1)");
  });
}

// The server gives up in the middle; the client notices later.
TEST(Relay, CopyInThatTheServerEnds) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("COPY t FROM STDIN")).server(b::copy('G'));
    lab.client(f::copy_data("a\n")).server(b::error("22P02") + b::ready('I'));
    lab.at_server();
    lab.client(f::copy_data("b\n") + f::copy_done + f::query("SELECT 1"));
    EXPECT_EQ(lab.at_server(), "Q(SELECT 1)");
  });
}

TEST(Relay, ExtendedCopyInThatTheServerEnds) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::parse("", "COPY t FROM STDIN") + f::bind("", "") + f::execute("") + f::sync);
    lab.server(b::parse_complete + b::bind_complete + b::copy('G'));
    lab.client(f::copy_data("a\n")).server(b::error("22P02"));
    lab.at_server();
    lab.client(f::copy_data("b\n") + f::copy_done + f::sync + f::query("SELECT 1"));
    EXPECT_EQ(lab.at_server(), "S Q(SELECT 1)");
    lab.server(b::ready('I') + b::empty_query + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "1 2 G E(22P02 server) Z(I) I Z(I)");
  });
}

TEST(Relay, SeveralCopiesInOneText) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("COPY t FROM STDIN; COPY u FROM STDIN")).server(b::copy('G'));
    lab.client(f::copy_data("a\n") + f::copy_done).server(b::complete("COPY 1") + b::copy('G'));
    lab.client(f::copy_data("b\n") + f::copy_done + f::query("SELECT 1"));
    EXPECT_EQ(lab.at_server(), "Q(COPY t FROM STDIN; COPY u FROM STDIN) d(a\n) c d(b\n) c Q(SELECT 1)");
    lab.server(b::complete("COPY 1") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "G C(COPY 1) G C(COPY 1) Z(I)");
  });
}

TEST(Relay, DeniedCopyDropsItsData) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("COPY secret FROM STDIN") + f::copy_data("a\n") + f::copy_done + f::query("SELECT 1"));
    EXPECT_EQ(lab.at_server(), "Q(SELECT 1)");
    EXPECT_EQ(lab.at_client(), "E(42501 denied secret Request id: q1) Z(I)");
  });
}

TEST(Relay, CopyOut) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("COPY t TO STDOUT") + f::query("SELECT 1"));
    EXPECT_EQ(lab.at_server(), "Q(COPY t TO STDOUT) Q(SELECT 1)");
    lab.server(b::copy('H') + b::copy_data("a\n") + b::plain('c') + b::complete("COPY 1") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "H d(a\n) c C(COPY 1) Z(I)");
  });
}

TEST(Relay, ReplicationStreamsBothWays) {
  const auto scenario = [](RelayLab& lab) {
    lab.judge.replication = true;
    lab.client(f::query("START_REPLICATION 0/0")).server(b::copy('W') + b::copy_data("wal"));
    lab.client(f::copy_data("status") + f::copy_done);
    EXPECT_EQ(lab.at_server(), "Q(START_REPLICATION 0/0) d(status) c");
    lab.server(b::copy_data("wal") + b::plain('c') + b::complete("START_STREAMING") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "W d(wal) d(wal) c C(START_STREAMING) Z(I)");
    EXPECT_EQ(lab.audit(), "q1 allow replication START_REPLICATION 0/0\nq1 done 00000 [START_STREAMING] rows 0+0\n");
    lab.judge.replication = false;
    lab.client(f::query("IDENTIFY_SYSTEM"));
    EXPECT_EQ(lab.at_client(), "E(42501 denied Request id: q2) Z(I)");
  };
  in_every_split(scenario, {}, true);
}

// What comes behind a command is copy data, or not, as the server answers; a Sync is answered only where the command
// has failed (PostgreSQL 15 says CopyBothResponse before it looks at the position).
TEST(Relay, NothingFollowsAReplicationCommandBeforeItsAnswer) {
  const auto scenario = [](RelayLab& lab) {
    lab.judge.replication = true;
    lab.client(f::query("START_REPLICATION 7F/0") + f::sync);
    EXPECT_EQ(lab.at_server(), "Q(START_REPLICATION 7F/0)");
    EXPECT_FALSE(lab.relay.copying_in());
    lab.server(b::copy('W'));
    EXPECT_EQ(lab.at_server(), "S");
    lab.server(b::error("XX000") + b::ready('I') + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "W E(XX000 server) Z(I) Z(I)");
    EXPECT_FALSE(lab.relay.busy());
    lab.client(f::query("IDENTIFY_SYSTEM") + f::query("IDENTIFY_SYSTEM") + f::sync);
    EXPECT_EQ(lab.at_server(), "Q(IDENTIFY_SYSTEM)");
    lab.server(b::rows() + b::row() + b::complete("IDENTIFY_SYSTEM") + b::ready('I'));
    EXPECT_EQ(lab.at_server(), "Q(IDENTIFY_SYSTEM)");
    lab.server(b::error("42704") + b::ready('I'));
    EXPECT_EQ(lab.at_server(), "S");
    lab.server(b::ready('I'));
    EXPECT_FALSE(lab.relay.busy());
  };
  in_every_split(scenario, {}, true);
}

// Only what asks for a copy begins one: dbgate must know before, because of what the server ignores meanwhile.
TEST(Relay, ACopyThatNobodyAskedFor) {
  const std::string copy_one = f::query("COPY t FROM STDIN");
  struct Case {
    std::string sent;
    std::string answers;
    char type;
  };
  for (const Case& c : {Case{f::query("SELECT 1") + f::sync, "", 'G'}, Case{f::query("SELECT 1"), "", 'W'},
                        Case{copy_one, "", 'W'}, Case{copy_one, b::copy('G') + b::complete("COPY 0"), 'G'}}) {
    in_every_split([&c](RelayLab& lab) {
      lab.client(c.sent).server(c.answers);
      EXPECT_NE(lab.next, Relay::Next::broken);
      lab.at_client();
      lab.server(b::copy(c.type));
      EXPECT_EQ(lab.next, Relay::Next::broken);
      EXPECT_EQ(lab.at_client(), "");
    });
  }
  const auto replication = [](RelayLab& lab) {
    lab.judge.replication = true;
    lab.client(f::query("IDENTIFY_SYSTEM")).server(b::copy('G'));
    EXPECT_EQ(lab.next, Relay::Next::broken);
  };
  in_every_split(replication, {}, true);
}

// ---- Other messages

TEST(Relay, Terminate) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("SELECT 1") + f::terminate + f::query("DELETE FROM t"));
    EXPECT_EQ(lab.at_server(), "Q(SELECT 1)");
    EXPECT_EQ(lab.next, Relay::Next::finished);
    EXPECT_TRUE(lab.relay.busy());
    lab.server(b::complete("SELECT 1") + b::ready('I'));
    EXPECT_FALSE(lab.relay.busy());
    EXPECT_EQ(lab.audit(), "q1 allow simple SELECT 1\nq1 done 00000 [SELECT 1] rows 0+0\n");
  });
}

TEST(Relay, TerminateEndsAlsoWhatIsSkipped) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::parse("", "SELECT a FROM secret") + f::terminate);
    EXPECT_EQ(lab.next, Relay::Next::finished);
  });
}

TEST(Relay, FunctionCalls) {
  in_every_split([](RelayLab& lab) {
    const std::string call = MessageText('F').int32(1299).int16(0).int16(0).int16(0);
    lab.client(call);
    EXPECT_EQ(lab.at_server(), "");
    EXPECT_EQ(lab.at_client(), "E(42501 denied Request id: q1) Z(I)");
    lab.judge.function_calls = true;
    lab.client(call);
    EXPECT_EQ(lab.at_server(), "F");
    lab.server(b::plain('V') + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "V Z(I)");
    EXPECT_EQ(lab.audit(), "q1 deny function_call \nq2 allow function_call \nq2 done 00000 [] rows 0+0\n");
  });
}

TEST(Relay, NoticesPassAtAnyTime) {
  in_every_split([](RelayLab& lab) {
    lab.server(b::plain('N') + b::notification("c") + b::status("TimeZone", "UTC"));
    EXPECT_EQ(lab.at_client(), "N A S(TimeZone=UTC)");
  });
}

TEST(Relay, NotificationsThatMayNotBeHeardAnyMore) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("LISTEN c")).server(b::complete("LISTEN") + b::ready('I'));
    lab.judge.unheard.insert("c");
    lab.server(b::notification("c") + b::notification("d"));
    EXPECT_EQ(lab.at_client(), "C(LISTEN) Z(I) A");
    lab.client(f::query("SELECT 1"));
    lab.server(b::rows() + b::notification("c") + b::complete("SELECT 0") + b::notification("d") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "T C(SELECT 0) A Z(I)");
    lab.judge.unheard.clear();
    lab.server(b::notification("c"));
    EXPECT_EQ(lab.at_client(), "A") << "the session listens still";
  });
}

/// A header alone.
std::string announced(char type, std::uint32_t length) {
  std::string header(1, type);
  for (int shift = 24; shift >= 0; shift -= 8)
    header += static_cast<char>(length >> shift & 0xff);
  return header;
}

struct Broken {
  const char* what;
  std::string bytes;
  const char* code;
};
void PrintTo(const Broken& broken, std::ostream* out) {
  *out << broken.what;
}

class BrokenFrontend : public testing::TestWithParam<Broken> {};

TEST_P(BrokenFrontend, EndsTheSession) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("SELECT 1") + GetParam().bytes + f::query("DELETE FROM t"));
    EXPECT_EQ(lab.next, Relay::Next::broken);
    EXPECT_EQ(lab.relay.failure().code().text(), GetParam().code) << lab.failure();
    EXPECT_EQ(lab.at_server(), "Q(SELECT 1)");
  });
}

using namespace std::string_literals;
INSTANTIATE_TEST_SUITE_P(
    Messages, BrokenFrontend,
    testing::Values(
        Broken{"unknown type", f::plain('z'), "08P01"}, Broken{"a password message", f::plain('p'), "08P01"},
        Broken{"a startup packet", "\0\0\0\x09\0\x03\0\0\0"s, "08P01"},
        Broken{"length below four", "Q\0\0\0\x03"s, "08P01"}, Broken{"length zero", "S\0\0\0\0"s, "08P01"},
        Broken{"negative length", "d\xff\xff\xff\xff"s, "08P01"},
        Broken{"text without NUL", MessageText('Q').raw("SELECT 2"), "08P01"},
        Broken{"text with two NULs", MessageText('Q').raw("SELECT 2\0"s).raw("\0"s), "08P01"},
        Broken{"text with a NUL inside", MessageText('Q').raw("SELECT 2\0; DROP TABLE t\0"s), "08P01"},
        Broken{"no text", f::plain('Q'), "08P01"}, Broken{"empty Parse", f::plain('P'), "08P01"},
        Broken{"Parse without count", MessageText('P').string("").string("SELECT 2"), "08P01"},
        Broken{"Parse without types", MessageText('P').string("").string("SELECT 2").int16(2).int32(0), "08P01"},
        Broken{"Parse with trailing bytes", MessageText('P').string("").string("SELECT 2").int16(0).raw("x"), "08P01"},
        Broken{"Bind without names", MessageText('B').raw("x"), "08P01"},
        Broken{"Bind with one name", MessageText('B').string("x").raw("y"), "08P01"},
        Broken{"Describe of nothing", MessageText('D').raw("X").string(""), "08P01"},
        Broken{"Describe with trailing bytes", MessageText('D').raw("S").string("").raw("x"), "08P01"},
        Broken{"Close without name", MessageText('C').raw("S"), "08P01"},
        Broken{"Execute without rows", MessageText('E').string(""), "08P01"},
        Broken{"Execute with trailing bytes", MessageText('E').string("").int32(0).raw("x"), "08P01"},
        Broken{"Sync with a body", MessageText('S').raw("x"), "08P01"},
        Broken{"Flush with a body", MessageText('H').raw("x"), "08P01"},
        Broken{"an oversized Sync", "S\0\x01\0\x05"s, "08P01"},
        Broken{"an oversized Execute", "E\x7f\xff\xff\xff"s, "08P01"}));

class BrokenBackend : public testing::TestWithParam<Broken> {};

// A server that is out of step is not believed: nothing of the message, nor of what follows, reaches the client.
TEST_P(BrokenBackend, EndsTheSession) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("SELECT 1")).server(b::rows() + b::complete("SELECT 1") + b::ready('I'));
    lab.at_client();
    lab.server(b::plain('N') + GetParam().bytes + b::plain('N'));
    EXPECT_EQ(lab.next, Relay::Next::broken);
    EXPECT_EQ(lab.relay.failure().code().text(), GetParam().code) << lab.failure();
    EXPECT_EQ(lab.at_client(), "N");
  });
}

INSTANTIATE_TEST_SUITE_P(
    Messages, BrokenBackend,
    testing::Values(Broken{"a row for nobody", b::row(), "08006"}, Broken{"ready twice", b::ready('I'), "08006"},
                    Broken{"a completion for nobody", b::complete("SELECT 1"), "08006"},
                    Broken{"a copy for nobody", b::copy('G'), "08006"},
                    Broken{"authentication", b::plain('R'), "08006"}, Broken{"key data", b::plain('K'), "08006"},
                    Broken{"unknown type", b::plain('z'), "08006"},
                    Broken{"length below four", "N\0\0\0\x03"s, "08006"},
                    Broken{"negative length", "N\xff\xff\xff\xff"s, "08006"},
                    Broken{"an oversized error", "E\x7f\xff\xff\xff"s, "08006"},
                    Broken{"an oversized notice", announced('N', 4 + (1 << 20) + 1), "08006"},
                    Broken{"a status with trailing bytes", MessageText('S').string("a").string("b").raw("c"), "08006"},
                    Broken{"a status without value", MessageText('S').string("TimeZone"), "08006"},
                    Broken{"another encoding", b::status("client_encoding", "LATIN1"), "08P01"},
                    Broken{"other literals", b::status("standard_conforming_strings", "off"), "08P01"}));

// Each message under way admits its own replies only.
TEST(Relay, RepliesMustFit) {
  const std::string begun = f::parse("s", "SELECT 1");
  struct Case {
    std::string sent;
    std::string wrong;
  };
  for (const Case& c : {Case{begun, b::bind_complete}, Case{begun, b::row()}, Case{begun, b::ready('I')},
                        Case{f::query("SELECT 1"), b::parse_complete}, Case{f::query("SELECT 1"), b::no_data},
                        Case{f::query("SELECT 1"), b::suspended}, Case{f::sync, b::complete("SELECT 1")},
                        Case{f::close('S', "s"), b::parse_complete}, Case{f::query("SELECT 1"), b::plain('V')}}) {
    in_every_split([&c](RelayLab& lab) {
      lab.client(c.sent).server(c.wrong);
      EXPECT_EQ(lab.next, Relay::Next::broken);
      EXPECT_EQ(lab.at_client(), "");
    });
  }
}

// What stands for a refused statement can only fail.
TEST(Relay, ARefusedStatementCannotSucceed) {
  struct Case {
    std::string sent;
    std::string wrong;
  };
  for (const Case& c : {Case{f::parse("s", "SELECT * FROM secret"), b::parse_complete},
                        Case{f::query("SELECT * FROM secret"), b::ready('T')},
                        Case{f::query("SELECT * FROM secret"), b::empty_query}}) {
    in_every_split([&c](RelayLab& lab) {
      begin(lab);
      lab.client(c.sent).server(c.wrong);
      EXPECT_EQ(lab.next, Relay::Next::broken);
      EXPECT_EQ(lab.at_client(), "");
    });
  }
}

TEST(Relay, RepliesMustBeWellFormed) {
  const std::string prepared = f::parse("s", "SELECT 1");
  struct Case {
    std::string sent;
    std::string fine;
    std::string wrong;
  };
  for (const Case& c : {Case{prepared, "", MessageText('1').raw("x")},
                        Case{prepared + f::bind("", "s"), b::parse_complete, MessageText('2').raw("x")},
                        Case{f::close('S', "s"), "", MessageText('3').raw("x")},
                        Case{prepared + f::describe('S', "s"), b::parse_complete, MessageText('n').raw("x")},
                        Case{f::query(""), "", MessageText('I').raw("x")},
                        Case{f::query("SELECT 1"), "", MessageText('C').raw("SELECT 1")},
                        Case{f::query("SELECT 1"), "", MessageText('C').string("SELECT 1").raw("x")},
                        Case{f::query("SELECT 1"), "", MessageText('Z').raw("X")},
                        Case{f::query("SELECT 1"), "", MessageText('Z').raw("II")},
                        Case{f::query("COPY t FROM STDIN"), "", MessageText('G').raw("\2\0\0"s)},
                        Case{f::query("COPY t FROM STDIN"), "", MessageText('G').raw("\0\0\1"s)},
                        Case{f::query("COPY t TO STDOUT"), "", MessageText('H').raw("\0"s)},
                        Case{f::query("COPY t TO STDOUT"), b::copy('H'), MessageText('c').raw("x")}}) {
    in_every_split([&c](RelayLab& lab) {
      lab.client(c.sent).server(c.fine);
      lab.at_client();
      lab.server(c.wrong);
      EXPECT_EQ(lab.next, Relay::Next::broken) << c.sent;
      EXPECT_EQ(lab.relay.failure().code().text(), "08006");
      EXPECT_EQ(lab.at_client(), "");
    });
  }
}

// ---- Long errors and notices: an exception may say as much as a text can hold.

const std::string long_text(3'000'000, 'x');

TEST(Relay, ALongErrorStreams) {
  RelayLab lab;
  const std::string error = b::error("P0001", "ERROR", long_text);
  lab.client(f::query("SELECT 1") + f::query("SELECT 2")).server(error.substr(0, 100));
  EXPECT_EQ(lab.bytes_at_client(), 0u) << "its kind is not known yet";
  lab.server(error.substr(100, 10'000));
  EXPECT_EQ(lab.bytes_at_client(), 10'100u);
  EXPECT_TRUE(lab.relay.in_message_to_client());
  EXPECT_EQ(lab.audit(), "q1 allow simple SELECT 1\nq2 allow simple SELECT 2\nq1 done P0001 [] rows 0+0\n");
  lab.server(error.substr(10'100) + b::ready('I') + b::complete("SELECT 0") + b::ready('I'));
  EXPECT_FALSE(lab.relay.in_message_to_client());
  EXPECT_EQ(lab.at_client(), "E(P0001 " + long_text + ") Z(I) C(SELECT 0) Z(I)");
  EXPECT_EQ(lab.audit(), "q2 done 00000 [SELECT 0] rows 0+0\n");
}

TEST(Relay, ALongErrorInAnExtendedQuery) {
  RelayLab lab;
  lab.client(f::parse("", "SELECT 1") + f::bind("", "") + f::execute("") + f::flush);
  const std::string error = b::error("P0001", "ERROR", long_text);
  lab.server(b::parse_complete + b::bind_complete + error.substr(0, 5000));
  lab.at_server();
  // Its rest is still to come, and nothing is owed: dbgate's own words must not fall into it.
  lab.client(f::parse("", "SELECT a FROM secret") + f::sync + f::query("SELECT a FROM secret"));
  EXPECT_EQ(lab.at_server(), "S " + failing);
  lab.server(error.substr(5000) + b::ready('I') + b::syntax_error + b::ready('I'));
  EXPECT_EQ(lab.at_client(), "1 2 E(P0001 " + long_text + ") Z(I) E(42501 denied secret Request id: q2) Z(I)");
}

TEST(Relay, ALongErrorBehindARefusalIsDropped) {
  RelayLab lab;
  begin(lab);
  lab.client(f::query("SELECT a FROM secret"));
  const std::string error = b::error("42601", "ERROR", long_text);
  lab.server(error.substr(0, 10'000)).server(error.substr(10'000) + b::ready('E'));
  EXPECT_EQ(lab.at_client(), "E(42501 denied secret Request id: q2) Z(E)");
}

TEST(Relay, LongLastWords) {
  RelayLab lab;
  const std::string error = b::error("57P01", "FATAL", long_text);
  lab.client(f::query("SELECT 1")).server(error.substr(0, 10'000));
  EXPECT_TRUE(lab.relay.server_said_why());
  lab.server(error.substr(10'000));
  EXPECT_EQ(lab.at_client(), "E(57P01 FATAL " + long_text + ")");
}

TEST(Relay, ALongNoticeStreams) {
  RelayLab lab;
  const std::string notice = b::error("00000", "NOTICE", long_text, 'N');
  lab.client(f::query("SELECT 1")).server(notice.substr(0, 100));
  EXPECT_EQ(lab.bytes_at_client(), 100u);
  lab.server(notice.substr(100));
  EXPECT_EQ(lab.bytes_at_client(), notice.size());
  lab.server(b::complete("SELECT 0") + b::ready('I'));
  EXPECT_EQ(lab.at_client(), "N C(SELECT 0) Z(I)");
}

TEST(Relay, ErrorsAreReducedForWhoSeesAPart) {
  in_every_split([](RelayLab& lab) {
    lab.judge.reduces = true;
    lab.client(f::query("SELECT 1") + f::query("SELECT 1"));
    lab.server(b::error("00000", "NOTICE", "row 4111", 'N') + b::error("22P02", "ERROR", "not a number: 4111"));
    lab.server(b::ready('I') + b::error("25P01", "WARNING", "no transaction", 'N') + b::complete("SELECT 0") +
               b::ready('I'));
    EXPECT_EQ(lab.at_client(),
              "E(22P02 invalid input syntax dbgate withholds what the server said, because it could show more than you "
              "may see.) Z(I) N C(SELECT 0) Z(I)");
  });
  RelayLab lab;
  lab.judge.reduces = true;
  const std::string error = b::error("XX000", "ERROR", long_text), notice = b::error("00000", "NOTICE", long_text, 'N');
  lab.client(f::query("SELECT 1"))
      .server(notice.substr(0, 10'000))
      .server(notice.substr(10'000) + error.substr(0, 10'000));
  lab.server(error.substr(10'000) + b::ready('I'));
  EXPECT_EQ(lab.at_client().find("xxxx"), std::string::npos) << lab.at_client().substr(0, 200);
}

// A refused statement's stand-in can only fail: whatever else the server says of it is not passed on as a result.
TEST(Relay, ARefusedStatementHasNoRows) {
  in_every_split([](RelayLab& lab) {
    begin(lab);
    lab.client(f::query("SELECT a FROM secret")).server(b::rows() + b::row());
    EXPECT_EQ(lab.next, Relay::Next::broken);
    EXPECT_EQ(lab.at_client(), "");
  });
}

TEST(Relay, TheServersLastWords) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("SELECT 1")).server(b::error("57P01", "FATAL"));
    EXPECT_EQ(lab.at_client(), "E(57P01 FATAL server)");
    EXPECT_TRUE(lab.relay.server_said_why());
    EXPECT_EQ(lab.audit(), "q1 allow simple SELECT 1\nq1 done 57P01 [] rows 0+0\n");
    lab.relay.abandon(Error(sqlstate::connection_failure, "gone"));
    EXPECT_EQ(lab.audit(), "");
  });
}

TEST(Relay, AbandonedStatementsHaveAnOutcome) {
  in_every_split([](RelayLab& lab) {
    lab.client(f::query("SELECT 1") + f::query("SELECT 2"));
    lab.audit();
    lab.relay.abandon(Error(sqlstate::connection_failure, "gone"));
    EXPECT_EQ(lab.audit(), "q1 done 08006 [] rows 0+0\nq2 done 08006 [] rows 0+0\n");
    EXPECT_FALSE(lab.relay.busy());
  });
}

// ---- Limits

RelayLimits small_limits() {
  RelayLimits limits;
  limits.max_statement_bytes = 100;
  return limits;
}

// Clients that send without blocking take no answer before they have sent all of it.
TEST(Relay, AnOversizedStatementIsRefusedBehindItsLastByte) {
  in_every_split(
      [](RelayLab& lab) {
        lab.client(announced('Q', 4 + 500));
        lab.client(std::string(499, 'x'));
        EXPECT_EQ(lab.waiting_bytes(), 0u);  // dropped as they come
        EXPECT_EQ(lab.at_client(), "");
        lab.client("x");
        EXPECT_THAT(lab.at_client(), HasSubstr("E(54000 statement of 500 bytes exceeds the limit of 100 bytes"));
        EXPECT_EQ(lab.audit(), "q1 deny simple  because statement of 500 bytes exceeds the limit of 100 bytes\n");
        EXPECT_EQ(lab.at_server(), "");
      },
      small_limits());
}

TEST(Relay, WhatNobodySendsInEarnestIsRefusedAtItsHeader) {
  in_every_split(
      [](RelayLab& lab) {
        lab.client(announced('Q', 500'000'000));
        EXPECT_THAT(lab.at_client(), HasSubstr("E(54000 statement of 499999996 bytes exceeds the limit of 100 bytes"));
        lab.client(std::string(300, 'x'));
        EXPECT_EQ(lab.waiting_bytes(), 0u);
        EXPECT_EQ(lab.at_server(), "");
      },
      small_limits());
}

TEST(Relay, TheSessionGoesOnBehindAnOversizedStatement) {
  in_every_split(
      [](RelayLab& lab) {
        lab.client(announced('Q', 4 + 102) + std::string(101, 'Q') + std::string(1, '\0') + f::query("SELECT 1"));
        EXPECT_THAT(lab.at_client(), HasSubstr("Z(I)"));
        EXPECT_EQ(lab.at_server(), "Q(SELECT 1)");
        const std::string fits = "SELECT '" + std::string(91, 'x') + "'";
        ASSERT_EQ(fits.size(), 100u);
        lab.client(f::query(fits));
        EXPECT_EQ(lab.at_server(), "Q(" + fits + ")");
      },
      small_limits());
}

TEST(Relay, AnOversizedParse) {
  in_every_split(
      [](RelayLab& lab) {
        begin(lab);
        lab.client(announced('P', 4 + 70'000) + std::string(70'000, 'x'));
        EXPECT_EQ(lab.at_server(), failing_unnamed);
        EXPECT_EQ(lab.audit(), "q2 deny extended  because statement of 70000 bytes exceeds the limit of 100 bytes\n");
        lab.server(b::syntax_error);
        EXPECT_THAT(lab.at_client(), HasSubstr("54000"));
        // What is skipped is not even refused.
        lab.client(announced('P', 4 + 70'000) + std::string(70'000, 'x'));
        EXPECT_EQ(lab.audit(), "");
      },
      small_limits());
}

TEST(Relay, AnOversizedBindIsRefusedAtItsHeader) {
  RelayLimits limits;
  limits.max_message_bytes = 1000;
  RelayLab lab({}, limits);
  prepare(lab, "s", "SELECT 1");
  lab.client(announced('B', 2000));
  EXPECT_EQ(lab.next, Relay::Next::broken);
}

// Only its names are looked at, so a large Bind passes while it arrives.
TEST(Relay, ALargeBindStreams) {
  RelayLab lab;
  prepare(lab, "s", "SELECT 1");
  const std::string bind = f::bind("p", "s", std::string(100'000, 'v'));
  lab.client(bind.substr(0, 20));
  EXPECT_EQ(lab.bytes_at_server(), 20u);
  lab.client(bind.substr(20, 1000));
  EXPECT_EQ(lab.bytes_at_server(), 1020u);
  lab.client(bind.substr(1020) + f::execute("p") + f::sync);
  EXPECT_EQ(lab.at_server(), "B(p,s) E(p) S");
}

TEST(Relay, ALargeRefusedBindIsDroppedWhileItArrives) {
  RelayLab lab;
  const std::string bind = f::bind("p", "s", std::string(100'000, 'v'));
  lab.client(bind.substr(0, 20));
  EXPECT_THAT(lab.at_client(), HasSubstr("26000"));
  lab.client(bind.substr(20) + f::sync + f::query("SELECT 1"));
  EXPECT_EQ(lab.at_client(), "Z(I)");
  EXPECT_EQ(lab.at_server(), "Q(SELECT 1)");
}

TEST(Relay, ABindWhoseNamesDoNotEndIsRefused) {
  RelayLab lab;
  lab.client(announced('B', 1'000'000) + std::string(66'000, 'x'));
  EXPECT_EQ(lab.next, Relay::Next::broken);
}

TEST(Relay, OutstandingMessages) {
  RelayLimits limits;
  limits.outstanding_messages = 3;
  in_every_split(
      [](RelayLab& lab) {
        lab.client(f::query("SELECT 1") + f::query("SELECT 2") + f::query("SELECT 3") + f::query("SELECT 4") + f::sync);
        EXPECT_EQ(lab.at_server(), "Q(SELECT 1) Q(SELECT 2) Q(SELECT 3)");
        EXPECT_EQ(lab.next, Relay::Next::wait);
        EXPECT_EQ(lab.audit(), "q1 allow simple SELECT 1\nq2 allow simple SELECT 2\nq3 allow simple SELECT 3\n");
        lab.server(b::complete("SELECT 1") + b::ready('I'));
        EXPECT_EQ(lab.at_server(), "Q(SELECT 4)");
        lab.server(b::complete("SELECT 1") + b::ready('I'));
        EXPECT_EQ(lab.at_server(), "S");
        EXPECT_EQ(lab.next, Relay::Next::more);
      },
      limits);
}

TEST(Relay, PreparedStatements) {
  RelayLimits limits;
  limits.prepared_statements = 2;
  in_every_split(
      [](RelayLab& lab) {
        prepare(lab, "a", "SELECT 1");
        prepare(lab, "b", "SELECT 2");
        lab.client(f::parse("c", "SELECT 3") + f::sync);
        EXPECT_THAT(lab.at_client(), HasSubstr("E(53400 too many prepared statements in this session"));
        EXPECT_EQ(lab.audit(), "q1 deny extended SELECT 3 as c because too many prepared statements in this session\n");
        lab.client(f::parse("", "SELECT 3") + f::sync).server(b::parse_complete + b::ready('I'));
        EXPECT_EQ(lab.at_client(), "1 Z(I)");
        lab.client(f::close('S', "a") + f::close('S', "b") + f::sync);
        lab.server(b::close_complete + b::close_complete + b::ready('I'));
        lab.at_server();
        lab.client(f::parse("c", "SELECT 3") + f::sync);
        EXPECT_EQ(lab.at_server(), "P(c,SELECT 3) S");
      },
      limits);
}

TEST(Relay, Portals) {
  RelayLimits limits;
  limits.portals = 1;
  in_every_split(
      [](RelayLab& lab) {
        lab.client(f::parse("", "SELECT 1") + f::bind("a", "") + f::bind("b", "") + f::sync);
        EXPECT_EQ(lab.at_server(), "P(,SELECT 1) B(a,) " + failing_named + " S");
        lab.server(b::parse_complete + b::bind_complete + b::syntax_error + b::ready('I'));
        EXPECT_EQ(lab.at_client(), "1 2 E(53400 too many portals in this session) Z(I)");
        EXPECT_EQ(lab.audit(), "q1 deny extended SELECT 1 as b because too many portals in this session\n");
      },
      limits);
}

TEST(Relay, LargeTextsAreAnalysedElsewhere) {
  RelayLimits limits;
  limits.inline_statement_bytes = 10;
  in_every_split(
      [](RelayLab& lab) {
        lab.client(f::query("SELECT a FROM t") + f::query("SELECT a FROM secret") + f::parse("s", "SELECT b FROM t") +
                   f::sync);
        EXPECT_EQ(lab.at_server(), "Q(SELECT a FROM t) " + failing + " P(s,SELECT b FROM t) S");
        EXPECT_EQ(lab.audit(), "q1 allow simple SELECT a FROM t\nq2 deny simple SELECT a FROM secret\n");
        EXPECT_EQ(lab.judge.analyzed, 3u);
      },
      limits);
}

// An analysis counts for the text that it was made from and for no other.
TEST(Relay, AnAnalysisIsNotUsedForAnotherText) {
  RelayLimits limits;
  limits.inline_statement_bytes = 10;
  RelayLab lab({}, limits);
  lab.relay.offer_analysis(lab.judge.analyze("SELECT 1"));
  lab.client(f::query("SELECT a FROM secret"));
  EXPECT_EQ(lab.at_server(), "");
  EXPECT_THAT(lab.at_client(), HasSubstr("denied secret"));
}

// ---- Audit

// What the log does not take is not run: idle, in a transaction and in a pipeline alike.
TEST(Relay, NothingIsForwardedWithoutARecord) {
  const std::string refusal =
      "E(58030 the audit log cannot be written, so the statement was not run Try again later, or tell the operator of "
      "dbgate.)";
  in_every_split([&](RelayLab& lab) {
    prepare(lab, "s", "SELECT a FROM t");
    lab.trail.failing = true;
    lab.client(f::query("SELECT a FROM t"));
    EXPECT_EQ(lab.at_client(), refusal + " Z(I)");
    lab.client(f::query("SELECT a FROM secret"));
    EXPECT_EQ(lab.at_client(), refusal + " Z(I)");
    lab.client(f::parse("", "SELECT a FROM secret") + f::sync);
    EXPECT_EQ(lab.at_client(), refusal + " Z(I)");
    lab.judge.function_calls = true;
    lab.client(MessageText('F').int32(1).int16(0).int16(0).int16(0));
    EXPECT_EQ(lab.at_client(), refusal + " Z(I)");
    EXPECT_EQ(lab.at_server(), "");
    lab.client(f::bind("", "s") + f::execute("") + f::sync);
    EXPECT_EQ(lab.at_server(), "B(,s) " + failing_named + " S");
    lab.server(b::bind_complete + b::syntax_error + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "2 " + refusal + " Z(I)");
    lab.trail.failing = false;
    begin(lab);
    lab.trail.failing = true;
    lab.client(f::query("DELETE FROM t"));
    EXPECT_EQ(lab.at_server(), failing);
    lab.server(b::syntax_error + b::ready('E'));
    EXPECT_EQ(lab.at_client(), refusal + " Z(E)");
    lab.client(f::query("COPY t FROM STDIN") + f::copy_data("a"));
    EXPECT_EQ(lab.at_server(), failing);
    lab.server(b::syntax_error + b::ready('I'));
    lab.at_client();
    lab.client(announced('Q', 500'000'000));
    EXPECT_EQ(lab.at_client(), refusal + " Z(I)");
  });
}

// Whatever the client sends: the relay neither crashes nor forwards a text that was not recorded as allowed.
TEST(Relay, AnyChangedByteOfAPipeline) {
  const std::string whole = f::query("SELECT 1") + f::parse("s", "SELECT a FROM t") + f::bind("p", "s") +
                            f::describe('P', "p") + f::execute("p") + f::close('S', "s") + f::sync +
                            f::query("COPY t FROM STDIN") + f::copy_data("x") + f::copy_done;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int bits = 1; bits < 256; ++bits) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ bits);
      RelayLab lab;
      lab.judge.denied.insert("u");
      lab.client(damaged);
      const std::string sent = lab.at_server();
      EXPECT_EQ(sent.find("FROM u"), std::string::npos) << sent;
      EXPECT_TRUE(sent.find("SELECT 1") == std::string::npos || lab.trail.log.find("SELECT 1") != std::string::npos);
    }
  }
}

}  // namespace
}  // namespace dbgate::session
