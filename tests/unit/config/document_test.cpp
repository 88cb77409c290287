#include "config/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "config/effective.h"
#include "config/endpoints.h"
#include "tests/support/temp_directory.h"

namespace dbgate::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::UnorderedElementsAre;

class Parts : public testing::Test {
 protected:
  void SetUp() override { write("gateway.yaml", "version: 1\n"); }

  void write(const std::string& name, const std::string& text) {
    std::filesystem::create_directories(directory_.file("conf.d"));
    tests::write_file(directory_.file(name), text);
  }
  std::string path(const std::string& name) const { return directory_.file(name); }
  Loaded load() const { return load_file(path("gateway.yaml")); }
  std::string only_problem() const {
    const Loaded loaded = load();
    EXPECT_FALSE(loaded.config);
    EXPECT_EQ(loaded.problems.size(), 1u);
    return loaded.problems.empty() ? "" : loaded.problems[0].line_text();
  }

  tests::TempDirectory directory_;
};

TEST_F(Parts, MapsMergeAtEveryDepth) {
  write("gateway.yaml", "version: 1\nlimits: { connections: 5 }\ngroups: { a: [] }\n");
  write("conf.d/20.yaml", "limits: { max_tokens: 7 }\n");
  write("conf.d/10.yaml", "version: 1\nlimits: { portals: 6 }\nworkers: 3\ngroups: { b: [] }\n");
  const auto config = load().config;
  ASSERT_TRUE(config);
  EXPECT_EQ(config->limits.connections, 5u);
  EXPECT_EQ(config->limits.portals, 6u);
  EXPECT_EQ(config->limits.max_tokens, 7u);
  EXPECT_EQ(config->workers, 3u);
  EXPECT_EQ(config->groups.size(), 2u);
}

TEST_F(Parts, TheLastListCounts) {
  write("gateway.yaml", "version: 1\nusers: [ { name: a } ]\n");
  write("conf.d/1.yaml", "groups: { g: [a] }\n");
  write("conf.d/2.yaml", "groups: { g: [] }\n");
  const Loaded loaded = load_file(path("gateway.yaml"), Purpose::judge);
  ASSERT_TRUE(loaded.config);
  EXPECT_THAT(loaded.config->groups.at("g"), ElementsAre());
}

TEST_F(Parts, WhatIsSetTwiceNamesBothPlaces) {
  write("gateway.yaml", "version: 1\nlimits:\n  connections: 5\n");
  write("conf.d/a.yaml", "# one\nlimits:\n  portals: 1\n  connections: 5\n");
  EXPECT_EQ(only_problem(), path("conf.d/a.yaml") + ":4:3: error: limits.connections: is set in " +
                                path("gateway.yaml") + ":3 already; leave it out in one of them");
}

TEST_F(Parts, AMapIsNotReplacedByAWord) {
  write("gateway.yaml", "version: 1\nlimits: { connections: 5 }\n");
  write("conf.d/a.yaml", "limits: none\n");
  EXPECT_THAT(only_problem(), HasSubstr("a.yaml:1:1: error: limits: is set in "));
}

TEST_F(Parts, ProblemsAreFoundInTheirFiles) {
  write("conf.d/a.yaml", "limits:\n  portals: 1\n");
  write("conf.d/b.yaml", "\n\nlimits:\n  conections: 2\n");
  write("conf.d/c.yaml", "workers: 1\n");
  EXPECT_EQ(only_problem(),
            path("conf.d/b.yaml") + ":4:3: error: limits.conections: unknown key; did you mean \"connections\"?");
  write("conf.d/b.yaml", "workers: [\n");
  EXPECT_THAT(only_problem(), HasSubstr(path("conf.d/b.yaml") + ":"));
  write("conf.d/b.yaml", "- a\n");
  EXPECT_EQ(only_problem(), path("conf.d/b.yaml") + ":1:1: error: the file must hold a map of settings");
}

TEST_F(Parts, TestsAndListedStatementsKnowTheirLines) {
  write("conf.d/a.yaml", "limits: { portals: 1 }\n");
  write("conf.d/b.yaml", "\ntests:\n  - { as: u, on: t, sql: SELECT 1, expect: deny }\n");
  const auto config = load().config;
  ASSERT_TRUE(config);
  const Place place = place_of(config->sources, config->tests.at(0).line);
  EXPECT_EQ(place.file, path("conf.d/b.yaml"));
  EXPECT_EQ(place.line, 3);
}

TEST_F(Parts, OtherNamesAreNobodysBusiness) {
  write("conf.d/a.yml", "workers: 5\n");
  write("conf.d/b.yaml~", "workers: 6\n");
  write("conf.d/.c.yaml", "workers: 7\n");
  write("conf.d/empty.yaml", "# nothing\n");
  const auto config = load().config;
  ASSERT_TRUE(config);
  EXPECT_EQ(config->workers, 1u);
}

TEST_F(Parts, WhatCannotBeReadIsAnError) {
  std::filesystem::create_directories(path("conf.d/a.yaml"));
  EXPECT_EQ(only_problem(), path("conf.d/a.yaml") + ": error: the file does not exist or is not readable");
  std::filesystem::remove_all(path("conf.d"));
  tests::write_file(path("conf.d"), "workers: 2\n");
  EXPECT_EQ(only_problem(), path("conf.d") + ": error: Not a directory");
}

TEST_F(Parts, WhatHasAnAliasElsewhereStaysThere) {
  write("gateway.yaml", "version: 1\ngroups:\n  a: &all []\n  b: *all\nlimits: &l { connections: 1 }\n");
  write("conf.d/a.yaml", "limits: { portals: 2 }\ngroups: { c: [] }\n");
  const auto config = load().config;
  ASSERT_TRUE(config);
  EXPECT_EQ(config->groups.size(), 3u);
  EXPECT_EQ(config->limits.connections, 1u);
}

TEST_F(Parts, WhatIsAPartOfItselfEnds) {
  write("gateway.yaml", "version: 1\nlimits: &l { connections: *l }\n");
  write("conf.d/a.yaml", "limits: &m { connections: *m }\n");
  EXPECT_FALSE(load().config);
}

TEST_F(Parts, PathsAreTakenFromTheFirstFilesDirectory) {
  write("conf.d/a.yaml", "state_dir: here\n");
  const auto config = load().config;
  ASSERT_TRUE(config);
  EXPECT_EQ(config->state_dir, path("here"));
}

TEST_F(Parts, TheVersionIsThatOfAllFiles) {
  write("conf.d/a.yaml", "workers: 2\n");
  const std::string before = load().config->version;
  write("conf.d/a.yaml", "workers: 3\n");
  EXPECT_NE(load().config->version, before);
}

TEST_F(Parts, AreWatchedAndNothingThatTheStoreMayName) {
  write("conf.d/a.yaml", "workers: 2\n");
  const Loaded loaded = load();
  ASSERT_TRUE(loaded.config);
  EXPECT_THAT(parts_to_watch(path("gateway.yaml"), loaded.sources),
              UnorderedElementsAre(path("gateway.yaml"), path("conf.d"), path("conf.d/a.yaml"), path("conf.d/*.yaml")));
  EXPECT_THAT(loaded.config->files, ElementsAre());
}

TEST_F(Parts, AreShownAsOne) {
  write("gateway.yaml", "version: 1\nmasking: { key: 0123456789abcdefg }\n");
  write("conf.d/a.yaml", "workers: 2\n");
  const std::string shown = load_effective(path("gateway.yaml")).yaml;
  EXPECT_THAT(shown, HasSubstr("workers: 2"));
  EXPECT_THAT(shown, Not(HasSubstr("0123456789abcdefg")));
}

TEST_F(Parts, MayHaveTheListeners) {
  write("conf.d/a.yaml", "listen: { admin: admin.sock, ops: { address: 127.0.0.1, port: 9999 } }\n");
  const auto endpoints = load_endpoints(path("gateway.yaml"));
  ASSERT_TRUE(endpoints);
  EXPECT_EQ(endpoints->ops.port, 9999);
}

}  // namespace
}  // namespace dbgate::config
