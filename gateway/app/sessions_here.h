#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/app/worker.h"

namespace dbgate::app {

/// The sessions of all workers of this process, as administrators see and end them.
class SessionsHere {
 public:
  /// @param chain  where ends are recorded; not owned, used on the thread of the calls
  SessionsHere(Shared& shared, ports::AuditChain& chain) : shared_(shared), chain_(chain) {}

  /// Those that sleep included, in no order. Each worker gives what is true when it is asked.
  Task<std::vector<ports::SessionSummary>> list();
  /// Records the end, then ends the session; nothing if it is not here.
  /// Errors: 58030 the audit log cannot take it, and the session goes on.
  Task<std::optional<Result<>>> end(std::string id, std::string by, std::string reason);

 private:
  Result<> record_end(const ports::SessionSummary& session, const std::string& by, const std::string& reason);
  Task<std::optional<ports::SessionSummary>> find(std::string id, std::shared_ptr<const session::Ending> why);

  Shared& shared_;
  ports::AuditChain& chain_;
};

}  // namespace dbgate::app
