#pragma once
#include <cstdint>
#include <list>
#include <map>
#include <optional>
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

/// In memory, for one process. The oldest are dropped when there are too many or they are too large together.
class MemoryIdempotencyKeys final : public IdempotencyKeys {
 public:
  explicit MemoryIdempotencyKeys(std::size_t most_entries = 10'000, std::size_t most_bytes = 64u << 20)
      : most_entries_(most_entries), most_bytes_(most_bytes) {}

  Task<Result<IdempotencyClaim>> claim(std::string user, std::string key, std::string request_hash) override;
  Task<Result<>> answer(std::string user, std::string key, KeptAnswer answer) override;
  Task<> forget(std::string user, std::string key) override;

 private:
  using Name = std::pair<std::string, std::string>;
  struct Entry {
    std::string request_hash;
    std::int64_t expires_us = 0;
    bool done = false;
    KeptAnswer answer;
    std::list<Name>::iterator place;
  };
  using Entries = std::map<Name, Entry>;
  void erase(Entries::iterator entry);
  /// Makes room for one more: what has expired, then the oldest that is done. False if all are still running.
  bool make_room(std::int64_t now_us);

  Entries entries_;
  std::list<Name> order_;  // oldest first
  std::size_t bytes_ = 0;
  const std::size_t most_entries_;
  const std::size_t most_bytes_;
};

/// The hash that claim() compares: operation, path, query and body.
std::string hash_request(const Request& request);
/// 1 to 255 visible ASCII characters.
bool acceptable_idempotency_key(std::string_view key) noexcept;

}  // namespace dbgate::api
