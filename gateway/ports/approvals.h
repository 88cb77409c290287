#pragma once
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

#include "gateway/base/error.h"
#include "gateway/base/task.h"
#include "gateway/ports/store_approvals.h"

namespace dbgate::ports {

/// Who decides, or looks, with what this request may use.
struct Approver {
  std::string user;
  std::set<std::string> groups;
  bool auditor = false;  ///< may see all; decides only what it is asked to
  std::string address;
  bool administrator = false;  ///< may end rights that others have for a time
};

/// An approval as one user sees it.
struct ApprovalView {
  store::Approval approval;
  bool may_decide = false;
  std::uint32_t missing = 0;  ///< votes that are still needed
};

struct ApprovalDecision {
  bool yes = false;
  std::string reason;  ///< required for a no
  std::string ticket;
  std::int64_t revision = 0;  ///< that was seen; 0: any
};

/// Approvals for people: who asks and who decides. Used from the API's thread; nothing blocks it. Every decision is
/// recorded in the audit log (approval.decided) before it takes effect.
///
/// Errors: 08006 the store cannot be reached, 58030 the audit log cannot take it, 02000 no such approval for this user
/// (those one may not see look like those that are not there), 42501 the user may see it and not decide it, 55000 it
/// has been decided or has ended, 40001 another revision, 22023 a reason is missing or too long.
class ApprovalService {
 public:
  virtual ~ApprovalService() = default;
  /// What the user has asked for, may decide, or may see as an auditor.
  virtual Task<Result<store::Listed<ApprovalView>>> list(Approver who, store::ApprovalFilter filter,
                                                         store::Page page) = 0;
  virtual Task<Result<ApprovalView>> find(Approver who, std::string id) = 0;
  virtual Task<Result<ApprovalView>> decide(Approver who, std::string id, ApprovalDecision decision) = 0;
  /// By the requester.
  virtual Task<Result<ApprovalView>> cancel(Approver who, std::string id) = 0;
  /// Returns when its state is another than `seen`, or after `limit_ms`.
  virtual Task<Result<ApprovalView>> wait(Approver who, std::string id, store::ApprovalState seen,
                                          std::int64_t limit_ms) = 0;
};

}  // namespace dbgate::ports
