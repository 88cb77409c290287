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

// Of a table without times, one of instants alone, one of days alone, and one that has both.
std::string resting(const char* text) {
  const Times times = read_condition(text).times;
  std::string on;
  for (const auto& [instants, days] : {std::pair{false, false}, {true, false}, {false, true}, {true, true}})
    on += times.rest_on_session(instants, days) ? 'x' : '-';
  return on;
}

TEST(RowFilters, ConditionsThatRestOnZoneAndFormat) {
  EXPECT_EQ(resting("day <= current_date"), "xxxx");
  EXPECT_EQ(resting("at < localtimestamp"), "xxxx");
  EXPECT_EQ(resting("at < now()"), "--xx");
  EXPECT_EQ(resting("at > now() - interval '30 days'"), "--xx");
  EXPECT_EQ(resting("at > clock_timestamp()"), "--xx");
  EXPECT_EQ(resting("at < '2024-05-06 07:08'"), "-x-x");
  EXPECT_EQ(resting("at < '2024-05-06 07:08+00'"), "---x");
  EXPECT_EQ(resting("at < '2024-05-06T07:08:00Z'"), "---x");
  EXPECT_EQ(resting("day < '2024-05-06'"), "-x-x");
  EXPECT_EQ(resting("day < '05/06/2024'"), "-xxx");
  EXPECT_EQ(resting("day < 'tomorrow'"), "-xxx");
  EXPECT_EQ(resting("at::date < other"), "-x-x");
  EXPECT_EQ(resting("day <= timezone('UTC', now())"), "----");
  EXPECT_EQ(resting("day <= (now() AT TIME ZONE 'UTC')::date"), "----");
  EXPECT_EQ(resting("\"current_date\" = 1"), "xxxx") << "too careful, with a name that nobody has";
  for (const char* text : {"tenant = :user.tenant", "address = '10.0.0.1'", "version > '1.2.3'", "id::text = '42'",
                           "note = 'today'", "phone = '555-1234'", "id = ANY (string_to_array(:user.ids, ',')::int[])"})
    EXPECT_EQ(resting(text).front(), '-') << text;
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
