#pragma once
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "config/schema.h"
#include "gateway/ports/audit_log.h"
#include "gateway/telemetry/families.h"

namespace dbgate::app {

class Replicas;

/// Those outside who keep checkpoints of the audit log (docs/audit.md): a thread for each. No statement waits for them.
class Witnesses {
 public:
  /// Errors name the witness: 22023 its key is none; 58030 the log.
  /// @param replicas  outlives it; null without others
  static Result<std::unique_ptr<Witnesses>> open(const config::Config& config, ports::AuditLog& log,
                                                 Replicas* replicas);
  /// Whether what the configuration says of them can be. Errors: as open().
  static Result<> check(const config::Config& config);
  ~Witnesses();
  Witnesses(const Witnesses&) = delete;
  Witnesses& operator=(const Witnesses&) = delete;

  void start();
  /// Gives them the last checkpoints, unless that takes more than some seconds, and ends.
  void finish();
  std::vector<telemetry::WitnessView> counters() const;

 private:
  class Line;
  explicit Witnesses(std::unique_ptr<ports::AuditChain> chain);
  void note_conflict(const std::string& witness, const std::string& chain, const std::string& why);

  std::mutex chain_mutex_;
  std::unique_ptr<ports::AuditChain> chain_;  // for conflicts, under its mutex
  std::vector<std::unique_ptr<Line>> lines_;
  std::stop_source stop_;
};

}  // namespace dbgate::app
