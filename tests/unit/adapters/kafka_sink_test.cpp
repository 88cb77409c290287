#include "gateway/adapters/kafka_sink.h"

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <memory>

namespace dbgate::adapters {
namespace {

using std::chrono::milliseconds;

/// A cluster within this process, and what a reader of its topic finds.
class Cluster {
 public:
  Cluster() {
    char reason[256];
    host_ = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), reason, sizeof reason);
    cluster_ = rd_kafka_mock_cluster_new(host_, 3);
    rd_kafka_mock_topic_create(cluster_, "audit", 4, 3);
  }
  ~Cluster() {
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(host_);
  }
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  std::unique_ptr<ports::AuditSink> sink(milliseconds patience = milliseconds(60'000)) const {
    KafkaTopic topic;
    topic.brokers = {rd_kafka_mock_cluster_bootstraps(cluster_)};
    topic.topic = "audit";
    topic.patience = patience;
    topic.options = {{"retry.backoff.ms", "10"}, {"reconnect.backoff.max.ms", "100"}};
    return make_kafka_sink(topic).value();
  }
  rd_kafka_mock_cluster_t* get() const { return cluster_; }

  /// `key=value` of each message, in the order of each partition, until there are so many.
  std::vector<std::string> read(std::size_t count) const {
    char reason[256];
    rd_kafka_conf_t* const settings = rd_kafka_conf_new();
    rd_kafka_conf_set(settings, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster_), reason, sizeof reason);
    rd_kafka_conf_set(settings, "group.id", "reader", reason, sizeof reason);
    rd_kafka_t* const reader = rd_kafka_new(RD_KAFKA_CONSUMER, settings, reason, sizeof reason);
    rd_kafka_poll_set_consumer(reader);
    rd_kafka_topic_partition_list_t* const partitions = rd_kafka_topic_partition_list_new(4);
    for (int i = 0; i < 4; ++i)
      rd_kafka_topic_partition_list_add(partitions, "audit", i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_assign(reader, partitions);
    rd_kafka_topic_partition_list_destroy(partitions);
    std::vector<std::string> found;
    for (int turns = 0; found.size() < count && turns < 600; ++turns) {
      rd_kafka_message_t* const message = rd_kafka_consumer_poll(reader, 100);
      if (message == nullptr) continue;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        found.push_back(std::string(static_cast<const char*>(message->key), message->key_len) + "=" +
                        std::string(static_cast<const char*>(message->payload), message->len));
      rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(reader);
    rd_kafka_destroy(reader);
    return found;
  }

 private:
  rd_kafka_t* host_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
};

struct Records {
  std::vector<std::string> lines;
  std::vector<ports::SinkRecord> all;
  explicit Records(int count, const std::string& text = "") {
    for (int i = 1; i <= count; ++i)
      lines.push_back(std::to_string(i) + text);
    for (int i = 0; i < count; ++i)
      all.push_back(
          {i % 2 == 0 ? "w0" : "w1", static_cast<std::uint64_t>(i / 2 + 1), lines[static_cast<std::size_t>(i)]});
  }
};

std::vector<std::string> of(const std::vector<std::string>& all, const std::string& chain) {
  std::vector<std::string> found;
  for (const std::string& one : all)
    if (one.starts_with(chain)) found.push_back(one);
  return found;
}

class KafkaSink : public testing::Test {
 protected:
  // It does not know thrd_create(3), with which librdkafka starts its threads: they end the process.
  void SetUp() override {
#if __has_feature(thread_sanitizer)
    GTEST_SKIP() << "not with ThreadSanitizer";
#endif
  }
};

TEST_F(KafkaSink, DeliversEachChainInOrder) {
  const Cluster cluster;
  const auto sink = cluster.sink();
  const Records records(100);
  const ports::Delivery done = sink->send(records.all, {});
  EXPECT_EQ(done.why, "");
  EXPECT_EQ(done.delivered, 100u);
  const auto found = cluster.read(100);
  ASSERT_EQ(found.size(), 100u);
  for (const std::string chain : {"w0", "w1"}) {
    const auto own = of(found, chain);
    ASSERT_EQ(own.size(), 50u);
    for (std::size_t i = 0; i < own.size(); ++i)
      EXPECT_EQ(own[i], chain + "=" + std::to_string(2 * i + (chain == "w0" ? 1 : 2)));
  }
}

TEST_F(KafkaSink, WhatBrokersRefuseForAWhileComesOnceAndInOrder) {
  const Cluster cluster;
  const auto sink = cluster.sink();
  rd_kafka_mock_push_request_errors(cluster.get(), 0, 4, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
                                    RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
                                    RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS);
  const Records records(20);
  EXPECT_EQ(sink->send(records.all, {}).delivered, 20u);
  EXPECT_EQ(cluster.read(20).size(), 20u);
}

TEST_F(KafkaSink, GoesOnWithWhatIsUnderWayWhenBrokersAreBack) {
  const Cluster cluster;
  const auto sink = cluster.sink(milliseconds(300));
  const Records records(10);
  for (int broker = 1; broker <= 3; ++broker)
    rd_kafka_mock_broker_set_down(cluster.get(), broker);
  ports::Delivery done = sink->send(records.all, {});
  EXPECT_EQ(done.delivered, 0u);
  EXPECT_NE(done.why, "");
  EXPECT_FALSE(done.rejected);
  for (int broker = 1; broker <= 3; ++broker)
    rd_kafka_mock_broker_set_up(cluster.get(), broker);
  std::size_t delivered = 0;
  for (int turns = 0; delivered < 10 && turns < 200; ++turns)
    delivered += sink->send(std::span(records.all).subspan(delivered), {}).delivered;
  EXPECT_EQ(delivered, 10u);
  EXPECT_EQ(cluster.read(10).size(), 10u);
}

// Such as those that the log has left out meanwhile.
TEST_F(KafkaSink, LetsGoOfWhatDoesNotComeAgain) {
  const Cluster cluster;
  const auto sink = cluster.sink(milliseconds(300));
  const Records records(10);
  for (int broker = 1; broker <= 3; ++broker)
    rd_kafka_mock_broker_set_down(cluster.get(), broker);
  EXPECT_EQ(sink->send(std::span(records.all).first(4), {}).delivered, 0u);
  for (int broker = 1; broker <= 3; ++broker)
    rd_kafka_mock_broker_set_up(cluster.get(), broker);
  std::size_t delivered = 4;
  for (int turns = 0; delivered < 10 && turns < 200; ++turns)
    delivered += sink->send(std::span(records.all).subspan(delivered), {}).delivered;
  const auto found = cluster.read(6);
  EXPECT_EQ(of(found, "w0"), (std::vector<std::string>{"w0=5", "w0=7", "w0=9"}));
}

TEST_F(KafkaSink, ARecordThatIsTooLargeIsNamed) {
  const Cluster cluster;
  const auto sink = cluster.sink();
  Records records(3);
  const std::string large(2'000'000, 'x');
  records.all[1].line = large;
  const ports::Delivery done = sink->send(records.all, {});
  EXPECT_EQ(done.delivered, 1u);
  EXPECT_TRUE(done.rejected) << done.why;
  EXPECT_EQ(sink->send(std::span(records.all).last(1), {}).delivered, 1u);
  EXPECT_EQ(cluster.read(2).size(), 2u);
}

TEST_F(KafkaSink, AnUnknownOptionIsNamed) {
  KafkaTopic topic;
  topic.brokers = {"localhost:1"};
  topic.options = {{"no.such.option", "secret"}};
  const auto made = make_kafka_sink(topic);
  ASSERT_FALSE(made);
  const Error why = made.error();
  EXPECT_NE(why.message().find("no.such.option"), std::string::npos);
  EXPECT_EQ(why.message().find("secret"), std::string::npos);
}

}  // namespace
}  // namespace dbgate::adapters
