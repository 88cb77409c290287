#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "config/schema.h"
#include "gateway/adapters/blob_sweep.h"
#include "gateway/adapters/log_retention.h"
#include "gateway/base/thread.h"
#include "gateway/ports/audit_log.h"
#include "gateway/telemetry/log_counters.h"

namespace dbgate::app {

class AuditSinks;

/// Compresses segments of the audit log that are closed, removes those that retention lets go or seals them, on a
/// thread of low priority. Of several processes one does: the one that signs.
class LogKeeper {
 public:
  /// @param sinks  null: there are none; outlives this, like `counters`. Errors: 58030; as load_signing_key().
  static Result<std::unique_ptr<LogKeeper>> open(const config::Config& config, ports::AuditLog& log,
                                                 const AuditSinks* sinks, telemetry::LogCounters& counters);
  /// What can be said of its settings without a log. Errors: 58030, 22023.
  static Result<> check(const config::Config& config);
  ~LogKeeper();
  LogKeeper(const LogKeeper&) = delete;
  LogKeeper& operator=(const LogKeeper&) = delete;

  void start();
  /// Ends, half-way through a segment if need be. Another process goes on, or the next start.
  void stop();

 private:
  LogKeeper(const config::Config& config, telemetry::LogCounters& counters);
  void run();
  void look();
  void compress();
  void remove();
  /// Microseconds since 1970 UTC; 0: the clock has been set, so nothing can be called old.
  std::int64_t trusted_now();
  void failed(const char* what, const Error& why);

  const std::string directory_;
  const bool compress_;
  const bool seal_;
  const std::chrono::milliseconds interval_;
  telemetry::LogCounters& counters_;
  std::unique_ptr<ports::AuditChain> chain_;  // null: without retention
  std::optional<adapters::LogRetention> retention_;
  adapters::BlobSweep blobs_;
  std::int64_t clock_offset_us_ = 0;  ///< of the clock of days to that of the machine's running time
  bool clock_told_ = false;
  std::chrono::steady_clock::time_point told_at_{};
  std::chrono::steady_clock::time_point retry_at_{};  ///< not before, after a failure
  std::mutex mutex_;
  std::condition_variable woken_;
  std::atomic<bool> stopping_{false};
  std::unique_ptr<Thread> thread_;
};

}  // namespace dbgate::app
