#pragma once
#include <functional>
#include <memory>
#include <string>

#include "gateway/api/connection.h"
#include "gateway/api/http_reader.h"

namespace dbgate::api {

using Answerer = std::function<Task<Response>(const Request& request)>;

/// Serves the requests of one connection, one after the other, to its end: GET and HEAD without a body, from anybody.
/// @param connection  before its TLS handshake
/// @param answer  of every request; what it makes is not to be stored by whoever hands it on
Task<> serve_plainly(std::unique_ptr<Connection> connection, HttpLimits limits, Answerer answer);

}  // namespace dbgate::api
