#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/app/peer_checkpoints.h"
#include "gateway/app/replicas.h"
#include "gateway/app/sessions_here.h"

namespace dbgate::app {

/// What this gateway does for the others on the store. On the thread of Replicas::Ties::home.
class Peers {
 public:
  /// @param chain  where sessions that others end are recorded; @param checkpoints  of their logs
  Peers(Shared& shared, std::unique_ptr<ports::AuditChain> chain, std::unique_ptr<PeerCheckpoints> checkpoints)
      : shared_(shared), chain_(std::move(chain)), sessions_(shared_, *chain_), checkpoints_(std::move(checkpoints)) {}

  /// Not those about queries, which are the API's.
  Task<std::string> answer(ReplicaQuestion question);

 private:
  Task<std::string> witness(ReplicaQuestion question);

  Shared& shared_;
  const std::unique_ptr<ports::AuditChain> chain_;
  SessionsHere sessions_;
  const std::unique_ptr<PeerCheckpoints> checkpoints_;
};

/// Passes a cancel request on to the gateways that the key may be of. Returns when they have acted on it, or after two
/// seconds: then it comes to nothing.
Task<> cancel_elsewhere(Replicas& replicas, std::int32_t pid, std::string key);
/// Of the gateways that answer within a second.
Task<std::vector<ports::SessionSummary>> sessions_elsewhere(Replicas& replicas);
/// Nothing if no other gateway has the session, or the one that has it does not answer.
Task<std::optional<Result<>>> end_elsewhere(Replicas& replicas, std::string id, std::string by, std::string reason);

/// Queries of the API that other gateways have.
class QueriesElsewhere final : public ports::QueryPeers {
 public:
  explicit QueriesElsewhere(Replicas& replicas) : replicas_(replicas) {}
  Task<Result<std::optional<ports::QueryAnswer>>> ask(ports::QueryQuestion question) override;

 private:
  Replicas& replicas_;
};

}  // namespace dbgate::app
