#include "cli/commands/approval_sheet.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace dbgate::cli {
namespace {

boost::json::object approval() {
  return boost::json::parse(R"({
    "id": "apr_1", "kind": "statement", "state": "pending", "requester": "ana", "target": "shop", "database": "shop_db",
    "session_id": null, "rule": "analysts/risk.hold_at", "reason": "the customer asks", "ticket": null,
    "approvers": {"groups": ["dba"], "users": ["carl"], "needed": 2},
    "votes": [{"by": "bob", "approve": true, "reason": null, "ticket": "T-1", "voted_at": "2026-11-21T05:06:03Z"}],
    "missing": 1, "may_decide": true, "once": true, "operation": "DELETE", "risk_level": "high",
    "sql": "DELETE FROM orders\nWHERE id < 7", "sql_bytes": 30, "created_at": "2026-11-21T05:04:03Z",
    "decide_by": "2026-11-21T05:19:03Z", "good_until": null,
    "details": {"risk": {"level": "high", "score": 70, "rules": [{"id": "DML-02", "title": "many rows",
        "about": "orders", "why": "rows go", "remedy": "a narrower WHERE"}]},
      "relations": [{"name": "orders", "effects": ["delete"], "reads": ["id"], "writes": []}], "functions": ["now"],
      "reasons": [], "application": "psql",
      "plan": "Delete on orders\n  Seq Scan", "estimate": {"rows": 12}}})")
      .as_object();
}

TEST(Sheet, HasAllThatThereIsToDecideBy) {
  EXPECT_EQ(approval_sheet(approval()), R"(apr_1  pending
  asked by   ana, at 2026-11-21T05:04:03Z
  for        shop/shop_db, statement DELETE
  reason     the customer asks
  rule       analysts/risk.hold_at
  approvers  1 more of group dba, user carl
  you        may decide
  vote       bob: yes, 2026-11-21T05:06:03Z, ticket T-1
  decide by  2026-11-21T05:19:03Z

SQL
  DELETE FROM orders
  WHERE id < 7

Risk  high (70 of 100)
  DML-02  many rows: orders
      rows go
      instead: a narrower WHERE

Objects
  orders  delete; reads id
  functions: now

Application
  psql

Plan
  Delete on orders
    Seq Scan

Estimate
  rows: 12
)");
}

TEST(Sheet, ShowsWhatAStrangerHasWritten) {
  boost::json::object hostile = approval();
  for (const char* const member : {"requester", "reason", "rule", "sql", "operation"})
    hostile[member] = "\x1b[2J\u202e";
  hostile["details"].as_object()["plan"] = "\x1b]0;t\x07";
  const std::string sheet = approval_sheet(hostile);
  EXPECT_EQ(sheet.find('\x1b'), std::string::npos);
  EXPECT_EQ(sheet.find("\u202e"), std::string::npos);
}

TEST(Sheet, AnythingMayBeMissing) {
  EXPECT_EQ(approval_sheet({{"id", "apr_1"}, {"state", "expired"}}), "apr_1  expired\n");
  for (const char* const details : {"[]", "{\"risk\":7,\"relations\":[1]}", "{\"risk\":{\"rules\":[1,{}]}}", "null"}) {
    boost::json::object odd = approval();
    odd["details"] = boost::json::parse(details);
    odd["votes"] = {1, boost::json::object()};
    EXPECT_FALSE(approval_sheet(odd).empty()) << details;
  }
}

TEST(Outcomes, SayByWhom) {
  boost::json::object one = approval();
  one["state"] = "denied";
  one["votes"] = {{{"by", "bob"}, {"approve", true}}, {{"by", "carl"}, {"approve", false}, {"reason", "not today"}}};
  EXPECT_EQ(outcome_text(one), "denied by carl: not today");
  one["state"] = "approved";
  EXPECT_EQ(outcome_text(one), "approved by bob");
  one["state"] = "cancelled";
  one["votes"] = boost::json::array();
  EXPECT_EQ(outcome_text(one), "cancelled");
}

}  // namespace
}  // namespace dbgate::cli
