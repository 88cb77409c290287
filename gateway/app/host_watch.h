#pragma once
#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "config/schema.h"
#include "gateway/app/snapshot.h"
#include "gateway/base/thread.h"
#include "gateway/upstream/host_set.h"

namespace dbgate::app {

/// Looks after the hosts of targets where there is a choice: a thread of its own, so that hosts are looked at however
/// busy the workers are. Targets without a choice have nothing here.
class HostWatch {
 public:
  /// @param moved  called before anybody is let to a primary on another timeline than the last, with the target's name;
  /// on the thread of this
  explicit HostWatch(std::function<void(const std::string& target)> moved);
  ~HostWatch();
  HostWatch(const HostWatch&) = delete;
  HostWatch& operator=(const HostWatch&) = delete;

  /// Hosts of targets that have not changed are looked after as before. Any thread.
  void configure(const Snapshot& snapshot);
  void start();
  void stop();

  using Set = std::shared_ptr<upstream::HostSet>;
  /// Null: there is no such target, or no choice. Any thread.
  Set of(std::string_view target) const;
  /// Puts those hosts into `server` that serve now, in the order in which they are to be tried; all of them where that
  /// is not known yet, or there is no choice. False: none serves. Any thread, also after the end of this.
  std::function<bool(const std::string& target, config::Upstream& server)> narrowing() const;

 private:
  struct Entry {
    config::Upstream settings;
    Set set;
  };
  struct Entries {
    mutable std::mutex mutex;
    std::map<std::string, Entry, std::less<>> by_target;
  };
  Set make_set(const Target& target);

  const std::function<void(const std::string&)> moved_;
  const std::shared_ptr<Entries> entries_ = std::make_shared<Entries>();
  boost::asio::io_context context_{1};
  std::unique_ptr<Thread> thread_;
};

}  // namespace dbgate::app
