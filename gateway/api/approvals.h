#pragma once
#include "gateway/api/services.h"

// What waits for a second person, and what that person says (approvals.yaml).
namespace dbgate::api {

Task<Response> list_approvals(Services& services, Request& request);
Task<Response> show_approval(Services& services, Request& request);
Task<Response> approve_approval(Services& services, Request& request);
Task<Response> deny_approval(Services& services, Request& request);
Task<Response> cancel_approval(Services& services, Request& request);

/// Who decides, or looks, by this request.
ports::Approver approver_of(const Request& request);

}  // namespace dbgate::api
