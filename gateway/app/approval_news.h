#pragma once
#include <functional>
#include <memory>
#include <string_view>

#include "config/schema.h"
#include "gateway/ports/events.h"
#include "gateway/ports/http_client.h"
#include "gateway/ports/store_approvals.h"
#include "gateway/telemetry/event_counters.h"
#include "gateway/webhooks/deliveries.h"

namespace dbgate::app {

/// Tells what happens to approvals, and counts it: those who watch GET /events, and the servers of `webhooks`. Any
/// thread; waits for nobody, and nothing depends on whether anybody could be told.
class ApprovalNews {
 public:
  /// @param events  asked for each time; may give null
  /// @param counted  where decisions and ends are counted; outlives this
  ApprovalNews(std::function<ports::EventSink*()> events, telemetry::EventCounters& counted);

  void configure(const config::Config& config);
  /// @param event  approval.requested, approval.voted, approval.decided or approval.ended
  void tell(std::string_view event, const ports::store::Approval& approval);

 private:
  void count(const ports::store::Approval& approval);

  const std::function<ports::EventSink*()> events_;
  telemetry::EventCounters& counted_;
  const std::unique_ptr<ports::HttpClient> http_;
  webhooks::Deliveries deliveries_;
};

/// The event for those who watch: the requester, who may decide, auditors. Ids and names, never the text.
ports::Event event_of_approval(std::string_view event, const ports::store::Approval& approval);

}  // namespace dbgate::app
