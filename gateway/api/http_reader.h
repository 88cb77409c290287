#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/api/connection.h"
#include "gateway/api/exchange.h"

namespace dbgate::api {

/// What holds before anybody is known.
struct HttpLimits {
  std::size_t header_bytes = 16u << 10;
  std::size_t header_fields = 100;
  std::size_t target_bytes = 8u << 10;
  std::chrono::seconds handshake{10};  ///< TLS
  std::chrono::seconds header{10};     ///< from its first byte to its last; also for the first byte of a connection
  std::chrono::seconds idle{60};       ///< between requests
  std::chrono::seconds body{30};       ///< and a second more for each…
  std::size_t body_bytes_per_second = 64u << 10;
  std::chrono::seconds write{30};  ///< for each piece of up to 64 KiB
  std::size_t requests_per_connection = 1000;
};

/// How reading ended. With `refused`, `code` and `detail` are the problem to answer with.
struct ReadResult {
  enum class End : std::uint8_t { ok, closed, refused };
  End end = End::ok;
  std::string_view code;
  std::string_view detail;
};

/// Reads requests of HTTP/1.0 and 1.1 from one connection, one after the other (RFC 9112). Strict where leniency lets
/// two readers see different requests: folded fields, two lengths, unknown codings are refused.
class RequestReader {
 public:
  RequestReader(Connection& connection, const HttpLimits& limits);
  ~RequestReader();
  RequestReader(const RequestReader&) = delete;
  RequestReader& operator=(const RequestReader&) = delete;

  /// The next request without its body. After `refused` no other request can be read.
  Task<ReadResult> read_header(Request& into);
  /// The body of the request that was read last.
  Task<ReadResult> read_body(Request& into, std::size_t most_bytes);

  bool has_body() const noexcept;
  /// Of the body, as the header says; 0 if it does not.
  std::uint64_t declared_bytes() const noexcept;
  bool expects_continue() const noexcept;
  bool keep_alive() const noexcept;
  bool is_http_1_0() const noexcept;
  /// The header as it came.
  const std::string& header_text() const noexcept;
  /// Whether bytes have been read that belong to what comes next.
  bool has_more() const noexcept;

 private:
  struct State;
  Task<bool> read_more(Connection::Clock::time_point deadline);
  ReadResult timed_out_or_closed() const;

  Connection& connection_;
  const HttpLimits& limits_;
  std::unique_ptr<State> state_;
};

}  // namespace dbgate::api
