#include "gateway/api/event_hub.h"

#include <atomic>
#include <boost/asio/post.hpp>
#include <charconv>

#include "gateway/base/ids.h"

namespace dbgate::api {
namespace {

std::size_t bytes_of(const ports::Event& event) noexcept {
  std::size_t bytes = sizeof(EventHub::Numbered) + event.topic.size() + event.type.size() + event.user.size() +
                      event.by.size() + event.data.size();
  for (const auto* const names : {&event.users, &event.groups}) {
    for (const std::string& name : *names)
      bytes += sizeof name + name.size();
  }
  return bytes;
}

}  // namespace

// What is posted may run when the hub has gone.
struct EventHub::Door {
  EventHub* hub = nullptr;
  std::atomic<std::size_t> coming{0};  // published and not added yet
  std::atomic<bool> dropped{false};
  std::atomic<bool> wanted{false};             // somebody watches, or has a while ago
  std::atomic<bool> unkept{false};             // there was something when nobody did
  std::size_t watchers = 0;                    // on the API's thread, as the rest
  std::chrono::steady_clock::time_point left;  // when the last of them went
};

EventHub::EventHub(boost::asio::io_context& context)
    : name_(make_id("").substr(0, 16)),
      executor_(context.get_executor()),
      changed_(executor_),
      door_(std::make_shared<Door>()) {
  door_->hub = this;
}

EventHub::~EventHub() {
  door_->hub = nullptr;
}

EventHub::Watch::Watch(EventHub& hub) : door_(hub.door_) {
  ++door_->watchers;
  door_->wanted = true;
  // A number for all that was not kept: whoever has an older one learns that he missed something.
  if (door_->unkept.exchange(false)) ++hub.first_;
}

EventHub::Watch::~Watch() {
  --door_->watchers;
  door_->left = std::chrono::steady_clock::now();
}

void EventHub::forget() noexcept {
  first_ = next();
  events_ = {};
  bytes_ = 0;
}

void EventHub::publish(ports::Event event) {
  if (!door_->wanted) {
    door_->unkept = true;
    return;
  }
  if (door_->coming.fetch_add(1) >= most_events) {
    door_->coming.fetch_sub(1);
    door_->dropped = true;
    return;
  }
  net::post_to(executor_, [door = door_, event = std::move(event)] {
    door->coming.fetch_sub(1);
    if (door->hub == nullptr) return;
    door->hub->add(event);
    if (door->dropped.exchange(false)) door->hub->add({{}, std::string(missed), {}, {}, "{}"});
  });
}

// A line end would end the event in the middle (SSE is lines), so that such an event is none.
void EventHub::add(ports::Event event) {
  if ((event.type + event.data).find_first_of("\r\n") != std::string::npos) return;
  if (door_->watchers == 0 && std::chrono::steady_clock::now() - door_->left > kept_for) {
    door_->wanted = false;
    door_->unkept = true;
    return forget();
  }
  bytes_ += bytes_of(event);
  events_.push_back({next(), std::move(event)});
  while (events_.size() > most_events || (bytes_ > most_bytes && events_.size() > 1)) {
    bytes_ -= bytes_of(events_.front().event);
    events_.pop_front();
    ++first_;
  }
  changed_.notify();
}

const EventHub::Numbered* EventHub::at(std::uint64_t number) const noexcept {
  if (number < first_ || number >= next()) return nullptr;
  return &events_[number - first_];
}

void EventHub::close() {
  closed_ = true;
  changed_.notify();
}

std::string EventHub::id_of(std::uint64_t number) const {
  return name_ + "-" + std::to_string(number);
}

std::optional<std::uint64_t> EventHub::number_of(std::string_view id) const noexcept {
  if (id.size() <= name_.size() + 1 || !id.starts_with(name_) || id[name_.size()] != '-') return {};
  const std::string_view digits = id.substr(name_.size() + 1);
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (failed != std::errc() || end != digits.data() + digits.size()) return {};
  return number;
}

}  // namespace dbgate::api
