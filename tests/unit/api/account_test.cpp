#include <gtest/gtest.h>

#include "fakes.h"

// Signing in and one's own account, as HTTP has them; what is behind is a fake.
namespace dbgate::api {
namespace {

constexpr const char* good_login = R"({"username":"ana","password":"right","client":"laptop"})";

Response post_form(Stage& stage, std::string body, std::string type = "application/x-www-form-urlencoded") {
  Request request = Stage::ask("POST", "/api/v1/token", "", std::move(body));
  request.content_type = std::move(type);
  return stage.answer(request);
}

std::string error_of(const Response& response) {
  EXPECT_EQ(response.status, 400u);
  EXPECT_EQ(response.content_type, "application/json");
  return std::string(parsed(response).at("error").as_string());
}

TEST(SignIn, ByPassword) {
  Stage stage;
  const Response response = stage.answer("POST", "/api/v1/login", "", good_login);
  EXPECT_EQ(response.status, 200u);
  EXPECT_EQ(parsed(response).at("access_token").as_string(), "token:ana");
  EXPECT_EQ(parsed(response).at("expires_in_seconds").as_int64(), 900);
  EXPECT_EQ(stage.accounts.signed_in_by.client, "laptop");
  EXPECT_EQ(stage.accounts.signed_in_by.address, "192.0.2.1");
  const Response wrong = stage.answer("POST", "/api/v1/login", "", R"({"username":"ana","password":"wrong"})");
  const Response nobody = stage.answer("POST", "/api/v1/login", "", R"({"username":"bob","password":"wrong"})");
  EXPECT_EQ(wrong.status, 401u);
  EXPECT_EQ(wrong.body, nobody.body) << "nobody learns which names there are";
}

TEST(SignIn, SaysWhyItCannotBeNow) {
  Stage stage;
  stage.accounts.limited = true;
  const Response limited = stage.answer("POST", "/api/v1/login", "", good_login);
  EXPECT_EQ(code_of(limited), "too_many_attempts");
  EXPECT_EQ(limited.headers.get("Retry-After"), "17");
  stage.accounts.busy = true;
  const Response busy = stage.answer("POST", "/api/v1/login", "", good_login);
  EXPECT_EQ(busy.status, 503u);
  EXPECT_EQ(code_of(busy), "unavailable");
  stage.accounts.store_gone = true;
  EXPECT_EQ(code_of(stage.answer("POST", "/api/v1/login", "", good_login)), "store_unavailable");
  EXPECT_EQ(code_of(post_form(stage, "grant_type=refresh_token&refresh_token=good")), "store_unavailable");
  stage.authenticator.store_gone = true;
  EXPECT_EQ(code_of(stage.answer("GET", "/api/v1/me")), "store_unavailable");
}

TEST(SignIn, AsksForTheSecondFactor) {
  Stage stage;
  const Response asked =
      stage.answer("POST", "/api/v1/login", "", R"({"username":"ana","password":"right with factor"})");
  EXPECT_EQ(asked.status, 401u);
  EXPECT_EQ(code_of(asked), "second_factor_required");
  EXPECT_EQ(parsed(asked).at("challenge").as_string(), "the challenge");
  const auto step = [&stage](const char* body) {
    return stage.answer("POST", "/api/v1/login/second-factor", "", body).status;
  };
  EXPECT_EQ(step(R"({"challenge":"the challenge","otp":"123456"})"), 200u);
  EXPECT_EQ(step(R"({"challenge":"the challenge","otp":"123457"})"), 401u);
  EXPECT_EQ(step(R"({"challenge":"the challenge"})"), 400u);
  EXPECT_EQ(step(R"({"challenge":"the challenge","otp":"1","recovery_code":"x"})"), 400u);
}

TEST(SignIn, ByBrowser) {
  Stage stage;
  const std::string challenge(43, 'a');
  const std::string start =
      R"({"redirect_uri":"http://127.0.0.1:1/","state":"s","code_challenge":")" + challenge + "\"}";
  Request request = Stage::ask("POST", "/api/v1/login/oidc", "", start);
  request.secured = true;
  EXPECT_EQ(stage.answer(request).status, 200u);
  EXPECT_EQ(stage.accounts.browser.callback, "https://gw.example/api/v1/login/oidc/callback");
  stage.services.public_url = [] { return std::string("https://people.example:8443"); };
  EXPECT_EQ(stage.answer(request).status, 200u);
  EXPECT_EQ(stage.accounts.browser.callback, "https://people.example:8443/api/v1/login/oidc/callback");
  for (const char* host : {"evil/x", "a@b", "a b", "", "a?b", "a#b"}) {
    request.headers.set("Host", host);
    EXPECT_EQ(stage.answer(request).status, 400u) << host;
  }
  const Response back =
      stage.answer("GET", "/api/v1/login/oidc/callback?state=known&code=c&session_state=other&scope=openid", "");
  EXPECT_EQ(back.status, 302u);
  EXPECT_EQ(back.headers.get("Location"), "http://127.0.0.1:1/?code=c");
  EXPECT_EQ(back.headers.get("Referrer-Policy"), "no-referrer");
  for (const char* query : {"state=other&code=c", "state=known&state=known", "", "state=%zz"}) {
    const Response page = stage.answer("GET", std::string("/api/v1/login/oidc/callback?") + query, "");
    EXPECT_EQ(page.status, 400u) << query;
    EXPECT_TRUE(page.content_type.starts_with("text/html"));
    EXPECT_FALSE(page.headers.has("Location"));
  }
}

TEST(TokenEndpoint, SpeaksOauth) {
  Stage stage;
  const Response fresh = post_form(stage, "grant_type=refresh_token&refresh_token=good&unknown=1");
  EXPECT_EQ(fresh.status, 200u);
  EXPECT_EQ(fresh.headers.get("Cache-Control"), "no-store");
  EXPECT_EQ(parsed(fresh).at("expires_in").as_int64(), 900);
  EXPECT_EQ(error_of(post_form(stage, "grant_type=refresh_token&refresh_token=old")), "invalid_grant");
  EXPECT_EQ(error_of(post_form(stage, "grant_type=refresh_token")), "invalid_request");
  EXPECT_EQ(error_of(post_form(stage, "grant_type=password&username=ana")), "unsupported_grant_type");
  EXPECT_EQ(error_of(post_form(stage, "")), "invalid_request");
  EXPECT_EQ(error_of(post_form(stage, "grant_type=refresh_token&grant_type=x")), "invalid_request");
  EXPECT_EQ(error_of(post_form(stage, "grant_type=%zz")), "invalid_request");
  EXPECT_EQ(post_form(stage, "{}", "application/json").status, 415u);
  EXPECT_EQ(post_form(stage, "grant_type=authorization_code&code=good&code_verifier=v&redirect_uri=r").status, 200u);
  EXPECT_EQ(error_of(post_form(stage, "grant_type=authorization_code&code=good")), "invalid_request");
  EXPECT_EQ(error_of(post_form(stage, "grant_type=authorization_code&code=x&code_verifier=v&redirect_uri=r")),
            "invalid_grant");
}

TEST(TokenEndpoint, SaysHowADeviceFlowGoes) {
  Stage stage;
  const std::string poll = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code=d";
  const std::pair<ports::DeviceProgress, const char*> steps[] = {
      {ports::DeviceProgress::pending, "authorization_pending"},
      {ports::DeviceProgress::slow_down, "slow_down"},
      {ports::DeviceProgress::expired, "expired_token"},
      {ports::DeviceProgress::denied, "access_denied"}};
  for (const auto& [progress, error] : steps) {
    stage.accounts.progress = progress;
    EXPECT_EQ(error_of(post_form(stage, poll)), error);
  }
  stage.accounts.progress = ports::DeviceProgress::done;
  EXPECT_EQ(post_form(stage, poll).status, 200u);
}

TEST(Account, SaysWhoOneIsUntilOneLeaves) {
  Stage stage;
  EXPECT_EQ(
      stage.answer("GET", "/api/v1/me").body,
      R"({"user":{"name":"ana"},"groups":["analysts"],"roles":[],)"
      R"("scopes":["read","query","connect","approve","account","admin"],"expires_at":"2096-10-02T07:06:40Z","access":[]})");
  stage.authenticator.credential = "lgn_1";
  EXPECT_EQ(stage.answer("POST", "/api/v1/logout").status, 204u);
  EXPECT_EQ(stage.accounts.signed_out, "lgn_1");
  EXPECT_FALSE(stage.accounts.signed_out_all);
  EXPECT_EQ(stage.answer("POST", "/api/v1/logout", "ana", R"({"all":true})").status, 204u);
  EXPECT_TRUE(stage.accounts.signed_out_all);
}

TEST(Account, ScopesHold) {
  Stage stage;
  stage.authenticator.credential = "key_1";
  stage.authenticator.scopes = {"query"};
  EXPECT_EQ(stage.answer("GET", "/api/v1/me").status, 200u);
  EXPECT_EQ(code_of(stage.answer("GET", "/api/v1/targets")), "insufficient_scope");
  EXPECT_EQ(code_of(stage.answer("GET", "/api/v1/me/tokens")), "insufficient_scope");
  EXPECT_EQ(code_of(stage.answer("POST", "/api/v1/me/password", "ana", "{}")), "insufficient_scope");
  EXPECT_EQ(code_of(stage.answer("POST", "/api/v1/logout", "ana", R"({"all":true})")), "insufficient_scope");
  EXPECT_EQ(stage.answer("POST", "/api/v1/logout").status, 204u);
  stage.authenticator.scopes = {"read", "account"};
  EXPECT_EQ(stage.answer("GET", "/api/v1/targets").status, 200u);
  const auto mint = [&stage](const char* scopes) {
    return stage.answer("POST", "/api/v1/me/tokens", "ana",
                        std::string(R"({"name":"x","expires_in_seconds":60,"scopes":[)") + scopes + "]}");
  };
  EXPECT_EQ(mint(R"("read")").status, 201u);
  EXPECT_EQ(code_of(mint(R"("read","query")")), "insufficient_scope") << "more than the key that asks";
  const Response password =
      stage.answer("POST", "/api/v1/me/database-passwords", "ana", R"({"name":"x","expires_in_seconds":60})");
  EXPECT_EQ(code_of(password), "insufficient_scope") << "connect is missing";
}

TEST(Account, WhoMustChooseAPasswordDoesThatAlone) {
  Stage stage;
  stage.authenticator.credential = "lgn_1";
  stage.authenticator.scopes = {"account"};
  const Response targets = stage.answer("GET", "/api/v1/targets");
  EXPECT_EQ(code_of(targets), "password_change_required");
  EXPECT_NE(targets.body.find("/api/v1/me/password"), std::string::npos);
  EXPECT_EQ(code_of(stage.answer("POST", "/api/v1/me/tokens", "ana",
                                 R"({"name":"x","scopes":["account"],"expires_in_seconds":60})")),
            "password_change_required");
  const auto change = [&stage](const char* current) {
    return stage.answer("POST", "/api/v1/me/password", "ana",
                        std::string(R"({"current_password":")") + current + R"(","new_password":"another one"})");
  };
  EXPECT_EQ(code_of(change("wrong")), "wrong_password");
  EXPECT_EQ(change("right").status, 204u);
}

TEST(Account, ListsComeInPages) {
  Stage stage;
  const auto first = parsed(stage.answer("GET", "/api/v1/me/tokens?limit=2"));
  EXPECT_EQ(first.at("items").as_array().size(), 2u);
  const std::string cursor(first.at("next_cursor").as_string());
  const auto second = parsed(stage.answer("GET", "/api/v1/me/tokens?limit=2&cursor=" + cursor));
  ASSERT_EQ(second.at("items").as_array().size(), 1u);
  EXPECT_EQ(second.at("items").as_array()[0].at("id").as_string(), "key_3");
  EXPECT_TRUE(second.at("next_cursor").is_null());
  EXPECT_EQ(code_of(stage.answer("GET", "/api/v1/me/logins?cursor=" + cursor)), "invalid_cursor");
  EXPECT_EQ(code_of(stage.answer("DELETE", "/api/v1/me/logins/lgn_01JD3K7V9QXW8N5T2R4M6P0ABC")), "not_found");
}

}  // namespace
}  // namespace dbgate::api
