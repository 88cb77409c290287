#pragma once
#include "gateway/telemetry/counter.h"

namespace dbgate::telemetry {

/// What one sink of the audit log has been given since the start. Its thread changes it, but for `waiting`.
struct SinkCounters {
  Counter delivered;       ///< records
  Counter failures;        ///< attempts that failed
  Counter dropped;         ///< records that it did not get and will not: the log says which
  Counter failing;         ///< 1 while the last attempt has failed
  Counter last_success_s;  ///< when it took records last: seconds since 1970 UTC; 0: not yet
  Counter waiting;         ///< records that are in the log and not delivered
  Durations sends;
};

}  // namespace dbgate::telemetry
