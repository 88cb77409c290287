#include "gateway/adapters/curl_http.h"

#include <curl/curl.h>

#include <mutex>
#include <string_view>

namespace dbgate::adapters {
namespace {

struct FreeHandle {
  void operator()(CURL* handle) const noexcept { curl_easy_cleanup(handle); }
};
using Handle = std::unique_ptr<CURL, FreeHandle>;
struct FreeUrl {
  void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, FreeUrl>;
struct FreeList {
  void operator()(curl_slist* list) const noexcept { curl_slist_free_all(list); }
};
using List = std::unique_ptr<curl_slist, FreeList>;

struct Sink {
  std::string body;
  std::size_t most = 0;
};

// A short count ends the transfer.
std::size_t receive(char* data, std::size_t, std::size_t size, void* to) {
  Sink& sink = *static_cast<Sink*>(to);
  if (size > sink.most - sink.body.size()) return 0;
  sink.body.append(data, size);
  return size;
}

// Called now and then while a transfer is under way, once a second at least; anything but 0 ends it.
int look_at_stop(void* token, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::stop_token*>(token)->stop_requested() ? 1 : 0;
}

std::string part(CURLU* url, CURLUPart which) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, 0) != CURLUE_OK) return {};
  std::string copy(text);
  curl_free(text);
  return copy;
}

// libcurl itself takes localhost for this machine, whatever a name server says.
bool is_loopback(std::string_view host) {
  const bool address = host.find_first_not_of("0123456789.") == std::string_view::npos;
  return host == "localhost" || host == "[::1]" || (address && host.starts_with("127."));
}

std::string_view why(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return "the name is unknown";
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return "its certificate cannot be verified";
    case CURLE_OPERATION_TIMEDOUT:
      return "it does not answer in time";
    case CURLE_WRITE_ERROR:
      return "its answer is too long";
    default:
      return "no connection";
  }
}

class CurlHttp final : public ports::HttpClient {
 public:
  explicit CurlHttp(const CurlLimits& limits) : limits_(limits) {}
  Result<ports::HttpResponse> send(const ports::HttpRequest& request) override;

 private:
  void prepare(CURL* handle, const ports::HttpRequest& request, bool plain) const;

  const CurlLimits limits_;
};

void CurlHttp::prepare(CURL* handle, const ports::HttpRequest& request, bool plain) const {
  curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, plain ? "http" : "https");
  curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(handle, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits_.connect.count()));
  curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, static_cast<long>(limits_.whole.count()));
  curl_easy_setopt(handle, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(limits_.bytes));
  curl_easy_setopt(handle, CURLOPT_USERAGENT, "dbgate");
  curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, receive);
  if (plain) curl_easy_setopt(handle, CURLOPT_PROXY, "");
  if (!request.ca_file.empty()) {
    curl_easy_setopt(handle, CURLOPT_CAINFO, request.ca_file.c_str());
    curl_easy_setopt(handle, CURLOPT_CAPATH, nullptr);
  }
  if (request.stop.stop_possible()) {
    curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, look_at_stop);
    curl_easy_setopt(handle, CURLOPT_XFERINFODATA, &request.stop);
  }
  if (request.method != "GET") {
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request.body.c_str());
  }
}

Result<ports::HttpResponse> CurlHttp::send(const ports::HttpRequest& request) {
  const Url url(curl_url());
  const bool parsed = url && curl_url_set(url.get(), CURLUPART_URL, request.url.c_str(), 0) == CURLUE_OK;
  const std::string scheme = parsed ? part(url.get(), CURLUPART_SCHEME) : std::string();
  const std::string host = parsed ? part(url.get(), CURLUPART_HOST) : std::string();
  const bool plain = scheme == "http" && is_loopback(host);
  if (!plain && scheme != "https") {
    return Error(sqlstate::invalid_parameter_value, "a URL that is neither https nor http to this machine");
  }
  const Handle handle(curl_easy_init());
  if (!handle) return Error(sqlstate::internal_error, "cannot make HTTP requests");
  prepare(handle.get(), request, plain);
  curl_easy_setopt(handle.get(), CURLOPT_CURLU, url.get());
  curl_slist* lines = curl_slist_append(nullptr, "Expect:");
  for (const auto& [name, value] : request.headers)
    lines = curl_slist_append(lines, (name + ": " + value).c_str());
  const List headers(lines);
  curl_easy_setopt(handle.get(), CURLOPT_HTTPHEADER, headers.get());
  Sink sink{{}, limits_.bytes};
  curl_easy_setopt(handle.get(), CURLOPT_WRITEDATA, &sink);
  const CURLcode done = curl_easy_perform(handle.get());
  if (done == CURLE_ABORTED_BY_CALLBACK) return Error(sqlstate::query_canceled, host + " was being asked: stopped");
  if (done != CURLE_OK) {
    return Error(sqlstate::connection_failure, host + " cannot be asked: " + std::string(why(done)));
  }
  long status = 0;
  curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
  return ports::HttpResponse{static_cast<unsigned>(status), std::move(sink.body)};
}

}  // namespace

std::unique_ptr<ports::HttpClient> make_curl_http(const CurlLimits& limits) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  return std::make_unique<CurlHttp>(limits);
}

}  // namespace dbgate::adapters
