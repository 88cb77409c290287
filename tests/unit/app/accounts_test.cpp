#include "gateway/app/accounts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gateway/app/snapshot.h"

namespace dbgate::app {
namespace {

using session::Account;
using session::AccountPtr;
using session::Credential;
using session::EndReason;
using testing::ElementsAre;

const auth::ScramVerifier& file_verifier() {
  static const auth::ScramVerifier verifier = auth::make_scram_verifier("of the file", 1);
  return verifier;
}

config::DatabasePassword password(const std::string& id, const std::string& salt, std::int64_t expires = 0) {
  const auth::ScramKeys keys = auth::make_scram_keys("password of " + id, salt, 1);
  return {id, keys.stored_key, keys.server_key, "", expires};
}

config::User alice(const std::string& salt) {
  config::User user;
  user.name = "alice";
  user.scram_verifier = auth::format_scram_verifier(file_verifier());
  user.scram_salt = salt;
  user.scram_iterations = 1;
  user.certificates = {"dns:alice.example", "uri:spiffe://corp/alice"};
  return user;
}

std::vector<std::string> ids_of(const AccountPtr& account) {
  std::vector<std::string> ids;
  for (const Credential& credential : account->credentials)
    ids.push_back(credential.id);
  EXPECT_EQ(ids.size(), account->passwords.keys.size());
  return ids;
}

AccountPtr made(const config::User& user) {
  auto account = make_account(user);
  EXPECT_TRUE(account);
  return account ? *account : nullptr;
}

std::shared_ptr<const Snapshot> snapshot_of(std::vector<config::User> users,
                                            std::set<std::string, std::less<>> ended = {}) {
  config::Config config;
  config.users = std::move(users);
  config.ended_credentials = std::move(ended);
  auto snapshot = make_snapshot(std::move(config));
  EXPECT_TRUE(snapshot);
  return snapshot ? *snapshot : nullptr;
}

TEST(Accounts, ThePasswordOfTheFileIsOneOfThemIfItsSaltIsTheirs) {
  config::User user = alice("");
  EXPECT_THAT(ids_of(made(user)), ElementsAre(""));
  user.scram_salt = file_verifier().salt;
  user.database_passwords = {password("dpw_1", user.scram_salt), password("dpw_2", user.scram_salt)};
  EXPECT_THAT(ids_of(made(user)), ElementsAre("", "dpw_1", "dpw_2"));
  EXPECT_EQ(made(user)->passwords.salt, file_verifier().salt);
  user.scram_iterations = 2;
  EXPECT_THAT(ids_of(made(user)), ElementsAre("dpw_1", "dpw_2"));
  user.scram_iterations = 1;
  user.scram_salt = "another salt";
  EXPECT_THAT(ids_of(made(user)), ElementsAre("dpw_1", "dpw_2"));
  EXPECT_EQ(made(user)->passwords.salt, "another salt");
}

TEST(Accounts, WhatIsTooMuchOrNoKeyIsLeftOut) {
  config::User user = alice("salt");
  user.scram_verifier.clear();
  user.database_passwords.push_back(password("dpw_bad", "salt"));
  user.database_passwords[0].stored_key.pop_back();
  for (int i = 0; i < 40; ++i)
    user.database_passwords.push_back(password("dpw_" + std::to_string(i), "salt"));
  const auto ids = ids_of(made(user));
  EXPECT_EQ(ids.size(), 32u);
  EXPECT_EQ(ids.front(), "dpw_0");
  user.scram_verifier = "SCRAM-SHA-256$nonsense";
  EXPECT_FALSE(make_account(user));
}

TEST(Accounts, WhatHasExpiredOrWasEndedOpensNothing) {
  config::User user = alice("salt");
  user.scram_verifier.clear();
  user.database_passwords = {password("dpw_1", "salt", 1000), password("dpw_2", "salt", 2000),
                             password("dpw_3", "salt")};
  const auto snapshot = snapshot_of({user});
  const AccountPtr account = made(user);
  EXPECT_EQ(account_in_force(account, *snapshot, 999), account) << "no copy where nothing changes";
  EXPECT_THAT(ids_of(account_in_force(account, *snapshot, 1000)), ElementsAre("dpw_2", "dpw_3"));
  EXPECT_THAT(ids_of(account_in_force(account, *snapshot, 5000)), ElementsAre("dpw_3"));
  EXPECT_EQ(account_in_force(account, *snapshot, 5000)->passwords.salt, "salt");
  const auto ended = snapshot_of({user}, {"dpw_3", "dpw_1"});
  EXPECT_THAT(ids_of(account_in_force(account, *ended, 0)), ElementsAre("dpw_2"));
  EXPECT_EQ(account_in_force(account, *ended, 2000), nullptr);
  user.database_passwords.clear();
  EXPECT_EQ(account_in_force(made(user), *snapshot, 0), nullptr) << "nobody can tell who has no password";
}

TEST(Accounts, TokensNeedNoPassword) {
  config::User user = alice("");
  user.scram_verifier.clear();
  user.wire = config::WireSignIn::token;
  const AccountPtr account = made(user);
  EXPECT_EQ(account->method, Account::Method::token);
  EXPECT_EQ(account_in_force(account, *snapshot_of({user}), 0), account);
}

TEST(Certificates, StandForTheirUserOnly) {
  config::User bob;
  bob.name = "bob";
  bob.certificates = {"email:bob@example.org"};
  const auto snapshot = snapshot_of({alice(""), bob});
  const net::PeerCertificate shown{"ab12", 4711, {"dns:*", "uri:spiffe://corp/nobody", "dns:ALICE.example"}};
  const auto credential = certified("alice", shown, *snapshot);
  ASSERT_TRUE(credential);
  EXPECT_EQ(credential->id, "cert:ab12");
  EXPECT_EQ(credential->certificate, "dns:alice.example");
  EXPECT_EQ(credential->expires, 4711);
  EXPECT_FALSE(certified("bob", shown, *snapshot));
  EXPECT_FALSE(certified("alice.example", shown, *snapshot));
  EXPECT_FALSE(certified("alice", {"ab12", 0, {}}, *snapshot));
  EXPECT_FALSE(certified("", {"ab12", 0, {"", "dns:"}}, *snapshot));
  EXPECT_TRUE(certified("bob", {"x", 0, {"dns:alice.example", "email:bob@EXAMPLE.org"}}, *snapshot));
  EXPECT_FALSE(certified("alice", shown, *snapshot_of({alice("")}, {"cert:ab12"})));
}

TEST(WhyOut, TellsTheTrueReason) {
  const auto snapshot = snapshot_of({alice("")}, {"lgn_1", "cert:ab12"});
  session::SessionInfo info;
  info.user = "alice";
  EXPECT_FALSE(why_out(info, *snapshot));
  info.credential.id = "lgn_2";
  EXPECT_FALSE(why_out(info, *snapshot));
  info.credential.id = "lgn_1";
  EXPECT_EQ(why_out(info, *snapshot)->reason, EndReason::credential_ended);
  info.credential = {"cert:cd34", 0, "", false, "dns:alice.example"};
  EXPECT_FALSE(why_out(info, *snapshot));
  info.credential.id = "cert:ab12";
  EXPECT_EQ(why_out(info, *snapshot)->reason, EndReason::credential_ended);
  info.credential = {"cert:cd34", 0, "", false, "dns:gone.example"};
  EXPECT_EQ(why_out(info, *snapshot)->reason, EndReason::credential_ended) << "the certificate stands for nobody";
  info.credential = {};
  info.user = "bob";
  EXPECT_EQ(why_out(info, *snapshot)->reason, EndReason::user_gone);
}

TEST(WhyOut, ACertificateThatStandsForAnotherUserNow) {
  config::User heir;
  heir.name = "heir";
  heir.certificates = {"dns:alice.example"};
  config::User user = alice("");
  user.certificates.clear();
  const auto snapshot = snapshot_of({user, heir});
  session::SessionInfo info;
  info.user = "alice";
  info.credential = {"cert:cd34", 0, "", false, "dns:alice.example"};
  EXPECT_EQ(why_out(info, *snapshot)->reason, EndReason::credential_ended);
}

}  // namespace
}  // namespace dbgate::app
