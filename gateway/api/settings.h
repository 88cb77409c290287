#pragma once
#include "gateway/api/services.h"

// Targets and policies of the store, for administrators (settings.yaml).
namespace dbgate::api {

Task<Response> show_target(Services& services, Request& request);
Task<Response> create_target(Services& services, Request& request);
Task<Response> change_target(Services& services, Request& request);
Task<Response> remove_target(Services& services, Request& request);
Task<Response> test_target(Services& services, Request& request);
Task<Response> show_preparation(Services& services, Request& request);
Task<Response> prepare_target(Services& services, Request& request);

Task<Response> show_policies(Services& services, Request& request);
Task<Response> validate_policies(Services& services, Request& request);
Task<Response> list_policy_versions(Services& services, Request& request);
Task<Response> create_policy_version(Services& services, Request& request);
Task<Response> show_policy_version(Services& services, Request& request);
Task<Response> activate_policy_version(Services& services, Request& request);

}  // namespace dbgate::api
