#include "config/identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/loader.h"

namespace dbgate::config {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

Loaded load(const std::string& yaml) {
  return load_text("version: 1\n" + yaml, "f.yaml", "/dir");
}

std::vector<std::string> lines(const std::string& yaml) {
  std::vector<std::string> found;
  for (const Problem& problem : load(yaml).problems)
    found.push_back(problem.line_text());
  return found;
}

TEST(IdentityConfig, Defaults) {
  const Loaded loaded = load("workers: 1\n");
  ASSERT_TRUE(loaded.config);
  EXPECT_EQ(loaded.config->passwords.memory_bytes, 19u << 20);
  EXPECT_EQ(loaded.config->passwords.passes, 2u);
  EXPECT_EQ(loaded.config->tokens.access_ttl, std::chrono::minutes(15));
  EXPECT_EQ(loaded.config->tokens.refresh_ttl, std::chrono::hours(720));
  EXPECT_EQ(loaded.config->sign_in.failures, 10u);
  EXPECT_TRUE(loaded.config->oidc.empty());
}

TEST(IdentityConfig, AllOfIt) {
  const Loaded loaded = load(
      "passwords: { memory: 64MiB, passes: 3, parallelism: 2, threads: 4, queue: 10 }\n"
      "tokens: { access_ttl: 5m, refresh_ttl: 24h, login_ttl: 48h, key_ttl: 240h }\n"
      "sign_in: { failures: 5, account_failures: 50, address_failures: 30, first_delay: 2s, longest_delay: 1h }\n"
      "oidc:\n"
      "  - name: corp\n"
      "    issuer: https://id.example.com\n"
      "    client_id: dbgate\n"
      "    scopes: [openid, groups]\n"
      "    username_claim: email\n"
      "    groups_claim: roles\n"
      "    group_map: { Analysts: analysts, 'CN=On Call': oncall }\n"
      "    allowed_domains: [example.com]\n"
      "    auto_create: true\n");
  ASSERT_TRUE(loaded.config);
  EXPECT_THAT(loaded.problems, IsEmpty());
  const Config& config = *loaded.config;
  EXPECT_EQ(config.passwords.memory_bytes, 64u << 20);
  EXPECT_EQ(config.passwords.parallelism, 2u);
  EXPECT_EQ(config.passwords.threads, 4u);
  EXPECT_EQ(config.passwords.queue, 10u);
  EXPECT_EQ(config.tokens.login_ttl, std::chrono::hours(48));
  EXPECT_EQ(config.tokens.key_ttl, std::chrono::hours(240));
  EXPECT_EQ(config.sign_in.account_failures, 50u);
  EXPECT_EQ(config.sign_in.longest_delay, std::chrono::hours(1));
  ASSERT_EQ(config.oidc.size(), 1u);
  EXPECT_EQ(config.oidc[0].group_map.at("CN=On Call"), "oncall");
  EXPECT_THAT(config.oidc[0].scopes, ElementsAre("openid", "groups"));
  EXPECT_TRUE(config.oidc[0].auto_create);
}

TEST(IdentityConfig, MistakesAreNamedWithTheirPlace) {
  EXPECT_THAT(lines("passwords: { memory: 4KiB, passes: 0 }\n"),
              ElementsAre("f.yaml:2:36: error: passwords.passes: must be at least 1",
                          "f.yaml:2:22: error: passwords.memory: must be at least 8KiB for each of parallelism",
                          "f.yaml:2:12: warning: passwords: memory times passes is less than 35MiB: stolen hashes "
                          "would be cheap to search"));
  EXPECT_THAT(lines("passwords: { memory: 2GiB }\n"),
              ElementsAre("f.yaml:2:22: error: passwords.memory: must not exceed 1GiB"));
  EXPECT_THAT(lines("tokens: { access_ttl: 25h, refresh_ttl: 0 }\n"),
              ElementsAre("f.yaml:2:41: error: tokens.refresh_ttl: must be at least 1s",
                          "f.yaml:2:23: error: tokens.access_ttl: must not exceed 24h"));
  EXPECT_THAT(lines("sign_in: { failures: 0, longest_delay: 1ms }\n"),
              ElementsAre("f.yaml:2:22: error: sign_in.failures: must be at least 1",
                          "f.yaml:2:40: error: sign_in.longest_delay: must be at least 1s"));
  EXPECT_THAT(lines("sign_in: { failiures: 3 }\n"),
              ElementsAre("f.yaml:2:12: error: sign_in.failiures: unknown key; did you mean \"failures\"?"));
}

TEST(IdentityConfig, HowPeopleComeInAndWhere) {
  EXPECT_EQ(load("registration: approval\n").config->registration, Registration::approval);
  EXPECT_EQ(load("workers: 1\n").config->registration, Registration::invitation);
  EXPECT_THAT(lines("registration: open\n"),
              ElementsAre("f.yaml:2:15: error: registration: \"open\" is not one of: invitation, approval"));
  EXPECT_EQ(load("api: { public_url: 'https://gw.example:8443/' }\n").config->public_url, "https://gw.example:8443");
  const char* const malformed = "must be https://host or https://host:port, without a path";
  for (const char* url :
       {"gw.example", "https://", "https://gw/api", "https://u@gw", "https://gw?x", "ftp://gw", "https://gw x"})
    EXPECT_THAT(lines("api: { public_url: '" + std::string(url) + "' }\n"),
                ElementsAre("f.yaml:2:20: error: api.public_url: " + std::string(malformed)))
        << url;
  EXPECT_THAT(lines("api: { public_url: 'http://gw.example' }\n"),
              ElementsAre("f.yaml:2:20: error: api.public_url: must be https; http is for this machine alone"));
  EXPECT_THAT(lines("api: { public_url: 'http://127.0.0.1:8080' }\n"), IsEmpty());
}

TEST(IdentityConfig, Providers) {
  EXPECT_THAT(lines("oidc: [ { issuer: 'http://id.example.com', scopes: [profile] } ]\n"),
              ElementsAre("f.yaml:2:9: error: oidc[0]: needs a name", "f.yaml:2:9: error: oidc[0]: needs client_id",
                          "f.yaml:2:19: error: oidc[0].issuer: must be https; http is for this machine alone",
                          "f.yaml:2:52: error: oidc[0].scopes: must name openid"));
  for (const char* local : {"http://127.0.0.1:4000", "http://localhost:4000", "http://[::1]:4000"})
    EXPECT_THAT(lines("oidc: [ { name: a, client_id: d, issuer: '" + std::string(local) + "' } ]\n"), IsEmpty());
  EXPECT_THAT(lines("oidc: [ { name: a, client_id: d, issuer: 'http://127.0.0.1.evil.example' } ]\n").size(), 1u);
  EXPECT_THAT(lines("oidc: [ { name: a, client_id: d, issuer: 'http://localhost@evil.example' } ]\n").size(), 1u);
  const std::string one = "{ name: a, client_id: d, issuer: 'https://a' }";
  EXPECT_EQ(lines("oidc: [ " + one + ", " + one + " ]\n").size(), 2u);
  EXPECT_EQ(lines("oidc: [ { name: a, client_id: d, issuer: 'https://a', client_secret: x } ]\n").size(), 1u);
}

}  // namespace
}  // namespace dbgate::config
