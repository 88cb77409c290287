#include "gateway/adapters/pg_plan_source.h"

#include <gtest/gtest.h>

namespace dbgate::adapters {
namespace {

double rows(const char* json) {
  const auto found = rows_of_plan(json);
  return found ? *found : -1;
}

TEST(PgPlanSource, RowsThatAreReturned) {
  EXPECT_EQ(rows(R"([{"Plan": {"Node Type": "Seq Scan", "Plan Rows": 2550}}])"), 2550);
  EXPECT_EQ(rows(R"([{"Plan": {"Node Type": "Limit", "Plan Rows": 10, "Plans": [{"Plan Rows": 9999}]}}])"), 10);
  EXPECT_EQ(rows(R"([{"Plan": {"Node Type": "Seq Scan", "Plan Rows": 1e9}}])"), 1e9);
}

TEST(PgPlanSource, RowsThatAreChanged) {
  EXPECT_EQ(rows(R"([{"Plan": {"Node Type": "ModifyTable", "Operation": "Delete", "Plan Rows": 0, "Plans": [
    {"Node Type": "CTE Scan", "Parent Relationship": "InitPlan", "Plan Rows": 7},
    {"Node Type": "Append", "Parent Relationship": "Outer", "Plan Rows": 42, "Plans": [{"Plan Rows": 42}]}]}}])"),
            42);
  EXPECT_EQ(rows(R"([{"Plan": {"Node Type": "ModifyTable", "Plan Rows": 5}}])"), 5) << "nothing is below";
}

TEST(PgPlanSource, WhatIsNoPlan) {
  for (const char* json : {"", "[]", "{}", "[1]", "[{}]", R"([{"Plan": 1}])", R"([{"Plan": {}}, {}])", "[[["})
    EXPECT_EQ(rows(json), -1) << json;
  EXPECT_EQ(rows(R"([{"Plan": {"Plan Rows": "x", "Node Type": 1, "Plans": [1]}}])"), 0);
  EXPECT_EQ(rows(R"([{"Plan": {"Node Type": "ModifyTable", "Plans": [1, {"Plan Rows": null}]}}])"), 0);
}

}  // namespace
}  // namespace dbgate::adapters
