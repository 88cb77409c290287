#include "gateway/session/relay.h"
#include "gateway/session/replies.h"
#include "protocol/postgres/backend_messages.h"
#include "protocol/postgres/field_writer.h"
#include "protocol/postgres/frame.h"
#include "protocol/postgres/frontend_messages.h"

// Limits of policies on what the server answers: counting, stopping, and undoing what was stopped too late.
namespace dbgate::session {
namespace {

namespace backend = protocol::backend;
namespace frontend = protocol::frontend;
using Kind = Expected::Kind;

constexpr std::size_t header_bytes = protocol::MessageHeader::bytes;
constexpr std::size_t binary_trailer_bytes = 2;
constexpr std::size_t gathered_row_bytes = 32;

const std::string& copy_fail() {
  static const std::string message = [] {
    std::string text;
    protocol::FieldWriter writer(text);
    writer.begin_message('f');
    writer.string("dbgate stopped this statement");
    writer.end_message();
    return text;
  }();
  return message;
}

enum class Own : std::uint8_t { commit, rollback };

const std::string& own_query(Own what) {
  static const std::string commit = protocol::encoded(frontend::Query{"COMMIT"});
  static const std::string rollback = protocol::encoded(frontend::Query{"ROLLBACK"});
  return what == Own::commit ? commit : rollback;
}

}  // namespace

// Returns true if the message is done with: it was counted and passed no limit only if this is false.
bool Relay::limited_reply(char type, Bytes message, Bytes body) {
  Expected& entry = expected_.front();
  if (type == 'S' || type == 'A') return false;
  if (type == 'E') {
    const auto head = backend::ErrorHead::read(body);
    const bool fatal = head.severity == "FATAL" || head.severity == "PANIC";
    if (fatal || entry.under->guard != Guard::opening) return false;
    backend_pass_ = Pass::drop;  // BEGIN has failed; the statement will as well
    doubtful_syncs_ = 0;
    return true;
  }
  if (type == 'Z' && entry.kind == Kind::sync && abort_due_ && entry.under->guard == Guard::none) {
    abort_due_ = false;
    const auto ready = backend::ReadyForQuery::decode(body);
    if (!ready || ready->status != backend::TransactionStatus::in_transaction) return false;
    undo(entry, failing_query());
    return true;
  }
  if (type == 'C' && changed_too_much(entry, body)) return true;
  if (entry.under->guard != Guard::none) return guarded_reply(type, message, body);
  if (entry.under->stopped) {
    if (type != 'Z') return stopped_reply(type);
    const auto ready = backend::ReadyForQuery::decode(body);
    if (!ready || ready->status != backend::TransactionStatus::in_transaction || entry.under->error_seen) return false;
    undo(entry, failing_query());
    return true;
  }
  return entry.run && !entry.run->meters.empty() && !counted(type, message, body);
}

// Replies to a statement that dbgate has put a transaction around, and to what begins and ends that.
bool Relay::guarded_reply(char type, Bytes message, Bytes body) {
  Expected& entry = expected_.front();
  UnderLimits& under = *entry.under;
  char status = 0;  // of ReadyForQuery
  if (type == 'Z') {
    const auto ready = backend::ReadyForQuery::decode(body);
    if (!ready) return false;
    status = static_cast<char>(ready->status);
  }
  switch (under.guard) {
    case Guard::opening:
      if (type == 'Z') {
        status_ = status;
        under.guard = status == 'T' ? Guard::running : Guard::none;
        start_clock();
      }
      break;
    case Guard::running:
      return type == 'Z' ? guard_ready(status) : guard_running(type, message, body);
    case Guard::committing:
      if (type == 'Z') return false;
      if (type == 'C' && !under.last_tag.empty()) to_client_.say(std::exchange(under.last_tag, {}));
      break;
    default:
      if (type == 'Z') return false;
      break;
  }
  backend_pass_ = Pass::drop;
  return true;
}

bool Relay::guard_running(char type, Bytes message, Bytes body) {
  Expected& entry = expected_.front();
  if (entry.under->stopped) return stopped_reply(type);
  if (type != 'C' || entry.run->statement + 1 < entry.run->script->statements.size()) {
    return !entry.run->meters.empty() && !counted(type, message, body);
  }
  // The last of the text; not true before COMMIT is.
  const auto complete = backend::CommandComplete::decode(body);
  if (!complete) return false;
  entry.under->last_tag = std::string(protocol::as_text(message));
  on_complete(complete->tag);
  backend_pass_ = Pass::drop;
  return true;
}

// The text is over: what it did becomes true, or is undone.
bool Relay::guard_ready(char status) {
  Expected& entry = expected_.front();
  if (status == 'I') {  // it has ended the transaction itself after all
    if (!entry.under->last_tag.empty()) to_client_.say(std::exchange(entry.under->last_tag, {}));
    return false;
  }
  status_ = status;
  if (entry.under->stopped || status != 'T') {
    undo(entry, own_query(Own::rollback));
    return true;
  }
  own_words_.say(own_query(Own::commit));
  entry.under->guard = Guard::committing;
  backend_pass_ = Pass::drop;
  return true;
}

// What the server still says of a statement that was stopped. The client has its error.
bool Relay::stopped_reply(char type) {
  Expected& entry = expected_.front();
  backend_pass_ = Pass::drop;
  if (type == 'G') {
    // The text goes on to a COPY that the client will never know of.
    own_words_.say(copy_fail());
    return true;
  }
  if (entry.kind != Kind::execute || std::string_view("CIs").find(type) == std::string_view::npos) return true;
  // It was over before it could be cancelled, and must fail all the same.
  if (expected_.size() == 1) {
    undo(entry, failing_parse(false));
    return true;
  }
  abort_due_ = status_ == 'T';  // its Sync is on the way already
  pop_front(true);
  return true;
}

// Sends the server what ends or aborts the transaction; the replies to that are not the client's, but ReadyForQuery is.
void Relay::undo(Expected& entry, const std::string& with) {
  own_words_.say(with);
  entry.under->guard = Guard::undoing;
  if (!std::exchange(entry.under->held, true)) ++held_;  // a Sync
  cancel_due_ = false;
  backend_pass_ = Pass::drop;
}

// Returns whether the message may pass.
bool Relay::counted(char type, Bytes message, Bytes body) {
  Expected& entry = expected_.front();
  Run& run = *entry.run;
  if (type == 'H' && !body.empty()) {
    run.copy_binary = body.front() != std::byte{0};
    const std::size_t all = run.script ? run.script->statements.size() : 0;
    run.header_due = run.statement < all && run.script->statements[run.statement].copy_header;
  }
  if (std::string_view("DdVN").find(type) == std::string_view::npos) return true;
  const auto header = protocol::decode_header(message);
  const std::size_t whole = header_bytes + (header ? header->body_length : 0);
  const bool trailer = type == 'd' && run.copy_binary && header && header->body_length == binary_trailer_bytes;
  const bool row = type == 'D' || (type == 'd' && !trailer && !std::exchange(run.header_due, false));
  Meter& meter = *run.meters[std::min(run.statement, run.meters.size() - 1)];
  const policy::LimitSet& limits = *entry.under->limits;
  // Where many rows come in one, only its size tells how many. A limit on bytes does better than that guess.
  const bool by_size = row && meter.gathers && !limits.bytes.set();
  const std::size_t rows = by_size ? std::max<std::size_t>(1, whole / gathered_row_bytes) : row;
  if (limits.rows.set() && rows > limits.rows.value - std::min<std::uint64_t>(meter.rows, limits.rows.value)) {
    stop(entry, too_many_rows(limits));
    return false;
  }
  // Never added before comparison: lengths come from the server.
  if (limits.bytes.set() && whole > limits.bytes.value - std::min<std::uint64_t>(meter.bytes, limits.bytes.value)) {
    stop(entry, too_many_bytes(limits));
    return false;
  }
  meter.rows += rows;
  meter.bytes += whole;
  return true;
}

void Relay::stop(Expected& entry, OverLimit over) {
  backend_pass_ = Pass::drop;
  to_client_.say(error_response(over.refusal));
  entry.run->limit = std::move(over.rule);
  finish_run(*entry.run, over.refusal.code.text());
  entry.under->stopped = true;
  cancel_due_ = true;
}

// The client has its error already, or the statement was dbgate's own.
bool Relay::error_is_hidden(const Expected& entry) const {
  return entry.under && (entry.under->stopped || entry.under->guard == Guard::undoing);
}

// The server's words for a statement that was cancelled for its time are put right: it was the limit.
void Relay::note_error(Expected& entry, SqlState code) {
  entry.under->error_seen = true;
  if (code != sqlstate::query_canceled || !entry.under->overdue || !entry.refusal.empty()) return;
  OverLimit over = too_slow(*entry.under->limits);
  entry.refusal = error_response(over.refusal);
  if (entry.run) entry.run->limit = std::move(over.rule);
}

void Relay::leave_limits(const UnderLimits& under) {
  if (under.admitted) quota_.leave();
  if (under.held) --held_;
  if (!under.row_caps.empty()) --capped_;
  if (under.stopped) cancel_due_ = false;
}

}  // namespace dbgate::session
