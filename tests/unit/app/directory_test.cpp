#include "gateway/app/directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/loader.h"
#include "gateway/app/accounts.h"

namespace dbgate::app {
namespace {

namespace store = ports::store;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr const char* file =
    "version: 1\n"
    "users: [ { name: ana, certificates: [\"dns:ana.host\"] } ]\n"
    "listen: { postgres: { address: 127.0.0.1 } }\n"
    "groups: { analysts: [ana] }\n"
    "targets: { shop: { upstream: { hosts: [a], database: d, user: u, tls: disable } } }\n"
    "policies: [ { name: own, who: { groups: [analysts] }, on: [shop], allow: [ { select: [public.t] } ] } ]\n";

config::Config of_file() {
  return config::load_text(file, "f.yaml", "/dir", config::Purpose::judge).config.value();
}

store::User user(const std::string& name, store::UserState state = store::UserState::active) {
  store::User made;
  made.name = name;
  made.state = state;
  return made;
}

store::PolicyVersion version(std::int64_t number, std::string text) {
  store::PolicyVersion made;
  made.number = number;
  made.text = std::move(text);
  return made;
}

store::Directory two_people() {
  store::Directory directory;
  directory.users = {user("ben"), user("eve", store::UserState::disabled)};
  directory.groups.resize(1);
  directory.groups[0].name = "oncall";
  directory.memberships = {{"ben", "analysts"}, {"eve", "analysts"}, {"ben", "oncall"}};
  directory.roles = {{store::SubjectKind::user, "ben", "auditor"}, {store::SubjectKind::user, "eve", "admin"}};
  directory.scram_salts = {{"ben", "0123456789abcdef", 4096}, {"eve", "0123456789abcdef", 4096}};
  directory.database_passwords = {
      {"dpw_1", "ben", "laptop", "", std::string(32, 'a'), std::string(32, 'b'), 0, 5'000'000, 0, 0},
      {"dpw_2", "eve", "laptop", "", std::string(32, 'c'), std::string(32, 'd'), 0, 0, 0, 0}};
  directory.certificate_names = {{"dns:ben.host", "ben", 0}, {"dns:eve.host", "eve", 0}};
  directory.ended = {{"lgn_9", "ben", 1, {}}};
  return directory;
}

TEST(Directory, WhoIsNotActiveIsNotThere) {
  const config::Extension extension = extension_of(two_people());
  ASSERT_THAT(extension.users, SizeIs(1));
  EXPECT_EQ(extension.users[0].name, "ben");
  EXPECT_THAT(extension.groups.at("analysts"), ElementsAre("ben"));
  EXPECT_THAT(extension.roles.at("admin").users, IsEmpty());
  EXPECT_THAT(extension.roles.at("auditor").users, ElementsAre("ben"));
  ASSERT_TRUE(extension.credentials.contains("ben"));
  EXPECT_EQ(extension.credentials.at("ben").database_passwords[0].expires, 5);
  EXPECT_FALSE(extension.credentials.contains("eve"));
  EXPECT_TRUE(extension.ended_credentials.contains("lgn_9"));
}

TEST(Directory, PeopleOfTheStoreSignInBesideThoseOfTheFile) {
  const store::Directory directory = two_people();
  const auto snapshot = snapshot_of(of_file(), &directory, "/dir", nullptr);
  ASSERT_TRUE(snapshot);
  EXPECT_THAT((*snapshot)->users, SizeIs(2));
  EXPECT_THAT((*snapshot)->stored, ElementsAre("ben"));
  EXPECT_EQ((*snapshot)->certificates.at("dns:ben.host"), "ben");
  EXPECT_EQ((*snapshot)->certificates.at("dns:ana.host"), "ana");
  EXPECT_FALSE((*snapshot)->certificates.contains("dns:eve.host"));
  EXPECT_TRUE((*snapshot)->ended.contains("lgn_9"));
  EXPECT_EQ((*snapshot)->accounts.at("ben")->credentials[0].id, "dpw_1");
  EXPECT_NE((*snapshot)->policies.grants("ben", "shop"), nullptr);
}

store::AccessRequest access(const std::string& user, const std::string& table) {
  store::AccessRequest request;
  request.id = "acc_" + user;
  request.user = user;
  request.target = "shop";
  request.offer = "repair";
  request.tables = {table};
  request.verbs = {"update"};
  request.starts_us = 100'000'000;
  request.ends_us = 200'000'000;
  return request;
}

TEST(Directory, RightsForATimeLeaveTheRulesAsTheyAre) {
  store::Directory directory = two_people();
  directory.policy = version(1,
                             "requests: [ { name: repair, who: { groups: [analysts] }, on: [shop], tables: [public.t], "
                             "verbs: [update], approval: { from: { users: [ana] } } } ]");
  const auto before = snapshot_of(of_file(), &directory, "/dir", nullptr);
  ASSERT_TRUE(before);
  directory.access = {access("ben", "public.t"), access("eve", "public.t"), access("ana", "public.secrets")};
  const auto after = snapshot_of(of_file(), &directory, "/dir", before->get());
  ASSERT_TRUE(after);
  EXPECT_EQ((*after)->rules, (*before)->rules) << "what is remembered of everybody else stays good";
  const auto standing = (*after)->policies.grants("ben", "shop");
  EXPECT_EQ((*after)->grants_at("ben", "shop", 99).grants, standing);
  EXPECT_NE((*after)->grants_at("ben", "shop", 100).grants, standing);
  EXPECT_EQ((*after)->grants_at("ben", "shop", 100).until, 200);
  EXPECT_EQ((*after)->grants_at("ben", "shop", 200).grants, standing);
  EXPECT_THAT((*after)->temporary.at("ben"), SizeIs(1));
  EXPECT_FALSE((*after)->temporary.contains("eve")) << "who is disabled";
  EXPECT_EQ((*after)->grants_at("ana", "shop", 100).grants, (*after)->policies.grants("ana", "shop"))
      << "nothing offers that table";
}

// Otherwise every verdict would be reached anew whenever anybody signs out.
TEST(Directory, RulesStayWhileOnlyCredentialsChange) {
  store::Directory directory = two_people();
  const auto before = snapshot_of(of_file(), &directory, "/dir", nullptr);
  ASSERT_TRUE(before);
  directory.ended.push_back({"lgn_10", "ben", 2, {}});
  directory.database_passwords.clear();
  const auto after = snapshot_of(of_file(), &directory, "/dir", before->get());
  ASSERT_TRUE(after);
  EXPECT_EQ((*after)->rules, (*before)->rules);
  EXPECT_EQ((*after)->policies.grants("ben", "shop"), (*before)->policies.grants("ben", "shop"));
  EXPECT_TRUE((*after)->ended.contains("lgn_10"));
  EXPECT_THAT((*after)->accounts.at("ben")->credentials, IsEmpty());
}

TEST(Directory, WhateverRulesAreMadeOfChangesThem) {
  const store::Directory directory = two_people();
  const auto before = snapshot_of(of_file(), &directory, "/dir", nullptr);
  ASSERT_TRUE(before);
  const auto changes = [&](auto change) {
    store::Directory changed = directory;
    change(changed);
    const auto after = snapshot_of(of_file(), &changed, "/dir", before->get());
    return after && (*after)->rules != (*before)->rules;
  };
  EXPECT_TRUE(changes([](auto& next) { next.memberships.pop_back(); }));
  EXPECT_TRUE(changes([](auto& next) { next.users[0].attributes["region"] = "north"; }));
  EXPECT_TRUE(changes([](auto& next) { next.users[1].state = store::UserState::active; }));
  EXPECT_TRUE(changes([](auto& next) { next.roles.pop_back(), next.roles.pop_back(); }));
  EXPECT_TRUE(changes([](auto& next) {
    next.targets.resize(1);
    next.targets[0].name = "stock";
    next.targets[0].settings = "{ upstream: { hosts: [a], database: d, user: u, tls: disable } }";
  }));
  EXPECT_TRUE(changes([](auto& next) { next.policy = version(3, "policies: []"); }));
  EXPECT_FALSE(changes([](auto& next) { next.ended.clear(); }));
}

TEST(Directory, PoliciesThatCannotBeUsedTakeAllRightsAway) {
  for (const char* text :
       {"policies: [ { name: own } ]",
        "policies: [ { name: f, who: { users: [ana] }, on: [shop], filter: { public.t: \"a = (\" } } ]"}) {
    store::Directory directory = two_people();
    directory.policy = version(7, text);
    const auto snapshot = snapshot_of(of_file(), &directory, "/dir", nullptr);
    ASSERT_TRUE(snapshot) << text;
    EXPECT_EQ((*snapshot)->policies.grants("ana", "shop"), nullptr) << text;
    EXPECT_EQ((*snapshot)->policies.grants("ben", "shop"), nullptr) << text;
  }
}

}  // namespace
}  // namespace dbgate::app
