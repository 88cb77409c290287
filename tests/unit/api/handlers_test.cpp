#include <gtest/gtest.h>

#include "fakes.h"

namespace dbgate::api {
namespace {

TEST(Decisions, AskAboutOneOrSeveral) {
  Stage stage;
  const Response one = stage.answer("POST", "/api/v1/decisions", "ana", R"({"target":"a","sql":"SELECT 1"})");
  EXPECT_EQ(parsed(one).at("effect").as_string(), "allow");
  EXPECT_EQ(stage.gateway.asked.user, "ana");
  EXPECT_FALSE(parsed(one).contains("approvals"));
  const Response held = stage.answer("POST", "/api/v1/decisions", "ana", R"({"target":"a","sql":"held"})");
  EXPECT_EQ(boost::json::serialize(parsed(held).at("approvals")),
            R"([{"rule":"p/risk.hold_at","groups":["dba"],"users":["carl"],"needed":2}])");
  const Response several =
      stage.answer("POST", "/api/v1/decisions", "ana", R"({"target":"a","statements":["x",""],"principal":"b"})");
  EXPECT_EQ(parsed(several).at("items").as_array().size(), 2u);
  EXPECT_EQ(stage.gateway.asked.principal, "b");
  for (const char* body : {R"({"target":"a"})", R"({"target":"a","sql":"x","statements":["x"]})", R"({"sql":"x"})",
                           R"({"target":"a","statements":[]})", R"({"target":"a","sql":null})"})
    EXPECT_EQ(code_of(stage.answer("POST", "/api/v1/decisions", "ana", body)), "bad_request") << body;
}

TEST(Tunnels, AreForTargetsThatOneSees) {
  Stage stage;
  const auto open = [&stage](std::string path) {
    Request request = Stage::ask("GET", std::move(path));
    request.upgrade = true;
    return stage.answer(request);
  };
  const Response response = open("/api/v1/targets/b/tunnel?database=b2");
  EXPECT_EQ(response.status, 101u);
  EXPECT_EQ(response.upgrade->protocol, "dbgate.tunnel.v1");
  EXPECT_EQ(code_of(open("/api/v1/targets/x/tunnel")), "no_such_target");
  EXPECT_EQ(code_of(open("/api/v1/targets/b/tunnel?database=c")), "no_such_target");
  EXPECT_EQ(code_of(open("/api/v1/targets/b/tunnel?databas=b2")), "bad_request");
}

TEST(Tunnels, GoWithoutWebSocketsFirst) {
  Stage stage;
  Request request = Stage::ask("GET", "/api/v1/targets/b/tunnel");
  request.tunnel = true;
  for (const bool also : {false, true}) {
    request.upgrade = also;
    const Response response = stage.answer(request);
    EXPECT_EQ(response.status, 101u);
    EXPECT_TRUE(response.upgrade->take);
    EXPECT_FALSE(response.upgrade->run);
  }
  request.path = "/api/v1/targets/x/tunnel";
  EXPECT_EQ(code_of(stage.answer(request)), "no_such_target");
  request.path = "/api/v1/events/ws";
  request.upgrade = false;
  EXPECT_EQ(code_of(stage.answer(request)), "upgrade_required");
}

TEST(About, PagesRunNothing) {
  Stage stage;
  for (const char* path : {"/api/v1/docs", "/problems/not_found"}) {
    const Response page = stage.answer("GET", path, "");
    EXPECT_EQ(page.status, 200u);
    const std::string policy(page.headers.get("Content-Security-Policy"));
    EXPECT_TRUE(policy.starts_with("default-src 'none'; style-src 'sha256-")) << policy;
    for (const char* outside :
         {"<script", "<link", "<iframe", "<object", "<embed", "<base", "<form", "src=", "srcset=", "action=", "href='",
          "href=\"http", "href=\"//", "href=\"javascript", "@import", "url("})
      EXPECT_EQ(page.body.find(outside), std::string::npos) << path << ' ' << outside;
    Request again = Stage::ask("GET", path, "");
    again.headers.add("If-None-Match", page.etag);
    EXPECT_EQ(stage.answer(again).status, 304u);
  }
  EXPECT_EQ(code_of(stage.answer("GET", "/problems/nothing", "")), "not_found");
  EXPECT_EQ(parsed(stage.answer("GET", "/api/v1/openapi.json", "")).at("openapi").as_string(), "3.1.0");
}

}  // namespace
}  // namespace dbgate::api
