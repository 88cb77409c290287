#include "gateway/upstream/host_probe.h"

#include <algorithm>
#include <charconv>

#include "gateway/upstream/own_query.h"

namespace dbgate::upstream {
namespace {

// What is read at once of what a server says by itself.
constexpr std::size_t most_said = 4096;
// A storm of failures is one look every so often.
constexpr std::chrono::milliseconds shortest_rest{50};

// The timeline of a primary is the one that it writes: its control file says the old one until the first checkpoint
// after a promotion. Functions that need a primary, or a standby, are not called elsewhere.
constexpr const char* question =
    "SELECT r, pg_catalog.current_setting('default_transaction_read_only'), "
    "(SELECT system_identifier FROM pg_catalog.pg_control_system()), "
    "CASE WHEN NOT r THEN pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 1, 8) END, "
    "pg_catalog.trunc(pg_catalog.pg_wal_lsn_diff(CASE WHEN r THEN pg_catalog.pg_last_wal_replay_lsn() "
    "ELSE pg_catalog.pg_current_wal_lsn() END, '0/0')), "
    "CASE WHEN NOT r THEN 0 WHEN pg_catalog.pg_last_wal_receive_lsn() = pg_catalog.pg_last_wal_replay_lsn() THEN 0 "
    "ELSE pg_catalog.trunc(pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - "
    "pg_catalog.pg_last_xact_replay_timestamp()) * 1000) END "
    "FROM (SELECT pg_catalog.pg_is_in_recovery() AS r OFFSET 0) AS s";
constexpr std::size_t answers = 6;

Error strange() {
  return {sqlstate::connection_failure, "the server answered otherwise than asked"};
}

template <class Number>
bool read_number(const std::string& text, Number& number, int base = 10) {
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return read.ec == std::errc() && read.ptr == text.data() + text.size();
}

}  // namespace

Task<Result<HostState>> inspect(Connection& connection, std::chrono::milliseconds limit) {
  const net::Deadline deadline(connection.stream, limit);
  const auto fields = co_await ask(connection, question, answers);
  if (!fields && deadline.expired()) co_return Error(sqlstate::connection_failure, "it does not answer in time");
  if (!fields) co_return fields.error();
  HostState state;
  state.health = HostState::Health::up;
  state.in_recovery = (*fields)[0] == "t";
  state.read_only = (*fields)[1] == "on";
  const bool read = read_number((*fields)[2], state.system) &&
                    (state.in_recovery || read_number((*fields)[3], state.timeline, 16)) &&
                    ((*fields)[4].empty() || read_number((*fields)[4], state.position));
  if (!read) co_return strange();
  // Unknown is further than any limit.
  std::int64_t lag = 0;
  state.own_lag = read_number((*fields)[5], lag) ? std::chrono::milliseconds(std::max<std::int64_t>(lag, 0))
                                                 : std::chrono::hours(24 * 365);
  co_return state;
}

Task<Result<bool>> leads_to_standby(Connection& connection, std::chrono::milliseconds limit) {
  for (const auto& [name, value] : connection.status) {
    if (name == "in_hot_standby") co_return value == "on";
  }
  const net::Deadline deadline(connection.stream, limit);
  const auto fields = co_await ask(connection, "SELECT pg_catalog.pg_is_in_recovery()", 1);
  if (!fields) co_return fields.error();
  co_return (*fields)[0] == "t";
}

HostProbe::HostProbe(net::Executor executor, ServerSpec spec, std::chrono::milliseconds timeout)
    : executor_(std::move(executor)), spec_(std::move(spec)), timeout_(timeout), asked_event_(executor_) {}

Task<Result<HostState>> HostProbe::look() {
  asked_ = false;
  looked_ = std::chrono::steady_clock::now();
  if (connection_) {
    auto state = co_await inspect(*connection_, timeout_);
    if (state) co_return state;
    connection_.reset();  // it may have been ended for being idle: the next one tells
  }
  auto connected =
      co_await connect(executor_, spec_, {{"application_name", "dbgate health"}, {"client_encoding", "UTF8"}});
  if (!connected) co_return connected.error();
  connection_.emplace(std::move(*connected));
  auto state = co_await inspect(*connection_, timeout_);
  if (!state) connection_.reset();
  co_return state;
}

Task<> HostProbe::pause(std::chrono::milliseconds time) {
  bool over = false;
  net::Event rung(executor_);
  net::Alarm alarm(executor_, [&] {
    over = true;
    rung.notify();
  });
  alarm.set(std::chrono::steady_clock::now() + time);
  while (!over)
    co_await rung.wait();
}

Task<> HostProbe::rest(std::chrono::milliseconds interval) {
  bool over = false;
  const auto end = [&] {
    over = true;
    asked_event_.notify();
    if (connection_) connection_->stream.wake();
  };
  net::Alarm alarm(executor_, end);
  alarm.set(looked_ + interval);
  while (!over && !asked_) {
    if (!connection_) {
      co_await asked_event_.wait();
      continue;
    }
    const auto room = connection_->received.prepare(most_said);
    const net::IoResult got = connection_->stream.try_read(room);
    if (got.status == net::IoStatus::ok) connection_->received.commit(got.bytes);
    if (got.status != net::IoStatus::want_read) break;
    co_await connection_->stream.wait_readable();
  }
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - looked_);
  if (since < shortest_rest) co_await pause(shortest_rest - since);
}

void HostProbe::ask() {
  if (asked_.exchange(true)) return;
  net::post_to(executor_, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->asked_event_.notify();
    if (self->connection_) self->connection_->stream.wake();
  });
}

}  // namespace dbgate::upstream
