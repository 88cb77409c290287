#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/app/approval_news.h"
#include "gateway/app/identity.h"
#include "gateway/app/snapshot.h"
#include "gateway/ports/access.h"
#include "gateway/ports/audit_log.h"

namespace dbgate::app {

/// Rights for a time, for people. Used from the API's thread.
class AccessService final : public ports::AccessService {
 public:
  /// @param chain  records; not owned, used on the thread of the calls
  /// @param events  asked for each time; may give null
  AccessService(Identity& identity, const CurrentSnapshot& current, ports::AuditChain& chain, ApprovalNews& news,
                std::function<ports::EventSink*()> events)
      : identity_(identity), current_(current), chain_(chain), news_(news), events_(std::move(events)) {}

  Task<Result<ports::AccessView>> ask(ports::Approver who, ports::AccessWish wish) override;
  Task<Result<ports::store::Listed<ports::AccessView>>> list(ports::Approver who, ports::store::AccessFilter filter,
                                                             ports::store::Page page) override;
  Task<Result<ports::AccessView>> find(ports::Approver who, std::string id) override;
  Task<Result<ports::AccessView>> end(ports::Approver who, std::string id, std::string reason) override;
  std::vector<ports::AccessInForce> in_force(std::string_view user) const override;
  std::vector<ports::AccessOfferSummary> offers(std::string_view user) const override;

  /// Somebody has decided on an approval: what it gives or ends is recorded, told of, and in force here.
  /// Errors: the audit log cannot take it; what was given has ended again.
  Task<Result<>> decided(ports::Approver who, ports::store::Approval approval);

 private:
  using Request = ports::store::AccessRequest;

  template <class T>
  Task<Result<T>> on_store(std::function<Result<T>(ports::store::Store&)> work);
  Result<ports::store::Listed<ports::AccessView>> visible(const ports::Approver& who,
                                                          const ports::store::AccessFilter& filter,
                                                          const ports::store::Page& page);
  Result<> record(std::string_view event, const ports::Approver& who, const Request& request, std::string_view reason,
                  std::string_view failed = {});
  void tell(std::string_view event, const Request& request);

  Identity& identity_;
  const CurrentSnapshot& current_;
  ports::AuditChain& chain_;
  ApprovalNews& news_;
  const std::function<ports::EventSink*()> events_;
};

}  // namespace dbgate::app
