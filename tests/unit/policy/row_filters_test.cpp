#include "gateway/policy/row_filters.h"

#include <gtest/gtest.h>

namespace dbgate::policy {
namespace {

using Names = std::vector<std::string>;

TEST(RowFilters, AttributesAreSettings) {
  const RowCondition condition = read_condition("region = :user.region AND owner = :user.name");
  EXPECT_EQ(condition.problem, "");
  EXPECT_EQ(condition.sql,
            "region = pg_catalog.current_setting('dbgate.user_region') AND owner = "
            "pg_catalog.current_setting('dbgate.user_name')");
  EXPECT_EQ(condition.attributes, (Names{"region", "name"}));
  EXPECT_EQ(condition.columns, (Names{"region", "owner"}));
}

TEST(RowFilters, ConditionsOfOneTable) {
  for (const char* text :
       {"true", "deleted IS NULL", "id = ANY (string_to_array(:user.ids, ',')::int[])", "tenant = :user.tenant::int",
        "\"odd \"\" name\" = 'x;y)' -- to the end", "(a OR b) AND NOT c", "note <> ':user.region'",
        "day > now() - interval '1 day'", "a::text = 'x' /* ) */"}) {
    EXPECT_EQ(read_condition(text).problem, "") << text;
  }
  EXPECT_TRUE(read_condition("note <> ':user.region'").attributes.empty());
}

TEST(RowFilters, WhatIsNoCondition) {
  for (const char* text : {"",
                           "true) OR (true",
                           "true; DROP TABLE t",
                           "a = 'open",
                           "a /* open",
                           "id IN (SELECT 1)",
                           "EXISTS (TABLE other)",
                           "t.id = 1",
                           "public.t.id = 1",
                           "region = :region",
                           "region = :user .region",
                           "region = :user.Region",
                           "region = : user.region",
                           "region = :user",
                           "id = $1 (",
                           "a = 1, b = 2",
                           "* ",
                           "1 1",
                           "true) UNION SELECT 1 WHERE (true",
                           "true) FOR UPDATE --"}) {
    EXPECT_NE(read_condition(text).problem, "") << text;
  }
}

TEST(RowFilters, MistakesHaveTheirPlace) {
  const config::Loaded loaded = config::load_text(
      "version: 1\n"
      "users: [ { name: u, scram_verifier: 'SCRAM-SHA-256$x' } ]\n"
      "targets: { shop: { upstream: { hosts: [db], database: shop, user: dbgate } } }\n"
      "policies:\n"
      "  - name: p\n"
      "    who: { users: [u] }\n"
      "    on: [shop]\n"
      "    filter:\n"
      "      public.good: \"id = 1\"\n"
      "      public.bad: \"id = (SELECT 1)\"\n",
      "f.yaml", "/");
  ASSERT_TRUE(loaded.config);
  const auto problems = check_filters(*loaded.config, "f.yaml");
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].line, 10);
  EXPECT_EQ(problems[0].column, 19);
  EXPECT_NE(problems[0].line_text().find("f.yaml:10:19: error: p/filter of public.bad: must not have sub-queries"),
            std::string::npos)
      << problems[0].line_text();
}

}  // namespace
}  // namespace dbgate::policy
