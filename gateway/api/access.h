#pragma once
#include <boost/json/array.hpp>
#include <string_view>

#include "gateway/api/services.h"

// Rights for a time: asking for them, seeing them, ending them (access.yaml).
namespace dbgate::api {

Task<Response> list_access_requests(Services& services, Request& request);
Task<Response> request_access(Services& services, Request& request);
Task<Response> show_access_request(Services& services, Request& request);
Task<Response> end_access_request(Services& services, Request& request);
Task<Response> list_access_offers(Services& services, Request& request);

/// What of the user's is in force. @param target  there alone; empty: anywhere
boost::json::array access_in_force(const Services& services, std::string_view user, std::string_view target = {});

}  // namespace dbgate::api
