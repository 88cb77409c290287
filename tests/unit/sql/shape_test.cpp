#include "gateway/sql/shape.h"

#include <gtest/gtest.h>

#include "gateway/sql/analyze.h"
#include "tests/unit/sql/facts_text.h"

namespace dbgate::sql {
namespace {

struct Case {
  const char* text;
  const char* shape;
};

void PrintTo(const Case& one, std::ostream* out) {
  *out << one.text;
}

class Shapes : public testing::TestWithParam<Case> {};

TEST_P(Shapes, TakeValuesOutAndNothingElse) {
  const std::string shape = shape_of(GetParam().text);
  EXPECT_EQ(shape, GetParam().shape);
  EXPECT_EQ(shape_of(shape), shape);
  const AnalyzeResult of_text = analyze(GetParam().text, ScanLimits{});
  const AnalyzeResult of_shape = analyze(shape, ScanLimits{});
  ASSERT_TRUE(of_text.script && of_shape.script) << shape;
  EXPECT_EQ(facts_text(*of_text.script), facts_text(*of_shape.script));
}

INSTANTIATE_TEST_SUITE_P(
    Values, Shapes,
    testing::Values(
        Case{"SELECT  ID, \"Name\" FROM Public.T WHERE id = 7 -- hello",
             R"(select id, "Name" from public.t where id = 0)"},
        Case{"select 1 where a = 'x' and b <> $$y$$ or c<E'\\z' and d != '' ",
             "select 1 where a = '' and b <> '' or c < '' and d != ''"},
        Case{"select 1 where a = 5 and b > 3000000000 and c <= 1.5 and d >= 1e9 and e = -4",
             "select 1 where a = 0 and b > 2147483648 and c <= 0.0 and d >= 0.0 and e = - 0"},
        Case{"select 1 where a in (1, 2,3) and b not in ('x')", "select 1 where a in (0, 0, 0) and b not in ('')"},
        Case{"insert into t (a, b) values (1, 'x'), (-2, DEFAULT) on conflict (a) do update set b = 'y'",
             "insert into t (a, b) values (0, ''), (- 0, default) on conflict (a) do update set b = ''"},
        Case{"update t set a = 1, b = 'x' where c = $1 and d between 1 and 9 returning a",
             "update t set a = 0, b = '' where c = $1 and d between 0 and 0 returning a"},
        Case{"delete from t where a like 'x%' and b ilike 'y'", "delete from t where a like '' and b ilike ''"},
        Case{"with x as (select 1 from t where a = 5) select * from x where (b = 6) limit 5",
             "with x as (select 1 from t where a = 0) select * from x where (b = 0) limit 5"},
        Case{"/*+ SeqScan(t) */ select a from t where b = 1", "/*+ SeqScan(t) */ select a from t where b = 0"},
        Case{"select a from t where b in (select c from u where d = 'x' order by 1, 2)",
             "select a from t where b in (select c from u where d = '' order by 1, 2)"}));

// Whatever is a name, code, a place, a type's text or a count stays.
INSTANTIATE_TEST_SUITE_P(
    LookAlikes, Shapes,
    testing::Values(Case{"select a from t order by 2 limit 10 offset 5",
                         "select a from t order by 2 limit 10 offset 5"},
                    Case{"select a, 5, 'x' from t group by 1, 2", "select a, 5, 'x' from t group by 1, 2"},
                    Case{"select distinct on (1) a from t", "select distinct on (1) a from t"},
                    Case{"select nextval('a_seq'), f(b = 'x'), g((select c from t where d = 'e'))",
                         "select nextval ('a_seq'), f (b = 'x'), g ((select c from t where d = 'e'))"},
                    Case{"select 1 where a = 'x'::regclass", "select 1 where a = 'x' :: regclass"},
                    Case{"select 1 where a = date '2020-01-01'", "select 1 where a = date '2020-01-01'"},
                    Case{"select 1 where a < interval '1' day", "select 1 where a < interval '1' day"},
                    Case{"select 1 where a < interval(3) '1'", "select 1 where a < interval (3) '1'"},
                    Case{"select 1 where a = cast('x' as regclass)", "select 1 where a = cast ('x' as regclass)"},
                    Case{"select 1 where a = 'x' || b and c = 1 + 2", "select 1 where a = 'x' || b and c = 1 + 2"},
                    Case{"select 1 where a like 'x' escape '!'", "select 1 where a like 'x' escape '!'"},
                    Case{"select 1 where a = B'01' and b = x'ff'", "select 1 where a = B'01' and b = x'ff'"},
                    Case{"select a -> 'k' from t where a ->> 'k' = 'v'", "select a -> 'k' from t where a ->> 'k' = ''"},
                    Case{"select s.in('x'), s.values('y')", "select s.in ('x'), s.values ('y')"},
                    Case{"select 1 where a = any ('{1}') and b = (5) and c at time zone 'utc' = d",
                         "select 1 where a = any ('{1}') and b = (5) and c at time zone 'utc' = d"},
                    Case{"select a from t tablesample system (5) repeatable (1)",
                         "select a from t tablesample system (5) repeatable (1)"},
                    Case{"set work_mem = '1MB'", "set work_mem = '1MB'"}, Case{"do $$begin end$$", "do $$begin end$$"},
                    Case{"do language plpgsql 'begin end'", "do language plpgsql 'begin end'"},
                    Case{"copy t to stdout (delimiter ';')", "copy t to stdout (delimiter ';')"},
                    Case{"explain select 1 where a = 1", "explain select 1 where a = 1"},
                    Case{"prepare p as select 1 where a = 1", "prepare p as select 1 where a = 1"},
                    Case{"execute p (1, 'x')", "execute p (1, 'x')"}, Case{"notify c, 'x'", "notify c, 'x'"},
                    Case{"values (1) order by (1), (2)", "values (0) order by (1), (2)"},
                    Case{"select 1 where a in (f(1), 2)", "select 1 where a in (f (1), 2)"},
                    Case{"select case when a = 1 then 2 else 3 end", "select case when a = 0 then 2 else 3 end"}));

TEST(Shape, OfDifferentStatementsDiffer) {
  const char* const pairs[][2] = {
      {"select 1 where a in (1)", "select 1 where a in (1, 2)"},
      {"select 1 where a = 1", "select 1 where a = '1'"},
      {"select 1 where a = 1", "select 1 where a = 3000000000"},
      {"select 1 where a = 1", "select 1 where a = 1.0"},
      {"select 1 where a = 1", "select 1 where a = -1"},
      {"select 1 where a = 1", "select 1 where a = $1"},
      {"select 1 where a = 1", "select 1 where a = b"},
      {"select 1 where a = 1", "select 1 where a = null"},
      {"select 1 where a = $1", "select 1 where a = $2"},
      {"select a from t2023", "select a from t2024"},
      {"select a from t", "select a from \"T\""},
      {"select a from t limit 1", "select a from t limit 2"},
      {"select a from t order by 1", "select a from t order by 2"},
      {"select 'x' :: regclass", "select 'y' :: regclass"},
      {"select a from t where b = 1", "/*+ Set(role x) */ select a from t where b = 1"},
      {"insert into t values (1)", "insert into t values (1), (2)"},
      {"select 1 where a = 'x'", "select 1 where a = 'x' or true"},
      {"set role 'a'", "set role 'b'"},
  };
  for (const auto& [one, other] : pairs)
    EXPECT_NE(shape_of(one), shape_of(other)) << one;
}

TEST(Shape, IsEmptyForWhatCannotBeListed) {
  EXPECT_EQ(shape_of("select U&'x'"), "");
  EXPECT_EQ(shape_of("select 'a'\n'b'"), "");
  EXPECT_EQ(shape_of("select s./*+*/in('x')"), "");
  EXPECT_EQ(shape_of("select '" + std::string(max_shape_bytes, 'x') + "'"), "");
}

TEST(Shape, ComesFromTheFactsOfEachStatementOfAText) {
  const AnalyzeResult result = analyze("SELECT 1 WHERE a = 2; /* x */ SELECT 'y';", ScanLimits{});
  ASSERT_TRUE(result.script);
  EXPECT_EQ(shape_of(result.script->statements[0]), "select 1 where a = 0");
  EXPECT_EQ(shape_of(result.script->statements[1]), "select 'y'");
}

}  // namespace
}  // namespace dbgate::sql
