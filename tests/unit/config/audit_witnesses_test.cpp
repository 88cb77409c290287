#include "config/audit_witnesses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/loader.h"

namespace dbgate::config {
namespace {

using ::testing::HasSubstr;

Loaded load(const std::string& witnesses) {
  return load_text("version: 1\naudit:\n  witnesses:\n" + witnesses, "f.yaml", "/dir", Purpose::serve);
}

std::string error(const std::string& members) {
  std::vector<std::string> found;
  for (const Problem& problem : load("    - { " + members + " }\n").problems)
    if (!problem.warning) found.push_back(problem.line_text());
  return found.size() == 1 ? found[0]
                           : std::to_string(found.size()) + " errors" + (found.empty() ? "" : ": " + found[0]);
}

TEST(AuditWitnesses, AllOfThem) {
  const Loaded loaded = load(
      "    - { name: mount, type: file, path: /mnt/notary/dbgate }\n"
      "    - { name: web, type: http, url: 'https://w.example/api', key: 'w+1+B', interval: 10m, timeout: 2s }\n"
      "    - { name: hook, type: http, shape: plain, url: 'http://127.0.0.1:8080/checkpoints', token: x }\n");
  ASSERT_TRUE(loaded.config);
  const auto& all = loaded.config->audit.witnesses;
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].type, WitnessType::file);
  EXPECT_EQ(all[0].path, "/mnt/notary/dbgate");
  EXPECT_EQ(all[0].interval, std::chrono::minutes(1));
  EXPECT_EQ(all[1].url, "https://w.example/api");
  EXPECT_EQ(all[1].key, "w+1+B");
  EXPECT_EQ(all[1].interval, std::chrono::minutes(10));
  EXPECT_EQ(all[1].timeout, std::chrono::seconds(2));
  EXPECT_FALSE(all[1].plain);
  EXPECT_TRUE(all[2].plain);
  EXPECT_EQ(all[2].token, "x");
}

TEST(AuditWitnesses, WhatIsWrongIsNamed) {
  EXPECT_THAT(error("type: file, path: /a"), HasSubstr("needs a name"));
  EXPECT_THAT(error("name: a/b, type: file, path: /a"), HasSubstr("must be 1 to 32 letters"));
  EXPECT_THAT(error("name: a, type: mail"), HasSubstr("\"mail\""));
  EXPECT_THAT(error("name: a, type: file"), HasSubstr("needs path"));
  EXPECT_THAT(error("name: a, type: file, path: a"), HasSubstr("must begin with /"));
  EXPECT_THAT(error("name: a, type: file, path: /a, timeout: 1s"), HasSubstr("is not for a witness of type file"));
  EXPECT_THAT(error("name: a, type: http"), HasSubstr("needs url"));
  EXPECT_THAT(error("name: a, type: http, url: 'https://w', path: /a"), HasSubstr("is not for a witness of type http"));
  EXPECT_THAT(error("name: a, type: http, url: 'http://w.example'"), HasSubstr("must be https"));
  EXPECT_THAT(error("name: a, type: http, url: 'https://w', shape: plain, key: k"), HasSubstr("others sign nothing"));
  EXPECT_THAT(error("name: a, type: http, url: 'https://w', timeout: 1ms"), HasSubstr("from 100ms to 5m"));
  EXPECT_THAT(error("name: a, type: file, path: /a, interval: 1ms"), HasSubstr("from 100ms to 24h"));
  EXPECT_THAT(error("name: a, type: file, path: /a, intervall: 1m"), HasSubstr("intervall"));
  EXPECT_FALSE(load("    - { name: a, type: file, path: /a }\n    - { name: a, type: file, path: /b }\n").config);
}

}  // namespace
}  // namespace dbgate::config
