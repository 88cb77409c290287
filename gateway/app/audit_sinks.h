#pragma once
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "config/schema.h"
#include "gateway/base/thread.h"
#include "gateway/ports/audit_log.h"
#include "gateway/ports/http_fetches.h"
#include "gateway/sinks/backlog.h"
#include "gateway/telemetry/families.h"

namespace dbgate::app {

/// Whether statements may run, as far as sinks are concerned. Any thread.
class SinkGate {
 public:
  bool closed() const noexcept { return closed_.load(std::memory_order_relaxed); }
  void close(bool now) noexcept { closed_.store(now, std::memory_order_relaxed); }
  static Error why();

 private:
  std::atomic<bool> closed_{false};
};

/// The sinks of the audit log: a thread for each, and one that looks how far behind they are.
class AuditSinks {
 public:
  /// Errors name the sink: 58030 its positions cannot be read; 22023 what it is to be cannot be.
  static Result<std::unique_ptr<AuditSinks>> open(const config::Config& config, ports::AuditLog& log);
  /// Whether libraries take the options that are for them. Errors: as open().
  static Result<> check(const config::Config& config);
  ~AuditSinks();
  AuditSinks(const AuditSinks&) = delete;
  AuditSinks& operator=(const AuditSinks&) = delete;

  void start();
  /// Gives sinks what the log has by now, once all other chains are closed, unless that takes more than some seconds,
  /// and ends.
  void finish();
  /// Leaves the log to another process, which goes on where the positions beside it say. What that one delivers still
  /// decides whether statements may run here.
  void leave();
  /// Lets go of files that have been renamed. Any thread.
  void reopen() noexcept;
  /// The chain, which takes no decision while a sink that must not be is too far behind.
  std::unique_ptr<ports::AuditChain> guard(std::unique_ptr<ports::AuditChain> chain);

  struct State {
    std::string name;
    bool failing = false;   ///< its last attempt has
    bool refusing = false;  ///< no statement runs because of it
  };
  std::vector<State> states() const;
  std::vector<telemetry::SinkView> counters() const;
  /// What all sinks have, crash or not, by chain: segments before that may be removed without a gap. Any thread.
  sinks::Positions delivered() const;

 private:
  class Line;
  AuditSinks(const config::Config& config, std::unique_ptr<ports::AuditChain> chain);
  void end_lines();
  void watch();

  std::string directory_;
  std::mutex chain_mutex_;
  std::unique_ptr<ports::AuditChain> chain_;  // for gaps, under its mutex
  SinkGate gate_;
  bool refuses_ = false;  ///< some sink may close the gate
  std::unique_ptr<ports::HttpFetches> http_;
  std::vector<std::unique_ptr<Line>> lines_;
  std::mutex mutex_;
  std::condition_variable_any woken_;
  std::stop_source lines_stop_;
  std::stop_source stop_;  // of the watcher
  std::atomic<bool> left_{false};
  std::unique_ptr<Thread> watcher_;
};

}  // namespace dbgate::app
