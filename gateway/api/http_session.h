#pragma once
#include <functional>
#include <memory>
#include <string>

#include "gateway/api/connection.h"
#include "gateway/api/dispatcher.h"
#include "gateway/api/http_reader.h"

namespace dbgate::api {

/// Serves the requests of one connection, one after the other, to its end.
/// @param connection  before its TLS handshake
/// @param upgraded    called when the connection has become a WebSocket of somebody who is known
Task<> serve_connection(std::unique_ptr<Connection> connection, Dispatcher& dispatcher, const HttpLimits& limits,
                        std::string address, std::function<void()> upgraded);

}  // namespace dbgate::api
