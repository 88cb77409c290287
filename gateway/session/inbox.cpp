#include "gateway/session/inbox.h"

#include <algorithm>

namespace dbgate::session {
namespace {

// Of one that waits, besides its own bytes.
constexpr std::size_t place_bytes = 64;

}  // namespace

void Inbox::hold(ChannelNames channels, std::function<void(const std::string&)> let_go) {
  held_.merge(channels);
  let_go_ = std::move(let_go);
}

bool Inbox::take(const upstream::NotificationPtr& notification) {
  const auto channel = held_.find(notification->channel);
  if (channel == held_.end()) return true;
  if (!may_hear_(notification->channel)) {
    let_go_(notification->channel);
    held_.erase(channel);
    return true;
  }
  bytes_ += notification->message.size() + place_bytes;
  waiting_.push_back(notification);
  return bytes_ <= most_bytes;
}

void Inbox::keep_for_good(const ChannelNames& channels) {
  drop_all_but(channels);
  kept_.insert(kept_.end(), waiting_.begin(), waiting_.end());
  waiting_.clear();
}

void Inbox::tell_kept(Outgoing& client) {
  for (const auto& notification : kept_) {
    if (may_hear_(notification->channel)) client.say(notification->message);
    bytes_ -= notification->message.size() + place_bytes;
  }
  std::deque<upstream::NotificationPtr>().swap(kept_);
}

void Inbox::tell(Outgoing& client, const ChannelNames& channels) {
  if (!kept_.empty()) tell_kept(client);
  for (const auto& notification : waiting_) {
    if (channels.contains(notification->channel) && may_hear_(notification->channel)) client.say(notification->message);
  }
  clear();
}

void Inbox::drop_all_but(const ChannelNames& channels) {
  std::erase_if(waiting_, [&](const auto& one) {
    if (channels.contains(one->channel)) return false;
    bytes_ -= one->message.size() + place_bytes;
    return true;
  });
}

void Inbox::let_go_all_but(const ChannelNames& channels) {
  for (auto at = held_.begin(); at != held_.end();) {
    if (channels.contains(*at)) {
      ++at;
      continue;
    }
    let_go_(*at);
    at = held_.erase(at);
  }
}

void Inbox::close() {
  held_.clear();
  clear();
}

void Inbox::clear() {
  for (auto* const all : {&waiting_, &kept_})
    std::deque<upstream::NotificationPtr>().swap(*all);
  bytes_ = 0;
}

}  // namespace dbgate::session
