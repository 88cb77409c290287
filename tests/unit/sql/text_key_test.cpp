#include "gateway/sql/text_key.h"

#include <gtest/gtest.h>

namespace dbgate::sql {
namespace {

// Constants that are taken out shown as ?i, ?l, ?d, ?s and ?w, a comment as ?c; "-" for a text that is not taken apart.
std::string key_of(std::string_view text) {
  std::string key;
  if (!append_blind(text, key)) return "-";
  std::string shown;
  for (const char c : key) {
    const bool mark = c >= int4_mark && c <= comment_mark;
    shown += mark ? std::string("?") + "ildswc"[c - int4_mark] : std::string(1, c);
  }
  return shown;
}

struct Case {
  const char* text;
  const char* key;
};

TEST(TextKey, WhatPgbenchSends) {
  for (const Case& of :
       {Case{"SELECT abalance FROM pgbench_accounts WHERE aid = 123;",
             "SELECT abalance FROM pgbench_accounts WHERE aid = ?i;"},
        Case{"UPDATE pgbench_accounts SET abalance = abalance + -42 WHERE aid = 7;",
             "UPDATE pgbench_accounts SET abalance = abalance + -?i WHERE aid = ?i;"},
        Case{"INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (1, 2, 3, -4, CURRENT_TIMESTAMP);",
             "INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) VALUES (?i, ?i, ?i, -?i, "
             "CURRENT_TIMESTAMP);"}}) {
    EXPECT_EQ(key_of(of.text), of.key);
  }
}

TEST(TextKey, Operands) {
  for (const Case& of :
       {Case{"SELECT 1 FROM t WHERE a=1 AND b<>'x' OR c < 1.5", "SELECT 1 FROM t WHERE a=?i AND b<>?s OR c < ?d"},
        Case{"select a from t where a in (1,2, 'x') and b between 1 and 2",
             "select a from t where a in (?i,?i, ?s) and b between ?i and ?i"},
        Case{"select a from t where (a = 1 or (b = 2))", "select a from t where (a = ?i or (b = ?i))"},
        Case{"select a from t where a like 'x%' and b = 'it''s'", "select a from t where a like ?s and b = ?s"},
        Case{"insert into t values (1), ('a', 2), (-3)", "insert into t values (?i), (?s, ?i), (-?i)"},
        Case{"select a from t where a = 12345678901", "select a from t where a = ?l"},
        Case{"select a from t where a = 000000001", "select a from t where a = ?i"},
        Case{"delete from t where a = 5 % 3", "delete from t where a = ?i % ?i"},
        Case{"update t set a = $1 where b = $2 and c = 3", "update t set a = $1 where b = $2 and c = ?i"}}) {
    EXPECT_EQ(key_of(of.text), of.key);
  }
}

TEST(TextKey, ACommentAtTheEnd) {
  for (const Case& of :
       {Case{"select a from t where a = 1 /*traceparent='00-0-0-01'*/", "select a from t where a = ?i ?c"},
        Case{"select a from t where a = 1/*x*/;", "select a from t where a = ?i?c;"},
        Case{"select a from t where a = 1; /* x; 'y \"z $$ -- u&\\ oid *** */ \n",
             "select a from t where a = ?i; ?c \n"},
        Case{"select a from t limit 5 /*x*/", "select a from t limit 5 ?c"}}) {
    EXPECT_EQ(key_of(of.text), of.key);
  }
  std::string key;
  ASSERT_TRUE(append_uncommented("select a from t where a = 1 and b like '%x' /*x*/ ;", key));
  EXPECT_EQ(key, std::string("select a from t where a = 1 and b like '%x' ") + comment_mark + " ;");
  EXPECT_FALSE(append_uncommented("select a from t where a = 1", key));
  EXPECT_FALSE(append_uncommented("select a from t where a = 1 /", key));
  EXPECT_FALSE(append_uncommented("select a from t where a = 'x /*y*/", key));
  EXPECT_FALSE(append_uncommented("select \"a\" from t /*x*/", key));
}

// Numbers that count something, name a place or belong to a type, and constants that rules may look at.
TEST(TextKey, WhatStaysAsItIs) {
  for (const Case& of :
       {Case{"select 1, 'x' from t", "select 1, 'x' from t"},
        Case{"select a from t where a = 1 limit 10", "select a from t where a = ?i limit 10"},
        Case{"select a from t limit 5 + 5", "select a from t limit 5 + 5"},
        Case{"select a from t where a = 1 offset 2 fetch first 3 rows only",
             "select a from t where a = ?i offset 2 fetch first 3 rows only"},
        Case{"select a from t order by 1, - -1", "select a from t order by 1, - -1"},
        Case{"select a, b = 1 from t group by 1, 2 having a = 3", "select a, b = ?i from t group by 1, 2 having a = 3"},
        Case{"select distinct on (- -1) a from t where a = 1", "select distinct on (- -1) a from t where a = 1"},
        Case{"select distinct a from t where a = 1", "select distinct a from t where a = ?i"},
        Case{"select f(1, 2 + 3) from t where g(a = 1)", "select f(1, 2 + 3) from t where g(a = 1)"},
        Case{"select a::numeric(10, 2) from t where b[1 + 1] = 2",
             "select a::numeric(10, 2) from t where b[1 + 1] = ?i"},
        Case{"select a from t where a = 1::int and b = '1'::text",
             "select a from t where a = 1::int and b = '1'::text"},
        Case{"select a from t where a = date '2024-01-01'", "select a from t where a = date '2024-01-01'"},
        Case{"select a from t where a = 2147483647", "select a from t where a = 2147483647"},
        Case{"select a from t where a = 01234567890123", "select a from t where a = 01234567890123"},
        Case{"select a from t where a in (select b from u order by 1)",
             "select a from t where a in (select b from u order by 1)"},
        Case{"select sum(a) over (order by b + 1) from t where a = 1",
             "select sum(a) over (order by b + 1) from t where a = 1"},
        Case{"insert into t (a) values (f(1))", "insert into t (a) values (f(1))"}}) {
    EXPECT_EQ(key_of(of.text), of.key);
  }
}

TEST(TextKey, WhatIsNotTakenApart) {
  for (const char* text : {"",
                           " ",
                           ";",
                           "1 = 1",
                           "(select 1)",
                           "values (1)",
                           "with w as (select 1) select 1",
                           "set a = 1",
                           "explain select 1",
                           "execute p (1)",
                           "create table t (a int default 1)",
                           "select a from t where a = 1; select 2",
                           "select a = 1 -- x",
                           "select a = 1 /*! x */",
                           "select a = 1 /*+ x */",
                           "select a = 1 /**/",
                           "select a = 1 /*/",
                           "select a = 1 /*x",
                           "select a = 1 /*x/*y*/*/",
                           "select a = 1 /*x/*y*/",
                           "select a = 1 /*x\ny*/",
                           "select a = 1 /*x\xc3\xa4*/",
                           "select a = 1 /*x*/ /*y*/",
                           "select a = 1 /*x*/ -- y",
                           "select a = 1 /*x*/ and b = 2",
                           "select a = 1 /*x*/ limit 5",
                           "select a = 1; /*x*/ select 2",
                           "select a = 1; /*x*/;",
                           "select a = 1 /*x*/;;",
                           "select a = 'x /*y*/",
                           "select a = -/*x*/",
                           "/*x*/ select a = 1",
                           "/*x*/",
                           "select a = 1--2",
                           "select \"a\" = 1",
                           "select a = E'x'",
                           "select a = e'x'",
                           "select a = N'x'",
                           "select a = b'1'",
                           "select a = U&'x'",
                           "select $$x$$ = 1",
                           "select $a$x$a$ = 1",
                           "select a = '\\'",
                           "select a = '\xc3\xa4'",
                           "select \xc3\xa4 = 1",
                           "select a\xc3\xa4 = 1",
                           "select a = 1e5",
                           "select a = 1_000",
                           "select a = 0x1f",
                           "select a = 1.",
                           "select a = .5",
                           "select a.1",
                           "select a = 1..2",
                           "select a = 1and b = 2",
                           "select a = 1a",
                           "select a = 1$1",
                           "select a = 1[1]",
                           "select a =-1",
                           "select a || 'x'",
                           "select a ~ 'x'",
                           "select a = 'x",
                           "select a = 'x'b",
                           "select (a = 1",
                           "select a = 1)",
                           "select (a = 1]",
                           "select c.oid = 1",
                           "select c.OID = 1",
                           "select ev_class = '1'",
                           "select rulename <> '_RETURN'",
                           "select set_config('a', 'b', true)",
                           "select pg_get_viewdef(1)",
                           "select current_setting('a')",
                           "select setting from pg_settings where name = 'a'",
                           "select setting from Pg_Show_All_Settings() where name = 'a'",
                           "select a = 1\f",
                           "select a := 1",
                           "select a = $1a",
                           "select a = $"}) {
    EXPECT_EQ(key_of(text), "-") << text;
  }
  EXPECT_EQ(key_of(std::string("select a = 1\0", 13)), "-");
  EXPECT_EQ(key_of("select a = \1"), "-");
  std::string deep = "select ";
  for (int i = 0; i < 40; ++i)
    deep += "(";
  EXPECT_EQ(key_of(deep + "1"), "-");
}

TEST(TextKey, GoesBehindWhatIsThere) {
  std::string key = "q";
  ASSERT_TRUE(append_blind("select a = 1", key));
  EXPECT_EQ(key, "qselect a = \1");
}

}  // namespace
}  // namespace dbgate::sql
