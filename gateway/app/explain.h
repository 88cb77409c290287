#pragma once
#include "gateway/ports/gateway_service.h"
#include "gateway/session/judge.h"

namespace dbgate::app {

/// A verdict as `POST /decisions` explains it: what was decided, why, and about what.
ports::DecisionSummary summary_of(const session::Judged& judged);

}  // namespace dbgate::app
