#include "gateway/app/approval_news.h"

#include "gateway/adapters/curl_http.h"
#include "gateway/audit/json.h"
#include "gateway/base/clock.h"
#include "gateway/ports/approval_words.h"

namespace dbgate::app {
namespace {

// Somebody else's server: what it answers does not matter beyond its status.
constexpr adapters::CurlLimits limits{std::chrono::milliseconds(5'000), std::chrono::milliseconds(10'000), 64u << 10};

void add(std::string& data, std::string_view key, std::string_view value) {
  if (!value.empty()) audit::append_field(data, key, value);
}

}  // namespace

ports::Event event_of_approval(std::string_view event, const ports::store::Approval& approval) {
  std::string data = "{\"approval_id\":";
  audit::append_json_string(data, approval.id);
  add(data, "state", ports::word_of(approval.state));
  add(data, "user", approval.requester);
  add(data, "target", approval.target);
  add(data, "database", approval.database);
  add(data, "session_id", approval.session);
  add(data, "rule", approval.policy_rule);
  const bool voted = event == "approval.voted" || event == "approval.decided";
  const std::string by = voted && !approval.votes.empty() ? approval.votes.back().by : std::string();
  add(data, "by", by);
  ports::Event told;
  told.topic = "approvals";
  told.type = event;
  told.user = approval.requester;
  told.by = by;
  told.data = data + "}";
  told.users = approval.rule.users;
  told.groups = approval.rule.groups;
  return told;
}

ApprovalNews::ApprovalNews(std::function<ports::EventSink*()> events, telemetry::EventCounters& counted)
    : events_(std::move(events)), counted_(counted), http_(adapters::make_curl_http(limits)), deliveries_(*http_) {}

void ApprovalNews::configure(const config::Config& config) {
  deliveries_.configure(config.webhooks, config.public_url);
}

void ApprovalNews::count(const ports::store::Approval& approval) {
  const telemetry::EventCounters::Labels outcome = {{"outcome", std::string(ports::word_of(approval.state))}};
  counted_.count(telemetry::approvals, outcome);
  counted_.observe(telemetry::approval_waits, outcome,
                   std::chrono::microseconds(wall_clock_us() - approval.created_us));
}

void ApprovalNews::tell(std::string_view event, const ports::store::Approval& approval) {
  if (event == "approval.decided" || event == "approval.ended") count(approval);
  if (ports::EventSink* const events = events_()) events->publish(event_of_approval(event, approval));
  deliveries_.tell({std::string(event), approval, wall_clock_us()});
}

}  // namespace dbgate::app
