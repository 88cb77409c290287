#pragma once
#include <chrono>
#include <cstddef>
#include <functional>

#include "gateway/ports/http_client.h"

namespace dbgate::ports {

/// What came of a request that nobody waited for.
struct HttpFetched {
  enum class Fault : unsigned char {
    none,         ///< there is a response, whatever its status
    bad_url,      ///< neither https nor http to this machine
    unreachable,  ///< no connection, or it broke before the answer was whole
    untrusted,    ///< its certificate cannot be verified
    timeout,
    too_long,  ///< a body of more bytes than were wanted
    stopped    ///< the process is ending
  };
  Fault fault = Fault::none;
  HttpResponse response;
};

struct FetchLimits {
  std::chrono::milliseconds delay{0};       ///< before it begins
  std::chrono::milliseconds whole{10'000};  ///< from then to the last byte of the answer
  std::size_t bytes = 1u << 20;             ///< of the answer's body
};

/// HTTP for those who must not wait. Safe to use from any thread; never blocks.
class HttpFetches {
 public:
  virtual ~HttpFetches() = default;
  /// `done` is called once for each request: on a thread of this object's own, which it must not hold up, or, as
  /// `stopped`, by the thread that destroys this. It may start others. Redirects are answers like others.
  virtual void start(HttpRequest request, const FetchLimits& limits, std::function<void(HttpFetched)> done) = 0;
};

}  // namespace dbgate::ports
