#pragma once
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gateway/ports/audit_sink.h"

namespace dbgate::adapters {

struct KafkaTopic {
  std::vector<std::string> brokers;  ///< host:port
  std::string topic;
  std::map<std::string, std::string> options;  ///< librdkafka's own: TLS, SASL, sizes, compression
  std::string user;                            ///< of SASL; empty: as options say
  std::string password;
  std::string ca_file;                         ///< trusted certificates; empty: the system's
  std::chrono::milliseconds patience{10'000};  ///< after which an attempt counts as failed, and goes on all the same
};

/// A topic of Kafka, by an idempotent producer. A record counts as delivered once all replicas in sync have it. Its key
/// is its chain, so that a chain stays in one partition and in its order. Errors: 22023, naming the option.
Result<std::unique_ptr<ports::AuditSink>> make_kafka_sink(const KafkaTopic& topic);

}  // namespace dbgate::adapters
