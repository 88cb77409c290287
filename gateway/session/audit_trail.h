#pragma once
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gateway/audit/chain.h"
#include "gateway/audit/records.h"
#include "gateway/ports/audit_log.h"
#include "gateway/session/host.h"
#include "gateway/session/statement_counts.h"
#include "gateway/session/trail.h"

namespace dbgate::session {

/// What a session's records have in common, rendered.
audit::SessionText audit_fields(const SessionInfo& session);

/// The same with what it has signed in with: for the records of where it begins.
std::string sign_in_fields(const SessionInfo& session);

/// Writes a session's records into the chain of its worker, and counts its statements.
class AuditTrail final : public Trail {
 public:
  /// @param counters  of the session's target
  AuditTrail(ports::AuditChain& chain, const SessionInfo& session, std::string_view policy_version,
             telemetry::TargetCounters& counters);

  /// Writes session.start.
  Result<> started(const SessionInfo& session);
  Result<Id> decided(const Judged& judged, std::string_view text, std::string_view protocol,
                     std::string_view name) override;
  void done(const Run& run, std::string_view sqlstate) override;
  std::optional<audit::RecordName> last_record() const override { return chain_.last_record(); }
  std::uint64_t decisions() const noexcept override { return decisions_; }
  void moved(const SessionInfo& session) override;
  void ended(std::string_view reason, std::uint64_t bytes_from_client, std::uint64_t bytes_to_client) override;

 private:
  std::string take_trace(const Id& query_id);

  AuditTrail(ports::AuditChain& chain, const SessionInfo& session, const audit::SessionText& common,
             std::string_view policy_version, telemetry::TargetCounters& counters);

  ports::AuditChain& chain_;
  std::size_t session_bytes_ = 0;      ///< of what decisions start with: who and where
  audit::RecordStart decision_start_;  ///< who, where, and by which policies
  audit::RecordStart outcome_start_;
  std::uint64_t decisions_ = 0;
  const TraceContext trace_;                            ///< of statements that say nothing of theirs
  std::vector<std::pair<Id, std::string>> in_a_trace_;  ///< statements that run, with the members of their trace
  StatementCounts counts_;
  const std::shared_ptr<Witness> witness_;
};

}  // namespace dbgate::session
