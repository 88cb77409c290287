#pragma once
#include <boost/json/object.hpp>

#include "gateway/api/services.h"
#include "gateway/ports/administration.h"

// Users, groups, roles and service accounts, for administrators (users.yaml).
namespace dbgate::api {

Task<Response> list_users(Services& services, Request& request);
Task<Response> create_user(Services& services, Request& request);
Task<Response> show_user(Services& services, Request& request);
Task<Response> change_user(Services& services, Request& request);
Task<Response> remove_user(Services& services, Request& request);
Task<Response> reset_user(Services& services, Request& request);

Task<Response> list_groups(Services& services, Request& request);
Task<Response> create_group(Services& services, Request& request);
Task<Response> show_group(Services& services, Request& request);
Task<Response> change_group(Services& services, Request& request);
Task<Response> remove_group(Services& services, Request& request);
Task<Response> add_member(Services& services, Request& request);
Task<Response> remove_member(Services& services, Request& request);

Task<Response> grant_role_to_user(Services& services, Request& request);
Task<Response> revoke_role_of_user(Services& services, Request& request);
Task<Response> grant_role_to_group(Services& services, Request& request);
Task<Response> revoke_role_of_group(Services& services, Request& request);

Task<Response> list_service_accounts(Services& services, Request& request);
Task<Response> create_service_account(Services& services, Request& request);
Task<Response> list_keys(Services& services, Request& request);
Task<Response> create_key(Services& services, Request& request);
Task<Response> revoke_key(Services& services, Request& request);

/// A user as the API shows one, and the ETag that stands for it.
boost::json::object json_of(const ports::UserView& view);
std::string etag_of(const ports::UserView& view);

}  // namespace dbgate::api
