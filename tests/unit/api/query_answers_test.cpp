#include "gateway/api/query_answers.h"

#include <gtest/gtest.h>

#include "tests/unit/api/fakes.h"

namespace dbgate::api {
namespace {

const std::string query = std::string("/api/v1/queries/") + FakeQueries::known;

/// Another gateway, which has the query.
class Other final : public ports::QueryPeers {
 public:
  Task<Result<std::optional<ports::QueryAnswer>>> ask(ports::QueryQuestion question) override {
    ++asked;
    if (gone) co_return Error(sqlstate::connection_failure, "not all others have answered");
    question.most_bytes = most_bytes;
    auto answer = co_await answer_here(stage.services, std::move(question));
    co_return std::move(answer);
  }
  Stage stage;
  int asked = 0;
  bool gone = false;
  std::size_t most_bytes = 1'000'000;
};

class ElsewhereTest : public testing::Test {
 protected:
  ElsewhereTest() {
    stage.queries.kept.clear();
    stage.services.query_peers = &other;
  }
  Stage stage;
  Other other;
};

TEST_F(ElsewhereTest, AnswersAreThoseOfTheGatewayThatHasIt) {
  for (const std::string& path : {query, query + "/rows", query + "/rows?limit=2"}) {
    const Response here = stage.answer("GET", path, "ana"), there = other.stage.answer("GET", path, "ana");
    EXPECT_EQ(here.status, 200U) << path;
    EXPECT_EQ(here.body, there.body) << path;
    EXPECT_EQ(here.headers.get("Link"), there.headers.get("Link")) << path;
  }
  EXPECT_EQ(stage.answer("POST", query + "/cancel", "ana").body,
            other.stage.answer("POST", query + "/cancel", "ana").body);
  EXPECT_EQ(other.asked, 4);
}

TEST_F(ElsewhereTest, CursorsOfOneAreGoodAtTheOther) {
  const auto first = parsed(stage.answer("GET", query + "/rows?limit=2", "ana"));
  const std::string cursor(first.at("next_cursor").as_string());
  const auto second = parsed(stage.answer("GET", query + "/rows?limit=2&cursor=" + cursor, "ana"));
  EXPECT_EQ(boost::json::serialize(second.at("items")), "[[3]]");
  EXPECT_TRUE(second.at("next_cursor").is_null());
}

TEST_F(ElsewhereTest, PagesThatAreTooLargeAreShorter) {
  other.most_bytes = 7;  // "[1]" and "[2]"
  std::string rows, cursor;
  for (int page = 0; page < 2; ++page) {
    const auto body = parsed(stage.answer("GET", query + "/rows" + (page > 0 ? "?cursor=" + cursor : ""), "ana"));
    rows += boost::json::serialize(body.at("items"));
    if (page == 0) cursor = body.at("next_cursor").as_string();
  }
  EXPECT_EQ(rows, "[[1],[2]][[3]]");
  other.most_bytes = 1;
  EXPECT_EQ(boost::json::serialize(parsed(stage.answer("GET", query + "/rows", "ana")).at("items")), "[[1]]");
}

TEST_F(ElsewhereTest, AnExportHasTheStatement) {
  ports::QueryRequest original;
  original.user = "ana";
  original.target = "b/b2";
  original.sql = "SELECT $1, $2";
  original.parameters = {"x", std::nullopt};
  original.script = true;
  original.reason = "why";
  other.stage.queries.original = original;
  EXPECT_EQ(stage.answer("POST", query + "/export", "ana").status, 200U);
  ASSERT_TRUE(stage.queries.exported.statement);
  const ports::QueryRequest& told = *stage.queries.exported.statement;
  EXPECT_EQ(told.user, original.user);
  EXPECT_EQ(told.target, original.target);
  EXPECT_EQ(told.sql, original.sql);
  EXPECT_EQ(told.parameters, original.parameters);
  EXPECT_EQ(told.script, original.script);
  EXPECT_EQ(told.reason, original.reason);
  EXPECT_FALSE(read_statement("[]"));
  EXPECT_FALSE(read_statement("{}"));
}

TEST_F(ElsewhereTest, WhatIsNobodysOrNotTheCallersIsNotThere) {
  const std::string unknown = "/api/v1/queries/qry_01JD3K7V9QXW8N5T2R4M6P0ABD";
  for (const auto& [method, path, who] : std::vector<std::array<std::string, 3>>{{"GET", unknown, "ana"},
                                                                                 {"GET", query + "/rows", "root"},
                                                                                 {"POST", query + "/cancel", "root"},
                                                                                 {"POST", query + "/export", "root"}}) {
    EXPECT_EQ(code_of(stage.answer(method, path, who)), "not_found") << method << path << who;
  }
}

TEST_F(ElsewhereTest, NobodySaysThatItIsGoneWhoDoesNotKnow) {
  other.gone = true;
  for (const std::string& path : {query, query + "/rows"}) {
    const Response response = stage.answer("GET", path, "ana");
    EXPECT_EQ(code_of(response), "unavailable");
    EXPECT_EQ(response.headers.get("Retry-After"), "1");
  }
  stage.queries.kept = FakeQueries::known;
  EXPECT_EQ(stage.answer("GET", query, "ana").status, 200U) << "what is here needs no others";
}

}  // namespace
}  // namespace dbgate::api
