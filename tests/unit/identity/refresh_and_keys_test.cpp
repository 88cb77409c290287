#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "gateway/auth/digests.h"
#include "gateway/identity/key_service.h"
#include "gateway/identity/key_text.h"
#include "tests/unit/identity/token_gateway.h"

namespace dbgate::identity {
namespace {

TEST(RefreshTokens, AreUsedOnce) {
  Gateway gateway;
  const auto first = gateway.begin();
  const auto next = gateway.tokens.refresh(first.refresh_token, gateway.now);
  ASSERT_TRUE(next);
  EXPECT_NE(next->refresh_token, first.refresh_token);
  EXPECT_EQ(next->login, first.login);
  const auto other = gateway.begin();
  // A thief comes with the old one: the whole family ends, here at once.
  EXPECT_FALSE(gateway.tokens.refresh(first.refresh_token, gateway.now));
  EXPECT_FALSE(gateway.accepts(next->access_token));
  EXPECT_FALSE(gateway.accepts(first.access_token));
  EXPECT_FALSE(gateway.tokens.refresh(next->refresh_token, gateway.now));
  EXPECT_EQ((*gateway.kept.logins().find_login(first.login))->end_reason, "reuse");
  EXPECT_TRUE(gateway.accepts(other.access_token));
  EXPECT_TRUE(gateway.tokens.refresh(other.refresh_token, gateway.now));
}

TEST(RefreshTokens, OfNobodyTooOldOrOfAUserWhoIsGone) {
  CountedGateway gateway;
  const int asked = gateway.kept.asked;
  const auto pair = gateway.begin();
  for (const std::string& text : {std::string(), pair.access_token, std::string("dbg_rt_x"),
                                  pair.refresh_token.substr(1), pair.refresh_token + "0"})
    EXPECT_FALSE(gateway.tokens.refresh(text, gateway.now));
  EXPECT_FALSE(gateway.tokens.refresh(make_key(KeyKind::refresh_token), gateway.now));
  EXPECT_LE(gateway.kept.asked, asked + 4);  // beginning the login, and one question for the one that could be ours
  gateway.now += 31ll * 86'400 * second;
  EXPECT_FALSE(gateway.tokens.refresh(pair.refresh_token, gateway.now));
  const auto fresh = gateway.begin();
  gateway.gone = "ana";
  EXPECT_FALSE(gateway.tokens.refresh(fresh.refresh_token, gateway.now));
  gateway.gone.clear();
  EXPECT_FALSE((*gateway.kept.logins().find_login(fresh.login))->live(gateway.now));
}

TEST(RefreshTokens, ALoginEndsHoweverMuchItIsUsed) {
  Gateway gateway;
  auto pair = gateway.begin();
  for (int day = 0; day < 80; day += 20) {
    gateway.now += 20ll * 86'400 * second;
    const auto next = gateway.tokens.refresh(pair.refresh_token, gateway.now);
    ASSERT_TRUE(next) << day;
    pair = *next;
  }
  EXPECT_EQ(pair.refresh_expires_in_s, 10 * 86'400);
  gateway.now += 11ll * 86'400 * second;
  EXPECT_FALSE(gateway.tokens.refresh(pair.refresh_token, gateway.now));
}

TEST(Keys, OpenWhatTheirScopesSay) {
  Gateway gateway;
  const auto issued =
      *issue_key(gateway.kept, {"ana", store::KeyKind::personal, "laptop", {"read", "read"}, 3600}, start);
  const auto bearer = gateway.tokens.verify(issued.text, gateway.now);
  ASSERT_TRUE(bearer);
  EXPECT_EQ(bearer->kind, Bearer::Kind::personal_token);
  EXPECT_EQ(bearer->credential, issued.record.id);
  EXPECT_TRUE(bearer->may("read"));
  EXPECT_FALSE(bearer->may("connect"));
  EXPECT_EQ(issued.record.hash.find(issued.text.substr(8)), std::string::npos);
  // The same random part with the other prefix is not that key.
  EXPECT_FALSE(gateway.accepts("dbg_sak_" + issued.text.substr(8)));
  EXPECT_FALSE(gateway.accepts(make_key(KeyKind::personal_token)));
  EXPECT_FALSE(gateway.accepts(gateway.begin().refresh_token));
  gateway.now += 3600 * second;
  EXPECT_FALSE(gateway.accepts(issued.text));
}

TEST(Keys, EndAtOnceAlthoughTheyAreRemembered) {
  CountedGateway gateway;
  const auto ours = *issue_key(gateway.kept, {"bot", store::KeyKind::service, "ci", {"connect"}, 3600}, start);
  const auto theirs = *issue_key(gateway.kept, {"bot", store::KeyKind::service, "cd", {"connect"}, 3600}, start);
  ASSERT_TRUE(gateway.accepts(theirs.text));
  const auto bearer = *gateway.tokens.verify(ours.text, gateway.now);
  const int asked = gateway.kept.asked;
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(gateway.accepts(ours.text));
  EXPECT_EQ(gateway.kept.asked, asked);
  ASSERT_TRUE(gateway.tokens.end(bearer, {"revoked", "root"}, gateway.now));
  EXPECT_FALSE(gateway.accepts(ours.text));
  ASSERT_TRUE(gateway.kept.keys().revoke_access_key("bot", theirs.record.id, {"revoked", "root"}, gateway.now));
  gateway.follow();
  EXPECT_FALSE(gateway.accepts(theirs.text));
  EXPECT_FALSE(gateway.accepts(ours.text));
}

TEST(Keys, AreMadeWithinBounds) {
  tests::TestStore kept;
  const auto made = [&kept](NewKey wanted) { return issue_key(kept, wanted, start).has_value(); };
  const NewKey right{"ana", store::KeyKind::personal, "laptop", {"read"}, 60};
  EXPECT_TRUE(made(right));
  for (const auto& change : std::vector<std::function<void(NewKey&)>>{
           [](NewKey& key) { key.name.clear(); }, [](NewKey& key) { key.name = "a\nb"; },
           [](NewKey& key) { key.name = std::string(101, 'a'); }, [](NewKey& key) { key.scopes.clear(); },
           [](NewKey& key) {
             key.scopes = {"read", "everything"};
           },
           [](NewKey& key) { key.lasts_s = 0; }, [](NewKey& key) { key.lasts_s = -1; },
           [](NewKey& key) { key.lasts_s = longest_key_s + 1; }}) {
    NewKey wrong = right;
    change(wrong);
    EXPECT_FALSE(made(wrong));
  }
}

TEST(DatabasePasswords, OpenTheScramKeysThatAreKept) {
  tests::TestStore kept;
  const auto issued = *issue_database_password(kept, {"ana", "laptop", "shop", 3600}, start);
  EXPECT_EQ(kind_of_key(issued.text), KeyKind::database_password);
  const auto salt = *kept.keys().scram_salt("ana", {}, start);
  const auto salted = auth::salted_password(issued.text, salt.salt, salt.iterations);
  EXPECT_EQ(auth::sha256(auth::hmac_sha256(salted, "Client Key")), issued.record.stored_key);
  EXPECT_EQ(auth::hmac_sha256(salted, "Server Key"), issued.record.server_key);
  EXPECT_EQ(issued.record.expires_us, start + 3600 * second);
}

TEST(DatabasePasswords, WorkBesideThePasswordOfTheFile) {
  tests::TestStore kept;
  const auth::ScramVerifier file = auth::make_scram_verifier("of the file", 5000);
  const auto issued = *issue_database_password(kept, {"ana", "laptop", "", 3600, "dpw_1", file}, start);
  EXPECT_EQ(issued.record.id, "dpw_1");
  const auth::ScramKeys keys = auth::make_scram_keys(issued.text, file.salt, 5000);
  EXPECT_EQ(keys.stored_key, issued.record.stored_key);
  // Another verifier in the file, and passwords that are there: nothing would make all of them work.
  const auth::ScramVerifier changed = auth::make_scram_verifier("another", 4096);
  const auto refused = issue_database_password(kept, {"ana", "phone", "", 3600, "", changed}, start);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code().text(), "55000");
  EXPECT_TRUE(kept.keys().revoke_database_password("ana", "dpw_1", {}, start).value());
  EXPECT_TRUE(issue_database_password(kept, {"ana", "phone", "", 3600, "", changed}, start));
}

TEST(SigningKeys, FollowEachOther) {
  Gateway gateway;
  const auto old_pair = gateway.begin();
  const std::string old_kid = gateway.key().kid;
  gateway.now += 91ll * 86'400 * second;
  const auto pair = gateway.begin();
  EXPECT_NE(gateway.key().kid, old_kid);
  EXPECT_TRUE(gateway.accepts(pair.access_token));
  ASSERT_TRUE(gateway.tokens.rotate(gateway.now));
  EXPECT_TRUE(gateway.accepts(pair.access_token));  // what the last key has signed goes on
  auto listed = json::parse(*gateway.tokens.jwks(gateway.now)).as_object();
  EXPECT_EQ(listed["keys"].as_array().size(), 3u);
  EXPECT_FALSE(gateway.accepts(old_pair.access_token));
  gateway.now += 961 * second;
  listed = json::parse(*gateway.tokens.jwks(gateway.now)).as_object();
  ASSERT_EQ(listed["keys"].as_array().size(), 1u);
  const auto& only = listed["keys"].as_array()[0].as_object();
  EXPECT_EQ(text_member(only, "kid"), gateway.key().kid);
  EXPECT_EQ(text_member(only, "alg"), "ES256");
  EXPECT_EQ(text_member(only, "use"), "sig");
  EXPECT_EQ(text_member(only, "crv"), "P-256");
  EXPECT_FALSE(only.contains("d"));  // never the private part
}

TEST(SigningKeys, OfAnotherGatewayOnTheStore) {
  Gateway first;
  TokenService second_gateway({}, first.kept, *first.jose, [](std::string_view) { return true; });
  ASSERT_TRUE(second_gateway.open(first.now));
  second_gateway.follow(*first.kept.load_directory(0, first.now));
  EXPECT_TRUE(second_gateway.verify(first.begin().access_token, first.now));
  ASSERT_TRUE(first.tokens.rotate(first.now));
  const std::string token = first.begin().access_token;
  first.now += 10 * second;
  EXPECT_TRUE(second_gateway.verify(token, first.now));
}

TEST(SigningKeys, UnknownIdsDoNotMakeItAskAgainAndAgain) {
  CountedGateway gateway;
  const auto key = *gateway.jose->make_key();
  const std::string token = *gateway.jose->sign("{}", key, "at+jwt");
  const int asked = gateway.kept.asked;
  for (int i = 0; i < 1'000; ++i)
    EXPECT_FALSE(gateway.accepts(token));
  EXPECT_LE(gateway.kept.asked, asked + 1);
}

}  // namespace
}  // namespace dbgate::identity
