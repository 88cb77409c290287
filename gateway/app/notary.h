#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>

#include "config/schema.h"
#include "gateway/adapters/file_checkpoints.h"
#include "gateway/base/thread.h"
#include "gateway/telemetry/witness_counters.h"

namespace dbgate::app {

/// The key that signs the audit log. Errors: as adapters::load_signing_key().
Result<proof::Key> load_signing_key(const config::Config& config);

/// Signs how far the audit log is, on a thread that takes what others leave of the processor.
class Notary {
 public:
  /// The log must be open: its directory is there, and no other process signs it. Errors: as load_signing_key().
  static Result<std::unique_ptr<Notary>> open(const config::Config& config);
  ~Notary();
  Notary(const Notary&) = delete;
  Notary& operator=(const Notary&) = delete;

  /// Signs that chains without records have none. Before there are any.
  void begin();
  void start();
  /// Signs what has come by now, once all chains are closed, and ends.
  void finish();
  const telemetry::CheckpointCounters& counters() const noexcept { return counters_; }

 private:
  Notary(std::unique_ptr<adapters::FileCheckpoints> checkpoints, std::chrono::milliseconds interval);
  void run();
  void update();

  std::unique_ptr<adapters::FileCheckpoints> checkpoints_;
  std::chrono::milliseconds interval_;
  telemetry::CheckpointCounters counters_;
  std::mutex mutex_;
  std::condition_variable woken_;
  std::atomic<bool> stopping_{false};
  bool finishing_ = false;
  std::unique_ptr<Thread> thread_;
};

}  // namespace dbgate::app
