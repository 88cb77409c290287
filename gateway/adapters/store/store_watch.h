#pragma once
#include <condition_variable>
#include <functional>
#include <list>
#include <memory>
#include <mutex>

#include "gateway/adapters/store/sql_database.h"
#include "gateway/base/thread.h"
#include "gateway/ports/store.h"

namespace dbgate::adapters::store {

/// One thread that waits for changes of the directory, notices when the store is lost and comes back, and tells the
/// watchers.
class StoreWatch {
 public:
  using Callback = std::function<void(const ports::store::Event&)>;

  /// @param database    not owned; must outlive this
  /// @param generation  of the directory before anybody could watch: whatever differs from it is told
  StoreWatch(SqlDatabase& database, std::int64_t generation);
  ~StoreWatch();
  std::unique_ptr<ports::store::Watch> add(Callback callback);

 private:
  class Entry;
  void run();
  bool look();
  void lose();
  void tell(ports::store::Event::What what);
  bool rest(std::chrono::milliseconds time);

  SqlDatabase& database_;
  std::unique_ptr<SqlSignal> signal_;
  bool lost_ = false;
  std::int64_t generation_;

  std::mutex calls_;  // held while callbacks run
  std::list<Callback> callbacks_;
  std::mutex stopping_mutex_;
  std::condition_variable stopping_changed_;
  bool stopping_ = false;
  Thread thread_;  // last: it uses all of the above
};

}  // namespace dbgate::adapters::store
