#include "gateway/api/plain_session.h"

#include "gateway/api/http_writer.h"
#include "gateway/api/problem.h"

namespace dbgate::api {
namespace {

void add_common(Response& response) {
  response.headers.set("Cache-Control", "no-store");
  response.headers.set("X-Content-Type-Options", "nosniff");
}

Task<bool> end_with(Connection& connection, const HttpLimits& limits, Response response) {
  add_common(response);
  co_await write_response(connection, limits, std::move(response), {.keep_alive = false});
  co_await connection.linger();
  co_return false;
}

Task<bool> serve_one(Connection& connection, RequestReader& reader, const HttpLimits& limits, const Answerer& answer) {
  Request request;
  const ReadResult read = co_await reader.read_header(request);
  if (read.end == ReadResult::End::closed) co_return false;
  if (read.end == ReadResult::End::refused)
    co_return co_await end_with(connection, limits, problem(request, read.code, std::string(read.detail)));
  const bool head = request.method == "HEAD";
  if (!head && request.method != "GET") {
    Response refused = problem(request, "method_not_allowed", "only GET and HEAD are answered here");
    refused.headers.set("Allow", "GET, HEAD");
    co_return co_await end_with(connection, limits, std::move(refused));
  }
  if (reader.has_body())
    co_return co_await end_with(connection, limits, problem(request, "bad_request", "a body is not expected here"));
  Response response = co_await answer(request);
  add_common(response);
  const WriteOptions options{reader.keep_alive(), reader.is_http_1_0(), head};
  const bool again = co_await write_response(connection, limits, std::move(response), options);
  if (!again) co_await connection.linger();
  co_return again;
}

}  // namespace

Task<> serve_plainly(std::unique_ptr<Connection> connection, HttpLimits limits, Answerer answer) {
  const bool ready = co_await connection->handshake(Connection::Clock::now() + limits.handshake);
  if (!ready) co_return;
  RequestReader reader(*connection, limits);
  bool more = true;
  while (more)
    more = co_await serve_one(*connection, reader, limits, answer);
}

}  // namespace dbgate::api
