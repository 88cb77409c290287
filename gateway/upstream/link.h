#pragma once
#include <chrono>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "gateway/upstream/connection.h"
#include "gateway/upstream/permits.h"
#include "gateway/upstream/server_memory.h"

namespace dbgate::upstream {

struct PoolGroup;

/// Whoever uses a link at the moment. Called on the link's thread.
class LinkHolder {
 public:
  enum class Handled : std::uint8_t {
    done,
    unfinished,  ///< finish_server_bytes() has to be awaited
    close        ///< the link is of no use any more
  };
  virtual ~LinkHolder() = default;
  /// Bytes lie in `connection.received` of the link.
  virtual Handled on_server_bytes() = 0;
  /// False: as Handled::close.
  virtual Task<bool> finish_server_bytes() = 0;
  /// The server has closed the connection, or it broke. The link holds no holder from here on.
  virtual void on_server_gone() = 0;
  /// The link rested, somebody else needs it, and it is not the holder's any more.
  virtual void on_link_taken() = 0;
};

/// A link on its way from one thread to another.
struct LinkCargo {
  Connection connection;
  ServerMemory memory;
  std::string key;
  std::string target;
  Permit permit;
};

/// One server connection, lent to one holder after the other. Reads by itself: what comes goes to whoever holds it, so
/// that changing hands is a change of a pointer. Lives on one thread.
class Link : public std::enable_shared_from_this<Link> {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Link(LinkCargo cargo);

  Connection connection;
  ServerMemory memory;
  const std::string key;     ///< what it was opened for: the server, the login, the startup parameters
  const std::string target;  ///< whose limit it counts against

  /// Begins to read.
  void start();
  void attach(LinkHolder& holder) noexcept { holder_ = &holder; }
  void detach() noexcept { holder_ = nullptr; }
  LinkHolder* holder() const noexcept { return holder_; }
  /// Whether a holder's call is under way that waits for something.
  bool in_use() const noexcept { return inside_; }
  /// Waits until no call of a former holder is under way.
  Task<> left();
  /// Runs queries of dbgate's own while nobody holds it, each by itself. Errors: the server failed one, or took longer
  /// than `limit`; the link is closed then.
  Task<Result<>> run(std::vector<std::string> queries, std::chrono::milliseconds limit);

  bool usable() const noexcept { return !ending_ && !closed_; }
  /// Says goodbye. The permit is given back when the server has gone, or after a moment.
  void end();
  /// Takes everything out, to be made a link again on the thread of `executor`. This one has ended then. Nobody holds
  /// it.
  std::shared_ptr<LinkCargo> pack(const net::Executor& executor);
  /// Breaks the connection off.
  void break_off();

  /// What somebody has it for who had to wait for it.
  struct Turn {
    FairShare share;  ///< null: it is not accounted for
    std::int64_t charged_us = 0;
    Clock::time_point begun{};
  };

  // For its pool alone.
  struct InPool {
    PoolGroup* group = nullptr;  ///< null: in none
    std::list<std::shared_ptr<Link>>* list = nullptr;
    std::list<std::shared_ptr<Link>>::iterator place;
    Clock::time_point idle_since{};
    Turn turn;
    bool outlived = false;  ///< it goes as soon as its holder is between transactions
    std::function<void(Link&)> on_gone;
  } in_pool;

 private:
  class Housekeeper;
  Task<> read();
  bool drop_idle_words();
  void note_status(protocol::Bytes body);
  void gone();

  LinkHolder* holder_ = nullptr;
  Permit permit_;
  net::Event left_;
  std::unique_ptr<net::Alarm> bound_;
  bool inside_ = false;  // the holder's code has the turn, or waits in it
  bool ending_ = false;
  bool closed_ = false;
};
using LinkPtr = std::shared_ptr<Link>;

}  // namespace dbgate::upstream
