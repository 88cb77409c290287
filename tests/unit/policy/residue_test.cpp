#include "gateway/policy/residue.h"

#include <gtest/gtest.h>

#include <map>

#include "gateway/sql/analyze.h"
#include "tests/unit/catalog/hand_made.h"

namespace dbgate::policy {
namespace {

using catalog::HandMade;
using catalog::Oid;

class ResidueTest : public testing::Test {
 protected:
  ResidueTest() {
    db.table("notes");
    watched = db.table("watched");
    for (const char* name : {"query_to_xml", "table_to_xml", "pg_advisory_lock", "pg_advisory_xact_lock", "set_config",
                             "pg_create_physical_replication_slot"})
      add(name, "internal", {}, 'v', 'u', 11, oid_of_system_++);
  }
  Oid add(std::string_view name, std::string_view language, std::string_view body, char volatility = 'v',
          char parallel = 'u', Oid schema = HandMade::shop, Oid oid = 0) {
    static constexpr Oid any[] = {HandMade::text, HandMade::text, HandMade::text};
    catalog::Function function;
    function.oid = oid == 0 ? db.next() : oid;
    function.schema = schema;
    function.name = name;
    function.volatility = volatility;
    function.parallel = parallel;
    function.language = language;
    function.body = body;
    function.arguments = any;
    function.defaults = 3;
    db.builder.add(function);
    return function.oid;
  }
  Residue of(std::string_view text, bool known = true, std::vector<std::string> path = {"shop"}) {
    if (!closure_) closure_ = std::make_shared<const catalog::Closure>(db.build());
    const sql::AnalyzeResult result = sql::analyze(text, sql::ScanLimits{}, nullptr);
    EXPECT_TRUE(result.script) << text;
    if (!result.script) return Residue::stays;
    const catalog::SearchPath where{std::move(path), "boss"};
    if (!known) return residue_of(*result.script, where);
    const Residue anew = Residues(closure_, where).of(*result.script);
    auto& kept = kept_[where.schemas];
    if (!kept) kept = std::make_unique<Residues>(closure_, where);
    EXPECT_EQ(kept->of(*result.script), anew) << text;
    EXPECT_EQ(kept->of(*result.script), anew) << text;
    return anew;
  }
  void expect(Residue expected, std::initializer_list<const char*> texts) {
    for (const char* text : texts)
      EXPECT_EQ(of(text), expected) << text;
  }

  HandMade db;
  Oid watched = 0;

 private:
  Oid oid_of_system_ = 5'000;
  std::shared_ptr<const catalog::Closure> closure_;
  std::map<std::vector<std::string>, std::unique_ptr<Residues>> kept_;  // of all that was asked before
};

TEST_F(ResidueTest, WhatLeavesNothing) {
  add("reads", "sql", "SELECT id FROM shop.notes");
  add("counts", "plpgsql", "BEGIN PERFORM count(*) FROM shop.notes; END");
  add("sets_locally", "plpgsql", "BEGIN PERFORM set_config('app.x', 'y', true); END");
  expect(Residue::none, {"SELECT 1",
                         "BEGIN",
                         "COMMIT",
                         "SET work_mem = '5MB'",
                         "RESET ALL",
                         "DISCARD ALL",
                         "SHOW all",
                         "LISTEN a",
                         "NOTIFY a",
                         "SELECT lower(n::text) FROM notes WHERE id = 1",
                         "INSERT INTO notes VALUES (1) RETURNING id",
                         "COPY notes TO STDOUT",
                         "COPY notes FROM STDIN",
                         "TRUNCATE notes",
                         "LOCK TABLE notes",
                         "DECLARE c CURSOR FOR SELECT id FROM notes",
                         "FETCH ALL FROM c",
                         "PREPARE p AS SELECT id FROM notes",
                         "DEALLOCATE p",
                         "EXPLAIN ANALYZE SELECT id FROM notes",
                         "SELECT reads()",
                         "SELECT counts()",
                         "SELECT pg_advisory_xact_lock('1')",
                         "SELECT set_config('work_mem', '5MB', false)",
                         "SELECT * FROM made_by_this_session",
                         "SET search_path = shop",
                         "SET search_path TO DEFAULT",
                         "RESET search_path",
                         "COMMIT PREPARED 'x'"});
}

TEST_F(ResidueTest, TemporaryTablesThatTheTextMakes) {
  add("opaque", "plpgsql", "BEGIN EXECUTE a; END");
  expect(Residue::none, {"CREATE TEMP TABLE t (id int)", "CREATE TEMP TABLE t AS SELECT id FROM notes",
                         "SELECT id INTO TEMP t FROM notes", "DROP TABLE t", "CREATE INDEX ON t (id)"});
  expect(Residue::stays, {"CREATE TEMP TABLE t AS SELECT opaque()", "CREATE TEMP VIEW t AS SELECT opaque()",
                          "CREATE INDEX ON t (opaque(id))", "CREATE TEMP TABLE t (id int DEFAULT opaque())"});
}

TEST_F(ResidueTest, CodeThatIsSeenThroughAndLeavesWhatDiscardTakesAway) {
  add("locks", "plpgsql", "BEGIN PERFORM pg_advisory_lock('1'); END");
  add("locks_beneath", "sql", "SELECT shop.locks()");
  add("sets", "plpgsql", "BEGIN PERFORM set_config('app.x', 'y', false); END");
  add("sets_by_word", "plpgsql", "BEGIN SET work_mem = '5MB'; END");
  add("listens", "plpgsql", "BEGIN LISTEN a; END");
  db.view("locking", "SELECT shop.locks() AS id, 1 AS n");
  expect(Residue::discarded, {"SELECT locks()", "SELECT locks_beneath()", "SELECT sets()", "SELECT sets_by_word()",
                              "SELECT listens()", "SELECT n FROM locking", "SELECT 1; SELECT locks()"});
}

TEST_F(ResidueTest, CodeThatCannotBeSeenThrough) {
  add("opaque", "plpgsql", "BEGIN EXECUTE a; END");
  add("perl", "plperl", "1", 'i', 's');
  add("beneath", "sql", "SELECT shop.perl()");
  add("makes", "plpgsql", "BEGIN CREATE EXTENSION plperl; END");
  db.trigger(watched, add("watches", "plpgsql", "BEGIN PERFORM shop.perl(); RETURN NEW; END"), 4 + 1);
  db.view("calling", "SELECT shop.perl() AS id, 1 AS n");
  expect(Residue::stays,
         {"SELECT opaque()", "SELECT perl()", "SELECT beneath()", "SELECT n FROM calling", "CALL opaque()",
          "SELECT makes()", "INSERT INTO watched VALUES (1)", "COPY watched FROM STDIN",
          "COPY (SELECT perl()) TO STDOUT", "DECLARE c CURSOR FOR SELECT perl()", "PREPARE p AS SELECT perl()",
          "SELECT 1; SELECT perl(); SELECT 1", "SELECT nobody_knows()", "SELECT nobody_knows(1)"});
  EXPECT_EQ(of("DELETE FROM watched"), Residue::none) << "the trigger is for INSERT";
}

TEST_F(ResidueTest, WhatOnlyTheServerKnows) {
  expect(Residue::stays, {"DO 'BEGIN END'", "EXECUTE p", "LOAD 'x'", "CREATE FUNCTION f() RETURNS int LANGUAGE x AS ''",
                          "CREATE EXTENSION x", "ALTER TABLE notes ADD c int", "REFRESH MATERIALIZED VIEW m",
                          "GRANT SELECT ON notes TO boss", "ANALYZE notes", "CREATE TABLE t AS EXECUTE p",
                          "SELECT query_to_xml('SELECT 1')", "SELECT table_to_xml('notes')",
                          "SELECT pg_create_physical_replication_slot('a')"});
}

TEST_F(ResidueTest, CompiledCodeIsTakenAtItsWord) {
  add("dblink_connect", "c", {}, 'v', 'r');
  add("unsaid", "c", {}, 'v', 'u');
  add("unsaid_either", "c", {}, 's', 'u');
  add("uuid_generate_v4", "c", {}, 'v', 's');
  add("pure", "c", {}, 'i', 'u');
  add("moddatetime", "c", {}, 'v', 'u');
  add("xpath_table", "c", {}, 's', 's');
  expect(Residue::none, {"SELECT uuid_generate_v4()", "SELECT pure()", "SELECT moddatetime()"});
  expect(Residue::stays,
         {"SELECT dblink_connect('a')", "SELECT unsaid()", "SELECT unsaid_either()", "SELECT xpath_table('a')"});
}

TEST_F(ResidueTest, NamesThatLeadElsewhere) {
  expect(Residue::stays,
         {"SET search_path = other", "SET LOCAL search_path = other, shop", "SET ROLE boss",
          "SELECT set_config('search_path', 'other', true)", "SELECT set_config(n, 'other', true) FROM notes",
          "UPDATE pg_settings SET setting = 'other'", "SET SESSION AUTHORIZATION boss"});
  EXPECT_EQ(of("SELECT setting FROM pg_settings"), Residue::none);
}

TEST_F(ResidueTest, WithoutACatalog) {
  for (const char* text : {"SELECT id FROM notes", "SELECT lower('a')", "SELECT 'a'::notes"})
    EXPECT_EQ(of(text, false), Residue::unknown) << text;
  for (const char* text : {"SELECT 1 + 1", "BEGIN", "SET work_mem = '5MB'"})
    EXPECT_EQ(of(text, false), Residue::none) << text;
  EXPECT_EQ(of("SELECT lower('a'); DO 'BEGIN END'", false), Residue::stays);
}

TEST_F(ResidueTest, WithTheServersOwnSearchPath) {
  db.table("twice");
  db.table("twice", {"id"}, catalog::RelationKind::table, HandMade::other);
  add("perl", "plperl", "1", 'i', 's', HandMade::other);
  add("perl", "sql", "SELECT 1");
  EXPECT_EQ(of("SELECT perl()"), Residue::none);
  EXPECT_EQ(of("SELECT perl()", true, {}), Residue::stays) << "it may be either";
  EXPECT_EQ(of("SELECT id FROM notes", true, {}), Residue::none);
  EXPECT_EQ(of("SELECT id FROM twice", true, {}), Residue::stays);
  EXPECT_EQ(of("SELECT id FROM shop.twice", true, {}), Residue::none);
}

}  // namespace
}  // namespace dbgate::policy
