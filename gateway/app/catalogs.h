#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/schema.h"
#include "gateway/base/task.h"
#include "gateway/base/thread.h"
#include "gateway/ports/catalog_source.h"

namespace dbgate::app {

/// A point in the order of things: what happened before it was drawn is seen by every load that begins later. 0: none.
using CatalogTicket = std::uint64_t;
using SharedCatalog = std::shared_ptr<const catalog::Snapshot>;

/// The catalogs of all targets' databases: loaded at start, on a schedule, after DDL and on demand, on threads of their
/// own. Any thread may ask; nothing but fresh() waits, and that suspends only its coroutine.
///
/// A session that forwards DDL draws a ticket when the server has reported the statement's end, and again when the
/// transaction that holds it has been committed: only then can another connection see it.
class Catalogs {
 public:
  /// Leaves those hosts of a target in `server` that serve at the moment. False: none does, ask again in a moment.
  /// Called by the threads that load.
  using Narrow = std::function<bool(const std::string& target, config::Upstream& server)>;
  /// @param narrow  null: all hosts of a target serve
  explicit Catalogs(std::unique_ptr<ports::CatalogSource> source, Narrow narrow = nullptr);
  ~Catalogs();
  Catalogs(const Catalogs&) = delete;
  Catalogs& operator=(const Catalogs&) = delete;

  /// Which catalogs there are. What is reached in another way than before is loaded anew, what is named no more is
  /// dropped, the rest stays. Before start(), and at every reload.
  void configure(const config::Config& config);
  /// The target leads to a server whose catalog may be another: what is known of its databases is dropped, what is
  /// being loaded does not count, and all of it is loaded anew. Who waits goes on waiting.
  void forget(std::string_view target);
  void start();
  /// Ends loads and wakes who waits, with an error. @return false if a load could not be ended within a second (a name
  /// look-up): its thread still runs, and the process must end without unwinding.
  bool stop();

  /// The latest snapshot. Its version is greater than that of any before it that says something else of some object.
  /// Null if there is none, or if it became older than the target's max_stale.
  SharedCatalog current(std::string_view target, std::string_view database) const;
  /// Changes whenever an answer of current() or pending() may have changed: what has been asked for before need not be
  /// asked for again. Takes no lock.
  std::uint64_t version() const noexcept { return version_.load(std::memory_order_acquire); }

  /// The catalog has changed, or is to be read again: the next statement must see a snapshot that began loading later.
  /// So must those of other targets that lead to the same database of the same host.
  CatalogTicket invalidate(std::string_view target, std::string_view database);
  /// The last ticket that current() does not cover yet, for statements of any session; 0: current() will do.
  CatalogTicket pending(std::string_view target, std::string_view database) const;
  /// A snapshot that began loading after the ticket was drawn; with ticket 0 any that is not too old. Joins loads that
  /// are under way or wanted. Resumes on the executor that awaits it.
  /// Errors: 3D000 there is no such catalog; what CatalogSource::load() says of a load that failed meanwhile; 57014 no
  /// answer within twice the target's catalog.timeout; 57P01 dbgate is stopping. The executor must be of one thread,
  /// and its context must outlive stop().
  Task<Result<SharedCatalog>> fresh(std::string target, std::string database, CatalogTicket ticket);

 private:
  using Clock = std::chrono::steady_clock;
  using Key = std::pair<std::string, std::string>;
  struct Waiting;
  struct Entry;
  using Entries = std::map<Key, std::shared_ptr<Entry>>;
  using Answer = Result<SharedCatalog>;

  std::shared_ptr<Entry> find(std::string_view target, std::string_view database) const;
  void run();
  std::shared_ptr<Entry> next_wanted(Clock::time_point now, Clock::time_point& wake);
  void load(Entry& entry, std::unique_lock<std::mutex>& lock);
  void loaded(Entry& entry, SharedCatalog snapshot, Clock::time_point began);
  void failed(Entry& entry, const Error& why);
  void drop_if_stale(Entry& entry, Clock::time_point now);
  static void answer(Entry& entry, CatalogTicket covered, const Answer& outcome);
  void changed() { version_.fetch_add(1, std::memory_order_release); }

  const std::unique_ptr<ports::CatalogSource> source_;
  const Narrow narrow_;
  mutable std::mutex mutex_;
  std::condition_variable wake_;   // something may have to be loaded
  std::condition_variable ended_;  // a thread has
  Entries entries_;
  CatalogTicket tickets_ = 0;
  std::uint64_t snapshots_ = 0;
  std::atomic<std::uint64_t> version_{0};
  std::stop_source stop_;
  std::size_t running_ = 0;
  std::vector<std::unique_ptr<Thread>> threads_;
};

}  // namespace dbgate::app
