#include "config/extension.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

namespace dbgate::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr const char* file =
    "version: 1\n"
    "users: [ { name: ana, scram_verifier: SCRAM-SHA-256$x } ]\n"
    "groups: { analysts: [ana] }\n"
    "targets: { shop: { upstream: { hosts: [a], database: d, user: u, ca_file: /etc/passwd } } }\n"
    "policies: [ { name: own, who: { groups: [analysts] }, on: [shop], allow: [ { select: [public.t] } ] } ]\n";

Config base() {
  return load_text(file, "f.yaml", "/dir").config.value();
}

std::vector<std::string> texts(const std::vector<Problem>& problems) {
  std::vector<std::string> lines;
  for (const Problem& problem : problems)
    lines.push_back(problem.text);
  return lines;
}

Extension one_target(const std::string& name, const std::string& settings) {
  Extension extension;
  extension.targets = {{name, settings, {}}};
  return extension;
}

TEST(Extension, AddsUsersToTheFilesAndKeepsTheFilesOwn) {
  Extension extension;
  extension.users.resize(2);
  extension.users[0].name = "ben";
  extension.users[1].name = "ana";
  extension.users[1].attributes["region"] = "south";
  extension.credentials["ana"].certificates = {"dns:ana.host"};
  extension.groups = {{"analysts", {"ben", "ana"}}, {"oncall", {"ben"}}};
  const Extended extended = extend(base(), extension, "/dir");
  ASSERT_THAT(extended.config.users, SizeIs(2));
  EXPECT_EQ(extended.config.users[0].scram_verifier, "SCRAM-SHA-256$x");
  EXPECT_THAT(extended.config.users[0].attributes, IsEmpty());
  EXPECT_THAT(extended.config.users[0].certificates, ElementsAre("dns:ana.host"));
  EXPECT_FALSE(extended.config.users[0].stored);
  EXPECT_EQ(extended.config.users[1].name, "ben");
  EXPECT_TRUE(extended.config.users[1].stored);
  EXPECT_THAT(extended.config.groups.at("analysts"), ElementsAre("ana", "ben"));
  EXPECT_THAT(extended.config.groups.at("oncall"), ElementsAre("ben"));
}

TEST(Extension, TargetsComeWithTheirPassword) {
  Extension extension;
  extension.targets = {
      {"stock", "{\"upstream\": {\"hosts\": [\"db:5433\"], \"database\": \"s\", \"user\": \"o\"}}", "secret"}};
  const Extended extended = extend(base(), extension, "/dir");
  EXPECT_THAT(extended.problems, IsEmpty());
  ASSERT_THAT(extended.config.targets, SizeIs(2));
  EXPECT_EQ(extended.config.targets[1].name, "stock");
  EXPECT_EQ(extended.config.targets[1].upstream.hosts[0].port, 5433);
  EXPECT_EQ(extended.config.targets[1].upstream.password, "secret");
}

// Whoever may write targets at the API must not read what is the gateway's by them.
TEST(Extension, TargetsReachNothingOfTheGatewaysMachine) {
  ::setenv("DBGATE_TEST_SECRET", "hidden", 1);
  const std::string start = "{ upstream: { hosts: [a], database: d, user: u";
  for (const auto& [rest, text] : std::vector<std::pair<std::string, std::string>>{
           {", password_env: DBGATE_TEST_SECRET } }", "upstream.password_env: is kept apart"},
           {", password_file: /etc/shadow } }", "upstream.password_file: is kept apart"},
           {", password: x } }", "upstream.password: is kept apart"},
           {", ca_file: /etc/hostname } }", "upstream.ca_file: must be a file that the configuration file names"},
           {", key_file: /etc/passwd, cert_file: /etc/passwd } }", "is for the configuration file only"},
           {" }, listen: { port: 1 } }", "listen: is for the configuration file only"},
           {" }, engine: tcp }", "must be of engine postgresql"},
           {" }, more: 1 }", "unknown key"},
           {"", "end of map"}}) {
    const auto problems = check_target(base(), {"stock", start + rest, {}}, "/dir");
    ASSERT_FALSE(problems.empty()) << rest;
    EXPECT_THAT(texts(problems), testing::Contains(HasSubstr(text))) << rest;
    const Extended extended = extend(base(), one_target("stock", start + rest), "/dir");
    EXPECT_THAT(extended.unusable_targets, ElementsAre("stock")) << rest;
    EXPECT_THAT(extended.config.targets, SizeIs(1)) << rest;
  }
  EXPECT_THAT(check_target(base(), {"stock", start + ", ca_file: /etc/passwd } }", {}}, "/dir"), IsEmpty());
  const Extended extended = extend(
      base(), one_target("s", "{ upstream: { hosts: [a], database: \"${DBGATE_TEST_SECRET}\", user: u } }"), "/dir");
  EXPECT_EQ(extended.config.targets[1].upstream.database, "${DBGATE_TEST_SECRET}");
  EXPECT_THAT(
      texts(check_target(base(), {"s", "{ upstream: { hosts: [/run/pg], database: d, user: u } }", {}}, "/dir")),
      ElementsAre(HasSubstr("must not be a socket")));
  EXPECT_THAT(texts(check_target(base(), {"shop", start + " } }", {}}, "/dir")),
              ElementsAre(HasSubstr("the configuration file has a target of this name")));
  ::unsetenv("DBGATE_TEST_SECRET");
}

TEST(Extension, PoliciesComeAfterTheFiles) {
  Extension extension;
  extension.policies =
      "policies: [ { name: more, who: { users: [ghost] }, on: [shop], allow: [ { select: [public.u] } ] } ]";
  extension.policies_name = "policy version 3";
  const Extended extended = extend(base(), extension, "/dir");
  EXPECT_TRUE(extended.policies_usable);
  ASSERT_THAT(extended.config.policies, SizeIs(2));
  EXPECT_EQ(extended.config.policies[1].name, "more");
  // Users come and go: that must not take everybody's rights.
  ASSERT_THAT(extended.problems, SizeIs(1));
  EXPECT_TRUE(extended.problems[0].warning);
  EXPECT_THAT(extended.problems[0].line_text(), HasSubstr("policy version 3:1:"));
}

TEST(Extension, UnusablePoliciesTakeAllRightsAway) {
  for (const char* text :
       {"policies: [ { name: own, who: { users: [ana] }, on: [shop] } ]", "policies: [ { nam: more } ]", "policies: {",
        "users: []", "just text",
        "policies: [ { name: a, who: { users: [ana] }, on: [shop], deny: [ { selekt: [a.b] } ] } ]"}) {
    Extension extension;
    extension.policies = text;
    const Extended extended = extend(base(), extension, "/dir");
    EXPECT_FALSE(extended.policies_usable) << text;
    EXPECT_THAT(extended.config.policies, IsEmpty()) << text;
    EXPECT_THAT(check_policies(base(), text, "x"), testing::Not(IsEmpty())) << text;
  }
}

TEST(Extension, RolesNameWhoIsThere) {
  const Loaded loaded =
      load_text("version: 1\nroles: { admin: { groups: [nobody] }, king: { users: [] } }\n", "f.yaml", "/dir");
  EXPECT_THAT(texts(loaded.problems),
              ElementsAre(HasSubstr("roles.king: unknown key"), HasSubstr("no group is called")));
}

}  // namespace
}  // namespace dbgate::config
