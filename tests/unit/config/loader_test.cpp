#include "config/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/support/temp_directory.h"

namespace dbgate::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Lines = std::vector<std::string>;

Lines problems(std::string_view yaml, const std::string& directory = "/dir") {
  Lines lines;
  for (const Problem& problem : load_text(yaml, "f.yaml", directory).problems)
    lines.push_back(problem.line_text());
  return lines;
}

constexpr const char* shop = "targets: { shop: { upstream: { hosts: [a], database: d, user: u } } }\n";
constexpr const char* alice = "users: [ { name: alice, scram_verifier: SCRAM-SHA-256$x } ]\n";

struct Case {
  std::string yaml;  ///< behind "version: 1"
  Lines problems;    ///< without "f.yaml:" and "error: "
};

void PrintTo(const Case& mistake, std::ostream* out) {
  *out << mistake.yaml;
}

std::string no_table(const std::string& place, const std::string& text) {
  return place + " \"" + text +
         "\" is not a name; write schema.table, \"schema.table(column, column)\", \"schema.*\" or \"*\"";
}

class Mistakes : public testing::TestWithParam<Case> {};

TEST_P(Mistakes, AreNamedByPlaceAndPath) {
  const Loaded loaded = load_text("version: 1\n" + GetParam().yaml, "f.yaml", "/dir");
  Lines lines;
  for (const Problem& problem : loaded.problems) {
    EXPECT_FALSE(problem.warning);
    lines.push_back(std::to_string(problem.line) + ":" + std::to_string(problem.column) + " " + problem.text);
  }
  EXPECT_EQ(lines, GetParam().problems) << GetParam().yaml;
  EXPECT_FALSE(loaded.config);
}

std::string shop_with_catalog(const std::string& catalog) {
  return "targets: { shop: { catalog: " + catalog + ", upstream: { hosts: [a], database: d, user: u } } }\n";
}

INSTANTIATE_TEST_SUITE_P(
    Catalogs, Mistakes,
    testing::Values(
        Case{shop_with_catalog("{ refesh: 1s }"),
             {R"(2:31 targets.shop.catalog.refesh: unknown key; did you mean "refresh"?)"}},
        Case{shop_with_catalog("{ refresh: 0s }"), {"2:40 targets.shop.catalog.refresh: must be at least 100ms"}},
        Case{shop_with_catalog("{ timeout: 1ms }"), {"2:40 targets.shop.catalog.timeout: must be at least 100ms"}},
        Case{shop_with_catalog("{ max_stale: 30s }"),
             {"2:42 targets.shop.catalog.max_stale: max_stale must be at least refresh and timeout together, or every "
              "load would come too late"}},
        Case{shop_with_catalog("{ refresh: 1h }"),
             {"2:29 targets.shop.catalog: max_stale must be at least refresh and timeout together, or every load would "
              "come too late"}},
        Case{"targets: { t: { engine: tcp, upstream: { hosts: [a] }, listen: { port: 1, user: u }, catalog: { refresh: "
             "1s } "
             "} }\n",
             {"2:95 targets.t.catalog: is for engine postgresql only"}}));

TEST(OpsListener, MayListenAnywhereWithoutTls) {
  const Loaded loaded = load_text("version: 1\nlisten: { ops: { address: 0.0.0.0 } }\n", "f.yaml", "/dir");
  ASSERT_TRUE(loaded.config);
  EXPECT_TRUE(loaded.config->ops.enabled);
  EXPECT_EQ(loaded.config->ops.address, "0.0.0.0");
  EXPECT_EQ(loaded.config->ops.port, 9464);
  EXPECT_FALSE(load_text("version: 1\n", "f.yaml", "/dir").config->ops.enabled);
}

TEST(Catalog, IsReadAndHasDefaults) {
  const Loaded plain = load_text("version: 1\n" + std::string(shop), "f.yaml", "/dir");
  ASSERT_TRUE(plain.config);
  EXPECT_EQ(plain.config->targets[0].catalog.refresh, Milliseconds(60'000));
  EXPECT_EQ(plain.config->targets[0].catalog.max_stale, Milliseconds(600'000));
  const Loaded set =
      load_text("version: 1\n" + shop_with_catalog("{ refresh: 250ms, max_stale: 2h, timeout: 1m }"), "f.yaml", "/dir");
  ASSERT_TRUE(set.config);
  EXPECT_EQ(set.config->targets[0].catalog.refresh, Milliseconds(250));
  EXPECT_EQ(set.config->targets[0].catalog.max_stale, Milliseconds(7'200'000));
  EXPECT_EQ(set.config->targets[0].catalog.timeout, Milliseconds(60'000));
}

INSTANTIATE_TEST_SUITE_P(
    Values, Mistakes,
    testing::Values(
        Case{"wrokers: 2\n", {R"(2:1 wrokers: unknown key; did you mean "workers"?)"}},
        Case{"zzzzzzzzz: 2\n", {"2:1 zzzzzzzzz: unknown key"}}, Case{"version: 1\n", {"2:1 version: is set twice"}},
        Case{"workers: 07\n", {R"(2:10 workers: "07" is not a number from 0 to 1024)"}},
        Case{"workers: 1025\n", {R"(2:10 workers: "1025" is not a number from 0 to 1024)"}},
        Case{"workers: -1\n", {R"(2:10 workers: "-1" is not a number from 0 to 1024)"}},
        Case{"workers: [1]\n", {"2:10 workers: must be a single value"}},
        Case{"limits: 5\n", {"2:9 limits: must be a map of settings"}},
        Case{"limits:\n  login_timeout: 5\n",
             {R"(3:18 limits.login_timeout: "5" is not a duration; write 250ms, 30s, 5m or 1h)"}},
        Case{"drain: { timeout: 1d }\n", {R"(2:19 drain.timeout: "1d" is not a duration; write 250ms, 30s, 5m or 1h)"}},
        Case{"limits: { tcp_keepalive: 1500ms }\n",
             {R"(2:26 limits.tcp_keepalive: must be whole seconds, from 1s to 32767s)"}},
        Case{"drain: { timeout: 99999999999h }\n",
             {R"(2:19 drain.timeout: "99999999999h" is not a duration; write 250ms, 30s, 5m or 1h)"}},
        Case{"limits: { max_statement_bytes: 1MB }\n",
             {R"(2:32 limits.max_statement_bytes: "1MB" is not a size; write 64KiB, 16MiB or 1GiB)"}},
        Case{"limits: { max_statement_bytes: 1GiB }\n", {"2:32 limits.max_statement_bytes: must not exceed 256MiB"}},
        Case{"audit: { retention: { max_age: 59m } }\n",
             {"2:32 audit.retention.max_age: must be at least 1h; to keep records of any age leave it out"}},
        Case{
            "audit: { retention: { max_bytes: 0 } }\n",
            {"2:34 audit.retention.max_bytes: must be more than 0; to keep as many as there is room for leave it out"}},
        Case{"audit: { encryption: {} }\n",
             {"2:22 audit.encryption: needs certificate_file: whose private key opens it?"}},
        Case{
            "audit: { retention: { max_age: 2h }, encryption: { certificate_file: /dev/null } }\n",
            {"2:50 audit.encryption: and audit.retention exclude each other: what is sealed stays until somebody takes "
             "it away"}},
        Case{"audit: { compress: gzip }\n", {"2:20 audit.compress: \"gzip\" is not one of: none, zstd"}},
        Case{"limits: { query_rows: 0 }\n", {"2:23 limits.query_rows: must be at least 1"}},
        Case{"limits: { query_rows: 1000000001 }\n",
             {R"(2:23 limits.query_rows: "1000000001" is not a number from 0 to 1000000000)"}},
        Case{"limits: { query_bytes: 33MiB }\n", {"2:24 limits.query_bytes: must not exceed 32MiB"}},
        Case{"limits: { query_bytes: 0 }\n", {"2:24 limits.query_bytes: must be at least 1"}},
        Case{"limits: { query_timeout: 0s }\n", {"2:26 limits.query_timeout: must be more than 0"}},
        Case{"limits: { export_bytes: lots }\n",
             {R"(2:25 limits.export_bytes: "lots" is not a size; write 64KiB, 16MiB or 1GiB)"}},
        Case{"limits: { verdict_cache: 8000 }\n",
             {R"(2:26 limits.verdict_cache: "8000" is not a size; write 64KiB, 16MiB or 1GiB)"}},
        Case{"limits: { verdict_cache: 17GiB }\n", {"2:26 limits.verdict_cache: must not exceed 16GiB"}},
        Case{"limits: { read_cache: 64MB }\n",
             {R"(2:23 limits.read_cache: "64MB" is not a size; write 64KiB, 16MiB or 1GiB)"}},
        Case{"limits: { read_cache: 17GiB }\n", {"2:23 limits.read_cache: must not exceed 16GiB"}},
        Case{"audit: { durability: always }\n", {R"(2:22 audit.durability: "always" is not one of: process, sync)"}},
        Case{"log: { level: verbose }\n",
             {R"(2:15 log.level: "verbose" is not one of: debug, info, warn, error, off)"}},
        Case{"log: { format: xml }\n", {R"(2:16 log.format: "xml" is not one of: json, text)"}},
        Case{"listen: { postgres: { port: 70000 } }\n", {"2:29 listen.postgres.port: 70000 is not a port"}},
        Case{"listen:\n  postgres: { address: 0.0.0.0 }\n",
             {"3:13 listen.postgres: address 0.0.0.0 is not loopback and tls is not configured; configure tls, or set "
              "allow_plain_remote: true"}},
        Case{"listen: { api: { require_tls: true } }\n", {"2:16 listen.api: require_tls needs tls"}},
        Case{"listen: { ops: { port: 1, tls: {} } }\n", {"2:27 listen.ops.tls: unknown key"}},
        Case{"listen: { api: { user: x } }\n", {"2:24 listen.api.user: is for tcp targets only"}},
        Case{"listen: { api: { tls: { cert_file: /dev/null } } }\n",
             {"2:23 listen.api.tls: needs both cert_file and key_file"}},
        Case{"listen: { postgres: { require_tls: 'on' } }\n",
             {
                 R"(2:36 listen.postgres.require_tls: must be true or false, not "on")",
             }}));

INSTANTIATE_TEST_SUITE_P(
    People, Mistakes,
    testing::Values(Case{"users: x\n", {"2:8 users: must be a list"}},
                    Case{"users:\n  - { scram_verifier: SCRAM-SHA-256$x }\n", {"3:5 users[0]: needs a name"}},
                    Case{"users:\n  - { name: a }\n",
                         {"3:5 users[0]: needs scram_verifier or certificates; make a verifier with: dbgate-gateway "
                          "scram-verifier"}},
                    Case{
                        "users:\n  - { name: a, scram_verifier: secret }\n",
                        {"3:32 users[0].scram_verifier: is not a SCRAM-SHA-256 verifier; make one with: dbgate-gateway "
                         "scram-verifier"}},
                    Case{std::string("users:\n  - &a { name: a, scram_verifier: SCRAM-SHA-256$x }\n  - *a\n"),
                         {"3:16 users[1].name: user \"a\" is defined twice"}},
                    Case{std::string(alice) + "groups: { g: [alcie, zzzzzzz] }\n",
                         {R"(3:14 groups.g: no user is called "alcie"; did you mean "alice"?)",
                          R"(3:14 groups.g: no user is called "zzzzzzz")"}},
                    Case{std::string(alice) + "groups: { g: alice }\n", {"3:14 groups.g: must be a list"}},
                    Case{std::string(alice) + "groups: [g]\n", {"3:9 groups: must be a map"}}));

INSTANTIATE_TEST_SUITE_P(
    Targets, Mistakes,
    testing::Values(
        Case{"targets: { shop: { search_path: [public] } }\n",
             {"2:18 targets.shop.upstream: needs hosts", "2:18 targets.shop.upstream: needs database",
              "2:18 targets.shop.upstream: needs user", "2:18 targets.shop: needs upstream"}},
        Case{"targets: { s: { environment: 'the real one', labels: { team: '', 'a b': c, d: [e] }, upstream: { hosts: "
             "[h], "
             "database: d, user: u } } }\n",
             {"2:30 targets.s.environment: is a word of 1 to 63 letters, digits and -_./",
              "2:62 targets.s.labels.team: a label is a word of 1 to 63 letters, digits and -_./",
              "2:73 targets.s.labels.a b: the name of a label is a word of 1 to 63 letters, digits and -_./",
              "2:79 targets.s.labels.d: must be a single value",
              "2:79 targets.s.labels.d: a label is a word of 1 to 63 letters, digits and -_./"}},
        Case{"targets: { a/b: { upstream: { hosts: [a], database: d, user: u } } }\n",
             {"2:17 targets.a/b: the name of a target must not hold a slash"}},
        Case{"targets: { s: { upstream: { hosts: ['h:0', 'h:x', ':1', 'h:65536', '::1', /run], database: d, user: u } "
             "} }\n",
             {"2:37 targets.s.upstream.hosts[0]: 0 is not a port", "2:44 targets.s.upstream.hosts[1]: x is not a port",
              "2:51 targets.s.upstream.hosts[2]: needs a host",
              "2:57 targets.s.upstream.hosts[3]: 65536 is not a port"}},
        Case{"targets: { s: { upstream: { hosts: [h], database: d, user: u, tls: 'yes' } } }\n",
             {"2:68 targets.s.upstream.tls: \"yes\" is not one of: disable, allow, prefer, require, verify-ca, "
              "verify-full"}},
        Case{"targets: { s: { upstream: { hosts: [h], database: d, user: u, ca_file: missing.pem } } }\n",
             {"2:72 targets.s.upstream.ca_file: file /dir/missing.pem does not exist or is not readable"}},
        Case{"targets: { s: { upstream: { hosts: [h], database: d, user: u, application_name: mine } } }\n",
             {R"(2:81 targets.s.upstream.application_name: "mine" is not one of: principal, client)"}},
        Case{"targets: { s: { engine: mysql, upstream: { hosts: [h], database: d, user: u } } }\n",
             {R"(2:25 targets.s.engine: "mysql" is not one of: postgresql, tcp)"}},
        Case{"targets: { s: { pool: { mode: connection }, upstream: { hosts: [h], database: d, user: u } } }\n",
             {R"(2:31 targets.s.pool.mode: "connection" is not one of: session, transaction, statement)"}},
        Case{"targets: { s: { pool: { weights: { users: { a: 0 } } }, upstream: { hosts: [h], database: d, user: u } } }\n",
             {"2:48 targets.s.pool.weights.users.a: must be 1 at least"}},
        Case{"targets: { s: { engine: tcp, listen: { user: u }, pool: { max: 3, wait: 1s }, upstream: { hosts: [h:1] } "
             "} }\n",
             {"2:73 targets.s.pool.wait: is for postgresql only"}},
        Case{"targets: { s: { upstream: { hosts: [h], database: d, user: u, target_session_attrs: master, max_lag: 1, "
             "failover_wait: soon, health: { interval: 10ms, timeout: 0s, every: 1s } } } }\n",
             {"2:85 targets.s.upstream.target_session_attrs: \"master\" is not one of: any, read-write, read-only, "
              "primary, standby, prefer-standby",
              "2:102 targets.s.upstream.max_lag: \"1\" is not a duration; write 250ms, 30s, 5m or 1h",
              "2:120 targets.s.upstream.failover_wait: \"soon\" is not a duration; write 250ms, 30s, 5m or 1h",
              "2:165 targets.s.upstream.health.every: unknown key",
              "2:146 targets.s.upstream.health.interval: must be at least 50ms",
              "2:161 targets.s.upstream.health.timeout: must be at least 50ms"}},
        Case{"targets: { s: { upstream: { hosts: [a, b], database: d, user: u, max_lag: 5s } } }\n",
             {"2:75 targets.s.upstream.max_lag: is for targets that standbys serve: their target_session_attrs says "
              "so"}},
        Case{"targets: { s: { upstream: { hosts: [a, b], database: d, user: u, target_session_attrs: standby, max_lag: "
             "1s } } }\n",
             {"2:106 targets.s.upstream.max_lag: must be at least twice health.interval: that is how exactly it is "
              "known"}},
        Case{"targets: { s: { engine: tcp, listen: { user: u }, upstream: { hosts: [h:1], target_session_attrs: any, "
             "max_lag: 1s, failover_wait: 1s, health: {} } } }\n",
             {"2:99 targets.s.upstream.target_session_attrs: is for postgresql only",
              "2:113 targets.s.upstream.max_lag: is for postgresql only",
              "2:132 targets.s.upstream.failover_wait: is for postgresql only",
              "2:144 targets.s.upstream.health: is for postgresql only"}},
        Case{"targets: { s: { engine: tcp, upstream: { hosts: [h] } } }\n",
             {"2:15 targets.s: engine tcp needs listen", "2:15 targets.s.listen: needs user"}}));

INSTANTIATE_TEST_SUITE_P(
    Policies, Mistakes,
    testing::Values(
        Case{"policies: [ {} ]\n",
             {"2:13 policies[0]: needs a name", "2:13 policies[0]: needs who: users or groups",
              "2:13 policies[0]: needs on: a list of targets"}},
        Case{std::string(alice) + shop +
                 "policies:\n  - { name: p, who: { users: [alcie], groups: [g] }, on: [shpo] }\n",
             {R"(5:30 policies[0].who.users: no user is called "alcie"; did you mean "alice"?)",
              R"(5:47 policies[0].who.groups: no group is called "g")",
              R"(5:58 policies[0].on: no target is called "shpo"; did you mean "shop"?)"}},
        Case{
            std::string(alice) + shop +
                "policies:\n  - name: p\n    who: { users: [alice] }\n    on: [shop]\n    deny:\n"
                "      - { select: [t, 'public.t(', 'public.t(*)', '', ~, {}] }\n"
                "      - { selct: [x], everything: 'yes' }\n"
                "      - { functions: [f], pack: readwrite, require: { wher: true }, call: x.y, set: work_mem }\n"
                "      - nothing\n",
            {no_table("9:20 policies[0].deny[0].select[0]:", "t"),
             no_table("9:23 policies[0].deny[0].select[1]:", "public.t("),
             no_table("9:36 policies[0].deny[0].select[2]:", "public.t(*)"),
             no_table("9:51 policies[0].deny[0].select[3]:", ""), no_table("9:55 policies[0].deny[0].select[4]:", ""),
             "9:58 policies[0].deny[0].select[5]: must be a single value",
             R"(10:11 policies[0].deny[1].selct: unknown key; did you mean "select"?)",
             R"(10:35 policies[0].deny[1].everything: must be true or false, not "yes")",
             R"(11:33 policies[0].deny[2].pack: "readwrite" is not one of: readonly, introspection, orm, migrator)",
             R"~(11:23 policies[0].deny[2].functions[0]: "f" is not a name; write safe or "schema.name(type, type)")~",
             "11:75 policies[0].deny[2].call: must be a list", "11:85 policies[0].deny[2].set: must be a list",
             R"(11:55 policies[0].deny[2].require.wher: unknown key; did you mean "where"?)",
             "12:9 policies[0].deny[3]: must be a map of settings"}  // namespace
        }                                                            // namespace dbgate::config
        ));

TEST(Loader, NamesTheFile) {
  EXPECT_THAT(problems("version: 1\nworkers: x\n"),
              ElementsAre(R"(f.yaml:2:10: error: workers: "x" is not a number from 0 to 1024)"));
}

TEST(Loader, WhatIsNoConfiguration) {
  EXPECT_THAT(problems(""), ElementsAre("f.yaml:1:1: error: the file must hold a map of settings"));
  EXPECT_THAT(problems("- a\n"), ElementsAre("f.yaml:1:1: error: the file must hold a map of settings"));
  EXPECT_THAT(problems("a: [\n"), ElementsAre("f.yaml:2:1: error: end of sequence flow not found"));
  EXPECT_THAT(problems("workers: 2\n"), ElementsAre("f.yaml:1:1: error: version: must be 1"));
  EXPECT_THAT(problems("version: 2\n"), ElementsAre("f.yaml:1:10: error: version: must be 1"));
  EXPECT_FALSE(load_text("\xff\xfe\x00", "f.yaml", "/").config);
}

TEST(Loader, Defaults) {
  const Loaded loaded = load_text("version: 1\n", "f.yaml", "/dir");
  EXPECT_THAT(loaded.problems, IsEmpty());
  ASSERT_TRUE(loaded.config);
  EXPECT_EQ(loaded.config->state_dir, "/dir/state");
  EXPECT_EQ(loaded.config->log_level, "info");
  EXPECT_EQ(loaded.config->log_format, "json");
  EXPECT_FALSE(loaded.config->postgres.enabled);
  EXPECT_NE(loaded.config->version, load_text("version: 1 \n", "f.yaml", "/dir").config->version);
}

TEST(Loader, Values) {
  const Loaded loaded = load_text(
      "version: 1\nstate_dir: /var/lib/x\nworkers: 0\nlog: { level: debug, format: text }\n"
      "listen: { postgres: { port: 0, socket: /run } }\n"
      "drain: { min_delay: 0s, timeout: 2h, handover_timeout: 10m }\n"
      "limits: { login_timeout: 250ms, tcp_keepalive: 7s, tcp_user_timeout: 0s, max_statement_bytes: 64KiB, portals: "
      "7, verdict_cache: 0, "
      "query_rows: 5, query_bytes: 1MiB, query_timeout: 7s, export_rows: 0, export_bytes: 2MiB }\n"
      "audit: { durability: sync, segment_bytes: 1GiB, checkpoint_interval: 1m, "
      "segment_max_age: 1h, compress: zstd, retention: { max_age: 2160h, max_bytes: 1024GiB } }\n" +
          std::string(alice) +
          "groups: { g: [alice] }\n"
          "targets:\n  shop: { environment: production, labels: { team: a/b-1 }, databases: [x], search_path: [a, B], "
          "pool: { max: 3, lifetime: 7s, weights: { users: { b: 9 }, groups: { g: 4, h: 2 } } }, upstream: { hosts: ['db1:5433', "
          "db2, /run/pg, '::1'], database: d, user: u, tls: require, channel_binding: require } }\n"
          "  ssh: { engine: tcp, upstream: { hosts: ['h:22'] }, listen: { port: 2222, user: alice } }\n"
          "policies:\n  - name: p\n    who: { users: [alice], groups: [g] }\n    on: [shop, ssh]\n"
          "    allow: [ { select: [A.b, '\"A\".\"b \"\"c\"(X, \"Y\")', 's.*', '*'], functions: [safe, 'a.f', 'a.g()', "
          "'a.h(int, numeric)'], do: true, connect: true } ]\n",
      "f.yaml", "/dir");
  for (const Problem& problem : loaded.problems)
    ADD_FAILURE() << problem.line_text();
  ASSERT_TRUE(loaded.config);
  const Config& config = *loaded.config;
  EXPECT_EQ(config.state_dir, "/var/lib/x");
  EXPECT_EQ(config.workers, 0u);
  EXPECT_EQ(config.log_level, "debug");
  EXPECT_EQ(config.log_format, "text");
  EXPECT_TRUE(config.postgres.enabled);
  EXPECT_EQ(config.limits.login_timeout, Milliseconds(250));
  EXPECT_EQ(config.drain.min_delay, Milliseconds(0));
  EXPECT_EQ(config.drain.timeout, Milliseconds(7'200'000));
  EXPECT_EQ(config.drain.handover_timeout, Milliseconds(600'000));
  EXPECT_EQ(config.limits.tcp_keepalive, Milliseconds(7'000));
  EXPECT_EQ(config.limits.tcp_user_timeout, Milliseconds(0));
  EXPECT_EQ(config.limits.max_statement_bytes, 65'536u);
  EXPECT_EQ(config.limits.portals, 7u);
  EXPECT_EQ(config.limits.verdict_cache_bytes, 0u);
  EXPECT_EQ(config.limits.query_rows, 5u);
  EXPECT_EQ(config.limits.query_bytes, 1u << 20);
  EXPECT_EQ(config.limits.query_timeout, Milliseconds(7'000));
  EXPECT_EQ(config.limits.export_rows, 0u);
  EXPECT_EQ(config.limits.export_bytes, 2u << 20);
  EXPECT_EQ(config.audit.durability, Durability::sync);
  EXPECT_EQ(config.audit.segment_bytes, 1u << 30);
  EXPECT_EQ(config.audit.checkpoint_interval, Milliseconds(60'000));
  EXPECT_EQ(config.audit.segment_max_age, Milliseconds(3'600'000));
  EXPECT_TRUE(config.audit.compress);
  EXPECT_EQ(config.audit.retention_max_age, Milliseconds(2160ll * 3'600'000));
  EXPECT_EQ(config.audit.retention_max_bytes, std::size_t{1} << 40);
  ASSERT_EQ(config.targets.size(), 2u);
  const Target& target = config.targets[0];
  EXPECT_THAT(target.search_path, ElementsAre("a", "B"));
  EXPECT_EQ(target.environment, "production");
  EXPECT_EQ(target.labels.at("team"), "a/b-1");
  EXPECT_EQ(target.pool.max, 3u);
  EXPECT_EQ(target.pool.lifetime, Milliseconds(7'000));
  EXPECT_EQ(target.pool.weight_of("a", {"h", "g", "i"}), 4u);
  EXPECT_EQ(target.pool.weight_of("b", {"g"}), 9u);
  EXPECT_EQ(target.pool.weight_of("c", {}), 1u);
  EXPECT_EQ(target.upstream.tls, SslMode::require);
  EXPECT_EQ(target.upstream.channel_binding, ChannelBinding::require);
  std::string hosts;
  for (const HostPort& host : target.upstream.hosts)
    hosts += host.host + " " + std::to_string(host.port) + ";";
  EXPECT_EQ(hosts, "db1 5433;db2 5432;/run/pg 5432;::1 5432;");
  EXPECT_EQ(target.upstream.session_attrs, SessionAttrs::primary) << "of several hosts";
  EXPECT_TRUE(target.upstream.chooses());
  EXPECT_EQ(config.targets[1].engine, EngineKind::tcp);
  const Rule& rule = config.policies.at(0).allow.at(0);
  EXPECT_TRUE(rule.do_blocks && rule.connect);
  EXPECT_FALSE(rule.everything || rule.opaque);
  const auto& tables = rule.tables.at("select");
  ASSERT_EQ(tables.size(), 4u);
  EXPECT_EQ(tables[0].schema + "." + tables[0].name, "a.b");
  EXPECT_EQ(tables[1].schema + "." + tables[1].name, "A.b \"c");
  EXPECT_THAT(tables[1].columns, ElementsAre("x", "Y"));
  EXPECT_EQ(tables[3].schema + tables[3].name, "**");
  ASSERT_EQ(rule.functions.size(), 4u);
  EXPECT_TRUE(rule.functions[0].safe);
  EXPECT_TRUE(rule.functions[1].any_arguments);
  EXPECT_FALSE(rule.functions[2].any_arguments);
  EXPECT_EQ(rule.functions[2].arguments, 0);
  EXPECT_EQ(rule.functions[3].arguments, 2);
}

// ---- Interpolation

std::string state_dir(const std::string& text) {
  const Loaded loaded = load_text("version: 1\nstate_dir: \"" + text + "\"\n", "f.yaml", "");
  return loaded.config ? loaded.config->state_dir : loaded.problems.at(0).line_text();
}

class Interpolation : public testing::Test {
 protected:
  Interpolation() {
    ::setenv("DBGATE_TEST_SET", "value", 1);
    ::setenv("DBGATE_TEST_NESTED", "${DBGATE_TEST_SET}", 1);
    ::unsetenv("DBGATE_TEST_UNSET");
  }
};

TEST_F(Interpolation, TakesVariables) {
  EXPECT_EQ(state_dir("/a/${DBGATE_TEST_SET}/b"), "/a/value/b");
  EXPECT_EQ(state_dir("/${DBGATE_TEST_SET}${DBGATE_TEST_SET}"), "/valuevalue");
  EXPECT_EQ(state_dir("/${DBGATE_TEST_UNSET:-default}"), "/default");
  EXPECT_EQ(state_dir("/${DBGATE_TEST_UNSET:-}x"), "/x");
  EXPECT_EQ(state_dir("/${DBGATE_TEST_SET:-default}"), "/value");
  EXPECT_EQ(state_dir("/${DBGATE_TEST_SET:?message}"), "/value");
  EXPECT_EQ(state_dir("/${DBGATE_TEST_NESTED}"),
            "/${DBGATE_TEST_SET}");  // a value is a value, not a text to read again
}

TEST_F(Interpolation, LeavesOtherDollarsAlone) {
  EXPECT_EQ(state_dir("/$${x}"), "/${x}");
  EXPECT_EQ(state_dir("/$x$"), "/$x$");
  EXPECT_EQ(state_dir("/$$x"), "/$$x");
  EXPECT_EQ(state_dir("/}{"), "/}{");
}

TEST_F(Interpolation, Mistakes) {
  const std::string place = "f.yaml:2:12: error: state_dir: ";
  EXPECT_EQ(state_dir("${DBGATE_TEST_UNSET}"), place + "environment variable DBGATE_TEST_UNSET is not set");
  EXPECT_EQ(state_dir("${DBGATE_TEST_UNSET:?say where}"),
            place + "environment variable DBGATE_TEST_UNSET is not set: say where");
  EXPECT_EQ(state_dir("x${DBGATE_TEST_SET"),
            place + "\"${\" without \"}\"; write \"$${\" for the characters themselves");
  EXPECT_EQ(state_dir("${DBGATE_TEST_UNSET:x}"), place + "environment variable DBGATE_TEST_UNSET is not set");
}

// ---- Secrets

class Secrets : public testing::Test {
 protected:
  Secrets() {
    ::setenv("DBGATE_TEST_SECRET", "from the environment", 1);
    ::setenv("CREDENTIALS_DIRECTORY", directory_.path().c_str(), 1);
    tests::write_file(directory_.file("password"), "from the file\r\n\n");
    ::chmod(directory_.file("password").c_str(), 0600);
  }
  ~Secrets() override { ::unsetenv("CREDENTIALS_DIRECTORY"); }
  // The password that the upstream's settings lead to, or what is wrong with them.
  std::string password(const std::string& settings) const {
    const Loaded loaded = load_text(
        "version: 1\ntargets: { shop: { upstream: { " + settings + ", hosts: [a], database: d, user: u } } }\n",
        "f.yaml", directory_.path());
    warnings_ = loaded.problems.size();
    if (!loaded.config) return loaded.problems.at(0).line_text();
    return loaded.config->targets.at(0).upstream.password;
  }

  tests::TempDirectory directory_;
  mutable std::size_t warnings_ = 0;
};

TEST_F(Secrets, ComeFromOnePlace) {
  EXPECT_EQ(password("tls: disable"), "");
  EXPECT_EQ(password("password_file: password"), "from the file");
  EXPECT_EQ(password("password_file: " + directory_.file("password")), "from the file");
  EXPECT_EQ(password("password_env: DBGATE_TEST_SECRET"), "from the environment");
  EXPECT_EQ(password("password_credential: password"), "from the file");
  EXPECT_EQ(warnings_, 0u);
  EXPECT_EQ(password("password: plain"), "plain");
  EXPECT_EQ(warnings_, 1u);
}

TEST_F(Secrets, WarnWhenTheyStandInTheFile) {
  const Loaded loaded = load_text(
      "version: 1\ntargets: { s: { upstream: { hosts: [a], database: d, user: u, password: x } } }\n", "f.yaml", "/");
  ASSERT_EQ(loaded.problems.size(), 1u);
  EXPECT_EQ(
      loaded.problems[0].line_text(),
      "f.yaml:2:73: warning: targets.s.upstream.password: secret stands in the file itself; prefer password_file");
  EXPECT_TRUE(loaded.config);
}

TEST_F(Secrets, Mistakes) {
  EXPECT_THAT(
      password("password_file: password, password_env: DBGATE_TEST_SECRET"),
      HasSubstr("targets.shop.upstream: give only one of password, password_file, password_env, password_credential"));
  EXPECT_THAT(password("password_env: DBGATE_TEST_ABSENT"),
              HasSubstr("targets.shop.upstream.password_env: environment variable DBGATE_TEST_ABSENT is not set"));
  EXPECT_THAT(password("password_file: absent"), HasSubstr("/absent does not exist or is not readable"));
  EXPECT_THAT(password("password_credential: absent"), HasSubstr("/absent does not exist"));
  ::chmod(directory_.file("password").c_str(), 0644);
  EXPECT_THAT(password("password_file: password"), HasSubstr("is readable by everybody; chmod 600 it"));
  EXPECT_THAT(password("password_credential: password"), HasSubstr("is readable by everybody; chmod 600 it"));
  ::unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_THAT(password("password_credential: password"),
              HasSubstr("CREDENTIALS_DIRECTORY is not set; systemd sets it"));
}

TEST_F(Secrets, NeverStandInAMessage) {
  for (const char* settings :
       {"password: hunter2, password_env: x", "password: hunter2, tls: x", "password: [hunter2]"})
    EXPECT_THAT(password(settings), testing::Not(HasSubstr("hunter2"))) << settings;
  for (const Problem& problem :
       load_text("version: 1\nusers: [ { name: a, scram_verifier: hunter2 } ]\n", "f.yaml", "/").problems)
    EXPECT_THAT(problem.line_text(), testing::Not(HasSubstr("hunter2")));
}

// ---- Files

TEST(LoadFile, TakesPathsFromItsDirectory) {
  const tests::TempDirectory directory;
  tests::write_file(directory.file("gateway.yaml"), "version: 1\nstate_dir: here\n");
  const Loaded loaded = load_file(directory.file("gateway.yaml"));
  ASSERT_TRUE(loaded.config);
  EXPECT_EQ(loaded.config->state_dir, directory.file("here"));
}

TEST(LoadFile, SaysWhatIsWrongWithTheFile) {
  const tests::TempDirectory directory;
  const std::string path = directory.file("gateway.yaml");
  EXPECT_EQ(load_file(path).problems.at(0).line_text(),
            path + ": error: the file does not exist or is not readable");
  tests::write_file(path, std::string((16u << 20) + 1, '#'));
  EXPECT_EQ(load_file(path).problems.at(0).line_text(), path + ": error: the file is larger than 16MiB");
  EXPECT_EQ(load_file(directory.path()).problems.at(0).line_text(),
            directory.path() + ": error: the file does not exist or is not readable");
}

TEST(Loader, NamesMayBeThoseOfTheStore) {
  const std::string rest = "groups: { analysts: [ghost] }\n";
  EXPECT_FALSE(load_text("version: 1\n" + rest, "f.yaml", "/dir").config);
  const Loaded loaded = load_text("version: 1\nstore: { url: \"sqlite:people.db\" }\n" + rest, "f.yaml", "/dir");
  ASSERT_TRUE(loaded.config);
  ASSERT_EQ(loaded.problems.size(), 1u);
  EXPECT_TRUE(loaded.problems[0].warning);
  EXPECT_THAT(loaded.problems[0].text, HasSubstr("no user is called \"ghost\""));
}

}  // namespace
}  // namespace dbgate::config
