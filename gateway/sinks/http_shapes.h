#pragma once
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/audit_sinks.h"
#include "gateway/ports/audit_sink.h"
#include "gateway/ports/http_client.h"

namespace dbgate::sinks {

/// The body of a request with records, as its receiver wants them:
/// json_lines a line each; splunk_hec an event each; loki a stream for each chain; elasticsearch_bulk a `create` each,
/// with the record's id as `_id`; otlp_logs an ExportLogsServiceRequest.
std::string body_of(const config::AuditSink& settings, const std::string& host,
                    std::span<const ports::SinkRecord> records);
/// Content-Type, Authorization, and what the configuration adds.
std::vector<std::pair<std::string, std::string>> headers_of(const config::AuditSink& settings);

/// What a receiver has made of a request with `records` records.
struct HttpVerdict {
  std::size_t delivered = 0;
  std::string why;         ///< empty: all of them
  bool rejected = false;   ///< the next one is at fault, or, `divisible`, some of them
  bool divisible = false;  ///< which one shows when they come one by one
  std::chrono::milliseconds retry_after{0};
};
HttpVerdict read_answer(config::SinkShape shape, std::size_t records, const ports::HttpResponse& response);

/// Of a header Retry-After, in seconds or as a date; 0: neither. @param now_s  seconds since 1970 UTC
std::chrono::milliseconds retry_after(std::string_view text, std::int64_t now_s);

/// As `Content-Encoding: gzip` has it.
std::string gzip(std::string_view text);

}  // namespace dbgate::sinks
