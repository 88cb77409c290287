#include "gateway/sql/bodies.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "gateway/sql/analyze.h"
#include "tests/unit/sql/facts_text.h"

namespace dbgate::sql {
namespace {

/// What a body does to which relation and which functions it calls, without the columns; "opaque: why" behind it.
std::string body_text(std::string_view language, std::string_view source) {
  const Body body = read_body(language, source);
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : " ") + part; };
  for (const Statement& statement : body.statements) {
    for (const RelationUse& use : statement.relations)
      add(name_text(use.name) + "[" + effects_text(use.effects) + "]");
    for (const FunctionUse& use : statement.functions) {
      if (use.form != FunctionForm::operator_) add(name_text(use.name) + "()");
    }
  }
  if (body.opaque) add("opaque: " + body.why);
  return text;
}

struct Case {
  const char* language;
  const char* source;
  const char* text;
};

void PrintTo(const Case& example, std::ostream* out) {
  *out << example.language << ": " << example.source;
}

class BodyTable : public testing::TestWithParam<Case> {};

TEST_P(BodyTable, Facts) {
  EXPECT_EQ(body_text(GetParam().language, GetParam().source), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Sql, BodyTable,
    testing::Values(
        Case{"sql", "SELECT 1", ""}, Case{"sql", "SELECT number FROM shop.cards WHERE id = $1", "shop.cards[read]"},
        Case{"sql", "UPDATE a SET x = $1; INSERT INTO b SELECT * FROM c; DELETE FROM d;",
             "a[update] b[insert] c[read] d[delete]"},
        Case{"sql", "SELECT f(g(x))", "f() g()"}, Case{"sql", "", ""},
        Case{"sql", "BEGIN ATOMIC\n SELECT 1 FROM a;\n DELETE FROM b WHERE (b.x = 1);\nEND", "a[read] b[read,delete]"},
        Case{"sql", "BEGIN ATOMIC\n SELECT ';' AS x;\nEND", ""}, Case{"sql", "BEGIN ATOMIC END", ""},
        Case{"sql", "BEGIN ATOMIC\n RETURN CASE WHEN f() THEN (SELECT 1 FROM a) END;\nEND", "a[read] f()"},
        Case{"sql", "RETURN (SELECT max(n) FROM cards)", "cards[read] max()"},
        Case{"sql", "BEGIN ATOMIC SELECT 1 FROM a", "opaque: SQL that dbgate cannot read"},
        Case{"sql", "SELEC", "opaque: SQL that dbgate cannot read"},
        Case{"sql", "RETURN", "opaque: SQL that dbgate cannot read"},
        Case{"sql", "SELECT 'open", "opaque: SQL that dbgate cannot read"},
        Case{"sql", "DO $$ BEGIN END $$", "opaque: a DO block"},
        Case{"sql", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
             "opaque: a statement that holds code"},
        Case{"sql", "SET search_path = evil; SELECT 1 FROM a", "a[read] opaque: a change of search_path or role"},
        Case{"sql", "SET work_mem = '1MB'; SELECT 1 FROM a", "a[read]"},
        Case{"sql", "SELECT set_config('search_path', 'evil', true)",
             "set_config() opaque: a change of search_path or role"},
        Case{"sql", "SELECT set_config($1, 'x', true)",
             "set_config() opaque: set_config() of a computed name or value"},
        Case{"sql", "SELECT set_config('app.user', 'x', true)", "set_config()"},
        Case{"sql", "EXECUTE p(1)", "opaque: EXECUTE of a prepared statement"}));

INSTANTIATE_TEST_SUITE_P(
    Plpgsql, BodyTable,
    testing::Values(
        Case{"plpgsql", "BEGIN x := (SELECT number FROM shop.cards); END", "shop.cards[read]"},
        Case{"plpgsql", "BEGIN x := count(*) FROM cards; END", "cards[read] count()"},
        Case{"plpgsql", "BEGIN a[f(1)] := g(2); END", "f() g()"},
        Case{"plpgsql", "DECLARE x int := (SELECT 1 FROM cards); BEGIN END", "cards[read]"},
        Case{"plpgsql", "BEGIN IF EXISTS (SELECT FROM cards) THEN DELETE FROM t; END IF; END", "cards[read] t[delete]"},
        Case{"plpgsql", "BEGIN CASE (SELECT 1 FROM cards) WHEN f() THEN NULL; END CASE; END", "cards[read] f()"},
        Case{"plpgsql", "BEGIN FOR i IN f()..g() LOOP PERFORM h() FROM t; END LOOP; END", "f() g() t[read] h()"},
        Case{"plpgsql", "BEGIN FOR r IN DELETE FROM cards RETURNING * LOOP NULL; END LOOP; END", "cards[read,delete]"},
        Case{"plpgsql", "DECLARE c CURSOR FOR SELECT * FROM cards; BEGIN OPEN c; END", "cards[read]"},
        Case{"plpgsql", "BEGIN OPEN c FOR SELECT * FROM cards; END", "cards[read]"},
        Case{"plpgsql", "BEGIN RETURN QUERY SELECT * FROM cards; END", "cards[read]"},
        Case{"plpgsql", "BEGIN SELECT number INTO x FROM cards; END", "cards[read]"},
        Case{"plpgsql", "BEGIN RAISE NOTICE '%', (SELECT number FROM cards); END", "cards[read]"},
        Case{"plpgsql", "BEGIN NULL; EXCEPTION WHEN OTHERS THEN DELETE FROM cards; END", "cards[delete]"},
        Case{"plpgsql", "BEGIN CALL p(f()); END", "p() f()"},
        Case{"plpgsql", "BEGIN TRUNCATE cards; END", "cards[truncate]"},
        Case{"plpgsql", "BEGIN EXECUTE 'DELETE FROM cards'; END", "cards[delete]"},
        Case{"plpgsql", "BEGIN EXECUTE $q$DELETE FROM cards WHERE n = 'x'; DELETE FROM t$q$; END",
             "cards[read,delete] t[delete]"},
        Case{"plpgsql", "BEGIN EXECUTE 'SELECT f(''a'')' INTO x USING g(); END", "f() g()"},
        Case{"plpgsql", "BEGIN EXECUTE E'DELETE FROM \\x63ards'; END", "opaque: dynamic EXECUTE"},
        Case{"plpgsql", "BEGIN EXECUTE 'DELETE FROM ' || f(x); END", "f() opaque: dynamic EXECUTE"},
        Case{"plpgsql", "BEGIN EXECUTE format('DELETE FROM %I', t); END", "format() opaque: dynamic EXECUTE"},
        Case{"plpgsql", "BEGIN EXECUTE 'SELEC'; END", "opaque: SQL that dbgate cannot read"},
        Case{"plpgsql", "BEGIN OPEN c FOR EXECUTE q; END", "opaque: dynamic EXECUTE"},
        Case{"plpgsql", "BEGIN RETURN QUERY EXECUTE q; END", "opaque: dynamic EXECUTE"},
        Case{"plpgsql", "BEGIN FOR r IN EXECUTE q LOOP NULL; END LOOP; END", "opaque: dynamic EXECUTE"},
        Case{"plpgsql", "BEGIN DO 'BEGIN END'; END", "opaque: a DO block"},
        Case{"plpgsql", "BEGIN SET LOCAL search_path = evil; PERFORM f(); END",
             "f() opaque: a change of search_path or role"},
        Case{"plpgsql", "BEGIN SET ROLE boss; END", "opaque: a change of search_path or role"},
        Case{"plpgsql", "BEGIN garbage; END", "opaque: SQL that dbgate cannot read"},
        Case{"plpgsql", "BEGIN x := 1; DELETE FROM t", "opaque: PL/pgSQL that dbgate cannot read"},
        Case{"plpgsql", "not even a block", "opaque: PL/pgSQL that dbgate cannot read"}));

INSTANTIATE_TEST_SUITE_P(
    Others, BodyTable,
    testing::Values(Case{"c", "x", "opaque: code in another language than sql and plpgsql"},
                    Case{"plpython3u", "import os", "opaque: code in another language than sql and plpgsql"},
                    Case{"SQL", "SELECT 1", "opaque: code in another language than sql and plpgsql"},
                    Case{"sql", "SELECT '\xff'", "opaque: source that is no UTF-8 text"}));

TEST(Bodies, ColumnsAndVariablesLookAlike) {
  const Body body = read_body("sql", "SELECT c.city FROM customers c WHERE c.id = wanted");
  ASSERT_EQ(body.statements.size(), 1u);
  EXPECT_EQ(columns_text(body.statements[0].relations[0].reads), "city,id,wanted");
}

TEST(Bodies, WhatTriggersReadOfTheirRow) {
  EXPECT_EQ(columns_text(read_body("plpgsql", "BEGIN NEW.a := OLD.b; RETURN NEW; END").row), "b");
  EXPECT_EQ(columns_text(read_body("plpgsql", "BEGIN INSERT INTO log SELECT NEW.*; RETURN NULL; END").row), "*");
}

TEST(Bodies, LimitsHold) {
  ScanLimits limits = body_limits;
  limits.max_nesting = 3;
  EXPECT_EQ(read_body("sql", "SELECT ((((1))))", nullptr, limits).why, "source beyond dbgate's limits");
  EXPECT_TRUE(read_body("sql", "SELECT ((((1))))", nullptr, limits).opaque);
  EXPECT_FALSE(read_body("sql", "SELECT (((1)))", nullptr, limits).opaque);
  EXPECT_TRUE(read_body("plpgsql", std::string(body_limits.max_bytes + 1, ' ')).opaque);
}

// The worst that the limits let through, in time and in depth.
TEST(Bodies, LargeSourcesAreRead) {
  std::string source = "BEGIN ";
  for (int i = 0; i < 12'000; ++i)
    source += "x := f(1);";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(read_body("plpgsql", source + "END").statements.size(), 12'000u);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  source = "BEGIN x := ";
  for (int i = 0; i < 5'000; ++i)
    source += "- ";
  EXPECT_FALSE(read_body("plpgsql", source + "1; END").opaque);
}

}  // namespace
}  // namespace dbgate::sql
