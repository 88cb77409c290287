#include <algorithm>

#include "gateway/session/relay.h"
#include "gateway/session/replies.h"
#include "gateway/session/shared_statements.h"
#include "protocol/postgres/frontend_messages.h"

// A statement that is prepared again on another server connection has the columns that its tables have by then. Where
// the frontend was told others PostgreSQL would refuse to run it, and so does dbgate: it would take rows of one shape
// for those of another.
namespace dbgate::session {

// The frontend was told another result type, or that of this server's statement (`result`) is not known: then the
// server is asked first, because what Execute would do cannot be undone.
Relay::BindStep Relay::compare_result(const PreparedPtr& prepared, const std::string& server_name,
                                      std::uint64_t result) {
  if (result != 0) {
    pool_->asked_for = nullptr;
    refuse_extended(changed_result(), false);
    return BindStep::refused;
  }
  const bool asked = std::any_of(expected_.begin(), expected_.end(), [&](const Expected& entry) {
    return entry.own && entry.describes && entry.server_name == server_name;
  });
  if (!asked) {
    pool_->asked_for = prepared;
    pool_->asked_name = server_name;
    ask_about(prepared, server_name);
  }
  next_ = Next::wait;
  return BindStep::again;
}

// By a Describe of dbgate's own. Flushed: somebody may come to wait for the answer before the frontend says more.
void Relay::ask_about(const PreparedPtr& prepared, const std::string& server_name) {
  Expected& entry = expect(Expected::Kind::describe_statement);
  entry.own = true;
  entry.server_name = server_name;
  entry.describes = prepared;
  dirty_ = true;
  namespace frontend = protocol::frontend;
  to_server_.say(protocol::encoded(frontend::Describe{frontend::NameKind::prepared_statement, server_name}));
  say_flush();
}

// Bind; a Describe of the portal may follow. `prepared` is null if the frontend knows the result type already. Unnamed
// statements are mostly parsed anew each time, so that looking at what they return would be of little use.
void Relay::note_untold(const PreparedPtr& prepared, std::string_view portal, const std::string& server_name) {
  pool_->untold = prepared && prepared->key ? prepared : nullptr;
  if (!pool_->untold) return;
  pool_->untold_portal = portal;
  pool_->untold_name = server_name;
}

void Relay::note_result(std::optional<Bytes> row_description) {
  const Expected& entry = expected_.front();
  const std::uint64_t result = result_type(row_description);
  if (!entry.own && entry.describes->told == 0) entry.describes->told = result;
  if (pool_->server == nullptr) return;
  upstream::ServerMemory& server = *pool_->server;
  if (!entry.server_name.empty()) {
    server.statements.note_result(entry.server_name, result);
  } else if (server.unnamed == entry.describes) {
    server.unnamed_result = result;
  }
}

}  // namespace dbgate::session
