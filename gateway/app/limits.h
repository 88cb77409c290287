#pragma once
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "gateway/app/replica_words.h"
#include "gateway/app/snapshot.h"
#include "gateway/session/limiter.h"

namespace dbgate::app {

/// What principals and targets use up, over all threads, and what other gateways say. Entries stay, so that signing in
/// again empties no bucket and fills none; there are as many as the configurations of the process have had users on
/// targets with such limits.
class UsageTable {
 public:
  /// An empty `user`: of the target as a whole.
  std::shared_ptr<policy::Usage> of(const std::string& user, const std::string& target);
  /// Statements that run, and tokens taken ever; of very many, those that have moved since they were told of.
  void add_to(ReplicaUsage& usage);
  /// @param taken  since the last call
  void count_elsewhere(const Counts& running, const Counts& taken);

 private:
  struct Entry {
    std::shared_ptr<policy::Usage> usage = std::make_shared<policy::Usage>();
    std::size_t told = 0;  // of its tokens
  };

  std::mutex mutex_;
  std::map<std::string, Entry, std::less<>> entries_;  // by target and user
};

/// The limits of one session by the snapshot in force.
class SessionLimiter final : public session::Limiter {
 public:
  SessionLimiter(const CurrentSnapshot& current, UsageTable& usage, std::string user, std::string target);

  const std::shared_ptr<const policy::LimitSet>& current() override;
  policy::Usage& of_principal() override;
  policy::Usage& of_target() override;

 private:
  const CurrentSnapshot& current_;
  UsageTable& usage_;
  const std::string user_;
  const std::string target_;
  std::uint64_t version_ = 0;
  std::shared_ptr<const policy::LimitSet> limits_;
  std::shared_ptr<policy::Usage> of_principal_;  // null until asked for: the table takes a lock
  std::shared_ptr<policy::Usage> of_target_;
};

}  // namespace dbgate::app
