#include "gateway/api/http_reader.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "gateway/api/dispatcher.h"
#include "gateway/base/ids.h"

namespace dbgate::api {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Parser = http::request_parser<http::string_body>;
using Message = http::request<http::string_body>;
using End = ReadResult::End;

constexpr std::size_t piece_bytes = 16u << 10;

std::string_view view(beast::string_view text) noexcept {
  return {text.data(), text.size()};
}

ReadResult refused(std::string_view code, std::string_view detail) {
  return {End::refused, code, detail};
}

// Fields of which two would leave open which one counts (RFC 9110 §5.3, RFC 9112 §3.2).
constexpr http::field once[] = {http::field::host,    http::field::authorization,  http::field::content_type,
                                http::field::origin,  http::field::content_length, http::field::transfer_encoding,
                                http::field::upgrade, http::field::expect};

ReadResult check(const Message& message, const Parser& parser, const std::string& text, const HttpLimits& limits) {
  std::size_t fields = 0;
  for ([[maybe_unused]] const auto& field : message)
    ++fields;
  if (fields > limits.header_fields) return refused("headers_too_large", "there are more than 100 header fields");
  if (message.target().size() > limits.target_bytes) return refused("uri_too_long", "the target is too long");
  for (const http::field field : once) {
    if (message.count(field) > 1) return refused("bad_request", "a header field stands there twice");
  }
  if (text.find("\r\n ") != std::string::npos || text.find("\r\n\t") != std::string::npos) {
    return refused("bad_request", "a header field is folded");
  }
  const std::string_view length = view(message[http::field::content_length]);
  if (length.find_first_not_of("0123456789") != std::string_view::npos) {
    return refused("bad_request", "Content-Length is not a number");
  }
  const bool old = message.version() < 11;
  if (!old && message.count(http::field::host) == 0) return refused("bad_request", "the Host field is missing");
  if (message.count(http::field::transfer_encoding) > 0) {
    if (old || message.count(http::field::content_length) > 0) {
      return refused("bad_request", "the length of the body is not clear");
    }
    const bool chunked = parser.chunked() && beast::iequals(message[http::field::transfer_encoding], "chunked");
    if (!chunked) return refused("not_implemented", "the only transfer coding is chunked");
  }
  if (!message.target().starts_with('/')) return refused("bad_request", "the request target is not a path");
  return {};
}

// RFC 9110 §7.8: what Upgrade lists counts only if Connection names it, and not in HTTP/1.0.
bool asks_for_tunnel(const Message& message) {
  return message.method() == http::verb::get && message.version() >= 11 &&
         http::token_list(message[http::field::connection]).exists("upgrade") &&
         http::token_list(message[http::field::upgrade]).exists({tunnel_protocol.data(), tunnel_protocol.size()});
}

void fill(const Message& message, Request& into) {
  into.method = view(message.method_string());
  const std::string_view target = view(message.target());
  const std::size_t question = target.find('?');
  into.path = target.substr(0, question);
  into.query = question == std::string_view::npos ? std::string_view() : target.substr(question + 1);
  for (const auto& field : message)
    into.headers.add(std::string(view(field.name_string())), std::string(view(field.value())));
  into.content_type = view(message[http::field::content_type]);
  constexpr std::string_view bearer = "bearer ";
  const std::string_view authorization = view(message[http::field::authorization]);
  if (authorization.size() > bearer.size() &&
      beast::iequals(message[http::field::authorization].substr(0, bearer.size()), bearer)) {
    into.bearer = authorization.substr(bearer.size());
  }
  into.trace = parse_traceparent(into.headers.get("traceparent"));
  into.upgrade = beast::websocket::is_upgrade(message);
  into.tunnel = asks_for_tunnel(message);
}

ReadResult translate(const boost::system::error_code& failed) {
  if (failed == http::error::header_limit) return refused("headers_too_large", "the header has more than 16 KiB");
  if (failed == http::error::body_limit) return refused("too_large", "the body is larger than this operation takes");
  return refused("bad_request", "this is not a valid HTTP/1.1 request");
}

}  // namespace

struct RequestReader::State {
  std::string buffer;  // read, and not yet parsed
  std::string header;
  std::unique_ptr<Parser> parser;
  std::size_t requests = 0;
};

RequestReader::RequestReader(Connection& connection, const HttpLimits& limits)
    : connection_(connection), limits_(limits), state_(std::make_unique<State>()) {}
RequestReader::~RequestReader() = default;

Task<bool> RequestReader::read_more(Connection::Clock::time_point deadline) {
  std::string& buffer = state_->buffer;
  const std::size_t before = buffer.size();
  buffer.resize(before + piece_bytes);
  const std::size_t bytes = co_await connection_.read_some(buffer.data() + before, piece_bytes, deadline);
  buffer.resize(before + bytes);
  co_return bytes > 0;
}

ReadResult RequestReader::timed_out_or_closed() const {
  if (connection_.ending() != Connection::Ending::timed_out) return {End::closed, {}, {}};
  return refused("request_timeout", "the request did not arrive in time");
}

Task<ReadResult> RequestReader::read_header(Request& into) {
  State& state = *state_;
  into.request_id = make_id("req_");
  state.header.clear();
  state.parser = std::make_unique<Parser>();
  Parser& parser = *state.parser;
  parser.header_limit(static_cast<std::uint32_t>(limits_.header_bytes));
  parser.body_limit(boost::none);  // the operation says; see read_body()
  // A connection that has had a request may be quiet for longer than one that never said anything.
  const bool first = state.requests++ == 0;
  if (state.buffer.empty()) {
    const bool read = co_await read_more(Connection::Clock::now() + (first ? limits_.header : limits_.idle));
    if (!read) co_return ReadResult{End::closed, {}, {}};
  }
  const auto deadline = Connection::Clock::now() + limits_.header;
  while (!parser.is_header_done()) {
    boost::system::error_code failed;
    const std::size_t taken = parser.put(asio::buffer(state.buffer), failed);
    state.header.append(state.buffer, 0, taken);
    state.buffer.erase(0, taken);
    if (failed && failed != http::error::need_more) co_return translate(failed);
    if (parser.is_header_done()) break;
    const bool read = co_await read_more(deadline);
    if (!read) co_return timed_out_or_closed();
  }
  fill(parser.get(), into);
  if (acceptable_request_id(into.headers.get("X-Request-Id"))) into.request_id = into.headers.get("X-Request-Id");
  co_return check(parser.get(), parser, state.header, limits_);
}

Task<ReadResult> RequestReader::read_body(Request& into, std::size_t most_bytes) {
  State& state = *state_;
  Parser& parser = *state.parser;
  if (parser.is_done()) co_return ReadResult{};
  if (declared_bytes() > most_bytes) co_return translate(http::error::body_limit);
  parser.body_limit(most_bytes);
  parser.eager(true);
  const auto begun = Connection::Clock::now();
  while (!parser.is_done()) {
    boost::system::error_code failed = http::error::need_more;
    if (!state.buffer.empty()) {
      const std::size_t taken = parser.put(asio::buffer(state.buffer), failed);
      state.buffer.erase(0, taken);
    }
    if (failed && failed != http::error::need_more) co_return translate(failed);
    if (parser.is_done()) break;
    if (!failed && !state.buffer.empty()) continue;
    // What the parser left is the beginning of a chunk's header, or of the trailer: as large as a header may be.
    if (state.buffer.size() > limits_.header_bytes) co_return refused("bad_request", "a chunk has too long a header");
    // Only the body itself buys time, not what chunks are wrapped in.
    const auto more = std::chrono::seconds(parser.get().body().size() / limits_.body_bytes_per_second);
    const bool read = co_await read_more(begun + limits_.body + more);
    if (!read) co_return timed_out_or_closed();
  }
  into.body = std::move(parser.get().body());
  co_return ReadResult{};
}

bool RequestReader::has_body() const noexcept {
  return !state_->parser->is_done() && (state_->parser->chunked() || declared_bytes() > 0);
}

std::uint64_t RequestReader::declared_bytes() const noexcept {
  return state_->parser->content_length().value_or(0);
}

bool RequestReader::expects_continue() const noexcept {
  return !is_http_1_0() && beast::iequals(state_->parser->get()[http::field::expect], "100-continue");
}

bool RequestReader::keep_alive() const noexcept {
  return state_->parser->keep_alive() && state_->requests < limits_.requests_per_connection;
}

bool RequestReader::is_http_1_0() const noexcept {
  return state_->parser->get().version() < 11;
}

const std::string& RequestReader::header_text() const noexcept {
  return state_->header;
}

bool RequestReader::has_more() const noexcept {
  return !state_->buffer.empty();
}

}  // namespace dbgate::api
