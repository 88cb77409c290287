#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/session/relay.h"
#include "tests/unit/session/relay_lab.h"

// Limits of policies in the relay: where they are noticed, what becomes of the statement and of what follows it.
namespace dbgate::session {
namespace {

namespace b = backend;
namespace f = frontend;
using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;

const std::string too_many =
    "E(54000 result has more rows than the limit of 2 by dbgate policy Add LIMIT 2, or a narrower WHERE. If you need "
    "more, ask who keeps the policy.)";
const std::string failing = "Q(dbgate_refused_this_statement)";
const std::string failing_parse = "P(dbgate_refused_this_statement,dbgate_refused_this_statement)";

template <class T>
policy::Limit<T> limit(T value, const std::string& key) {
  return {value, "p/limits." + key, "policy \"p\""};
}

policy::LimitSet rows(std::size_t most) {
  policy::LimitSet set;
  set.rows = limit(most, "rows");
  return set;
}

std::string many(int count) {
  std::string text;
  for (int i = 0; i < count; ++i)
    text += b::row();
  return text;
}

/// Two rows are allowed.
void in_every_split_of_two(const std::function<void(RelayLab&)>& scenario) {
  in_every_split([&](RelayLab& lab) {
    lab.limiter.set(rows(2));
    scenario(lab);
  });
}

void begin(RelayLab& lab) {
  lab.client(f::query("BEGIN")).server(b::complete("BEGIN") + b::ready('T'));
  lab.at_server();
  lab.at_client();
  lab.audit();
}

void bind_portal(RelayLab& lab, const std::string& text) {
  lab.client(f::parse("", text) + f::bind("", "")).server(b::parse_complete + b::bind_complete);
  lab.at_server();
  lab.at_client();
}

// ---- Simple queries

TEST(RelayLimits, AsManyRowsAsAllowed) {
  in_every_split_of_two([](RelayLab& lab) {
    lab.client(f::query("SELECT a FROM t")).server(b::rows() + many(2) + b::complete("SELECT 2") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "T D D C(SELECT 2) Z(I)");
    EXPECT_EQ(lab.audit(), "q1 allow simple SELECT a FROM t\nq1 done 00000 [SELECT 2] rows 2+0\n");
    EXPECT_FALSE(lab.relay.cancel_is_due());
  });
}

TEST(RelayLimits, OneRowMoreIsCancelled) {
  in_every_split_of_two([](RelayLab& lab) {
    lab.client(f::query("SELECT a FROM t")).server(b::rows() + many(3));
    EXPECT_EQ(lab.at_client(), "T D D " + too_many);
    EXPECT_EQ(lab.audit(), "q1 allow simple SELECT a FROM t\nq1 done 54000 [] rows 2+0 by p/limits.rows\n");
    EXPECT_TRUE(lab.relay.take_cancel());
    EXPECT_FALSE(lab.relay.take_cancel());
    lab.server(many(3) + b::error("57014") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "Z(I)");
    EXPECT_EQ(lab.audit(), "");
    lab.client(f::query("SELECT 1"));
    EXPECT_EQ(lab.at_server(), "Q(SELECT a FROM t) Q(SELECT 1)");
    lab.server(b::rows() + many(1) + b::complete("SELECT 1") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "T D C(SELECT 1) Z(I)");
  });
}

// The server was done before it could be cancelled: nothing of that reaches the client, and no cancel follows.
TEST(RelayLimits, TooLateToCancel) {
  in_every_split_of_two([](RelayLab& lab) {
    lab.client(f::query("SELECT a FROM t"));
    lab.server(b::rows() + many(4) + b::complete("SELECT 4") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "T D D " + too_many + " Z(I)");
    EXPECT_FALSE(lab.relay.cancel_is_due());
    EXPECT_FALSE(lab.relay.busy());
  });
}

TEST(RelayLimits, TooLateInATransactionAbortsIt) {
  in_every_split_of_two([](RelayLab& lab) {
    begin(lab);
    lab.client(f::query("SELECT a FROM t") + f::query("COMMIT"));
    EXPECT_EQ(lab.at_server(), "Q(SELECT a FROM t)");  // what follows has to wait
    lab.server(b::rows() + many(4) + b::complete("SELECT 4") + b::ready('T'));
    EXPECT_EQ(lab.at_client(), "T D D " + too_many);
    EXPECT_EQ(lab.at_server(), failing);
    lab.server(b::syntax_error + b::ready('E'));
    EXPECT_EQ(lab.at_client(), "Z(E)");
    EXPECT_EQ(lab.at_server(), "Q(COMMIT)");
    lab.server(b::complete("ROLLBACK") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "C(ROLLBACK) Z(I)");
  });
}

TEST(RelayLimits, EachStatementOfATextCountsByItself) {
  in_every_split_of_two([](RelayLab& lab) {
    lab.client(f::query("SELECT 1; SELECT 2; SELECT 3"));
    lab.server(b::rows() + many(2) + b::complete("SELECT 2") + b::rows() + many(2) + b::complete("SELECT 2"));
    EXPECT_EQ(lab.at_client(), "T D D C(SELECT 2) T D D C(SELECT 2)");
    lab.server(b::rows() + many(3));
    EXPECT_EQ(lab.at_client(), "T D D " + too_many);
    EXPECT_TRUE(lab.relay.take_cancel());
  });
}

// What comes after it in the text does not reach the client, even if the server gets to it.
TEST(RelayLimits, TheRestOfATextIsSilent) {
  in_every_split_of_two([](RelayLab& lab) {
    lab.client(f::query("BEGIN; SELECT a FROM t; COPY t FROM STDIN"));
    lab.server(b::complete("BEGIN") + b::rows() + many(3) + b::complete("SELECT 3") + b::copy('G'));
    EXPECT_EQ(lab.at_client(), "C(BEGIN) T D D " + too_many);
    EXPECT_THAT(lab.at_server(), HasSubstr("f(dbgate stopped this statement)"));
    lab.server(b::error("57014") + b::ready('E'));
    EXPECT_EQ(lab.at_client(), "Z(E)");
  });
}

TEST(RelayLimits, BytesCountAsTheyStand) {
  in_every_split([](RelayLab& lab) {
    policy::LimitSet set;
    set.bytes = limit<std::size_t>(2 * b::row("abc").size(), "bytes");
    lab.limiter.set(set);
    lab.client(f::query("SELECT a FROM t")).server(b::rows() + b::row("abc") + b::row("abc") + b::row(""));
    EXPECT_THAT(lab.at_client(), StartsWith("T D D E(54000 result is larger than the limit of 28 bytes"));
    EXPECT_TRUE(lab.relay.cancel_is_due());
  });
}

// Many rows in one value count by their size.
TEST(RelayLimits, GatheredRowsCount) {
  const std::string twenty(20, 'x'), eighty(80, 'x');
  for (const char* text : {"SELECT string_agg(a, '') FROM t", "SELECT ARRAY(SELECT a FROM t)",
                           "COPY (SELECT jsonb_agg(t) FROM t) TO STDOUT",
                           "DECLARE c CURSOR FOR SELECT array_agg(a) FROM t; FETCH c", "EXECUTE g"}) {
    SCOPED_TRACE(text);
    RelayLab lab;
    lab.limiter.set(rows(2));
    begin(lab);
    lab.client(f::query("PREPARE g AS SELECT array_agg(a) FROM t")).server(b::complete("PREPARE") + b::ready('T'));
    const std::string begins = text[0] == 'D'   ? b::complete("DECLARE CURSOR")
                               : text[0] == 'P' ? b::complete("PREPARE")
                                                : "";
    const auto one = [&](const std::string& value) { return text[0] == 'C' ? b::copy_data(value) : b::row(value); };
    lab.client(f::query(text)).server(begins + one(twenty));
    EXPECT_THAT(lab.at_client(), testing::Not(HasSubstr("54000")));
    lab.server(one(eighty));
    EXPECT_EQ(lab.at_client(), too_many);
  }
  for (const char* text :
       {"SELECT a FROM t", "SELECT ARRAY(SELECT a FROM pg_catalog.pg_class)", "SELECT array_agg(1)"}) {
    SCOPED_TRACE(text);
    RelayLab lab;
    lab.limiter.set(rows(2));
    lab.client(f::query(text))
        .server(b::rows() + b::row(eighty) + b::row(eighty) + b::complete("SELECT 2") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "T D D C(SELECT 2) Z(I)");
  }
}

// ---- Statements that change something: outside a transaction they would be committed before anybody notices

TEST(RelayLimits, WhatChangesDataIsGuarded) {
  in_every_split_of_two([](RelayLab& lab) {
    lab.client(f::query("INSERT INTO t VALUES (1) RETURNING a") + f::query("SELECT 1"));
    EXPECT_EQ(lab.at_server(), "Q(BEGIN) Q(INSERT INTO t VALUES (1) RETURNING a)");
    lab.server(b::complete("BEGIN") + b::ready('T') + b::rows() + many(1) + b::complete("INSERT 0 1"));
    EXPECT_EQ(lab.at_client(), "T D");
    EXPECT_EQ(lab.at_server(), "");
    lab.server(b::ready('T'));
    EXPECT_EQ(lab.at_server(), "Q(COMMIT)");
    EXPECT_EQ(lab.at_client(), "");
    lab.server(b::complete("COMMIT") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "C(INSERT 0 1) Z(I)");
    EXPECT_EQ(lab.at_server(), "Q(SELECT 1)");
    EXPECT_EQ(lab.audit(),
              "q1 allow simple INSERT INTO t VALUES (1) RETURNING a\nq1 done 00000 [INSERT 0 1] rows 1+1\n"
              "q2 allow simple SELECT 1\n");
  });
}

TEST(RelayLimits, WhatPassesALimitIsRolledBack) {
  in_every_split_of_two([](RelayLab& lab) {
    lab.client(f::query("WITH w AS (DELETE FROM t RETURNING a) SELECT a FROM w"));
    lab.server(b::complete("BEGIN") + b::ready('T') + b::rows() + many(4) + b::complete("SELECT 4") + b::ready('T'));
    EXPECT_EQ(lab.at_client(), "T D D " + too_many);
    EXPECT_THAT(lab.at_server(), testing::EndsWith(" Q(ROLLBACK)"));
    lab.server(b::complete("ROLLBACK") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "Z(I)");
    EXPECT_FALSE(lab.relay.in_transaction());
  });
}

TEST(RelayLimits, AGuardedErrorIsTheClients) {
  in_every_split_of_two([](RelayLab& lab) {
    lab.client(f::query("INSERT INTO t VALUES (1) RETURNING a"));
    lab.server(b::complete("BEGIN") + b::ready('T') + b::error("23505") + b::ready('E'));
    EXPECT_EQ(lab.at_client(), "E(23505 server)");
    lab.server(b::complete("ROLLBACK") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "Z(I)");
    // A deferred constraint speaks at COMMIT.
    lab.client(f::query("INSERT INTO t VALUES (1) RETURNING a"));
    lab.server(b::complete("BEGIN") + b::ready('T') + b::rows() + b::complete("INSERT 0 1") + b::ready('T'));
    lab.server(b::error("23503") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "T E(23503 server) Z(I)");
    EXPECT_THAT(lab.audit(), HasSubstr("q2 done 23503"));
  });
}

TEST(RelayLimits, NothingIsGuardedInATransaction) {
  in_every_split_of_two([](RelayLab& lab) {
    begin(lab);
    lab.client(f::query("DELETE FROM t RETURNING a"));
    EXPECT_EQ(lab.at_server(), "Q(DELETE FROM t RETURNING a)");
    lab.server(b::rows() + many(1) + b::complete("DELETE 1") + b::ready('T'));
    EXPECT_EQ(lab.at_client(), "T D C(DELETE 1) Z(T)");
    EXPECT_EQ(lab.at_server(), "");
  });
}

// Whether there is a transaction, only the replies to what is under way tell.
TEST(RelayLimits, GuardingWaitsForCertainty) {
  in_every_split_of_two([](RelayLab& lab) {
    lab.client(f::query("BEGIN") + f::query("DELETE FROM t RETURNING a"));
    EXPECT_EQ(lab.at_server(), "Q(BEGIN)");
    lab.server(b::complete("BEGIN") + b::ready('T'));
    EXPECT_EQ(lab.at_server(), "Q(DELETE FROM t RETURNING a)");
  });
}

// A Sync among the data of a copy that failed may be answered late: that is not the reply to dbgate's BEGIN.
TEST(RelayLimits, ASyncInDoubtIsNotTheGuard) {
  in_every_split_of_two([](RelayLab& lab) {
    lab.client(f::query("COPY t FROM STDIN")).server(b::copy('G'));
    lab.client(f::copy_data("x\n") + f::sync + f::copy_done).server(b::error("22P02") + b::ready('I'));
    lab.at_server();
    lab.client(f::query("DELETE FROM t RETURNING a"));
    EXPECT_EQ(lab.at_server(), "Q(BEGIN) Q(DELETE FROM t RETURNING a)");
    lab.server(b::ready('I') + b::complete("BEGIN") + b::ready('T') + b::rows() + many(1) + b::complete("DELETE 1"));
    EXPECT_EQ(lab.at_client(), "G E(22P02 server) Z(I) Z(I) T D");
    lab.server(b::ready('T'));
    EXPECT_EQ(lab.at_server(), "Q(COMMIT)");
    lab.server(b::complete("COMMIT") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "C(DELETE 1) Z(I)");
  });
}

// It was ignored, and nothing answers it: an error of BEGIN is followed by BEGIN's own ReadyForQuery.
TEST(RelayLimits, ASyncInDoubtAndABeginThatFails) {
  in_every_split_of_two([](RelayLab& lab) {
    lab.client(f::query("COPY t FROM STDIN")).server(b::copy('G'));
    lab.client(f::sync + f::copy_data("x\n") + f::copy_done).server(b::error("22P02") + b::ready('I'));
    lab.client(f::query("DELETE FROM t RETURNING a"));
    lab.at_client();
    lab.server(b::error("53200") + b::ready('I') + b::error("53200") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "E(53200 server) Z(I)");
    EXPECT_FALSE(lab.relay.busy());
  });
}

// ---- Extended queries

TEST(RelayLimits, AReadMayBeFollowedByItsSync) {
  in_every_split_of_two([](RelayLab& lab) {
    lab.client(f::parse("", "SELECT a FROM t") + f::bind("", "") + f::execute("") + f::sync + f::query("SELECT 1"));
    EXPECT_EQ(lab.at_server(), "P(,SELECT a FROM t) B(,) E() S");
    lab.server(b::parse_complete + b::bind_complete + many(3) + b::complete("SELECT 3") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "1 2 D D " + too_many + " Z(I)");
    EXPECT_EQ(lab.at_server(), "Q(SELECT 1)");
  });
}

// A Sync would commit it.
TEST(RelayLimits, AChangeIsNotFollowedByItsSync) {
  in_every_split_of_two([](RelayLab& lab) {
    lab.client(f::parse("", "DELETE FROM t RETURNING a") + f::bind("", "") + f::execute("") + f::sync);
    EXPECT_EQ(lab.at_server(), "P(,DELETE FROM t RETURNING a) B(,) E() H");
    lab.server(b::parse_complete + b::bind_complete + many(2) + b::complete("DELETE 2"));
    EXPECT_EQ(lab.at_client(), "1 2 D D C(DELETE 2)");
    EXPECT_EQ(lab.at_server(), "S");
    lab.server(b::ready('I'));
    EXPECT_EQ(lab.at_client(), "Z(I)");
  });
}

TEST(RelayLimits, AChangeThatPassesALimitFails) {
  in_every_split_of_two([](RelayLab& lab) {
    lab.client(f::parse("", "DELETE FROM t RETURNING a") + f::bind("", "") + f::execute("") + f::parse("", "SELECT 1") +
               f::bind("", "") + f::execute("") + f::sync + f::query("SELECT 2"));
    EXPECT_EQ(lab.at_server(), "P(,DELETE FROM t RETURNING a) B(,) E() H");
    lab.server(b::parse_complete + b::bind_complete + many(4) + b::complete("DELETE 4"));
    EXPECT_EQ(lab.at_client(), "1 2 D D " + too_many);
    EXPECT_EQ(lab.at_server(), failing_parse);
    lab.server(b::syntax_error);
    EXPECT_EQ(lab.at_client(), "");
    EXPECT_EQ(lab.at_server(), "S Q(SELECT 2)");
    lab.server(b::ready('I'));
    EXPECT_EQ(lab.at_client(), "Z(I)");
    EXPECT_EQ(lab.audit(),
              "q1 allow extended DELETE FROM t RETURNING a\nq1 done 54000 [] rows 2+0 by p/limits.rows\n"
              "q2 allow simple SELECT 2\n");
  });
}

TEST(RelayLimits, APipelineIsSkippedToItsSync) {
  in_every_split_of_two([](RelayLab& lab) {
    lab.client(f::parse("", "SELECT a FROM t") + f::bind("", "") + f::execute("") + f::parse("", "DELETE FROM t") +
               f::bind("", "") + f::execute("") + f::sync);
    lab.server(b::parse_complete + b::bind_complete + many(3));
    EXPECT_EQ(lab.at_client(), "1 2 D D " + too_many);
    EXPECT_TRUE(lab.relay.take_cancel());
    EXPECT_EQ(lab.at_server(), "P(,SELECT a FROM t) B(,) E() H");
    lab.server(many(2) + b::error("57014"));
    EXPECT_EQ(lab.at_server(), "S");
    lab.server(b::ready('I'));
    EXPECT_EQ(lab.at_client(), "Z(I)");
  });
}

TEST(RelayLimits, TooLateInATransactionWithItsSyncUnderWay) {
  in_every_split_of_two([](RelayLab& lab) {
    begin(lab);
    lab.client(f::parse("", "DELETE FROM t RETURNING a") + f::bind("", "") + f::execute("") + f::sync +
               f::query("COMMIT"));
    EXPECT_EQ(lab.at_server(), "P(,DELETE FROM t RETURNING a) B(,) E() S");
    lab.server(b::parse_complete + b::bind_complete + many(3) + b::complete("DELETE 3"));
    EXPECT_EQ(lab.at_server(), "");
    lab.server(b::ready('T'));
    EXPECT_EQ(lab.at_client(), "1 2 D D " + too_many);
    EXPECT_EQ(lab.at_server(), failing);
    lab.server(b::syntax_error + b::ready('E'));
    EXPECT_EQ(lab.at_client(), "Z(E)");
    EXPECT_EQ(lab.at_server(), "Q(COMMIT)");
  });
}

TEST(RelayLimits, APortalIsOneTotal) {
  in_every_split_of_two([](RelayLab& lab) {
    bind_portal(lab, "SELECT a FROM t");
    lab.client(f::execute("", 1) + f::flush).server(b::row() + b::suspended);
    lab.client(f::execute("", 1) + f::flush).server(b::row() + b::suspended);
    EXPECT_EQ(lab.at_client(), "D s D s");
    lab.client(f::execute("", 1) + f::sync).server(b::row() + b::suspended);
    EXPECT_EQ(lab.at_client(), too_many);
  });
}

TEST(RelayLimits, PortalsOfOneStatementCountByThemselves) {
  in_every_split_of_two([](RelayLab& lab) {
    lab.client(f::parse("s", "SELECT a FROM t") + f::sync).server(b::parse_complete + b::ready('I'));
    for (int i = 0; i < 3; ++i) {
      lab.client(f::bind("", "s") + f::execute("") + f::sync);
      lab.server(b::bind_complete + many(2) + b::complete("SELECT 2") + b::ready('I'));
    }
    EXPECT_EQ(lab.at_client(), "1 Z(I) 2 D D C(SELECT 2) Z(I) 2 D D C(SELECT 2) Z(I) 2 D D C(SELECT 2) Z(I)");
  });
}

// ---- Cursors

TEST(RelayLimits, ACursorIsOneTotal) {
  in_every_split_of_two([](RelayLab& lab) {
    begin(lab);
    lab.client(f::query("DECLARE c CURSOR FOR SELECT a FROM t; FETCH 1 FROM c; MOVE 5 IN c"));
    lab.server(b::complete("DECLARE CURSOR") + b::rows() + many(1) + b::complete("FETCH 1") + b::complete("MOVE 5") +
               b::ready('T'));
    lab.client(f::parse("", "FETCH 1 FROM c") + f::bind("", "") + f::execute("") + f::sync);
    lab.server(b::parse_complete + b::bind_complete + many(1) + b::complete("FETCH 1") + b::ready('T'));
    lab.at_client();
    lab.client(f::query("FETCH 1 FROM c")).server(b::rows() + many(1) + b::complete("FETCH 1") + b::ready('T'));
    EXPECT_EQ(lab.at_client(), "T " + too_many);
  });
}

TEST(RelayLimits, ACursorByExecuteIsTheSame) {
  in_every_split_of_two([](RelayLab& lab) {
    begin(lab);
    lab.client(f::query("DECLARE c CURSOR FOR SELECT a FROM t"));
    lab.server(b::complete("DECLARE CURSOR") + b::ready('T'));
    lab.client(f::execute("c", 2) + f::sync + f::query("FETCH 1 FROM c"));
    EXPECT_EQ(lab.at_server(), "Q(DECLARE c CURSOR FOR SELECT a FROM t) E(c) S");
    lab.server(many(2) + b::suspended + b::ready('T'));
    lab.at_client();
    lab.server(b::rows() + many(1));
    EXPECT_EQ(lab.at_client(), "T " + too_many);
  });
}

TEST(RelayLimits, ANewCursorOfTheSameNameIsAnother) {
  in_every_split_of_two([](RelayLab& lab) {
    begin(lab);
    for (int i = 0; i < 2; ++i) {
      lab.client(f::query("DECLARE c CURSOR FOR SELECT a FROM t; FETCH 2 FROM c; CLOSE c"));
      lab.server(b::complete("DECLARE CURSOR") + b::rows() + many(2) + b::complete("FETCH 2") +
                 b::complete("CLOSE CURSOR") + b::ready('T'));
      EXPECT_EQ(lab.at_client(), "C(DECLARE CURSOR) T D D C(FETCH 2) C(CLOSE CURSOR) Z(T)");
    }
  });
}

// dbgate has not seen it declared, but it is one cursor all the same.
TEST(RelayLimits, ACursorThatAFunctionOpenedIsOneTotal) {
  in_every_split_of_two([](RelayLab& lab) {
    begin(lab);
    for (int i = 0; i < 2; ++i) {
      lab.client(f::query("FETCH 1 FROM \"<unnamed portal 1>\""));
      lab.server(b::rows() + many(1) + b::complete("FETCH 1") + b::ready('T'));
    }
    EXPECT_EQ(lab.at_client(), "T D C(FETCH 1) Z(T) T D C(FETCH 1) Z(T)");
    lab.client(f::query("FETCH 1 FROM \"<unnamed portal 1>\"")).server(b::rows() + many(1));
    EXPECT_EQ(lab.at_client(), "T " + too_many);
  });
}

// ---- COPY

TEST(RelayLimits, CopyOutCountsRows) {
  in_every_split_of_two([](RelayLab& lab) {
    lab.client(f::query("COPY t TO STDOUT"));
    lab.server(b::copy('H') + b::copy_data("1\n") + b::copy_data("2\n") + b::copy_data("3\n"));
    EXPECT_EQ(lab.at_client(), "H d(1\n) d(2\n) " + too_many);
    lab.server(b::copy_data("4\n") + b::plain('c') + b::complete("COPY 4") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "Z(I)");
  });
}

TEST(RelayLimits, AHeaderLineIsNoRow) {
  in_every_split_of_two([](RelayLab& lab) {
    lab.client(f::query("COPY t TO STDOUT (FORMAT csv, HEADER)"));
    lab.server(b::copy('H') + b::copy_data("a\n") + b::copy_data("1\n") + b::copy_data("2\n"));
    EXPECT_EQ(lab.at_client(), "H d(a\n) d(1\n) d(2\n)");
    lab.server(b::copy_data("3\n"));
    EXPECT_EQ(lab.at_client(), too_many);
  });
}

TEST(RelayLimits, TheEndOfABinaryCopyIsNoRow) {
  in_every_split_of_two([](RelayLab& lab) {
    const std::string binary = MessageText('H').raw(std::string_view("\1", 1)).int16(0);
    lab.client(f::query("COPY t TO STDOUT (FORMAT binary)"));
    lab.server(binary + b::copy_data("PGCOPY and a row") + b::copy_data("a row") + b::copy_data("\xff\xff") +
               b::plain('c') + b::complete("COPY 2") + b::ready('I'));
    EXPECT_THAT(lab.at_client(), testing::EndsWith("c C(COPY 2) Z(I)"));
  });
}

// ---- Size, rate, places

TEST(RelayLimits, LargeTextsAreNotParsed) {
  in_every_split([](RelayLab& lab) {
    policy::LimitSet set;
    set.statement_bytes = limit<std::size_t>(10, "statement_bytes");
    lab.limiter.set(set);
    lab.client(f::query("SELECT 123456") + f::parse("s", "SELECT 123456") + f::sync + f::query("SELECT 123"));
    EXPECT_EQ(lab.judge.analyzed, 1u);
    EXPECT_EQ(lab.at_server(), "Q(SELECT 123)");
    const std::string refused =
        "E(54000 statement of 13 bytes exceeds the limit of 10 bytes by dbgate policy Send large data as bind "
        "parameters or by COPY.) Z(I)";
    EXPECT_EQ(lab.at_client(), refused + " " + refused);
    EXPECT_THAT(lab.audit(), StartsWith("q1 deny simple SELECT 123456 by p/limits.statement_bytes because statement"));
  });
}

TEST(RelayLimits, RateCountsStatements) {
  in_every_split([](RelayLab& lab) {
    policy::LimitSet set;
    set.rate = limit(config::Rate{2, 1s}, "rate");
    lab.limiter.set(set);
    lab.client(f::query("BEGIN; SELECT 1; SELECT 2; COMMIT") + f::query("ROLLBACK"));
    EXPECT_EQ(lab.at_server(), "Q(BEGIN; SELECT 1; SELECT 2; COMMIT) Q(ROLLBACK)");
    lab.client(f::query("SELECT 3"));
    EXPECT_EQ(lab.at_server(), failing);
    lab.server(b::ready('I') + b::complete("ROLLBACK") + b::ready('I') + b::syntax_error + b::ready('I'));
    EXPECT_THAT(lab.at_client(), testing::EndsWith("E(53400 more statements than the limit of 2/s by dbgate policy Try "
                                                   "again in 500ms.) Z(I)"));
    EXPECT_THAT(lab.audit(), HasSubstr("q3 deny simple SELECT 3 by p/limits.rate"));
    lab.limiter.time += 500ms;
    lab.client(f::query("SELECT 4"));
    EXPECT_EQ(lab.at_server(), "Q(SELECT 4)");
  });
}

// A denied statement costs nothing, and a portal that goes on is no new statement.
TEST(RelayLimits, WhatRateDoesNotCount) {
  in_every_split([](RelayLab& lab) {
    policy::LimitSet set;
    set.rate = limit(config::Rate{1, 1s}, "rate");
    lab.limiter.set(set);
    lab.client(f::query("SELECT a FROM secret"));
    bind_portal(lab, "SELECT a FROM t");
    lab.client(f::execute("", 1) + f::execute("", 1) + f::execute("") + f::sync);
    EXPECT_EQ(lab.at_server(), "E() E() E() S");
  });
}

TEST(RelayLimits, RateOfTheTargetGivesBackThePrincipals) {
  in_every_split([](RelayLab& lab) {
    policy::LimitSet set;
    set.rate = limit(config::Rate{2, 1s}, "rate");
    set.target_rate = {config::Rate{1, 1s}, "targets.t/limits.rate", "target \"t\""};
    lab.limiter.set(set);
    lab.client(f::query("SELECT 1")).server(b::complete("SELECT 1") + b::ready('I'));
    lab.client(f::query("SELECT 2") + f::query("SELECT 3"));
    EXPECT_THAT(lab.at_client(), HasSubstr("limit of 1/s by dbgate policy Try again in 1s."));
    EXPECT_EQ(lab.limiter.principal.bucket.take(set.rate.value, 1, lab.limiter.time), 0ns);
  });
}

TEST(RelayLimits, APlaceIsHeldWhileAnythingRuns) {
  in_every_split([](RelayLab& lab) {
    policy::LimitSet set;
    set.concurrent = limit<std::size_t>(1, "concurrent");
    lab.limiter.set(set);
    lab.client(f::query("SELECT 1") + f::query("SELECT 2"));
    EXPECT_EQ(lab.at_server(), "Q(SELECT 1) Q(SELECT 2)");  // one session runs one at a time
    EXPECT_FALSE(lab.limiter.principal.running.begin(1));
    lab.server(b::complete("SELECT 1") + b::ready('I'));
    EXPECT_FALSE(lab.limiter.principal.running.begin(1));
    lab.server(b::complete("SELECT 1") + b::ready('I'));
    EXPECT_TRUE(lab.limiter.principal.running.begin(1));
    lab.at_client();
    lab.client(f::query("SELECT 3") + f::query("COMMIT"));
    EXPECT_EQ(lab.at_server(), "Q(COMMIT)");
    EXPECT_EQ(lab.at_client(),
              "E(53300 more statements at once than the limit of 1 by dbgate policy Try again when another statement "
              "has ended.) Z(I)");
  });
}

TEST(RelayLimits, APlaceIsFreeAfterTheSession) {
  policy::LimitSet set;
  set.concurrent = limit<std::size_t>(1, "concurrent");
  set.target_concurrent = limit<std::size_t>(1, "concurrent");
  ScriptedLimiter limiter;
  limiter.set(set);
  {
    Quota quota(&limiter);
    quota.refresh();
    EXPECT_FALSE(quota.admit(1));
    EXPECT_FALSE(limiter.principal.running.begin(1));
    EXPECT_FALSE(limiter.target.running.begin(1));
  }
  EXPECT_TRUE(limiter.target.running.begin(1));
  // Nothing of the principal is taken when the target has no place.
  Quota other(&limiter);
  other.refresh();
  EXPECT_TRUE(other.admit(1));
  EXPECT_TRUE(limiter.principal.running.begin(1));
}

// ---- Time

TEST(RelayLimits, StatementTimeout) {
  in_every_split([](RelayLab& lab) {
    policy::LimitSet set;
    set.statement_timeout = limit(std::chrono::milliseconds(1'500), "statement_timeout");
    lab.limiter.set(set);
    lab.client(f::query("SELECT 1") + f::query("SELECT 2"));
    lab.limiter.time += 1s;
    EXPECT_EQ(lab.relay.on_time(), Relay::Overdue::nothing);
    // The second one's time begins when the server comes to it.
    lab.server(b::complete("SELECT 1") + b::ready('I'));
    lab.limiter.time += 1s;
    EXPECT_EQ(lab.relay.on_time(), Relay::Overdue::nothing);
    lab.limiter.time += 500ms;
    EXPECT_EQ(lab.relay.on_time(), Relay::Overdue::cancel);
    EXPECT_EQ(lab.relay.on_time(), Relay::Overdue::nothing);
    lab.at_client();
    lab.server(b::error("57014") + b::ready('I'));
    EXPECT_THAT(lab.at_client(), StartsWith("E(57014 canceling statement after the limit of 1.500s by dbgate policy"));
    EXPECT_THAT(lab.audit(), HasSubstr("q2 done 57014 [] rows 0+0 by p/limits.statement_timeout"));
    EXPECT_EQ(lab.relay.due(), UnderLimits::never);
  });
}

// The server would keep the first one's replies until the Sync.
TEST(RelayLimits, TimedStatementsOfAPipelineAreAskedFor) {
  in_every_split([](RelayLab& lab) {
    policy::LimitSet set;
    set.statement_timeout = limit(std::chrono::milliseconds(1'000), "statement_timeout");
    lab.limiter.set(set);
    const std::string one = f::parse("", "SELECT 1") + f::bind("", "") + f::execute("");
    lab.client(one + one + f::sync);
    EXPECT_EQ(lab.at_server(), "P(,SELECT 1) B(,) E() H P(,SELECT 1) B(,) E() S");
    lab.limiter.time += 900ms;
    lab.server(b::parse_complete + b::bind_complete + b::complete("SELECT 1"));
    lab.limiter.time += 900ms;
    EXPECT_EQ(lab.relay.on_time(), Relay::Overdue::nothing);
  });
}

TEST(RelayLimits, WhatCannotBeCancelledEndsTheSession) {
  RelayLab lab;
  policy::LimitSet set;
  set.statement_timeout = limit(std::chrono::milliseconds(10), "statement_timeout");
  lab.limiter.set(set);
  lab.client(f::query("SELECT 1"));
  int cancels = 0;
  for (int second = 0; second < 60; ++second) {
    lab.limiter.time += 1s;
    const Relay::Overdue what = lab.relay.on_time();
    if (what == Relay::Overdue::end) break;
    ++cancels;
  }
  EXPECT_EQ(cancels, 10);
  EXPECT_EQ(lab.relay.ended_by(), "p/limits.statement_timeout");
  EXPECT_THAT(lab.failure(), StartsWith("57014 "));
}

TEST(RelayLimits, IdleInATransaction) {
  in_every_split([](RelayLab& lab) {
    policy::LimitSet set;
    set.idle_in_transaction = limit(std::chrono::milliseconds(500), "idle_in_transaction");
    lab.limiter.set(set);
    lab.client(f::query("SELECT 1")).server(b::complete("SELECT 1") + b::ready('I'));
    EXPECT_EQ(lab.relay.due(), UnderLimits::never);
    begin(lab);
    lab.limiter.time += 400ms;
    lab.server(b::status("application_name", "x"));  // does not make it less idle
    EXPECT_EQ(lab.relay.on_time(), Relay::Overdue::nothing);
    lab.client(f::query("SELECT 1"));
    lab.limiter.time += 400ms;
    EXPECT_EQ(lab.relay.on_time(), Relay::Overdue::nothing);
    lab.server(b::complete("SELECT 1") + b::ready('T'));
    lab.limiter.time += 500ms;
    EXPECT_EQ(lab.relay.on_time(), Relay::Overdue::end);
    EXPECT_EQ(lab.relay.ended_by(), "p/limits.idle_in_transaction");
    EXPECT_EQ(lab.failure(),
              "25P03 terminating connection after 500ms idle in a transaction, the limit by dbgate policy");
  });
}

// ---- Reload

TEST(RelayLimits, LimitsChangeWithTheNextStatement) {
  in_every_split_of_two([](RelayLab& lab) {
    lab.client(f::query("SELECT 1"));
    lab.limiter.set(rows(1));
    lab.server(b::rows() + many(2) + b::complete("SELECT 2") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "T D D C(SELECT 2) Z(I)");
    lab.client(f::query("SELECT 1")).server(b::rows() + many(2));
    EXPECT_THAT(lab.at_client(), StartsWith("T D E(54000 result has more rows than the limit of 1 "));
    lab.server(b::error("57014") + b::ready('I'));
    lab.limiter.clear();
    lab.client(f::query("SELECT 1")).server(b::rows() + many(5) + b::complete("SELECT 5") + b::ready('I'));
    EXPECT_EQ(lab.at_client(), "Z(I) T D D D D D C(SELECT 5) Z(I)");
  });
}

// A portal that was bound without limits is one total from then on.
TEST(RelayLimits, LimitsComeToOpenPortals) {
  in_every_split([](RelayLab& lab) {
    bind_portal(lab, "SELECT a FROM t");
    lab.limiter.set(rows(2));
    lab.client(f::execute("", 2) + f::flush).server(many(2) + b::suspended);
    EXPECT_EQ(lab.at_client(), "D D s");
    lab.client(f::execute("", 2) + f::sync).server(many(1));
    EXPECT_EQ(lab.at_client(), too_many);
  });
}

}  // namespace
}  // namespace dbgate::session
