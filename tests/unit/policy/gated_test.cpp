#include "gateway/policy/gated.h"

#include <gtest/gtest.h>

#include "gateway/policy/grants.h"
#include "gateway/sql/analyze.h"
#include "tests/unit/catalog/hand_made.h"

namespace dbgate::policy {
namespace {

class GatedTest : public testing::Test {
 protected:
  GatedTest() {
    db.table("goods", {"id", "name"});
    db.table("notes");
    db.table("away", {"id"}, catalog::RelationKind::foreign_table);
    db.view("away_view", "SELECT id FROM shop.away", {"id"});
    db.view("pg_settings", "SELECT 1", {"name", "setting"});
    const catalog::Oid spread = db.table("spread", {"id"}, catalog::RelationKind::partitioned_table);
    db.builder.add_parent(db.table("spread_1", {"id"}, catalog::RelationKind::foreign_table), spread);
  }
  Gated of(std::string_view text) {
    if (!closure_) closure_ = std::make_unique<catalog::Closure>(db.build());
    const sql::AnalyzeResult result = sql::analyze(text, sql::ScanLimits{}, nullptr);
    EXPECT_TRUE(result.script) << text;
    return result.script ? gated(grants, capture, *result.script, closure_.get(), path) : Gated{};
  }

  catalog::HandMade db;
  Grants grants;
  config::Capture capture = config::Capture::prepared;
  const catalog::SearchPath path{{"shop"}, "boss"};

 private:
  std::unique_ptr<catalog::Closure> closure_;
};

TEST_F(GatedTest, ChangesOfRowsOpenIt) {
  for (const char* text : {"INSERT INTO goods VALUES (1)", "UPDATE goods SET name = 'x'", "DELETE FROM goods",
                           "COPY goods FROM STDIN", "WITH x AS (DELETE FROM goods RETURNING id) SELECT id FROM x",
                           "EXPLAIN ANALYZE DELETE FROM goods", "EXECUTE p", "SELECT 1; DELETE FROM goods"}) {
    const Gated gated = of(text);
    EXPECT_EQ(gated.refused, "") << text;
    EXPECT_TRUE(gated.opens) << text;
  }
}

TEST_F(GatedTest, WhatReadsDoesNot) {
  for (const char* text :
       {"SELECT id FROM goods", "BEGIN", "COMMIT", "SAVEPOINT a", "SHOW work_mem", "SET work_mem = '1MB'",
        "SET dbgate.hold = wait", "DECLARE c CURSOR FOR SELECT id FROM goods", "FETCH c", "LOCK goods"}) {
    const Gated gated = of(text);
    EXPECT_EQ(gated.refused, "") << text;
    EXPECT_FALSE(gated.opens) << text;
  }
}

TEST_F(GatedTest, WhatCannotBeShownIsRefused) {
  for (const char* text : {"TRUNCATE goods",
                           "CREATE TABLE t (a int)",
                           "DROP TABLE goods",
                           "GRANT SELECT ON goods TO somebody",
                           "DO 'x'",
                           "NOTIFY a",
                           "PREPARE TRANSACTION 'x'",
                           "COMMIT PREPARED 'x'",
                           "DECLARE c CURSOR WITH HOLD FOR SELECT 1",
                           "SET session_replication_role = replica",
                           "SET dbgate.gate = 'x'",
                           "SELECT set_config('dbgate.gate', '1', true)",
                           "SELECT 1 FROM dbgate_gate.change",
                           "DELETE FROM dbgate_gate.change",
                           "SELECT dbgate_gate.changes(1)",
                           "VACUUM goods",
                           "SET LOCAL track_counts = off",
                           "RESET track_counts",
                           "SELECT set_config('track_counts', 'off', true)",
                           "SELECT set_config('work' || '_mem', '1MB', true)",
                           "UPDATE pg_settings SET setting = 'off'",
                           "UPDATE pg_catalog.pg_settings SET setting = 'off'",
                           "INSERT INTO away VALUES (1)",
                           "UPDATE spread SET id = 1",
                           "INSERT INTO spread VALUES (1)",
                           "INSERT INTO away_view VALUES (1)",
                           "SELECT id INTO t FROM goods",
                           "DELETE FROM nowhere",
                           "ALTER TABLE goods DISABLE TRIGGER ALL"}) {
    EXPECT_NE(of(text).refused, "") << text;
  }
}

TEST_F(GatedTest, ReadingOnAnotherServerIsNoChange) {
  for (const char* text : {"SELECT id FROM away", "DELETE FROM goods USING away WHERE goods.id = away.id"})
    EXPECT_EQ(of(text).refused, "") << text;
}

TEST_F(GatedTest, HowItIsFoundOut) {
  EXPECT_FALSE(of("DELETE FROM goods").compares);
  capture = config::Capture::unprepared;
  EXPECT_TRUE(of("DELETE FROM goods").compares);
  capture = config::Capture::any;
  EXPECT_TRUE(of("DELETE FROM goods").compares) << "there is no schema of dbgate's";
}

TEST_F(GatedTest, WithoutACatalogNothingIsKnown) {
  const sql::AnalyzeResult result = sql::analyze("DELETE FROM goods", sql::ScanLimits{}, nullptr);
  EXPECT_NE(gated(grants, capture, *result.script, nullptr, path).refused, "");
}

}  // namespace
}  // namespace dbgate::policy
