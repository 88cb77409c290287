#pragma once
#include <memory>
#include <mutex>
#include <vector>

#include "config/models.h"
#include "gateway/models/advisor.h"
#include "gateway/ports/http_fetches.h"

namespace dbgate::app {

/// The models that the configuration in force names. A thread for their requests is there while there are any.
class LiveModels {
 public:
  /// @param counted  where questions are counted; outlives this
  explicit LiveModels(telemetry::EventCounters& counted);
  ~LiveModels();

  /// A block that has not changed goes on with what it knows: answers, budgets, and who does not answer. Of another one
  /// all of that begins anew; what is under way ends by the old one. One thread at a time.
  void configure(const config::Models& models);
  /// Null: there are none. Any thread.
  std::shared_ptr<ports::RiskModel> current() const;
  /// Ends what is under way, as unusable, and asks nobody any more. The same thread as configure().
  void stop();

 private:
  class Fetches;

  telemetry::EventCounters& counted_;
  mutable std::mutex mutex_;
  config::Models settings_;
  const std::unique_ptr<Fetches> fetches_;
  std::shared_ptr<models::Advisor> current_;
  std::vector<std::shared_ptr<models::Advisor>> retired_;  // questions of theirs may be under way
};

}  // namespace dbgate::app
