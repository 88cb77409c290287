#include "gateway/session/pump.h"

#include <algorithm>

#include "gateway/session/replies.h"
#include "protocol/postgres/frontend_messages.h"

namespace dbgate::session {
namespace {

// What one read takes: small enough for ten thousand sessions; while what comes fills it, twice as much the next time,
// as a stream is cheaper in large pieces.
constexpr std::size_t read_bytes = protocol::ReadBuffer::usual_bytes;
constexpr std::size_t most_read_bytes = 256 * 1024;

}  // namespace

Pump::Pump(net::Stream& client, Relay& relay, CancelPoint& cancel, PumpPorts ports, upstream::Pool* pool)
    : client_(client),
      relay_(relay),
      cancel_(cancel),
      ports_(std::move(ports)),
      pool_(pool),
      progress_(client.executor()),
      client_free_(client.executor()),
      server_free_(client.executor()) {
  cancel_.when_settled([this] {
    if (link_ && relay_.at_rest()) rest();
  });
}

Task<> Pump::run() {
  if (link_ && relay_.at_rest()) rest();
  co_await client_side();
  if (channels_) channels_->leave(*this);
  alarm_ = nullptr;
  cancel_.when_settled(nullptr);
}

std::string Pump::reason_text() const {
  std::string text(name_of(reason_));
  if (reason_ == EndReason::limit) text += " " + relay_.ended_by();
  return text;
}

void Pump::end(EndReason reason) {
  if (ended_) return;
  ended_ = true;
  reason_ = reason;
  // Whatever client_side() waits for, it goes on now.
  client_.wake();
  progress_.notify();
  if (client_busy_) client_.shutdown();
  if (server_busy_) close_server();
  ports_.stop_lending();
  if (channels_) channels_->leave(*this);
}

void Pump::trim() {
  if (std::exchange(trimmed_at_, from_client_) != from_client_) return;
  relay_.trim();
  if (!may_sleep()) return;
  drowsy_ = true;
  client_.wake();
}

// Whether nothing is lost if everything here goes but the client's stream and what the relay keeps.
bool Pump::may_sleep() noexcept {
  if (pool_ == nullptr || ended_ || draining_ || !farewell_.empty() || channels_) return false;
  if (client_busy_ || server_busy_ || cancel_.under_way() || !from_client_buffer_.unread().empty()) return false;
  if (link_ && (!resting_ || link_->in_use() || !pool_->would_keep(*link_))) return false;
  return relay_.may_rest() && client_.all_sent();
}

void Pump::tell_client(std::string fatal) {
  // Half a message is on its way; the end of the stream has to do.
  if (client_busy_ || relay_.in_message_to_client()) return;
  const iovec piece{fatal.data(), fatal.size()};
  client_.try_write({&piece, 1});
}

void Pump::end_session(const Ending& why, bool gentle) {
  if (ended_) return;
  farewell_ = why.message;
  farewell_reason_ = why.reason;
  if (!gentle || at_boundary()) end_now();
}

void Pump::end_now() {
  const bool unread = farewell_reason_ == EndReason::notifications_unread;
  tell_client(fatal_response(unread ? sqlstate::configuration_limit_exceeded : sqlstate::admin_shutdown, farewell_));
  end(farewell_reason_);
  client_.shutdown();
}

// What the server has begun for a session that is over need not come to its end.
void Pump::close_server() {
  if (link_) link_->break_off();
}

void Pump::take(upstream::LinkPtr link) {
  link_ = std::move(link);
  resting_ = false;
  link_->attach(*this);
  relay_.attach_server(link_->memory);
  const upstream::Connection& server = link_->connection;
  cancel_.attach(server.host, server.pid, server.cancel_key, [this] { return relay_.busy(); });
  if (!link_->usable()) on_server_gone();  // it went on its way here, and tells nobody any more
}

upstream::LinkPtr Pump::release() {
  if (!link_) return nullptr;
  cancel_.detach();
  relay_.detach_server();
  if (resting_) pool_->work(*link_);
  link_->detach();
  return std::exchange(link_, nullptr);
}

// Both sides write to the client: what the server said, and what dbgate answers itself. One at a time.
Task<Result<>> Pump::write_client(Outgoing& outgoing) {
  while (client_busy_)
    co_await client_free_.wait();
  client_busy_ = true;
  to_client_ += outgoing.bytes();
  ports_.counted->clients.sent.add(outgoing.bytes());
  const auto written = co_await client_.write_pieces(outgoing.pieces());
  outgoing.clear();
  client_busy_ = false;
  client_free_.notify();
  co_return written;
}

// Most of it is the frontend's; what limits make dbgate say comes between whole messages.
Task<Result<>> Pump::write_server(Outgoing& outgoing) {
  while (server_busy_)
    co_await server_free_.wait();
  if (!link_) co_return Error(sqlstate::connection_failure, "");
  const upstream::LinkPtr link = link_;
  server_busy_ = true;
  ports_.counted->servers.sent.add(outgoing.bytes());
  const auto written = co_await link->connection.stream.write_pieces(outgoing.pieces());
  outgoing.clear();
  server_busy_ = false;
  server_free_.notify();
  co_return written;
}

// What can be written without waiting. False: some is left, or the stream is broken and the next attempt says so.
bool Pump::write_now(net::Stream& stream, Outgoing& outgoing, bool busy) {
  if (outgoing.empty()) return true;
  if (busy) return false;
  const net::IoResult result = stream.write_soon(outgoing.pieces());
  if (result.status != net::IoStatus::ok) return false;
  if (&stream == &client_) {
    to_client_ += result.bytes;
    ports_.counted->clients.sent.add(result.bytes);
  } else {
    ports_.counted->servers.sent.add(result.bytes);
  }
  return outgoing.written(result.bytes);
}

void Pump::watch() {
  if (relay_.due() >= alarm_time_) return;
  alarm_time_ = relay_.due();
  if (!alarm_) alarm_ = std::make_unique<net::Alarm>(client_.executor(), [this] { on_time(); });
  alarm_->set(alarm_time_);
}

// What was due may be over by now, and something else be due later: one alarm serves many statements.
void Pump::on_time() {
  alarm_time_ = UnderLimits::never;
  const Relay::Overdue what = relay_.on_time();
  if (what == Relay::Overdue::cancel) cancel_.start_cancel();
  if (what == Relay::Overdue::unread) ports_.read_catalog();
  if (what == Relay::Overdue::end || what == Relay::Overdue::outlived) {
    tell_client(fatal_response(relay_.failure().code(), relay_.failure().message(), relay_.failure().hint()));
    end(what == Relay::Overdue::end ? EndReason::limit : EndReason::access_revoked);
    if (!relay_.has_queue()) close_server();  // else the server has to be told that what waits must not run
    client_.shutdown();
  }
  watch();
}

// After replies: what the relay has to say to the server by itself, and a cancel for what passed a limit.
Task<> Pump::act_for_limits() {
  // A server that is gone shows in the next read.
  if (!relay_.own_words().empty()) static_cast<void>(co_await write_server(relay_.own_words()));
  if (relay_.take_cancel()) co_await cancel_.cancel();
}

void Pump::note_answer() {
  ++answers_;
  if (awaited_) progress_.notify();
}

Task<> Pump::next_answer() {
  awaited_ = true;
  co_await progress_.wait();
  awaited_ = false;
}

Task<> Pump::client_side() {
  std::size_t at_once = read_bytes;
  while (!ended_) {
    if (relay_.may_tell() || !farewell_.empty()) co_await tell_notifications();
    const auto room = from_client_buffer_.prepare(at_once);
    const net::IoResult got = client_.try_read(room);
    if (got.bytes == room.size()) at_once = std::min(2 * at_once, most_read_bytes);
    if (got.status == net::IoStatus::want_read || got.status == net::IoStatus::want_write) {
      from_client_buffer_.release_if_empty();
      if (got.status == net::IoStatus::want_read) {
        asleep_ = std::exchange(drowsy_, false) && trimmed_at_ == from_client_ && may_sleep();
        if (asleep_) co_return;
        co_await client_.wait_readable();
      } else {
        co_await client_.wait_writable();
      }
      continue;
    }
    if (got.status != net::IoStatus::ok) {
      end(EndReason::client_gone);
      co_return;
    }
    from_client_buffer_.commit(got.bytes);
    from_client_ += got.bytes;
    ports_.counted->clients.received.add(got.bytes);
    Go go = Go::again;
    while (go == Go::again && !ended_) {
      if (cancel_.under_way()) {
        if (!relay_.busy()) cancel_.set_out();
        co_await cancel_.settled();
      }
      const std::uint64_t answers = answers_;
      const bool idle = !relay_.busy();
      const Wrote wrote = forward_now();
      if (wrote == Wrote::unaccepted && idle) cancel_.set_out();
      if (wrote != Wrote::all && co_await forward_rest(wrote) == Go::stop) co_return;
      if (relay_.busy()) cancel_.arrived();
      from_client_buffer_.consume(from_client_step_.taken);
      if (from_client_step_.next == Relay::Next::more && from_client_step_.wanted == 0) break;
      // The answer may have come while the batch was recorded and written.
      if (from_client_step_.next == Relay::Next::wait) {
        while (answers_ == answers && !ended_)
          co_await next_answer();
      } else {
        if (!relay_.busy()) cancel_.set_out();
        go = co_await go_on();
      }
    }
    cancel_.arrived();
    if (go == Go::stop) break;
    if (!got.drained || ended_) continue;
    at_once = read_bytes;
    from_client_buffer_.release_if_empty();
    co_await client_.wait_readable();
  }
  // Terminate overtakes nothing: what was sent before it runs to its end on the server.
  while (draining_ && !ended_)
    co_await next_answer();
}

// Of what nobody had to wait for, one turn in sixteen is timed: the clock is not read for the others.
Pump::Wrote Pump::forward_now() {
  if (!ports_.counted->its_turn()) return handle_client();
  turn_since_ = Relay::Clock::now();
  turn_decisions_ = relay_.decisions();
  const Wrote wrote = handle_client();
  if (wrote != Wrote::unaccepted) note_overhead();
  return wrote;
}

// A turn that has decided nothing was rows of a copy, or the wait for something.
void Pump::note_overhead() {
  const auto since = std::exchange(turn_since_, {});
  if (since == Relay::Clock::time_point() || relay_.decisions() == turn_decisions_) return;
  ports_.counted->overheads.observe(Relay::Clock::now() - since);
}

// Handles what has come from the client, and writes what there is to write as far as nothing has to be waited for.
Pump::Wrote Pump::handle_client() {
  if (resting_ && pool_->go_on(*link_)) resting_ = false;
  from_client_step_ = relay_.on_frontend(from_client_buffer_.unread());
  watch();
  if (!relay_.late_questions().empty()) ports_.ask_afterwards(std::exchange(relay_.late_questions(), {}));
  Wrote wrote = Wrote::all;
  if (!relay_.to_server().empty() || !relay_.local_replies().empty()) {
    const auto accepted = ports_.commit_audit();
    if (!accepted) return Wrote::refused;
    if (!*accepted) return Wrote::unaccepted;
    // First: dbgate answers itself only while nothing is under way, so whatever goes to the server in the same batch
    // comes later in the pipeline, and its reply must not overtake.
    if (!write_now(client_, relay_.local_replies(), client_busy_)) {
      wrote = Wrote::part;
    } else if (!relay_.to_server().empty() && !write_now(link_->connection.stream, relay_.to_server(), server_busy_)) {
      wrote = Wrote::part;
    }
  }
  if (wrote == Wrote::all && link_ && relay_.at_rest()) rest();
  return wrote;
}

Task<Pump::Go> Pump::forward_rest(Wrote so_far) {
  bool accepted = so_far != Wrote::refused;
  if (so_far == Wrote::unaccepted) {
    const auto done = co_await ports_.accept_audit();
    accepted = done.has_value();
    note_overhead();
  }
  if (!accepted) {
    tell_client(error_response(audit_refusal()));
    end(EndReason::audit_failed);
    co_return Go::stop;
  }
  if (!relay_.local_replies().empty()) {
    const auto answered = co_await write_client(relay_.local_replies());
    if (!answered) {
      end(EndReason::client_gone);
      co_return Go::stop;
    }
  }
  if (!relay_.to_server().empty()) {
    // The server may run the first of it before there is room for the rest.
    if (link_) static_cast<void>(write_now(link_->connection.stream, relay_.to_server(), server_busy_));
    cancel_.arrived();
    const auto sent = co_await write_server(relay_.to_server());
    if (!sent) {
      // The server may have said why before it closed; who reads from it ends the session.
      while (!ended_)
        co_await next_answer();
      co_return Go::stop;
    }
  }
  if (link_ && relay_.at_rest()) rest();
  co_return Go::on;
}

// What the relay needs before it can go on with what has come.
Task<Pump::Go> Pump::go_on() {
  switch (from_client_step_.next) {
    case Relay::Next::more: {
      const std::size_t have = from_client_buffer_.unread().size();
      // Grows with what arrives, not with what was announced.
      from_client_buffer_.prepare(std::min(from_client_step_.wanted - have, std::max(have, read_bytes)));
      co_return Go::on;
    }
    case Relay::Next::wait:
      co_return Go::again;
    case Relay::Next::server:
      co_await lend();
      co_return Go::again;
    case Relay::Next::listen:
      co_await listen();
      co_return Go::again;
    case Relay::Next::hold:
      co_await hold();
      co_return Go::again;
    case Relay::Next::ask:
      co_await ask();
      co_return Go::again;
    case Relay::Next::analyze: {
      waiting_ = true;
      auto analysis = co_await ports_.analyze(relay_.text_to_analyze());
      waiting_ = false;
      relay_.offer_analysis(std::move(analysis));
      co_return Go::again;
    }
    case Relay::Next::finished:
      end_of_client();
      co_return Go::stop;
    case Relay::Next::broken:
      tell_client(fatal_response(relay_.failure().code(), relay_.failure().message()));
      ports_.out_of_step("client");
      end(EndReason::protocol_error);
      co_return Go::stop;
  }
  co_return Go::stop;
}

// Terminate: what was sent before it runs to its end on the server, unless the server waits for more of a copy. Without
// a Sync it would answer nothing, and wait: it is told as well, and takes back what was not synchronised.
void Pump::end_of_client() {
  draining_ = relay_.busy() && !relay_.copying_in();
  reason_ = EndReason::terminated;
  if (!draining_) return end(EndReason::terminated);
  if (!relay_.lacks_sync()) return;
  Outgoing farewell;
  farewell.say(protocol::encoded(protocol::frontend::Terminate{}));
  if (!write_now(link_->connection.stream, farewell, server_busy_)) close_server();
}

upstream::LinkHolder::Handled Pump::on_server_bytes() {
  from_server_step_ = relay_.on_backend(link_->connection.received.unread());
  if (draining_ || ended_) relay_.to_client().clear();
  if (!write_now(client_, relay_.to_client(), client_busy_)) return Handled::unfinished;
  if (!relay_.own_words().empty() || relay_.cancel_is_due()) return Handled::unfinished;
  return after_server_bytes();
}

Task<bool> Pump::finish_server_bytes() {
  if (!relay_.to_client().empty()) {
    const auto written = co_await write_client(relay_.to_client());
    if (!written) {
      end(EndReason::client_gone);
      // The relay is through with them: the next holder must not find them.
      relay_.to_client().clear();
      if (link_) link_->connection.received.consume(from_server_step_.taken);
      co_return true;  // what becomes of the server connection is for the session to say
    }
  }
  if (!relay_.own_words().empty() || relay_.cancel_is_due()) co_await act_for_limits();
  co_return after_server_bytes() == Handled::done;
}

upstream::LinkHolder::Handled Pump::after_server_bytes() {
  if (!link_) return Handled::done;
  link_->connection.received.consume(from_server_step_.taken);
  ports_.counted->servers.received.add(from_server_step_.taken);
  watch();
  if (from_server_step_.next == Relay::Next::broken) {
    ports_.out_of_step("upstream");
    tell_client(fatal_response(relay_.failure().code(), relay_.failure().message()));
    end(EndReason::protocol_error);
    return Handled::close;
  }
  if (draining_ && !relay_.busy()) end(EndReason::terminated);
  if (!farewell_.empty() && at_boundary()) {
    end_now();
    return Handled::done;
  }
  note_answer();
  if (relay_.at_rest()) rest();
  return Handled::done;
}

void Pump::on_server_gone() {
  const bool needed = pool_ == nullptr || !relay_.at_rest() || relay_.pins().any();
  link_ = nullptr;
  resting_ = false;
  cancel_.detach();
  relay_.detach_server();
  // Between transactions another server connection does as well.
  if (!needed && !ended_) return;
  if (!ended_ && !relay_.server_said_why()) {
    tell_client(fatal_response(sqlstate::connection_failure, "the database server closed the connection"));
  }
  end(draining_ ? EndReason::terminated : EndReason::server_gone);
  note_answer();
}

}  // namespace dbgate::session
