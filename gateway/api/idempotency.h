#pragma once
#include <cstdint>
#include <string>

#include "gateway/api/exchange.h"

namespace dbgate::api {

/// An answer that is kept for those who send the same request again.
struct KeptAnswer {
  unsigned status = 0;  ///< 0: done, but the answer was streamed and is not kept
  std::string content_type;
  std::string location;
  std::string etag;
  std::string body;
};

/// What is known of a key that a request came with.
struct IdempotencyClaim {
  enum class State : std::uint8_t {
    fresh,    ///< go on; then answer() or forget()
    running,  ///< the first request is not answered yet
    other,    ///< the key stands for another request
    answered  ///< `answer` is it
  };
  State state = State::fresh;
  KeptAnswer answer;
};

/// Remembers answers by user and key, for 24 hours. Used on the API's thread; what blocks goes to a pool.
/// Errors: 08006 if the store cannot be reached; then the request must not be carried out.
class IdempotencyKeys {
 public:
  virtual ~IdempotencyKeys() = default;
  /// @param request_hash  of everything that makes the request what it is
  virtual Task<Result<IdempotencyClaim>> claim(std::string user, std::string key, std::string request_hash) = 0;
  /// May hold secrets (a new token): a store seals it.
  virtual Task<Result<>> answer(std::string user, std::string key, KeptAnswer answer) = 0;
  /// The request failed and may be tried again with the same key.
  virtual Task<> forget(std::string user, std::string key) = 0;
};

/// The hash that claim() compares: operation, path, query, body, and what the caller's credential is good for.
std::string hash_request(const Request& request);
/// 1 to 255 visible ASCII characters.
bool acceptable_idempotency_key(std::string_view key) noexcept;

}  // namespace dbgate::api
