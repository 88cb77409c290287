#include <cjose/cjose.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdlib>
#include <map>

#include "gateway/adapters/cjose_jose.h"
#include "gateway/auth/digests.h"
#include "gateway/identity/id_token.h"
#include "gateway/identity/oidc_claims.h"
#include "gateway/identity/oidc_client.h"
#include "gateway/identity/strict_json.h"

namespace dbgate::identity {
namespace {

namespace json = boost::json;

constexpr std::int64_t second = 1'000'000;
constexpr std::int64_t now_s = 1'800'000'000;
constexpr std::int64_t start = now_s * second;
constexpr const char* issuer = "https://id.example.com";

json::value text(const std::string& from) {
  return json::value(json::string(from));
}

/// Answers by URL, and counts.
class Pages final : public ports::HttpClient {
 public:
  std::map<std::string, ports::HttpResponse> pages;
  std::map<std::string, int> asked;
  std::vector<ports::HttpRequest> requests;

  Result<ports::HttpResponse> send(const ports::HttpRequest& request) override {
    ++asked[request.url];
    requests.push_back(request);
    const auto found = pages.find(request.url);
    if (found == pages.end()) return Error(sqlstate::connection_failure, "no connection");
    return found->second;
  }
};

struct Provider {
  std::unique_ptr<ports::Jose> jose = adapters::make_cjose();
  ports::JsonWebKeyPair key = *jose->make_key();
  Pages http;
  json::object metadata = {{"issuer", issuer},
                           {"authorization_endpoint", "https://id.example.com/auth?tenant=1"},
                           {"token_endpoint", "https://id.example.com/token"},
                           {"device_authorization_endpoint", "https://id.example.com/device"},
                           {"jwks_uri", "https://id.example.com/keys"},
                           {"code_challenge_methods_supported", json::array{"plain", "S256"}}};
  json::object claims = {{"iss", issuer},
                         {"aud", "dbgate"},
                         {"sub", "s-1"},
                         {"nonce", "n-1"},
                         {"iat", now_s},
                         {"exp", now_s + 60},
                         {"preferred_username", "ana"}};
  config::OidcProvider settings;

  Provider() {
    settings.name = "corp";
    settings.issuer = issuer;
    settings.client_id = "dbgate";
    serve();
    publish({key.public_key});
  }
  void serve() {
    http.pages[std::string(issuer) + "/.well-known/openid-configuration"] = {200, json::serialize(metadata)};
  }
  void publish(const std::vector<std::string>& keys) {
    std::string list;
    for (const std::string& text : keys)
      list += (list.empty() ? "" : ",") + text;
    http.pages["https://id.example.com/keys"] = {200, "{\"keys\":[" + list + "]}"};
  }
  std::string token() { return *jose->sign(json::serialize(claims), key, "JWT"); }
  Result<json::object> check(const std::string& token, const std::string& access = "a-1") {
    OidcProviderFacts facts(settings, http);
    return check_id_token(settings, facts, *jose, {token, "n-1", access, start});
  }
  bool accepts(const std::string& text) { return check(text).has_value(); }
  bool accepts_with(const char* name, const json::value& value) {
    const json::object before = claims;
    claims[name] = value;
    const bool accepted = accepts(token());
    claims = before;
    return accepted;
  }
};

TEST(IdToken, ClaimsThatMustBeRight) {
  Provider provider;
  ASSERT_TRUE(provider.accepts(provider.token()));
  const std::vector<std::pair<const char*, json::value>> wrong = {
      {"iss", "https://id.example.com/"},
      {"iss", "https://evil.example"},
      {"aud", "other"},
      {"aud", json::array{"other"}},
      {"aud", json::array{"dbgate", "other"}},  // and no azp that says it is for us
      {"azp", "other"},
      {"azp", 1},
      {"nonce", "n-2"},
      {"nonce", nullptr},
      {"exp", now_s - 60},
      {"exp", "2099"},
      {"iat", now_s + 61},
      {"iat", nullptr},
      {"nbf", now_s + 61},
      {"nbf", "now"},
      {"sub", ""},
      {"sub", 7},
      {"sub", text(std::string(256, 's'))},
      {"at_hash", "AAAA"},
      {"at_hash", ""},
      {"at_hash", text(base64url(auth::sha256("another").substr(0, 16)))}};
  for (const auto& [name, value] : wrong)
    EXPECT_FALSE(provider.accepts_with(name, value)) << name << " " << value;
  const std::vector<std::pair<const char*, json::value>> right = {
      {"aud", json::array{"dbgate"}},
      {"azp", "dbgate"},
      {"exp", now_s - 59},
      {"iat", now_s + 60},
      {"nbf", now_s + 60},
      {"at_hash", text(base64url(auth::sha256("a-1").substr(0, 16)))}};
  for (const auto& [name, value] : right)
    EXPECT_TRUE(provider.accepts_with(name, value)) << name << " " << value;
  provider.claims["aud"] = json::array{"dbgate", "other"};
  EXPECT_TRUE(provider.accepts_with("azp", "dbgate"));
}

TEST(IdToken, WhoSignedIt) {
  Provider provider;
  const std::string token = provider.token();
  const std::string body = token.substr(token.find('.'), token.rfind('.') - token.find('.'));
  for (const char* algorithm : {"none", "HS256", "ES384", "RS1", ""}) {
    const std::string unsigned_text =
        base64url("{\"alg\":\"" + std::string(algorithm) + "\",\"kid\":\"" + provider.key.kid + "\"}") + body;
    EXPECT_FALSE(provider.accepts(unsigned_text + ".")) << algorithm;
    EXPECT_FALSE(
        provider.accepts(unsigned_text + "." + base64url(auth::hmac_sha256(provider.key.public_key, unsigned_text))))
        << algorithm;
  }
  const auto other = *provider.jose->make_key();
  EXPECT_FALSE(provider.accepts(*provider.jose->sign(json::serialize(provider.claims), other, "JWT")));
  auto disguised = other;
  disguised.kid = provider.key.kid;
  EXPECT_FALSE(provider.accepts(*provider.jose->sign(json::serialize(provider.claims), disguised, "JWT")));
  for (std::size_t length = 0; length < token.size(); length += 5)
    EXPECT_FALSE(provider.accepts(token.substr(0, length)));
  std::string twice = json::serialize(provider.claims);
  twice.insert(1, R"("sub":"root",)");
  EXPECT_FALSE(provider.accepts(*provider.jose->sign(twice, provider.key, "JWT")));
}

// RS256 and PS256 by keys of RSA; a key that says which of them it is for is used for that alone.
TEST(IdToken, RsaKeys) {
  Provider provider;
  const auto exponent = std::to_array<std::uint8_t>({1, 0, 1});
  for (const auto& [bits, usable] : std::vector<std::pair<std::size_t, bool>>{{1024, false}, {2048, true}}) {
    cjose_jwk_t* rsa = cjose_jwk_create_RSA_random(bits, exponent.data(), exponent.size(), nullptr);
    ASSERT_NE(rsa, nullptr);
    char* exported = cjose_jwk_to_json(rsa, false, nullptr);
    auto published = *parse_object(exported);
    std::free(exported);
    for (const char* algorithm : {"RS256", "PS256"}) {
      cjose_header_t* header = cjose_header_new(nullptr);
      cjose_header_set(header, "alg", algorithm, nullptr);
      const std::string payload = json::serialize(provider.claims);
      cjose_jws_t* made =
          cjose_jws_sign(rsa, header, reinterpret_cast<const std::uint8_t*>(payload.data()), payload.size(), nullptr);
      const char* compact = nullptr;
      ASSERT_TRUE(cjose_jws_export(made, &compact, nullptr));
      const std::string token = compact;
      cjose_jws_release(made);
      cjose_header_release(header);
      published.erase("alg");
      provider.publish({provider.key.public_key, json::serialize(published)});
      EXPECT_EQ(provider.accepts(token), usable) << algorithm << " " << bits;
      published["alg"] = std::string(algorithm) == "RS256" ? "PS256" : "RS256";
      provider.publish({json::serialize(published)});
      EXPECT_FALSE(provider.accepts(token)) << algorithm;
      published["alg"] = algorithm;
      published["use"] = "enc";
      provider.publish({json::serialize(published)});
      EXPECT_FALSE(provider.accepts(token)) << algorithm;
      published.erase("use");
    }
    cjose_jwk_release(rsa);
  }
}

// What the provider says it signs with is all that it signs with.
TEST(IdToken, AlgorithmsAreThoseOfTheMetadata) {
  Provider provider;
  const auto accepts_where = [&provider](const json::array& offered) {
    provider.metadata["id_token_signing_alg_values_supported"] = offered;
    provider.serve();
    return provider.accepts(provider.token());
  };
  EXPECT_TRUE(accepts_where({"RS256", "ES256"}));
  EXPECT_TRUE(accepts_where({"EdDSA", "ES256"}));
  EXPECT_TRUE(accepts_where({}));
  EXPECT_FALSE(accepts_where({"RS256", "none"}));
  for (const char* only : {"EdDSA", "HS256", "none", "ES512"}) {
    provider.metadata["id_token_signing_alg_values_supported"] = json::array{only};
    provider.serve();
    OidcProviderFacts facts(provider.settings, provider.http);
    const auto refused = facts.metadata(start);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().message().find("RS256"), std::string::npos);
  }
}

TEST(ProviderFacts, KeysRollOver) {
  Provider provider;
  OidcProviderFacts facts(provider.settings, provider.http);
  const auto accepts = [&](std::int64_t after_s) {
    provider.claims["iat"] = now_s + after_s;
    provider.claims["exp"] = now_s + after_s + 60;
    return check_id_token(provider.settings, facts, *provider.jose,
                          {provider.token(), "n-1", "a-1", start + after_s * second})
        .has_value();
  };
  int& asked = provider.http.asked["https://id.example.com/keys"];
  EXPECT_TRUE(accepts(0));
  EXPECT_TRUE(accepts(1));
  EXPECT_EQ(asked, 1);
  const auto old = provider.key;
  provider.key = *provider.jose->make_key();
  provider.publish({provider.key.public_key});
  // A minute has to pass between two questions, whatever comes.
  for (int i = 0; i < 100; ++i)
    EXPECT_FALSE(accepts(30));
  EXPECT_EQ(asked, 1);
  EXPECT_TRUE(accepts(61));
  EXPECT_EQ(asked, 2);
  provider.key = old;
  EXPECT_FALSE(accepts(62));  // the old one is not published any more
}

TEST(ProviderFacts, AreKeptWhileTheProviderIsGone) {
  Provider provider;
  OidcProviderFacts facts(provider.settings, provider.http);
  const IdTokenQuestion question{provider.token(), "n-1", "a-1", start};
  ASSERT_TRUE(check_id_token(provider.settings, facts, *provider.jose, question));
  provider.http.pages.clear();
  auto later = question;
  later.now_us += 4'000 * second;
  EXPECT_EQ(check_id_token(provider.settings, facts, *provider.jose, later).error().code(),
            sqlstate::invalid_authorization_specification);  // by then the token has expired; the keys have not
  EXPECT_TRUE(facts.keys(provider.key.kid, "ES256", later.now_us));
}

TEST(ProviderFacts, AProviderThatDoesNotAnswerIsNotAskedByEverybody) {
  Provider provider;
  const auto pages = provider.http.pages;
  provider.http.pages.clear();
  OidcProviderFacts facts(provider.settings, provider.http);
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(facts.metadata(start + i).error().code(), sqlstate::connection_failure);
  EXPECT_EQ(provider.http.requests.size(), 1u);
  provider.http.pages = pages;
  EXPECT_TRUE(facts.metadata(start + 10 * second));
}

TEST(ProviderFacts, MetadataThatIsNotTrusted) {
  const auto refused = [](const std::function<void(Provider&)>& change) {
    Provider provider;
    change(provider);
    provider.serve();
    OidcProviderFacts facts(provider.settings, provider.http);
    return !facts.metadata(start).has_value();
  };
  EXPECT_FALSE(refused([](Provider&) {}));
  EXPECT_TRUE(refused([](Provider& it) { it.metadata["issuer"] = "https://evil.example"; }));
  EXPECT_TRUE(refused([](Provider& it) { it.metadata["issuer"] = "https://id.example.com/"; }));
  for (const char* endpoint : {"authorization_endpoint", "token_endpoint", "jwks_uri"}) {
    EXPECT_TRUE(refused([&](Provider& it) { it.metadata.erase(endpoint); })) << endpoint;
    for (const char* url :
         {"http://127.0.0.1:6379/", "http://id.example.com/x", "file:///etc/passwd", "", "x", "gopher://127.0.0.1/"})
      EXPECT_TRUE(refused([&](Provider& it) { it.metadata[endpoint] = url; })) << endpoint << " " << url;
  }
  EXPECT_TRUE(refused([](Provider& it) { it.metadata["code_challenge_methods_supported"] = json::array{"plain"}; }));
  Provider silent;
  silent.http.pages[std::string(issuer) + "/.well-known/openid-configuration"] = {302, ""};
  OidcProviderFacts facts(silent.settings, silent.http);
  EXPECT_FALSE(facts.metadata(start));
}

TEST(OidcClient, TheSecretGoesWhereTheProviderTakesIt) {
  for (const bool in_body : {false, true}) {
    Provider provider;
    provider.settings.client_secret = "s:e c";
    if (in_body) provider.metadata["token_endpoint_auth_methods_supported"] = json::array{"client_secret_post"};
    provider.serve();
    provider.http.pages["https://id.example.com/token"] = {
        200, json::serialize(json::object{{"id_token", provider.token()}, {"access_token", "a-1"}})};
    OidcClient client(provider.settings, provider.http, *provider.jose);
    const auto claims = client.redeem("c-1", {"https://gw/cb", "s", "n-1", std::string(43, 'v')}, start);
    ASSERT_TRUE(claims);
    EXPECT_EQ(text_member(*claims, "sub"), "s-1");
    const auto asked = std::find_if(provider.http.requests.begin(), provider.http.requests.end(),
                                    [](const auto& request) { return request.method == "POST"; });
    ASSERT_NE(asked, provider.http.requests.end());
    const std::string basic = "Basic " + auth::base64_encode("dbgate:s%3Ae%20c");
    const bool has_basic =
        std::find(asked->headers.begin(), asked->headers.end(),
                  std::pair<std::string, std::string>("Authorization", basic)) != asked->headers.end();
    EXPECT_EQ(has_basic, !in_body);
    EXPECT_EQ(asked->body.find("client_secret=s%3Ae%20c") != std::string::npos, in_body);
    EXPECT_EQ(asked->url.find("s%3A"), std::string::npos);
  }
}

TEST(OidcClient, WhatAProviderSaysIsNotRepeated) {
  Provider provider;
  provider.http.pages["https://id.example.com/token"] = {
      400, R"({"error":"invalid_grant","error_description":"<script>alert(1)</script> code c-1"})"};
  OidcClient client(provider.settings, provider.http, *provider.jose);
  const CodeRequest request{"https://gw/cb", "s", "n-1", std::string(43, 'v')};
  const Error why = client.redeem("c-1", request, start).error();
  EXPECT_EQ(why.message(), "the identity provider \"corp\" refuses the sign-in: invalid_grant");
  for (const char* page : {"", "<html>", "[]", R"({"error":"<b>"})", R"({"id_token":7})", R"({"id_token":"x"})"}) {
    provider.http.pages["https://id.example.com/token"] = {200, page};
    const auto refused = client.redeem("c-1", request, start);
    ASSERT_FALSE(refused) << page;
    EXPECT_EQ(refused.error().message().find('<'), std::string::npos);
  }
}

TEST(OidcClient, DeviceCodesWithinReason) {
  Provider provider;
  OidcClient client(provider.settings, provider.http, *provider.jose);
  const json::object right = {{"device_code", "d"},
                              {"user_code", "u"},
                              {"verification_uri", "https://id.example.com/d"},
                              {"expires_in", 1e9},
                              {"interval", 0}};
  const auto start_with = [&](const char* name, const json::value& value) {
    json::object said = right;
    said[name] = value;
    provider.http.pages["https://id.example.com/device"] = {200, json::serialize(said)};
    return client.start_device(start);
  };
  const auto codes = start_with("user_code", "u");
  ASSERT_TRUE(codes);
  EXPECT_EQ(codes->expires_in_s, 1800);
  EXPECT_EQ(codes->interval_s, 1);
  EXPECT_FALSE(start_with("device_code", ""));
  EXPECT_FALSE(start_with("verification_uri", "javascript:alert(1)"));
  EXPECT_FALSE(start_with("expires_in", -1));
  EXPECT_EQ(start_with("verification_uri_complete", "file:///x")->verification_uri_complete, "");
  provider.metadata.erase("device_authorization_endpoint");
  provider.serve();
  OidcClient without(provider.settings, provider.http, *provider.jose);
  EXPECT_EQ(without.start_device(start).error().code(), sqlstate::feature_not_supported);
}

TEST(OidcClaims, WhoThatIsHere) {
  config::OidcProvider settings;
  settings.issuer = issuer;
  settings.group_map = {{"A", "analysts"}, {"B", "analysts"}, {"C", "oncall"}};
  json::object claims = {{"sub", "s-1"},
                         {"preferred_username", "ana"},
                         {"email", "ana@example.com"},
                         {"groups", json::array{"C", "B", "A", "D", 7}}};
  auto person = person_of(settings, claims);
  ASSERT_TRUE(person);
  EXPECT_EQ(person->email, "");  // nobody has verified it
  EXPECT_THAT(person->groups, ::testing::ElementsAre("analysts", "oncall"));
  settings.username_claim = "email";
  EXPECT_FALSE(person_of(settings, claims));
  claims["email_verified"] = true;
  EXPECT_EQ(person_of(settings, claims)->name, "ana@example.com");
  settings.allowed_domains = {"EXAMPLE.com"};
  EXPECT_TRUE(person_of(settings, claims));
  settings.allowed_domains = {"ample.com", "com"};
  EXPECT_FALSE(person_of(settings, claims));
  claims["email_verified"] = "false";
  settings.allowed_domains = {"example.com"};
  EXPECT_FALSE(person_of(settings, claims));
}

// RFC 7636 appendix B.
TEST(Pkce, ExampleOfTheRfc) {
  constexpr const char* verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
  EXPECT_EQ(code_challenge(verifier), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
  EXPECT_TRUE(verifier_fits(verifier, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"));
  EXPECT_FALSE(verifier_fits(verifier, verifier));
  EXPECT_FALSE(verifier_fits("short", code_challenge("short")));
}

}  // namespace
}  // namespace dbgate::identity
