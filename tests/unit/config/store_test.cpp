#include "config/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "config/loader.h"
#include "tests/support/temp_directory.h"

namespace dbgate::config {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const std::string key_a(64, 'a');

std::vector<std::string> problems(const std::string& yaml) {
  std::vector<std::string> lines;
  for (const Problem& problem : load_text("version: 1\n" + yaml, "f.yaml", "/dir").problems)
    lines.push_back(problem.line_text());
  return lines;
}

std::string url_of(const std::string& yaml) {
  return load_text("version: 1\n" + yaml, "f.yaml", "/dir").config.value().store.url;
}

TEST(Store, IsAFileInTheStateDirectoryByDefault) {
  EXPECT_EQ(url_of(""), "sqlite:/dir/state/dbgate.db");
  EXPECT_EQ(url_of("state_dir: /var/lib/dbgate\n"), "sqlite:/var/lib/dbgate/dbgate.db");
  EXPECT_EQ(url_of("store: { url: 'sqlite:x.db' }\n"), "sqlite:/dir/x.db");
  EXPECT_EQ(url_of("store: { url: 'sqlite:/x.db' }\n"), "sqlite:/x.db");
}

TEST(Store, OnPostgresqlNeedsAKey) {
  const std::string store = "store: { url: postgresql://u@h/d, timeout: 2s, connections: 3 }\n";
  EXPECT_THAT(problems(store),
              ElementsAre("f.yaml:1:1: error: encryption: a store on postgresql needs encryption.keys, "
                          "the same for all gateways that share it"));
  const auto loaded =
      load_text("version: 1\n" + store + "encryption:\n  keys:\n    - id: k1\n      key: " + key_a, "f.yaml", "/dir");
  ASSERT_TRUE(loaded.config);
  EXPECT_TRUE(loaded.config->store.shared());
  EXPECT_EQ(loaded.config->store.timeout, Milliseconds(2000));
  EXPECT_EQ(loaded.config->store.connections, 3u);
  EXPECT_EQ(loaded.config->encryption_keys.at(0).key, key_a);
  EXPECT_TRUE(loaded.problems.at(0).warning);  // a key in the file itself
}

TEST(Store, MistakesAreNamedByPlaceAndPath) {
  const std::vector<std::pair<std::string, std::string>> cases{
      {"store: { url: 'mysql://h/d' }",
       "2:15: error: store.url: must be sqlite:PATH or postgresql://USER@HOST:PORT/DATABASE"},
      {"store: { url: 'sqlite:' }", "2:15: error: store.url: needs a path"},
      {"store: { timeout: 10ms }", "2:19: error: store.timeout: must be from 100ms to 60s"},
      {"store: { timeout: 2m }", "2:19: error: store.timeout: must be from 100ms to 60s"},
      {"store: { connections: 4 }", "2:23: error: store.connections: is for postgresql only"},
      {"store: { pasword_file: x }", "2:10: error: store.pasword_file: unknown key; did you mean \"password_file\"?"},
      {"encryption: { keys: [ { key: " + key_a + " } ] }", "encryption.keys[0].id: must be 1 to 32"},
      {"encryption: { keys: [ { id: a.b, key: " + key_a + " } ] }", "encryption.keys[0].id: must be 1 to 32"},
      {"encryption: { keys: [ { id: k1 } ] }", "encryption.keys[0]: the key must be 64 hexadecimal digits"},
      {"encryption: { keys: [ { id: k1, key: " + std::string(63, 'a') + "g } ] }",
       "encryption.keys[0]: the key must be 64 hexadecimal digits"},
      {"encryption: { keys: [ { id: k1, key: " + key_a + " }, { id: k1, key: " + key_a + " } ] }",
       "encryption.keys[1].id: key \"k1\" is defined twice"},
      {"encryption: { keys: k1 }", "2:21: error: encryption.keys: must be a list"},
  };
  for (const auto& [yaml, expected] : cases) {
    EXPECT_THAT(problems(yaml), testing::Contains(testing::HasSubstr(expected))) << yaml;
    EXPECT_FALSE(load_text("version: 1\n" + yaml, "f.yaml", "/dir").config) << yaml;
  }
}

TEST(Store, APasswordInTheUrlIsWarnedOf) {
  const std::string keys = "\nencryption: { keys: [ { id: k1, key: " + key_a + " } ] }";
  const std::string warning = "store.url: the password stands in the URL; prefer password_file";
  EXPECT_THAT(problems("store: { url: 'postgresql://u:secret@h/d' }" + keys),
              testing::Contains(testing::HasSubstr(warning)));
  EXPECT_THAT(problems("store: { url: 'postgresql://u@h/d?password=secret' }" + keys),
              testing::Contains(testing::HasSubstr(warning)));
  EXPECT_THAT(problems("store: { url: 'postgresql://u@h:5432/d' }" + keys),
              testing::Not(testing::Contains(testing::HasSubstr(warning))));
}

TEST(Store, SecretsComeFromFiles) {
  const tests::TempDirectory directory;
  for (const char* const name : {"password", "key"}) {
    tests::write_file(directory.file(name), (name[0] == 'k' ? key_a : std::string("s3cret")) + "\n");
    ::chmod(directory.file(name).c_str(), 0600);
  }
  const auto loaded = load_text(
      "version: 1\nstore: { url: postgresql://u@h/d, password_file: password }\n"
      "encryption: { keys: [ { id: k1, key_file: key } ] }\n",
      "f.yaml", directory.path());
  EXPECT_THAT(loaded.problems, IsEmpty());
  ASSERT_TRUE(loaded.config);
  EXPECT_EQ(loaded.config->store.password, "s3cret");
  EXPECT_EQ(loaded.config->encryption_keys.at(0).key, key_a);
  EXPECT_TRUE(load_text("version: 1\nencryption: { keys: [ { id: k1, key_file: nowhere } ] }\n", "f.yaml", "/dir",
                        Purpose::judge)
                  .config);
}

}  // namespace
}  // namespace dbgate::config
