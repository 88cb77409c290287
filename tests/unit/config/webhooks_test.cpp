#include "config/webhooks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/loader.h"

namespace dbgate::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Loaded load(const std::string& hooks, Purpose purpose = Purpose::serve) {
  return load_text("version: 1\nwebhooks:\n" + hooks, "f.yaml", "/dir", purpose);
}

std::vector<std::string> errors(const std::string& hooks) {
  std::vector<std::string> found;
  for (const Problem& problem : load(hooks).problems)
    if (!problem.warning) found.push_back(problem.line_text());
  return found;
}

const std::string secret = "secret: 0123456789abcdef";

TEST(Webhooks, Defaults) {
  const Loaded loaded = load("  - { name: a, url: 'https://hooks.example.com/x', " + secret + " }\n");
  ASSERT_TRUE(loaded.config);
  ASSERT_EQ(loaded.config->webhooks.size(), 1u);
  const Webhook& hook = loaded.config->webhooks[0];
  EXPECT_EQ(hook.format, WebhookFormat::json);
  EXPECT_THAT(hook.events, ElementsAre("approval.decided", "approval.requested"));
  EXPECT_FALSE(hook.with_sql);
  EXPECT_EQ(loaded.problems.size(), 1u) << "a secret in the file is warned of";
}

TEST(Webhooks, AllOfIt) {
  const Loaded loaded = load(
      "  - name: chat\n    url: http://127.0.0.1:8080/services/x\n    format: slack\n    events: [approval.ended]\n"
      "    include: [sql]\n");
  ASSERT_TRUE(loaded.config);
  EXPECT_THAT(loaded.problems, IsEmpty()) << "Slack knows no signatures";
  const Webhook& hook = loaded.config->webhooks[0];
  EXPECT_EQ(hook.format, WebhookFormat::slack);
  EXPECT_THAT(hook.events, ElementsAre("approval.ended"));
  EXPECT_TRUE(hook.with_sql);
}

TEST(Webhooks, MistakesAreNamed) {
  const auto error = [](const std::string& members) {
    const auto found = errors("  - { " + members + " }\n");
    return found.size() == 1 ? found[0] : std::to_string(found.size()) + " errors";
  };
  const std::string fine = "name: a, url: 'https://h/x'";
  EXPECT_THAT(error("url: 'https://h/x', " + secret), HasSubstr("needs a name"));
  EXPECT_THAT(error("name: a, " + secret), HasSubstr("needs url"));
  EXPECT_THAT(error(fine), HasSubstr("needs a secret"));
  EXPECT_THAT(error(fine + ", secret: short"), HasSubstr("16 characters"));
  EXPECT_THAT(error(fine + ", format: teams, " + secret), HasSubstr("\"teams\" is not one of: json, slack"));
  EXPECT_THAT(error(fine + ", events: [approval.begun], " + secret), HasSubstr("is not one of: approval.requested"));
  EXPECT_THAT(error(fine + ", events: [], " + secret), HasSubstr("names no event"));
  EXPECT_THAT(error(fine + ", include: [rows], " + secret), HasSubstr("is not one of: sql"));
  EXPECT_THAT(error(fine + ", sekret: x, " + secret), HasSubstr("sekret"));
  EXPECT_THAT(errors("  - { " + fine + ", " + secret + " }\n  - { " + fine + ", " + secret + " }\n"),
              ElementsAre(HasSubstr("\"a\" is defined twice")));
}

// An address may hold a key.
TEST(Webhooks, AddressesAreEncryptedAndNotShown) {
  for (const char* url : {"http://hooks.example.com/KEY", "ftp://h/KEY", "http://127.0.0.1.evil.example/KEY",
                          "http://localhost.evil.example/KEY", "http://user@evil.example/KEY", "KEY"}) {
    const auto found = errors(std::string("  - { name: a, url: '") + url + "', " + secret + " }\n");
    EXPECT_THAT(found, ElementsAre(HasSubstr("must be https"))) << url;
    EXPECT_EQ(found[0].find("KEY"), std::string::npos);
  }
}

TEST(Webhooks, PoliciesAreJudgedWithoutTheirSecrets) {
  EXPECT_TRUE(load("  - { name: a, url_file: /nowhere, secret_env: NOT_SET }\n", Purpose::judge).config);
}

}  // namespace
}  // namespace dbgate::config
