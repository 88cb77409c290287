#include "gateway/app/live_models.h"

#include "gateway/adapters/curl_fetches.h"

namespace dbgate::app {

/// Requests, as long as somebody makes them.
class LiveModels::Fetches final : public ports::HttpFetches {
 public:
  void start(ports::HttpRequest request, const ports::FetchLimits& limits,
             std::function<void(ports::HttpFetched)> done) override {
    {
      const std::lock_guard lock(mutex_);  // else they could go while they are told
      if (made_) return made_->start(std::move(request), limits, std::move(done));
    }
    done({ports::HttpFetched::Fault::stopped, {}});
  }

  void open() {
    const std::lock_guard lock(mutex_);
    if (!made_) made_ = adapters::make_curl_fetches();
  }

  /// What ends may want to begin again, so it ends without the lock.
  void close() {
    std::unique_ptr<ports::HttpFetches> closing;
    {
      const std::lock_guard lock(mutex_);
      closing = std::move(made_);
    }
  }

 private:
  std::mutex mutex_;
  std::unique_ptr<ports::HttpFetches> made_;
};

LiveModels::LiveModels(telemetry::EventCounters& counted) : counted_(counted), fetches_(std::make_unique<Fetches>()) {}

LiveModels::~LiveModels() {
  stop();
}

void LiveModels::configure(const config::Models& models) {
  const bool any = !models.providers.empty();
  if (any) fetches_->open();
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(retired_, [](const auto& one) { return one.use_count() == 1 && one->idle(); });
    if (models == settings_) return;
    settings_ = models;
    if (current_) retired_.push_back(std::move(current_));
    current_ = any ? std::make_shared<models::Advisor>(models, *fetches_, counted_) : nullptr;
  }
  if (!any) fetches_->close();
}

std::shared_ptr<ports::RiskModel> LiveModels::current() const {
  const std::lock_guard lock(mutex_);
  return current_;
}

void LiveModels::stop() {
  fetches_->close();
}

}  // namespace dbgate::app
