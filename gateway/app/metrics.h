#pragma once
#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>

#include "gateway/app/gauges.h"
#include "gateway/app/worker.h"
#include "gateway/telemetry/families.h"

namespace dbgate::app {

/// Everything there is to measure, put together when somebody asks. Counters are read where they are; what is going on
/// at the moment, workers are asked for.
class Metrics {
 public:
  /// @param context  of the thread that asks; all outlive this
  Metrics(Shared& shared, const ports::AuditLog& audit, boost::asio::io_context& context)
      : shared_(shared), audit_(audit), context_(context) {}

  /// Of whoever does not answer within 2 s, what it would have said is missing: a worker that hangs does not take the
  /// rest away.
  Task<telemetry::Families> collect();

 private:
  struct Answers;
  void ask(const std::shared_ptr<Answers>& answers);
  void ask_store(const std::shared_ptr<Answers>& answers);
  telemetry::Families of_process(const Answers& answers) const;
  telemetry::Families of_targets(const Gauges& gauges, const std::vector<std::string>& targets) const;

  Shared& shared_;
  const ports::AuditLog& audit_;
  boost::asio::io_context& context_;
};

}  // namespace dbgate::app
