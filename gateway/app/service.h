#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "gateway/app/sessions_here.h"
#include "gateway/ports/gateway_service.h"

namespace dbgate::app {

/// The gateway as its API sees it. Runs on the API's thread; sessions go to workers.
class Service final : public ports::GatewayService {
 public:
  /// @param chain records what people do at the API
  Service(Shared& shared, std::unique_ptr<ports::AuditChain> chain, std::function<Worker&()> next_worker);

  std::vector<ports::TargetSummary> targets(std::string_view user) const override;
  std::vector<ports::TargetSummary> all_targets(std::string_view user) const override;
  Task<Result<std::vector<ports::DecisionSummary>>> decide(ports::DecisionQuestion question) override;
  Result<> serve_tunnel(ports::TunnelRequest request, OpenConnection connection) override;
  Task<std::vector<ports::SessionSummary>> sessions() override;
  Task<Result<>> end_session(std::string id, std::string by, std::string reason) override;

  /// What people do at the API is recorded there.
  ports::AuditChain& chain() noexcept { return *chain_; }

 private:
  Shared& shared_;
  std::unique_ptr<ports::AuditChain> chain_;
  SessionsHere sessions_here_{shared_, *chain_};
  std::vector<ports::SessionSummary> elsewhere_;  // of other gateways, as they said last
  std::chrono::steady_clock::time_point elsewhere_asked_{};
  std::function<Worker&()> next_worker_;
};

}  // namespace dbgate::app
