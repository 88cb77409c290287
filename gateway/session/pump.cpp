#include "gateway/session/pump.h"

#include <algorithm>

#include "gateway/net/race.h"
#include "gateway/session/replies.h"

namespace dbgate::session {
namespace {

// One read takes at most this much: large enough for streams to be cheap, small enough for ten thousand sessions.
constexpr std::size_t read_bytes = protocol::ReadBuffer::usual_bytes;

}  // namespace

Pump::Pump(net::Stream& client, upstream::Connection& server, Relay& relay, CancelPoint& cancel, PumpPorts ports)
    : client_(client),
      server_(server),
      relay_(relay),
      cancel_(cancel),
      ports_(std::move(ports)),
      progress_(client.executor()),
      client_free_(client.executor()),
      server_free_(client.executor()) {}

Task<> Pump::run() {
  co_await net::race(client_side(), server_side());
  alarm_ = nullptr;
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
}

void Pump::tell_client(std::string fatal) {
  // Half a message is on its way; the end of the stream has to do.
  if (client_busy_ || relay_.in_message_to_client()) return;
  const iovec piece{fatal.data(), fatal.size()};
  client_.try_write({&piece, 1});
}

void Pump::end_session(std::string why, bool gentle) {
  if (ended_) return;
  farewell_ = std::move(why);
  if (!gentle || at_boundary()) end_now();
}

void Pump::end_now() {
  tell_client(fatal_response(sqlstate::admin_shutdown, farewell_));
  end(EndReason::ended_by_operator);
  server_.stream.shutdown();
  client_.shutdown();
}

// Both sides write to the client: what the server said, and what dbgate answers itself. One at a time.
Task<Result<>> Pump::write_client(Outgoing& outgoing) {
  while (client_busy_)
    co_await client_free_.wait();
  client_busy_ = true;
  to_client_ += outgoing.bytes();
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
  server_busy_ = true;
  const auto written = co_await server_.stream.write_pieces(outgoing.pieces());
  outgoing.clear();
  server_busy_ = false;
  server_free_.notify();
  co_return written;
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
  if (what == Relay::Overdue::end) {
    tell_client(fatal_response(relay_.failure().code(), relay_.failure().message(), relay_.failure().hint()));
    end(EndReason::limit);
    server_.stream.shutdown();
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

Task<> Pump::client_side() {
  for (;;) {
    const auto room = from_client_buffer_.prepare(read_bytes);
    const net::IoResult got = client_.try_read(room);
    if (got.status == net::IoStatus::want_read || got.status == net::IoStatus::want_write) {
      from_client_buffer_.release_if_empty();
      if (got.status == net::IoStatus::want_read) {
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
    const Go go = co_await handle_client_bytes();
    if (go == Go::stop) break;
    if (!got.drained) continue;
    from_client_buffer_.release_if_empty();
    co_await client_.wait_readable();
  }
  // Terminate overtakes nothing: what was sent before it runs to its end on the server.
  while (draining_)
    co_await progress_.wait();
}

Task<Pump::Go> Pump::handle_client_bytes() {
  for (;;) {
    co_await cancel_.settled();
    const std::uint64_t answers = answers_;
    const Relay::Step step = relay_.on_frontend(from_client_buffer_.unread());
    const Relay::Next next = step.next;
    watch();
    if (!relay_.to_server().empty() || !relay_.local_replies().empty()) {
      const auto accepted = co_await ports_.accept_audit();
      if (!accepted) {
        tell_client(error_response(audit_refusal()));
        end(EndReason::audit_failed);
        co_return Go::stop;
      }
    }
    // First: dbgate answers itself only while nothing is under way, so whatever goes to the server in the same batch
    // comes later in the pipeline, and its reply must not overtake.
    if (!relay_.local_replies().empty()) {
      const auto answered = co_await write_client(relay_.local_replies());
      if (!answered) {
        end(EndReason::client_gone);
        co_return Go::stop;
      }
    }
    if (!relay_.to_server().empty()) {
      const auto sent = co_await write_server(relay_.to_server());
      if (!sent) {
        // The server may have said why before it closed; the other side reads that.
        while (!ended_)
          co_await progress_.wait();
        co_return Go::stop;
      }
    }
    from_client_buffer_.consume(step.taken);
    switch (next) {
      case Relay::Next::more: {
        if (step.wanted > 0) {
          const std::size_t have = from_client_buffer_.unread().size();
          // Grows with what arrives, not with what was announced.
          from_client_buffer_.prepare(std::min(step.wanted - have, std::max(have, read_bytes)));
        }
        co_return Go::on;
      }
      case Relay::Next::wait:
        // The answer may have come while the batch was recorded and written.
        while (answers_ == answers)
          co_await progress_.wait();
        break;
      case Relay::Next::analyze: {
        auto analysis = co_await ports_.analyze(relay_.text_to_analyze());
        relay_.offer_analysis(std::move(analysis));
        break;
      }
      case Relay::Next::finished:
        end(EndReason::terminated);
        draining_ = relay_.busy() && !relay_.copying_in();
        co_return Go::stop;
      case Relay::Next::broken:
        tell_client(fatal_response(relay_.failure().code(), relay_.failure().message()));
        end(EndReason::protocol_error);
        co_return Go::stop;
    }
  }
}

Task<> Pump::server_side() {
  bool first = !server_.received.unread().empty();
  bool drained = false;
  for (;;) {
    if (drained) {
      server_.received.release_if_empty();
      co_await server_.stream.wait_readable();
    }
    if (!first) {
      const auto room = server_.received.prepare(read_bytes);
      const net::IoResult got = server_.stream.try_read(room);
      drained = got.drained;
      if (got.status == net::IoStatus::want_read || got.status == net::IoStatus::want_write) {
        server_.received.release_if_empty();
        co_await server_.stream.wait_readable();
        continue;
      }
      if (got.status != net::IoStatus::ok) break;
      server_.received.commit(got.bytes);
    }
    first = false;
    const Relay::Step step = relay_.on_backend(server_.received.unread());
    if (!relay_.to_client().empty() && !draining_) {
      const auto written = co_await write_client(relay_.to_client());
      if (!written) {
        end(EndReason::client_gone);
        co_return;
      }
    }
    relay_.to_client().clear();
    server_.received.consume(step.taken);
    watch();
    if (!relay_.own_words().empty() || relay_.cancel_is_due()) co_await act_for_limits();
    if (step.next == Relay::Next::broken) {
      tell_client(fatal_response(relay_.failure().code(), relay_.failure().message()));
      end(EndReason::protocol_error);
      co_return;
    }
    if (draining_ && !relay_.busy()) co_return;
    if (!farewell_.empty() && at_boundary()) {
      end_now();
      co_return;
    }
    ++answers_;
    progress_.notify();
  }
  if (!ended_ && !relay_.server_said_why()) {
    tell_client(fatal_response(sqlstate::connection_failure, "the database server closed the connection"));
  }
  end(EndReason::server_gone);
  progress_.notify();
}

}  // namespace dbgate::session
