#include "gateway/adapters/curl_transfer.h"

#include <algorithm>
#include <mutex>
#include <string_view>

namespace dbgate::adapters {
namespace {

using Fault = ports::HttpFetched::Fault;
constexpr std::size_t most_header_bytes = 16u << 10;

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

// Called now and then while a transfer is under way, once a second at least; anything but 0 ends it.
int look_at_stop(void* token, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const std::stop_token*>(token)->stop_requested() ? 1 : 0;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

void start_curl() {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

std::unique_ptr<CurlTransfer> CurlTransfer::make(ports::HttpRequest request, const CurlLimits& limits) {
  std::unique_ptr<CurlTransfer> made(new CurlTransfer(std::move(request)));
  if (!made->read_url() || !made->prepare(limits)) return nullptr;
  return made;
}

CurlTransfer::~CurlTransfer() {
  curl_easy_cleanup(handle_);
  curl_slist_free_all(lines_);
  curl_url_cleanup(url_);
}

bool CurlTransfer::read_url() {
  url_ = curl_url();
  if (url_ == nullptr || curl_url_set(url_, CURLUPART_URL, request_.url.c_str(), 0) != CURLUE_OK) return false;
  const std::string scheme = part(url_, CURLUPART_SCHEME);
  host_ = part(url_, CURLUPART_HOST);
  plain_ = scheme == "http" && is_loopback(host_);
  return plain_ || scheme == "https";
}

bool CurlTransfer::prepare(const CurlLimits& limits) {
  handle_ = curl_easy_init();
  if (handle_ == nullptr) return false;
  most_bytes_ = limits.bytes;
  curl_easy_setopt(handle_, CURLOPT_CURLU, url_);
  curl_easy_setopt(handle_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(handle_, CURLOPT_PROTOCOLS_STR, plain_ ? "http" : "https");
  curl_easy_setopt(handle_, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(handle_, CURLOPT_SSL_VERIFYPEER, 1L);
  curl_easy_setopt(handle_, CURLOPT_SSL_VERIFYHOST, 2L);
  curl_easy_setopt(handle_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(handle_, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits.connect.count()));
  curl_easy_setopt(handle_, CURLOPT_TIMEOUT_MS, static_cast<long>(limits.whole.count()));
  // Without it a transfer that times out waits for its name server after all (manual: CURLOPT_QUICK_EXIT).
  curl_easy_setopt(handle_, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(handle_, CURLOPT_MAXFILESIZE_LARGE, static_cast<curl_off_t>(limits.bytes));
  curl_easy_setopt(handle_, CURLOPT_USERAGENT, "dbgate");
  curl_easy_setopt(handle_, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(handle_, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(handle_, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(handle_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(handle_, CURLOPT_PRIVATE, this);
  if (plain_) curl_easy_setopt(handle_, CURLOPT_PROXY, "");
  if (!request_.ca_file.empty()) {
    curl_easy_setopt(handle_, CURLOPT_CAINFO, request_.ca_file.c_str());
    curl_easy_setopt(handle_, CURLOPT_CAPATH, nullptr);
  }
  if (request_.stop.stop_possible()) {
    curl_easy_setopt(handle_, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(handle_, CURLOPT_XFERINFOFUNCTION, look_at_stop);
    curl_easy_setopt(handle_, CURLOPT_XFERINFODATA, &request_.stop);
  }
  if (request_.method != "GET") {
    curl_easy_setopt(handle_, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(handle_, CURLOPT_POSTFIELDS, request_.body.c_str());
  }
  lines_ = curl_slist_append(nullptr, "Expect:");
  for (const auto& [name, value] : request_.headers)
    lines_ = curl_slist_append(lines_, (name + ": " + value).c_str());
  curl_easy_setopt(handle_, CURLOPT_HTTPHEADER, lines_);
  return true;
}

// A short count ends the transfer.
std::size_t CurlTransfer::on_body(char* data, std::size_t, std::size_t size, void* self) {
  CurlTransfer& transfer = *static_cast<CurlTransfer*>(self);
  std::string& body = transfer.response_.body;
  if (size > transfer.most_bytes_ - body.size()) return 0;
  body.append(data, size);
  return size;
}

std::size_t CurlTransfer::on_header(char* data, std::size_t, std::size_t size, void* self) {
  CurlTransfer& transfer = *static_cast<CurlTransfer*>(self);
  const std::string_view line(data, size);
  const std::size_t colon = line.find(':');
  if (line.starts_with("HTTP/")) {  // of a further answer: what came before was 100 Continue or a proxy's
    transfer.response_.headers.clear();
    transfer.header_bytes_ = 0;
  }
  if (colon == std::string_view::npos || size > most_header_bytes - transfer.header_bytes_) return size;
  transfer.header_bytes_ += size;
  std::string name(trimmed(line.substr(0, colon)));
  std::transform(name.begin(), name.end(), name.begin(), lower);
  transfer.response_.headers.emplace_back(std::move(name), trimmed(line.substr(colon + 1)));
  return size;
}

Fault CurlTransfer::fault_of(CURLcode code) noexcept {
  switch (code) {
    case CURLE_OK:
      return Fault::none;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return Fault::untrusted;
    case CURLE_OPERATION_TIMEDOUT:
      return Fault::timeout;
    case CURLE_WRITE_ERROR:
    case CURLE_FILESIZE_EXCEEDED:
      return Fault::too_long;
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
      return Fault::bad_url;
    default:
      return Fault::unreachable;
  }
}

ports::HttpResponse CurlTransfer::take_response() {
  long status = 0;
  curl_easy_getinfo(handle_, CURLINFO_RESPONSE_CODE, &status);
  response_.status = static_cast<unsigned>(status);
  return std::move(response_);
}

}  // namespace dbgate::adapters
