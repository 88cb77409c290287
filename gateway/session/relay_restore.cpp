#include "gateway/session/login.h"
#include "gateway/session/relay.h"
#include "protocol/postgres/backend_messages.h"
#include "protocol/postgres/frontend_messages.h"

// What dbgate has set on a server connection itself, when the frontend has reset all there is. Startup parameters are
// what DISCARD ALL and RESET ALL go back to (PostgreSQL docs, RESET), so they stay. The rest is said again before
// anything else of the frontend's reaches the server.
namespace dbgate::session {
namespace {

namespace backend = protocol::backend;

// A cancel that was meant for the frontend's statement may hit dbgate's.
constexpr unsigned most_attempts = 3;

}  // namespace

// What comes behind it in the same pipeline would run without what is restored.
void Relay::hold_behind_discard(Expected& entry) {
  if (entry.discards) return;
  entry.discards = true;
  ++held_;
  ++capped_;
}

// Whether something has to be restored now.
bool Relay::left_discard(const Expected& entry, bool succeeded) {
  if (!entry.discards && !entry.restores) return false;
  --held_;
  --capped_;
  return entry.discards && succeeded && !entry.failed;
}

// DISCARD ALL sets the role to none, whatever it was at the login (ALTER ROLE … SET role; PostgreSQL,
// SetSessionUserId()); only RESET ROLE goes back to that. The server shares its name with whoever has logged in there.
void Relay::say_restore(bool role) {
  restores_role_ = role;
  std::string text = role ? "RESET ROLE" : "";
  if (pool_) {
    if (role) text += "; ";
    text += as_statement({"application_name", pool_->own_name});
    pool_->renamed = false;
  }
  Expected& entry = expect(Expected::Kind::query);
  entry.gate_step = entry.restores = true;
  entry.under = nullptr;
  entry.blocks_names = true;
  statements_.block();
  ++held_;
  ++capped_;
  own_words_.say(protocol::encoded(protocol::frontend::Query{text}));
  flushed_ = owed_;  // the server answers it, and all before it, at once
}

// After RESET of it, outside of transactions.
void Relay::show_own_name() {
  if (!expected_.empty() || dirty_ || frontend_rest_ > 0) return;
  pool_->renamed = false;
  if (!pool_->settings.sets("application_name")) say_restore(false);
}

// False: it is the frontend's.
bool Relay::restore_reply(char type, Bytes body) {
  Expected& entry = expected_.front();
  switch (type) {
    case 'E': {
      const auto head = backend::ErrorHead::read(body);
      if (head.severity == "FATAL" || head.severity == "PANIC") return false;
      entry.failed = true;
      const bool cancelled = SqlState::from(head.sqlstate) == sqlstate::query_canceled;
      if (!cancelled || ++restore_attempts_ >= most_attempts) {
        fail(sqlstate::connection_failure, "the server connection could not be set up again after DISCARD ALL");
      }
      break;
    }
    case 'Z': {
      const auto ready = backend::ReadyForQuery::decode(body);
      if (!ready) return false;
      status_ = static_cast<char>(ready->status);
      const bool failed = entry.failed;
      pop_front(!failed);
      if (failed) {
        say_restore(restores_role_);
        break;
      }
      restore_attempts_ = 0;
      // Of extended queries this is the end of the transaction that DISCARD ALL was in.
      locks_.on_ready(status_, false);
      meaning_.on_ready(status_, false);
      paths_.on_ready(status_, false);
      if (pool_) pool_->server->application_name = pool_->own_name;
      if (pool_) shared_ready(status_);
      if (reads_) reads_ready(status_);
      break;
    }
    case 'S':
    case 'A':
      return false;
    default:
      break;
  }
  backend_pass_ = Pass::drop;
  return true;
}

// Whether the server tells of the name of whoever has logged in there, which is not for the frontend, or of what
// dbgate makes of that.
bool Relay::is_foreign_name(std::string_view setting, std::string_view value) const {
  if (setting != "application_name") return false;
  // Where clients are shown, RESET goes back to a name that is nobody's (server_parameters()).
  if (!pool_->own_name.starts_with("dbgate:")) return value.empty() && !pool_->own_name.empty();
  if (!value.starts_with("dbgate:")) return false;
  return value != pool_->own_name || (!expected_.empty() && expected_.front().restores);
}

}  // namespace dbgate::session
