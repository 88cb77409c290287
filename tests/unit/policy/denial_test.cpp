#include <gtest/gtest.h>

#include "tests/unit/policy/policies.h"

namespace dbgate::policy {
namespace {

struct Case {
  std::string deny;
  std::string sql;
};

// Everything but one thing. Each statement would reach it, under another name or without one.
TEST(Denial, WaysRound) {
  for (const Case& c :
       {Case{"{ select: [app.secret] }", "SELECT a FROM app.secret"},
        {"{ select: [app.secret] }", "SELECT 1 FROM t WHERE EXISTS (TABLE app.secret)"},
        {"{ select: [app.secret] }", "COPY app.secret TO STDOUT"},
        {"{ select: [app.secret] }", "COPY (SELECT 1 FROM app.secret) TO STDOUT"},
        {"{ select: [app.secret] }", "CREATE VIEW v AS SELECT * FROM app.secret"},
        {"{ select: [app.secret] }", "PREPARE p AS SELECT * FROM app.secret"},
        {"{ select: [app.secret] }", "EXPLAIN ANALYZE SELECT * FROM app.secret"},
        {"{ select: [app.secret] }", "UPDATE t SET a = (SELECT b FROM app.secret)"},
        {"{ select: [app.secret] }", "ALTER TABLE app.secret RENAME TO s"},
        {"{ select: [app.secret] }", "ALTER TABLE app.secret SET SCHEMA public"},
        {"{ select: [app.secret] }", "ALTER TABLE t ATTACH PARTITION app.secret DEFAULT"},
        {"{ select: [app.secret] }", "ALTER SCHEMA app RENAME TO b"},
        {"{ select: [app.secret] }", "ALTER FOREIGN TABLE t OPTIONS (SET table_name 'secret')"},
        {"{ select: [app.secret] }", "ALTER TABLE t ALTER a OPTIONS (SET column_name 'b')"},
        {"{ ddl: [app.secret] }", "DROP TABLE t CASCADE"},
        {"{ ddl: [app.secret] }", "DROP TYPE ty CASCADE"},
        {"{ delete: [app.secret] }", "DROP DOMAIN d CASCADE"},
        {"{ update: [app.secret] }", "ALTER TABLE t DROP COLUMN a CASCADE"},
        {"{ ddl: [app.secret] }", "ALTER TYPE ty DROP ATTRIBUTE a CASCADE"},
        {"{ ddl: [app.secret] }", "DROP OWNED BY r CASCADE"},
        {"{ select: [app.secret] }", "DO $$ BEGIN PERFORM a FROM app.secret; END $$"},
        {"{ select: [app.secret] }", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT a FROM app.secret'"},
        {"{ select: [app.secret] }", "SELECT query_to_xml('TABLE app.secret', true, true, '')"},
        {"{ select: [app.secret] }", "SELECT table_to_xml('app.secret', true, true, '')"},
        {"{ select: [app.secret] }", "SELECT * FROM dblink('', 'TABLE app.secret')"},
        {"{ select: [app.secret] }", "SELECT f()"},
        {"{ select: [app.secret] }", "CALL p()"},
        {"{ select: [app.secret] }", "SELECT 1 OPERATOR(public.+) 2"},
        {"{ select: [app.secret] }", "SELECT set_config('search_path', 'app', false)"},
        {"{ select: [app.secret] }", "SELECT set_config('search_path', $1, false)"},
        {"{ select: [app.secret] }", "SELECT set_config('role', 'x', false)"},
        {"{ set: [work_mem] }", "SELECT set_config('work_mem', '1', false)"},
        {"{ set: [work_mem] }", "SELECT set_config($1, '1', false)"},
        {"{ select: [app.secret] }", "SET search_path = app"},
        {"{ select: [app.secret] }", "SET LOCAL search_path = app, public"},
        {"{ select: [app.secret] }", "SET ROLE x"},
        {"{ select: [app.secret] }", "COPY t FROM PROGRAM 'psql'"},
        {"{ select: [app.secret] }", "COPY t FROM '/data/base/1/2'"},
        {"{ select: [app.secret] }", "SELECT pg_read_file('base/1/2')"},
        {"{ select: [app.secret] }", "LOAD 'x'"},
        {"{ select: [app.secret] }", "SELECT most_common_vals FROM pg_stats"},
        {"{ select: [app.secret] }", "SELECT stavalues1 FROM pg_catalog.pg_statistic"},
        {"{ select: [app.secret] }", "TABLE pg_toast.pg_toast_16384"},
        {"{ select: [app.secret] }", "UPDATE pg_class SET relname = 's' WHERE relname = 'secret'"},
        {"{ select: [app.secret] }", "UPDATE pg_settings SET setting = 'app' WHERE name = 'search_path'"},
        {"{ select: [app.secret] }", "COPY pg_catalog.pg_proc FROM STDIN"},
        {"{ select: [app.secret] }", "ALTER SYSTEM SET archive_command = 'x'"},
        {"{ select: [app.secret] }", "CREATE FOREIGN TABLE f (a int) SERVER s OPTIONS (table_name 'secret')"},
        {"{ select: [app.secret] }", "CREATE CAST (text AS app.t) WITH FUNCTION app.f(text)"},
        {"{ select: [app.secret] }", "CREATE RULE r AS ON UPDATE TO app.secret DO ALSO INSERT INTO t VALUES (OLD.a)"},
        {"{ select: [app.secret] }", "SELECT ('base/1/2'::text).pg_read_file"},
        {"{ select: [app.secret] }", "SELECT f.pg_read_file FROM unnest(ARRAY['x']) f"},
        {"{ functions: [public.f] }", "SELECT ('x'::text).f"},
        {"{ functions: [public.f] }", "SELECT t.f FROM t"},
        {"{ select: [public.secret] }", "SELECT a FROM secret"},
        {"{ select: [\"public.t(card)\"] }", "SELECT card FROM t"},
        {"{ select: [\"public.t(card)\"] }", "SELECT * FROM t"},
        {"{ select: [\"public.t(card)\"] }", "SELECT t FROM t"},
        {"{ select: [\"public.t(card)\"] }", "SELECT a FROM t ORDER BY card"},
        {"{ select: [\"public.t(card)\"] }", "SELECT x.b FROM t AS x(a, b)"},
        {"{ select: [\"public.t(card)\"] }", "ALTER TABLE t RENAME COLUMN card TO a"},
        {"{ copy_out: [public.t] }", "COPY (SELECT a FROM t) TO STDOUT"},
        {"{ copy_out: [public.t] }", "COPY t TO STDOUT"},
        {"{ functions: [\"pg_catalog.pg_sleep\"] }", "SELECT pg_sleep(1)"},
        {"{ functions: [\"pg_catalog.upper(text)\"] }", "SELECT upper('x')"},
        {"{ functions: [\"app.f(integer)\"] }", "SELECT app.f()"},  // its argument may have a default
        {"{ functions: [\"app.f(integer)\"] }", "SELECT app.f(1, 2)"},
        {"{ functions: [safe] }", "SELECT upper('x')"},
        {"{ maintenance: [public.t] }", "VACUUM"},
        {"{ maintenance: [public.t] }", "REINDEX SCHEMA public"},
        {"{ ddl: [\"app.*\"] }", "DROP SCHEMA app CASCADE"},
        {"{ ddl: [\"app.*\"] }", "ALTER SCHEMA app RENAME TO b"},
        {"{ ddl: [\"app.*\"] }", "DROP FUNCTION app.f()"},
        {"{ set: [\"*\"] }", "SET application_name = 'x'"},
        {"{ select: [\"app.secret(a)\"] }", "CLUSTER app.secret USING i"},
        {"{ select: [app.secret] }", "CLUSTER"},
        {"{ select: [app.secret] }", "ALTER DOMAIN d ADD CHECK (VALUE > 1)"},
        {"{ everything: true }", "SELECT 1"}}) {
    const auto grants = grants_of({"{ everything: true }"}, {c.deny});
    EXPECT_FALSE(allows(*grants, c.sql)) << c.deny << " " << c.sql;
  }
}

// A denial that catches too much is wrong as well.
TEST(Denial, LeavesTheRestAlone) {
  for (const Case& c : {Case{"{ select: [app.secret] }", "SELECT count(*), upper(a) FROM t WHERE now() > b"},
                        {"{ select: [app.secret] }", "INSERT INTO app.secret VALUES (1)"},
                        {"{ select: [app.secret] }", "SELECT a FROM app.secret2"},
                        {"{ select: [app.secret] }", "SELECT a FROM secret"},
                        {"{ select: [app.secret] }", "CREATE TABLE app.n (a int)"},
                        {"{ select: [app.secret] }", "ALTER TABLE app.n ADD b int"},
                        {"{ select: [app.secret] }", "SELECT 'app.secret'::regclass"},
                        {"{ select: [app.secret] }", "SELECT relname FROM pg_class"},
                        {"{ select: [app.secret] }", "SET search_path = public"},
                        {"{ select: [app.secret] }", "SET work_mem = 1"},
                        {"{ select: [app.secret] }", "VACUUM"},
                        {"{ select: [app.secret] }", "CREATE ROLE r"},
                        {"{ insert: [\"*\"] }", "ALTER TABLE t ADD b int"},
                        {"{ select: [\"public.t(card)\"] }", "SELECT a FROM t"},
                        {"{ update: [public.t] }", "SELECT a FROM t FOR UPDATE"},
                        {"{ copy_in: [public.t] }", "INSERT INTO t VALUES (1)"},
                        {"{ copy_out: [public.t] }", "SELECT a FROM t"},
                        {"{ listen: [c] }", "NOTIFY c"},
                        {"{ set: [work_mem] }", "SET geqo = off"},
                        {"{ select: [app.secret] }", "SELECT (t).a, e.key FROM t, jsonb_each(b) e"},
                        {"{ select: [app.secret] }", "SELECT name FROM pg_settings"},
                        {"{ select: [app.secret] }", "CHECKPOINT"},
                        {"{ select: [app.secret] }", "CLUSTER app.n USING i"},
                        {"{ select: [\"app.secret(a)\"] }", "VACUUM FULL app.secret"},
                        {"{ insert: [app.secret] }", "ALTER DOMAIN d ADD CHECK (VALUE > 1)"},
                        {"{ functions: [\"public.*\"] }", "SELECT t.f FROM t"},
                        {"{ dcl: true }", "CREATE TABLE n (a int)"}}) {
    const auto grants = grants_of({"{ everything: true }"}, {c.deny});
    const Verdict verdict = verdict_on(*grants, c.sql);
    EXPECT_TRUE(verdict.allowed()) << c.deny << " " << c.sql << ": " << verdict.message;
  }
}

TEST(Denial, AFunctionThatIsAllowedByNameMayPass) {
  const auto grants = grants_of({"{ everything: true }", "{ functions: [\"pg_catalog.nextval\", \"app.f(integer)\"] }"},
                                {"{ select: [app.secret] }"});
  EXPECT_TRUE(allows(*grants, "SELECT nextval('s'), app.f(1)"));
  EXPECT_FALSE(allows(*grants, "SELECT app.g(1)"));
}

// Without a fixed search path an unqualified name may lead anywhere.
TEST(Denial, WithoutASearchPathNamesMatchEverySchema) {
  const auto grants = grants_of({"{ everything: true }"}, {"{ select: [app.secret, \"*.hidden\"], types: [app.d] }"});
  for (const char* sql : {"SELECT a FROM secret", "SELECT a FROM hidden", "SELECT a FROM app.secret", "SELECT 1::d"})
    EXPECT_FALSE(verdict_on(*grants, sql, {}).allowed()) << sql;
  EXPECT_TRUE(verdict_on(*grants, "SELECT a FROM t", {}).allowed());
  EXPECT_TRUE(verdict_on(*grants, "SELECT a FROM public.secret", {}).allowed());
}

const std::vector<std::string> rules = {
    "{ everything: true }",
    "{ select: [public.t] }",
    "{ select: [\"public.t(a)\"] }",
    "{ select: [\"*\"] }",
    "{ select: [\"app.*\"], insert: [public.t], update: [\"public.t(a)\"], delete: [public.t] }",
    "{ copy_in: [public.t], copy_out: [public.t], lock: [public.t], truncate: [public.t], merge: [public.t] }",
    "{ ddl: [\"app.*\"] }",
    "{ maintenance: [public.t] }",
    "{ functions: [safe] }",
    "{ functions: [\"public.f\", \"app.f(integer)\"], call: [\"app.p\"] }",
    "{ types: [app.d] }",
    "{ listen: [c], notify: [c] }",
    "{ set: [work_mem, search_path] }",
    "{ set: [\"*\"] }",
    "{ dcl: true, admin: true, two_phase: true, server_files: true }",
    "{ do: true, opaque: true }",
    "{ pack: readonly }",
    "{ pack: introspection }",
    "{ select: [public.t], update: [public.t], require: { where: true } }",
    "{}"};

const std::vector<std::string> statements = {"SELECT 1",
                                             "SELECT a FROM t",
                                             "SELECT * FROM t",
                                             "SELECT b FROM app.u",
                                             "SELECT a FROM t FOR UPDATE",
                                             "INSERT INTO t (a) VALUES (1)",
                                             "UPDATE t SET a = 1",
                                             "UPDATE t SET a = 1 WHERE a = 2",
                                             "DELETE FROM t",
                                             "TRUNCATE t",
                                             "COPY t TO STDOUT",
                                             "COPY t FROM STDIN",
                                             "COPY (SELECT a FROM t) TO STDOUT",
                                             "COPY t TO '/x'",
                                             "COPY t TO PROGRAM 'x'",
                                             "LOCK t",
                                             "CREATE TABLE app.n (a int)",
                                             "DROP TABLE app.n",
                                             "ALTER TABLE app.u RENAME TO v",
                                             "ALTER SCHEMA app RENAME TO b",
                                             "VACUUM",
                                             "VACUUM t",
                                             "SELECT upper('x')",
                                             "SELECT f(1)",
                                             "SELECT app.f(1)",
                                             "CALL app.p()",
                                             "SELECT 1::app.d",
                                             "LISTEN c",
                                             "NOTIFY c",
                                             "SET work_mem = 1",
                                             "SET search_path = x",
                                             "SET geqo = off",
                                             "SET ROLE r",
                                             "SHOW work_mem",
                                             "CREATE ROLE r",
                                             "CHECKPOINT",
                                             "PREPARE TRANSACTION 'g'",
                                             "DO $$ BEGIN END $$",
                                             "BEGIN",
                                             "BEGIN READ WRITE",
                                             "SELECT relname FROM pg_class",
                                             "SELECT * FROM pg_authid",
                                             "SELECT 't'::regclass",
                                             "DISCARD ALL",
                                             "SELECT a, count(*) INTO app.n FROM t",
                                             "MERGE INTO t USING app.u ON true WHEN MATCHED THEN DELETE"};

// Whatever is allowed with a deny rule is allowed without it.
TEST(Denial, AddingADenyRuleNeverWidens) {
  std::size_t narrowed = 0;
  for (const std::string& allow : rules) {
    for (const std::string& also : {std::string("{ select: [public.t] }"), std::string("{ everything: true }")}) {
      const auto without = grants_of({allow, also});
      for (const std::string& first : rules) {
        const auto with_one = grants_of({allow, also}, {first});
        const auto with_two = grants_of({allow, also}, {"{ select: [app.u] }", first});
        for (const std::string& sql : statements) {
          const bool before = allows(*without, sql);
          const bool one = allows(*with_one, sql);
          const bool two = allows(*with_two, sql);
          ASSERT_LE(one, before) << allow << " " << also << " but not " << first << ": " << sql;
          ASSERT_LE(two, one) << allow << " " << also << " but not " << first << ": " << sql;
          narrowed += before && !one;
        }
      }
    }
  }
  EXPECT_GT(narrowed, 1000u);
}

// … and an allow rule more never takes anything away.
TEST(Denial, AddingAnAllowRuleNeverNarrows) {
  for (const std::string& allow : rules) {
    for (const std::string& more : rules) {
      const auto before = grants_of({allow}, {"{ select: [app.u] }"});
      const auto after = grants_of({allow, more}, {"{ select: [app.u] }"});
      for (const std::string& sql : statements)
        ASSERT_LE(allows(*before, sql), allows(*after, sql)) << allow << " and " << more << ": " << sql;
    }
  }
}

}  // namespace
}  // namespace dbgate::policy
