#include "gateway/webhooks/message.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace dbgate::webhooks {
namespace {

namespace store = ports::store;

News news(store::ApprovalState state = store::ApprovalState::pending) {
  News told{
      state == store::ApprovalState::pending ? "approval.requested" : "approval.decided", {}, 1'700'000'000'000'000};
  store::Approval& approval = told.approval;
  approval.id = "apr_1";
  approval.state = state;
  approval.requester = "ana";
  approval.target = approval.database = "shop";
  approval.policy_rule = "p/risk.hold_at";
  approval.reason = "please";
  approval.rule = {{"dba"}, {"carl"}, 2};
  approval.created_us = told.at_us;
  approval.decide_by_us = told.at_us + 900'000'000;
  approval.body =
      R"({"sql":"DELETE FROM cards WHERE number = '4111'","operation":"DELETE","risk":{"level":"high"},"parameters":["4111"]})";
  if (state != store::ApprovalState::pending)
    approval.votes.push_back({"bob", state == store::ApprovalState::approved, "fine", "", told.at_us});
  return told;
}

config::Webhook hook(config::WebhookFormat format = config::WebhookFormat::json) {
  config::Webhook made;
  made.name = "h";
  made.format = format;
  return made;
}

TEST(Bodies, ForProgramsHaveTheFacts) {
  const auto body = boost::json::parse(body_of(hook(), news(), "https://gw.example")).as_object();
  EXPECT_EQ(body.at("type").as_string(), "approval.requested");
  EXPECT_EQ(body.at("timestamp").as_string(), "2023-11-14T22:13:20.000000Z");
  const auto& data = body.at("data").as_object();
  EXPECT_EQ(data.at("id").as_string(), "apr_1");
  EXPECT_EQ(data.at("state").as_string(), "pending");
  EXPECT_EQ(data.at("operation").as_string(), "DELETE");
  EXPECT_EQ(data.at("risk_level").as_string(), "high");
  EXPECT_EQ(data.at("missing").to_number<int>(), 2);
  EXPECT_EQ(data.at("url").as_string(), "https://gw.example/api/v1/approvals/apr_1");
  EXPECT_TRUE(data.at("good_until").is_null());
}

TEST(Bodies, NeitherTextNorValuesGoAlongUnasked) {
  for (const auto format : {config::WebhookFormat::json, config::WebhookFormat::slack}) {
    const std::string body = body_of(hook(format), news(), "");
    EXPECT_EQ(body.find("cards"), std::string::npos) << body;
    EXPECT_EQ(body.find("4111"), std::string::npos) << body;
    config::Webhook open = hook(format);
    open.with_sql = true;
    const std::string with_sql = body_of(open, news(), "");
    EXPECT_NE(with_sql.find("DELETE FROM cards"), std::string::npos);
    EXPECT_EQ(with_sql.find("parameters"), std::string::npos);
  }
}

TEST(Bodies, ForPeopleSayWhatToDo) {
  const std::string asked = body_of(hook(config::WebhookFormat::slack), news(), "");
  const auto body = boost::json::parse(asked).as_object();
  EXPECT_EQ(body.at("text").as_string(), "ana asks for approval: DELETE on shop");
  EXPECT_NE(asked.find("dbgate approvals show apr_1"), std::string::npos);
  EXPECT_NE(asked.find("group dba, carl"), std::string::npos);
  const auto decided = [](store::ApprovalState state) {
    const auto said = boost::json::parse(body_of(hook(config::WebhookFormat::slack), news(state), ""));
    return std::string(said.as_object().at("text").as_string());
  };
  EXPECT_EQ(decided(store::ApprovalState::approved), "ana's DELETE on shop is approved by bob");
  EXPECT_EQ(decided(store::ApprovalState::denied), "ana's DELETE on shop is denied by bob");
}

// "<!channel>" in a reason must not wake everybody, nor "<https://evil|fine>" lead anywhere.
TEST(Bodies, WordsOfStrangersAreNoMarkup) {
  News told = news();
  told.approval.requester = "<!channel>&";
  told.approval.policy_rule = "<https://evil|fine>";
  told.approval.reason = "<!here>";
  const auto body = boost::json::parse(body_of(hook(config::WebhookFormat::slack), told, "")).as_object();
  EXPECT_EQ(body.at("text").as_string(), "&lt;!channel&gt;&amp; asks for approval: DELETE on shop");
  const std::string blocks = boost::json::serialize(body.at("blocks"));
  EXPECT_EQ(blocks.find("<https"), std::string::npos);
  const auto& quoted = body.at("blocks").as_array()[2].at("text").as_object();
  EXPECT_EQ(quoted.at("type").as_string(), "plain_text");
}

TEST(Bodies, LongTextsAreCutForPeopleBetweenCharacters) {
  News told = news();
  std::string sql;
  while (sql.size() < 5'000)
    sql += "\u20ac";
  told.approval.body = boost::json::serialize(boost::json::object{{"sql", sql}});
  config::Webhook open = hook(config::WebhookFormat::slack);
  open.with_sql = true;
  const auto body = boost::json::parse(body_of(open, told, "")).as_object();
  const auto& quoted = body.at("blocks").as_array()[3].at("text").as_object().at("text").as_string();
  EXPECT_EQ(std::string(quoted), sql.substr(0, 1'998) + " \u2026");
}

TEST(Bodies, SayThatTheGlassIsBroken) {
  News told = news();
  told.approval.kind = store::ApprovalKind::review;
  told.approval.body = R"({"operation":"UPDATE","tables":["public.orders"]})";
  const auto body = boost::json::parse(body_of(hook(config::WebhookFormat::slack), told, "")).as_object();
  EXPECT_NE(std::string(body.at("text").as_string()).find(" has broken the glass: UPDATE on "), std::string::npos);
  const auto data = boost::json::parse(body_of(hook(config::WebhookFormat::json), told, "")).as_object();
  EXPECT_EQ(data.at("data").as_object().at("kind").as_string(), "review");
}

TEST(Bodies, OfAnythingAreJson) {
  for (const char* stored : {"", "{", "[]", R"({"risk":7,"sql":{}})"}) {
    News told = news();
    told.approval.body = stored;
    for (const auto format : {config::WebhookFormat::json, config::WebhookFormat::slack})
      EXPECT_NO_THROW(boost::json::parse(body_of(hook(format), told, "x"))) << stored;
  }
}

// The example of the specification (standardwebhooks/spec, "Signature scheme").
TEST(Signatures, AreThoseOfStandardWebhooks) {
  const auto headers = signed_headers("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek",
                                      1'614'265'330, R"({"test": 2432232314})");
  ASSERT_EQ(headers.size(), 3u);
  EXPECT_EQ(headers[0], std::pair(std::string("webhook-id"), std::string("msg_p5jXN8AQM9LWM0D4loKWxJek")));
  EXPECT_EQ(headers[1].second, "1614265330");
  EXPECT_EQ(headers[2].second, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  EXPECT_EQ(signed_headers("", "i", 1, "b").size(), 2u);
  EXPECT_NE(signed_headers("0123456789abcdef", "i", 1, "b"), signed_headers("0123456789abcdef", "i", 2, "b"));
}

}  // namespace
}  // namespace dbgate::webhooks
