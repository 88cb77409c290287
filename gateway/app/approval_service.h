#pragma once
#include <functional>
#include <memory>
#include <string>

#include "gateway/app/approval_news.h"
#include "gateway/app/approvals.h"
#include "gateway/ports/approvals.h"
#include "gateway/ports/audit_log.h"

namespace dbgate::app {

/// Approvals for people. Used from the API's thread.
class ApprovalService final : public ports::ApprovalService {
 public:
  /// @param home  where it is used
  /// @param chain  records decisions; not owned, used on the thread of the calls
  /// @param news  told of decisions
  /// @param follow_up  what a decision on rights for a time brings about; not for decisions on anything else
  using FollowUp = std::function<Task<Result<>>(ports::Approver, ports::store::Approval)>;
  ApprovalService(Approvals& approvals, net::Executor home, ports::AuditChain& chain, ApprovalNews& news,
                  FollowUp follow_up = {})
      : approvals_(approvals), home_(std::move(home)), chain_(chain), news_(news), follow_up_(std::move(follow_up)) {}

  Task<Result<ports::store::Listed<ports::ApprovalView>>> list(ports::Approver who, ports::store::ApprovalFilter filter,
                                                               ports::store::Page page) override;
  Task<Result<ports::ApprovalView>> find(ports::Approver who, std::string id) override;
  Task<Result<ports::ApprovalView>> decide(ports::Approver who, std::string id,
                                           ports::ApprovalDecision decision) override;
  Task<Result<ports::ApprovalView>> cancel(ports::Approver who, std::string id) override;
  Task<Result<ports::ApprovalView>> wait(ports::Approver who, std::string id, ports::store::ApprovalState seen,
                                         std::int64_t limit_ms) override;

 private:
  Result<ports::store::Listed<ports::ApprovalView>> visible(const ports::Approver& who,
                                                            const ports::store::ApprovalFilter& filter,
                                                            const ports::store::Page& page);
  template <class T>
  Task<Result<T>> on_store(std::function<Result<T>()> work);
  Result<> record(const ports::Approver& who, const ports::store::Approval& approval, std::string_view state,
                  const ports::ApprovalDecision& decision, std::string_view failed);

  Approvals& approvals_;
  const net::Executor home_;
  ports::AuditChain& chain_;
  ApprovalNews& news_;
  const FollowUp follow_up_;
};

/// Whether the user is one of those who are asked. Never the requester.
bool is_asked(const ports::Approver& who, const ports::store::Approval& approval);

}  // namespace dbgate::app
