#include "tests/unit/adapters_store/store_lab.h"

namespace dbgate::adapters::store {
namespace {

class KeysTest : public StoreTest {
 protected:
  Keys& keys() { return store->keys(); }
};
ON_BOTH_DIALECTS(KeysTest);

DatabasePassword password_of(const std::string& user, const std::string& name) {
  DatabasePassword password;
  password.user = user;
  password.name = name;
  password.target = "shop";
  password.stored_key = std::string("\0\xff stored", 9);
  password.server_key = std::string(32, '\x80');
  password.expires_us = t0 + hour;
  return password;
}

AccessKey key_of(const std::string& user, const std::string& name, const std::string& hash) {
  AccessKey key;
  key.user = user;
  key.name = name;
  key.hash = hash;
  key.hint = "…9f";
  key.scopes = {"queries", "sessions:read"};
  key.expires_us = t0 + hour;
  return key;
}

TEST_P(KeysTest, AUserHasOneSalt) {
  const ScramSalt first = got(keys().scram_salt("alice", {}, t0));
  EXPECT_EQ(first.salt.size(), 16u);
  EXPECT_EQ(first.iterations, 4096);
  EXPECT_EQ(got(keys().scram_salt("alice", {}, t0)).salt, first.salt);
  EXPECT_NE(got(keys().scram_salt("bob", {}, t0)).salt, first.salt);
  did(store->sign_ins().set_password("carol", {.hash = "h", .seen_hash = {}, .keep_login = {}, .by = {}}, t0));
  const ScramSalt carol = got(keys().scram_salt("carol", {}, t0));
  EXPECT_EQ(carol.salt.size(), 16u);
  EXPECT_EQ(got(store->sign_ins().sign_in_secrets("carol")).password_hash, "h");
  const Directory directory = got(store->load_directory(t0, t0));
  ASSERT_EQ(directory.scram_salts.size(), 3u);
  EXPECT_EQ(directory.scram_salts[0].salt, first.salt);
}

TEST_P(KeysTest, ASaltThatNothingRestsOnGivesWay) {
  const ScramSalt wanted{"alice", "salt of the file", 7000};
  const ScramSalt own = got(keys().scram_salt("alice", {}, t0));
  EXPECT_EQ(got(keys().scram_salt("alice", wanted, t0)).salt, wanted.salt);
  EXPECT_EQ(got(keys().scram_salt("alice", {}, t0)).iterations, 7000);
  DatabasePassword password = password_of("alice", "laptop");
  password.salt = own.salt;
  EXPECT_EQ(code_of(keys().create_database_password(password, t0)), "40001") << "made with a salt that is gone";
  password.salt = wanted.salt;
  password.id = "dpw_mine";
  EXPECT_EQ(got(keys().create_database_password(password, t0)).id, "dpw_mine");
  const ScramSalt other{"alice", "another salt", 4096};
  EXPECT_EQ(got(keys().scram_salt("alice", other, t0)).salt, wanted.salt) << "a password rests on it";
  EXPECT_EQ(got(keys().scram_salt("alice", other, t0 + hour)).salt, other.salt) << "which has expired";
}

TEST_P(KeysTest, DatabasePasswordsAreInTheDirectoryWhileInForce) {
  const auto before = generation();
  const DatabasePassword made = got(keys().create_database_password(password_of("alice", "laptop"), t0));
  EXPECT_THAT(made.id, testing::StartsWith("dpw_"));
  EXPECT_GT(generation(), before);
  const auto there = got(store->load_directory(t0, t0)).database_passwords;
  ASSERT_EQ(there.size(), 1u);
  EXPECT_EQ(there[0].stored_key, made.stored_key);
  EXPECT_EQ(there[0].server_key, made.server_key);
  EXPECT_EQ(there[0].target, "shop");
  EXPECT_TRUE(got(store->load_directory(t0, t0 + hour)).database_passwords.empty());
  EXPECT_EQ(code_of(keys().create_database_password(password_of("alice", "laptop"), t0)), "23505");
  EXPECT_FALSE(got(keys().revoke_database_password("bob", made.id, {"revoked", "bob"}, t0)));
  EXPECT_TRUE(got(keys().revoke_database_password("alice", made.id, {"revoked", "alice"}, t0 + 1)));
  EXPECT_FALSE(got(keys().revoke_database_password("", made.id, {}, t0)));
  const Directory after = got(store->load_directory(t0, t0));
  EXPECT_TRUE(after.database_passwords.empty());
  EXPECT_EQ(after.ended.at(0).credential, made.id);
  EXPECT_EQ(got(keys().find_database_password(made.id))->revoked_us, t0 + 1);
  // The name is free again.
  EXPECT_EQ(code_of(keys().create_database_password(password_of("alice", "laptop"), t0)), "");
  EXPECT_EQ(got(keys().list_database_passwords("alice", {})).items.size(), 1u);
}

TEST_P(KeysTest, AccessKeysAreFoundByTheirHash) {
  const AccessKey made = got(keys().create_access_key(key_of("alice", "ci", "h1"), t0));
  EXPECT_THAT(made.id, testing::StartsWith("key_"));
  const auto found = got(keys().find_access_key_by_hash("h1"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, made.id);
  EXPECT_EQ(found->scopes, made.scopes);
  EXPECT_EQ(found->hint, made.hint);
  EXPECT_EQ(found->expires_us, t0 + hour);
  EXPECT_FALSE(got(keys().find_access_key_by_hash("h2")));
  EXPECT_FALSE(got(keys().find_access_key_by_hash("")));
  EXPECT_EQ(got(keys().find_access_key(made.id))->hash, "h1");
  EXPECT_EQ(code_of(keys().create_access_key(key_of("alice", "ci", "h2"), t0)), "23505");
  EXPECT_EQ(code_of(keys().create_access_key(key_of("bob", "ci", "h1"), t0)), "23505");
}

TEST_P(KeysTest, RevokedKeysStayFoundAndMarked) {
  AccessKey service = key_of("robot", "prod", "h1");
  service.kind = KeyKind::service;
  const AccessKey made = got(keys().create_access_key(service, t0));
  EXPECT_EQ(got(keys().list_access_keys("robot", KeyKind::service, {})).items.size(), 1u);
  EXPECT_TRUE(got(keys().list_access_keys("robot", KeyKind::personal, {})).items.empty());
  EXPECT_FALSE(got(keys().revoke_access_key("other", made.id, {}, t0)));
  EXPECT_TRUE(got(keys().revoke_access_key("", made.id, {"revoked", "root"}, t0 + 1)));
  EXPECT_FALSE(got(keys().revoke_access_key("", made.id, {}, t0 + 2)));
  EXPECT_EQ(got(keys().find_access_key_by_hash("h1"))->revoked_us, t0 + 1);
  EXPECT_TRUE(got(keys().list_access_keys("robot", KeyKind::service, {})).items.empty());
  const Directory directory = got(store->load_directory(t0, t0));
  EXPECT_EQ(directory.ended.at(0).credential, made.id);
  EXPECT_EQ(directory.ended.at(0).why.by, "root");
  did(keys().note_used(made.id, t0 + 2 * minute));
  EXPECT_EQ(got(keys().find_access_key(made.id))->last_used_us, t0 + 2 * minute);
}

TEST_P(KeysTest, ListsOfKeysArePaged) {
  std::vector<std::string> made;
  for (const char* const name : {"a", "b", "c"})
    made.push_back(got(keys().create_access_key(key_of("alice", name, name), t0)).id);
  std::sort(made.begin(), made.end());
  const auto first = got(keys().list_access_keys("alice", KeyKind::personal, {2, false, std::nullopt}));
  const auto rest = got(keys().list_access_keys("alice", KeyKind::personal, {2, false, first.next}));
  EXPECT_EQ(first.items.at(1).id, made[1]);
  EXPECT_EQ(rest.items.at(0).id, made[2]);
}

TEST_P(KeysTest, OneSigningKeyIsMadeAtTheFirstStart) {
  EXPECT_TRUE(got(keys().signing_keys()).empty());
  const auto first = got(keys().ensure_signing_key({"kid1", "PRIVATE 1", "PUBLIC 1", 0, 0}, t0));
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].private_pem, "PRIVATE 1");
  const auto again = got(keys().ensure_signing_key({"kid2", "PRIVATE 2", "PUBLIC 2", 0, 0}, t0));
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].kid, "kid1");
}

TEST_P(KeysTest, SigningKeysAreRotatedAndForgotten) {
  got(keys().ensure_signing_key({"kid1", "P1", "p1", 0, 0}, t0));
  const auto before = generation();
  did(keys().rotate_signing_key({"kid2", "P2", "p2", 0, 0}, t0 + hour));
  EXPECT_GT(generation(), before);
  auto both = got(keys().signing_keys());
  ASSERT_EQ(both.size(), 2u);
  EXPECT_EQ(both[0].kid, "kid2");
  EXPECT_EQ(both[0].retired_us, 0);
  EXPECT_EQ(both[1].retired_us, t0 + hour);
  EXPECT_EQ(code_of(keys().rotate_signing_key({"kid1", "P", "p", 0, 0}, t0 + 2 * hour)), "23505");
  EXPECT_EQ(got(keys().signing_keys())[0].retired_us, 0);  // and nothing was retired for it
  did(keys().remove_signing_keys_retired_before(t0 + hour + 1));
  EXPECT_EQ(got(keys().signing_keys()).size(), 1u);
}

}  // namespace
}  // namespace dbgate::adapters::store
