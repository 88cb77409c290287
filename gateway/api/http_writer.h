#pragma once
#include "gateway/api/connection.h"
#include "gateway/api/exchange.h"
#include "gateway/api/http_reader.h"

namespace dbgate::api {

/// How an answer is to be written.
struct WriteOptions {
  bool keep_alive = true;
  bool http_1_0 = false;  ///< no chunks: the end of the connection is the end of a stream
  bool head = false;      ///< the header alone, as for GET
};

/// Writes an answer, or runs the stream that writes it. @return whether the connection can serve another request
Task<bool> write_response(Connection& connection, const HttpLimits& limits, Response response, WriteOptions options);

/// "100 Continue": the body may come.
Task<bool> write_continue(Connection& connection, const HttpLimits& limits);

}  // namespace dbgate::api
