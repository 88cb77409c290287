#include "gateway/sql/plpgsql.h"

#include <gtest/gtest.h>

#include <string>

namespace dbgate::sql {
namespace {

// E: expression, S: statement, D: dynamic; then what is read of OLD and NEW.
std::string split_text(std::string_view source) {
  const PlpgsqlBody body = split_plpgsql(source);
  if (!body.readable) return "unreadable at " + std::to_string(body.failed_at);
  std::string text;
  for (const Fragment& fragment : body.fragments) {
    static constexpr const char* kinds[] = {"E", "S", "D"};
    text += (text.empty() ? "" : " | ") + std::string(kinds[static_cast<int>(fragment.kind)]) + ":" + fragment.text;
  }
  if (body.row.whole_row) text += " row:*";
  for (const std::string& name : body.row.names)
    text += " row:" + name;
  return text;
}

struct Case {
  const char* source;
  const char* fragments;
};

void PrintTo(const Case& example, std::ostream* out) {
  *out << example.source;
}

class SplitTable : public testing::TestWithParam<Case> {};

TEST_P(SplitTable, Fragments) {
  EXPECT_EQ(split_text(GetParam().source), GetParam().fragments);
}

INSTANTIATE_TEST_SUITE_P(
    Blocks, SplitTable,
    testing::Values(
        Case{"BEGIN END", ""}, Case{"begin null; end;", ""}, Case{"BEGIN NULL; END outer_one", ""},
        Case{"#variable_conflict use_column\nBEGIN END", ""},
        Case{"<<a>> DECLARE BEGIN <<b>> BEGIN x := 1; END b; END a;", "E:1"},
        Case{"BEGIN BEGIN BEGIN PERFORM f(); END; END; END", "E:f()"},
        Case{"BEGIN x := f(); EXCEPTION WHEN OTHERS THEN y := g(); END", "E:f() | E:g()"},
        Case{"BEGIN EXCEPTION WHEN unique_violation OR SQLSTATE '22012' THEN NULL; WHEN foo THEN RAISE; END", ""},
        Case{"BEGIN exception := f(); END", "E:f()"}, Case{"BEGIN -- end\n/* END */ x := 'END;'; END", "E:'END;'"}));

INSTANTIATE_TEST_SUITE_P(
    Declarations, SplitTable,
    testing::Values(Case{"DECLARE a int; b text := f(1); c CONSTANT s.d NOT NULL DEFAULT g(); BEGIN END",
                         "E:NULL::int | E:NULL::text | E:f(1) | E:NULL::s.d | E:g()"},
                    Case{"DECLARE a shop.orders%ROWTYPE; b shop.orders.id%TYPE = 3; BEGIN END", "E:3"},
                    Case{"DECLARE a numeric(10, 2)[]; b text COLLATE \"C\" := 'x'; BEGIN END",
                         "E:NULL::numeric(10, 2)[] | E:NULL::text | E:'x'"},
                    Case{"DECLARE a int; DECLARE b ALIAS FOR $1; BEGIN END", "E:NULL::int"},
                    Case{"DECLARE n ALIAS FOR new; BEGIN END", " row:*"},
                    Case{"DECLARE c CURSOR FOR SELECT * FROM cards; BEGIN OPEN c; FETCH c INTO r; CLOSE c; END",
                         "S:SELECT * FROM cards"},
                    Case{"DECLARE c NO SCROLL CURSOR (k int, l s.d) IS SELECT * FROM t WHERE i = k; BEGIN OPEN c(f(1), "
                         "l := g(2)); END",
                         "E:NULL::int | E:NULL::s.d | S:SELECT * FROM t WHERE i = k | E:f(1) | E:g(2)"},
                    Case{"DECLARE r record; BEGIN r.total := f(); END", "E:NULL::record | E:f()"},
                    Case{"DECLARE \"end\" int; BEGIN \"end\" := f(); END", "E:NULL::int | E:f()"},
                    Case{"DECLARE d timestamp(3) with time zone = now(); BEGIN END",
                         "E:NULL::timestamp(3) with time zone | E:now()"}));

INSTANTIATE_TEST_SUITE_P(
    Assignments, SplitTable,
    testing::Values(Case{"BEGIN x := 1 + f(y); END", "E:1 + f(y)"}, Case{"BEGIN x = -1; y=-g(); END", "E:-1 | E:-g()"},
                    Case{"BEGIN $1 := f(); END", "E:f()"}, Case{"BEGIN a[f(1)] := g(2); END", "E:a[f(1)] | E:g(2)"},
                    Case{"BEGIN a.b.c := (SELECT max(i) FROM t); END", "E:(SELECT max(i) FROM t)"},
                    Case{"BEGIN r.a[i].b[f()] := x = y; END", "E:r.a[i].b[f()] | E:x = y"},
                    Case{"BEGIN x := count(*) FROM cards; END", "E:count(*) FROM cards"},
                    Case{"BEGIN NEW.at := now(); RETURN NEW; END", "E:now()"},
                    Case{"BEGIN x := NEW.a || old.\"B\"; RETURN OLD; END", "E:NEW.a || old.\"B\" row:B row:a"},
                    Case{"BEGIN x := to_jsonb(NEW); END", "E:to_jsonb(NEW) row:*"},
                    Case{"BEGIN NEW.a[1] := 2; END", "E:NEW.a[1] | E:2 row:a"},
                    Case{"BEGIN open := f(); fetch = g(); \"select\" := h(); END", "E:f() | E:g() | E:h()"}));

INSTANTIATE_TEST_SUITE_P(
    Control, SplitTable,
    testing::Values(
        Case{"BEGIN IF f() THEN x := g(); ELSIF h() THEN NULL; ELSEIF i() THEN NULL; ELSE y := j(); END IF; END",
             "E:f() | E:g() | E:h() | E:i() | E:j()"},
        Case{"BEGIN IF EXISTS (SELECT 1 FROM cards) THEN NULL; END IF; END", "E:EXISTS (SELECT 1 FROM cards)"},
        Case{"BEGIN CASE f(x) WHEN 1, g() THEN NULL; ELSE PERFORM h(); END CASE; END",
             "E:f(x) | E:NULL IN (1, g()\n) | E:h()"},
        Case{"BEGIN CASE WHEN f() THEN NULL; WHEN g() THEN NULL; END CASE; END", "E:f() | E:g()"},
        Case{"BEGIN CASE a WHEN 1 THEN CASE WHEN b THEN NULL; END CASE; WHEN 2 THEN NULL; END CASE; END",
             "E:a | E:NULL IN (1\n) | E:b | E:NULL IN (2\n)"},
        Case{"BEGIN LOOP EXIT WHEN f(); CONTINUE l WHEN g(); EXIT l; EXIT; END LOOP; END", "E:f() | E:g()"},
        Case{"BEGIN <<l>> WHILE f() LOOP NULL; END LOOP l; END", "E:f()"},
        Case{"BEGIN FOR i IN 1..f(10) LOOP NULL; END LOOP; END", "E:1 | E:f(10)"},
        Case{"BEGIN FOR i IN REVERSE f()..g() BY h() LOOP NULL; END LOOP; END", "E:f() | E:g() | E:h()"},
        Case{"BEGIN FOR r IN SELECT * FROM cards LOOP RETURN NEXT r; END LOOP; END", "S:SELECT * FROM cards | E:r"},
        Case{"BEGIN FOR a, b IN UPDATE t SET x = 1 RETURNING p, q LOOP NULL; END LOOP; END",
             "S:UPDATE t SET x = 1 RETURNING p, q"},
        Case{"DECLARE c CURSOR (k int) FOR SELECT 1 FROM t; BEGIN FOR r IN c(f(1)) LOOP NULL; END LOOP; "
             "FOR r IN c LOOP NULL; END LOOP; END",
             "E:NULL::int | S:SELECT 1 FROM t | E:f(1)"},
        Case{"BEGIN FOR r IN EXECUTE q USING f(1), 2 LOOP NULL; END LOOP; END", "D:q | E:f(1), 2"},
        Case{"BEGIN FOREACH x SLICE 1 IN ARRAY f() LOOP NULL; END LOOP; END", "E:f()"},
        Case{"BEGIN ASSERT f(), g(); END", "E:f(), g()"}));

INSTANTIATE_TEST_SUITE_P(
    Statements, SplitTable,
    testing::Values(
        Case{"BEGIN INSERT INTO t VALUES (1); END", "S:INSERT INTO t VALUES (1)"},
        Case{"BEGIN SELECT a, b INTO STRICT x, r.y FROM cards WHERE i = 1; END",
             "S:SELECT a, b \nFROM cards WHERE i = 1"},
        Case{"BEGIN SELECT INTO x a FROM cards; END", "S:SELECT \na FROM cards"},
        Case{"BEGIN SELECT a FROM cards INTO x; END", "S:SELECT a FROM cards "},
        Case{"BEGIN SELECT a -- no\nINTO x FROM cards; END", "S:SELECT a \nFROM cards"},
        Case{"BEGIN INSERT INTO t SELECT 1 RETURNING i INTO x; END", "S:INSERT INTO t SELECT 1 RETURNING i "},
        Case{"BEGIN WITH w AS (INSERT INTO t VALUES (1) RETURNING i) SELECT i INTO x FROM w; END",
             "S:WITH w AS (INSERT INTO t VALUES (1) RETURNING i) SELECT i \nFROM w"},
        Case{"BEGIN MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE; END",
             "S:MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE"},
        Case{"BEGIN SELECT a INTO x FROM t; END", "S:SELECT a \nFROM t"},
        Case{"BEGIN PERFORM pg_sleep(1) FROM t; END", "E:pg_sleep(1) FROM t"},
        Case{"BEGIN CALL p(f(1)); COMMIT; ROLLBACK AND CHAIN; END", "S:CALL p(f(1)) | S:COMMIT | S:ROLLBACK AND CHAIN"},
        Case{"BEGIN CREATE RULE r AS ON INSERT TO t DO (DELETE FROM u; DELETE FROM v); END",
             "S:CREATE RULE r AS ON INSERT TO t DO (DELETE FROM u; DELETE FROM v)"},
        Case{"BEGIN RETURN; END", ""}, Case{"BEGIN RETURN f(1) + (SELECT 2); END", "E:f(1) + (SELECT 2)"},
        Case{"BEGIN RETURN NEXT; RETURN NEXT f(); END", "E:f()"},
        Case{"BEGIN RETURN QUERY SELECT * FROM cards; END", "S:SELECT * FROM cards"},
        Case{"BEGIN RETURN QUERY EXECUTE 'SELECT 1' USING f(); END", "D:'SELECT 1' | E:f()"},
        Case{"BEGIN EXECUTE 'DROP ' || x; END", "D:'DROP ' || x"},
        Case{"BEGIN EXECUTE q INTO STRICT a, b USING f(1), g(2); EXECUTE q USING 1 INTO a; END",
             "D:q | E:f(1), g(2) | D:q | E:1"},
        Case{"BEGIN OPEN c FOR SELECT * FROM cards; OPEN d NO SCROLL FOR EXECUTE q USING f(); END",
             "S:SELECT * FROM cards | D:q | E:f()"},
        Case{"BEGIN FETCH RELATIVE f(2) FROM c INTO x; FETCH NEXT IN c INTO y; MOVE FORWARD ALL FROM c; MOVE c; "
             "FETCH g() FROM c INTO x; END",
             "E:f(2) | E:g()"},
        Case{"BEGIN GET DIAGNOSTICS n = ROW_COUNT, m := PG_CONTEXT; GET STACKED DIAGNOSTICS e = MESSAGE_TEXT; END", ""},
        Case{"BEGIN RAISE NOTICE 'a % %', f(1), (SELECT 2) USING HINT = g(), ERRCODE := 'x'; END",
             "E:f(1), (SELECT 2) | E:g() | E:'x'"},
        Case{"BEGIN RAISE; RAISE division_by_zero; RAISE SQLSTATE '22012'; RAISE USING MESSAGE = f(); END", "E:f()"},
        Case{"BEGIN RAISE EXCEPTION 'no' USING DETAIL = (SELECT number FROM cards); END",
             "E:(SELECT number FROM cards)"}));

INSTANTIATE_TEST_SUITE_P(
    Unreadable, SplitTable,
    testing::Values(Case{"", "unreadable at 0"}, Case{"SELECT 1", "unreadable at 0"},
                    Case{"BEGIN x := 1; END; SELECT 2", "unreadable at 19"},
                    Case{"BEGIN x := 1 END", "unreadable at 16"}, Case{"BEGIN x := (1; END", "unreadable at 13"},
                    Case{"BEGIN IF x THEN END LOOP; END", "unreadable at 20"},
                    Case{"BEGIN x := 'open END", "unreadable at 0"}, Case{"BEGIN /* open END", "unreadable at 0"},
                    Case{"BEGIN x := ; END", "unreadable at 11"},
                    Case{"BEGIN SELECT 1 INTO a FROM t INTO b; END", "unreadable at 29"},
                    Case{"BEGIN CREATE FUNCTION g() RETURNS int BEGIN ATOMIC SELECT 1; END; END", "unreadable at 44"},
                    Case{"BEGIN FOR r IN c(1)) LOOP NULL; END LOOP; END", "unreadable at 19"}));

TEST(SplitPlpgsql, DeepNestingNeedsNoStack) {
  std::string source = "BEGIN ";
  for (int i = 0; i < 100'000; ++i)
    source += "IF a THEN ";
  for (int i = 0; i < 100'000; ++i)
    source += "END IF; ";
  const PlpgsqlBody body = split_plpgsql(source + "END");
  EXPECT_TRUE(body.readable);
  EXPECT_EQ(body.fragments.size(), 100'000u);
}

TEST(Tokenize, ReadsWhatPostgresReads) {
  const auto texts = [](std::string_view text) {
    std::string joined;
    const auto tokens = tokenize(text);
    if (!tokens) return std::string("open");
    for (const Token& token : *tokens)
      joined += (joined.empty() ? "" : " ") + std::string(text.substr(token.begin, token.end - token.begin));
    return joined;
  };
  EXPECT_EQ(texts("a.b:=1..10"), "a . b := 1 .. 10");
  EXPECT_EQ(texts("x=-1"), "x = - 1");
  EXPECT_EQ(texts("x@-1"), "x @- 1");
  EXPECT_EQ(texts("1.5e3 .5 1. 2.a"), "1.5e3 .5 1. 2. a");
  EXPECT_EQ(texts("a--b\n+/*c/*d*/e*/f"), "a + f");
  EXPECT_EQ(texts("E'a\\'b' 'c''d' 'e' -- x\n 'f' 'g' 'h'"), "E'a\\'b' 'c''d' 'e' -- x\n 'f' 'g' 'h'");
  EXPECT_EQ(texts("$a$ ' $b$ $a$ $$x$$ $1"), "$a$ ' $b$ $a$ $$x$$ $1");
  EXPECT_EQ(texts("u&\"a\"\"b\" \"c d\" a$b"), "u&\"a\"\"b\" \"c d\" a$b");
  for (const char* open : {"'a", "\"a", "/* /* */", "$a$ $b$", "E'\\'"})
    EXPECT_EQ(texts(open), "open") << open;
}

}  // namespace
}  // namespace dbgate::sql
