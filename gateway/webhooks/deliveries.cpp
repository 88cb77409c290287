#include "gateway/webhooks/deliveries.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <optional>
#include <stop_token>

#include "gateway/base/clock.h"
#include "gateway/base/ids.h"
#include "gateway/base/log.h"
#include "gateway/base/thread.h"

namespace dbgate::webhooks {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t stack_bytes = 512u << 10;  // TLS by libcurl

struct Message {
  std::string id;  ///< the same at every attempt: by it a receiver knows what it has already
  std::shared_ptr<const News> news;
  std::size_t bytes() const { return news->approval.body.size(); }
};

bool worth_another_attempt(unsigned status) {
  return status == 408 || status == 429 || status >= 500;
}

}  // namespace

/// The way to one server.
class Deliveries::Line {
 public:
  Line(ports::HttpClient& http, const Patience& patience, config::Webhook hook, std::string public_url)
      : http_(http),
        patience_(patience),
        hook_(std::move(hook)),
        public_url_(std::move(public_url)),
        thread_(stack_bytes, [this] { run(); }) {}
  ~Line() { stop_.request_stop(); }
  Line(const Line&) = delete;
  Line& operator=(const Line&) = delete;

  bool is(const config::Webhook& hook, const std::string& public_url) const {
    return hook_ == hook && public_url_ == public_url;
  }

  void tell(const std::shared_ptr<const News>& news) {
    if (!hook_.events.contains(news->event)) return;
    bool dropped = false;
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back({make_id("whk_"), news});
      bytes_ += waiting_.back().bytes();
      for (; waiting_.size() > 1 && (waiting_.size() > patience_.waiting || bytes_ > patience_.bytes); dropped = true) {
        bytes_ -= waiting_.front().bytes();
        waiting_.pop_front();
      }
    }
    changed_.notify_all();
    if (dropped) log::warn("webhooks", "a message was given up: too many wait", {{"webhook", hook_.name}});
  }

 private:
  void run() {
    while (const auto message = next())
      deliver(*message);
  }

  std::optional<Message> next() {
    std::unique_lock lock(mutex_);
    const bool some = changed_.wait(lock, stop_.get_token(), [this] { return !waiting_.empty(); });
    if (!some || stop_.stop_requested()) return {};
    Message message = std::move(waiting_.front());
    waiting_.pop_front();
    bytes_ -= message.bytes();
    return message;
  }

  void deliver(const Message& message) {
    const auto give_up = Clock::now() + patience_.at_most;
    const std::string body = body_of(hook_, *message.news, public_url_);
    std::chrono::milliseconds pause = patience_.first;
    for (std::string why = attempt(message.id, body); !why.empty(); why = attempt(message.id, body)) {
      const bool last = final_ || Clock::now() + pause >= give_up;
      if (last) {
        log::warn("webhooks", "a message was given up", {{"webhook", hook_.name}, {"id", message.id}, {"err", why}});
        return;
      }
      if (!wait(pause)) return;
      pause = std::min(pause * 2, patience_.longest);
    }
  }

  // What was wrong; empty if the server has taken it.
  std::string attempt(const std::string& id, const std::string& body) {
    ports::HttpRequest request;
    request.method = "POST";
    request.url = hook_.url;
    request.headers = signed_headers(hook_.secret, id, wall_clock_us() / 1'000'000, body);
    request.headers.emplace_back("Content-Type", "application/json");
    request.body = body;
    request.ca_file = hook_.ca_file;
    request.stop = stop_.get_token();
    const auto answer = http_.send(request);
    final_ = false;
    if (!answer) {
      const Error why = answer.error();
      final_ = why.code() != sqlstate::connection_failure;
      return why.message();
    }
    if (answer->status >= 200 && answer->status < 300) return {};
    final_ = !worth_another_attempt(answer->status);
    return "the server answered " + std::to_string(answer->status);
  }

  // False: it is to end.
  bool wait(std::chrono::milliseconds time) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop_.get_token(), time, [] { return false; });
    return !stop_.stop_requested();
  }

  ports::HttpClient& http_;
  const Patience patience_;
  const config::Webhook hook_;
  const std::string public_url_;
  std::stop_source stop_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Message> waiting_;
  std::size_t bytes_ = 0;  // of what waits
  bool final_ = false;     // another attempt would fail as well; of the thread
  Thread thread_;          // last: it uses all the others
};

Deliveries::Deliveries(ports::HttpClient& http, Patience patience) : http_(http), patience_(patience) {}

Deliveries::~Deliveries() = default;

void Deliveries::configure(const std::vector<config::Webhook>& hooks, const std::string& public_url) {
  std::vector<std::shared_ptr<Line>> next;
  std::vector<std::shared_ptr<Line>> old;
  {
    const std::lock_guard lock(mutex_);
    for (const config::Webhook& hook : hooks) {
      const auto same =
          std::find_if(lines_.begin(), lines_.end(), [&](const auto& line) { return line->is(hook, public_url); });
      next.push_back(same != lines_.end() ? *same : std::make_shared<Line>(http_, patience_, hook, public_url));
    }
    old = std::exchange(lines_, std::move(next));
  }
  // Those that are left end here, outside the lock.
}

void Deliveries::tell(News news) {
  const std::lock_guard lock(mutex_);
  if (lines_.empty()) return;
  const auto shared = std::make_shared<const News>(std::move(news));
  for (const auto& line : lines_)
    line->tell(shared);
}

}  // namespace dbgate::webhooks
