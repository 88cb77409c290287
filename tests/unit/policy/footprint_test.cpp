#include "gateway/policy/footprint.h"

#include <gtest/gtest.h>

#include <set>

#include "gateway/policy/grants.h"
#include "gateway/sql/analyze.h"
#include "tests/unit/catalog/hand_made.h"

namespace dbgate::policy {
namespace {

using catalog::Oid;
using namespace std::chrono_literals;

class FootprintTest : public testing::Test {
 protected:
  FootprintTest() {
    grants.cached = {{"shop", "*", 30s}, {"shop", "prices", 5s}};
    products = db.table("products", {"id", "name"});
    prices = db.table("prices", {"id", "price"});
    notes = db.table("notes");
    db.view("listed", "SELECT p.id, q.price AS n FROM shop.products p, shop.prices q");
    db.view("stamped", "SELECT p.id, CURRENT_DATE AS n FROM shop.products p");
    built_in(5'000, "steady", 'i');
    built_in(5'001, "concat", 's');
    built_in(5'002, "clock_timestamp", 'v');
    built_in(5'003, "current_schema", 's');
    built_in(5'004, "query_to_xml", 'v');
    built_in(5'005, "current_setting", 's');
  }
  void built_in(Oid oid, std::string_view name, char volatility, Oid schema = 11,
                std::string_view language = "internal", std::string_view body = {}) {
    catalog::Function function;
    function.oid = oid;
    function.schema = schema;
    function.name = name;
    function.volatility = volatility;
    function.language = language;
    function.body = body;
    db.builder.add(function);
  }
  void user(Oid oid, std::string_view name, char volatility, std::string_view language, std::string_view body) {
    built_in(oid, name, volatility, catalog::HandMade::shop, language, body);
  }
  static sql::Script script_of(std::string_view text) {
    sql::AnalyzeResult result = sql::analyze(text, sql::ScanLimits{}, nullptr);
    EXPECT_TRUE(result.script) << text;
    return result.script ? std::move(*result.script) : sql::Script{};
  }
  Footprint of(std::string_view text, std::string_view sent = {}) {
    if (!closure_) closure_ = std::make_unique<catalog::Closure>(db.build());
    const sql::Script script = script_of(text);
    const sql::Script other = script_of(sent);
    return footprint_of(grants, script, sent.empty() ? nullptr : &other, closure_.get(), path);
  }
  std::set<Oid> reads(std::string_view text) {
    const Footprint footprint = of(text);
    EXPECT_TRUE(footprint.cacheable()) << text;
    return {footprint.reads.begin(), footprint.reads.end()};
  }
  bool kept(std::string_view text) { return of(text).cacheable(); }
  std::set<Oid> writes(std::string_view text) {
    const Footprint footprint = of(text);
    EXPECT_FALSE(footprint.writes_anything) << text;
    EXPECT_FALSE(footprint.cacheable()) << text;
    return {footprint.writes.begin(), footprint.writes.end()};
  }

  catalog::HandMade db;
  Grants grants;
  Oid products = 0, prices = 0, notes = 0;
  const catalog::SearchPath path{{"shop"}, "boss"};

 private:
  std::unique_ptr<catalog::Closure> closure_;
};

TEST_F(FootprintTest, WhatIsReadAndForHowLong) {
  EXPECT_EQ(reads("SELECT name FROM products"), std::set{products});
  EXPECT_EQ(reads("SELECT name FROM products, prices"), (std::set{products, prices}));
  EXPECT_EQ(of("SELECT name FROM products").ttl, 30s);
  EXPECT_EQ(of("SELECT name FROM products, prices").ttl, 5s) << "the shortest";
  const std::set<Oid> all = reads("SELECT n FROM listed");
  EXPECT_TRUE(all.contains(products) && all.contains(prices));
  EXPECT_EQ(of("SELECT n FROM listed").ttl, 30s) << "only what is named counts";
  for (const char* text :
       {"TABLE products", "WITH x AS (SELECT 1 FROM products) SELECT * FROM x",
        "SELECT steady(), concat() FROM products", "SELECT (SELECT 1 FROM prices LIMIT 1) FROM products"}) {
    EXPECT_TRUE(kept(text)) << text;
  }
}

TEST_F(FootprintTest, WhatIsNotListed) {
  grants.cached = {{"shop", "prices", 5s}};
  EXPECT_TRUE(kept("SELECT 1 FROM prices"));
  EXPECT_FALSE(kept("SELECT 1 FROM prices, products"));
  EXPECT_FALSE(kept("SELECT 1 FROM listed")) << "what stands behind it is not what was listed";
  EXPECT_FALSE(kept("SELECT 1"));
  grants.cached.clear();
  EXPECT_FALSE(kept("SELECT 1 FROM prices"));
}

TEST_F(FootprintTest, WhatSaysSomethingElseEachTime) {
  user(30'000, "opaque", 'i', "plpython3u", "x");
  user(30'001, "asks", 's', "sql", "SELECT pg_catalog.clock_timestamp()");
  user(30'002, "honest", 's', "sql", "SELECT 1");
  user(30'003, "moody", 'v', "sql", "SELECT 1");
  for (const char* text : {"SELECT clock_timestamp() FROM products",
                           "SELECT current_schema() FROM products",
                           "SELECT current_date FROM products",
                           "SELECT current_user FROM products",
                           "SELECT n FROM stamped",
                           "SELECT opaque() FROM products",
                           "SELECT asks() FROM products",
                           "SELECT moody() FROM products",
                           "SELECT nobody_knows(1, 2) FROM products",
                           "SELECT 1 FROM products FOR UPDATE",
                           "SELECT 1 FROM products TABLESAMPLE system (1)",
                           "SELECT 1 FROM gone",
                           "SELECT 1 FROM products, pg_catalog.pg_class",
                           "SELECT name::date FROM products",
                           "SELECT name::shop.mood FROM products",
                           "SELECT 1 INTO copied FROM products",
                           "COPY products TO STDOUT",
                           "DECLARE c CURSOR FOR SELECT 1 FROM products",
                           "EXPLAIN SELECT 1 FROM products",
                           "SELECT 1 FROM products; SELECT 1 FROM products",
                           "WITH x AS (DELETE FROM notes RETURNING 1) SELECT 1 FROM products",
                           "SELECT current_setting('TimeZone') FROM products",
                           "SELECT set_config('TimeZone', 'UTC', true) FROM products"}) {
    EXPECT_FALSE(kept(text)) << text;
  }
  EXPECT_TRUE(kept("SELECT honest() FROM products"));
}

TEST_F(FootprintTest, RelationsOfOtherKinds) {
  db.table("far", {"id"}, catalog::RelationKind::foreign_table);
  db.table("counter", {"id"}, catalog::RelationKind::sequence);
  db.view("summed", "SELECT p.id, p.id AS n FROM shop.products p", {"id", "n"},
          catalog::RelationKind::materialized_view);
  db.view("over_far", "SELECT f.id, f.id AS n FROM shop.far f");
  db.row_security = true;
  db.table("secured");
  for (const char* name : {"far", "counter", "over_far", "secured"})
    EXPECT_FALSE(kept(std::string("SELECT 1 FROM ") + name)) << name;
  EXPECT_TRUE(kept("SELECT 1 FROM summed"));
}

TEST_F(FootprintTest, WhatTheServerIsSentCounts) {
  const char* asked = "SELECT id FROM products";
  EXPECT_TRUE(of(asked, "SELECT id FROM (SELECT id FROM shop.products WHERE id = 1) products").cacheable());
  EXPECT_TRUE(of(asked,
                 "SELECT id FROM (SELECT id FROM shop.products WHERE "
                 "name = pg_catalog.current_setting('dbgate.user_region')) products")
                  .cacheable());
  EXPECT_FALSE(of(asked,
                  "SELECT id FROM (SELECT id FROM shop.products WHERE "
                  "name = pg_catalog.current_setting('app.region')) products")
                   .cacheable());
  EXPECT_FALSE(
      of(asked, "SELECT id FROM (SELECT id FROM shop.products WHERE n < pg_catalog.clock_timestamp()) p").cacheable());
  const Footprint more = of(asked, "SELECT id FROM shop.products WHERE id IN (SELECT id FROM shop.notes)");
  EXPECT_EQ(std::set<Oid>(more.reads.begin(), more.reads.end()), (std::set{products, notes}));
}

TEST_F(FootprintTest, WhatIsWritten) {
  user(30'010, "noted", 'v', "plpgsql", "BEGIN UPDATE shop.prices SET price = 1; RETURN NEW; END");
  db.trigger(notes, 30'010, 4 + 1);
  EXPECT_EQ(writes("UPDATE products SET name = 1"), std::set{products});
  EXPECT_EQ(writes("DELETE FROM products; UPDATE prices SET price = 1"), (std::set{products, prices}));
  EXPECT_TRUE(writes("INSERT INTO notes VALUES (1)").contains(prices)) << "a trigger does";
  EXPECT_EQ(writes("WITH x AS (DELETE FROM products RETURNING 1) SELECT * FROM x"), std::set{products});
  EXPECT_EQ(writes("COPY products FROM STDIN"), std::set{products});
  EXPECT_TRUE(writes("TRUNCATE products").contains(products));
  EXPECT_EQ(writes("EXPLAIN ANALYZE DELETE FROM products"), std::set{products});
  for (const char* text :
       {"SELECT 1 FROM notes FOR UPDATE", "BEGIN", "COMMIT", "SET TimeZone = 'UTC'", "SHOW all", "SELECT 1",
        "FETCH ALL FROM c", "LISTEN x", "SELECT clock_timestamp()", "COPY notes TO STDOUT"}) {
    EXPECT_TRUE(writes(text).empty()) << text;
  }
}

TEST_F(FootprintTest, WhatCouldWriteAnything) {
  user(30'020, "compiled", 'v', "c", "x");
  user(30'021, "harmless", 'i', "c", "x");
  user(30'022, "crosstab", 's', "c", "x");
  user(30'023, "counting", 'i', "plpgsql", "BEGIN EXECUTE a; END");
  user(30'024, "unaccent", 's', "c", "x");
  for (const char* text :
       {"DO 'BEGIN END'", "CALL shop.p()", "EXECUTE p", "CREATE TABLE t (a int)", "ALTER TABLE products ADD c int",
        "REFRESH MATERIALIZED VIEW m", "COMMIT PREPARED 'x'", "VACUUM products", "GRANT ALL ON products TO x",
        "UPDATE gone SET a = 1", "SELECT compiled()", "SELECT crosstab()", "SELECT counting()", "SELECT query_to_xml()",
        "CREATE TABLE t AS SELECT 1", "BEGIN; DO 'BEGIN END'"}) {
    EXPECT_TRUE(of(text).writes_anything) << text;
    EXPECT_TRUE(of(text).binds) << text;
  }
  for (const char* text : {"SELECT harmless()", "SELECT unaccent()"})
    EXPECT_FALSE(of(text).writes_anything) << text;
}

TEST_F(FootprintTest, WithoutACatalog) {
  const auto unknown = [this](std::string_view text) {
    return footprint_of(grants, script_of(text), nullptr, nullptr, path);
  };
  EXPECT_TRUE(unknown("SELECT 1 FROM products").writes_anything) << "a view could call anything";
  EXPECT_FALSE(unknown("SELECT 1 FROM products WHERE id = 1").binds);
  EXPECT_TRUE(unknown("SELECT f() FROM products").binds);
  EXPECT_FALSE(unknown("SELECT 1 FROM products").cacheable());
  EXPECT_FALSE(unknown("BEGIN").says_something());
}

TEST_F(FootprintTest, WhatBindsASession) {
  EXPECT_TRUE(of("SELECT set_config('TimeZone', 'UTC', false)").binds);
  EXPECT_FALSE(of("SET TimeZone = 'UTC'").binds) << "is followed";
  EXPECT_FALSE(of("RESET ALL").binds);
  EXPECT_TRUE(of("SET search_path = other").binds) << "names mean other tables";
  EXPECT_TRUE(of("SET LOCAL search_path = other").binds);
  EXPECT_FALSE(of("UPDATE products SET name = 1").binds);
}

TEST(Steady, WordsForTheMoment) {
  for (const char* text : {"now", "'NOW'", "x'today 10:00'", "Yesterday", "to tomorrow", "E'\\x6eow'",
                           "U&'!006eow' UESCAPE '!'", "u&'x'", "known"}) {
    EXPECT_TRUE(may_say_now(text)) << text;
  }
  for (const char* text : {"", "SELECT 1", "no w", "to day", "'2024-01-01'"})
    EXPECT_FALSE(may_say_now(text)) << text;
  EXPECT_FALSE(holds_now("\\"));
  EXPECT_TRUE(holds_now(std::string_view("\0\0\0\3NoW", 7)));
  EXPECT_TRUE(is_steady("concat"));
  for (const char* name :
       {"now", "current_setting", "age", "date_in", "txid_current", "json_populate_record", "random", "version"})
    EXPECT_FALSE(is_steady(name)) << name;
}

}  // namespace
}  // namespace dbgate::policy
