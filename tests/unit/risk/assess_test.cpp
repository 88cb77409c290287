#include <gtest/gtest.h>

#include <set>

#include "tests/unit/risk/shop.h"

namespace dbgate::risk {
namespace {

struct Said {
  const char* sql;
  const char* says;
  Caller caller = Caller::person;
};

void expect_all(std::span<const Said> table) {
  const Shop shop;
  for (const Said& one : table)
    EXPECT_EQ(shop.said(one.sql, one.caller), one.says) << one.sql;
}

TEST(Statements, WhatTheyMakeOfTheSession) {
  constexpr Said table[] = {
      {"SELECT 1", "info"},
      {"SELECT 1; SELECT 2", "low ST-01:low"},
      {"SELECT 1; SELECT 2", "critical ST-01:critical", Caller::agent},
      {"BEGIN", "info"},
      {"BEGIN", "high ST-03:high", Caller::agent},
      {"BEGIN READ WRITE", "critical ST-03:critical", Caller::agent},
      {"SET application_name = 'x'", "info"},
      {"SET ROLE boss", "high ST-04:high(role)"},
      {"RESET ROLE", "medium ST-04:medium(role)"},
      {"SET search_path = evil", "medium ST-04:medium(search_path)"},
      {"SELECT pg_catalog.set_config('search_path', '', false)", "info"},
      {"SELECT set_config('role', 'boss', false)", "high ST-04:high(role)"},
      {"SET row_security = off", "high ST-04:high(row_security)", Caller::agent},
      {"SHOW ALL", "info"},
      {"DO 'BEGIN END'", "high ST-05:high(DO)"},
      {"SELECT query_to_xml('SELECT 1', true, true, '')", "high ST-05:high(query_to_xml)"},
      {"EXPLAIN DELETE FROM customers WHERE id = 1", "info"},
      {"EXPLAIN DELETE FROM customers", "info"},
      {"EXPLAIN SELECT email FROM customers", "info"},
      {"EXPLAIN (ANALYZE false) DELETE FROM customers", "info"},
      {"EXPLAIN (ANALYZE) DELETE FROM customers", "critical DML-01:critical(customers) ST-06:medium"},
      {"EXPLAIN ANALYZE SELECT id FROM customers", "info"},
      {"EXPLAIN ANALYZE DELETE FROM customers WHERE id = 1", "medium ST-06:medium"},
  };
  expect_all(table);
}

TEST(Changes, HowManyRowsTheyReach) {
  constexpr Said table[] = {
      {"UPDATE customers SET name = 'x' WHERE id = 1", "info"},
      {"UPDATE customers SET name = 'x'", "critical DML-01:critical(customers)"},
      {"WITH d AS (DELETE FROM orders RETURNING id) SELECT count(*) FROM d", "critical DML-01:critical(orders)"},
      {"DELETE FROM customers WHERE 1 = 1", "critical DML-02:critical(customers)"},
      {"DELETE FROM customers WHERE id = id", "critical DML-02:critical(customers)"},
      {"DELETE FROM customers WHERE id = 1 OR true", "critical DML-02:critical(customers) IJ-02:high"},
      {"DELETE FROM customers WHERE name LIKE '%'", "critical DML-02:critical(customers) RD-07:low"},
      {"DELETE FROM customers WHERE id IS NULL OR id IS NOT NULL", "critical DML-02:critical(customers)"},
      {"DELETE FROM customers WHERE NOT false", "critical DML-02:critical(customers)"},
      {"DELETE FROM customers WHERE id >= -2147483648", "critical DML-02:critical(customers)"},
      {"DELETE FROM customers WHERE $1 = $1", "critical DML-02:critical(customers)"},
      {"DELETE FROM customers WHERE random() < 2", "critical DML-02:critical(customers)"},
      {"DELETE FROM customers WHERE 1 = 0", "info"},
      {"DELETE FROM customers WHERE id = 1 AND 1 = 1", "info"},
      {"DELETE FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id)", "info"},
      {"DELETE FROM orders WHERE total > 5", "medium DML-03:medium(orders)"},
      {"DELETE FROM events WHERE kind > 5", "high DML-03:high(events)"},
      {"DELETE FROM events WHERE id = 5", "info"},
      {"UPDATE customers c SET name = 'x' FROM note n WHERE n.id = 1", "high DML-05:high(customers)"},
      {"UPDATE customers c SET name = 'x' FROM note n WHERE n.id = c.id", "info"},
      {"DELETE FROM orders WHERE id IN (SELECT id FROM orders LIMIT 5 FOR UPDATE)",
       "medium DML-03:medium(orders) DML-06:medium"},
      {"MERGE INTO customers c USING note n ON n.id = c.id WHEN MATCHED THEN DELETE", "high DML-07:high"},
      {"MERGE INTO customers c USING note n ON n.id = c.id WHEN MATCHED AND n.id > 5 THEN DELETE", "info"},
      {"INSERT INTO note VALUES (1, 'x')", "low DML-08:low"},
      {"INSERT INTO note (id) SELECT id FROM customers", "medium DML-08:medium"},
      {"INSERT INTO note (id) SELECT id FROM customers WHERE id < 5", "info"},
      {"INSERT INTO note (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET body = 'x'", "medium DML-09:medium"},
  };
  expect_all(table);
}

TEST(Reads, WhatAndHowMuch) {
  constexpr Said table[] = {
      {"SELECT c.id FROM customers c, note n", "medium RD-01:medium"},
      {"SELECT c.id FROM customers c, note n WHERE c.id = n.id", "info"},
      {"SELECT c.id FROM customers c, note n WHERE name = body", "info"},
      {"SELECT c.id FROM customers c JOIN note n ON true WHERE c.id = 1", "medium RD-01:medium"},
      {"SELECT c.id FROM customers c JOIN note n USING (id) LIMIT 5", "info"},
      {"SELECT c.id FROM customers c CROSS JOIN LATERAL (SELECT 1 FROM note n WHERE n.id = c.id) x LIMIT 5", "info"},
      {"SELECT o.id FROM orders o, events e LIMIT 5", "high RD-01:high"},
      {"SELECT c.id FROM customers c, (SELECT max(id) AS m FROM note) x LIMIT 5", "info"},
      {"SELECT id FROM customers", "info"},
      {"SELECT id FROM orders", "high RD-02:high(orders)"},
      {"SELECT count(*) FROM orders", "info"},
      {"SELECT id FROM orders LIMIT 100", "info"},
      {"SELECT id FROM orders LIMIT 100000", "high RD-02:high(orders)"},
      {"COPY orders TO STDOUT", "high RD-02:high(orders)"},
      {"COPY (SELECT id FROM orders WHERE customer_id = 1) TO STDOUT", "info"},
      {"SELECT * FROM customers WHERE id = 1", "medium RD-03:medium(customers)"},
      {"SELECT email FROM customers WHERE id = 1", "high RD-04:high(customers.email)"},
      {"SELECT id FROM customers WHERE email LIKE 'a%'",
       "high RD-04:high(customers.email) RD-05:medium(customers.email)"},
      {"SELECT oid FROM pg_class WHERE oid = 1", "low RD-06:low"},
      {"SELECT oid FROM pg_class WHERE oid = 1", "medium RD-06:medium", Caller::service},
      {"SELECT * FROM pg_authid", "critical RD-06:critical(pg_authid)"},
      {"SELECT query FROM pg_stat_activity", "critical RD-06:critical(pg_stat_activity)"},
      {"SELECT id FROM customers WHERE name LIKE '%x'", "low RD-07:low"},
      {"WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT n FROM r",
       "high RD-08:high(WITH RECURSIVE)"},
      {"WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 9) SELECT n FROM r", "info"},
      {"SELECT * FROM generate_series(1, 1000000000) g", "high RD-08:high(generate_series or repeat)"},
      {"SELECT id FROM customers WHERE id = 1 FOR UPDATE", "low RD-09:low"},
      {"SELECT pg_advisory_lock(1)", "low RD-09:low(pg_advisory_lock)"},
      {"CREATE TABLE copy AS SELECT id FROM customers WHERE id = 1", "medium RD-10:medium"},
  };
  expect_all(table);
}

TEST(Functions, WhatTheyReach) {
  constexpr Said table[] = {
      {"SELECT pg_sleep(1)", "medium FN-01:medium(pg_sleep)"},
      {"SELECT 1 FROM pg_sleep(1)", "high FN-01:high(pg_sleep)", Caller::service},
      {"SELECT pg_read_file('/etc/passwd')", "critical FN-02:critical(pg_read_file)"},
      {"COPY customers FROM PROGRAM 'id'", "critical FN-03:critical(PROGRAM)"},
      {"COPY customers TO '/tmp/x'", "critical FN-03:critical(a file of the server) RD-03:medium(customers)"},
      {"CREATE SERVER s FOREIGN DATA WRAPPER f", "critical FN-04:critical(CREATE SERVER)"},
      {"SELECT pg_terminate_backend(1)", "high FN-05:high(pg_terminate_backend)"},
      {"SELECT setval('s', 1)", "medium FN-06:medium(setval)"},
      {"SELECT price()", "info"},
      {"SELECT charge()", "medium FN-07:medium(charge)"},
      {"SELECT admin()", "high FN-07:high(admin)"},
  };
  expect_all(table);
}

TEST(Injections, HaveShapes) {
  constexpr Said table[] = {
      {"SELECT id FROM customers WHERE id = 1 OR 1=1", "high IJ-02:high"},
      {"SELECT id FROM customers WHERE id = 1 OR 'a'='a'", "high IJ-02:high"},
      {"SELECT id FROM customers WHERE name = '' OR name = name", "high IJ-02:high"},
      {"SELECT id FROM customers WHERE 1=1 AND id = 1", "info"},
      {"SELECT id FROM customers WHERE id = 1 AND 1=2", "medium IJ-02:medium"},
      {"SELECT id, name FROM customers WHERE id = 1 UNION SELECT NULL, NULL", "high IJ-01:high(an arm of NULLs)"},
      {"SELECT name FROM customers WHERE id = 1 UNION SELECT query FROM pg_catalog.pg_class",
       "high IJ-01:high(an arm that reads the catalog) RD-06:low"},
      {"SELECT id, name, email2 FROM note UNION ALL SELECT NULL, NULL, body FROM customers WHERE id = 1",
       "high IJ-01:high(an arm that is padded)"},
      {"SELECT 'a' AS kind, count(*) FROM customers UNION ALL SELECT 'b', count(*) FROM orders", "info"},
      {"SELECT id FROM customers WHERE id = CAST((SELECT name FROM note LIMIT 1) AS int)", "high IJ-03:high"},
      {"SELECT CAST((SELECT count(*) FROM note) AS int)", "info"},
      {"SELECT 1/(SELECT body FROM note LIMIT 1)", "high IJ-03:high"},
      {"SELECT id FROM customers WHERE ascii(substr((SELECT body FROM note LIMIT 1), 1, 1)) > 64", "high IJ-04:high"},
      {"SELECT CASE WHEN 1 > 0 THEN pg_sleep(5) END", "high IJ-04:high FN-01:medium(pg_sleep)"},
      {"SELECT CASE WHEN id > 0 THEN 1/0 END FROM note", "high IJ-04:high"},
      {"SELECT CASE WHEN id > 0 THEN id/2 END FROM note", "info"},
      {"SELECT id FROM customers WHERE name = 'x' -- AND secret = 1", "medium IJ-05:medium(--)"},
      {"SELECT id FROM customers WHERE name = 'x'; -- AND secret = 1", "medium IJ-05:medium(--)"},
      {"SELECT id FROM customers WHERE id = 1 OR 1=1 -- '", "high IJ-02:high IJ-05:high(--)"},
      {"SELECT id -- the key\nFROM customers WHERE name = 'x'", "info"},
      {"SELECT id FROM customers WHERE name = 'x' /* traceparent='00-1-2-01' */", "info"},
      {"SELECT /*!50000 1 */ id FROM customers", "medium IJ-05:medium(/*)"},
      {"SELECT chr(65) || chr(66) || chr(67)", "medium IJ-06:medium(chr, decode or convert_from)"},
      {"SELECT 'a\u200bb'", "info"},
      {"SELECT \"a\u200bb\" FROM customers", "high IJ-06:high(characters that cannot be seen)"},
      {"SELECT id FROM customers WHERE name = '' || (SELECT body FROM note) || ''", "medium IJ-07:medium"},
  };
  expect_all(table);
}

TEST(Privileges, WhoMayDoWhat) {
  constexpr Said table[] = {
      {"GRANT SELECT ON customers TO ana", "high PR-01:high"},
      {"GRANT SELECT ON customers TO PUBLIC", "critical PR-01:critical"},
      {"GRANT ALL ON customers TO ana", "critical PR-01:critical"},
      {"GRANT boss TO ana", "critical PR-01:critical"},
      {"CREATE ROLE ana", "high PR-02:high"},
      {"ALTER ROLE ana SUPERUSER", "critical PR-02:critical"},
      {"ALTER ROLE ana NOSUPERUSER", "high PR-02:high"},
      {"ALTER TABLE customers DISABLE ROW LEVEL SECURITY", "critical PR-03:critical(customers)"},
      {"CREATE POLICY p ON customers USING (true)", "critical PR-03:critical(customers)"},
      {"CREATE POLICY p ON customers USING (name = current_user)", "info"},
      {"ALTER TABLE customers OWNER TO ana", "high PR-04:high(customers)"},
      {"CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
       "critical PR-04:critical(SECURITY DEFINER, or a language without bounds)"},
      {"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "medium PR-04:medium"},
      {"ALTER SYSTEM SET fsync = off", "critical PR-05:critical"},
      {"CREATE EXTENSION dblink", "critical PR-05:critical"},
      {"ALTER TABLE customers DISABLE TRIGGER ALL", "critical PR-06:critical(customers)"},
      {"DROP TRIGGER t ON customers", "critical PR-06:critical(customers)"},
  };
  expect_all(table);
}

TEST(Definitions, LocksAndRewrites) {
  constexpr Said table[] = {
      {"DROP TABLE customers", "critical DD-01:critical(customers)"},
      {"DROP VIEW v", "medium DD-01:medium(v)"},
      {"TRUNCATE orders", "critical DD-02:critical(orders) DD-08:medium(orders)"},
      {"ALTER TABLE customers DROP COLUMN name", "high DD-03:high(customers)"},
      {"ALTER TABLE customers RENAME TO clients", "high DD-03:high(customers)"},
      {"ALTER TABLE orders ADD COLUMN x int", "medium DD-08:medium(orders)"},
      {"ALTER TABLE customers ADD COLUMN x int DEFAULT 5", "info"},
      {"ALTER TABLE customers ADD COLUMN x uuid DEFAULT gen_random_uuid()", "medium DD-04:medium(customers)"},
      {"ALTER TABLE orders ADD COLUMN x uuid DEFAULT gen_random_uuid()",
       "high DD-04:high(orders) DD-08:medium(orders)"},
      {"ALTER TABLE events ALTER COLUMN kind TYPE int8", "critical DD-04:critical(events) DD-08:medium(events)"},
      {"ALTER TABLE note ALTER COLUMN body TYPE varchar(50)", "info"},
      {"ALTER TABLE note ALTER COLUMN body TYPE text", "info"},
      {"ALTER TABLE note ALTER COLUMN body TYPE varchar(10)", "medium DD-04:medium(note)"},
      {"ALTER TABLE orders ALTER COLUMN total SET NOT NULL", "medium DD-05:medium(orders) DD-08:medium(orders)"},
      {"LOCK TABLE customers", "high DD-05:high(customers)"},
      {"LOCK TABLE customers IN ROW SHARE MODE", "info"},
      {"CREATE INDEX ON orders (total)", "medium DD-06:medium(orders)"},
      {"CREATE INDEX ON events (kind)", "high DD-06:high(events)"},
      {"CREATE INDEX CONCURRENTLY ON orders (total)", "info"},
      {"ALTER TABLE orders ADD CONSTRAINT c CHECK (total > 0)", "medium DD-07:medium(orders) DD-08:medium(orders)"},
      {"ALTER TABLE orders ADD CONSTRAINT c CHECK (total > 0) NOT VALID", "medium DD-08:medium(orders)"},
      {"ALTER TABLE orders ADD FOREIGN KEY (customer_id) REFERENCES customers ON DELETE CASCADE NOT VALID",
       "medium DD-10:medium(orders)"},
      {"ALTER TABLE customers ADD COLUMN x json", "low DD-11:low(json)"},
      {"VACUUM customers", "info"},
      {"VACUUM FULL orders", "high DD-04:high(orders)"},
      {"VACUUM (FULL false) orders", "info"},
  };
  expect_all(table);
}

TEST(Definitions, HangOnTheSession) {
  const Shop shop;
  Circumstances set;
  set.has_lock_timeout = true;
  EXPECT_EQ(shop.said("ALTER TABLE orders ADD COLUMN x int", Caller::person, set), "info");
  set.holds_lock = set.in_transaction = true;
  EXPECT_EQ(shop.said("ALTER TABLE orders ADD COLUMN x int", Caller::person, set), "medium DD-09:medium(orders)");
  EXPECT_EQ(shop.said("CREATE INDEX CONCURRENTLY ON orders (total)", Caller::person, set),
            "medium DD-06:medium(CONCURRENTLY in a transaction)");
}

TEST(Rules, HaveIdsOfTheirOwnAndSayWhatToDo) {
  std::set<std::string> ids;
  for (const Rule* const rule : all_rules()) {
    EXPECT_TRUE(ids.insert(rule->id).second) << rule->id;
    EXPECT_GT(std::string_view(rule->title).size(), 3u) << rule->id;
    EXPECT_TRUE(std::string_view(rule->why).ends_with('.')) << rule->id;
    EXPECT_TRUE(std::string_view(rule->remedy).ends_with('.')) << rule->id;
    EXPECT_LE(rule->person, rule->agent) << rule->id;
  }
  EXPECT_GT(ids.size(), 40u);
}

TEST(Scores, GrowWithLevelsAndHits) {
  const Shop shop;
  const auto score = [&](std::string_view text) {
    const sql::AnalyzeResult result = sql::analyze(text, sql::ScanLimits{});
    return assess(result.script->statements.front(), {}).score;
  };
  EXPECT_EQ(score("SELECT 1"), 0u);
  EXPECT_EQ(score("SELECT pg_sleep(1)"), 40u);
  EXPECT_GT(score("SELECT pg_sleep(1), setval('s', 1)"), 40u);
  EXPECT_GE(score("DELETE FROM t"), 80u);
  EXPECT_LE(score("DELETE FROM t WHERE 1=1 OR 2=2; DROP TABLE x CASCADE"), 100u);
}

}  // namespace
}  // namespace dbgate::risk
