#include "gateway/api/dispatcher.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "fakes.h"
#include "gateway/api/etag.h"
#include "gateway/api/problem.h"

namespace dbgate::api {
namespace {

int runs = 0;
unsigned next_status = 201;

Task<Response> count(Services& /*services*/, Request& request) {
  ++runs;
  if (next_status >= 400) co_return problem(request, next_status == 503 ? "unavailable" : "unprocessable", "no");
  Response response = json_response("{\"run\":" + std::to_string(runs) + "}", next_status);
  response.headers.set("Location", "/api/v1/runs/1");
  co_return response;
}
Task<Response> stream(Services& /*services*/, Request& /*request*/) {
  ++runs;
  Response response;
  response.stream = [](BodyWriter&) -> Task<bool> { co_return true; };
  co_return response;
}
Task<Response> fail(Services& /*services*/, Request& /*request*/) {
  throw std::runtime_error("a secret");
  co_return no_content();
}
Task<Response> show(Services& /*services*/, Request& /*request*/) {
  Response response = json_response("{}");
  response.etag = etag_of("grp_1", 3);
  co_return response;
}
Task<Response> change(Services& /*services*/, Request& request) {
  auto refused = refuse_unless_match(request, etag_of("grp_1", 3));
  if (refused) co_return *refused;
  co_return no_content();
}

const Operation table[] = {
    {.method = "POST", .path = "/run", .id = "run", .handler = count, .demand = Demand::idempotency_key},
    {.method = "POST", .path = "/stream", .id = "stream", .handler = stream, .demand = Demand::idempotency_key},
    {.method = "GET", .path = "/fail", .id = "fail", .handler = fail},
    {.method = "GET", .path = "/thing", .id = "show", .handler = show},
    {.method = "PUT", .path = "/thing", .id = "change", .handler = change, .demand = Demand::if_match},
    {.method = "GET",
     .path = "/records",
     .id = "records",
     .handler = show,
     .access = Access::role,
     .roles = Role::auditor | Role::user_admin},
    {.method = "GET", .path = "/socket", .id = "socket", .handler = show, .demand = Demand::websocket},
    {.method = "POST", .path = "/open", .id = "open", .handler = count, .access = Access::anybody},
    {.method = "GET", .path = "/old", .id = "old", .handler = show, .farewell = {1'700'000'000, 1'800'000'000}},
};

class Dispatching : public ::testing::Test {
 protected:
  Dispatching() {
    runs = 0;
    next_status = 201;
  }
  static Request with(Request request, std::string name, std::string value) {
    request.headers.add(std::move(name), std::move(value));
    return request;
  }
  Stage stage{table};
};

TEST_F(Dispatching, RefusesStrangers) {
  const Response response = stage.answer("GET", "/thing", "");
  EXPECT_EQ(response.status, 401u);
  EXPECT_EQ(response.headers.get("WWW-Authenticate"), "Bearer");
  EXPECT_EQ(code_of(stage.answer("GET", "/thing", "nobody")), "not_authenticated");
  stage.authenticator.store_gone = true;
  EXPECT_EQ(code_of(stage.answer("GET", "/thing")), "store_unavailable");
}

TEST_F(Dispatching, AsksForRoles) {
  EXPECT_EQ(code_of(stage.answer("GET", "/records")), "not_permitted");
  EXPECT_EQ(stage.answer("GET", "/records", "root").status, 200u);
  EXPECT_TRUE(any_of(Role::admin, Role::user_admin)) << "an administrator has all roles";
  EXPECT_FALSE(any_of(Role::none, Role::user_admin));
}

TEST_F(Dispatching, TellsPathsFromMethods) {
  EXPECT_EQ(code_of(stage.answer("GET", "/nothing", "")), "not_found");
  const Response response = stage.answer("DELETE", "/thing", "");
  EXPECT_EQ(code_of(response), "method_not_allowed");
  EXPECT_EQ(response.headers.get("Allow"), "GET, HEAD, PUT, OPTIONS");
  const Response options = stage.answer("OPTIONS", "/thing", "");
  EXPECT_EQ(options.status, 204u);
  EXPECT_EQ(options.headers.get("Allow"), "GET, HEAD, PUT, OPTIONS");
  EXPECT_FALSE(options.headers.has("Access-Control-Allow-Origin"));
  EXPECT_EQ(code_of(stage.answer("GET", "/%zz", "")), "bad_request");
  EXPECT_EQ(code_of(stage.answer("GET", "/socket")), "upgrade_required");
}

TEST_F(Dispatching, AnswersCarryTheRequestId) {
  const Response response = stage.answer("GET", "/thing");
  EXPECT_EQ(response.headers.get("X-Request-Id"), "req_1");
  EXPECT_EQ(response.headers.get("Cache-Control"), "no-store");
  EXPECT_EQ(response.headers.get("X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(parsed(stage.answer("GET", "/nothing")).at("request_id").as_string(), "req_1");
}

TEST_F(Dispatching, FailuresSayNothing) {
  const Response response = stage.answer("GET", "/fail");
  EXPECT_EQ(response.status, 500u);
  EXPECT_EQ(response.body.find("secret"), std::string::npos);
}

TEST_F(Dispatching, EntityTags) {
  const Response response = stage.answer("GET", "/thing");
  EXPECT_EQ(response.headers.get("ETag"), "\"grp_1.3\"");
  for (const char* list : {"\"grp_1.3\"", "W/\"grp_1.3\"", "\"x\", \"grp_1.3\"", "*"}) {
    const Response same = stage.answer(with(Stage::ask("GET", "/thing"), "If-None-Match", list));
    EXPECT_EQ(same.status, 304u) << list;
    EXPECT_EQ(same.body, "");
  }
  EXPECT_EQ(stage.answer(with(Stage::ask("GET", "/thing"), "If-None-Match", "\"grp_1.2\"")).status, 200u);
  EXPECT_EQ(code_of(stage.answer("PUT", "/thing")), "precondition_required");
  for (const char* list : {"\"grp_1.2\"", "W/\"grp_1.3\"", "", "grp_1.3"}) {
    const Response changed = stage.answer(with(Stage::ask("PUT", "/thing"), "If-Match", list));
    EXPECT_EQ(changed.status, 412u) << list;
    EXPECT_EQ(changed.headers.get("ETag"), "\"grp_1.3\"") << "the client can go on from here";
  }
  EXPECT_EQ(stage.answer(with(Stage::ask("PUT", "/thing"), "If-Match", "\"grp_1.3\"")).status, 204u);
}

TEST_F(Dispatching, TheSameKeyRunsOnce) {
  const auto run = [this](std::string key, std::string body = "{}", std::string user = "ana") {
    return stage.answer(with(Stage::ask("POST", "/run", user, body), "Idempotency-Key", key));
  };
  EXPECT_EQ(run("k").body, "{\"run\":1}");
  const Response again = run("k");
  EXPECT_EQ(again.body, "{\"run\":1}");
  EXPECT_EQ(again.status, 201u);
  EXPECT_EQ(again.headers.get("Location"), "/api/v1/runs/1");
  EXPECT_EQ(again.headers.get("Idempotency-Replayed"), "true");
  EXPECT_EQ(code_of(run("k", "{\"other\":1}")), "idempotency_key_reused");
  EXPECT_EQ(run("k", "{}", "root").body, "{\"run\":2}") << "keys are each user's own";
  EXPECT_EQ(run("l").body, "{\"run\":3}");
  EXPECT_EQ(code_of(run(std::string(256, 'x'))), "bad_request");
  EXPECT_EQ(code_of(run("a b")), "bad_request");
  EXPECT_EQ(stage.answer("POST", "/run", "ana", "{}").body, "{\"run\":4}") << "without a key each request counts";
}

TEST_F(Dispatching, WhatFailedMayBeTriedAgain) {
  const auto run = [this] {
    return stage.answer(with(Stage::ask("POST", "/run", "ana", "{}"), "Idempotency-Key", "k")).status;
  };
  next_status = 503;
  EXPECT_EQ(run(), 503u);
  next_status = 422;
  EXPECT_EQ(run(), 422u);
  next_status = 201;
  EXPECT_EQ(run(), 422u) << "a refusal is an answer";
  EXPECT_EQ(runs, 2);
}

TEST_F(Dispatching, StreamsAreNotRunTwice) {
  const auto run = [this] {
    return stage.answer(with(Stage::ask("POST", "/stream", "ana", "{}"), "Idempotency-Key", "k"));
  };
  EXPECT_TRUE(run().stream);
  EXPECT_EQ(code_of(run()), "idempotency_not_kept");
  EXPECT_EQ(runs, 1);
}

TEST_F(Dispatching, OriginsOfOthersChangeNothing) {
  const auto post = [this](std::string user, std::string origin) {
    return stage.answer(with(Stage::ask("POST", "/open", user), "Origin", origin)).status;
  };
  EXPECT_EQ(post("", "http://gw.example"), 201u);
  EXPECT_EQ(post("", "http://GW.example:80"), 201u);
  EXPECT_EQ(post("ana", "https://evil.example"), 201u) << "no browser adds a bearer token by itself";
  for (const char* origin :
       {"https://evil.example", "null", "https://gw.example", "http://gw.example.evil", "http://gw.example:81", ""})
    EXPECT_EQ(post("", origin), 403u) << origin;
  EXPECT_EQ(stage.answer(with(Stage::ask("POST", "/open", ""), "Sec-Fetch-Site", "cross-site")).status, 403u);
  EXPECT_EQ(stage.answer(with(Stage::ask("GET", "/thing"), "Origin", "https://evil.example")).status, 200u);
  Request socket = with(Stage::ask("GET", "/socket"), "Origin", "https://evil.example");
  socket.upgrade = true;
  EXPECT_EQ(stage.answer(socket).status, 403u) << "also with a token: browsers let any page open WebSockets";
}

// A proxy in front has another name, and ends TLS.
TEST_F(Dispatching, ThePublicUrlIsNoOtherOrigin) {
  stage.services.public_url = [] { return std::string("https://people.example"); };
  const auto post = [this](std::string origin) {
    return stage.answer(with(Stage::ask("POST", "/open", ""), "Origin", origin)).status;
  };
  for (const char* own : {"https://people.example", "https://People.example:443", "http://gw.example"})
    EXPECT_EQ(post(own), 201u) << own;
  for (const char* other :
       {"http://people.example", "https://people.example:8443", "https://people.example.evil", "null"})
    EXPECT_EQ(post(other), 403u) << other;
}

TEST_F(Dispatching, TheVersionIsForThoseWhoAreSomebody) {
  EXPECT_TRUE(stage.answer("GET", "/thing").headers.get("Server").starts_with("dbgate/"));
  EXPECT_FALSE(stage.answer("GET", "/thing", "").headers.has("Server"));
  EXPECT_FALSE(stage.answer("POST", "/open", "").headers.has("Server"));
}

TEST_F(Dispatching, RatesAreOfCallersAndAddresses) {
  stage.per_minute = 3;
  EXPECT_EQ(stage.answer("GET", "/thing").headers.get("RateLimit-Policy"), "\"api\";q=3;w=60");
  EXPECT_EQ(stage.answer("GET", "/thing").headers.get("RateLimit"), "\"api\";r=1;t=40");
  EXPECT_EQ(stage.answer("GET", "/thing").status, 200u);
  const Response refused = stage.answer("GET", "/thing");
  EXPECT_EQ(refused.status, 429u);
  EXPECT_EQ(refused.headers.get("Retry-After"), "20");
  EXPECT_EQ(parsed(refused).at("retry_after_seconds").as_int64(), 20);
  EXPECT_EQ(stage.answer("GET", "/thing", "root").status, 200u) << "others go on";
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(stage.answer("GET", "/thing", "").status, 401u);
  EXPECT_EQ(stage.answer("GET", "/thing", "").status, 429u) << "who is nobody has what his address has";
  EXPECT_EQ(stage.answer("POST", "/open", "").status, 429u);
  Request elsewhere = Stage::ask("POST", "/open", "");
  elsewhere.address = "192.0.2.2";
  EXPECT_EQ(stage.answer(elsewhere).status, 201u);
}

TEST_F(Dispatching, OldOperationsSaySo) {
  const Response response = stage.answer("GET", "/old");
  EXPECT_EQ(response.headers.get("Deprecation"), "@1700000000");
  EXPECT_EQ(response.headers.get("Sunset"), "Fri, 15 Jan 2027 08:00:00 GMT");
  EXPECT_FALSE(stage.answer("GET", "/thing").headers.has("Deprecation"));
}

TEST(RequestIds, AreShortAndPlain) {
  EXPECT_TRUE(acceptable_request_id("aZ0_-"));
  for (const char* id : {"", "a b", "a\n", "ä", "a.b"})
    EXPECT_FALSE(acceptable_request_id(id)) << id;
  EXPECT_FALSE(acceptable_request_id(std::string(65, 'a')));
}

}  // namespace
}  // namespace dbgate::api
