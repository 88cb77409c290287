#pragma once
#include "gateway/telemetry/counter.h"

namespace dbgate::telemetry {

/// What becomes of segments of the audit log that are closed, since the start. One thread changes it.
struct LogCounters {
  Counter bytes;            ///< of all segments, as they are on the disk; 0: not looked yet
  Counter compressed;       ///< segments
  Counter removed;          ///< segments, by retention
  Counter removed_records;  ///< in them
  Counter failures;         ///< times that a segment could not be compressed or removed
};

}  // namespace dbgate::telemetry
