#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/api/exchange.h"

namespace dbgate::api {

struct Services;

/// Who may use an operation.
enum class Access : std::uint8_t {
  anybody,    ///< also without a credential; nobody is looked up
  signed_in,  ///< 401 for others
  role        ///< 403 for those without one of Operation::roles
};

/// What an operation asks of a request beyond its path.
enum class Demand : std::uint8_t {
  none = 0,
  if_match = 1,         ///< 428 without If-Match; the handler compares (etag.h)
  idempotency_key = 2,  ///< Idempotency-Key is understood (idempotency.h)
  websocket = 4,        ///< 426 without an upgrade; Origin must be the gateway's own
  tunnel = 8,           ///< with websocket: an upgrade to tunnel_protocol will do as well
};
constexpr Demand operator|(Demand left, Demand right) noexcept {
  return static_cast<Demand>(static_cast<unsigned>(left) | static_cast<unsigned>(right));
}

/// When an operation was, or will be, given up. RFC 9745 and RFC 8594; seconds since 1970 UTC, 0: not.
struct Farewell {
  std::int64_t deprecated = 0;
  std::int64_t sunset = 0;
};

using Handler = Task<Response> (*)(Services&, Request&);

inline constexpr std::size_t small_body_bytes = 64u << 10;
inline constexpr std::size_t policy_body_bytes = 3u << 20;  // of policies, in JSON
inline constexpr std::size_t sql_body_bytes = 17u << 20;    // a statement of the largest size, in JSON

/// One line of the table of operations (operations.cpp), which tests compare with api/openapi.yaml.
struct Operation {
  std::string_view method;
  std::string_view path;  ///< template: "/api/v1/targets/{name}/tunnel"; see Router for the kinds of parameters
  std::string_view id;    ///< operationId
  Handler handler = nullptr;
  Access access = Access::signed_in;
  Role roles = Role::none;  ///< one of them is enough
  /// What a token with scopes must be good for; empty: any token. Operations for roles need "admin" instead.
  std::string_view scope = "read";
  Demand demand = Demand::none;
  std::size_t most_body_bytes = small_body_bytes;
  Farewell farewell = {};

  bool demands(Demand what) const noexcept {
    return (static_cast<unsigned>(demand) & static_cast<unsigned>(what)) != 0;
  }
  /// Which parameter of the path "{name}" is, from 0.
  std::size_t position_of(std::string_view name) const noexcept;
};

/// What the router says about a method and a path.
struct Route {
  enum class Outcome : std::uint8_t {
    found,
    options,    ///< OPTIONS: answer with `allow`
    no_path,    ///< 404
    no_method,  ///< 405 with `allow`
    malformed   ///< 400
  };
  Outcome outcome = Outcome::no_path;
  const Operation* operation = nullptr;
  std::vector<std::string> parameters;
  std::string allow;  ///< as the header field Allow has it
  std::string why;    ///< for people, if it was not found
};

/// Finds operations by path. A path is split first and its segments are decoded once, so that "%2F" is never a
/// separator. Dot segments, empty segments and encoded slashes name nothing: 404. Broken escapes, control characters
/// and bytes that are no UTF-8: 400. HEAD finds GET.
///
/// Parameters: "{name}", "{user}" and the like are 1 to 128 bytes of text; "{id}" is an id such as "ses_01JD…";
/// "{number}" is 1 to 9 digits; "{code}" is 1 to 64 of a–z, 0–9, '_'. What does not fit names nothing: 404.
class Router {
 public:
  /// @param operations must outlive the router
  explicit Router(std::span<const Operation> operations);

  Route find(std::string_view method, std::string_view path) const;
  std::span<const Operation> operations() const noexcept { return operations_; }

 private:
  struct Entry {
    const Operation* operation;
    std::vector<std::string_view> segments;
  };
  std::span<const Operation> operations_;
  std::vector<Entry> entries_;
};

}  // namespace dbgate::api
