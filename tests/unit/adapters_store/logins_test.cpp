#include "tests/unit/adapters_store/store_lab.h"

namespace dbgate::adapters::store {
namespace {

class LoginsTest : public StoreTest {
 protected:
  Logins& logins() { return store->logins(); }
  Rotation rotate(const std::string& old, const std::string& fresh, Micros now_us = t0 + 1) {
    return got(logins().rotate_refresh_token(old, {fresh, now_us + 8 * hour}, now_us)).outcome;
  }
};
ON_BOTH_DIALECTS(LoginsTest);

TEST_P(LoginsTest, ALoginComesBackAsItWasMade) {
  Login login;
  login.user = "alice";
  login.method = "oidc";
  login.client = "dbgate 1.0";
  login.address = "::1";
  login.expires_us = t0 + hour;
  login = got(logins().create_login(login, {"r1", t0 + hour}, t0));
  EXPECT_THAT(login.id, testing::StartsWith("lgn_"));
  const auto found = got(logins().find_login(login.id));
  EXPECT_EQ(found->user, "alice");
  EXPECT_EQ(found->method, "oidc");
  EXPECT_EQ(found->client, "dbgate 1.0");
  EXPECT_EQ(found->created_us, t0);
  EXPECT_TRUE(found->live(t0));
  EXPECT_FALSE(found->live(t0 + hour));
  EXPECT_EQ(got(logins().find_login_of_token("r1"))->id, login.id);
  EXPECT_FALSE(got(logins().find_login_of_token("r2")));
  EXPECT_EQ(code_of(logins().create_login(login, {"r1", t0 + hour}, t0)), "23505");
}

TEST_P(LoginsTest, ARefreshTokenIsUsedOnce) {
  const Login login = make_login("alice", "r1");
  const Rotated rotated = got(logins().rotate_refresh_token("r1", {"r2", t0 + hour}, t0 + 1));
  EXPECT_EQ(rotated.outcome, Rotation::rotated);
  EXPECT_EQ(rotated.login.id, login.id);
  EXPECT_EQ(rotated.login.last_used_us, t0 + 1);
  EXPECT_EQ(rotate("r2", "r3"), Rotation::rotated);
}

TEST_P(LoginsTest, AReusedTokenEndsItsLogin) {
  const Login login = make_login("alice", "r1");
  const Login other = make_login("alice", "s1");
  EXPECT_EQ(rotate("r1", "r2"), Rotation::rotated);
  const auto before = generation();
  const Rotated reused = got(logins().rotate_refresh_token("r1", {"r9", t0 + hour}, t0 + 2));
  EXPECT_EQ(reused.outcome, Rotation::reused);
  EXPECT_EQ(reused.login.user, "alice");
  EXPECT_EQ(reused.login.end_reason, "reuse");
  EXPECT_GT(generation(), before);
  // Neither the thief's token nor the owner's is of any use now.
  EXPECT_EQ(rotate("r2", "r3"), Rotation::ended);
  EXPECT_EQ(rotate("r9", "r10"), Rotation::unknown);
  EXPECT_EQ(rotate("s1", "s2"), Rotation::rotated);
  EXPECT_EQ(got(store->load_directory(t0, t0)).ended.at(0).credential, login.id);
  EXPECT_EQ(got(logins().find_login(other.id))->ended_us, 0);
}

TEST_P(LoginsTest, TokensThatAreNotGoodSayWhy) {
  make_login("alice", "r1");
  EXPECT_EQ(rotate("nobody's", "x"), Rotation::unknown);
  EXPECT_EQ(rotate("r1", "x", t0 + 8 * hour), Rotation::expired);
  const Login ended = make_login("alice", "s1");
  EXPECT_TRUE(got(logins().end_login(ended.id, {"logout", "alice"}, t0)));
  EXPECT_EQ(rotate("s1", "x"), Rotation::ended);
}

TEST_P(LoginsTest, ALoginThatHasExpiredIsNotProlonged) {
  Login login;
  login.user = "alice";
  login.expires_us = t0 + minute;
  got(logins().create_login(login, {"r1", t0 + hour}, t0));
  EXPECT_EQ(rotate("r1", "r2", t0 + minute), Rotation::ended);
}

TEST_P(LoginsTest, ATokenThatIsThereAlreadyUndoesTheWholeStep) {
  make_login("alice", "r1");
  make_login("bob", "s1");
  EXPECT_EQ(code_of(logins().rotate_refresh_token("r1", {"s1", t0 + hour}, t0 + 1)), "23505");
  EXPECT_EQ(rotate("r1", "r2"), Rotation::rotated);
}

TEST_P(LoginsTest, EndingIsDoneOnceAndRemembered) {
  const Login login = make_login("alice", "r1");
  EXPECT_TRUE(got(logins().end_login(login.id, {"revoked", "root"}, t0 + 3)));
  EXPECT_FALSE(got(logins().end_login(login.id, {"logout", "alice"}, t0 + 4)));
  EXPECT_FALSE(got(logins().end_login("lgn_none", {}, t0)));
  const Directory directory = got(store->load_directory(t0, t0));
  ASSERT_EQ(directory.ended.size(), 1u);
  EXPECT_EQ(directory.ended[0].user, "alice");
  EXPECT_EQ(directory.ended[0].ended_us, t0 + 3);
  EXPECT_EQ(directory.ended[0].why.reason, "revoked");
  EXPECT_EQ(directory.ended[0].why.by, "root");
  EXPECT_TRUE(got(store->load_directory(t0 + 4, t0)).ended.empty());
}

TEST_P(LoginsTest, AllLoginsOfAUserEndButOne) {
  const Login keep = make_login("alice", "r1");
  make_login("alice", "r2");
  make_login("alice", "r3");
  make_login("bob", "r4");
  EXPECT_EQ(got(logins().end_logins_of("alice", keep.id, {"revoked", "alice"}, t0)), 2);
  EXPECT_EQ(got(logins().end_logins_of("alice", keep.id, {"revoked", "alice"}, t0)), 0);
  EXPECT_EQ(rotate("r1", "x1"), Rotation::rotated);
  EXPECT_EQ(rotate("r2", "x2"), Rotation::ended);
  EXPECT_EQ(rotate("r4", "x4"), Rotation::rotated);
}

TEST_P(LoginsTest, ListsAreNewestFirstIfAsked) {
  std::vector<std::string> made;
  for (int i = 0; i < 4; ++i) {
    Login login;
    login.user = i == 3 ? "bob" : "alice";
    login.expires_us = i == 1 ? t0 + 5 : 0;
    made.push_back(got(logins().create_login(login, {"r" + std::to_string(i), t0 + hour}, t0 + i / 2)).id);
  }
  const auto first = got(logins().list_logins({}, {2, true, std::nullopt}, t0));
  const auto rest = got(logins().list_logins({}, {2, true, first.next}, t0));
  std::vector<std::string> seen;
  for (const auto& listed : {first, rest}) {
    for (const Login& login : listed.items)
      seen.push_back(login.id);
  }
  // Two of each moment: the id decides between them.
  std::vector<std::string> expected{made[3], made[2], made[1], made[0]};
  if (made[2] > made[3]) std::swap(expected[0], expected[1]);
  if (made[0] > made[1]) std::swap(expected[2], expected[3]);
  EXPECT_EQ(seen, expected);
  EXPECT_FALSE(rest.next);
  EXPECT_EQ(got(logins().list_logins({"alice", false}, {}, t0)).items.size(), 3u);
  EXPECT_EQ(got(logins().list_logins({"alice", true}, {}, t0 + 5)).items.size(), 2u);
  Page bad;
  bad.after = Cursor{"12x", ""};
  EXPECT_EQ(code_of(logins().list_logins({}, bad, t0)), "22023");
}

TEST_P(LoginsTest, RevokedTokensAreInTheDirectoryUntilTheyExpire) {
  did(logins().revoke_token({"jti1", t0 + minute}, t0));
  did(logins().revoke_token({"jti1", t0 + minute}, t0));
  EXPECT_EQ(got(store->load_directory(t0, t0)).revoked_tokens.at(0).jti, "jti1");
  EXPECT_TRUE(got(store->load_directory(t0, t0 + minute)).revoked_tokens.empty());
}

TEST_P(LoginsTest, UseIsNotedOnceAMinute) {
  const Login login = make_login("alice", "r1");
  did(store->keys().note_used(login.id, t0 + 59 * second));
  EXPECT_EQ(got(logins().find_login(login.id))->last_used_us, t0);
  did(store->keys().note_used(login.id, t0 + 61 * second));
  EXPECT_EQ(got(logins().find_login(login.id))->last_used_us, t0 + 61 * second);
  did(store->keys().note_used("cert:00", t0));
  did(store->keys().note_used("", t0));
}

}  // namespace
}  // namespace dbgate::adapters::store
