#pragma once
#include <cstdint>
#include <functional>

#include "gateway/api/authenticator.h"
#include "gateway/api/event_hub.h"
#include "gateway/api/idempotency.h"
#include "gateway/api/listing.h"
#include "gateway/ports/access.h"
#include "gateway/ports/account_service.h"
#include "gateway/ports/administration.h"
#include "gateway/ports/approvals.h"
#include "gateway/ports/audit_search.h"
#include "gateway/ports/gateway_service.h"
#include "gateway/ports/query_peers.h"
#include "gateway/ports/query_service.h"
#include "gateway/telemetry/event_counters.h"

namespace dbgate::api {

/// What handlers work with. Made once by gateway/app; outlives every request. Used on the API's thread.
struct Services {
  ports::GatewayService& gateway;
  Authenticator& authenticator;
  IdempotencyKeys& idempotency;
  EventHub& events;
  ports::QueryService& queries;
  ports::AccountService& accounts;
  Cursors cursors;
  std::function<std::uint64_t()> requests_per_minute;  ///< of one caller, by the configuration in force; 0: no limit
  ports::Administration* administration = nullptr;     ///< null without an identity store
  ports::AuditSearch* audit = nullptr;                 ///< null where there is no log to search
  ports::ApprovalService* approvals = nullptr;         ///< null without an identity store
  std::function<std::string()> public_url = {};  ///< as people reach the API: an origin; empty: as requests name it
  ports::AccessService* access = nullptr;        ///< null without an identity store
  ports::QueryPeers* query_peers = nullptr;      ///< null without other gateways
  telemetry::EventCounters* counted = nullptr;   ///< null: answers are not counted
};

}  // namespace dbgate::api
