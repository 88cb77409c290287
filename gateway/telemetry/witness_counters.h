#pragma once
#include "gateway/telemetry/counter.h"

namespace dbgate::telemetry {

/// What one witness of the audit log has been given since the start. Its thread alone changes it.
struct WitnessCounters {
  Counter delivered;       ///< checkpoints
  Counter failures;        ///< attempts that failed
  Counter conflicts;       ///< chains whose checkpoints it has, that the log does not lead to
  Counter failing;         ///< 1 while the last attempt has failed
  Counter last_success_s;  ///< when it last had everything that it was to get: seconds since 1970 UTC; 0: not yet
};

/// What has been signed since the start. The signing thread alone changes it.
struct CheckpointCounters {
  Counter written;         ///< checkpoints
  Counter failures;        ///< attempts to sign what is new that did not succeed
  Counter broken;          ///< chains that are not signed any more
  Counter records;         ///< that are signed, of all chains of the directory
  Counter last_success_s;  ///< when everything was signed last: seconds since 1970 UTC; 0: not yet
};

}  // namespace dbgate::telemetry
