// Input: a byte of choices (1: replication, 2: a parser thread, 4: limits, 8: shared server connections), then steps of
// one byte: its upper half says what happens, its lower half is an argument.
//
//   0x0n  the frontend sends message n of a list        0x4n  of the next delivery, n + 1 bytes come at once
//   0x1n  the server answers the oldest message, way n  0x5n  the policy changes, the audit log fills up, or the
//                                                             server connection changes hands or is not to be had
//   0x2n  the frontend sends the next n + 1 raw bytes   0x6n  Query with the next n + 1 bytes as text
//   0x3n  the server sends the next n + 1 raw bytes     0x7n  Parse of the same, as prepared statement "s"
#include <deque>
#include <memory>
#include <set>
#include <utility>

#include "gateway/session/relay.h"
#include "protocol/postgres/backend_messages.h"
#include "protocol/postgres/frame.h"
#include "protocol/postgres/frontend_messages.h"
#include "tests/fuzz/relay_script.h"

namespace {

using namespace dbgate;
using namespace std::string_view_literals;
using protocol::Bytes;

/// Follows a stream of messages as it is written, in pieces of any size.
class FrameWalker {
 public:
  template <class Visit>
  void take(std::string_view written, Visit&& visit) {
    take(written, std::forward<Visit>(visit), [](char) {});
  }
  /// `begins` is told the type as soon as a header has come.
  template <class Visit, class Begins>
  void take(std::string_view written, Visit&& visit, Begins&& begins) {
    pending_ += written;
    for (;;) {
      const auto header = protocol::decode_header(protocol::as_bytes(pending_));
      if (!header) {
        DBGATE_FUZZ_CHECK(header.error() == protocol::DecodeError::incomplete);
        return;
      }
      if (!begun_) begins(header->type);
      begun_ = true;
      const std::size_t whole = protocol::MessageHeader::bytes + header->body_length;
      if (pending_.size() < whole) return;
      begun_ = false;
      visit(header->type, std::string_view(pending_).substr(protocol::MessageHeader::bytes, header->body_length));
      pending_.erase(0, whole);
    }
  }
  bool at_boundary() const { return pending_.empty(); }

 private:
  std::string pending_;
  bool begun_ = false;
};

std::string written(session::Outgoing& outgoing) {
  std::string text;
  for (const iovec& piece : outgoing.pieces())
    text.append(static_cast<const char*>(piece.iov_base), piece.iov_len);
  outgoing.clear();
  return text;
}

template <class Message>
std::string message(const Message& value) {
  std::string out;
  value.encode(out);
  return out;
}

std::string frontend_message(unsigned n) {
  using namespace protocol::frontend;
  switch (n) {
    case 0:
      return message(Query{"SELECT 1"});
    case 1:
      return message(Parse{"s", "SELECT 1", {}});
    case 2:
      return message(Parse{"", "SELECT 1", {}});
    case 3:
      return message(Bind{"p", "s", {}, {}, {}});
    case 4:
      return message(Bind{});
    case 5:
      return message(Describe{NameKind::portal, "p"});
    case 6:
      return message(Describe{NameKind::prepared_statement, "s"});
    case 7:
      return message(Execute{"p", 0});
    case 8:
      return message(Execute{});
    case 9:
      return message(Close{NameKind::prepared_statement, "s"});
    case 10:
      return message(Sync());
    case 11:
      return message(Flush());
    case 12:
      return message(CopyData{protocol::as_bytes("1\tone\n")});
    case 13:
      return message(CopyDone());
    case 14:
      return message(CopyFail{"enough"});
    default:
      return message(FunctionCall{});
  }
}

/// Answers what the relay forwarded the way a server would.
class Server {
 public:
  void received(char type) {
    if (gone_) return;
    if (copying_) {
      // While it streams both ways only copy data may come (walsender.c, ProcessRepliesIfAny).
      lost_ = lost_ || (both_ways_ && type != 'd' && type != 'c');
      if (type == 'c' || type == 'f') copying_ = false;
      return;  // and Sync is ignored
    }
    if (skipping_ && type != 'S') return;
    skipping_ = false;
    if (type != 'H' && type != 'd' && type != 'c' && type != 'f') owed_.push_back(type);
  }
  std::string answer(unsigned way);
  bool idle() const { return owed_.empty() && !copying_; }

 private:
  std::string ready() {
    owed_.pop_front();
    return message(protocol::backend::ReadyForQuery{});
  }
  std::string ran(unsigned way);

  std::deque<char> owed_;
  bool copying_ = false;
  bool both_ways_ = false;
  bool lost_ = false;  // its place in the stream; hangs up
  bool skipping_ = false;
  bool copied_ = false;
  bool gone_ = false;
};

std::string Server::ran(unsigned way) {
  using namespace protocol::backend;
  const std::string row = message(DataRow{});
  const std::string tag = message(CommandComplete{"SELECT 1"});
  switch (way) {
    case 2:
      return message(EmptyQueryResponse());
    case 3:
      return row + row + tag;
    case 4:
      return message(RowDescription{}) + row + tag;
    case 5:
      return message(CopyOutResponse{}) + message(CopyData{}) + message(CopyDone()) + tag;
    case 6:
      return tag + tag;
    default:
      return tag;
  }
}

std::string Server::answer(unsigned way) {
  using namespace protocol::backend;
  constexpr std::string_view error = "SERROR\0C22012\0Mno\0"sv;
  constexpr std::string_view fatal = "SFATAL\0C57P01\0Mbye\0"sv;
  std::string fields;
  const auto failing = [&fields](std::string_view text) {
    fields = std::string("E\0\0\0", 4) + static_cast<char>(text.size() + 5) + std::string(text) + '\0';
    return fields;
  };
  switch (way) {
    case 12:
      return message(NoticeResponse{});
    case 13:
      return message(NotificationResponse{1, "channel", "payload"});
    case 14:
      return message(ParameterStatus{"TimeZone", "UTC"});
    case 15:
      return failing(fatal);
    default:
      break;
  }
  if (gone_) return {};
  if (lost_) {
    owed_.clear();
    copying_ = false;
    gone_ = true;
    return failing(fatal);
  }
  if (owed_.empty()) return {};
  const char type = owed_.front();
  if (type == 'q' || type == 'p') way = 1;
  const bool simple = type == 'Q' || type == 'F' || type == 'q';
  if (way == 1 && type != 'S') {
    std::string said = failing(error);
    copying_ = false;
    if (simple) return said + ready();
    while (!owed_.empty() && owed_.front() != 'S')
      owed_.pop_front();
    skipping_ = owed_.empty();
    return said;
  }
  if ((way == 7 || way == 8) && (type == 'Q' || type == 'E') && !copied_) {
    std::string said = way == 7 ? message(CopyInResponse{}) : message(CopyBothResponse{});
    both_ways_ = way == 8;
    // Syncs that came with the COPY are ignored; anything else and the server hangs up, because it has lost its place
    // in the stream (copyfromparse.c, CopyGetData).
    if (!both_ways_) std::erase_if(owed_, [](char c) { return c == 'S'; });
    if (owed_.size() > 1) {
      owed_.clear();
      gone_ = true;
      return said + failing(fatal);
    }
    copied_ = copying_ = true;
    return said;
  }
  if (copying_) return {};
  copied_ = false;
  std::string said;
  switch (type) {
    case 'Q':
      said = ran(way);
      return said + ready();
    case 'F':
      return message(FunctionCallResponse{}) + ready();
    case 'S':
      return ready();
    case 'P':
      said = message(ParseComplete());
      break;
    case 'B':
      said = message(BindComplete());
      break;
    case 'C':
      said = message(CloseComplete());
      break;
    case 'D':
      said = way == 2 ? message(NoData()) : message(RowDescription{});
      if (way == 3) said = message(ParameterDescription{}) + said;
      break;
    default:
      said = way == 9 ? message(PortalSuspended()) : ran(way);
      break;
  }
  owed_.pop_front();
  return said;
}

/// Limits that little passes.
class TightLimiter final : public session::Limiter {
 public:
  explicit TightLimiter(bool tight) {
    if (!tight) return;
    policy::LimitSet set;
    set.rows = {1, "p/limits.rows", "policy"};
    set.bytes = {64, "p/limits.bytes", "policy"};
    set.concurrent = {1, "p/limits.concurrent", "policy"};
    set.statement_timeout = {std::chrono::milliseconds(1), "p/limits.statement_timeout", "policy"};
    limits_ = std::make_shared<const policy::LimitSet>(std::move(set));
  }
  const std::shared_ptr<const policy::LimitSet>& current() override { return limits_; }
  policy::Usage& of_principal() override { return usage_; }
  policy::Usage& of_target() override { return usage_; }
  Clock::time_point now() const override { return time += std::chrono::microseconds(300); }
  /// Whether a place is still taken.
  bool in_use() { return limits_ && !usage_.running.begin(1); }

 private:
  std::shared_ptr<const policy::LimitSet> limits_;
  policy::Usage usage_;
  mutable Clock::time_point time{std::chrono::hours(1)};
};

class Play {
 public:
  explicit Play(std::uint8_t choices)
      : limiter_((choices & 4) != 0),
        shared_((choices & 9) == 8),
        relay_(judge_, trail_, limits(choices), (choices & 1) != 0, &limiter_,
               shared_ ? session::Sharing::transaction : session::Sharing::none),
        parser_thread_((choices & 2) != 0) {}

  void step(std::uint8_t what, std::string_view& rest);
  void end();
  bool over() const { return over_; }

 private:
  static session::RelayLimits limits(std::uint8_t choices) {
    session::RelayLimits limits;
    limits.max_statement_bytes = 256;
    limits.inline_statement_bytes = (choices & 2) != 0 ? 8 : 256;
    limits.prepared_statements = 3;
    limits.portals = 3;
    limits.outstanding_messages = 16;
    return limits;
  }
  void deliver(std::string_view bytes, std::string& held, std::string& input);
  void from_frontend(std::string_view bytes);
  void from_server(std::string_view bytes);
  void frontend();
  void backend();
  void handled(const session::Relay::Step& step, Bytes input);
  void to_server(session::Outgoing& outgoing);
  void change_server();
  void notify();

  fuzz::ScriptedJudge judge_;
  fuzz::ScriptedTrail trail_;
  TightLimiter limiter_;
  bool shared_;
  session::Relay relay_;
  upstream::ServerMemory servers_[2];  // of which the relay has the first or the second, or is told that it has none
  std::size_t server_at_hand_ = 0;
  bool none_free_ = false;
  bool nobody_listens_ = false;
  std::set<std::string> held_;  // channels
  bool attached_ = false;
  bool parser_thread_;
  Server server_;
  std::string frontend_input_, backend_input_;
  std::string frontend_held_, backend_held_;
  FrameWalker frontend_taken_, server_stream_, client_stream_;
  std::size_t cut_ = 0;
  bool honest_ = true;  // the server said nothing but answers
  std::size_t ready_owed_ = 0;
  bool over_ = false;
};

// What is cut off waits for the next delivery of its side, so that the other side can come in between.
void Play::deliver(std::string_view bytes, std::string& held, std::string& input) {
  held += bytes;
  const std::size_t now = cut_ > 0 ? std::min(cut_, held.size()) : held.size();
  cut_ = 0;
  input += held.substr(0, now);
  held.erase(0, now);
}

void Play::from_frontend(std::string_view bytes) {
  deliver(bytes, frontend_held_, frontend_input_);
  frontend();
}

void Play::from_server(std::string_view bytes) {
  if (shared_ && !attached_) return;  // nobody hears it
  deliver(bytes, backend_held_, backend_input_);
  backend();
  frontend();
}

void Play::to_server(session::Outgoing& outgoing) {
  server_stream_.take(written(outgoing), [this](char type, std::string_view body) {
    DBGATE_FUZZ_CHECK("QPBDECSHFdcf"sv.find(type) != std::string_view::npos);
    // What stands for a refused statement cannot be parsed, and the server says so.
    const bool fails = body.find("dbgate_refused_this_statement") != std::string_view::npos;
    server_.received(fails ? (type == 'Q' ? 'q' : 'p') : type);
    if (type == 'Q') {
      const auto query = protocol::frontend::Query::decode(protocol::as_bytes(body));
      DBGATE_FUZZ_CHECK(query && !fuzz::text_is_refused(query->query));
    } else if (type == 'P') {
      const auto parse = protocol::frontend::Parse::decode(protocol::as_bytes(body));
      DBGATE_FUZZ_CHECK(parse && !fuzz::text_is_refused(parse->query));
    }
  });
}

void Play::handled(const session::Relay::Step& step, Bytes input) {
  DBGATE_FUZZ_CHECK(step.taken <= input.size());
  const bool ends = step.next == session::Relay::Next::finished || step.next == session::Relay::Next::broken;
  if (step.next == session::Relay::Next::broken) DBGATE_FUZZ_CHECK(!relay_.failure().message().empty());
  over_ = over_ || ends;
}

void Play::frontend() {
  if (over_ || frontend_input_.empty()) return;
  // A block of its own, without a spare byte, as views into the receive buffer must not outlive the call.
  const std::string all = std::move(frontend_input_);
  const std::unique_ptr<char[]> block(new char[all.size()]);
  std::copy(all.begin(), all.end(), block.get());
  Bytes input = protocol::as_bytes({block.get(), all.size()});
  for (;;) {
    const session::Relay::Step step = relay_.on_frontend(input);
    handled(step, input);
    // A statement that is too long is answered at its header.
    frontend_taken_.take(
        protocol::as_text(input.first(step.taken)), [](char, std::string_view) {},
        [this](char type) { ready_owed_ += type == 'Q' || type == 'S' || type == 'F'; });
    // dbgate speaks only while nothing is under way: its words overtake no answer of the server's, nor fall into the
    // middle of one. (A server that is out of step gives no such order.)
    if (!relay_.local_replies().empty()) {
      DBGATE_FUZZ_CHECK(client_stream_.at_boundary());
      DBGATE_FUZZ_CHECK(server_.idle() || !honest_);
    }
    to_server(relay_.to_server());
    client_stream_.take(written(relay_.local_replies()), [this](char type, std::string_view) {
      DBGATE_FUZZ_CHECK(type == 'E' || type == 'Z');
      if (type == 'Z') DBGATE_FUZZ_CHECK(ready_owed_-- > 0);
    });
    input = input.subspan(step.taken);
    if (step.next == session::Relay::Next::server) {
      DBGATE_FUZZ_CHECK(shared_);
      if (std::exchange(none_free_, false)) {
        relay_.refuse_for_server(Error(sqlstate::too_many_connections, "none free"));
      } else {
        relay_.attach_server(servers_[server_at_hand_]);
        attached_ = true;
      }
      continue;
    }
    if (step.next == session::Relay::Next::listen) {
      DBGATE_FUZZ_CHECK(shared_);
      if (relay_.catches_up()) {
        relay_.caught_up();
      } else if (std::exchange(nobody_listens_, false)) {
        relay_.refuse_channels(Error(sqlstate::too_many_connections, "nobody listens"));
      } else {
        for (const std::string& name : relay_.channels_wanted())
          DBGATE_FUZZ_CHECK(held_.insert(name).second);
        relay_.hold_channels([this](const std::string& name) { DBGATE_FUZZ_CHECK(held_.erase(name) == 1); });
      }
      continue;
    }
    if (step.next != session::Relay::Next::analyze) break;
    DBGATE_FUZZ_CHECK(parser_thread_);
    relay_.offer_analysis(judge_.analyze(relay_.text_to_analyze()));
  }
  frontend_input_ = protocol::as_text(input);
}

void Play::backend() {
  if (over_ || backend_input_.empty()) return;
  const std::unique_ptr<char[]> block(new char[backend_input_.size()]);
  std::copy(backend_input_.begin(), backend_input_.end(), block.get());
  const Bytes input = protocol::as_bytes({block.get(), backend_input_.size()});
  const session::Relay::Step step = relay_.on_backend(input);
  handled(step, input);
  DBGATE_FUZZ_CHECK(relay_.to_server().empty());
  // What limits make dbgate say by itself comes between whole messages.
  if (!relay_.own_words().empty()) DBGATE_FUZZ_CHECK(server_stream_.at_boundary() || !honest_);
  to_server(relay_.own_words());
  if (relay_.take_cancel()) DBGATE_FUZZ_CHECK(relay_.busy());
  if (relay_.due() != session::UnderLimits::never && relay_.on_time() == session::Relay::Overdue::end) over_ = true;
  client_stream_.take(written(relay_.to_client()), [this](char type, std::string_view) {
    DBGATE_FUZZ_CHECK("123ACDEGHINSTVWZcdnst"sv.find(type) != std::string_view::npos);
    if (type == 'Z') DBGATE_FUZZ_CHECK(ready_owed_-- > 0);
  });
  backend_input_.erase(0, step.taken);
}

// Somebody else needs the server connection: it may go only where nothing is under way on it.
void Play::change_server() {
  if (!shared_ || !relay_.at_rest()) return;
  if (honest_) DBGATE_FUZZ_CHECK(server_.idle() && server_stream_.at_boundary());
  relay_.detach_server();
  attached_ = false;
  backend_held_.clear();
  backend_input_.clear();
  server_at_hand_ = 1 - server_at_hand_;
}

// Another connection listens; what it hears never falls into the middle of a message, nor into a transaction.
void Play::notify() {
  if (!shared_) return;
  const std::string name = held_.empty() ? "nobody" : *held_.begin();
  const std::string said = message(protocol::backend::NotificationResponse{1, name, "payload"});
  relay_.take_notification(std::make_shared<const upstream::Notification>(upstream::Notification{name, said}));
  if (!relay_.may_tell()) return;
  DBGATE_FUZZ_CHECK(client_stream_.at_boundary() && !relay_.in_transaction());
  session::Outgoing told;
  relay_.tell_notifications(told);
  client_stream_.take(written(told), [](char type, std::string_view) { DBGATE_FUZZ_CHECK(type == 'A'); });
}

void Play::step(std::uint8_t what, std::string_view& rest) {
  const unsigned n = what & 15u;
  const std::string_view argument = rest.substr(0, n + 1);
  switch (what >> 4) {
    case 0:
      return from_frontend(frontend_message(n));
    case 1:
      return from_server(server_.answer(n));
    case 4:
      cut_ = n + 1;
      return;
    case 5:
      if (n == 0) trail_.fill();
      if (n == 1) change_server();
      if (n == 2) none_free_ = true;
      if (n == 3) nobody_listens_ = true;
      if (n == 4) notify();
      if (n > 4) judge_.change_policy();
      return;
    default:
      break;
  }
  if (what >> 4 > 7) return;
  rest.remove_prefix(argument.size());
  switch (what >> 4) {
    case 2:
      return from_frontend(argument);
    case 3:
      honest_ = false;
      return from_server(argument);
    case 6:
      return from_frontend(message(protocol::frontend::Query{argument.substr(0, argument.find('\0'))}));
    default:
      return from_frontend(message(protocol::frontend::Parse{"s", argument.substr(0, argument.find('\0')), {}}));
  }
}

void Play::end() {
  relay_.abandon(Error(sqlstate::connection_failure, "over"));
  DBGATE_FUZZ_CHECK(!relay_.busy());
  DBGATE_FUZZ_CHECK(trail_.everything_done());
  DBGATE_FUZZ_CHECK(!limiter_.in_use());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  Play play(data[0]);
  std::string_view rest = fuzz::as_text(data, size).substr(1);
  while (!rest.empty() && !play.over()) {
    const auto what = static_cast<std::uint8_t>(rest[0]);
    rest.remove_prefix(1);
    play.step(what, rest);
  }
  play.end();
  return 0;
}
