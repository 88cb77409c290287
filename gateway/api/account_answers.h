#pragma once
#include <boost/json/object.hpp>
#include <cstdint>
#include <string>

#include "gateway/api/exchange.h"
#include "gateway/api/problem.h"
#include "gateway/ports/account_service.h"

// What the operations of signing in and of one's own account have in common.
namespace dbgate::api {

/// An error of the AccountService as an answer.
Response account_problem(const Request& request, const Error& why);
/// Who makes the request, as the service wants it.
ports::AccountCaller account_caller(const Request& request);
/// What the device calls itself: `named`, or its User-Agent.
ports::Device device_of(const Request& request, const std::string& named);
/// The members of the answer to a sign-in.
boost::json::object tokens_object(const ports::IssuedTokens& tokens);
/// A time of the store as RFC 3339, null for 0.
boost::json::value time_or_null(std::int64_t micros);

}  // namespace dbgate::api
