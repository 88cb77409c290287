#include <algorithm>

#include "gateway/session/relay.h"
#include "gateway/session/replies.h"
#include "protocol/postgres/backend_messages.h"
#include "protocol/postgres/frame.h"

// Which replies of a server can be believed, and those that nobody has to look at.
namespace dbgate::session {
namespace {

namespace backend = protocol::backend;
using Kind = Expected::Kind;

constexpr std::size_t header_bytes = protocol::MessageHeader::bytes;

}  // namespace

// Rows and copy data of a statement without limits, as far as they have come: of each nothing but its head is looked
// at, and all leave in one piece. @return their bytes
std::size_t Relay::pass_rows(Bytes rest) {
  if (expected_.empty() || doubtful_syncs_ > 0) return 0;
  const Expected& entry = expected_.front();
  const bool runs = entry.run && (entry.kind == Kind::query || entry.kind == Kind::execute);
  if (!runs || entry.under) return 0;
  std::size_t taken = 0;
  while (rest.size() - taken >= header_bytes) {
    const char type = static_cast<char>(rest[taken]);
    if (type != backend::DataRow::type && type != backend::CopyData::type) break;
    const auto header = protocol::decode_header(rest.subspan(taken));
    if (!header || header->body_length > limits_.max_message_bytes) break;
    const std::size_t whole = header_bytes + header->body_length;
    const std::size_t here = std::min(whole, rest.size() - taken);
    entry.run->rows_returned += type == backend::DataRow::type;
    entry.run->bytes += whole;
    taken += here;
    backend_pass_ = Pass::forward;
    backend_rest_ = whole - here;
  }
  if (taken > 0) to_client_.forward(rest.first(taken));
  return taken;
}

// Whether a row has to be there as a whole, because the audit log keeps it. What a replication command streams is none.
bool Relay::wants_row(char type, std::size_t body_bytes) const {
  if ((type != backend::DataRow::type && type != backend::CopyData::type) || expected_.empty()) return false;
  const Expected& entry = expected_.front();
  return entry.run && entry.run->kept && !entry.replicates && entry.run->kept->wants(body_bytes);
}

void Relay::keep_row(char type, Bytes message, Bytes body) {
  KeptRows* const kept = expected_.front().run->kept.get();
  if (kept == nullptr || expected_.front().replicates) return;
  const auto header = protocol::decode_header(message);
  if (!header || header->body_length != body.size() || !kept->wants(body.size())) return kept->cut();
  type == backend::DataRow::type ? kept->add_row(body) : kept->add_line(body);
}

// Whether the oldest message that awaits a reply can be answered by this type (PostgreSQL docs ch. 55.2). What cannot
// be is a server that is out of step, and nothing it says may be believed.
bool Relay::reply_fits(char type) const {
  if (type == 'N' || type == 'S' || type == 'A') return true;
  // An error may come at any time: a server that shuts down says so.
  if (type == 'E') return true;
  if (type == 'Z') return takes_ready() || doubtful_syncs_ > 0;
  if (expected_.empty()) return false;
  if (expected_.front().gate_step) return std::string_view("123DC").find(type) != std::string_view::npos;
  const Kind kind = expected_.front().kind;
  const bool runs = expected_.front().run != nullptr;  // what was refused returns nothing
  switch (type) {
    case '1':
      return kind == Kind::parse && expected_.front().refusal.empty();
    case '2':
      return kind == Kind::bind;
    case '3':
      return kind == Kind::close;
    case 't':
      return kind == Kind::describe_statement;
    case 'n':
      return kind == Kind::describe_statement || kind == Kind::describe_portal;
    case 'T':
      return kind == Kind::describe_statement || kind == Kind::describe_portal || (runs && kind == Kind::query);
    case 'V':
      return kind == Kind::function_call;
    case 's':
      return runs && kind == Kind::execute;
    case 'G':
      return runs && expected_.front().copies_in > 0;
    case 'W':
      return runs && expected_.front().replicates;
    case 'D':
    case 'C':
    case 'I':
    case 'H':
    case 'd':
    case 'c':
      return runs && (kind == Kind::query || kind == Kind::execute);
    default:
      return false;
  }
}

void Relay::note_receipt(std::string_view query_id) {
  if (const auto record = trail_.last_record()) receipts_.add(segment_, *record, query_id);
}

// Where dbgate answers by itself nothing is owed by the server, so everything is behind the client.
void Relay::say_ready() {
  if (!receipts_.empty()) receipts_.tell(segment_, local_replies_);
  local_replies_.say(ready_for_query(status_));
}

// A query is answered by more than ReadyForQuery, and any reply but an error settles what became of Syncs in doubt: a
// ReadyForQuery that comes first belongs to one of those.
bool Relay::takes_ready() const {
  if (expected_.empty()) return false;
  const Expected& entry = expected_.front();
  if (entry.kind != Kind::query && entry.kind != Kind::function_call) return entry.kind == Kind::sync;
  return entry.failed || (doubtful_syncs_ == 0 && entry.refusal.empty());
}

}  // namespace dbgate::session
