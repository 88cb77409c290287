#pragma once
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "gateway/base/error.h"

namespace dbgate::ports {

/// A request to somebody else's server.
struct HttpRequest {
  std::string method = "GET";
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::string ca_file;        ///< trusted certificates; empty: the system's
  std::stop_token stop = {};  ///< breaks it off
};

struct HttpResponse {
  unsigned status = 0;
  std::string body;
  /// Names in lower case; 16 KiB at most, the rest is dropped.
  std::vector<std::pair<std::string, std::string>> headers = {};
};

/// Blocks; safe to use from any thread. Never called on an event loop.
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  /// Redirects are not followed: they are answers like others.
  /// Errors: 57014 stopped; 08006 the server cannot be reached, cannot be trusted, is too slow or says too much; 22023
  /// a URL that is neither https nor http to this machine. Messages name the host, never path, query or headers, which
  /// hold secrets.
  virtual Result<HttpResponse> send(const HttpRequest& request) = 0;
};

}  // namespace dbgate::ports
