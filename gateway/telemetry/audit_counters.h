#pragma once
#include "gateway/telemetry/counter.h"

namespace dbgate::telemetry {

/// What one chain of the audit log has taken since it was opened. Its thread alone changes it.
struct AuditCounters {
  Counter accepted;        ///< records
  Counter written;         ///< of them, those that have reached the file
  Counter failures;        ///< times that it would not take records
  Counter failing;         ///< 1 while it does not
  Counter last_success_s;  ///< when it wrote last: seconds since 1970 UTC; 0: not yet
  Durations writes;
};

}  // namespace dbgate::telemetry
