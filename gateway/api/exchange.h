#pragma once
#include <boost/system/result.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/base/error.h"
#include "gateway/base/open_connection.h"
#include "gateway/base/task.h"
#include "gateway/base/trace_context.h"
#include "gateway/net/stream.h"

namespace dbgate::api {

struct Operation;

/// Header fields in their order. Names compare without regard to case.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;

  void add(std::string name, std::string value) { fields_.emplace_back(std::move(name), std::move(value)); }
  /// Instead of any field of the name.
  void set(std::string_view name, std::string value);
  /// The first field of the name; empty without.
  std::string_view get(std::string_view name) const noexcept;
  bool has(std::string_view name) const noexcept { return count(name) > 0; }
  std::size_t count(std::string_view name) const noexcept;
  std::vector<Field>::const_iterator begin() const noexcept { return fields_.begin(); }
  std::vector<Field>::const_iterator end() const noexcept { return fields_.end(); }

 private:
  std::vector<Field> fields_;
};

/// Administrative rights; `admin` has all others.
enum class Role : std::uint8_t {
  none = 0,
  admin = 1,
  user_admin = 2,
  target_admin = 4,
  policy_admin = 8,
  auditor = 16
};
constexpr Role operator|(Role left, Role right) noexcept {
  return static_cast<Role>(static_cast<unsigned>(left) | static_cast<unsigned>(right));
}
constexpr bool any_of(Role held, Role wanted) noexcept {
  return (static_cast<unsigned>(held) & (static_cast<unsigned>(wanted) | 1u)) != 0;
}

/// Who makes a request, as the credential proved.
struct Caller {
  std::string user;
  std::string token_id;      ///< of the access token or key; what a revocation names
  std::string credential;    ///< "lgn_…" or "key_…"; empty for tokens without
  std::int64_t expires = 0;  ///< of the credential: seconds since 1970 UTC; 0: never
  Role roles = Role::none;
  std::vector<std::string> groups;
  std::string certificate;          ///< the name by which a certificate stands for the user; empty with tokens
  std::vector<std::string> scopes;  ///< what the credential is good for; empty: everything the user may do

  bool may(std::string_view scope) const noexcept;
};

/// The client's end of the connection, for handlers that work for long. Used on the API's thread.
class Client {
 public:
  virtual ~Client() = default;
  /// Whether the client has closed its end, or the connection is broken.
  virtual bool gone() const noexcept = 0;
  /// Calls `stop` once when the client goes while this request is handled; at once if it has gone. Replaces what was
  /// set before. What `stop` uses must live until the handler and its stream have ended.
  virtual void when_gone(std::function<void()> stop) = 0;
};

/// What a tunnel speaks after the upgrade: the bytes of its connection, without any frames (docs/api.md).
inline constexpr std::string_view tunnel_protocol = "dbgate-tunnel";

/// An HTTP request as handlers see it.
struct Request {
  std::string method;
  std::string path;    ///< as sent, without the query
  std::string query;   ///< as sent, without '?'
  std::string bearer;  ///< of Authorization: Bearer; empty without
  std::string body;
  std::string content_type;
  std::string request_id;
  std::string address;                              ///< the client's
  std::optional<net::PeerCertificate> certificate;  ///< the client's, verified by TLS
  bool secured = false;                             ///< by TLS
  bool upgrade = false;                             ///< asks for a WebSocket
  bool tunnel = false;                              ///< asks for tunnel_protocol instead of HTTP
  Headers headers;
  TraceContext trace;                             ///< of the header traceparent; empty without, or if it was malformed
  std::chrono::steady_clock::time_point begun{};  ///< when its header had been read
  const Operation* operation = nullptr;           ///< set before a handler sees it
  std::vector<std::string> parameters;            ///< of the path, decoded and checked, in the order of the template
  std::optional<Caller> caller;                   ///< set where the operation needs somebody
  Client* client = nullptr;                       ///< null in tests
  Headers answer_fields;                          ///< what the answer has whoever makes it: rate limits, deprecation

  /// The parameter that stands as "{name}" in the operation's template.
  const std::string& parameter(std::string_view name) const;
};

/// Where a handler writes a body in pieces.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  /// Sends one piece and returns when the connection has taken it: a client that reads slowly slows the handler down.
  /// `piece` must live until then. Errors: 08006 once the client has gone or takes nothing for a while.
  virtual Task<Result<>> write(std::string_view piece) = 0;
};

/// A WebSocket after its handshake. One reader and one writer at a time.
class WebSocket {
 public:
  virtual ~WebSocket() = default;
  /// The next bytes of a message, whatever its kind. @return their number; 0 once the peer has closed
  virtual Task<std::size_t> read_some(char* into, std::size_t room) = 0;
  /// One message. @return false once the peer has gone
  virtual Task<bool> write_binary(const char* bytes, std::size_t size) = 0;
  virtual Task<bool> write_text(std::string_view text) = 0;
  /// Says goodbye. @param code of RFC 6455 §7.4.1
  virtual Task<> close(std::uint16_t code) = 0;
};

/// What an operation turns a connection into.
struct Upgrade {
  std::string protocol;  ///< the WebSocket subprotocol that is spoken; empty: none
  std::function<Task<>(WebSocket&)> run;
  /// Instead of `run`: takes the connection, which speaks tunnel_protocol from here on.
  std::function<void(OpenConnection)> take = nullptr;
};

/// An answer. Exactly one of body, stream and upgrade is used.
struct Response {
  unsigned status = 200;
  std::string body;
  std::string content_type = "application/json";  ///< not sent without a body
  std::string etag;                               ///< quoted; empty: none
  Headers headers;
  /// Writes the body in pieces; ends the body by returning true. False: the answer is incomplete, and the client shall
  /// see that (the connection is cut off).
  std::function<Task<bool>(BodyWriter&)> stream;
  std::optional<Upgrade> upgrade;
  /// What is kept for the Idempotency-Key in place of the body, where that holds data; nothing: the body.
  std::optional<std::string> kept_body;

  bool is_problem() const noexcept { return content_type == "application/problem+json"; }
};

/// A JSON text as an answer.
Response json_response(std::string body, unsigned status = 200);
/// 204.
Response no_content();

}  // namespace dbgate::api
