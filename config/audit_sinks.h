#pragma once
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace dbgate::config {

enum class SinkType : std::uint8_t { file, syslog, http, kafka };

/// What becomes of statements, or of records, while a sink is too far behind.
enum class OnLag : std::uint8_t {
  refuse,  ///< statements are refused until it has caught up
  gap      ///< it skips the oldest records, and the log says which
};

enum class SinkShape : std::uint8_t { json_lines, splunk_hec, loki, elasticsearch_bulk, otlp_logs, otlp_traces };

/// Somebody else who gets the records of the audit log.
struct AuditSink {
  std::string name;
  SinkType type = SinkType::file;
  std::size_t max_lag_bytes = 0;              ///< of records that wait; 0: no bound
  std::chrono::milliseconds max_lag_time{0};  ///< age of the oldest one that waits; 0: no bound
  OnLag on_lag = OnLag::refuse;
  bool from_now = false;  ///< one that is new gets what comes, not what the log has already
  std::size_t batch_records = 500;
  std::size_t batch_bytes = 1u << 20;

  std::string path;  ///< file

  std::string host;  ///< syslog
  std::string port;
  bool tls = true;
  unsigned facility = 13;  ///< RFC 5424 table 1
  std::string app_name = "dbgate";

  SinkShape shape = SinkShape::json_lines;  ///< http
  std::string url;                          ///< may be a secret: services put their key into it
  std::string token;
  std::string user;
  std::string password;  ///< kafka: of SASL
  std::map<std::string, std::string> headers;
  std::string index;  ///< of Splunk or Elasticsearch
  bool gzip = false;
  double sample_ratio = 0;  ///< otlp_traces: of the statements that are part of nobody's trace

  std::string ca_file;                        ///< syslog, http; empty: the system's
  std::chrono::milliseconds timeout{10'000};  ///< syslog, http: of one attempt
  std::vector<std::string> brokers;           ///< kafka
  std::string topic;
  std::map<std::string, std::string> options;  ///< kafka: librdkafka's own
};

}  // namespace dbgate::config
