#pragma once
#include "gateway/ports/gateway_service.h"
#include "gateway/risk/assess.h"
#include "gateway/session/judge.h"

namespace dbgate::app {

/// A verdict as `POST /decisions` explains it: what was decided, why, and about what; not yet how it is rated.
ports::DecisionSummary summary_of(const session::Judged& judged);
/// … and how it is rated.
ports::RiskSummary summary_of(const risk::Assessment& assessment);

}  // namespace dbgate::app
