#include "gateway/identity/token_service.h"

#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>

#include "gateway/auth/digests.h"
#include "gateway/identity/key_text.h"
#include "gateway/identity/strict_json.h"
#include "tests/unit/identity/token_gateway.h"

namespace dbgate::identity {
namespace {

std::string part(std::string_view text) {
  return base64url(text);
}

TEST(AccessTokens, SayWhoAndForHowLong) {
  Gateway gateway;
  const TokenPair pair = gateway.begin();
  EXPECT_EQ(pair.expires_in_s, 900);
  EXPECT_EQ(pair.refresh_expires_in_s, 30 * 86'400);
  EXPECT_EQ(kind_of_key(pair.refresh_token), KeyKind::refresh_token);
  const auto bearer = gateway.tokens.verify(pair.access_token, gateway.now);
  ASSERT_TRUE(bearer);
  EXPECT_EQ(bearer->user, "ana");
  EXPECT_EQ(bearer->credential, pair.login);
  EXPECT_TRUE(bearer->may("admin"));
  const auto claims = gateway.claims(pair.access_token);
  EXPECT_EQ(claims.size(), 8u);
  for (const char* name : {"iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp"})
    EXPECT_TRUE(claims.contains(name)) << name;
  const auto header = *parse_object(*gateway.jose->header(pair.access_token));
  EXPECT_EQ(text_member(header, "alg"), "ES256");
  EXPECT_EQ(text_member(header, "typ"), "at+jwt");
  EXPECT_EQ(text_member(header, "kid"), gateway.key().kid);
}

TEST(AccessTokens, ClocksMayDifferByAMinute) {
  Gateway gateway;
  const std::string token = gateway.begin().access_token;
  for (const auto& [after_s, right] : std::vector<std::pair<int, bool>>{
           {-61, false}, {-60, true}, {0, true}, {899, true}, {959, true}, {960, false}, {100'000, false}}) {
    gateway.now = start + after_s * second;
    EXPECT_EQ(gateway.accepts(token), right) << after_s;
  }
}

TEST(AccessTokens, WrongClaims) {
  Gateway gateway;
  const json::object right = gateway.claims(gateway.begin().access_token);
  ASSERT_TRUE(gateway.accepts(gateway.sign(right)));
  const std::int64_t now_s = start / second;
  const std::vector<std::pair<const char*, json::value>> wrong = {
      {"iss", "else"},     {"iss", nullptr},
      {"aud", "else"},     {"aud", json::array{"dbgate-api", "x"}},
      {"sub", ""},         {"sub", 7},
      {"sid", ""},         {"jti", ""},
      {"exp", "never"},    {"exp", now_s - 61},
      {"exp", -1},         {"exp", 1e300},
      {"nbf", nullptr},    {"nbf", now_s + 61},
      {"iat", now_s + 61}, {"iat", "0"},
      {"scope", 1},        {"scope", json::array{}}};
  for (const auto& [name, value] : wrong) {
    json::object claims = right;
    claims[name] = value;
    EXPECT_FALSE(gateway.accepts(gateway.sign(claims))) << name << " " << value;
  }
  for (const auto& [name, value] : right) {
    json::object claims = right;
    claims.erase(name);
    EXPECT_FALSE(gateway.accepts(gateway.sign(claims))) << name;
  }
  std::string twice = json::serialize(right);
  twice.insert(1, R"("sub":"root",)");
  EXPECT_FALSE(gateway.accepts(gateway.sign(twice)));
  EXPECT_FALSE(gateway.accepts(gateway.sign("[]")));
  EXPECT_FALSE(gateway.accepts(gateway.sign(json::serialize(right), "JWT")));
}

TEST(AccessTokens, OtherAlgorithms) {
  Gateway gateway;
  const std::string token = gateway.begin().access_token;
  const std::string kid = gateway.key().kid;
  const std::size_t first = token.find('.');
  const std::string payload = token.substr(first, token.rfind('.') - first);
  const auto header = [&kid](const std::string& algorithm) {
    return part(R"({"alg":")" + algorithm + R"(","typ":"at+jwt","kid":")" + kid + R"("})");
  };
  for (const char* none : {"none", "None", "NONE", "nOnE", ""}) {
    EXPECT_FALSE(gateway.accepts(header(none) + payload + ".")) << none;
    EXPECT_FALSE(gateway.accepts(header(none) + payload)) << none;
    EXPECT_FALSE(gateway.accepts(header(none) + payload + token.substr(token.rfind('.')))) << none;
  }
  // The public key is public: it must not be a secret that anybody signs with.
  for (const std::string& secret : {gateway.key().public_key, std::string("secret"), std::string()}) {
    const std::string signed_text = header("HS256") + payload;
    EXPECT_FALSE(gateway.accepts(signed_text + "." + base64url(auth::hmac_sha256(secret, signed_text))));
  }
  for (const char* other : {"ES384", "RS256", "PS256", "EdDSA", "ES256K"})
    EXPECT_FALSE(gateway.accepts(header(other) + payload + token.substr(token.rfind('.')))) << other;
  // The right algorithm, and a header that is not the signed one.
  EXPECT_FALSE(gateway.accepts(header("ES256") + payload + token.substr(token.rfind('.'))));
  EXPECT_FALSE(gateway.accepts(part(R"({"alg":"none","alg":"ES256","typ":"at+jwt","kid":")" + kid + R"("})") + payload +
                               token.substr(token.rfind('.'))));
}

TEST(AccessTokens, OtherKeys) {
  Gateway gateway;
  Gateway other;
  const std::string theirs = other.begin().access_token;
  EXPECT_TRUE(other.accepts(theirs));
  EXPECT_FALSE(gateway.accepts(theirs));
  // Their key under our key's name.
  auto key = other.key();
  key.kid = gateway.key().kid;
  const std::string payload = json::serialize(gateway.claims(gateway.begin().access_token));
  EXPECT_FALSE(gateway.accepts(*gateway.jose->sign(payload, key, "at+jwt")));
  for (const char* kid : {"", "../../../../dev/null", "/dev/null", "x' OR '1'='1", "x\"; DROP TABLE signing_keys; --",
                          "%00", "*", "http://evil.example/key"}) {
    key.kid = kid;
    EXPECT_FALSE(gateway.accepts(*gateway.jose->sign(payload, key, "at+jwt"))) << kid;
  }
}

TEST(AccessTokens, KeysInTheHeaderAreNotLookedAt) {
  Gateway gateway;
  const auto own = *gateway.jose->make_key();
  const std::string token = gateway.begin().access_token;
  const std::size_t first = token.find('.');
  for (const std::string& member :
       {"\"jwk\":" + own.public_key, std::string(R"("jku":"https://evil.example/keys")"),
        std::string(R"("x5u":"https://evil.example/c")"), std::string(R"("crit":["exp"])")}) {
    const std::string header = R"({"alg":"ES256","typ":"at+jwt","kid":")" + own.kid + "\"," + member + "}";
    EXPECT_FALSE(gateway.accepts(part(header) + token.substr(first))) << member;
  }
}

TEST(AccessTokens, MutilatedTexts) {
  Gateway gateway;
  const std::string token = gateway.begin().access_token;
  ASSERT_TRUE(gateway.accepts(token));
  for (std::size_t length = 0; length < token.size(); ++length)
    ASSERT_FALSE(gateway.accepts(token.substr(0, length))) << length;
  for (const std::string& text :
       {token + ".", token + "A", "." + token, token + " ", token + "==", std::string("..."), std::string("."),
        std::string("a.b.c"), std::string("eyJ.eyJ.") + std::string(8, '\0'), std::string(5'000, 'A'),
        std::string(2'000, '.'), token + std::string(1, '\0')})
    EXPECT_FALSE(gateway.accepts(text)) << text.substr(0, 40);
  const std::size_t signature = token.rfind('.') + 1;
  for (std::size_t at = 0; at < token.size(); at += 7) {
    std::string changed = token;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    if (at != token.size() - 1) EXPECT_FALSE(gateway.accepts(changed)) << at << " of " << signature;
  }
  EXPECT_FALSE(gateway.accepts(token.substr(0, signature) + base64url(std::string(64, '\0'))));
}

TEST(AccessTokens, NotBeforeItIsKnownWhatHasEnded) {
  tests::TestStore kept;
  const auto jose = adapters::make_cjose();
  TokenService tokens({}, kept, *jose, [](std::string_view) { return true; });
  ASSERT_TRUE(tokens.open(start));
  const auto pair = tokens.begin({"ana", "password", {}, {}}, start);
  EXPECT_FALSE(tokens.verify(pair->access_token, start));
  tokens.follow(*kept.load_directory(0, start));
  EXPECT_TRUE(tokens.verify(pair->access_token, start));
}

TEST(AccessTokens, EndWithTheirLoginTheirUserOrAlone) {
  Gateway gateway;
  const auto first = gateway.begin();
  const auto second_pair = gateway.begin();
  const auto third = gateway.begin();
  const auto bearer = *gateway.tokens.verify(first.access_token, gateway.now);
  ASSERT_TRUE(gateway.tokens.end(bearer, {"logout", "ana"}, gateway.now));
  EXPECT_FALSE(gateway.accepts(first.access_token));
  EXPECT_FALSE(gateway.tokens.refresh(first.refresh_token, gateway.now));
  gateway.follow();
  EXPECT_FALSE(gateway.accepts(first.access_token));
  // Ended by another gateway: heard of by the directory.
  ASSERT_TRUE(*gateway.kept.logins().end_login(second_pair.login, {"revoked", "root"}, gateway.now));
  EXPECT_TRUE(gateway.accepts(second_pair.access_token));
  gateway.follow();
  EXPECT_FALSE(gateway.accepts(second_pair.access_token));
  // One token, not its login.
  ASSERT_TRUE(gateway.tokens.revoke(*gateway.tokens.verify(third.access_token, gateway.now), gateway.now));
  EXPECT_FALSE(gateway.accepts(third.access_token));
  gateway.follow();
  EXPECT_FALSE(gateway.accepts(third.access_token));
  const auto fresh = gateway.tokens.refresh(third.refresh_token, gateway.now);
  ASSERT_TRUE(fresh);
  EXPECT_TRUE(gateway.accepts(fresh->access_token));
  gateway.gone = "ana";
  EXPECT_FALSE(gateway.accepts(fresh->access_token));
}

TEST(AccessTokens, GoOnWhileTheStoreIsGone) {
  CountedGateway gateway;
  const auto pair = gateway.begin();
  gateway.kept.lost = true;
  gateway.now += 300 * second;
  EXPECT_TRUE(gateway.accepts(pair.access_token));
  const auto refreshed = gateway.tokens.refresh(pair.refresh_token, gateway.now);
  ASSERT_FALSE(refreshed);
  EXPECT_EQ(refreshed.error().code(), sqlstate::connection_failure);
  gateway.kept.lost = false;
  EXPECT_TRUE(gateway.tokens.refresh(pair.refresh_token, gateway.now));
}

TEST(AccessTokens, OnlyForAnotherPasswordWhileOneHasToBeChosen) {
  Gateway gateway;
  store::NewUser ana;
  ana.user.name = "ana";
  ASSERT_TRUE(gateway.kept.users().create_user(ana, start));
  store::PasswordChange change;
  change.must_change = true;
  ASSERT_TRUE(gateway.kept.sign_ins().set_password("ana", change, start));
  auto pair = gateway.begin();
  const auto restricted = *gateway.tokens.verify(pair.access_token, gateway.now);
  EXPECT_TRUE(restricted.may("account"));
  for (const char* scope : {"admin", "query", "connect", "read"})
    EXPECT_FALSE(restricted.may(scope)) << scope;
  pair = *gateway.tokens.refresh(pair.refresh_token, gateway.now);
  EXPECT_FALSE(gateway.tokens.verify(pair.access_token, gateway.now)->may("connect"));
  change.must_change = false;
  change.end_logins = false;
  ASSERT_TRUE(gateway.kept.sign_ins().set_password("ana", change, start));
  pair = *gateway.tokens.refresh(pair.refresh_token, gateway.now);
  EXPECT_TRUE(gateway.tokens.verify(pair.access_token, gateway.now)->may("connect"));
}

}  // namespace
}  // namespace dbgate::identity
