#pragma once
#include <string>

#include "gateway/session/host.h"

namespace dbgate::app {

/// What those who decide on a held statement are shown, as JSON: docs/approvals.md.
std::string approval_body(const session::SessionInfo& session, const session::HoldQuestion& question);

}  // namespace dbgate::app
