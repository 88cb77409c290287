#pragma once
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <random>
#include <stop_token>
#include <string>
#include <vector>

#include "config/audit_sinks.h"
#include "gateway/ports/audit_sink.h"
#include "gateway/sinks/batch.h"
#include "gateway/sinks/positions.h"
#include "gateway/telemetry/sink_counters.h"

namespace dbgate::sinks {

/// The chain that says so of gaps.
inline constexpr const char* gap_chain = "sinks";

/// Records that a sink does not get.
struct Gap {
  std::string chain;
  std::uint64_t first = 0;  ///< sequence numbers; 0: not known
  std::uint64_t last = 0;
  std::uint64_t records = 0;
  std::string reason;
};

/// Gives the records of a log to one sink, in the order of each chain, and keeps how far it has got. Used by one
/// thread, but for what says otherwise.
class Follower {
 public:
  using Clock = std::chrono::steady_clock;

  /// @param sink, counters  outlive this. @param note_gap  writes to the log that records are left out; errors: it does
  /// not take that, so they are not
  Follower(const config::AuditSink& settings, std::string directory, ports::AuditSink& sink, PositionPlace place,
           std::function<Result<>(const Gap&)> note_gap, telemetry::SinkCounters& counters);

  /// Errors: 58030, XX001 the positions cannot be read.
  Result<> open();
  /// Reads and sends one batch. @return how long to wait before the next call; 0: there is more
  std::chrono::milliseconds step(const std::stop_token& stop);
  /// Whether the last step() had nothing left to send.
  bool caught_up() const noexcept { return batch_.empty() && caught_up_; }
  /// Keeps positions, however young they are. Errors: as ports::AuditSink::settle, 58030.
  Result<> keep(const std::stop_token& stop);

  /// Of what is delivered. Any thread.
  Positions positions() const;
  /// What is kept of that: a crash does not change it. Any thread.
  Positions kept() const;
  /// When the oldest record that waits was written: microseconds since 1970 UTC; 0: none is known. Any thread.
  std::int64_t oldest_us() const noexcept { return oldest_us_; }
  /// The next step() leaves records out until no more than so many bytes wait, and none that is older. Any thread.
  struct Allowed {
    std::uint64_t bytes = 0;    ///< 0: any
    std::int64_t since_us = 0;  ///< microseconds since 1970 UTC; 0: any
  };
  void skip(const Allowed& allowed);

 private:
  Position position(const std::string& chain) const;
  void discover();
  void fill();
  void skip_now(const Allowed& allowed);
  void skip_in(const std::string& chain, std::unique_ptr<proof::Entries>& reader, std::uint64_t least,
               std::int64_t since_us);
  void advance(std::size_t records);
  std::chrono::milliseconds send(const std::stop_token& stop);
  std::chrono::milliseconds failed(const ports::Delivery& delivery);
  bool leave_out_rejected(const std::string& why);
  void keep_if_due(const std::stop_token& stop);
  void succeeded();
  void note_removed(const std::string& chain, std::uint64_t first);
  void note_oldest();

  const config::AuditSink settings_;
  const std::string directory_;
  ports::AuditSink& sink_;
  const PositionPlace place_;
  const std::function<Result<>(const Gap&)> note_gap_;
  telemetry::SinkCounters& counters_;

  mutable std::mutex mutex_;
  Positions positions_;    // under the mutex; only this thread changes it
  Positions kept_;         // the same
  Allowed allowed_;        // under the mutex
  bool skipping_ = false;  // under the mutex
  std::atomic<std::int64_t> oldest_us_{0};

  Readers readers_;
  Batch batch_;  // read and not delivered
  bool caught_up_ = false;
  std::string unread_;  // why a chain could not be read; empty: all could
  Clock::time_point kept_at_{};
  Clock::time_point discovered_at_{};
  Clock::time_point told_at_{};
  bool told_ = false;  // that it fails
  std::chrono::milliseconds pause_{0};
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace dbgate::sinks
