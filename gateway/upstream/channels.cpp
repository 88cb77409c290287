#include "gateway/upstream/channels.h"

#include <algorithm>

#include "gateway/upstream/own_messages.h"
#include "gateway/upstream/pool.h"
#include "protocol/postgres/backend_messages.h"
#include "protocol/postgres/field_writer.h"
#include "protocol/postgres/frontend_messages.h"

namespace dbgate::upstream {
namespace {

namespace backend = protocol::backend;

std::string quoted(std::string_view name) {
  std::string text = "\"";
  for (const char c : name) {
    text += c;
    if (c == '"') text += c;
  }
  return text + '"';
}

}  // namespace

LinkRequest listening_request(const LinkRequest& like) {
  LinkRequest own = like;
  // Settings of sessions mean nothing to channels.
  own.parameters = {{"client_encoding", "UTF8"}, {"application_name", "dbgate LISTEN"}};
  own.user.clear();
  own.strays = false;
  own.key = "LISTEN";
  const auto add = [&own](std::string_view part) { (own.key += '\0') += part; };
  add(own.target);
  for (const auto& host : own.spec.hosts)
    add(host.name + ":" + std::to_string(host.port));
  for (const std::string& part : {own.spec.database, own.spec.user, own.spec.password})
    add(part);
  return own;
}

struct Channels::Waiter {
  Waiter(const net::Executor& executor, const Subscriber& asker) : who(&asker), over(executor) {}
  const Subscriber* const who;
  const Channel* channel = nullptr;  // whose answer it waits for
  bool given_up = false;
  net::Event over;
};

class Channels::Waiting {
 public:
  Waiting(Channels& channels, Waiter& waiter) : channels_(channels), waiter_(waiter) {
    channels_.waiters_.push_back(&waiter_);
  }
  ~Waiting() { std::erase(channels_.waiters_, &waiter_); }
  Waiting(const Waiting&) = delete;
  Waiting& operator=(const Waiting&) = delete;

 private:
  Channels& channels_;
  Waiter& waiter_;
};

Channels::Channels(Pool& pool, LinkRequestPtr request) : pool_(pool), request_(std::move(request)) {}

Channels::ChannelPtr Channels::subscribe(const std::string& name, Subscriber& who) {
  ChannelPtr& channel = channels_[name];
  if (!channel) {
    channel = std::make_shared<Channel>();
    channel->name = name;
    say("LISTEN ", channel);
  }
  auto& subscribers = channel->subscribers;
  if (std::find(subscribers.begin(), subscribers.end(), &who) == subscribers.end()) subscribers.push_back(&who);
  return channel;
}

Task<Result<>> Channels::listen(std::set<std::string, std::less<>> names, Subscriber& who) {
  const auto self = shared_from_this();
  std::vector<ChannelPtr> asked;
  for (const std::string& name : names)
    asked.push_back(subscribe(name, who));
  if (!link_ && !connecting_) {
    connecting_ = true;
    net::run_apart(pool_.executor(), [self] { return self->connect(); });
  }
  Waiter waiter(pool_.executor(), who);
  const Waiting waiting(*this, waiter);
  for (const ChannelPtr& channel : asked) {
    waiter.channel = channel.get();
    while (channel->state == Channel::State::asked && !waiter.given_up)
      co_await waiter.over.wait();
    if (waiter.given_up) co_return Error(sqlstate::query_canceled, "");
    if (channel->state == Channel::State::listening) continue;
    for (const std::string& name : names)
      unlisten(name, who);
    co_return channel->why;
  }
  co_return boost::system::in_place_value;
}

// A server sends what it has for a listener before ReadyForQuery (PostgreSQL, PostgresMain()).
Task<> Channels::catch_up(Subscriber& who) {
  const auto self = shared_from_this();
  if (lost_ || channels_.empty()) co_return;
  const auto mark = std::make_shared<Channel>();
  ask("", mark);
  Waiter waiter(pool_.executor(), who);
  const Waiting waiting(*this, waiter);
  waiter.channel = mark.get();
  while (mark->state == Channel::State::asked && !waiter.given_up)
    co_await waiter.over.wait();
}

void Channels::unlisten(const std::string& name, Subscriber& who) {
  const auto found = channels_.find(name);
  if (found == channels_.end()) return;
  const ChannelPtr channel = found->second;
  auto& subscribers = channel->subscribers;
  const auto at = std::find(subscribers.begin(), subscribers.end(), &who);
  if (at == subscribers.end()) return;
  if (telling_) {
    *at = nullptr;
    left_while_told_ = true;
  } else {
    subscribers.erase(at);
    drop_if_unused(channel);
  }
}

void Channels::leave(const Subscriber& who) {
  for (Waiter* const waiter : waiters_) {
    if (waiter->who != &who) continue;
    waiter->given_up = true;
    waiter->over.notify();
  }
  std::vector<std::string> names;
  for (const auto& [name, channel] : channels_)
    names.push_back(name);
  for (const std::string& name : names)
    unlisten(name, const_cast<Subscriber&>(who));
}

// With its last subscriber a channel goes, and with the last channel the server connection.
void Channels::drop_if_unused(const ChannelPtr& channel) {
  if (!channel->subscribers.empty()) return;
  channels_.erase(channel->name);
  if (!channels_.empty() || connecting_) return say("UNLISTEN ", channel);
  close();
}

void Channels::close() {
  if (link_) {
    link_->end();
    pool_.permits().listen_no_longer(request_->target);
  }
  link_ = nullptr;
  to_send_.clear();
  asked_.clear();
  failure_.reset();
}

void Channels::say(std::string_view command, const ChannelPtr& channel) {
  ask(std::string(command) + quoted(channel->name), command == "LISTEN " ? channel : nullptr);
}

void Channels::ask(std::string_view text, ChannelPtr answered) {
  protocol::frontend::Query{text}.encode(to_send_);
  asked_.push_back(std::move(answered));
  go_on();
}

Task<> Channels::connect() {
  const auto self = shared_from_this();
  const std::string& target = request_->target;
  if (!pool_.permits().listen(target, request_->max)) {
    connecting_ = false;
    lose(Error(sqlstate::too_many_connections, "no server connection of \"" + target + "\" is left to LISTEN with",
               "pool.max of the target has to be larger: one of its connections is always left for work"));
    co_return;
  }
  auto link = co_await pool_.take(request_, this);
  connecting_ = false;
  if (link && !channels_.empty()) {
    link_ = *link;
    link_->attach(*this);
    go_on();
    co_return;
  }
  pool_.permits().listen_no_longer(target);
  if (link) {
    (*link)->end();
    to_send_.clear();
    asked_.clear();
  } else {
    lose(link.error());
  }
}

void Channels::go_on() {
  if (!link_ || writing_ || to_send_.empty()) return;
  writing_ = true;
  net::run_apart(pool_.executor(), [self = shared_from_this()] { return self->write(); });
}

Task<> Channels::write() {
  while (link_ && !to_send_.empty()) {
    const LinkPtr link = link_;
    const std::string text = std::exchange(to_send_, {});
    const auto written = co_await link->connection.stream.write_all(protocol::as_bytes(text));
    if (!written && link == link_) break;  // who reads from it says that it is gone
  }
  writing_ = false;
}

LinkHolder::Handled Channels::on_server_bytes() {
  const auto self = shared_from_this();
  const LinkPtr link = link_;
  const bool in_step = each_message(link->connection.received, [this, &link](char type, protocol::Bytes body) {
    if (link != link_) return true;  // nobody listens any more
    switch (type) {
      case backend::NotificationResponse::type:
        return tell(body);
      case backend::ErrorResponse::type: {
        const auto head = backend::ErrorHead::read(body);
        failure_ = Error(SqlState::from(head.sqlstate), "the server does not LISTEN");
        return true;
      }
      case backend::ReadyForQuery::type:
        return on_answer();
      default:
        return true;
    }
  });
  return in_step ? Handled::done : Handled::close;
}

bool Channels::tell(protocol::Bytes body) {
  const auto said = backend::NotificationResponse::decode(body);
  if (!said) return false;
  const auto found = channels_.find(said->channel);
  if (found == channels_.end()) return true;
  const ChannelPtr channel = found->second;
  const auto notification = std::make_shared<const Notification>(Notification{channel->name, protocol::encoded(*said)});
  telling_ = true;
  for (std::size_t i = 0; i < channel->subscribers.size(); ++i) {
    if (channel->subscribers[i] != nullptr) channel->subscribers[i]->on_notification(notification);
  }
  telling_ = false;
  if (!std::exchange(left_while_told_, false)) return true;
  // From other channels as well.
  std::vector<ChannelPtr> all;
  for (const auto& [name, one] : channels_)
    all.push_back(one);
  for (const ChannelPtr& one : all) {
    if (std::erase(one->subscribers, nullptr) > 0) drop_if_unused(one);
  }
  return true;
}

bool Channels::on_answer() {
  if (asked_.empty()) return false;
  const ChannelPtr channel = asked_.front();
  asked_.erase(asked_.begin());
  const auto failure = std::exchange(failure_, std::nullopt);
  if (!channel) return true;
  channel->state = failure ? Channel::State::failed : Channel::State::listening;
  if (failure) channel->why = *failure;
  wake(channel.get());
  if (!failure) return true;
  const auto found = channels_.find(channel->name);
  if (found != channels_.end() && found->second == channel) channels_.erase(found);
  if (channels_.empty()) close();
  return true;
}

void Channels::on_server_gone() {
  pool_.permits().listen_no_longer(request_->target);
  lose(Error(sqlstate::admin_shutdown, "the server connection that listens was lost", "Try again."));
}

void Channels::lose(const Error& why) {
  lost_ = true;
  link_ = nullptr;
  std::set<Subscriber*> told;
  for (const auto& [name, channel] : std::exchange(channels_, {})) {
    const bool listening = channel->state == Channel::State::listening;
    if (listening) told.insert(channel->subscribers.begin(), channel->subscribers.end());
    if (channel->state == Channel::State::asked) {
      channel->state = Channel::State::failed;
      channel->why = why;
      wake(channel.get());
    }
  }
  for (const ChannelPtr& mark : std::exchange(asked_, {})) {  // of catch_up()
    if (!mark || mark->state != Channel::State::asked) continue;
    mark->state = Channel::State::failed;
    wake(mark.get());
  }
  told.erase(nullptr);
  for (Subscriber* const subscriber : told)
    subscriber->on_channels_lost();
}

void Channels::wake(const Channel* channel) {
  for (Waiter* const waiter : waiters_) {
    if (waiter->channel == channel) waiter->over.notify();
  }
}

}  // namespace dbgate::upstream
