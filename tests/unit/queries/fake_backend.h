#pragma once
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

#include "gateway/queries/entrance.h"
#include "protocol/postgres/backend_messages.h"
#include "protocol/postgres/field_writer.h"

// A gateway of which only the wire is there: each connection is played by a function on a thread of its own.
namespace dbgate::queries::testing {

namespace backend = protocol::backend;
using protocol::encoded;

constexpr std::int32_t session_pid = 4711;
constexpr std::string_view session_key = "a-secret-of-32-bytes............";

/// The backend's end of one connection; blocking.
class Peer {
 public:
  explicit Peer(int descriptor) : descriptor_(descriptor) {}
  ~Peer() { ::close(descriptor_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  /// False at the end of the stream.
  bool read(std::size_t bytes, std::string& into) {
    into.resize(bytes);
    std::size_t got = 0;
    while (got < bytes) {
      const ssize_t moved = ::recv(descriptor_, into.data() + got, bytes - got, 0);
      if (moved <= 0) return false;
      got += static_cast<std::size_t>(moved);
    }
    return true;
  }
  std::size_t length() {
    std::string word;
    if (!read(4, word)) return 0;
    std::size_t value = 0;
    for (const char c : word)
      value = value << 8 | static_cast<unsigned char>(c);
    return value - 4;
  }
  std::string packet() {
    std::string body;
    read(length(), body);
    return body;
  }
  /// Type and body; an empty string at the end of the stream.
  std::string message() {
    std::string type;
    if (!read(1, type)) return {};
    return type + packet();
  }
  bool write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t moved = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (moved <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(moved));
    }
    return true;
  }
  /// Everything up to and with the message of this type, by type.
  std::string until(char type) {
    std::string all;
    for (;;) {
      const std::string next = message();
      if (next.empty()) return all;
      if (next[0] == 'E') execute = next.substr(1);
      if (next[0] == 'B') bind = next.substr(1);
      if (next[0] == 'Q' || next[0] == 'P') text = next.substr(1);
      all += next[0];
      if (next[0] == type) return all;
    }
  }
  void greet() {
    startup = packet();
    write(encoded(backend::AuthenticationOk()) +
          encoded(backend::BackendKeyData{session_pid, protocol::as_bytes(session_key)}) +
          encoded(backend::ReadyForQuery{}));
  }

  std::string startup, execute, bind, text;

 private:
  const int descriptor_;
};

inline std::string description(const std::vector<std::pair<std::string_view, std::uint32_t>>& columns) {
  std::vector<backend::ColumnDescription> items;
  for (const auto& [name, type] : columns) {
    backend::ColumnDescription column;
    column.name = name;
    column.type_oid = type;
    items.push_back(column);
  }
  std::string storage;
  return encoded(backend::RowDescription{protocol::Repeated<backend::ColumnDescription>::lay_out(items, storage)});
}

inline std::string row(const std::vector<std::optional<std::string_view>>& cells) {
  std::vector<protocol::Value> values;
  for (const auto& cell : cells)
    values.push_back(cell ? protocol::Value(protocol::as_bytes(*cell)) : protocol::Value());
  std::string storage;
  return encoded(backend::DataRow{protocol::Repeated<protocol::Value>::lay_out(values, storage)});
}

inline std::string error(std::string_view code, std::string_view message, std::string_view position = {}) {
  std::vector<backend::ErrorField> fields = {{'S', "ERROR"}, {'V', "ERROR"}, {'C', code}, {'M', message}};
  if (!position.empty()) fields.push_back({'P', position});
  std::string storage;
  return encoded(backend::ErrorResponse{backend::ErrorFields::lay_out(fields, storage)});
}

inline std::string notice(std::string_view message) {
  const std::vector<backend::ErrorField> fields = {{'S', "NOTICE"}, {'V', "NOTICE"}, {'C', "00000"}, {'M', message}};
  std::string storage;
  return encoded(backend::NoticeResponse{backend::ErrorFields::lay_out(fields, storage)});
}

inline std::string complete(std::string_view tag) {
  return encoded(backend::CommandComplete{tag});
}

inline std::string ready() {
  return encoded(backend::ReadyForQuery{});
}

class FakeGateway final : public Entrance {
 public:
  using Play = std::function<void(Peer&)>;

  explicit FakeGateway(Play session) : session_(std::move(session)) {}
  ~FakeGateway() override { join(); }
  void join() {
    for (std::thread& thread : threads_)
      thread.join();
    threads_.clear();
  }

  Result<net::Stream> enter(const net::Executor& executor, const ports::QueryRequest& request,
                            std::shared_ptr<DecisionNote> its_note) override {
    note = std::move(its_note);
    if (request.target == "nowhere") return Error(sqlstate::invalid_catalog_name, "there is no target");
    if (decision) note->set(*decision);
    ++entered;
    return connect(executor, session_);
  }
  Result<net::Stream> enter_to_cancel(const net::Executor& executor) override {
    return connect(executor, [this](Peer& peer) {
      const std::string packet = peer.packet();
      if (packet.size() < 8 || packet.substr(8) != session_key) return;
      const std::lock_guard lock(mutex_);
      ++cancels;
      changed_.notify_all();
    });
  }
  Task<TextFacts> look_at(const std::string&) override { co_return facts; }
  Task<std::string> standing(const ports::QueryRequest&) override { co_return right; }
  std::string type_name(const std::string&, std::uint32_t) const override { return "shop.mood"; }
  QueryLimits limits() const override { return allowed; }
  Result<> record(const ExportRecord& exported) override {
    if (log_full) return Error(sqlstate::io_error, "the log is full");
    records.push_back(exported);
    return boost::system::in_place_value;
  }
  void tell(ports::Event event) override { told.push_back(std::move(event)); }
  Task<Result<ports::SchemaSummary>> schema(std::string, std::string) override { co_return ports::SchemaSummary(); }

  void wait_for_cancel(int count = 1) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this, count] { return cancels >= count; });
  }

  std::shared_ptr<DecisionNote> note;  // of the last session
  TextFacts facts{1, true, true, {}};
  QueryLimits allowed;
  std::optional<DecisionNote::Noted> decision;
  std::vector<ExportRecord> records;
  std::vector<ports::Event> told;
  std::string right = "as it was";
  bool log_full = false;
  int entered = 0;
  int cancels = 0;

 private:
  Result<net::Stream> connect(const net::Executor& executor, Play play) {
    int pair[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    threads_.emplace_back([descriptor = pair[1], play = std::move(play)] {
      Peer peer(descriptor);
      play(peer);
    });
    auto& context =
        static_cast<boost::asio::io_context&>(boost::asio::query(executor, boost::asio::execution::context));
    return net::Stream(context, pair[0]);
  }

  const Play session_;
  std::vector<std::thread> threads_;
  std::mutex mutex_;
  std::condition_variable changed_;
};

/// Runs one coroutine to its end; what it throws fails the test.
inline void run(std::function<Task<>()> body) {
  boost::asio::io_context context;
  boost::asio::co_spawn(context, std::move(body), [](std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
  });
  context.run();
}

}  // namespace dbgate::queries::testing
