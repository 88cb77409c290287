#include <algorithm>

#include "gateway/session/commit_gate.h"
#include "gateway/session/relay.h"
#include "gateway/session/replies.h"
#include "protocol/postgres/frame.h"
#include "protocol/postgres/frontend_messages.h"

namespace dbgate::session {
namespace {

// Of a statement that is too large: more is refused before it has come.
constexpr std::size_t most_awaited = 64u << 20;

namespace frontend = protocol::frontend;

constexpr std::size_t header_bytes = protocol::MessageHeader::bytes;

// What a frontend may send after its login (PostgreSQL docs ch. 55.7).
constexpr std::string_view frontend_types = "BCDEFHPQSXcdf";

// Messages whose body may pass while it is still arriving. Of Bind only the names are looked at.
bool streams(char type) {
  return type == 'd' || type == 'B' || type == 'F';
}

}  // namespace

Relay::Relay(Judge& judge, Trail& trail, const RelayLimits& limits, bool replication, Limiter* limiter, Sharing sharing)
    : judge_(judge),
      trail_(trail),
      limits_(limits),
      replication_(replication),
      pool_(sharing == Sharing::none ? nullptr : std::make_unique<PoolSide>()),
      bind_records_(limits.parameters),
      quota_(limiter) {
  if (pool_) pool_->statements_only = sharing == Sharing::statement;
}

Relay::~Relay() = default;

void Relay::fail(SqlState code, std::string message) {
  failure_ = Error(code, std::move(message));
  next_ = Next::broken;
}

std::size_t Relay::frontend_limit(char type) const {
  switch (type) {
    case 'Q':
      return limits_.max_statement_bytes + 1;
    case 'P':
      return limits_.max_statement_bytes + max_small_message;
    case 'd':
    case 'B':
    case 'F':
      return limits_.max_message_bytes;
    default:
      return max_small_message;
  }
}

Relay::Step Relay::on_frontend(Bytes input) {
  Step step;
  next_ = Next::more;
  if (held_ == 0) quota_.refresh();  // a stretch of messages has one set of limits as long as it matters
  while (next_ == Next::more) {
    Bytes rest = input.subspan(step.taken);
    if (frontend_rest_ > 0) {
      if (rest.empty()) break;
      const std::size_t part = std::min(frontend_rest_, rest.size());
      if (frontend_pass_ == Pass::forward) to_server_.forward(rest.first(part));
      frontend_rest_ -= part;
      if (bind_records_.streaming()) bind_records_.more(rest.first(part), frontend_rest_);
      step.taken += part;
      if (frontend_rest_ == 0 && oversized_) refuse_oversized(*std::exchange(oversized_, std::nullopt));
      continue;
    }
    if (rest.size() < header_bytes) break;
    const auto header = protocol::decode_header(rest);
    if (!header) {
      fail(sqlstate::protocol_violation, "invalid message length");
      break;
    }
    // At the header: nothing waits for a body that nobody will look at.
    if (frontend_types.find(header->type) == std::string_view::npos) {
      fail(sqlstate::protocol_violation,
           "invalid frontend message type " + std::to_string(static_cast<unsigned char>(header->type)));
      break;
    }
    if (pool_ && lacks_server(header->type)) break;
    if (reads_ && (header->type == 'P' || header->type == 'B')) {
      if (const std::size_t answered = answers_batch(rest); answered > 0) {
        step.taken += answered;
        continue;
      }
    }
    const std::size_t whole = header_bytes + header->body_length;
    if (header->body_length > frontend_limit(header->type)) {
      if (header->type != 'Q' && header->type != 'P') {
        fail(sqlstate::protocol_violation, "message is too large");
        break;
      }
      // Its bytes are dropped as they come. What is said to it waits for the last one, as the server's word would: a
      // client may take no answer for a message that it is still sending. What nobody sends in earnest is not waited
      // for.
      if (!skipping_) {
        if (!allowed_while_copying(header->type) || held_back(header->type) || must_wait()) break;
        if (header->body_length > most_awaited) {
          refuse_oversized(*header);
        } else {
          oversized_ = *header;
        }
      }
      step.taken += header_bytes;
      frontend_rest_ = header->body_length;
      frontend_pass_ = Pass::drop;
      continue;
    }
    const bool partial = rest.size() < whole;
    if (partial && !streams(header->type)) {
      step.wanted = whole;
      break;
    }
    const Bytes message = rest.first(std::min(whole, rest.size()));
    if (!handle_frontend(header->type, message, partial)) {
      if (next_ == Next::more) step.wanted = whole_bind_ ? whole : std::min(whole, max_small_message);
      break;
    }
    hold_ = nullptr;
    asking_ = nullptr;
    step.taken += message.size();
    // A message that streams was passed as far as it has come; the rest goes the same way.
    if (partial) frontend_rest_ = whole - message.size();
  }
  offered_ = nullptr;
  if (next_ == Next::wait && !copy_is_open()) ask_for_owed();
  step.next = next_;
  return step;
}

// The server keeps its replies to extended queries until a Sync, which may stand behind what waits for them.
void Relay::ask_for_owed() {
  if (dirty_ && flushed_ != owed_) say_flush();
}

void Relay::say_flush() {
  to_server_.say(flush_message());
  flushed_ = owed_;
}

// Returns false if the message has to be seen again: with more bytes, after replies, or after an analysis.
bool Relay::handle_frontend(char type, Bytes message, bool partial) {
  const Bytes body = message.subspan(header_bytes);
  frontend_pass_ = Pass::drop;
  whole_bind_ = false;
  if (type == 'X') {
    next_ = Next::finished;
    return true;
  }
  if (skipping_ && type != 'S') return true;
  if (pool_ && refused_for_server(type)) return true;
  if (!allowed_while_copying(type) || held_back(type) || (type != 'H' && must_wait())) return false;
  if (timed_execute_) ask_for_replies(type);
  switch (type) {
    case 'd':
    case 'c':
    case 'f':
      if (gate_ && gate_->wraps && type != 'd') return end_wrapped_copy(message);
      on_copy_message(type, message);
      return true;
    case 'S':
      on_sync(message, body);
      break;
    case 'H':
      if (frontend::Flush::decode(body)) {
        to_server_.forward(message);
        flushed_ = owed_;
      } else {
        fail(sqlstate::protocol_violation, "invalid Flush message");
      }
      break;
    case 'Q':
      on_query(message, body);
      break;
    case 'P':
      on_parse(message, body);
      break;
    case 'B':
      return on_bind(message, body, partial);
    case 'D':
      on_describe(message, body);
      break;
    case 'C':
      on_close(message, body);
      break;
    case 'E':
      on_execute(message, body);
      break;
    default:
      on_function_call(message);
      break;
  }
  return next_ == Next::more;
}

// Whether the next message can be handled only after replies. These two waits end by themselves:
// Every message that was forwarded brings at least five bytes of reply, and the server sends what fills its buffer of 8
// kB. And a copy that is to come begins, or fails, at once.
bool Relay::must_wait() {
  const bool full = expected_.size() >= limits_.outstanding_messages;
  const bool copy = copy_in_ == CopyIn::none && copy_is_open();
  if (full || copy) next_ = Next::wait;
  return full || copy;
}

// What follows a COPY … FROM STDIN or a replication command is copy data or an ordinary message, and what a Sync there
// means, only the server's answer tells.
bool Relay::copy_is_open() const noexcept {
  return copies_to_come_ > 0 || (!expected_.empty() && expected_.back().replicates);
}

// While the server reads copy data, anything but its messages puts the stream out of step (PostgreSQL docs ch. 55.2.7).
bool Relay::allowed_while_copying(char type) {
  if (copy_in_ == CopyIn::none || std::string_view("dcfSH").find(type) != std::string_view::npos) return true;
  fail(sqlstate::protocol_violation,
       "unexpected message type " + std::to_string(static_cast<unsigned char>(type)) + " during COPY from stdin");
  return false;
}

std::shared_ptr<const Analysis> Relay::analysis_of(std::string_view text) {
  // An offer counts for exactly the text it was made from: the buffer has not moved since.
  if (offered_ && text.data() == text_to_analyze_.data() && text.size() == text_to_analyze_.size()) {
    return std::move(offered_);
  }
  if (text.size() > limits_.inline_statement_bytes || !judging().ready()) {
    text_to_analyze_ = text;
    next_ = Next::analyze;
    return nullptr;
  }
  return judge_.analyze(text);
}

Expected& Relay::expect(Expected::Kind kind) {
  Expected& entry = expected_.emplace_back();
  entry.kind = kind;
  entry.segment = segment_;
  ++owed_;
  idle_due_ = UnderLimits::never;
  if (quota_.limits()) {
    entry.under = std::make_unique<UnderLimits>();
    entry.under->limits = quota_.limits();
    if (expected_.size() == 1) start_clock();
  }
  return entry;
}

// What is said of a text that names what others have defined is not all that runs.
Result<Id> Relay::record(const Judged& judged, std::string_view text, std::string_view protocol,
                         std::string_view name) {
  if (!judged.script || !names_others(*judged.script)) return trail_.decided(judged, text, protocol, name);
  Judged whole = judged;
  whole.definitions = definitions_by_protocol(*judged.script);
  return trail_.decided(whole, text, protocol, name);
}

// Writes the decision to the audit trail. Null: it could not be written; `not_recorded_` is what the client is told.
std::unique_ptr<Run> Relay::announce(const Judged& judged, std::string_view text, std::string_view protocol,
                                     std::string_view name) {
  auto query_id = record(judged, text, protocol, name);
  if (!query_id) {
    not_recorded_ = audit_refusal(query_id.error());
    return nullptr;
  }
  if (locks_.wants_receipts()) note_receipt(*query_id);
  auto run = std::make_unique<Run>();
  run->query_id = *query_id;
  run->script = judged.script;
  run->started = std::chrono::steady_clock::now();
  if (quota_.limits() && quota_.limits()->recorded.rows > 0) {
    run->kept = std::make_unique<KeptRows>(quota_.limits()->recorded.rows, quota_.limits()->recorded.bytes);
  }
  run->masked_columns = judged.verdict ? judged.verdict->masked.size() : 0;
  if (judged.advice && !judged.refused && !judged.advice->waits) ask_afterwards(*judged.advice, run->query_id);
  return run;
}

// Records a denial of which nothing will run. @return what the client is told
Refusal Relay::record_denial(const Judged& judged, std::string_view text, std::string_view protocol,
                             std::string_view name) {
  const auto recorded = record(judged, text, protocol, name);
  if (recorded && locks_.wants_receipts()) note_receipt(*recorded);
  return recorded ? with_request_id(judged.refusal, *recorded) : audit_refusal(recorded.error());
}

// Returns false if the message has to be seen again, or must not come now. Its text is not read, so not recorded.
void Relay::refuse_oversized(const protocol::MessageHeader& header) {
  Refusal refusal;
  refusal.code = sqlstate::program_limit_exceeded;
  refusal.message = "statement of " + std::to_string(header.body_length) + " bytes exceeds the limit of " +
                    std::to_string(limits_.max_statement_bytes) + " bytes";
  refusal.hint = "Send large data as bind parameters or by COPY.";
  const bool simple = header.type == 'Q';
  const Judged judged = over_limit(std::move(refusal), nullptr);
  const Refusal told = record_denial(judged, {}, simple ? simple_protocol() : "extended", {});
  simple ? refuse_simple(told) : refuse_extended(told, true);
}

void Relay::on_sync(Bytes message, Bytes body) {
  if (!frontend::Sync::decode(body)) return fail(sqlstate::protocol_violation, "invalid Sync message");
  if (reads_) reads_->forget();
  // Frontends may send Sync along with the COPY; the server ignores it while it reads copy data (PostgreSQL docs
  // ch. 55.2.7), unless the copy has failed before it comes to read it.
  if (copy_in_ != CopyIn::none) {
    to_server_.forward(message);
    ++doubtful_syncs_;
    return;
  }
  if (gate_ && gate_->own_block && !end_own_block()) return;
  if (skipping_) {
    skipping_ = false;
    if (skip_is_local_) {
      skip_is_local_ = false;
      say_ready();
      return;
    }
  }
  to_server_.forward(message);
  expect(Expected::Kind::sync);
  ++segment_;
  dirty_ = false;
  segment_writes_ = segment_control_ = false;
}

// The server drops copy messages outside of a copy, because a frontend may still send some after a failed COPY
// (PostgreSQL docs ch. 55.2.7); they end here, so that nothing that was not decided on goes further.
void Relay::on_copy_message(char type, Bytes message) {
  if (copy_in_ == CopyIn::none) return;
  to_server_.forward(message);
  frontend_pass_ = Pass::forward;
  if (type != 'd') copy_in_ = CopyIn::none;
}

}  // namespace dbgate::session
