#pragma once
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cli/options.h"

namespace dbgate::cli {

struct HttpRequest {
  std::string method;
  std::string path;  ///< with the query
  std::string token;
  std::string content_type;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::chrono::seconds limit{60};  ///< for the head of the answer; 0: none, what waits for a database may take long
};

struct HttpAnswer {
  unsigned status = 0;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  /// The first one of a name, whatever its case; empty without.
  std::string header(const std::string& name) const;
};

/// One connection to the gateway, blocking. Every step has a limit of its own. Used by one thread.
class HttpConnection {
 public:
  /// Connects, and verifies the gateway's certificate. Throws Problem (7).
  HttpConnection(const Options& options, const GatewayUrl& url);
  ~HttpConnection();
  HttpConnection(const HttpConnection&) = delete;
  HttpConnection& operator=(const HttpConnection&) = delete;

  /// Sends one request and reads the whole answer. Throws Problem (7).
  HttpAnswer exchange(const HttpRequest& request);
  /// Sends one request and reads the head of the answer; the body is read in pieces.
  HttpAnswer open(const HttpRequest& request);
  /// The next piece of the body, after at most `limit` (0: however long it takes); empty at its end.
  /// Throws Problem (7), and (9) when the time is over.
  std::string read_some(std::chrono::seconds limit);

  bool reusable() const;
  /// "TLSv1.3, TLS_AES_256_GCM_SHA384, CN = …"; empty without TLS.
  std::string tls_summary() const;
  /// When the gateway's certificate ends, in seconds since 1970; 0 without TLS.
  std::int64_t certificate_end() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace dbgate::cli
