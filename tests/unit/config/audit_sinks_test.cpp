#include "config/audit_sinks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/loader.h"

namespace dbgate::config {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

Loaded load(const std::string& sinks) {
  return load_text("version: 1\naudit:\n  sinks:\n" + sinks, "f.yaml", "/dir", Purpose::serve);
}

std::string error(const std::string& members) {
  std::vector<std::string> found;
  for (const Problem& problem : load("    - { " + members + " }\n").problems)
    if (!problem.warning) found.push_back(problem.line_text());
  return found.size() == 1 ? found[0]
                           : std::to_string(found.size()) + " errors" + (found.empty() ? "" : ": " + found[0]);
}

std::size_t warnings(const std::string& members) {
  const Loaded loaded = load("    - { " + members + " }\n");
  EXPECT_TRUE(loaded.config) << members;
  return loaded.problems.size();
}

TEST(AuditSinks, AllOfThem) {
  const Loaded loaded = load(
      "    - { name: a, type: file, path: /var/log/a.jsonl }\n"
      "    - { name: b, type: syslog, address: 'logs.example.com:6514', facility: local3, max_lag_bytes: 1GiB, "
      "max_lag_time: 10m }\n"
      "    - { name: c, type: http, shape: loki, url: 'https://loki.example.com/loki/api/v1/push', headers: { "
      "X-Scope-OrgID: us }, on_lag: gap }\n"
      "    - { name: d, type: kafka, brokers: ['k1:9093'], topic: audit, options: { security.protocol: ssl }, "
      "start_at: end }\n");
  ASSERT_TRUE(loaded.config);
  EXPECT_THAT(loaded.problems, IsEmpty());
  const auto& sinks = loaded.config->audit.sinks;
  ASSERT_EQ(sinks.size(), 4u);
  EXPECT_EQ(sinks[0].on_lag, OnLag::refuse);
  EXPECT_EQ(sinks[0].max_lag_bytes, 0u);
  EXPECT_EQ(sinks[1].host, "logs.example.com");
  EXPECT_EQ(sinks[1].port, "6514");
  EXPECT_TRUE(sinks[1].tls);
  EXPECT_EQ(sinks[1].facility, 19u);
  EXPECT_EQ(sinks[1].max_lag_bytes, 1u << 30);
  EXPECT_EQ(sinks[1].max_lag_time, std::chrono::minutes(10));
  EXPECT_EQ(sinks[2].shape, SinkShape::loki);
  EXPECT_EQ(sinks[2].on_lag, OnLag::gap);
  EXPECT_EQ(sinks[2].headers.at("X-Scope-OrgID"), "us");
  EXPECT_THAT(sinks[3].brokers, ElementsAre("k1:9093"));
  EXPECT_TRUE(sinks[3].from_now);
}

TEST(AuditSinks, MistakesAreNamed) {
  EXPECT_THAT(error("type: file, path: /a"), HasSubstr("needs a name"));
  EXPECT_THAT(error("name: file, type: file, path: /a"), HasSubstr("the log itself"));
  EXPECT_THAT(error("name: '../x', type: file, path: /a"), HasSubstr("names a file"));
  EXPECT_THAT(error("name: a, type: file"), HasSubstr("needs path"));
  EXPECT_THAT(error("name: a, type: file, path: a"), HasSubstr("must begin with /"));
  EXPECT_THAT(error("name: a, type: file, path: /a, topic: x"), HasSubstr("is not for a sink of type file"));
  EXPECT_THAT(error("name: a, type: file, path: /a, max_lag_bytes: 1KiB"), HasSubstr("at least 64KiB"));
  EXPECT_THAT(error("name: a, type: file, path: /a, max_lag_time: 10ms"), HasSubstr("at least 1s"));
  EXPECT_THAT(error("name: a, type: file, path: /a, on_lag: drop"), HasSubstr("refuse, gap"));
  EXPECT_THAT(error("name: a, type: udp, path: /a"), HasSubstr("file, syslog, http, kafka"));
  const std::string syslog = "name: a, type: syslog, address: 'h:1', ";
  EXPECT_THAT(error("name: a, type: syslog, address: h"), HasSubstr("host:port"));
  EXPECT_THAT(error(syslog + "transport: udp"), HasSubstr("udp loses records"));
  EXPECT_THAT(error(syslog + "transport: sctp"), HasSubstr("tls, tcp"));
  EXPECT_THAT(error(syslog + "facility: local9"), HasSubstr("is no facility"));
  EXPECT_THAT(error(syslog + "app_name: 'a b'"), HasSubstr("printable"));
  const std::string http = "name: a, type: http, url: 'https://h/', ";
  EXPECT_THAT(error("name: a, type: http, url: 'http://h/key'"), HasSubstr("must be https"));
  EXPECT_EQ(error("name: a, type: http, url: 'http://h/key'").find("key"), std::string::npos);
  EXPECT_THAT(error(http + "shape: elasticsearch_bulk"), HasSubstr("needs index"));
  EXPECT_THAT(error(http + "index: x"), HasSubstr("splunk_hec and elasticsearch_bulk only"));
  EXPECT_THAT(error(http + "headers: { 'a b': x }"), HasSubstr("no name of a header"));
  EXPECT_THAT(error(http + "headers: { a: \"x\\r\\ny\" }"), HasSubstr("control characters"));
  EXPECT_THAT(error(http + "sample_ratio: 0.1"), HasSubstr("otlp_traces only"));
  EXPECT_THAT(error(http + "shape: otlp_traces, sample_ratio: 1.5"), HasSubstr("not a number from 0 to 1"));
  EXPECT_THAT(error(http + "timeout: 1ms"), HasSubstr("100ms to 5m"));
  const std::string kafka = "name: a, type: kafka, brokers: ['127.0.0.1:1'], topic: t, ";
  EXPECT_THAT(error("name: a, type: kafka, brokers: ['127.0.0.1:1']"), HasSubstr("needs topic"));
  EXPECT_THAT(error("name: a, type: kafka, topic: t"), HasSubstr("needs brokers"));
  EXPECT_THAT(error(kafka + "options: { acks: '1' }"), HasSubstr("set by dbgate"));
  EXPECT_THAT(error(kafka + "options: { sasl.password: x }"), HasSubstr("is a secret"));
  EXPECT_THAT(error("name: a, type: file, path: /a }\n    - { name: a, type: file, path: /b"),
              HasSubstr("defined twice"));
}

TEST(AuditSinks, WhatCrossesTheNetworkInClearIsWarnedOf) {
  EXPECT_EQ(warnings("name: a, type: syslog, address: 'h:514', transport: tcp"), 1u);
  EXPECT_EQ(warnings("name: a, type: syslog, address: '127.0.0.1:514', transport: tcp"), 0u);
  EXPECT_EQ(warnings("name: a, type: kafka, brokers: ['h:9092'], topic: t"), 1u);
  EXPECT_EQ(warnings("name: a, type: http, url: 'https://h/', token: x"), 1u) << "a secret in the file";
}

}  // namespace
}  // namespace dbgate::config
