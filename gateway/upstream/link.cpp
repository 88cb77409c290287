#include "gateway/upstream/link.h"

#include "gateway/upstream/own_messages.h"
#include "protocol/postgres/backend_messages.h"
#include "protocol/postgres/field_writer.h"
#include "protocol/postgres/frontend_messages.h"

namespace dbgate::upstream {
namespace {

namespace backend = protocol::backend;

// What one read takes: small enough for ten thousand sessions; while what comes fills it, twice as much the next time,
// as a stream is cheaper in large pieces.
constexpr std::size_t read_bytes = protocol::ReadBuffer::usual_bytes;
constexpr std::size_t most_read_bytes = 256 * 1024;
// A server that is done needs less to go.
constexpr std::chrono::milliseconds farewell_limit{1000};

}  // namespace

/// Takes the replies to dbgate's own queries.
class Link::Housekeeper final : public LinkHolder {
 public:
  Housekeeper(Link& link, std::size_t queries)
      : link_(link), left_(queries), over_(link.connection.stream.executor()) {}

  Task<> wait() {
    while (left_ > 0 && !failed_)
      co_await over_.wait();
  }
  bool failed() const noexcept { return failed_; }

  Handled on_server_bytes() override {
    const bool in_step = each_message(link_.connection.received, [this](char type, protocol::Bytes body) {
      if (type == backend::ErrorResponse::type) failed_ = true;
      if (type != backend::ReadyForQuery::type) return true;
      const auto ready = backend::ReadyForQuery::decode(body);
      if (!ready || static_cast<char>(ready->status) != 'I' || left_ == 0) return false;
      --left_;
      return true;
    });
    if (!in_step) failed_ = true;
    if (failed_ || left_ == 0) over_.notify();
    return failed_ ? Handled::close : Handled::done;
  }
  Task<bool> finish_server_bytes() override { co_return true; }
  void on_server_gone() override {
    failed_ = true;
    over_.notify();
  }
  void on_link_taken() override {}

 private:
  Link& link_;
  std::size_t left_;  // queries that are not over
  bool failed_ = false;
  net::Event over_;
};

Link::Link(LinkCargo cargo)
    : connection(std::move(cargo.connection)),
      memory(std::move(cargo.memory)),
      key(std::move(cargo.key)),
      target(std::move(cargo.target)),
      permit_(std::move(cargo.permit)),
      left_(connection.stream.executor()) {}

void Link::start() {
  net::run_apart(connection.stream.executor(), [self = shared_from_this()] { return self->read(); });
}

Task<> Link::left() {
  while (inside_)
    co_await left_.wait();
}

Task<> Link::read() {
  bool unread = !connection.received.unread().empty();
  bool drained = false;
  std::size_t at_once = read_bytes;
  while (!closed_) {
    if (drained) {
      at_once = read_bytes;
      connection.received.release_if_empty();
      co_await connection.stream.wait_readable();
      if (closed_) break;
    }
    if (!unread) {
      const auto room = connection.received.prepare(at_once);
      const net::IoResult got = connection.stream.try_read(room);
      drained = got.drained;
      if (got.bytes == room.size()) at_once = std::min(2 * at_once, most_read_bytes);
      if (got.status == net::IoStatus::want_read || got.status == net::IoStatus::want_write) {
        drained = true;
        continue;
      }
      if (got.status != net::IoStatus::ok) break;
      connection.received.commit(got.bytes);
    }
    unread = false;
    if (holder_ == nullptr) {
      if (!drop_idle_words()) break;
      continue;
    }
    LinkHolder& holder = *holder_;  // until it has returned, whatever becomes of the link
    inside_ = true;
    auto handled = holder.on_server_bytes();
    if (handled == LinkHolder::Handled::unfinished) {
      const bool on = co_await holder.finish_server_bytes();
      handled = on ? LinkHolder::Handled::done : LinkHolder::Handled::close;
    }
    inside_ = false;
    left_.notify();
    if (handled == LinkHolder::Handled::close) break;
  }
  gone();
}

// Between holders a server speaks only for itself: notices, settings that a reload changed, or why it goes.
bool Link::drop_idle_words() {
  return each_message(connection.received, [this](char type, protocol::Bytes body) {
    if (type == backend::ParameterStatus::type) note_status(body);
    const bool by_itself = std::string_view("NSA").find(type) != std::string_view::npos;
    return by_itself || ending_;
  });
}

// What the next one is greeted with.
void Link::note_status(protocol::Bytes body) {
  const auto status = backend::ParameterStatus::decode(body);
  if (!status) return;
  const auto [name, value] = *status;
  for (auto& [known, reported] : connection.status) {
    if (known == name) reported = value;
  }
}

void Link::gone() {
  const HostUse& use = connection.use;
  if (!ending_ && !closed_ && use.set() != nullptr) use.set()->suspect(use.host(), true);
  closed_ = true;
  bound_ = nullptr;
  connection.stream.close();
  permit_ = Permit();
  if (in_pool.on_gone) in_pool.on_gone(*this);
  if (LinkHolder* const holder = std::exchange(holder_, nullptr)) holder->on_server_gone();
}

Task<Result<>> Link::run(std::vector<std::string> queries, std::chrono::milliseconds limit) {
  const auto self = shared_from_this();
  Housekeeper housekeeper(*this, queries.size());
  // If the session ends meanwhile, nobody knows what the server has done of it.
  struct Held {
    Link& link;
    bool known = false;
    ~Held() {
      if (!known) link.break_off();
      link.detach();
    }
  } held{*this};
  attach(housekeeper);
  std::string messages;
  for (const std::string& query : queries)
    protocol::frontend::Query{query}.encode(messages);
  {
    const net::Deadline deadline(connection.stream, limit);
    const auto sent = co_await connection.stream.write_all(protocol::as_bytes(messages));
    if (sent) co_await housekeeper.wait();
    held.known = sent && !housekeeper.failed() && !deadline.expired();
  }
  if (held.known) co_return boost::system::in_place_value;
  co_return Error(sqlstate::connection_failure, "a server connection could not be prepared for its next use");
}

void Link::end() {
  if (!usable()) return;
  ending_ = true;
  holder_ = nullptr;
  constexpr std::string_view terminate("X\0\0\0\4", 5);
  const iovec piece{const_cast<char*>(terminate.data()), terminate.size()};
  connection.stream.try_write({&piece, 1});
  bound_ = std::make_unique<net::Alarm>(connection.stream.executor(), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->break_off();
  });
  bound_->set(Clock::now() + farewell_limit);
}

std::shared_ptr<LinkCargo> Link::pack(const net::Executor& executor) {
  closed_ = true;
  net::Stream moved = connection.stream.move_to(executor);
  auto cargo =
      std::make_shared<LinkCargo>(LinkCargo{std::move(connection), std::move(memory), key, target, std::move(permit_)});
  cargo->connection.stream = std::move(moved);
  return cargo;
}

void Link::break_off() {
  if (closed_) return;
  ending_ = true;
  connection.stream.shutdown();
}

}  // namespace dbgate::upstream
