#include "gateway/adapters/curl_fetches.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <vector>

#include "gateway/adapters/curl_transfer.h"
#include "gateway/base/thread.h"

namespace dbgate::adapters {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using Fault = ports::HttpFetched::Fault;

constexpr milliseconds usual_connect{1'000};
constexpr milliseconds longest_sleep{60'000};
constexpr std::size_t stack_bytes = 1u << 20;

// Nobody waits long for somebody who is not there, but whoever has much time may take a part of it for this.
milliseconds connect_time(milliseconds whole) {
  return std::min(whole, std::max(usual_connect, whole / 4));
}

class CurlFetches final : public ports::HttpFetches {
 public:
  CurlFetches() : multi_(curl_multi_init()), thread_(stack_bytes, [this] { run(); }) {}
  ~CurlFetches() override {
    const std::lock_guard lock(mutex_);  // held until the thread has been woken: it gives `multi_` away
    stopping_ = true;
    curl_multi_wakeup(multi_);
    // The thread, the last member, is joined before the others go; it answers what is left.
  }

  void start(ports::HttpRequest request, const ports::FetchLimits& limits,
             std::function<void(ports::HttpFetched)> done) override {
    {
      const std::lock_guard lock(mutex_);
      if (!stopping_) {
        queue_.emplace(Clock::now() + limits.delay, Waiting{std::move(request), limits, std::move(done)});
        curl_multi_wakeup(multi_);
        return;
      }
    }
    done({Fault::stopped, {}});
  }

 private:
  struct Waiting {
    ports::HttpRequest request;
    ports::FetchLimits limits;
    std::function<void(ports::HttpFetched)> done;
  };
  struct Running {
    std::unique_ptr<CurlTransfer> transfer;
    std::function<void(ports::HttpFetched)> done;
  };

  void run() {
    while (begin_due()) {
      int active = 0;
      curl_multi_perform(multi_, &active);
      end_done();
      curl_multi_poll(multi_, nullptr, 0, static_cast<int>(sleep_time().count()), nullptr);
    }
    for (auto& [handle, running] : running_) {
      curl_multi_remove_handle(multi_, handle);
      running.done({Fault::stopped, {}});
    }
    running_.clear();
    for (auto& [due, waiting] : queue_)  // nobody adds to it any more
      waiting.done({Fault::stopped, {}});
    curl_multi_cleanup(multi_);
  }

  // False: it is time to stop.
  bool begin_due() {
    std::vector<Waiting> due;
    {
      const std::lock_guard lock(mutex_);
      if (stopping_) return false;
      const auto end = queue_.upper_bound(Clock::now());
      for (auto at = queue_.begin(); at != end; ++at)
        due.push_back(std::move(at->second));
      queue_.erase(queue_.begin(), end);
    }
    for (Waiting& waiting : due)
      begin(waiting);
    return true;
  }

  void begin(Waiting& waiting) {
    const milliseconds whole = std::max(waiting.limits.whole, milliseconds(1));  // 0 would be no limit
    auto transfer = CurlTransfer::make(std::move(waiting.request), {connect_time(whole), whole, waiting.limits.bytes});
    if (!transfer) return waiting.done({Fault::bad_url, {}});
    CURL* const handle = transfer->handle();
    if (curl_multi_add_handle(multi_, handle) != CURLM_OK) return waiting.done({Fault::unreachable, {}});
    running_.emplace(handle, Running{std::move(transfer), std::move(waiting.done)});
  }

  void end_done() {
    int left = 0;
    while (const CURLMsg* const message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      CURL* const handle = message->easy_handle;
      const Fault fault = CurlTransfer::fault_of(message->data.result);
      auto ended = running_.extract(handle);
      curl_multi_remove_handle(multi_, handle);
      if (ended.empty()) continue;
      Running& running = ended.mapped();
      running.done({fault, fault == Fault::none ? running.transfer->take_response() : ports::HttpResponse{}});
    }
  }

  milliseconds sleep_time() {
    const std::lock_guard lock(mutex_);
    if (queue_.empty()) return longest_sleep;
    const auto left = std::chrono::ceil<milliseconds>(queue_.begin()->first - Clock::now());
    return std::clamp(left, milliseconds(0), longest_sleep);
  }

  std::mutex mutex_;
  std::multimap<Clock::time_point, Waiting> queue_;  // by when they begin
  bool stopping_ = false;
  CURLM* const multi_;
  std::map<CURL*, Running> running_;  // of the thread alone
  Thread thread_;                     // the last member: the others are there before it starts
};

}  // namespace

std::unique_ptr<ports::HttpFetches> make_curl_fetches() {
  start_curl();
  return std::make_unique<CurlFetches>();
}

}  // namespace dbgate::adapters
