#include <algorithm>

#include "gateway/session/relay.h"

// LISTEN where server connections are shared: another connection listens, for many sessions, and the relay says when
// its client may be told (docs/decisions/0018-listening-through-one-connection.md).
namespace dbgate::session {

// What was committed before an UNLISTEN is the client's to know, though the connection that listens may tell it late:
// until then it waits, with everything before it answered. False: it may go on.
bool Relay::waits_to_catch_up(const sql::Script& script) {
  Inbox* const inbox = pool_->inbox.get();
  if (inbox == nullptr || !inbox->holds_any()) return false;
  const bool leaves = std::any_of(script.statements.begin(), script.statements.end(), [](const sql::Statement& one) {
    return one.kind == sql::StatementKind::unlisten || one.tag == "DISCARD ALL";
  });
  if (!leaves || std::exchange(inbox->caught_up, false)) return false;
  if (!gate_may_speak()) return true;
  inbox->catches_up = true;
  next_ = Next::listen;
  return true;
}

void Relay::caught_up() {
  Inbox& inbox = *pool_->inbox;
  inbox.catches_up = false;
  inbox.caught_up = true;
  inbox.keep_for_good(pool_->settings.channels());
}

// What LISTEN cannot go to the server without: next_ says that it is to be got. Refused: it cannot be.
std::optional<Refusal> Relay::refusal_of_channels(const sql::Script& script) {
  if (waits_to_catch_up(script)) return std::nullopt;
  Inbox* inbox = nullptr;
  for (const sql::Statement& statement : script.statements) {
    if (statement.kind != sql::StatementKind::listen) continue;
    if (inbox == nullptr) {
      if (!pool_->inbox) {
        pool_->inbox = std::make_unique<Inbox>([this](const std::string& channel) { return judge_.may_hear(channel); });
      }
      inbox = pool_->inbox.get();
      if (inbox->refusal) return std::exchange(inbox->refusal, std::nullopt);
      inbox->wanted.clear();
    }
    if (!inbox->holds(statement.name)) inbox->wanted.insert(statement.name);
  }
  if (inbox == nullptr || inbox->wanted.empty()) return std::nullopt;
  if (inbox->has_room()) {
    next_ = Next::listen;
    return std::nullopt;
  }
  Refusal refusal;
  refusal.code = sqlstate::configuration_limit_exceeded;
  refusal.message = "too many channels in this session";
  refusal.hint = "The limit is " + std::to_string(Inbox::most_channels) + "; UNLISTEN channels that are done.";
  return refusal;
}

const ChannelNames& Relay::channels_wanted() const {
  return pool_->inbox->wanted;
}

void Relay::hold_channels(std::function<void(const std::string&)> let_go) {
  pool_->inbox->hold(std::move(pool_->inbox->wanted), std::move(let_go));
}

void Relay::refuse_channels(const Error& why) {
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
  if (!pool_ || !pool_->inbox || pool_->inbox->empty()) return false;
  return at_rest() || (pool_->inbox->keeps_some() && status_ == 'I' && expected_.empty() && backend_rest_ == 0);
}

void Relay::tell_notifications(Outgoing& client) {
  at_rest() ? pool_->inbox->tell(client, pool_->settings.channels()) : pool_->inbox->tell_kept(client);
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
