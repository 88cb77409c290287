#include <algorithm>
#include <utility>

#include "gateway/session/column_origins.h"
#include "gateway/session/commit_gate.h"
#include "gateway/session/reduced_errors.h"
#include "gateway/session/relay.h"
#include "gateway/session/replies.h"
#include "gateway/session/row_caps.h"
#include "protocol/postgres/backend_messages.h"
#include "protocol/postgres/field_writer.h"
#include "protocol/postgres/frame.h"

namespace dbgate::session {
namespace {

namespace backend = protocol::backend;
using Kind = Expected::Kind;

constexpr std::size_t header_bytes = protocol::MessageHeader::bytes;
// Messages that are looked at whole.
constexpr std::size_t max_inspected_message = 1u << 20;
// Of an ErrorResponse only severity and SQLSTATE are looked at, which come first; what an exception says can be long.
constexpr std::size_t error_head_bytes = 4096;

bool inspected(char type) {
  return std::string_view("CSZGHWIAs123nc").find(type) != std::string_view::npos;
}

// Of messages that are inspected but whose fields nobody needs. What does not decode comes from a server that is out of
// step.
bool well_formed(char type, Bytes body) {
  switch (type) {
    case '1':
      return backend::ParseComplete::decode(body).has_value();
    case '2':
      return backend::BindComplete::decode(body).has_value();
    case '3':
      return backend::CloseComplete::decode(body).has_value();
    case 'n':
      return backend::NoData::decode(body).has_value();
    case 'I':
      return backend::EmptyQueryResponse::decode(body).has_value();
    case 's':
      return backend::PortalSuspended::decode(body).has_value();
    case 'c':
      return backend::CopyDone::decode(body).has_value();
    case 'G':
      return backend::CopyInResponse::decode(body).has_value();
    case 'H':
      return backend::CopyOutResponse::decode(body).has_value();
    case 'W':
      return backend::CopyBothResponse::decode(body).has_value();
    default:
      return true;
  }
}

// Of what a result that is kept consists. Anything else, such as a notice, belongs to one time only.
bool is_kept(char type) {
  return std::string_view("12nTDCZ").find(type) != std::string_view::npos;
}

}  // namespace

Relay::Step Relay::on_backend(Bytes input) {
  Step step;
  next_ = Next::more;
  if (reads_) reads_->begin_replies(to_client_);
  while (next_ == Next::more) {
    const Bytes rest = input.subspan(step.taken);
    if (backend_rest_ > 0) {
      if (rest.empty()) break;
      const std::size_t part = std::min(backend_rest_, rest.size());
      if (backend_pass_ == Pass::forward) to_client_.forward(rest.first(part));
      backend_rest_ -= part;
      step.taken += part;
      continue;
    }
    if (rest.size() < header_bytes) break;
    if (const std::size_t rows = pass_rows(rest); rows > 0) {
      step.taken += rows;
      continue;
    }
    const auto header = protocol::decode_header(rest);
    if (!header) {
      fail(sqlstate::connection_failure, "the server sent an invalid message length");
      break;
    }
    const std::size_t whole = header_bytes + header->body_length;
    // While nothing is owed dbgate may answer by itself at any moment, and its words may not fall into the middle of a
    // notice or notification that is still arriving: those pass whole. Long ones belong to a statement.
    const bool described = header->type == 'T' && header->body_length <= max_inspected_message &&
                           (described_origins() || (!expected_.empty() && expected_.front().describes));
    const bool keeps = wants_row(header->type, header->body_length);
    const bool own_step = !expected_.empty() && expected_.front().gate_step;
    const bool look = inspected(header->type) || expected_.empty() || described || own_step || keeps;
    const std::size_t most = own_step ? Changes::most_bytes : max_inspected_message;
    if (header->body_length > (look ? most : limits_.max_message_bytes)) {
      fail(sqlstate::connection_failure, "the server sent a message that is too large");
      break;
    }
    std::size_t needed = look ? whole : header_bytes;
    const bool read_in_part = header->type == backend::ErrorResponse::type ||
                              (header->type == backend::NoticeResponse::type && judge_.reduces_errors());
    if (!look && read_in_part) {
      needed = std::min(whole, header_bytes + error_head_bytes);
    }
    if (rest.size() < needed) {
      step.wanted = needed;
      break;
    }
    if (!reply_fits(header->type)) {
      fail(sqlstate::connection_failure, "the server sent an unexpected message");
      break;
    }
    const Bytes message = rest.first(std::min(whole, rest.size()));
    backend_pass_ = Pass::forward;
    if (!handle_backend(header->type, message, message.subspan(header_bytes))) break;
    step.taken += message.size();
    backend_rest_ = whole - message.size();
    const bool passes = backend_pass_ == Pass::forward;
    if (passes && !expected_.empty() && expected_.front().run) expected_.front().run->bytes += whole;
  }
  if (reads_) reads_->take_replies(to_client_);
  note_idle();
  step.next = next_;
  return step;
}

bool Relay::handle_backend(char type, Bytes message, Bytes body) {
  // Any other reply is to something behind a Sync that was in doubt: that one was ignored.
  const bool settles = std::string_view("ZENSA").find(type) == std::string_view::npos && copy_in_ == CopyIn::none;
  if (settles) doubtful_syncs_ = 0;
  if (!well_formed(type, body)) {
    fail(sqlstate::connection_failure, std::string("the server sent an invalid message of type ") + type);
    return false;
  }
  const bool stood_in = pool_ && type == 'C' && stood_for_deallocate(body);
  if (stood_in) {
    static const std::string deallocated = protocol::encoded(backend::CommandComplete{"DEALLOCATE"});
    message = protocol::as_bytes(deallocated);
    body = message.subspan(header_bytes);
  }
  // What dbgate has asked itself is in no result.
  const bool asked = !expected_.empty() && expected_.front().own && (type == 't' || type == 'T');
  if (reads_ && !is_kept(type) && !asked) reads_->drop();
  if (!expected_.empty() && expected_.front().gate_step) {
    const bool done = expected_.front().restores ? restore_reply(type, body) : gate_reply(type, message, body);
    if (done) return true;
  }
  const bool of_doubtful_sync = type == 'Z' && !takes_ready();
  const bool limited = !expected_.empty() && expected_.front().under && !of_doubtful_sync;
  if (limited && limited_reply(type, message, body)) return true;
  switch (type) {
    case 'E':
      on_error(message, body);
      return true;
    case 'Z': {
      const auto ready = backend::ReadyForQuery::decode(body);
      if (!ready) {
        fail(sqlstate::connection_failure, "the server sent an invalid ReadyForQuery");
        return false;
      }
      on_ready(static_cast<char>(ready->status), message);
      return true;
    }
    case 'S':
      if (!check_parameter(body)) return false;
      if (backend_pass_ == Pass::drop) return true;
      break;
    case 'C': {
      const auto complete = backend::CommandComplete::decode(body);
      if (!complete) {
        fail(sqlstate::connection_failure, "the server sent an invalid CommandComplete");
        return false;
      }
      const bool ends_own = expected_.front().wrapped || expected_.front().gate_ends;
      if (ends_own && gate_keeps_tag(message, complete->tag)) return true;
      if (stood_in) {
        to_client_.say(std::string(protocol::as_text(message)));
        backend_pass_ = Pass::drop;
      } else {
        to_client_.forward(message);
      }
      if (reads_) complete_read(message, complete->tag);
      on_complete(complete->tag);
      return true;
    }
    case 'I':
    case 's':
      to_client_.forward(message);
      on_complete(type == 's' ? "PORTAL SUSPENDED" : "");
      return true;
    case 'D':
      ++expected_.front().run->rows_returned;
      [[fallthrough]];
    case 'd':
      if (!expected_.empty() && expected_.front().run) keep_row(type, message, body);
      break;
    case 'n':
      if (expected_.front().describes) note_result(std::nullopt);
      [[fallthrough]];
    case '1':
    case '2':
    case '3':
      if (expected_.front().own) {
        backend_pass_ = Pass::drop;
      } else {
        to_client_.forward(message);
      }
      pop_front(true);
      return true;
    case 'T':
      if (expected_.front().describes) note_result(body);
      forward_description(message, body);
      if (expected_.front().kind != Kind::query) pop_front(true);
      return true;
    case 'N':
      if (!judge_.reduces_errors() || notice_passes(body)) break;
      backend_pass_ = Pass::drop;
      return true;
    case 'G':
    case 'W':
      copy_begins();
      break;
    case 't':
      if (expected_.front().describes) note_parameters(body);
      if (!expected_.front().own) break;
      backend_pass_ = Pass::drop;
      return true;
    case 'A': {
      const auto said = backend::NotificationResponse::decode(body);
      if (!said) {
        fail(sqlstate::connection_failure, "the server sent an invalid NotificationResponse");
        return false;
      }
      // Where server connections are shared another one listens for the session (relay_listen.cpp).
      if (!pool_ && judge_.may_hear(std::string(said->channel))) break;
      backend_pass_ = Pass::drop;
      return true;
    }
    default:
      break;
  }
  to_client_.forward(message);
  return true;
}

void Relay::copy_begins() {
  copy_in_ = CopyIn::streaming;
  Expected& entry = expected_.front();
  entry.copied_in = true;
  if (entry.copies_in == 0) return;
  --entry.copies_in;
  --copies_to_come_;
}

// Only the settings on which the meaning of statement text rests. UNICODE is UTF8, and reads back as it was written for
// old JDBC drivers (PostgreSQL, commands/variable.c).
bool Relay::check_parameter(Bytes body) {
  const auto status = backend::ParameterStatus::decode(body);
  if (!status) {
    fail(sqlstate::connection_failure, "the server sent an invalid ParameterStatus");
    return false;
  }
  const auto& [name, value] = *status;
  const bool drifted = (name == "client_encoding" && value != "UTF8" && value != "UNICODE") ||
                       (name == "standard_conforming_strings" && value != "on");
  if (pool_ && is_foreign_name(name, value)) backend_pass_ = Pass::drop;
  if (drifted) {
    fail(sqlstate::protocol_violation, "setting " + std::string(name) + " was changed, which dbgate does not allow");
  }
  return !drifted;
}

// `message` may be the beginning only; the rest goes the same way.
void Relay::on_error(Bytes message, Bytes body) {
  const auto head = backend::ErrorHead::read(body);
  const SqlState state = SqlState::from(head.sqlstate);
  const std::string_view code = state.text();
  const bool fatal = head.severity == "FATAL" || head.severity == "PANIC";
  if (pool_ && pool_->pins.none() && at_rest()) {
    backend_pass_ = Pass::drop;  // of a server connection that another takes the place of
    return;
  }
  if (expected_.empty() || fatal) {
    // The server ends the session; its last words are the client's.
    forward_error(message, body);
    fatal_seen_ = fatal;
    if (!expected_.empty() && expected_.front().run) finish_run(*expected_.front().run, code);
    return;
  }
  if (pool_) {
    pool_->failed = true;
    // "cached plan must not change result type": what is held here is not what it would be now.
    if (code == sqlstate::feature_not_supported.text()) pool_->server->statements.close_all_later();
  }
  if (reads_) reads_->failed = true;
  failed_ = true;
  Expected& entry = expected_.front();
  copy_in_ = CopyIn::none;
  if (!entry.copied_in) doubtful_syncs_ = 0;
  if (entry.under) note_error(entry, state);
  if (error_is_hidden(entry)) {
    backend_pass_ = Pass::drop;
  } else if (entry.refusal.empty()) {
    forward_error(message, body);
  } else {
    to_client_.say(std::move(entry.refusal));
    entry.refusal.clear();
    backend_pass_ = Pass::drop;
  }
  if (entry.run) finish_run(*entry.run, code);
  if (entry.kind == Kind::query || entry.kind == Kind::function_call) {
    entry.failed = true;
    copies_to_come_ -= std::exchange(entry.copies_in, 0);
    return;  // its ReadyForQuery follows
  }
  skip_to_sync();
}

void Relay::forward_error(Bytes message, Bytes body) {
  if (!judge_.reduces_errors()) return to_client_.forward(message);
  to_client_.say(reduced_error(body, judge_.rewrites()));
  backend_pass_ = Pass::drop;
}

// Where the columns of the rows that come next belong, if the server cannot know; null: it does.
const std::vector<rewrite::ColumnOrigin>* Relay::described_origins() const {
  if (!rewritten_ || expected_.empty()) return nullptr;
  const Expected& entry = expected_.front();
  const Sent* sent = entry.sent.get();
  if (entry.kind == Kind::describe_statement || entry.kind == Kind::describe_portal) {
    const bool portal = entry.kind == Kind::describe_portal;
    const PreparedPtr prepared = (portal ? portals_ : statements_).confirmed(entry.name);
    if (prepared && !prepared->sql_cursor) sent = prepared->sent.get();
  }
  const std::size_t statement = entry.run ? entry.run->statement : 0;
  if (!sent || statement >= sent->origins.size() || sent->origins[statement].empty()) return nullptr;
  return &sent->origins[statement];
}

void Relay::forward_description(Bytes message, Bytes body) {
  if (expected_.front().own) {
    backend_pass_ = Pass::drop;
    return;
  }
  const auto* const origins = described_origins();
  const std::string described = origins == nullptr ? std::string() : with_origins(body, *origins);
  if (described.empty()) return to_client_.forward(message);
  to_client_.say(described);
  backend_pass_ = Pass::drop;
}

// After an error in an extended query the server reads and discards everything up to Sync.
void Relay::skip_to_sync() {
  while (!expected_.empty() && expected_.front().kind != Kind::sync) {
    if (expected_.front().run) finish_run(*expected_.front().run, {});
    pop_front(false);
  }
  if (!expected_.empty()) return;
  skipping_ = true;
  skip_is_local_ = false;
  dirty_ = true;  // a Query that was sent meanwhile has ended nothing: the server has discarded it
}

void Relay::on_ready(char status, Bytes message) {
  status_ = status;
  copy_in_ = CopyIn::none;
  if (!takes_ready()) {  // the server had not read that Sync after all, and is ready for what comes behind it
    --doubtful_syncs_;
    if (!skip_is_local_) skipping_ = false;
    return to_client_.forward(message);
  }
  Expected& entry = expected_.front();
  if (entry.wrapped && wrapped_ready(status)) return;
  if (entry.run) finish_run(*entry.run, "00000");
  const Segment answered = entry.segment;
  pop_front(true);
  if (gate_) gate_->ready(status);
  const bool failed = std::exchange(failed_, false);
  locks_.on_ready(status, failed);
  meaning_.on_ready(status, failed);
  paths_.on_ready(status, failed);
  if (pool_) shared_ready(status);
  if (!receipts_.empty()) receipts_.tell(answered, to_client_);
  to_client_.forward(message);
  if (reads_) reads_ready(status);
  if (catalog_touched_) catalog_ready(status, answered);
  // Portals live as long as their transaction, holdable cursors longer.
  if (status_ == 'I') {
    loose_meters_.clear();
    portals_.forget_if(
        [](const Prepared& portal) { return !portal.sql_cursor || !portal.script->statements.front().holdable; });
  }
}

void Relay::on_complete(std::string_view tag) {
  Expected& entry = expected_.front();
  Run& run = *entry.run;
  if (run.script && run.statement < run.script->statements.size()) {
    const sql::Statement& statement = run.script->statements[run.statement];
    settle_effects(run, statement, true);
    locks_.follow(statement, tag);
    meaning_.follow(statement, tag);
    paths_.follow(statement, tag);
    if (gate_) gate_->follow(statement);
    if (catalog_touched_) catalog_follows(run, statement, tag);
    if (pool_) shared_complete(run, statement, tag);
    if (reads_ && !pool_) follow_settings(run, statement, tag);
    ++run.statement;
  }
  if (!tag.starts_with("SELECT") && !tag.starts_with("FETCH") && !tag.starts_with("MOVE")) {
    run.rows_affected += rows_of(tag);
  }
  if (!run.tags.empty()) run.tags += "; ";
  run.tags += tag;
  if (entry.kind == Kind::execute) {
    finish_run(run, "00000");
    pop_front(true);
  }
}

}  // namespace dbgate::session
