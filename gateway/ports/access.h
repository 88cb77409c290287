#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/error.h"
#include "gateway/base/task.h"
#include "gateway/ports/approvals.h"
#include "gateway/ports/store_access.h"

namespace dbgate::ports {

/// What somebody asks for.
struct AccessWish {
  std::string target;
  std::vector<std::string> tables;  ///< patterns, as rules have them
  std::vector<std::string> verbs;
  std::int64_t seconds = 0;
  std::string reason;
  std::string ticket;
  bool break_glass = false;
};

/// A request as one user sees it.
struct AccessView {
  store::AccessRequest request;
  bool may_end = false;  ///< take it back
};

/// Rights for a time that decide at this moment.
struct AccessInForce {
  std::string id;
  std::string target;
  std::vector<std::string> tables;
  std::vector<std::string> verbs;
  bool break_glass = false;
  std::int64_t until = 0;  ///< seconds since 1970 UTC
};

/// What one user may ask for.
struct AccessOfferSummary {
  std::string name;
  std::vector<std::string> targets;
  std::vector<std::string> tables;
  std::vector<std::string> verbs;
  std::int64_t longest_s = 0;  ///< 0: by break-glass only
  bool needs_ticket = false;
  store::ApprovalRule approvers;
  std::int64_t break_glass_longest_s = 0;  ///< 0: not that way
};

/// Rights for a time, for people. Used from the API's thread; nothing blocks it. What is asked for, given and ended is
/// recorded in the audit log (access.requested, access.granted, access.ended) before it takes effect, and in force here
/// when the answer comes.
///
/// Errors: 08006 the store cannot be reached, 58030 the audit log cannot take it, 02000 no such request for this user,
/// 42501 nothing offers that to the user, or the user may not end it, 55000 it has ended, 53400 too much is asked for,
/// 22023 a member that cannot be.
class AccessService {
 public:
  virtual ~AccessService() = default;
  virtual Task<Result<AccessView>> ask(Approver who, AccessWish wish) = 0;
  /// The user's own, those that the user decides on, and for auditors and administrators all.
  virtual Task<Result<store::Listed<AccessView>>> list(Approver who, store::AccessFilter filter, store::Page page) = 0;
  virtual Task<Result<AccessView>> find(Approver who, std::string id) = 0;
  /// By the holder, by who has agreed or may, by administrators.
  virtual Task<Result<AccessView>> end(Approver who, std::string id, std::string reason) = 0;
  virtual std::vector<AccessInForce> in_force(std::string_view user) const = 0;
  virtual std::vector<AccessOfferSummary> offers(std::string_view user) const = 0;
};

}  // namespace dbgate::ports
