#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/policy/catalog_lists.h"
#include "tests/unit/policy/policies.h"

namespace dbgate::policy {
namespace {

using Texts = std::vector<std::string>;

/// One kind of rule: what it allows, and what it must not be taken to allow.
struct Kind {
  std::string rule;
  Texts allowed;
  Texts denied;
};
void PrintTo(const Kind& kind, std::ostream* out) {
  *out << kind.rule;
}

class RuleKind : public testing::TestWithParam<Kind> {};

TEST_P(RuleKind, AllowsWhatItNames) {
  const auto grants = grants_of({GetParam().rule});
  ASSERT_TRUE(grants);
  for (const std::string& sql : GetParam().allowed) {
    const Verdict verdict = verdict_on(*grants, sql);
    EXPECT_TRUE(verdict.allowed()) << sql << ": " << verdict.message;
  }
}

TEST_P(RuleKind, AllowsNothingElse) {
  const auto grants = grants_of({GetParam().rule});
  ASSERT_TRUE(grants);
  for (const std::string& sql : GetParam().denied) {
    const Verdict verdict = verdict_on(*grants, sql);
    EXPECT_FALSE(verdict.allowed()) << sql;
    EXPECT_TRUE(verdict.message.starts_with("permission denied by dbgate policy: ")) << verdict.message;
    EXPECT_EQ(verdict.sqlstate.text(), "42501");
    EXPECT_TRUE(verdict.rule_id == "default" || verdict.rule_id == "builtin/fixed-settings" ||
                verdict.rule_id == "builtin/temporary-names")
        << sql;
  }
}

// What one rule allows, the same rule denies: to somebody who is otherwise allowed everything.
TEST_P(RuleKind, DeniesWhatItNames) {
  if (GetParam().rule.find("require") != std::string::npos) return;  // a condition of a right, not an object
  const auto none = grants_of({"{ set: [x.y] }"});
  const auto denied = grants_of({"{ everything: true }"}, {GetParam().rule});
  ASSERT_TRUE(none && denied);
  for (const std::string& sql : GetParam().allowed) {
    // Allowed to anybody; or what a right to write brings along; or no column that the rule names.
    const bool brought_along = sql == "BEGIN READ WRITE" || sql == "SELECT 1 FROM t" ||
                               (sql.starts_with("LOCK ") && !GetParam().rule.starts_with("{ lock:"));
    if (allows(*none, sql) || brought_along) continue;
    EXPECT_FALSE(allows(*denied, sql)) << sql;
  }
}

const Texts anything_dangerous = {"CREATE ROLE r",
                                  "GRANT SELECT ON t TO r",
                                  "ALTER SYSTEM SET work_mem = 1",
                                  "CHECKPOINT",
                                  "DO $$ BEGIN END $$",
                                  "LOAD 'x'",
                                  "COPY t FROM PROGRAM 'x'",
                                  "COPY t TO '/tmp/x'",
                                  "LISTEN c",
                                  "NOTIFY c",
                                  "SELECT pg_sleep(1)",
                                  "SELECT pg_read_file('x')",
                                  "SELECT set_config('search_path', 'x', false)",
                                  "SELECT dblink('x', 'y')",
                                  "SELECT query_to_xml('x', true, true, '')",
                                  "SELECT lo_import('/x')",
                                  "VACUUM",
                                  "CLUSTER",
                                  "SET ROLE r",
                                  "SET SESSION AUTHORIZATION r",
                                  "SET search_path = x",
                                  "SET x.y = 1",
                                  "PREPARE TRANSACTION 'g'",
                                  "CALL f()",
                                  "SELECT 1 FROM pg_authid",
                                  "SELECT 1 FROM pg_catalog.pg_statistic",
                                  "SHOW ALL",
                                  "RESET ROLE",
                                  "CREATE EXTENSION x",
                                  "ALTER DATABASE d SET x = 1"};

Texts with(Texts texts, const Texts& more) {
  texts.insert(texts.end(), more.begin(), more.end());
  return texts;
}

INSTANTIATE_TEST_SUITE_P(
    Relations, RuleKind,
    testing::Values(
        Kind{"{ select: [public.t] }",
             {"SELECT a FROM t", "SELECT * FROM public.t", "TABLE t", "SELECT x.* FROM t x WHERE a > 1 ORDER BY b",
              "SELECT a FROM t UNION SELECT b FROM t", "WITH w AS (SELECT * FROM t) SELECT * FROM w",
              "DECLARE c CURSOR FOR SELECT a FROM t", "PREPARE p AS SELECT a FROM t", "EXPLAIN SELECT a FROM t",
              "SELECT a FROM shop.public.t", "SELECT \"a\" FROM \"public\".\"t\"", "SELECT a FROM U&\"\\0074\""},
             with({"SELECT a FROM u",
                   "SELECT a FROM other.t",
                   "SELECT a FROM \"T\"",
                   "SELECT a FROM \"t \"",
                   "SELECT a FROM \"public.t\"",
                   "SELECT a FROM t\xd0\xb0",
                   "SELECT a FROM elsewhere.public.t",
                   "INSERT INTO t VALUES (1)",
                   "UPDATE t SET a = 1",
                   "DELETE FROM t",
                   "TRUNCATE t",
                   "LOCK t",
                   "SELECT a FROM t FOR UPDATE",
                   "SELECT a FROM t FOR KEY SHARE",
                   "SELECT a INTO n FROM t",
                   "CREATE TABLE n AS SELECT a FROM t",
                   "COPY t TO STDOUT",
                   "COPY (SELECT a FROM t) TO STDOUT",
                   "COPY t FROM STDIN",
                   "EXPLAIN ANALYZE DELETE FROM t",
                   "EXPLAIN DELETE FROM t",
                   "WITH x AS (UPDATE t SET a = 0 RETURNING 1) SELECT 1 FROM x",
                   "SELECT 1 FROM t, u",
                   "SELECT (SELECT b FROM u) FROM t",
                   "SELECT a FROM t WHERE EXISTS (SELECT 1 FROM u)",
                   "SELECT a FROM t ORDER BY (SELECT max(b) FROM u)",
                   "SELECT a FROM t LIMIT (SELECT b FROM u)",
                   "PREPARE p AS DELETE FROM t",
                   "DECLARE c CURSOR FOR SELECT a FROM u",
                   "CREATE SCHEMA s CREATE VIEW v AS SELECT * FROM t",
                   "SELECT ctid FROM t",
                   "SELECT xmin FROM t",
                   "SELECT tableoid FROM t",
                   "MERGE INTO t USING t u ON true WHEN MATCHED THEN DELETE",
                   "ANALYZE t",
                   "SELECT f(a) FROM t",
                   "SELECT count(a) FROM t",
                   "SELECT a FROM t TABLESAMPLE f(1)",
                   "SELECT x FROM (SELECT 1) t(x), u",
                   "BEGIN READ WRITE",
                   "SELECT a::public.d FROM t",
                   "SELECT a OPERATOR(public.+) 1 FROM t",
                   "SELECT nextval('s')",
                   "SELECT 1; DELETE FROM t"},
                  anything_dangerous)},
        Kind{"{ select: [\"public.t(id, city)\"] }",
             {"SELECT id, city FROM t", "SELECT id FROM t WHERE city = 'x' ORDER BY id", "SELECT x.id FROM t AS x",
              "SELECT 1 FROM t"},
             {"SELECT card FROM t", "SELECT * FROM t", "SELECT t FROM t", "SELECT t.* FROM t", "TABLE t",
              "SELECT city FROM t ORDER BY card", "SELECT city FROM t GROUP BY city, card",
              "SELECT id FROM t WHERE card = '1'", "SELECT row_to_json(t) FROM t", "SELECT t::text FROM t",
              "SELECT x.b FROM t AS x(a, b, c)", "SELECT id FROM t JOIN t u USING (card)",
              "SELECT id FROM t NATURAL JOIN t u", "SELECT ctid FROM t", "SELECT id FROM t ORDER BY sum(card) OVER ()",
              "SELECT CASE WHEN card = '1' THEN 1 END FROM t", "SELECT 1 FROM t WINDOW w AS (ORDER BY card)",
              "SELECT (SELECT card) FROM t", "SELECT \"Id\" FROM t"}},
        Kind{"{ select: [public.t, \"public.t(ctid)\"] }", {"SELECT id, ctid FROM t"}, {"SELECT xmin FROM t"}},
        Kind{"{ select: [\"public.t(ctid)\", \"public.*\"] }", {"SELECT id, ctid FROM t"}, {"SELECT ctid FROM u"}},
        Kind{"{ select: [\"app.*\"] }",
             {"SELECT a FROM app.t", "SELECT * FROM app.u"},
             {"SELECT a FROM t", "SELECT a FROM app2.t", "SELECT a FROM \"app.x\".t", "DELETE FROM app.t"}},
        Kind{"{ select: [\"*\"] }",
             {"SELECT a FROM t", "SELECT a FROM app.t"},
             {"SELECT 1 FROM pg_catalog.pg_authid", "SELECT 1 FROM pg_authid",
              "SELECT 1 FROM information_schema.tables", "SELECT 1 FROM pg_toast.pg_toast_1", "DELETE FROM t"}},
        Kind{"{ select: [\"*.t\"] }",
             {"SELECT a FROM t", "SELECT a FROM app.t"},
             {"SELECT a FROM u", "SELECT a FROM pg_catalog.t"}},
        Kind{"{ insert: [public.t] }",
             {"INSERT INTO t VALUES (1)", "INSERT INTO t (a) VALUES (2)", "BEGIN READ WRITE"},
             {"INSERT INTO u VALUES (1)", "INSERT INTO t VALUES (1) RETURNING a", "INSERT INTO t SELECT * FROM u",
              "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET b = 1", "UPDATE t SET a = 1", "COPY t FROM STDIN",
              "SELECT a FROM t"}},
        Kind{"{ insert: [\"public.t(a)\"] }",
             {"INSERT INTO t (a) VALUES (1)"},
             {"INSERT INTO t VALUES (1)", "INSERT INTO t (a, b) VALUES (1, 2)", "INSERT INTO t (b) VALUES (1)"}},
        Kind{"{ update: [public.t] }",
             {"UPDATE t SET a = 1", "LOCK TABLE t"},
             {"UPDATE u SET a = 1", "UPDATE t SET a = b", "UPDATE t SET a = 1 RETURNING a", "DELETE FROM t",
              "UPDATE t SET a = 1 FROM u", "INSERT INTO t VALUES (1)", "SELECT a FROM t FOR UPDATE"}},
        Kind{"{ update: [\"public.t(a)\"] }",
             {"UPDATE t SET a = 1"},
             {"UPDATE t SET b = 1", "UPDATE t SET a = 1, b = 2", "UPDATE t SET (a, b) = (1, 2)"}},
        Kind{"{ select: [public.t], update: [public.t], require: { where: true } }",
             {"UPDATE t SET a = 1 WHERE b = 2", "SELECT a FROM t"},
             {"UPDATE t SET a = 1", "DELETE FROM t WHERE b = 2"}},
        Kind{"{ delete: [public.t] }",
             {"DELETE FROM t", "DELETE FROM ONLY public.t", "LOCK TABLE t"},
             {"DELETE FROM u", "DELETE FROM t WHERE a = 1", "DELETE FROM t RETURNING *", "TRUNCATE t"}},
        Kind{"{ select: [public.u], merge: [public.t], insert: [public.t] }",
             {"MERGE INTO t USING u ON true WHEN NOT MATCHED THEN INSERT VALUES (1)"},
             {"MERGE INTO t USING u ON true WHEN MATCHED THEN UPDATE SET a = 1",
              "MERGE INTO t USING u ON true WHEN MATCHED THEN DELETE",
              "MERGE INTO t USING u ON t.a = u.a WHEN NOT MATCHED THEN INSERT VALUES (1)"}},
        Kind{"{ truncate: [public.t] }",
             {"TRUNCATE t"},
             {"TRUNCATE u", "TRUNCATE t, u", "DELETE FROM t", "DROP TABLE t"}},
        Kind{"{ copy_in: [public.t] }",
             {"COPY t FROM STDIN", "COPY t (a) FROM STDIN"},
             {"COPY u FROM STDIN", "COPY t FROM '/x'", "COPY t FROM PROGRAM 'x'", "COPY t TO STDOUT",
              "INSERT INTO t VALUES (1)", "INSERT INTO t (a) SELECT 1",
              "WITH w AS (INSERT INTO t VALUES (1)) SELECT 1"}},
        Kind{"{ copy_out: [public.t] }",
             {"COPY t TO STDOUT", "COPY t (a) TO STDOUT"},
             {"COPY u TO STDOUT", "COPY t TO '/x'", "COPY (SELECT * FROM u) TO STDOUT", "SELECT a FROM t",
              "COPY (DELETE FROM t RETURNING a) TO STDOUT", "COPY t FROM STDIN"}},
        Kind{"{ copy_out: [\"public.t(a)\"] }", {"COPY t (a) TO STDOUT"}, {"COPY t TO STDOUT", "COPY t (b) TO STDOUT"}},
        Kind{"{ lock: [public.t] }", {"LOCK TABLE t IN SHARE MODE"}, {"LOCK u", "LOCK t, u", "SELECT a FROM t"}},
        Kind{"{ ddl: [\"app.*\"] }",
             {"CREATE TABLE app.n (a int)", "DROP TABLE app.n", "CREATE INDEX ON app.n (a)",
              "ALTER TABLE app.n ADD b int", "DROP FUNCTION app.f(int)", "CREATE SEQUENCE app.s",
              "ALTER TABLE app.n RENAME TO m", "ALTER TYPE app.y RENAME TO z", "ALTER DOMAIN app.d RENAME TO e",
              "ALTER DOMAIN app.d RENAME CONSTRAINT c TO e", "ALTER DOMAIN app.d SET SCHEMA app",
              "ALTER STATISTICS app.x RENAME TO z", "ALTER FUNCTION app.f(int) RENAME TO g",
              "ALTER COLLATION app.c RENAME TO e"},
             {"CREATE TABLE n (a int)",
              "ALTER TYPE public.y RENAME TO z",
              "ALTER TYPE y RENAME TO z",
              "ALTER TYPE app.y SET SCHEMA public",
              "ALTER TYPE public.y SET SCHEMA app",
              "ALTER TABLE app.n SET SCHEMA public",
              "ALTER DOMAIN public.d RENAME CONSTRAINT c TO e",
              "ALTER STATISTICS public.x RENAME TO z",
              "ALTER FUNCTION app.f(int) SET SCHEMA public",
              "ALTER COLLATION app.c SET SCHEMA public",
              "ALTER COLLATION c RENAME TO e",
              "ALTER EXTENSION x SET SCHEMA app",
              "CREATE STATISTICS public.x ON a, b FROM app.n",
              "ALTER TYPE app.y OWNER TO r",
              "DROP TABLE t",
              "CREATE TEMP TABLE t (a int)",
              "DROP SCHEMA app",
              "CREATE SCHEMA app",
              "ALTER SCHEMA app RENAME TO b",
              "CREATE VIEW app.v AS SELECT * FROM t",
              "GRANT ALL ON app.n TO r",
              "CREATE TABLE app.n AS SELECT * FROM t",
              "CREATE FUNCTION app.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
              "CREATE TRIGGER g AFTER INSERT ON app.n EXECUTE FUNCTION app.f()",
              "CREATE TABLE app.n (a int DEFAULT f(1))",
              "CREATE TABLE app.n (LIKE t)",
              "CREATE TABLE app.n () INHERITS (t)",
              "CREATE EXTENSION x",
              "DROP ROLE r",
              "ALTER SYSTEM SET x = 1",
              "CREATE ROLE r",
              "VACUUM app.n",
              "CREATE DATABASE d",
              "DROP TABLE app.n, t",
              "CREATE RULE r AS ON SELECT TO app.n DO INSTEAD DELETE FROM t",
              "INSERT INTO app.n VALUES (1)"}},
        Kind{"{ ddl: [public.a, public.b] }",
             {"ALTER TABLE a RENAME TO b", "ALTER TABLE public.b RENAME TO a", "ALTER TYPE a RENAME TO b"},
             {"ALTER TABLE a RENAME TO c", "ALTER TABLE c RENAME TO a", "ALTER TYPE a RENAME TO c"}},
        Kind{"{ ddl: [\"pg_temp.*\"] }",
             {"CREATE TEMP TABLE t (a int)", "CREATE DOMAIN pg_temp.d AS int", "ALTER TABLE pg_temp.t RENAME TO u"},
             {"CREATE TABLE t (a int)", "DROP TABLE t", "CREATE DOMAIN pg_temp.int4 AS numeric(5, -1)",
              "CREATE DOMAIN pg_temp.text AS varchar(1)", "CREATE TEMP TABLE text (a int)",
              "CREATE TEMP TABLE numeric AS SELECT 1", "SELECT 1 AS a INTO TEMP bool",
              "CREATE TYPE pg_temp.uuid AS (a int)", "CREATE TEMP TABLE pg_class (a int)",
              "CREATE TEMP VIEW pg_settings AS SELECT 1", "CREATE TEMP SEQUENCE date",
              "ALTER TABLE pg_temp.t RENAME TO int4", "ALTER TYPE pg_temp.d RENAME TO int8"}},
        Kind{"{ pack: migrator, schemas: [app] }",
             {"ALTER TYPE app.y RENAME TO z", "ALTER DOMAIN app.d RENAME CONSTRAINT c TO e",
              "ALTER STATISTICS app.x RENAME TO z", "ANALYZE app.n", "VACUUM app.n", "REINDEX TABLE app.n",
              "CREATE MATERIALIZED VIEW app.m AS SELECT * FROM app.n", "REFRESH MATERIALIZED VIEW app.m",
              "DROP MATERIALIZED VIEW app.m", "COPY app.n FROM STDIN", "DROP TABLE app.n CASCADE", "DROP TYPE app.y",
              "DROP DOMAIN app.d CASCADE", "DROP INDEX app.i", "DROP STATISTICS app.x", "DROP SEQUENCE app.s",
              "MERGE INTO app.n USING app.o ON n.a = o.a WHEN MATCHED THEN DELETE"},
             {"ALTER FUNCTION app.f() RENAME TO g", "ALTER FUNCTION app.f() SET SCHEMA app",
              "ALTER TYPE app.y SET SCHEMA public", "ANALYZE", "ANALYZE public.t", "REINDEX SCHEMA app",
              "CREATE MATERIALIZED VIEW app.m AS SELECT * FROM public.t", "REFRESH MATERIALIZED VIEW public.m",
              "COPY app.n TO STDOUT", "COPY public.t FROM STDIN", "CREATE TEMP TABLE n (a int)",
              "DROP FUNCTION app.f(int)", "DROP AGGREGATE app.a(int)", "DROP OPERATOR app.### (int, int)",
              "DROP TRIGGER t ON app.n", "DROP RULE r ON app.n", "DROP POLICY p ON app.n",
              "ALTER TABLE app.n DISABLE TRIGGER ALL", "ALTER TABLE app.n ENABLE TRIGGER t",
              "ALTER TABLE app.n DISABLE RULE r", "ALTER TABLE app.n DISABLE ROW LEVEL SECURITY",
              "ALTER TABLE app.n NO FORCE ROW LEVEL SECURITY", "ALTER TABLE app.n OWNER TO somebody",
              // A program, a file, a table of another server.
              "ALTER FOREIGN TABLE app.n OPTIONS (ADD program 'id')", "ALTER TABLE app.n OPTIONS (SET filename '/x')",
              "ALTER FOREIGN TABLE app.n ALTER COLUMN a OPTIONS (SET column_name 'b')"}},
        // What has no schema is not in the first one of the search path.
        Kind{"{ ddl: [\"public.*\"] }",
             {"DROP TABLE n", "DROP FUNCTION public.f(int)"},
             {"DROP FUNCTION f(int)", "DROP AGGREGATE a(int)", "DROP OPERATOR ### (int, int)", "DROP PROCEDURE p(int)",
              "DROP ROUTINE r(int)", "COMMENT ON FUNCTION f(int) IS ''"}},
        Kind{"{ ddl: [\"*\"] }",
             {"CREATE TABLE n (a int)", "DROP SCHEMA app CASCADE", "ALTER SCHEMA app RENAME TO b"},
             {"CREATE ROLE r", "CREATE EXTENSION x", "ALTER SYSTEM SET x = 1", "DROP TABLE pg_catalog.pg_class"}},
        Kind{"{ maintenance: [public.t] }",
             {"VACUUM t", "ANALYZE t", "CLUSTER t", "REINDEX TABLE t"},
             {"VACUUM", "VACUUM u", "REINDEX DATABASE shop", "REINDEX SCHEMA public", "CLUSTER", "VACUUM t, u"}},
        Kind{"{ maintenance: [public.t], select: [public.t] }",
             {"CLUSTER t USING i", "VACUUM t"},
             {"CLUSTER u USING i"}},
        // What it sees would be in the order of what it does not see.
        Kind{"{ maintenance: [public.t], select: [\"public.t(a)\"] }",
             {"VACUUM FULL t", "REINDEX TABLE t"},
             {"CLUSTER t", "CLUSTER t USING i"}}));

INSTANTIATE_TEST_SUITE_P(
    OtherRights, RuleKind,
    testing::Values(
        Kind{"{ functions: [safe] }",
             {"SELECT upper('x')", "SELECT count(*), now(), length('x') || 'y'", "SELECT pg_catalog.abs(1)"},
             with({"SELECT public.upper('x')",
                   "SELECT f(1)",
                   "SELECT a FROM t",
                   "SELECT \"UPPER\"('x')",
                   "SELECT * FROM pg_ls_dir('.')",
                   "SELECT 1 WHERE f(1)",
                   "SELECT 1 LIMIT f(1)",
                   "VALUES (f(1))",
                   "SELECT 1 ORDER BY f(1)",
                   "SELECT 1 WINDOW w AS (ORDER BY f(1))",
                   "SELECT * FROM ROWS FROM (f(1))",
                   "SELECT (array[1])[f(1)]",
                   "SELECT CASE WHEN true THEN f(1) END",
                   "SELECT sum(1) FILTER (WHERE f(1))",
                   "EXECUTE p(f(1))",
                   "SELECT pg_terminate_backend(1)",
                   "SELECT pg_advisory_lock(1)",
                   "SELECT currval('s')",
                   "SELECT current_setting('x')",
                   "SELECT inet_server_addr()",
                   "SELECT pg_notify('c', 'x')",
                   "SELECT lo_get(1)",
                   "SELECT txid_current()",
                   "SELECT has_table_privilege('t', 'SELECT')"},
                  anything_dangerous)},
        Kind{"{ functions: [\"app.price(integer)\", \"app.now()\"] }",
             {"SELECT app.price(1)", "SELECT app.now()"},
             {"SELECT app.price(1, 2)", "SELECT app.price()", "SELECT price(1)", "SELECT public.price(1)",
              "SELECT app.other(1)", "CALL app.price(1)", "SELECT app.\"Price\"(1)"}},
        Kind{"{ functions: [\"public.f\"] }",
             {"SELECT f(1)", "SELECT public.f(1, 2)", "SELECT * FROM f()"},
             {"SELECT g(1)", "SELECT pg_catalog.f(1)", "CALL f(1)"}},
        Kind{"{ functions: [\"app.*\"] }", {"SELECT app.f(1)"}, {"SELECT f(1)", "SELECT pg_sleep(1)", "CALL app.f()"}},
        Kind{"{ functions: [\"*.f\"] }", {"SELECT app.f(1)", "SELECT f(1)"}, {"SELECT pg_catalog.f(1)", "SELECT g(1)"}},
        Kind{"{ call: [\"app.p(integer)\"] }",
             {"CALL app.p(1)"},
             {"CALL app.p()", "CALL p(1)", "SELECT app.p(1)", "CALL app.q(1)"}},
        Kind{"{ types: [app.d, \"other.*\"] }",
             {"SELECT 1::app.d", "SELECT NULL::other.x"},
             {"SELECT 1::d", "SELECT 1::app.e", "SELECT 't'::regclass", "SELECT CAST('x' AS app.e)"}},
        Kind{"{ listen: [c] }", {"LISTEN c", "UNLISTEN c"}, {"LISTEN d", "LISTEN \"C\"", "NOTIFY c"}},
        Kind{"{ notify: [c] }", {"NOTIFY c", "NOTIFY c, 'x'"}, {"NOTIFY d", "LISTEN c", "SELECT pg_notify('c', '')"}},
        Kind{"{ listen: [\"*\"] }", {"LISTEN c", "LISTEN \"D\""}, {"NOTIFY c"}},
        Kind{
            "{ set: [work_mem, search_path] }",
            {"SET work_mem = '1MB'", "SET LOCAL Work_Mem = 1", "SET search_path = x", "SHOW work_mem",
             "SELECT set_config('work_mem', '1', false)"},
            {"SET maintenance_work_mem = 1", "SET ROLE r", "SHOW ALL", "SET client_encoding = 'LATIN1'",
             "SET standard_conforming_strings = off", "SELECT set_config('maintenance_work_mem', '1', false)",
             "SELECT set_config('standard_conforming_strings', 'off', true)", "SELECT set_config('work_mem', $1, true)",
             "SHOW data_directory", "ALTER ROLE r SET work_mem = 1", "ALTER SYSTEM SET work_mem = 1"}},
        Kind{"{ dcl: true, ddl: [\"*\"] }",
             {"CREATE ROLE r", "GRANT SELECT ON t TO r", "REVOKE ALL ON t FROM r", "DROP ROLE r"},
             {"ALTER SYSTEM SET x = 1", "SET ROLE r", "DO $$ BEGIN END $$"}},
        Kind{"{ admin: true, ddl: [\"*\"] }",
             {"CHECKPOINT"},
             {"DO $$ BEGIN END $$", "CREATE ROLE r", "COPY t TO PROGRAM 'x'"}},
        Kind{"{ do: true }", {"DO $$ BEGIN END $$"}, {"CHECKPOINT", "SELECT a FROM t", "CALL f()"}},
        Kind{"{ two_phase: true }",
             {"PREPARE TRANSACTION 'g'", "COMMIT PREPARED 'g'"},
             {"PREPARE p AS SELECT a FROM t", "CHECKPOINT"}},
        Kind{"{ server_files: true, copy_out: [public.t], copy_in: [public.t] }",
             {"COPY t TO '/x'", "COPY t FROM '/x'"},
             {"COPY t TO PROGRAM 'x'", "COPY u TO '/x'", "SELECT pg_read_file('x')", "LOAD 'x'",
              "SELECT lo_import('/x')"}},
        Kind{"{ pack: readonly }",
             {"SELECT * FROM t", "SELECT count(*) FROM app.u"},
             with({"DELETE FROM t", "COPY t TO STDOUT", "BEGIN READ WRITE", "SET transaction_read_only = off",
                   "SET default_transaction_read_only = off", "SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE",
                   "SET TRANSACTION READ WRITE", "SELECT a FROM t FOR SHARE"},
                  anything_dangerous)},
        Kind{"{ pack: introspection }",
             {"SELECT relname FROM pg_class", "SELECT * FROM information_schema.tables",
              "SELECT pg_get_constraintdef(1)", "SELECT 't'::regclass",
              "SELECT c.relname FROM pg_catalog.pg_class c WHERE pg_table_is_visible(c.oid)"},
             with({"SELECT a FROM t", "SELECT * FROM pg_shadow", "SELECT * FROM pg_stats",
                   "SELECT * FROM pg_user_mappings", "SELECT * FROM pg_user_mapping", "SELECT * FROM pg_largeobject",
                   "SELECT * FROM pg_stat_activity", "SELECT * FROM pg_settings", "SELECT * FROM pg_file_settings",
                   "SELECT * FROM pg_hba_file_rules", "SELECT * FROM pg_prepared_statements",
                   "SELECT * FROM pg_cursors", "SELECT * FROM pg_statistic_ext_data", "SELECT * FROM pg_subscription",
                   "SELECT * FROM public.pg_class", "UPDATE pg_class SET relname = 'x'", "DELETE FROM pg_proc",
                   "SELECT * FROM pg_db_role_setting", "SELECT pg_relation_filepath('t')"},
                  anything_dangerous)}));

// ---- Built-in behaviour

// Drivers and tools send these; nobody is harmed.
TEST(Decide, HarmlessStatementsNeedNoRule) {
  const auto grants = grants_of({"{ select: [public.t] }"});
  for (const char* sql : {"SELECT 1",
                          "BEGIN",
                          "COMMIT",
                          "ROLLBACK",
                          "SAVEPOINT a",
                          "RELEASE a",
                          "ROLLBACK TO a",
                          "BEGIN READ ONLY",
                          "BEGIN ISOLATION LEVEL SERIALIZABLE",
                          "START TRANSACTION",
                          "SHOW server_version",
                          "SHOW transaction_isolation",
                          "SET application_name = 'x'",
                          "SET client_encoding = 'UTF8'",
                          "SET NAMES 'utf-8'",
                          "SET standard_conforming_strings = on",
                          "SET dbgate.hold = refuse",
                          "SET LOCAL dbgate.hold TO 'wait'",
                          "RESET dbgate.hold",
                          "SHOW dbgate.hold",
                          "SET extra_float_digits = 3",
                          "SET TIME ZONE 'UTC'",
                          "SET DateStyle = ISO",
                          "SET search_path = public",
                          "SET default_transaction_read_only = on",
                          "SET TRANSACTION READ ONLY",
                          "RESET ALL",
                          "RESET work_mem",
                          "DISCARD ALL",
                          "DISCARD TEMP",
                          "DISCARD PLANS",
                          "DISCARD SEQUENCES",
                          "DEALLOCATE p",
                          "DEALLOCATE ALL",
                          "CLOSE c",
                          "FETCH 1 FROM c",
                          "SELECT 'DROP TABLE t' AS \"delete\"",
                          "SELECT 1 + 1",
                          "SELECT 1::int, '2'::text",
                          "UNLISTEN *",
                          "SET CONSTRAINTS ALL DEFERRED",
                          "VALUES (1)",
                          "SET search_path = ''",
                          "SELECT pg_catalog.set_config('search_path', '', false)",
                          "SELECT set_config('Application_Name', 'x', true)",
                          "SELECT version(), current_schema(), current_user, pg_backend_pid()",
                          "SELECT pg_catalog.pg_is_in_recovery()",
                          "SELECT pg_advisory_unlock_all()",
                          "SELECT 1 WHERE 1 IN (1, 2) AND 'a' LIKE 'b'"}) {
    const Verdict verdict = verdict_on(*grants, sql);
    EXPECT_TRUE(verdict.allowed()) << sql << ": " << verdict.message;
  }
}

TEST(Decide, ResettingCanBeDenied) {
  const auto grants = grants_of({"{ everything: true }"}, {"{ set: [all, temp] }"});
  for (const char* sql : {"DISCARD ALL", "RESET ALL", "DISCARD TEMP"})
    EXPECT_FALSE(allows(*grants, sql)) << sql;
  EXPECT_TRUE(allows(*grants, "DISCARD PLANS"));
}

// The meaning of all text rests on them, so not even everything allows them.
TEST(Decide, EncodingAndLiteralsAreFixed) {
  const auto grants = grants_of({"{ everything: true, set: [\"*\"] }"});
  for (const char* sql :
       {"SET client_encoding = 'LATIN1'", "SET NAMES 'SJIS'", "SET LOCAL client_encoding = 'SQL_ASCII'",
        "SET dbgate.hold = perhaps", "SET standard_conforming_strings = off",
        "SET LOCAL standard_conforming_strings TO 0", "SELECT set_config('client_encoding', 'LATIN1', true)",
        "SELECT 1 WHERE set_config('Standard_Conforming_Strings', 'off', false) = ''"}) {
    const Verdict verdict = verdict_on(*grants, sql);
    EXPECT_FALSE(verdict.allowed()) << sql;
    EXPECT_EQ(verdict.rule_id, "builtin/fixed-settings");
  }
}

TEST(Decide, EverythingIsEverything) {
  const auto grants = grants_of({"{ everything: true }"});
  for (const std::string& sql : anything_dangerous)
    EXPECT_TRUE(allows(*grants, sql)) << sql;
  EXPECT_TRUE(is_unrestricted(*grants));
}

TEST(Decide, NamesTheRule) {
  const auto grants = grants_of({"{ select: [public.t] }", "{ select: [public.u] }", "{ everything: true }"},
                                {"{ dcl: true }", "{ select: [public.x] }"});
  EXPECT_EQ(verdict_on(*grants, "SELECT a FROM x").rule_id, "p/deny[1]");
  EXPECT_EQ(verdict_on(*grants, "SELECT a FROM t").rule_id, "p/allow[2]");
  EXPECT_EQ(verdict_on(*grants_of({"{ select: [public.t] }", "{ select: [public.u] }"}), "SELECT a FROM u").rule_id,
            "p/allow[1]");
  EXPECT_EQ(verdict_on(*grants_of({"{ select: [public.t] }"}), "BEGIN").rule_id, "builtin/harmless");
}

TEST(Decide, SaysWhatIsMissing) {
  const auto grants = grants_of({"{ select: [\"public.t(a)\"] }"});
  const std::string prefix = "permission denied by dbgate policy: no rule allows ";
  EXPECT_EQ(verdict_on(*grants, "DELETE FROM t").message, prefix + "DELETE on t");
  EXPECT_EQ(verdict_on(*grants, "SELECT b FROM public.t").message, prefix + "SELECT on column b of public.t");
  EXPECT_EQ(verdict_on(*grants, "SELECT * FROM t").message, prefix + "SELECT on all columns of t");
  EXPECT_EQ(verdict_on(*grants, "SELECT f(1)").message, prefix + "function f");
  EXPECT_EQ(verdict_on(*grants, "SET work_mem = 1").message, prefix + "SET on work_mem");
}

// Granted in one schema of the path and not in another: which one the server would take is not dbgate's guess.
TEST(Decide, AnUnqualifiedNameMustBeGrantedAlongThePath) {
  const auto grants = grants_of({"{ select: [a.t], functions: [\"a.f\"], types: [a.d] }"});
  for (const char* sql : {"SELECT x FROM t", "SELECT f(1)", "SELECT 1::d"}) {
    EXPECT_TRUE(verdict_on(*grants, sql, {"a"}).allowed()) << sql;
    EXPECT_FALSE(verdict_on(*grants, sql, {"a", "b"}).allowed()) << sql;
    EXPECT_FALSE(verdict_on(*grants, sql, {"b", "a"}).allowed()) << sql;
    EXPECT_FALSE(verdict_on(*grants, sql, {}).allowed()) << sql;
  }
}

// pg_catalog is searched first: all functions of a schema are not those that the system has under the same names.
TEST(Decide, FunctionsOfASchemaAreNotThoseOfTheSystem) {
  const auto grants = grants_of({"{ functions: [\"public.*\", \"pg_catalog.nextval\"] }"});
  for (const char* sql :
       {"SELECT f(1)", "SELECT public.pg_read_file('x')", "SELECT nextval('s')", "SELECT pg_catalog.nextval('s')"}) {
    EXPECT_TRUE(allows(*grants, sql)) << sql;
  }
  for (const char* sql : {"SELECT pg_read_file('x')", "SELECT lo_import('x')", "SELECT pg_new_in_16('x')",
                          "SELECT lower('x')", "SELECT public.nextval('x') + currval('x')"}) {
    EXPECT_FALSE(allows(*grants, sql)) << sql;
  }
}

// (x).f calls f if x has no such column.
TEST(Decide, AFieldMayBeAFunction) {
  const auto grants = grants_of({"{ select: [public.t], functions: [safe] }"});
  for (const char* sql : {"SELECT ('x'::text).pg_read_file", "SELECT f.pg_read_file FROM unnest(ARRAY['x']) f",
                          "SELECT (0.1).pg_sleep", "SELECT (a).lo_import FROM t", "SELECT (a.b).nextval FROM t a"}) {
    EXPECT_FALSE(allows(*grants, sql)) << sql;
  }
  for (const char* sql :
       {"SELECT (a).street, (t).b FROM t", "SELECT e.key, e.value FROM jsonb_each('{}') e",
        "SELECT (a).lower, (a).oid, (a).width FROM t", "SELECT s.nextval FROM (SELECT 1 AS nextval) s"}) {
    EXPECT_TRUE(allows(*grants, sql)) << sql;
  }
}

TEST(Decide, IntrospectionHidesSecrets) {
  const auto grants = grants_of({"{ pack: introspection }"});
  for (const char* sql : {"SELECT * FROM information_schema.user_mapping_options",
                          "SELECT umoptions FROM information_schema._pg_user_mappings", "TABLE pg_user_mappings",
                          "SELECT umoptions FROM pg_user_mappings", "SELECT pg_get_function_sqlbody(1)"}) {
    EXPECT_FALSE(allows(*grants, sql)) << sql;
  }
  for (const char* sql : {"SELECT srvname, usename FROM pg_user_mappings", "TABLE information_schema.user_mappings",
                          "SELECT string_agg(relname::text, ', '), sum(relpages) FROM pg_class"}) {
    EXPECT_TRUE(allows(*grants, sql)) << sql;
  }
}

TEST(Decide, WholesaleRights) {
  const auto none = grants_of({"{ select: [\"*\"] }"});
  EXPECT_FALSE(decide_function_call(*none).allowed());
  EXPECT_FALSE(decide_connection(*none).allowed());
  EXPECT_FALSE(decide_replication(*none).allowed());
  const auto all = grants_of({"{ function_call: true, connect: true, replication: true }"});
  EXPECT_TRUE(decide_function_call(*all).allowed());
  EXPECT_TRUE(decide_connection(*all).allowed());
  EXPECT_TRUE(decide_replication(*all).allowed());
  for (const char* rule : {"{ select: [public.t] }", "{ everything: true }", "{ connect: true }"}) {
    const auto denied = grants_of({"{ everything: true }"}, {rule});
    EXPECT_FALSE(decide_function_call(*denied).allowed()) << rule;
    EXPECT_FALSE(decide_connection(*denied).allowed()) << rule;
    EXPECT_FALSE(decide_replication(*denied).allowed()) << rule;
  }
}

TEST(PolicySet, OnlyWhoAndWhereItSays) {
  config::Config config;
  config.groups["g"] = {"b", "a"};
  config::Policy policy;
  policy.name = "p";
  policy.users = {"a"};
  policy.groups = {"g", "absent"};
  policy.targets = {"x", "y"};
  policy.allow.emplace_back().everything = true;
  config.policies.push_back(policy);
  const PolicySet set(config);
  for (const char* user : {"a", "b"}) {
    EXPECT_TRUE(set.grants(user, "x"));
    EXPECT_TRUE(set.grants(user, "y"));
    EXPECT_FALSE(set.grants(user, "z"));
  }
  for (const char* user : {"c", "g", "", "A"})
    EXPECT_FALSE(set.grants(user, "x")) << user;
}

}  // namespace
}  // namespace dbgate::policy
