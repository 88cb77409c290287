#include "gateway/session/pins.h"

#include <gtest/gtest.h>

#include "gateway/sql/analyze.h"

namespace dbgate::session {
namespace {

std::string pinned(std::string_view text) {
  const auto analyzed = sql::analyze(text, {});
  Pins pins;
  for (const sql::Statement& statement : analyzed.script->statements)
    pins |= pins_of(statement);
  return names_of(pins);
}

TEST(Pins, AreReadOffStatements) {
  EXPECT_EQ(pinned("CREATE TEMP TABLE t (a int)"), "temporary object");
  EXPECT_EQ(pinned("SELECT 1 AS a INTO TEMPORARY t"), "temporary object");
  EXPECT_EQ(pinned("CREATE TEMP VIEW v AS SELECT 1"), "temporary object");
  EXPECT_EQ(pinned("CREATE TEMP SEQUENCE s"), "temporary object");
  EXPECT_EQ(pinned("CREATE TEMP TABLE t AS SELECT 1"), "temporary object");
  EXPECT_EQ(pinned("CREATE TABLE pg_temp.t (a int)"), "temporary object");
  EXPECT_EQ(pinned("CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE sql AS 'SELECT 1'"), "temporary object");
  EXPECT_EQ(pinned("SELECT pg_advisory_lock(1)"), "advisory lock");
  EXPECT_EQ(pinned("SELECT pg_catalog.pg_try_advisory_lock_shared(1, 2) FROM t"), "advisory lock");
  EXPECT_EQ(pinned("DECLARE c CURSOR WITH HOLD FOR SELECT 1"), "cursor WITH HOLD");
  EXPECT_EQ(pinned("LOAD 'x'; PREPARE p AS SELECT 1"), "PREPARE, LOAD");
  EXPECT_EQ(pinned("LOAD 'x'"), "LOAD");
  EXPECT_EQ(pinned("SET ROLE x"), "role");
  EXPECT_EQ(pinned("SET SESSION AUTHORIZATION x"), "role");
  EXPECT_EQ(pinned("SELECT set_config('a.b', 'c', false)"), "settings");
  EXPECT_EQ(pinned("SELECT set_config('a.b', x, true) FROM t"), "settings");
  EXPECT_EQ(pinned("SELECT dblink_connect('a', 'b')"), "dblink");
  EXPECT_EQ(pinned("EXPLAIN ANALYZE SELECT pg_advisory_lock(1)"), "advisory lock");
}

TEST(Pins, AreNotSeenWhereNothingStays) {
  for (const char* text : {"SELECT 1", "SELECT pg_advisory_xact_lock(1)", "SELECT set_config('a.b', 'c', true)",
                           "SET work_mem = '1MB'", "DECLARE c CURSOR FOR SELECT 1", "SET LOCAL a.b = 'c'", "SHOW role",
                           "NOTIFY a", "LISTEN a", "CREATE UNLOGGED TABLE t (a int)", "BEGIN"}) {
    EXPECT_EQ(pinned(text), "") << text;
  }
}

TEST(Pins, AreTakenAway) {
  const auto left = [](std::string_view text) {
    const auto analyzed = sql::analyze(text, {});
    return names_of(unpinned_by(analyzed.script->statements.front()));
  };
  EXPECT_EQ(left("UNLISTEN *"), "");
  EXPECT_EQ(left("DEALLOCATE ALL"), "PREPARE");
  EXPECT_EQ(left("DEALLOCATE a"), "");
  EXPECT_EQ(left("CLOSE ALL"), "cursor WITH HOLD");
  EXPECT_EQ(left("DISCARD TEMP"), "");
  EXPECT_EQ(left("DISCARD ALL"), "temporary object, advisory lock, cursor WITH HOLD, PREPARE, role, settings");
  Pins lasting;
  EXPECT_TRUE(can_be_discarded(lasting));
  lasting.set(static_cast<std::size_t>(Pin::loaded_library));
  EXPECT_FALSE(can_be_discarded(lasting));
}

}  // namespace
}  // namespace dbgate::session
