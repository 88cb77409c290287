#include "gateway/api/http_writer.h"

#include <algorithm>
#include <array>
#include <boost/beast/http/status.hpp>
#include <charconv>
#include <exception>

#include "gateway/api/text.h"
#include "gateway/base/clock.h"
#include "gateway/base/log.h"

namespace dbgate::api {
namespace {

constexpr std::size_t most_piece_bytes = 64u << 10;

std::string head_of(const Response& response, const WriteOptions& options) {
  const auto reason = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(response.status));
  std::string head =
      "HTTP/1.1 " + std::to_string(response.status) + ' ' + std::string(reason.data(), reason.size()) + "\r\n";
  const bool empty = response.status == 101 || response.status == 204 || response.status == 304;
  Headers fields = response.headers;
  fields.set("Date", http_date(wall_clock_us() / 1'000'000));
  if (!empty) fields.set("Content-Type", response.content_type);
  if (!empty && !response.stream) fields.set("Content-Length", std::to_string(response.body.size()));
  if (response.stream && !options.http_1_0) fields.set("Transfer-Encoding", "chunked");
  if (!options.keep_alive) fields.set("Connection", "close");
  if (options.keep_alive && options.http_1_0) fields.set("Connection", "keep-alive");
  for (const auto& [name, value] : fields) {
    // Whatever a value is made of, it is one line.
    if ((name + value).find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos) continue;
    head += name + ": " + value + "\r\n";
  }
  return head + "\r\n";
}

/// Chunks (RFC 9112 §7.1), or plain bytes for HTTP/1.0.
class Chunks final : public BodyWriter {
 public:
  Chunks(Connection& connection, const HttpLimits& limits, bool chunked)
      : connection_(connection), limits_(limits), chunked_(chunked) {}

  Task<Result<>> write(std::string_view piece) override {
    while (!piece.empty()) {
      const std::string_view part = piece.substr(0, most_piece_bytes);
      piece.remove_prefix(part.size());
      const std::string framed = chunked_ ? frame(part) : std::string(part);
      const bool written = co_await connection_.write(framed, Connection::Clock::now() + limits_.write);
      if (!written) co_return Error(sqlstate::connection_failure, "the client has gone");
    }
    co_return boost::system::in_place_value;
  }

 private:
  static std::string frame(std::string_view part) {
    std::array<char, 17> size{};
    const auto end = std::to_chars(size.data(), size.data() + size.size(), part.size(), 16).ptr;
    std::string framed(size.data(), end);
    framed.append("\r\n").append(part).append("\r\n");
    return framed;
  }

  Connection& connection_;
  const HttpLimits& limits_;
  bool chunked_;
};

Task<bool> run_stream(Chunks& chunks, const Response& response) {
  try {
    const bool complete = co_await response.stream(chunks);
    co_return complete;
  } catch (const std::exception& error) {
    log::error("api", "a stream ended by an internal error", {{"err", error.what()}});
  }
  co_return false;
}

}  // namespace

Task<bool> write_response(Connection& connection, const HttpLimits& limits, Response response, WriteOptions options) {
  if (response.stream && options.http_1_0) options.keep_alive = false;
  std::string text = head_of(response, options);
  const bool with_body = !options.head && !response.stream && response.status != 204 && response.status != 304;
  const auto deadline = [&limits] { return Connection::Clock::now() + limits.write; };
  if (with_body && response.body.size() <= most_piece_bytes) text += response.body;
  const bool begun = co_await connection.write(text, deadline());
  if (!begun) co_return false;
  if (with_body && response.body.size() > most_piece_bytes) {
    Chunks plain(connection, limits, false);
    const auto written = co_await plain.write(response.body);
    if (!written) co_return false;
  }
  if (response.stream && !options.head) {
    Chunks chunks(connection, limits, !options.http_1_0);
    const bool complete = co_await run_stream(chunks, response);
    // Without the last chunk the client knows that something is missing.
    if (!complete) co_return false;
    if (!options.http_1_0) {
      const bool ended = co_await connection.write("0\r\n\r\n", deadline());
      if (!ended) co_return false;
    }
  }
  co_return options.keep_alive;
}

Task<bool> write_continue(Connection& connection, const HttpLimits& limits) {
  const bool written =
      co_await connection.write("HTTP/1.1 100 Continue\r\n\r\n", Connection::Clock::now() + limits.write);
  co_return written;
}

}  // namespace dbgate::api
