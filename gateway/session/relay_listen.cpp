#include <algorithm>

#include "gateway/session/relay.h"

// LISTEN where server connections are shared: another connection listens, for many sessions, and the relay says when
// its client may be told (docs/decisions/0018-listening-through-one-connection.md).
namespace dbgate::session {

// What a LISTEN cannot go to the server without: next_ says that it is to be got. Refused: it cannot be.
std::optional<Refusal> Relay::refusal_of_channels(const sql::Script& script) {
  for (const sql::Statement& statement : script.statements) {
    if (statement.kind != sql::StatementKind::listen) continue;
    if (!pool_->inbox) pool_->inbox = std::make_unique<Inbox>();
    Inbox& inbox = *pool_->inbox;
    if (inbox.refusal) return std::exchange(inbox.refusal, std::nullopt);
    if (inbox.holds(statement.name)) continue;
    if (inbox.full()) {
      Refusal refusal;
      refusal.code = sqlstate::configuration_limit_exceeded;
      refusal.message = "too many channels in this session";
      refusal.hint = "The limit is " + std::to_string(Inbox::most_channels) + "; UNLISTEN channels that are done.";
      return refusal;
    }
    inbox.wanted = statement.name;
    next_ = Next::listen;
    return std::nullopt;
  }
  return std::nullopt;
}

const std::string& Relay::channel_wanted() const {
  return pool_->inbox->wanted;
}

void Relay::hold_channel(std::function<void(const std::string&)> let_go) {
  pool_->inbox->hold(pool_->inbox->wanted, std::move(let_go));
}

void Relay::refuse_channel(const Error& why) {
  Refusal refusal;
  refusal.code = why.code();
  refusal.message = why.message();
  refusal.hint = why.hint();
  pool_->inbox->refusal = std::move(refusal);
}

bool Relay::take_notification(const upstream::NotificationPtr& notification) {
  return !pool_->inbox || pool_->inbox->take(notification);
}

bool Relay::may_tell() const noexcept {
  return pool_ && pool_->inbox && !pool_->inbox->empty() && at_rest();
}

void Relay::tell_notifications(Outgoing& client) {
  pool_->inbox->tell(client, pool_->settings.channels());
}

// ReadyForQuery is about to be told.
void Relay::settle_channels(char status) {
  Inbox& inbox = *pool_->inbox;
  const ChannelNames& channels = pool_->settings.channels();
  if (status == 'I') inbox.tell(to_client_, channels);
  if (!expected_.empty() || dirty_) return;
  status == 'I' ? inbox.let_go_all_but(channels) : inbox.drop_all_but(channels);
}

}  // namespace dbgate::session
