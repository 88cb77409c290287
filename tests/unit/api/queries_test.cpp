#include "gateway/api/queries.h"

#include <gtest/gtest.h>

#include "gateway/api/problem.h"
#include "gateway/queries/render.h"
#include "tests/unit/api/fakes.h"

namespace dbgate::api {
namespace {

const std::string create = "/api/v1/targets/b/queries";
const std::string query = std::string("/api/v1/queries/") + FakeQueries::known;

/// Collects what a stream writes; breaks after `most` pieces.
class Sink final : public BodyWriter {
 public:
  Task<Result<>> write(std::string_view piece) override {
    if (most-- == 0) co_return Error(sqlstate::connection_failure, "gone");
    text += piece;
    co_return boost::system::in_place_value;
  }
  std::string text;
  int most = 100;
};

TEST(QueryRoutes, EveryFailureIsALineOfTheTable) {
  for (int i = 0; i <= static_cast<int>(ports::QueryFailureKind::too_large); ++i) {
    const auto told = queries::problem_of(static_cast<ports::QueryFailureKind>(i));
    const ProblemKind* const line = find_problem(told.code);
    ASSERT_NE(line, nullptr) << told.code;
    EXPECT_EQ(line->status, told.status) << told.code;
    EXPECT_EQ(line->title, told.title) << told.code;
  }
}

TEST(QueryRoutes, PassTheRequestOn) {
  Stage stage;
  const Response response = stage.answer(
      "POST", create, "ana",
      R"({"sql":"SELECT $1","parameters":["x",1,1.5,true,null],"database":"b2","max_rows":7,"timeout_ms":8,"wait_ms":9})");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(response.headers.get("Location"), query);
  const ports::QueryRequest& asked = stage.queries.asked;
  EXPECT_EQ(asked.user, "ana");
  EXPECT_EQ(asked.address, "192.0.2.1");
  EXPECT_EQ(asked.target, "b/b2");
  EXPECT_EQ(asked.max_rows, 7u);
  EXPECT_EQ(asked.timeout.count(), 8);
  EXPECT_EQ(stage.queries.waited.count(), 9);
  EXPECT_EQ(asked.parameters, (std::vector<std::optional<std::string>>{"x", "1", "1.5", "true", std::nullopt}));
  const auto body = parsed(response);
  EXPECT_EQ(body.at("state").as_string(), "succeeded");
  const auto& result = body.at("results").as_array().at(0).as_object();
  EXPECT_EQ(boost::json::serialize(result.at("rows")), "[[1],[2],[3]]");
  EXPECT_TRUE(result.at("next_cursor").is_null());
}

TEST(QueryRoutes, DataIsNotKeptForAnIdempotencyKey) {
  Stage stage;
  const auto run = [&stage](const char* sql, const char* key = "k") {
    Request request = Stage::ask("POST", create, "ana", std::string(R"({"sql":")") + sql + "\"}");
    request.headers.set("Idempotency-Key", key);
    return stage.answer(std::move(request));
  };
  const auto first = parsed(run("SELECT 1"));
  EXPECT_TRUE(first.at("results").at(0).as_object().contains("rows"));
  const Response replayed = run("SELECT 1");
  EXPECT_EQ(replayed.headers.get("Idempotency-Replayed"), "true");
  EXPECT_EQ(replayed.status, 200u);
  const auto again = parsed(replayed);
  EXPECT_EQ(again.at("id"), first.at("id"));
  EXPECT_EQ(again.at("state").as_string(), "succeeded");
  EXPECT_FALSE(again.at("results").at(0).as_object().contains("rows"));
  EXPECT_EQ(parsed(run("bad", "denied")).at("detail"), parsed(run("bad", "denied")).at("detail")) << "holds no data";
  stage.queries.why = ports::QueryFailureKind::statement;
  EXPECT_NE(run("bad", "failed").body.find("permission denied"), std::string::npos);
  const Response failed = run("bad", "failed");
  EXPECT_EQ(parsed(failed).at("sqlstate").as_string(), "42501");
  EXPECT_EQ(failed.body.find("permission denied"), std::string::npos);
}

TEST(QueryRoutes, RowsAreShownWhileTheRightToThemIsThere) {
  Stage stage;
  EXPECT_EQ(stage.answer("GET", query + "/rows", "ana").status, 200u);
  stage.queries.shown = false;
  const Response refused = stage.answer("GET", query + "/rows", "ana");
  EXPECT_EQ(refused.status, 409u);
  EXPECT_EQ(parsed(refused).at("code").as_string(), "rights_changed");
  EXPECT_EQ(refused.body.find("[1]"), std::string::npos);
  EXPECT_EQ(stage.answer("GET", query, "ana").status, 200u) << "its state is no data";
}

TEST(QueryRoutes, SayWhereToAskForWhatTakesLong) {
  Stage stage;
  const Response response = stage.answer("POST", create, "ana", R"({"sql":"slow"})");
  EXPECT_EQ(response.status, 202u);
  EXPECT_EQ(response.headers.get("Location"), query);
  EXPECT_EQ(parsed(response).at("state").as_string(), "running");
  EXPECT_TRUE(parsed(response).at("results").as_array().empty());
}

TEST(QueryRoutes, AFailureIsAProblemWithItsDecision) {
  Stage stage;
  for (const bool streamed : {false, true}) {
    Request request = Stage::ask("POST", create, "ana", R"({"sql":"bad"})");
    if (streamed) request.headers.add("Accept", "application/x-ndjson");
    const Response response = stage.answer(std::move(request));
    EXPECT_EQ(response.status, 403u);
    const auto body = parsed(response);
    EXPECT_EQ(body.at("code").as_string(), "denied");
    EXPECT_EQ(body.at("sqlstate").as_string(), "42501");
    EXPECT_EQ(body.at("position").as_int64(), 8);
    EXPECT_EQ(body.at("query_id").as_string(), FakeQueries::known);
    EXPECT_EQ(body.at("decision").as_object().at("rule").as_string(), "default");
  }
}

TEST(QueryRoutes, RefuseBodiesThatSayTooMuchOrTooLittle) {
  Stage stage;
  for (const char* const body :
       {"{}", R"({"sql":1})", R"({"sql":"x","parameters":"y"})", R"({"sql":"x","parameters":[{}]})",
        R"({"sql":"x","max_rows":0})", R"({"sql":"x","wait_ms":30001})", R"({"sql":"x","user":"ada"})",
        R"({"sql":"x","parameters":[[1]]})", R"({"sql":"x","timeout_ms":0})"}) {
    EXPECT_EQ(code_of(stage.answer("POST", create, "ana", body)), "bad_request") << body;
  }
  EXPECT_EQ(stage.queries.asked.user, "");
  EXPECT_EQ(code_of(stage.answer("POST", create, "", R"({"sql":"x"})")), "not_authenticated");
}

TEST(QueryRoutes, StreamsEndOrAreBrokenOff) {
  Stage stage;
  Request request = Stage::ask("POST", create, "ana", R"({"sql":"SELECT 1"})");
  request.headers.add("Accept", "application/x-ndjson");
  Response response = stage.answer(std::move(request));
  EXPECT_EQ(response.content_type, "application/x-ndjson");
  ASSERT_TRUE(response.stream);
  Sink sink;
  EXPECT_TRUE(stage.run(response.stream(sink)));
  EXPECT_EQ(sink.text, "3\n2\n1\n");
  response = stage.answer("POST", query + "/export?format=jsonl");
  Sink closed;
  closed.most = 1;
  EXPECT_FALSE(stage.run(response.stream(closed)));
}

TEST(QueryRoutes, PagesHaveSignedCursors) {
  Stage stage;
  Response response = stage.answer("GET", query + "/rows?limit=2");
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(boost::json::serialize(parsed(response).at("items")), "[[1],[2]]");
  const std::string cursor(parsed(response).at("next_cursor").as_string());
  EXPECT_NE(response.headers.get("Link").find(cursor), std::string_view::npos);
  response = stage.answer("GET", query + "/rows?limit=2&cursor=" + cursor);
  EXPECT_EQ(boost::json::serialize(parsed(response).at("items")), "[[3]]");
  EXPECT_TRUE(parsed(response).at("next_cursor").is_null());
  EXPECT_EQ(code_of(stage.answer("GET", query + "/rows?result=1&cursor=" + cursor)), "invalid_cursor");
  EXPECT_EQ(code_of(stage.answer("GET", query + "/rows?cursor=MA")), "invalid_cursor");
  for (const char* const bad : {"limit=0", "limit=501", "limit=x", "result=-1", "other=1", "limit=1&limit=2"})
    EXPECT_EQ(code_of(stage.answer("GET", query + "/rows?" + bad)), "bad_request") << bad;
  EXPECT_EQ(code_of(stage.answer("GET", query + "/rows?result=1")), "not_found");
}

TEST(QueryRoutes, OthersFindNothing) {
  Stage stage;
  for (const auto& [method, path] : {std::pair{"GET", ""}, {"GET", "/rows"}, {"POST", "/cancel"}, {"POST", "/export"}})
    EXPECT_EQ(code_of(stage.answer(method, query + path, "root")), "not_found") << path;
  EXPECT_EQ(stage.answer("POST", query + "/cancel").status, 200u);
}

TEST(QueryRoutes, ExportsTakeTheirOptions) {
  Stage stage;
  const Response response = stage.answer("POST", query + "/export?format=csv&null=%5CN&header=absent&formulas=escape");
  EXPECT_EQ(response.headers.get("Content-Disposition"), "attachment; filename=\"export.csv\"");
  const ports::ExportOptions& options = stage.queries.exported.options;
  EXPECT_EQ(options.null_text, "\\N");
  EXPECT_FALSE(options.header);
  EXPECT_TRUE(options.escape_formulas);
  for (const char* const bad : {"format=xml", "header=no", "formulas=1", "null=%22", "null=a,b", "null=%0A"})
    EXPECT_EQ(code_of(stage.answer("POST", query + "/export?" + bad)), "bad_request") << bad;
}

TEST(QueryRoutes, ShowTheSchema) {
  Stage stage;
  const Response response = stage.answer("GET", "/api/v1/targets/b/schema");
  const auto body = parsed(response);
  EXPECT_EQ(body.at("schemas").as_array().at(0).at("relations").as_array().at(0).at("name").as_string(), "t");
  EXPECT_EQ(code_of(stage.answer("GET", "/api/v1/targets/b/schema?database=other")), "no_such_target");
}

}  // namespace
}  // namespace dbgate::api
