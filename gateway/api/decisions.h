#pragma once
#include "gateway/api/router.h"
#include "gateway/api/services.h"

namespace dbgate::api {

/// POST /decisions: what would be decided about one text, or several, and why; nothing runs.
Task<Response> decide(Services& services, Request& request);

}  // namespace dbgate::api
