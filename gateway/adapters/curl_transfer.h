#pragma once
#include <curl/curl.h>

#include <chrono>
#include <memory>
#include <string>

#include "gateway/adapters/curl_http.h"
#include "gateway/ports/http_fetches.h"

// One request of libcurl's, whoever drives it. Inside adapters/ only.
namespace dbgate::adapters {

/// Certificates and names are always verified, redirects never followed; plain HTTP goes to this machine alone, past
/// any proxy.
class CurlTransfer {
 public:
  /// Null: a URL that is neither https nor http to this machine.
  static std::unique_ptr<CurlTransfer> make(ports::HttpRequest request, const CurlLimits& limits);
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;
  ~CurlTransfer();

  CURL* handle() const noexcept { return handle_; }
  const std::string& host() const noexcept { return host_; }
  static ports::HttpFetched::Fault fault_of(CURLcode code) noexcept;
  /// Once it is done without a fault.
  ports::HttpResponse take_response();

 private:
  explicit CurlTransfer(ports::HttpRequest request) : request_(std::move(request)) {}
  bool read_url();
  bool prepare(const CurlLimits& limits);
  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self);
  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self);

  ports::HttpRequest request_;
  ports::HttpResponse response_;
  std::size_t most_bytes_ = 0;
  std::size_t header_bytes_ = 0;
  std::string host_;
  bool plain_ = false;
  CURL* handle_ = nullptr;
  CURLU* url_ = nullptr;
  curl_slist* lines_ = nullptr;
};

/// Before anything else of libcurl's is used; any number of times.
void start_curl();

}  // namespace dbgate::adapters
