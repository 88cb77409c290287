#pragma once
#include <string>
#include <vector>

#include "gateway/app/worker.h"

namespace dbgate::app {

/// What a probe is told.
class Health {
 public:
  struct Check {
    std::string name;
    bool good = true;
    bool counts = true;  ///< else it is told, and does not make the whole fail
  };

  void add(std::string name, bool good, bool counts = true) { checks_.push_back({std::move(name), good, counts}); }
  bool good() const noexcept;
  /// {"status":"ok"}, or "unavailable" with the checks that fail. @param verbose  with all checks
  std::string json(bool verbose) const;

 private:
  std::vector<Check> checks_;
};

/// Whether the configuration is loaded and listeners are bound.
Health startup_health(const Shared& shared);
/// Whether event loops have turned within 10 s. Depends on nothing else.
Health live_health(const Shared& shared);
/// Whether it takes clients, can write its audit log, and can reach a target, as far as anybody has tried.
Health ready_health(const Shared& shared, const ports::AuditLog& audit);

/// Whether the last attempt to connect to a target has failed, on any worker.
bool is_down(const Shared& shared, std::string_view target);

}  // namespace dbgate::app
