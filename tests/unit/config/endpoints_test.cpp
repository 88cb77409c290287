#include "config/endpoints.h"

#include <gtest/gtest.h>

#include "tests/support/temp_directory.h"

namespace dbgate::config {
namespace {

class LoadEndpoints : public testing::Test {
 protected:
  std::optional<Endpoints> load(const std::string& text) const {
    const std::string path = directory.file("gateway.yaml");
    tests::write_file(path, text);
    return load_endpoints(path);
  }
  const tests::TempDirectory directory;
};

TEST_F(LoadEndpoints, AreWhatTheLoaderReads) {
  const auto found = load("version: 1\nstate_dir: here\nlisten: { ops: { address: 0.0.0.0, port: 9000 } }\n");
  ASSERT_TRUE(found);
  EXPECT_TRUE(found->ops.enabled);
  EXPECT_EQ(found->ops.address, "0.0.0.0");
  EXPECT_EQ(found->ops.port, 9000);
  EXPECT_EQ(found->admin_socket, directory.file("here/admin.sock"));
}

TEST_F(LoadEndpoints, TheSocketMayBeElsewhere) {
  const auto found = load("listen: { admin: { socket: /run/dbgate/admin.sock } }\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->admin_socket, "/run/dbgate/admin.sock");
  EXPECT_FALSE(found->ops.enabled);
}

TEST_F(LoadEndpoints, OtherMistakesDoNotMatter) {
  const auto found =
      load("version: 7\nnonsense: [1]\nlisten: { ops: {}, postgres: { port: x } }\nusers: 3\ntargets: { a: '${B}' }\n");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->ops.port, 9464);
  EXPECT_EQ(found->admin_socket, directory.file("state/admin.sock"));
}

TEST_F(LoadEndpoints, WhatIsNoMapHasNone) {
  EXPECT_FALSE(load("version: ["));
  EXPECT_FALSE(load("- a\n"));
  EXPECT_FALSE(load(""));
  EXPECT_FALSE(load_endpoints(directory.file("none")));
}

}  // namespace
}  // namespace dbgate::config
