#include "gateway/session/pump.h"

// What a pump minds besides where its server connection is shared with other sessions.
namespace dbgate::session {

// Between transactions somebody else may have the server connection, unless something binds the session to it, or a
// cancel is on its way that must not hit another's statement.
void Pump::rest() {
  if (pool_ == nullptr || resting_) return;
  if (relay_.pins().any()) return tell_of_pins();
  if (!cancel_.under_way()) resting_ = pool_->rest(*link_);
}

// Of each reason once, however often it comes and goes.
void Pump::tell_of_pins() {
  const Pins fresh = relay_.pins() & ~bound_;
  if (fresh.none()) return;
  bound_ |= fresh;
  ports_.bound(fresh);
}

void Pump::on_link_taken() {
  cancel_.detach();
  relay_.detach_server();
  resting_ = false;
  link_ = nullptr;
}

Task<> Pump::lend() {
  waiting_ = true;
  bool cancelled = false;
  cancel_.when_idle([this, &cancelled] {
    cancelled = true;
    ports_.stop_lending();
  });
  auto lent = co_await ports_.lend();
  cancel_.when_idle(nullptr);
  waiting_ = false;
  if (lent && (ended_ || cancelled)) pool_->give_back(*lent);
  if (cancelled) {
    relay_.refuse_for_server(Error(sqlstate::query_canceled, "canceling statement due to user request"));
  } else if (lent && !ended_) {
    take(std::move(*lent));
  } else if (!lent) {
    relay_.refuse_for_server(lent.error());
  }
}

// Sees to it that somebody listens before a LISTEN goes on. What the session does not use meanwhile others may have.
Task<> Pump::listen() {
  if (link_ && relay_.at_rest()) rest();
  if (relay_.catches_up()) {
    if (channels_) co_await channels_->catch_up(*this);
    relay_.caught_up();
    co_return co_await tell_notifications();
  }
  channels_ = ports_.channels();
  const auto listening = co_await channels_->listen(relay_.channels_wanted(), *this);
  if (!listening) {
    relay_.refuse_channels(listening.error());
  } else {
    relay_.hold_channels([this](const std::string& name) { channels_->unlisten(name, *this); });
  }
}

void Pump::on_notification(const upstream::NotificationPtr& notification) {
  if (ended_ || !farewell_.empty()) return;
  if (!relay_.take_notification(notification)) {
    return stop_listening(EndReason::notifications_unread,
                          "terminating connection: the client has not read its notifications");
  }
  // Else ReadyForQuery brings it along.
  if (relay_.may_tell()) client_.wake();
}

// The server would have ended the session as well. Clients take that as a sign to read again what they may have missed.
void Pump::on_channels_lost() {
  stop_listening(EndReason::listener_lost,
                 "terminating connection: the server connection that listened for it was lost");
}

// A client in the middle of a message is told when it has read that.
void Pump::stop_listening(EndReason reason, std::string why) {
  if (ended_ || !farewell_.empty()) return;
  farewell_reason_ = reason;
  farewell_ = std::move(why);
  channels_->leave(*this);
  relay_.close_inbox();
  if (!client_busy_ && at_boundary()) end_now();
}

Task<> Pump::tell_notifications() {
  Outgoing told;
  if (relay_.may_tell()) relay_.tell_notifications(told);
  if (!told.empty()) {
    const auto written = co_await write_client(told);
    if (!written) co_return end(EndReason::client_gone);
  }
  if (!farewell_.empty() && !ended_ && at_boundary()) end_now();
}

}  // namespace dbgate::session
