#include <gtest/gtest.h>

#include "fakes.h"

namespace dbgate::api {
namespace {

const std::string one = std::string("/api/v1/approvals/") + FakeApprovals::known;

Request with_tag(Request request, const std::string& tag) {
  request.headers.add("If-Match", tag);
  return request;
}

TEST(Approvals, AreShownWithAllThatThereIsToDecideBy) {
  Stage stage;
  const Response response = stage.answer("GET", one);
  const auto shown = parsed(response);
  EXPECT_EQ(shown.at("state").as_string(), "pending");
  EXPECT_EQ(shown.at("sql").as_string(), "DELETE FROM t");
  EXPECT_EQ(shown.at("sql_bytes").to_number<int>(), 13);
  EXPECT_EQ(shown.at("operation").as_string(), "DELETE");
  EXPECT_EQ(shown.at("risk_level").as_string(), "high");
  EXPECT_EQ(shown.at("details").at("plan").as_string(), "Seq Scan");
  EXPECT_FALSE(shown.at("details").as_object().contains("sql"));
  EXPECT_TRUE(shown.at("may_decide").as_bool());
  EXPECT_EQ(shown.at("missing").to_number<int>(), 1);
  EXPECT_TRUE(shown.at("reason").is_null());
  EXPECT_EQ(boost::json::serialize(shown.at("approvers")), R"({"groups":["analysts"],"users":[],"needed":1})");
  EXPECT_FALSE(response.etag.empty());
  EXPECT_EQ(code_of(stage.answer("GET", "/api/v1/approvals/apr_01JD3K7V9QXW8N5T2R4M6P0ABD")), "not_found");
}

TEST(Approvals, WithoutABodyThatCanBeReadAreShownAllTheSame) {
  Stage stage;
  for (const char* body : {"", "{", "[]", R"({"sql":7,"risk":"high"})"}) {
    stage.approvals.approval.body = body;
    const auto shown = parsed(stage.answer("GET", one));
    EXPECT_TRUE(shown.at("sql").is_null()) << body;
    EXPECT_TRUE(shown.at("risk_level").is_null()) << body;
  }
}

// Time alone makes an approval expired, and nothing that is stored says so.
TEST(Approvals, TheTagIsOfWhatIsShown) {
  Stage stage;
  const std::string tag = stage.answer("GET", one).etag;
  EXPECT_EQ(stage.answer("GET", one).etag, tag);
  stage.approvals.approval.state = FakeApprovals::State::expired;
  EXPECT_NE(stage.answer("GET", one).etag, tag);
}

TEST(Approvals, AreListedInPagesAndFiltered) {
  Stage stage;
  const Response first = stage.answer("GET", "/api/v1/approvals?limit=2&state=denied&target=b&requester=bob");
  EXPECT_EQ(parsed(first).at("items").as_array().size(), 2u);
  EXPECT_FALSE(parsed(first).at("items").at(0).as_object().contains("details"));
  EXPECT_EQ(stage.approvals.filtered.state, FakeApprovals::State::denied);
  EXPECT_EQ(stage.approvals.filtered.target, "b");
  EXPECT_EQ(stage.approvals.filtered.requester, "bob");
  EXPECT_EQ(stage.approvals.asked_by.user, "ana");
  EXPECT_TRUE(stage.approvals.asked_by.groups.contains("analysts"));
  EXPECT_FALSE(stage.approvals.asked_by.auditor);
  const std::string cursor(parsed(first).at("next_cursor").as_string());
  const Response second =
      stage.answer("GET", "/api/v1/approvals?limit=2&state=denied&target=b&requester=bob&cursor=" + cursor);
  EXPECT_EQ(parsed(second).at("items").as_array().size(), 1u);
  EXPECT_TRUE(parsed(second).at("next_cursor").is_null());
  stage.answer("GET", "/api/v1/approvals", "root");
  EXPECT_TRUE(stage.approvals.asked_by.auditor);
  for (const char* query : {"state=open", "sort=id", "who=ana", "limit=0"})
    EXPECT_EQ(code_of(stage.answer("GET", std::string("/api/v1/approvals?") + query)), "bad_request") << query;
}

TEST(Approvals, LongTextsAreCutInListsBetweenCharacters) {
  Stage stage;
  std::string sql;
  while (sql.size() < 5'000)
    sql += "\u20ac";  // three bytes, which 4096 is no multiple of
  stage.approvals.approval.body = boost::json::serialize(boost::json::object{{"sql", sql}});
  const auto listed = parsed(stage.answer("GET", "/api/v1/approvals"));
  EXPECT_EQ(listed.at("items").at(0).at("sql").as_string(), sql.substr(0, 4'095));
  EXPECT_EQ(listed.at("items").at(0).at("sql_bytes").to_number<std::size_t>(), sql.size());
  EXPECT_EQ(parsed(stage.answer("GET", one)).at("sql").as_string(), sql);
}

TEST(Approvals, AreApproved) {
  Stage stage;
  const Response done = stage.answer("POST", one + "/approve", "ana", R"({"reason":"seen","ticket":"OPS-1"})");
  EXPECT_EQ(done.status, 200u);
  EXPECT_EQ(parsed(done).at("state").as_string(), "approved");
  EXPECT_EQ(parsed(done).at("votes").at(0).at("ticket").as_string(), "OPS-1");
  EXPECT_EQ(stage.approvals.asked_by.address, "192.0.2.1");
  EXPECT_EQ(stage.approvals.decided.revision, 0);
  const Response again = stage.answer("POST", one + "/approve", "ana", "{}");
  EXPECT_EQ(again.status, 409u);
  EXPECT_EQ(code_of(again), "approval_ended");
}

TEST(Approvals, ANoNeedsItsReason) {
  Stage stage;
  for (const char* body : {"{}", R"({"reason":""})", R"({"reason":"a\nb"})", R"({"reason":"x","more":1})"})
    EXPECT_EQ(code_of(stage.answer("POST", one + "/deny", "ana", body)), "bad_request") << body;
  EXPECT_EQ(parsed(stage.answer("POST", one + "/deny", "ana", R"({"reason":"no"})")).at("state").as_string(), "denied");
}

TEST(Approvals, AreForThoseWhomThePolicyNames) {
  Stage stage;
  EXPECT_EQ(code_of(stage.answer("POST", one + "/approve", "root", "{}")), "not_an_approver");
  EXPECT_EQ(code_of(stage.answer("POST", one + "/cancel", "ana")), "not_an_approver");
  stage.authenticator.scopes = {"read", "query", "admin"};
  EXPECT_EQ(code_of(stage.answer("POST", one + "/approve", "ana", "{}")), "insufficient_scope");
  stage.authenticator.scopes = {"approve"};
  EXPECT_EQ(stage.answer("POST", one + "/approve", "ana", "{}").status, 200u);
}

TEST(Approvals, TheVersionThatWasSeenCounts) {
  Stage stage;
  const std::string tag = stage.answer("GET", one).etag;
  stage.approvals.approval.reason = "more words";
  const Request request = with_tag(Stage::ask("POST", one + "/approve", "ana", "{}"), tag);
  EXPECT_EQ(code_of(stage.answer(request)), "changed_meanwhile");
  EXPECT_EQ(stage.approvals.approval.state, FakeApprovals::State::pending);
  const std::string now = stage.answer("GET", one).etag;
  EXPECT_EQ(stage.answer(with_tag(Stage::ask("POST", one + "/approve", "ana", "{}"), now)).status, 200u);
  EXPECT_EQ(stage.approvals.decided.revision, 1);
}

TEST(Approvals, ADecisionIsTakenOnce) {
  Stage stage;
  Request request = Stage::ask("POST", one + "/approve", "ana", "{}");
  request.headers.add("Idempotency-Key", "k");
  EXPECT_EQ(stage.answer(request).status, 200u);
  const Response again = stage.answer(request);
  EXPECT_EQ(again.status, 200u);
  EXPECT_EQ(again.headers.get("Idempotency-Replayed"), "true");
}

TEST(Approvals, WaitForADecision) {
  Stage stage;
  EXPECT_EQ(parsed(stage.answer("GET", one + "?wait_seconds=7")).at("state").as_string(), "approved");
  EXPECT_EQ(stage.approvals.waited_ms, 7'000);
  stage.approvals.waited_ms = -1;
  EXPECT_EQ(parsed(stage.answer("GET", one + "?wait_seconds=7&state=pending")).at("state").as_string(), "approved");
  EXPECT_EQ(stage.approvals.waited_ms, -1) << "it is another state already";
  for (const char* query :
       {"wait_seconds=31", "wait_seconds=-1", "wait_seconds=", "wait_seconds=x", "state=open", "x=1"})
    EXPECT_EQ(code_of(stage.answer("GET", one + "?" + query)), "bad_request") << query;
}

TEST(Approvals, AreTakenBackByWhoHasAsked) {
  Stage stage;
  stage.approvals.approval.requester = "ana";
  EXPECT_EQ(parsed(stage.answer("POST", one + "/cancel", "ana")).at("state").as_string(), "cancelled");
}

TEST(Approvals, NeedAGatewayThatKeepsThem) {
  Stage stage;
  stage.services.approvals = nullptr;
  for (const auto& [method, path] : {std::pair("GET", std::string("/api/v1/approvals")), std::pair("GET", one)})
    EXPECT_EQ(code_of(stage.answer(method, path)), "unavailable");
}

}  // namespace
}  // namespace dbgate::api
