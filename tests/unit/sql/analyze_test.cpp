#include "gateway/sql/analyze.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <sstream>
#include <string>
#include <thread>

#include "tests/unit/sql/cpu_time.h"
#include "tests/unit/sql/facts_text.h"

namespace dbgate::sql {
namespace {

struct Case {
  const char* sql;
  const char* facts;
};

void PrintTo(const Case& example, std::ostream* out) {
  *out << example.sql;
}

class AnalyzeTable : public testing::TestWithParam<Case> {};

TEST_P(AnalyzeTable, Facts) {
  const AnalyzeResult result = analyze(GetParam().sql, ScanLimits{});
  ASSERT_TRUE(result.script) << (result.parse_error ? result.parse_error->message : result.scan_error->message());
  EXPECT_EQ(facts_text(*result.script), GetParam().facts) << GetParam().sql;
}

// Each line reads: TAG {effects} relation[effects](columns read; columns written) f:functions t:types s:settings
INSTANTIATE_TEST_SUITE_P(
    Queries, AnalyzeTable,
    testing::Values(
        Case{"SELECT 1", "SELECT {read}"}, Case{"", ""}, Case{" ; -- nothing\n;", ""},
        Case{"SELECT a FROM t", "SELECT {read} t[read](a;)"}, Case{"SELECT * FROM s.t", "SELECT {read} s.t[read](*;)"},
        Case{"SELECT t.* FROM db.s.t", "SELECT {read} db.s.t[read](*;)"},
        Case{"SELECT count(t) FROM t", "SELECT {read} t[read](*,t;) f:count/1"},
        Case{"SELECT count(*) FROM \"T\"", "SELECT {read} T[read](;) f:count/0"},
        Case{"SELECT x.a FROM t AS x(a, b)", "SELECT {read} t[read](*;)"},
        Case{"WITH w AS (UPDATE t SET x = 1 RETURNING y) SELECT * FROM w", "SELECT {read,update} t[read,update](y;x)"},
        Case{"WITH t AS (SELECT * FROM t) SELECT * FROM t", "SELECT {read} t[read](*;)"},
        Case{"WITH RECURSIVE t AS (SELECT 1 UNION SELECT * FROM t) SELECT * FROM t", "SELECT {read} recursive"},
        Case{"WITH t AS (SELECT 1) SELECT * FROM public.t", "SELECT {read} public.t[read](*;)"},
        Case{"WITH t AS (SELECT 1) DELETE FROM t", "DELETE {read,delete} t[delete](;)"},
        Case{"SELECT (SELECT b FROM u WHERE u.i = t.i) FROM t", "SELECT {read} t[read](b,i;) u[read](b,i;) f:=/2"},
        Case{"SELECT o.x FROM t, LATERAL (SELECT t.y) o", "SELECT {read} t[read](y;) f:x/1"},
        Case{"SELECT o.y FROM t, LATERAL (SELECT t.y) o", "SELECT {read} t[read](y;)"},
        Case{"SELECT a FROM t JOIN u USING (k)", "SELECT {read} t[read](a,k;) u[read](a,k;) f:=/2"},
        Case{"SELECT 1 FROM t NATURAL JOIN u", "SELECT {read} t[read](*;) u[read](*;) f:=/2"},
        Case{"SELECT j.a FROM (t JOIN u ON true) AS j", "SELECT {read} t[read](a;) u[read](a;)"},
        Case{"SELECT a FROM t ORDER BY b DESC, c USING OPERATOR(s.<)", "SELECT {read} t[read](a,b,c;) f:s.</2"},
        Case{"SELECT a FROM t FOR UPDATE", "SELECT {read,lock} t[read,lock](a;)"},
        Case{"SELECT a INTO n FROM t", "SELECT {read,ddl,select_into} n[ddl](;) t[read](a;)"},
        Case{"SELECT s.f(a)::s.d, x OPERATOR(s.+) 1 FROM t TABLESAMPLE system (1)",
             "SELECT {read} t[read](a,x;) f:system/1,s.f/1,s.+/2 t:s.d"},
        Case{"SELECT * FROM f(1), ROWS FROM (g(2), h(3)) r", "SELECT {read} f:g/1,h/1,f/1"},
        Case{"SELECT sum(a) OVER w FROM t WINDOW w AS (PARTITION BY b ORDER BY c), unused AS (ORDER BY secret)",
             "SELECT {read} t[read](a,b,c,secret;) f:sum/1"},
        Case{"SELECT a FROM t LIMIT (SELECT max(x) FROM u) OFFSET f(2)",
             "SELECT {read} t[read](a,x;) u[read](x;) f:f/1,max/1"},
        Case{"VALUES (1, f(2)), (3, 4)", "SELECT {read} f:f/1"}, Case{"TABLE t", "SELECT {read} t[read](*;)"},
        Case{"SELECT a FROM t UNION ALL SELECT b FROM u ORDER BY 1", "SELECT {read} t[read](a;) u[read](b;)"},
        Case{"SELECT current_user, current_date",
             "SELECT {read} f:pg_catalog.current_user/0,pg_catalog.current_date/0"},
        Case{"SELECT extract(year FROM a) FROM t", "SELECT {read} t[read](a;) f:pg_catalog.extract/2"},
        Case{"SELECT ctid FROM t WHERE a LIKE 'x' AND b IN (1, 2) AND c BETWEEN 1 AND 2",
             "SELECT {read} t[read](a,b,c,ctid;) f:~~/2,=/2,>=/2,<=/2"}));

// Operators that the syntax looks up by name, without anybody writing it; and what a name that is no column reads.
INSTANTIATE_TEST_SUITE_P(
    FoundByTheOracle, AnalyzeTable,
    testing::Values(Case{"SELECT a NOT BETWEEN SYMMETRIC 1 AND 2 FROM t", "SELECT {read} t[read](a;) f:</2,>/2"},
                    Case{"SELECT 1 WHERE 1 IN (SELECT 2)", "SELECT {read} f:=/2"},
                    Case{"SELECT 1 WHERE 1 OPERATOR(s.=) ANY (SELECT 2)", "SELECT {read} f:s.=/2"},
                    Case{"SELECT CASE 1 WHEN 2 THEN 3 END, CASE WHEN true THEN 4 END", "SELECT {read} f:=/2"},
                    Case{"SELECT CASE WHEN true THEN 4 END", "SELECT {read}"},
                    Case{"INSERT INTO t DEFAULT VALUES ON CONFLICT ON CONSTRAINT c DO NOTHING",
                         "INSERT {insert} t[read,insert](*;*)"},
                    Case{"DELETE FROM t RETURNING old.a", "DELETE {delete} t[read,delete](a;)"},
                    Case{"UPDATE t SET a = 1 RETURNING new.b, old", "UPDATE {update} t[read,update](*,b,old;a)"},
                    Case{"INSERT INTO t (a) VALUES (1) RETURNING old.*", "INSERT {read,insert} t[read,insert](*;a)"},
                    Case{"CREATE SEQUENCE q OWNED BY s.t.a", "CREATE SEQUENCE {ddl} s.t[ddl](;) q[ddl](;)"},
                    Case{"ALTER SEQUENCE q OWNED BY NONE", "ALTER SEQUENCE {ddl} q[ddl](;)"}));

INSTANTIATE_TEST_SUITE_P(
    NewNamesAndPlaces, AnalyzeTable,
    testing::Values(Case{"ALTER TABLE s.t RENAME TO u", "ALTER … RENAME {ddl} s.t[ddl](;) becomes:s.u"},
                    Case{"ALTER VIEW t RENAME TO u", "ALTER … RENAME {ddl} t[ddl](;) becomes:u"},
                    Case{"ALTER TABLE s.t RENAME COLUMN a TO b", "ALTER … RENAME {ddl} s.t[ddl](;)"},
                    Case{"ALTER TABLE s.t RENAME CONSTRAINT a TO b", "ALTER … RENAME {ddl} s.t[ddl](;)"},
                    Case{"ALTER TABLE s.t SET SCHEMA r", "ALTER … SET SCHEMA {ddl} s.t[ddl](;) becomes:r.t"},
                    Case{"ALTER TYPE s.t RENAME TO u", "ALTER … RENAME {ddl} o:s.t becomes:s.u type"},
                    Case{"ALTER TYPE s.t RENAME ATTRIBUTE a TO b", "ALTER … RENAME {ddl} s.t[ddl](;)"},
                    Case{"ALTER TYPE t SET SCHEMA r", "ALTER … SET SCHEMA {ddl} o:t becomes:r.t type"},
                    Case{"ALTER DOMAIN s.d RENAME TO u", "ALTER … RENAME {ddl} o:s.d becomes:s.u type"},
                    Case{"ALTER DOMAIN s.d RENAME CONSTRAINT a TO b", "ALTER … RENAME {ddl} o:s.d type"},
                    Case{"ALTER DOMAIN s.d SET SCHEMA r", "ALTER … SET SCHEMA {ddl} o:s.d becomes:r.d type"},
                    Case{"ALTER STATISTICS s.x RENAME TO u", "ALTER … RENAME {ddl} o:s.x becomes:s.u type"},
                    Case{"ALTER STATISTICS s.x SET SCHEMA r", "ALTER … SET SCHEMA {ddl} o:s.x becomes:r.x type"},
                    Case{"ALTER FUNCTION s.f() RENAME TO g", "ALTER … RENAME {ddl} o:s.f becomes:s.g"},
                    Case{"ALTER PROCEDURE s.f() SET SCHEMA r", "ALTER … SET SCHEMA {ddl} o:s.f becomes:r.f"},
                    Case{"ALTER AGGREGATE s.f(*) RENAME TO g", "ALTER … RENAME {ddl} o:s.f becomes:s.g"},
                    Case{"ALTER ROUTINE s.f() RENAME TO g", "ALTER … RENAME {ddl} o:s.f becomes:s.g"},
                    Case{"ALTER COLLATION s.c RENAME TO u", "ALTER … RENAME {ddl} o:s.c becomes:s.u"},
                    Case{"ALTER CONVERSION s.c SET SCHEMA r", "ALTER … SET SCHEMA {ddl} o:s.c becomes:r.c"},
                    Case{"ALTER TEXT SEARCH CONFIGURATION s.c RENAME TO u", "ALTER … RENAME {ddl} o:s.c becomes:s.u"},
                    Case{"ALTER OPERATOR CLASS s.c USING btree RENAME TO u", "ALTER … RENAME {ddl} o:s.c becomes:s.u"},
                    Case{"ALTER OPERATOR FAMILY c USING btree SET SCHEMA r",
                         "ALTER … SET SCHEMA {ddl} o:c becomes:r.c"},
                    Case{"ALTER EXTENSION x SET SCHEMA r", "ALTER … SET SCHEMA {ddl} o:x becomes:r.x"}));

INSTANTIATE_TEST_SUITE_P(
    RowsOfSettings, AnalyzeTable,
    testing::Values(
        Case{"SELECT 1 FROM pg_settings WHERE name = 'a' AND name IN ('b', 'c')",
             "SELECT {read} pg_settings[read](name;) f:=/2 rows:b rows:c rows:a"},
        Case{"SELECT 1 FROM pg_settings WHERE name = 'a' OR true", "SELECT {read} pg_settings[read](name;) f:=/2"},
        Case{"SELECT 1 FROM pg_settings WHERE name OPERATOR(s.=) 'a'",
             "SELECT {read} pg_settings[read](name;) f:s.=/2"},
        Case{"SELECT 1 FROM s.pg_settings WHERE name = 'a'", "SELECT {read} s.pg_settings[read](name;) f:=/2"},
        Case{"SELECT 1 FROM pg_settings s (name) WHERE name = 'a'", "SELECT {read} pg_settings[read](*;) f:=/2"},
        Case{"SELECT 1 FROM pg_settings WHERE name = $1", "SELECT {read} pg_settings[read](name;) f:=/2"}));

// A qualified name is not always that of the nearest alias: PostgreSQL looks past it here.
INSTANTIATE_TEST_SUITE_P(
    NamesPastAnAlias, AnalyzeTable,
    testing::Values(Case{"SELECT (SELECT s.t.x FROM (SELECT 1) AS t) FROM s.t", "SELECT {read} s.t[read](x;)"},
                    Case{"SELECT (SELECT d.s.t.x FROM (SELECT 1) AS t) FROM d.s.t", "SELECT {read} d.s.t[read](x;)"},
                    Case{"SELECT (SELECT 1 FROM LATERAL (SELECT t.x) l, (SELECT 1) AS t) FROM t",
                         "SELECT {read} t[read](x;)"},
                    Case{"SELECT (SELECT 1 FROM f(t.x), (SELECT 1) AS t) FROM t", "SELECT {read} t[read](x;) f:f/1"},
                    Case{"SELECT (SELECT 1 FROM (SELECT 1) a JOIN (SELECT 2) b ON t.x, (SELECT 1) t) FROM t",
                         "SELECT {read} t[read](x;)"},
                    Case{"SELECT (SELECT t.x FROM ((SELECT 1) AS t CROSS JOIN (SELECT 2) AS u) AS j) FROM t",
                         "SELECT {read} t[read](x;)"},
                    Case{"SELECT (SELECT t.x FROM (SELECT 1) AS t) FROM t", "SELECT {read} t[read](;)"},
                    Case{"SELECT a FROM (t JOIN u ON true) AS j(b, a)", "SELECT {read} t[read](*;) u[read](*;)"}));

INSTANTIATE_TEST_SUITE_P(
    Ordering, AnalyzeTable,
    testing::Values(
        Case{"SELECT a AS x, count(*) n FROM t GROUP BY a ORDER BY n DESC, x", "SELECT {read} t[read](a;) f:count/0"},
        Case{"SELECT t.a FROM t, u ORDER BY a", "SELECT {read} t[read](a;) u[read](;)"},
        Case{"SELECT DISTINCT ON (x) a AS x FROM t", "SELECT {read} t[read](a;)"},
        Case{"SELECT a AS x FROM t UNION SELECT b FROM u ORDER BY x", "SELECT {read} t[read](a;) u[read](b;)"},
        Case{"SELECT a AS x FROM t GROUP BY x ORDER BY x + 1", "SELECT {read} t[read](a,x;) f:+/2"}));

INSTANTIATE_TEST_SUITE_P(
    RowLocks, AnalyzeTable,
    testing::Values(Case{"SELECT a FROM (SELECT * FROM t) s FOR UPDATE", "SELECT {read,lock} t[read,lock](*;)"},
                    Case{"SELECT a FROM t WHERE b FOR UPDATE", "SELECT {read,lock} t[read,lock](a,b;) where"}));

INSTANTIATE_TEST_SUITE_P(
    SetConfig, AnalyzeTable,
    testing::Values(Case{"SELECT set_config('Work_Mem', '1', true)",
                         "SELECT {read,session} f:set_config/3 s:work_mem=1 local"},
                    Case{"SELECT pg_catalog.set_config('search_path', '', false)",
                         "SELECT {read,session} f:pg_catalog.set_config/3 s:search_path="},
                    Case{"SELECT set_config('a', NULL, true)", "SELECT {read} f:set_config/3"},
                    Case{"SELECT set_config(x, 'b', true) FROM t", "SELECT {read} t[read](x;) f:set_config/3"},
                    Case{"SELECT set_config($1, $2, true)", "SELECT {read} f:set_config/3"},
                    Case{"SELECT set_config('a', 'b', $1)", "SELECT {read} f:set_config/3"},
                    Case{"SELECT set_config('a', 'b', is_local => true)", "SELECT {read} f:set_config/3"},
                    Case{"SELECT s.set_config('a', 'b', true)", "SELECT {read} f:s.set_config/3"}));

// (x).f and f.g of a function f in FROM are columns or calls: only the server knows.
INSTANTIATE_TEST_SUITE_P(
    Fields, AnalyzeTable,
    testing::Values(Case{"SELECT (t).f, (g(1)).h FROM t", "SELECT {read} t[read](*,t;) f:f/1,h/1,g/1"},
                    Case{"SELECT x.f FROM g(1) x", "SELECT {read} f:g/1,f/1"},
                    Case{"SELECT g.f FROM g(1)", "SELECT {read} f:g/1,f/1"},
                    Case{"SELECT coalesce.f FROM coalesce(1)", "SELECT {read} f:f/1"},
                    Case{"SELECT x.f FROM g(1) x(f)", "SELECT {read} f:g/1"},
                    Case{"SELECT x.f FROM g(1) AS x(f int)", "SELECT {read} f:g/1 t:pg_catalog.int4"},
                    Case{"SELECT s.f FROM (SELECT 1 AS f) s", "SELECT {read}"}));

INSTANTIATE_TEST_SUITE_P(
    Writes, AnalyzeTable,
    testing::Values(
        Case{"INSERT INTO t (a, b) VALUES (1, 2)", "INSERT {read,insert} t[insert](;a,b)"},
        Case{"INSERT INTO t SELECT * FROM u", "INSERT {read,insert} t[insert](;*) u[read](*;)"},
        Case{"INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET b = excluded.b WHERE t.c = 1 RETURNING d",
             "INSERT {read,insert,update} t[read,insert,update](a,b,c,d;a,b) where f:=/2"},
        Case{"UPDATE t SET a = u.b FROM u WHERE t.i = u.i",
             "UPDATE {update} t[read,update](i;a) where u[read](b,i;) f:=/2"},
        Case{"UPDATE t SET (a, b) = (SELECT c, d FROM u)",
             "UPDATE {read,update} t[read,update](c,d;a,b) u[read](c,d;)"},
        Case{"DELETE FROM t USING u WHERE t.i = u.i RETURNING *",
             "DELETE {delete} t[read,delete](*,i;) where u[read](*,i;) f:=/2"},
        Case{"MERGE INTO t USING u ON t.i = u.i WHEN MATCHED THEN UPDATE SET a = 1 WHEN NOT MATCHED THEN INSERT "
             "VALUES (1)",
             "MERGE {insert,update,merge} t[read,insert,update,merge](i;*,a) where u[read](i;) f:=/2"},
        Case{"TRUNCATE t, s.u", "TRUNCATE TABLE {truncate} t[truncate](;) s.u[truncate](;)"},
        Case{"COPY t (a, b) FROM STDIN WHERE a > 1", "COPY {insert,copy_in} t[read,insert,copy_in](a;a,b) f:>/2"},
        Case{"COPY t TO STDOUT", "COPY {read,copy_out} t[read,copy_out](*;)"},
        Case{"COPY t TO STDOUT (FORMAT csv, HEADER)", "COPY {read,copy_out} t[read,copy_out](*;) header"},
        Case{"COPY (SELECT ARRAY(SELECT a FROM t)) TO STDOUT", "COPY {read,copy_out} t[read](a;) array"},
        Case{"COPY t TO STDOUT CSV HEADER", "COPY {read,copy_out} t[read,copy_out](*;) header"},
        Case{"COPY t TO STDOUT (HEADER 1)", "COPY {read,copy_out} t[read,copy_out](*;) header"},
        Case{"COPY t TO STDOUT (HEADER 'ON')", "COPY {read,copy_out} t[read,copy_out](*;) header"},
        Case{"COPY t TO STDOUT (HEADER off, FORMAT csv)", "COPY {read,copy_out} t[read,copy_out](*;)"},
        Case{"COPY t TO STDOUT (HEADER 0)", "COPY {read,copy_out} t[read,copy_out](*;)"},
        Case{"COPY (DELETE FROM t RETURNING a) TO STDOUT", "COPY {delete,copy_out} t[read,delete](a;)"},
        Case{"COPY t TO '/tmp/x'", "COPY {read,server_file} t[read,copy_out](*;)"},
        Case{"COPY t FROM PROGRAM 'x'", "COPY {insert,server_program} t[insert,copy_in](;*)"},
        Case{"LOCK TABLE t", "LOCK TABLE {lock} t[lock](;)"}));

INSTANTIATE_TEST_SUITE_P(
    Utilities, AnalyzeTable,
    testing::Values(
        Case{"EXPLAIN ANALYZE DELETE FROM t", "EXPLAIN {delete,explain} t[delete](;)"},
        Case{"PREPARE p AS SELECT a FROM t", "PREPARE {read,prepare} t[read](a;) n:p"},
        Case{"EXECUTE p(f(1))", "EXECUTE {execute} f:f/1 n:p"},
        Case{"DECLARE c CURSOR WITH HOLD FOR SELECT a FROM t", "DECLARE CURSOR {read,cursor} t[read](a;) n:c hold"},
        Case{"FETCH 5 FROM c", "FETCH {cursor} n:c"}, Case{"CLOSE ALL", "CLOSE CURSOR {cursor}"},
        Case{"DEALLOCATE ALL", "DEALLOCATE {deallocate}"},
        Case{"CREATE TABLE n AS SELECT a FROM t", "CREATE TABLE AS {read,ddl,select_into} n[ddl](;) t[read](a;)"},
        Case{"CREATE TEMP TABLE n (a int DEFAULT f(1), CHECK (g(a)))",
             "CREATE TABLE {ddl} pg_temp.n[ddl](;) f:f/1,g/1 t:pg_catalog.int4"},
        Case{"CREATE VIEW v AS SELECT a FROM t", "CREATE VIEW {read,ddl} v[ddl](;) t[read](a;)"},
        Case{"CREATE SCHEMA s CREATE TABLE n (a int) CREATE VIEW v AS SELECT * FROM t",
             "CREATE SCHEMA {read,ddl} n[ddl](;) v[ddl](;) t[read](*;) t:pg_catalog.int4"},
        Case{"CREATE RULE r AS ON UPDATE TO t DO ALSO INSERT INTO u (x) VALUES (OLD.a)",
             "CREATE RULE {read,insert,ddl} t[read,ddl](a;) u[insert](;x)"},
        Case{"CREATE RULE r AS ON SELECT TO t DO INSTEAD DELETE FROM u",
             "CREATE RULE {delete,ddl} t[ddl](;) u[delete](;)"},
        Case{"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
             "CREATE FUNCTION {ddl,opaque} t:pg_catalog.int4"},
        Case{"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT a FROM t; END",
             "CREATE FUNCTION {read,ddl,opaque} t[read](a;) t:pg_catalog.int4"},
        Case{"CREATE INDEX ON t (a, f(b)) WHERE c > 1", "CREATE INDEX {ddl} t[ddl](;) f:f/1,>/2"},
        Case{"ALTER TABLE t ADD COLUMN a s.d DEFAULT f(1)", "ALTER TABLE {ddl} t[ddl](;) f:f/1 t:s.d"},
        Case{"DROP TABLE t, s.u", "DROP {ddl} t[ddl](;) s.u[ddl](;)"},
        Case{"DROP TRIGGER g ON s.t", "DROP {ddl} s.t[ddl](;)"},
        Case{"COMMENT ON COLUMN s.t.a IS 'x'", "COMMENT {ddl} s.t[ddl](;)"},
        Case{"COMMENT ON COLUMN a IS 'x'", "COMMENT {ddl} unknown:column or rule without its relation"},
        Case{"DO $$ BEGIN END $$", "DO {do_block,opaque}"}, Case{"CALL p(1)", "CALL {call} f:p/1"},
        Case{"GRANT SELECT ON t TO r", "GRANT {ddl,dcl} t[ddl](;)"}, Case{"CREATE ROLE r", "CREATE ROLE {ddl,dcl}"},
        Case{"VACUUM t", "VACUUM {maintenance} t[maintenance](;)"},
        Case{"ALTER SYSTEM SET x = 1", "ALTER SYSTEM {ddl,session,admin} s:x=1"},
        Case{"CHECKPOINT", "CHECKPOINT {ddl,admin}"}, Case{"BEGIN READ WRITE", "BEGIN {transaction} rw"},
        Case{"START TRANSACTION READ ONLY", "BEGIN {transaction}"},
        Case{"ROLLBACK TO s", "ROLLBACK TO {transaction} n:s"},
        Case{"PREPARE TRANSACTION 'g'", "PREPARE TRANSACTION {two_phase} n:g"},
        Case{"SET LOCAL Work_Mem = '1MB'", "SET {session} s:work_mem=1MB local"},
        Case{"SET search_path = a, \"B\"", "SET {session} s:search_path=a,B"},
        Case{"SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE", "SET {session} s:session characteristics= rw"},
        Case{"SET ROLE r", "SET {session} s:role=r"}, Case{"RESET ALL", "RESET {session} s:all"},
        Case{"SET TIME ZONE 'UTC'", "SET {session} s:timezone=UTC"}, Case{"SHOW x.y", "SHOW {show} s:x.y"},
        Case{"DISCARD ALL", "DISCARD ALL {session} s:all"}, Case{"LISTEN c", "LISTEN {listen} n:c"},
        Case{"NOTIFY c, 'p'", "NOTIFY {notify} n:c"},
        Case{"SELECT 1; DROP TABLE t", "SELECT {read} | DROP {ddl} t[ddl](;)"}));

TEST(Analyze, SplitsTheText) {
  const std::string text = "SELECT 1; SELECT 'ä;' ;";
  const AnalyzeResult result = analyze(text, ScanLimits{});
  ASSERT_TRUE(result.script);
  ASSERT_EQ(result.script->statements.size(), 2u);
  const Statement& second = result.script->statements[1];
  EXPECT_EQ(text.substr(second.begin, second.length), " SELECT 'ä;' ");
}

TEST(Analyze, ErrorsArePostgresqls) {
  const AnalyzeResult result = analyze("SELECT 'ä' frm x y", ScanLimits{});
  ASSERT_TRUE(result.parse_error);
  EXPECT_EQ(result.parse_error->message, "syntax error at or near \"x\"");
  EXPECT_EQ(result.parse_error->position, 16);
  EXPECT_EQ(result.parse_error->code.text(), "42601");
}

TEST(Analyze, SelfTestPasses) {
  EXPECT_TRUE(self_test());
}

std::string repeated(std::string_view piece, std::size_t times) {
  std::string text;
  text.reserve(piece.size() * times);
  for (std::size_t i = 0; i < times; ++i)
    text += piece;
  return text;
}

// Whatever the limits let through must neither overflow a stack nor take long; what they refuse is refused at once.
TEST(Analyze, WithstandsHostileTexts) {
  const std::string texts[] = {
      "SELECT " + repeated("(", 300'000) + "1" + repeated(")", 300'000),
      "SELECT " + repeated("(", 1'900) + "1" + repeated(")", 1'900),
      repeated("/**/", 16'384),
      repeated("/*", 32'768),
      "SELECT " + repeated("1+", 200'000) + "1",
      "SELECT " + repeated("- ", 400'000) + "1",
      "SELECT true " + repeated("AND NOT NOT true ", 100'000),
      "SELECT x" + repeated("::text", 150'000),
      "SELECT " + repeated("CASE WHEN true THEN 1 ELSE ", 50'000) + "1" + repeated(" END", 50'000),
      repeated("WITH a AS (", 1'900) + "SELECT 1" + repeated(") SELECT 1", 1'900),
      "SELECT 1 " + repeated("UNION SELECT 1 ", 100'000),
      "SELECT a" + repeated("[1]", 100'000),
      "SELECT * FROM t " + repeated("JOIN t ON true ", 50'000),
      "SELECT " + repeated("+", 100'000) + "1",
      repeated(";", 400'000),
      "SELECT '" + repeated("x", 15u << 20) + "'",
      "SELECT 1 WHERE 1 IN (" + repeated("1,", 240'000) + "1)",
  };
  for (const std::string& text : texts) {
    bool finished = false;
    std::chrono::nanoseconds took{};
    std::thread([&] {
      // Limits that an administrator has raised: the parser and the walk must stand them all the same.
      const AnalyzeResult result = analyze(text, {.max_bytes = 16u << 20, .max_tokens = 500'000, .max_parts = 500'000});
      finished = result.script || result.parse_error || result.scan_error;
      took = cpu_time();
    }).join();
    EXPECT_TRUE(finished) << text.substr(0, 40);
    EXPECT_LT(took, std::chrono::seconds(10)) << text.substr(0, 40);
  }
}

TEST(Analyze, LimitsTheParts) {
  // A statement, its level, a source and its relation.
  ScanLimits limits;
  limits.max_parts = 5;
  EXPECT_TRUE(analyze("SELECT a FROM t", limits).script);
  for (const char* sql : {"SELECT a FROM t, u", "SELECT (SELECT 1), (SELECT 2), (SELECT 3)",
                          "SELECT a FROM t; SELECT 1", ";SELECT 1;SELECT 1;SELECT 1", "DROP TABLE a, b, c, d",
                          "EXPLAIN SELECT a FROM t, u", "SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4"}) {
    const AnalyzeResult result = analyze(sql, limits);
    ASSERT_TRUE(result.scan_error) << sql;
    EXPECT_EQ(result.scan_error->code().text(), "54001") << sql;
  }
}

TEST(Analyze, RefusesBytesThatAreNoText) {
  for (const std::string_view text : {std::string_view("SELECT '\xff'"), std::string_view("SELECT \xc0\xaf"),
                                      std::string_view("SELECT \xed\xa0\x80"), std::string_view("SELECT 1\0", 9)}) {
    const AnalyzeResult result = analyze(text, ScanLimits{});
    ASSERT_TRUE(result.scan_error);
    EXPECT_EQ(result.scan_error->code().text(), "22021");
  }
}

}  // namespace
}  // namespace dbgate::sql
