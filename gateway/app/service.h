#pragma once
#include <functional>
#include <memory>
#include <string>

#include "gateway/app/worker.h"
#include "gateway/ports/gateway_service.h"

namespace dbgate::app {

/// The gateway as its API sees it. Runs on the API's thread; sessions go to workers.
class Service final : public ports::GatewayService {
 public:
  /// @param chain records what people do at the API
  Service(Shared& shared, std::unique_ptr<ports::AuditChain> chain, std::function<Worker&()> next_worker);

  Task<Result<>> check_password(std::string user, std::string password, std::string address) override;
  bool knows(std::string_view user) const override;
  std::vector<std::string> groups(std::string_view user) const override;
  std::vector<ports::TargetSummary> targets(std::string_view user) const override;
  Task<Result<std::vector<ports::DecisionSummary>>> decide(ports::DecisionQuestion question) override;
  Result<> serve_tunnel(ports::TunnelRequest request, int descriptor) override;
  Task<std::vector<ports::SessionSummary>> sessions() override;
  Task<Result<>> end_session(std::string id, std::string by, std::string reason) override;

  /// What people do at the API is recorded there.
  ports::AuditChain& chain() noexcept { return *chain_; }

 private:
  Result<> record_login(const std::string& user, const std::string& address, bool succeeded);
  Result<> record_end(const ports::SessionSummary& session, const std::string& by, const std::string& reason);
  Task<std::optional<ports::SessionSummary>> find_session(std::string id, std::shared_ptr<const session::Ending> why);

  Shared& shared_;
  std::unique_ptr<ports::AuditChain> chain_;
  std::function<Worker&()> next_worker_;
};

}  // namespace dbgate::app
