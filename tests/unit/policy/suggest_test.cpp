#include "gateway/policy/suggest.h"

#include <gtest/gtest.h>

#include "tests/unit/policy/policies.h"

namespace dbgate::policy {
namespace {

std::string suggested(const Grants& grants, std::string_view text) {
  const sql::AnalyzeResult result = sql::analyze(text, sql::ScanLimits{});
  if (!result.script || result.script->statements.size() != 1) return "not a statement";
  const sql::Statement& statement = result.script->statements[0];
  const NameContext context{{"public"}, "shop"};
  EXPECT_FALSE(decide(grants, statement, context).allowed()) << text;
  return suggest(grants, statement, text.substr(statement.begin, statement.length), context);
}

TEST(Suggest, DropsWhatMayNotBeRead) {
  const auto grants = grants_of({"{ select: ['public.customers(id, city)'], functions: [safe] }"});
  EXPECT_EQ(suggested(*grants, "SELECT * FROM customers WHERE id = 1"), "SELECT city, id FROM customers WHERE id = 1");
  EXPECT_EQ(suggested(*grants, "select c.* from public.customers c limit 5"),
            "SELECT c.city, c.id from public.customers c limit 5");
  EXPECT_EQ(suggested(*grants, "SELECT id, email, upper(city) AS c, lower(email), 'a, b' FROM customers ORDER BY 1"),
            "SELECT id, upper(city) AS c, 'a, b' FROM customers ORDER BY 1");
  EXPECT_EQ(suggested(*grants, "SELECT id, pg_sleep(1) FROM customers"), "SELECT id FROM customers");
}

TEST(Suggest, KeepsToDenyRules) {
  const auto grants = grants_of({"{ everything: true }"}, {"{ select: ['public.customers(card)'] }"});
  EXPECT_EQ(suggested(*grants, "SELECT id, card FROM customers"), "SELECT id FROM customers");
  EXPECT_EQ(suggested(*grants, "SELECT * FROM customers"), "");  // which columns there are is the catalog's to say
}

TEST(Suggest, AsksForAConditionWhereOneIsRequired) {
  const auto grants =
      grants_of({"{ update: ['public.orders(status)'], delete: [public.orders], require: { where: true } }",
                 "{ select: ['public.orders(id)'] }"});
  EXPECT_EQ(suggested(*grants, "UPDATE orders SET status = 'x'"), "UPDATE orders SET status = 'x' WHERE …");
  EXPECT_EQ(suggested(*grants, "DELETE FROM orders RETURNING id;"), "DELETE FROM orders WHERE … RETURNING id");
  EXPECT_EQ(suggested(*grants, "DELETE FROM orders -- all"), "DELETE FROM orders WHERE …");
  EXPECT_EQ(suggested(*grants, "UPDATE orders SET total = 0"), "");
  EXPECT_EQ(suggested(*grants, "DELETE FROM customers"), "");
}

TEST(Suggest, AQueryInPlaceOfCopy) {
  const auto grants = grants_of({"{ select: [public.orders, 'public.customers(id, \"City\", user)'] }"});
  EXPECT_EQ(suggested(*grants, "COPY public.orders TO STDOUT"), "SELECT * FROM public.orders");
  EXPECT_EQ(suggested(*grants, "COPY customers TO STDOUT"), "SELECT \"City\", id, \"user\" FROM customers");
  EXPECT_EQ(suggested(*grants, "COPY customers (id, email) TO STDOUT"), "SELECT id FROM customers");
  EXPECT_EQ(suggested(*grants, "COPY orders TO '/tmp/x'"), "SELECT * FROM orders");
}

TEST(Suggest, SaysNothingOfWhatOneMayNotKnow) {
  const auto grants = grants_of({"{ select: ['public.customers(id)', 'public.orders(id)'] }"});
  for (const char* text :
       {"SELECT * FROM cards", "SELECT secret FROM customers", "SELECT id FROM customers WHERE secret = 1",
        "SELECT id FROM customers ORDER BY secret", "SELECT customers.*, orders.* FROM customers, orders",
        "SELECT * FROM customers FOR UPDATE", "SELECT * INTO x FROM customers", "DROP TABLE customers",
        "TRUNCATE orders", "INSERT INTO orders VALUES (1)",
        "WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x", "SELECT U&'x', * FROM customers", "TABLE cards",
        "SELECT (SELECT secret FROM customers)", "DO 'x'"}) {
    EXPECT_EQ(suggested(*grants, text), "") << text;
  }
  EXPECT_EQ(suggested(*grants, "SELECT id, secret FROM customers WHERE id = '" + std::string(1024, 'x') + "'"), "");
}

}  // namespace
}  // namespace dbgate::policy
