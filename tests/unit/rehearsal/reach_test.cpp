#include "gateway/rehearsal/reach.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/rehearsal/rehearsal.h"

namespace dbgate::rehearsal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Reach of(const std::string& text) {
  Reach reach;
  EXPECT_TRUE(Rehearsal::run([&] { reach = reach_of(text); }));
  return reach;
}

TEST(Reach, OfWhatOnlyReads) {
  for (const char* const text : {"SELECT a, lower(b), count(*) FROM t",
                                 "VALUES (1)",
                                 "TABLE t",
                                 "SHOW work_mem",
                                 "SET work_mem = '4MB'",
                                 "BEGIN",
                                 "COMMIT",
                                 "BEGIN READ WRITE",
                                 "COPY t TO STDOUT",
                                 "EXPLAIN SELECT 1",
                                 "DECLARE c CURSOR FOR SELECT 1",
                                 "FETCH c",
                                 "CLOSE c",
                                 "PREPARE p AS SELECT 1",
                                 "EXECUTE p",
                                 "DEALLOCATE p",
                                 "LISTEN x",
                                 "SELECT 1; SELECT 2",
                                 "SELECT set_config('a.b', 'c', false)",
                                 "SELECT current_user, pg_catalog.now()",
                                 ""}) {
    EXPECT_EQ(of(text).writes, "") << text;
    EXPECT_TRUE(of(text).readable) << text;
  }
}

TEST(Reach, OfWhatMayChangeSomething) {
  for (const char* const text : {"INSERT INTO t VALUES (1)",
                                 "WITH w AS (DELETE FROM t RETURNING 1) SELECT * FROM w",
                                 "SELECT * FROM t FOR UPDATE",
                                 "SELECT 1 INTO t",
                                 "EXPLAIN DELETE FROM t",
                                 "EXPLAIN ANALYZE DELETE FROM t",
                                 "PREPARE p AS DELETE FROM t",
                                 "DO 'BEGIN END'",
                                 "CALL p()",
                                 "COPY t FROM STDIN",
                                 "COPY t TO '/tmp/x'",
                                 "COPY t TO PROGRAM 'id'",
                                 "CREATE TABLE t (a int)",
                                 "NOTIFY x",
                                 "LOCK t",
                                 "VACUUM",
                                 "GRANT a TO b",
                                 "PREPARE TRANSACTION 'x'",
                                 "SELECT pg_terminate_backend(1)",
                                 "SELECT nextval('s')",
                                 "SELECT lo_unlink(1)",
                                 "SELECT mine()",
                                 "SELECT app.lower('x')",
                                 "SELECT pg_sleep(1)",
                                 "SELECT * FROM dblink('a', 'b') AS t(x int)",
                                 "SELECT query_to_xml('x', true, true, '')",
                                 "SET TRANSACTION READ WRITE; SELECT 1",
                                 "BEGIN; SELECT 1; COMMIT"})
    EXPECT_NE(of(text).writes, "") << text;
  EXPECT_THAT(of("SELECT mine()").writes, HasSubstr("mine()"));
}

TEST(Reach, OfWhatCannotBeRead) {
  const Reach reach = of("SELEC 1");
  EXPECT_FALSE(reach.readable);
  EXPECT_NE(reach.writes, "");
  EXPECT_NE(of(std::string("SELECT 1\0; DELETE FROM t", 24)).writes, "");
}

TEST(Reach, KnowsRowsOfClientsAndParameters) {
  EXPECT_TRUE(of("COPY t FROM STDIN").takes_rows);
  EXPECT_FALSE(of("COPY t FROM '/tmp/x'").takes_rows);
  EXPECT_FALSE(of("COPY t TO STDOUT").takes_rows);
  EXPECT_EQ(of("SELECT $2, '$3', \"$4\", $1 -- $5").parameters, 2u);
  EXPECT_EQ(of("SELECT 1").parameters, 0u);
  EXPECT_EQ(of("PREPARE p AS SELECT $1").parameters, 0u);
  EXPECT_EQ(of("SELECT 1; SELECT 2").statements, 2u);
}

TEST(Reach, KnowsWhatIsMadeAndUsed) {
  EXPECT_THAT(of("PREPARE p AS SELECT 1").makes, ElementsAre("p"));
  EXPECT_THAT(of("DECLARE c CURSOR FOR SELECT 1").makes, ElementsAre("c"));
  EXPECT_THAT(of("EXECUTE p").needs, ElementsAre("p"));
  EXPECT_THAT(of("FETCH c").needs, ElementsAre("c"));
}

}  // namespace
}  // namespace dbgate::rehearsal
