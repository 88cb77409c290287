#pragma once
#include <boost/json/object.hpp>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>

#include "gateway/ports/audit_sink.h"

// Records as OpenTelemetry's collectors take them: OTLP/HTTP with JSON (OTLP specification 1.x).
namespace dbgate::sinks {

/// An ExportLogsServiceRequest: a log record for each record, whose body is its line.
std::string otlp_logs(const std::string& host, std::span<const ports::SinkRecord> records);

/// Makes spans of decisions and what came of them: one for each statement, and none of its text. The statement of a
/// caller that records its trace has a span, one of a caller that does not has none; `sample_ratio` of those without a
/// trace have one. Used by one thread.
class OtlpTraces {
 public:
  /// @param sample_ratio  0 to 1
  OtlpTraces(std::string host, double sample_ratio) : host_(std::move(host)), sample_ratio_(sample_ratio) {}
  /// An ExportTraceServiceRequest; empty if there is no span in these records. The same records may come again, and
  /// have the same spans then.
  std::string body(std::span<const ports::SinkRecord> records);

 private:
  /// By query id: the decisions whose statements may still run.
  using Decisions = std::unordered_map<std::string, boost::json::object>;
  bool is_sampled(const boost::json::object& record) const;
  const boost::json::object* decision_of(const std::string& query_id) const;
  void remember(const std::string& query_id, const boost::json::object& decision);

  const std::string host_;
  const double sample_ratio_;
  Decisions newer_, older_;
};

}  // namespace dbgate::sinks
