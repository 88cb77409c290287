#include "gateway/adapters/curl_http.h"

#include <string_view>

#include "gateway/adapters/curl_transfer.h"

namespace dbgate::adapters {
namespace {

std::string_view why(CURLcode code) {
  if (code == CURLE_COULDNT_RESOLVE_HOST) return "the name is unknown";
  switch (CurlTransfer::fault_of(code)) {
    case ports::HttpFetched::Fault::untrusted:
      return "its certificate cannot be verified";
    case ports::HttpFetched::Fault::timeout:
      return "it does not answer in time";
    case ports::HttpFetched::Fault::too_long:
      return "its answer is too long";
    default:
      return "no connection";
  }
}

class CurlHttp final : public ports::HttpClient {
 public:
  explicit CurlHttp(const CurlLimits& limits) : limits_(limits) {}

  Result<ports::HttpResponse> send(const ports::HttpRequest& request) override {
    const auto transfer = CurlTransfer::make(request, limits_);
    if (!transfer)
      return Error(sqlstate::invalid_parameter_value, "a URL that is neither https nor http to this machine");
    const CURLcode done = curl_easy_perform(transfer->handle());
    if (done == CURLE_OK) return transfer->take_response();
    if (done == CURLE_ABORTED_BY_CALLBACK)
      return Error(sqlstate::query_canceled, transfer->host() + " was being asked: stopped");
    return Error(sqlstate::connection_failure, transfer->host() + " cannot be asked: " + std::string(why(done)));
  }

 private:
  const CurlLimits limits_;
};

}  // namespace

std::unique_ptr<ports::HttpClient> make_curl_http(const CurlLimits& limits) {
  start_curl();
  return std::make_unique<CurlHttp>(limits);
}

}  // namespace dbgate::adapters
