#include <gtest/gtest.h>

#include "gateway/catalog/builder.h"
#include "tests/unit/policy/policies.h"

namespace dbgate::policy {
namespace {

using catalog::Oid;

/// A small catalog: a few types of pg_catalog, and what a test adds.
class Catalog {
 public:
  Catalog() {
    builder_.add(catalog::Schema{system, "pg_catalog"});
    builder_.add(catalog::Schema{public_, "public"});
    builder_.add(catalog::Schema{shop, "shop"});
    for (const auto& [oid, name] : {std::pair<Oid, const char*>{16, "bool"},
                                    {20, "int8"},
                                    {23, "int4"},
                                    {25, "text"},
                                    {1043, "varchar"},
                                    {3802, "jsonb"}}) {
      catalog::Type type;
      type.oid = oid;
      type.schema = system;
      type.name = name;
      builder_.add(type);
    }
    builder_.add(catalog::Cast{1043, 25, 0, 'i', 'b'});
    builder_.add(catalog::Cast{23, 20, 0, 'i', 'f'});
    function(system, "lower", {25});
    operation(system, "=", 23, 23, function(system, "int4eq", {23, 23}));
  }

  void type(Oid oid, const char* name, Oid schema = shop) {
    catalog::Type type;
    type.oid = oid;
    type.schema = schema;
    type.name = name;
    builder_.add(type);
  }
  void domain(Oid oid, const char* name, Oid base) {
    catalog::Type type;
    type.oid = oid;
    type.schema = public_;
    type.name = name;
    type.kind = 'd';
    type.base = base;
    builder_.add(type);
  }
  Oid table(Oid schema, const char* name, const std::vector<std::pair<const char*, Oid>>& columns, Oid parent = 0) {
    catalog::Relation relation;
    relation.oid = ++last_;
    relation.schema = schema;
    relation.name = name;
    builder_.add(relation);
    std::int16_t number = 0;
    for (const auto& [column, type] : columns) {
      catalog::Column row;
      row.name = column;
      row.type = type;
      row.number = ++number;
      builder_.add_column(relation.oid, row);
    }
    if (parent != 0) builder_.add_parent(relation.oid, parent);
    return relation.oid;
  }
  Oid function(Oid schema, const char* name, const std::vector<Oid>& arguments, const char* language = "sql",
               char volatility = 'v') {
    catalog::Function function;
    function.oid = ++last_;
    function.schema = schema;
    function.name = name;
    function.arguments = arguments;
    function.language = language;
    function.volatility = volatility;
    builder_.add(function);
    return function.oid;
  }
  void operation(Oid schema, const char* name, Oid left, Oid right, Oid function) {
    catalog::Operator row;
    row.oid = ++last_;
    row.schema = schema;
    row.name = name;
    row.left = left;
    row.right = right;
    row.function = function;
    builder_.add(row);
  }
  void foreign_key(Oid from, Oid to) {
    catalog::ForeignKey row;
    row.relation = from;
    row.referenced = to;
    builder_.add(row);
  }
  void other_encoding(const std::vector<const char*>& names) {
    builder_.set_other_encoding();
    for (const char* const name : names)
      builder_.add_wide_name(name);
  }
  void virtual_part(Oid table, std::int16_t column, std::int16_t from) {
    builder_.add_virtual_part(table, {column, from});
  }
  void build() {
    snapshot_ = builder_.build(1, 150000);
    resolver_.emplace(*snapshot_, std::vector<std::string>{"public"}, "dbgate");
  }
  Verdict verdict(const Grants& grants, std::string_view sql) const {
    return verdict_on(grants, sql, {"public"}, &*resolver_);
  }
  bool allows(const Grants& grants, std::string_view sql) const { return verdict(grants, sql).allowed(); }
  /// As sessions with deny rules have it: followed through views and functions as well.
  Verdict followed(const Grants& grants, std::string_view sql) const {
    const catalog::Closure closure(snapshot_);
    const sql::AnalyzeResult result = sql::analyze(sql, sql::ScanLimits{}, &*resolver_);
    return decide(grants, result.script->statements.front(), {{"public"}, "shop", &*resolver_, &closure, {}});
  }

  static constexpr Oid system = 11, public_ = 2200, shop = 3000;

 private:
  catalog::SnapshotBuilder builder_;
  std::shared_ptr<const catalog::Snapshot> snapshot_;
  std::optional<catalog::Resolver> resolver_;
  Oid last_ = 10'000;
};

TEST(WithCatalog, ColumnsAreThoseThatTheTablesHave) {
  Catalog catalog;
  catalog.table(Catalog::public_, "people", {{"id", 23}, {"city", 25}, {"email", 25}});
  catalog.table(Catalog::public_, "orders", {{"person", 23}, {"total", 23}});
  catalog.build();
  const auto grants = grants_of({"{ select: [\"public.people(id, city)\", public.orders], functions: [safe] }"});
  for (const char* sql : {"SELECT city, total FROM people, orders WHERE person = id",
                          "SELECT (SELECT max(total) FROM orders WHERE person = people.id) FROM people",
                          "SELECT total AS email FROM orders ORDER BY email"}) {
    EXPECT_TRUE(catalog.allows(*grants, sql)) << sql;
  }
  for (const char* sql : {"SELECT email FROM people, orders", "SELECT * FROM people", "SELECT p FROM people p",
                          "SELECT total FROM orders WHERE EXISTS (SELECT FROM people WHERE email LIKE 'a%')",
                          "SELECT gone FROM people"}) {
    EXPECT_FALSE(catalog.allows(*grants, sql)) << sql;
  }
}

TEST(WithCatalog, TruncateEmptiesWhatRefersToIt) {
  Catalog catalog;
  const Oid customers = catalog.table(Catalog::public_, "customers", {{"id", 23}});
  const Oid orders = catalog.table(Catalog::shop, "orders", {{"id", 23}, {"customer", 23}});
  catalog.table(Catalog::shop, "orders_old", {{"id", 23}, {"customer", 23}}, orders);
  const Oid lines = catalog.table(Catalog::shop, "lines", {{"order_id", 23}});
  const Oid alone = catalog.table(Catalog::public_, "alone", {{"id", 23}});
  catalog.foreign_key(orders, customers);
  catalog.foreign_key(lines, orders);
  catalog.foreign_key(customers, lines);
  catalog.foreign_key(alone, alone);
  catalog.build();
  const std::string some = "{ truncate: [\"public.*\"] }";
  const auto only_public = grants_of({some});
  EXPECT_TRUE(catalog.allows(*only_public, "TRUNCATE customers"));
  EXPECT_TRUE(catalog.allows(*only_public, "TRUNCATE alone CASCADE"));
  const Verdict denied = catalog.verdict(*only_public, "TRUNCATE customers CASCADE");
  EXPECT_EQ(denied.message,
            "permission denied by dbgate policy: no rule allows TRUNCATE on shop.orders, which CASCADE empties with "
            "customers");
  EXPECT_FALSE(
      catalog.allows(*grants_of({some, "{ truncate: [shop.orders, shop.orders_old] }"}), "TRUNCATE customers CASCADE"));
  EXPECT_FALSE(
      catalog.allows(*grants_of({some, "{ truncate: [shop.orders, shop.lines] }"}), "TRUNCATE customers CASCADE"));
  EXPECT_TRUE(catalog.allows(*grants_of({some, "{ truncate: [\"shop.*\"] }"}), "TRUNCATE customers CASCADE"));
  EXPECT_FALSE(catalog.allows(*only_public, "TRUNCATE gone CASCADE"));
  EXPECT_FALSE(allows(*only_public, "TRUNCATE customers CASCADE"));
}

// Of stored ones the value is the column's own; virtual ones are computed from the others when they are read.
TEST(WithCatalog, VirtualColumnsAreReadWithWhatTheyAreComputedFrom) {
  Catalog catalog;
  const Oid people = catalog.table(Catalog::public_, "people", {{"id", 23}, {"email", 25}, {"shown", 25}});
  catalog.virtual_part(people, 3, 2);
  catalog.build();
  const auto all = grants_of({"{ everything: true }"}, {"{ select: [\"public.people(email)\"] }"});
  const auto some = grants_of({"{ select: [\"public.people(id, shown)\"], update: [public.people] }"});
  for (const char* sql : {"SELECT shown FROM people", "SELECT p.shown FROM people p",
                          "COPY people (id, shown) TO STDOUT", "SELECT id FROM people WHERE shown LIKE 'a%'",
                          "SELECT * FROM people", "UPDATE people SET id = 1 RETURNING shown", "SELECT p FROM people p",
                          "SELECT (SELECT shown) FROM people", "SELECT s FROM (SELECT shown AS s FROM people) x"}) {
    EXPECT_FALSE(catalog.allows(*all, sql)) << sql;
    EXPECT_FALSE(catalog.allows(*some, sql)) << sql;
  }
  EXPECT_TRUE(catalog.allows(*all, "SELECT id FROM people"));
  EXPECT_TRUE(catalog.allows(*some, "SELECT id FROM people"));
  const auto both = grants_of({"{ select: [\"public.people(email, shown)\"] }"});
  EXPECT_TRUE(catalog.allows(*both, "SELECT shown FROM people"));
}

TEST(WithCatalog, ARightToAParentIsNoneToItsPartitions) {
  Catalog catalog;
  const Oid events = catalog.table(Catalog::shop, "events", {{"id", 23}, {"note", 25}});
  const Oid y2024 = catalog.table(Catalog::shop, "events_2024", {{"id", 23}, {"note", 25}}, events);
  catalog.table(Catalog::shop, "events_2024_1", {{"id", 23}, {"note", 25}}, y2024);
  catalog.build();
  const auto parent = grants_of({"{ select: [shop.events], delete: [shop.events] }"});
  EXPECT_FALSE(catalog.allows(*parent, "SELECT id FROM shop.events"));
  EXPECT_NE(catalog.verdict(*parent, "SELECT id FROM shop.events").message.find("shop.events_2024"), std::string::npos);
  EXPECT_TRUE(catalog.allows(*parent, "SELECT id FROM ONLY shop.events"));
  EXPECT_FALSE(catalog.allows(*parent, "DELETE FROM shop.events WHERE id = 1"));
  EXPECT_FALSE(catalog.allows(*parent, "SELECT id FROM shop.events_2024"));
  const auto two = grants_of({"{ select: [shop.events, shop.events_2024] }"});
  EXPECT_FALSE(catalog.allows(*two, "SELECT id FROM shop.events"));
  for (const char* rule : {"{ select: [shop.events], descendants: true }", "{ select: [\"shop.*\"] }",
                           "{ select: [shop.events, shop.events_2024, shop.events_2024_1] }", "{ pack: readonly }"}) {
    EXPECT_TRUE(catalog.allows(*grants_of({rule}), "SELECT id FROM shop.events")) << rule;
  }
  // Along with the parent is not by itself.
  EXPECT_FALSE(
      catalog.allows(*grants_of({"{ select: [shop.events], descendants: true }"}), "SELECT id FROM shop.events_2024"));
}

TEST(WithCatalog, ADenialHoldsForRowsWhereverTheyAreShown) {
  Catalog catalog;
  const Oid events = catalog.table(Catalog::shop, "events", {{"id", 23}, {"note", 25}});
  catalog.table(Catalog::shop, "events_2024", {{"id", 23}, {"note", 25}}, events);
  catalog.build();
  const auto of_parent = grants_of({"{ everything: true }"}, {"{ select: [shop.events] }"});
  EXPECT_FALSE(catalog.allows(*of_parent, "SELECT id FROM shop.events_2024"));
  const auto of_child = grants_of({"{ everything: true }"}, {"{ select: [\"shop.events_2024(note)\"] }"});
  EXPECT_FALSE(catalog.allows(*of_child, "SELECT note FROM shop.events"));
  EXPECT_TRUE(catalog.allows(*of_child, "SELECT id FROM shop.events"));
  EXPECT_TRUE(catalog.allows(*of_child, "SELECT note FROM ONLY shop.events"));
}

TEST(WithCatalog, ADomainIsAlteredWhereItsValuesMayBeRead) {
  Catalog catalog;
  catalog.domain(5001, "pan", 25);
  catalog.domain(5002, "short_pan", 5001);
  catalog.domain(5003, "city", 25);
  catalog.table(Catalog::public_, "cards", {{"id", 23}, {"number", 5002}, {"town", 5003}});
  catalog.build();
  const auto grants = grants_of({"{ everything: true }"}, {"{ select: [\"public.cards(number)\"] }"});
  for (const char* sql :
       {"ALTER DOMAIN pan ADD CHECK (VALUE < 'x')", "ALTER DOMAIN short_pan ADD CONSTRAINT c CHECK (VALUE < 'x')",
        "ALTER DOMAIN public.short_pan VALIDATE CONSTRAINT c", "ALTER DOMAIN pan SET NOT NULL",
        "ALTER DOMAIN unheard_of SET NOT NULL"})
    EXPECT_FALSE(catalog.followed(*grants, sql).allowed()) << sql;
  EXPECT_TRUE(catalog.followed(*grants, "ALTER DOMAIN city ADD CHECK (VALUE < 'x')").allowed());
  const auto writing = grants_of({"{ everything: true }"}, {"{ insert: [public.cards] }"});
  EXPECT_TRUE(catalog.followed(*writing, "ALTER DOMAIN pan ADD CHECK (VALUE < 'x')").allowed());
}

// No function of that name takes so many arguments here: another server, or a mistake. There is no way to show.
TEST(WithCatalog, AFunctionThatIsNotThereIsDeniedWhereRulesDeny) {
  Catalog catalog;
  catalog.table(Catalog::public_, "t", {{"id", 23}, {"s", 25}});
  catalog.table(Catalog::public_, "cards", {{"number", 25}});
  catalog.build();
  const auto grants = grants_of({"{ select: [public.t], functions: [safe] }"}, {"{ select: [public.cards] }"});
  EXPECT_TRUE(catalog.followed(*grants, "SELECT lower(s) FROM t").allowed());
  const Verdict verdict = catalog.followed(*grants, "SELECT lower(s, s, s) FROM t");
  EXPECT_FALSE(verdict.allowed());
  EXPECT_EQ(verdict.reasons.front(),
            "the statement runs code that could reach what is denied; allow that function by name");
}

TEST(WithCatalog, ARightToAFunctionIsToThatOverload) {
  Catalog catalog;
  catalog.table(Catalog::public_, "t", {{"n", 23}, {"j", 3802}, {"b", 20}});
  catalog.function(Catalog::shop, "price", {23});
  catalog.function(Catalog::shop, "price", {3802});
  catalog.build();
  const auto grants = grants_of({"{ select: [public.t], functions: [\"shop.price(integer)\"] }"});
  for (const char* sql : {"SELECT shop.price(5)", "SELECT shop.price('5'::int)", "SELECT shop.price(n) FROM t",
                          "SELECT shop.price(x.n) FROM t x"})
    EXPECT_TRUE(catalog.allows(*grants, sql)) << sql;
  for (const char* sql : {"SELECT shop.price('{}')", "SELECT shop.price('5')", "SELECT shop.price(NULL)",
                          "SELECT shop.price($1)", "SELECT shop.price('{}'::jsonb)", "SELECT shop.price(j) FROM t",
                          "SELECT shop.price(n) FROM (SELECT '{}'::jsonb AS n) s", "SELECT shop.price(1, 2)",
                          "SELECT shop.price(n) FROM t AS x(j, n)", "SELECT shop.price(VARIADIC ARRAY[1])"})
    EXPECT_FALSE(catalog.allows(*grants, sql)) << sql;
  EXPECT_TRUE(catalog.allows(*grants_of({"{ functions: [shop.price] }"}), "SELECT shop.price('{}')"));
}

TEST(WithCatalog, AnOverloadOfASafeFunctionIsNotSafe) {
  Catalog catalog;
  catalog.table(Catalog::public_, "t", {{"s", 25}, {"j", 3802}});
  catalog.function(Catalog::public_, "lower", {3802});
  catalog.build();
  const auto grants = grants_of({"{ select: [public.t], functions: [safe] }"});
  EXPECT_TRUE(catalog.allows(*grants, "SELECT lower(s) FROM t"));
  EXPECT_TRUE(catalog.allows(*grants, "SELECT pg_catalog.lower('{}')"));
  EXPECT_FALSE(catalog.allows(*grants, "SELECT lower(j) FROM t"));
  EXPECT_FALSE(catalog.allows(*grants, "SELECT lower('{}')"));
}

// Extensions bring operators for types of their own; nobody calls them who has no such value.
TEST(WithCatalog, OperatorsOfUsersNeedARight) {
  Catalog catalog;
  catalog.type(5000, "citext", Catalog::public_);
  catalog.table(Catalog::public_, "t", {{"n", 23}, {"s", 25}});
  catalog.table(Catalog::public_, "c", {{"n", 23}, {"name", 5000}});
  catalog.operation(Catalog::public_, "=", 5000, 5000,
                    catalog.function(Catalog::public_, "citext_eq", {5000, 5000}, "c", 'i'));
  catalog.operation(Catalog::public_, "~>", 25, 25, catalog.function(Catalog::public_, "leak", {25, 25}));
  catalog.operation(Catalog::public_, "<~", 5000, 5000, catalog.function(Catalog::public_, "leak", {5000, 5000}));
  catalog.build();
  const auto grants = grants_of({"{ select: [public.t, public.c] }"});
  EXPECT_TRUE(catalog.allows(*grants, "SELECT 1 FROM t WHERE n = 1"));
  EXPECT_TRUE(catalog.allows(*grants, "SELECT 1 FROM c WHERE name = 'x'"));
  EXPECT_FALSE(catalog.allows(*grants, "SELECT s ~> 'x' FROM t"));
  EXPECT_FALSE(catalog.allows(*grants, "SELECT name <~ 'x' FROM c"));
  EXPECT_FALSE(catalog.allows(*grants, "SELECT s OPERATOR(public.~>) 'x' FROM t"));
  EXPECT_TRUE(catalog.allows(*grants_of({"{ select: [public.t], functions: [\"public.leak(text, text)\"] }"}),
                             "SELECT s ~> 'x' FROM t"));
}

// The server's choice among overloads, where constants, parameters, rows and domains leave it one.
TEST(WithCatalog, AnOverloadForATypeOfUsersIsReachedInManyWays) {
  Catalog catalog;
  catalog.type(5000, "mood", Catalog::shop);
  catalog.table(Catalog::public_, "t", {{"n", 23}, {"s", 25}, {"total", 23}});
  catalog.table(Catalog::public_, "u", {{"n", 25}});
  catalog.function(Catalog::shop, "size", {23});
  catalog.function(Catalog::shop, "size", {5000});
  catalog.build();
  const auto grants = grants_of({"{ select: [public.t, public.u], functions: [\"shop.size(integer)\"] }"});
  for (const char* sql : {"SELECT shop.size(1)", "SELECT shop.size(total) FROM t", "SELECT shop.size(x.total) FROM t x",
                          "SELECT shop.size($1::int)"})
    EXPECT_TRUE(catalog.allows(*grants, sql)) << sql;
  for (const char* sql : {"SELECT shop.size('glad')", "SELECT shop.size(NULL)", "SELECT shop.size($1)",
                          "SELECT shop.size(total) FROM u AS total, t", "SELECT shop.size(s) FROM t",
                          "SELECT shop.size(a => 'glad')", "SELECT shop.gone(1)"})
    EXPECT_FALSE(catalog.allows(*grants, sql)) << sql;
}

// Another letter may be the same one there: what folds, what is cut, what two letters come to.
TEST(WithCatalog, NamesBeyondAsciiAreExactWhereTheEncodingIsNotUtf8) {
  const std::string edge = std::string(61, 'x') + "é", beyond = edge + "y";
  const auto tables = [&](Catalog& catalog) {
    catalog.table(Catalog::public_, "clienté", {{"né", 25}, {"email", 25}});
    catalog.table(Catalog::public_, edge.c_str(), {{"id", 23}});
    catalog.table(Catalog::public_, beyond.c_str(), {{"id", 23}});
  };
  Catalog utf8, latin;
  tables(utf8);
  tables(latin);
  latin.other_encoding({"né", "clienté", edge.c_str(), beyond.c_str()});
  utf8.build();
  latin.build();
  const auto quoted = [](const std::string& name) { return "SELECT id FROM \"" + name + "\""; };
  for (const auto& grants : {grants_of({"{ select: [\"public.*\"] }"}),
                             grants_of({"{ everything: true }"}, {"{ select: [public.gone] }"})}) {
    for (const std::string& sql : {std::string("SELECT \"né\" FROM \"clienté\""), quoted(edge),
                                   std::string("SELECT email, 'É' FROM \"clienté\" -- É")}) {
      EXPECT_TRUE(latin.allows(*grants, sql)) << sql;
      EXPECT_TRUE(utf8.allows(*grants, sql)) << sql;
    }
    for (const std::string& sql :
         {std::string("SELECT né FROM \"clienté\""), std::string("SELECT email FROM clienté"),
          std::string("SELECT email FROM \"clienté\" AS \"ö\""), std::string(R"(SELECT email FROM U&"client\00e9")"),
          std::string(R"(SELECT email FROM U&"client!00e9" UESCAPE '!')"), quoted(beyond)}) {
      const Verdict verdict = latin.verdict(*grants, sql);
      EXPECT_EQ(verdict.decision, Decision::deny) << sql;
      EXPECT_EQ(verdict.rule_id, "builtin/encoding") << sql;
      EXPECT_NE(verdict.hint, "") << sql;
      EXPECT_TRUE(utf8.allows(*grants, sql)) << sql;
    }
  }
  const auto unrestricted = grants_of({"{ everything: true }"});
  EXPECT_TRUE(latin.allows(*unrestricted, "SELECT email AS ö FROM clientÉ"));
}

TEST(WithCatalog, LiteralsThatAreNamesAreAsciiWhereTheEncodingIsNotUtf8) {
  Catalog catalog;
  catalog.other_encoding({"é"});
  catalog.build();
  const auto grants =
      grants_of({"{ pack: introspection }", "{ set: [search_path], functions: [pg_catalog.set_config] }"});
  EXPECT_TRUE(catalog.allows(*grants, "SET search_path TO shop"));
  EXPECT_FALSE(catalog.allows(*grants, "SET search_path TO 'É'"));
  EXPECT_FALSE(catalog.allows(*grants, "SELECT set_config('search_path', 'É', false)"));
  EXPECT_EQ(catalog.verdict(*grants, "SELECT pg_get_viewdef('É')").rule_id, "builtin/encoding");
  EXPECT_TRUE(catalog.allows(*grants, "SELECT 'É'"));
}

}  // namespace
}  // namespace dbgate::policy
