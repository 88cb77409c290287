#pragma once
#include <cstdint>
#include <string>

namespace dbgate::bench {

/// What stands in the log that write_log() makes, for searches to ask for.
struct LogFacts {
  std::int64_t start_us = 0, end_us = 0;
  std::string session;    ///< one in the middle
  std::string query;      ///< a statement in the middle
  std::string record_id;  ///< its decision
};

/// Writes a log as gateways do, over thirty days: four chains, 200 users of whom a few do most, 20 targets, 300 tables,
/// one decision in fifty denied. `rare` runs one statement in 500 000. Hashes do not fit: times are made up.
LogFacts write_log(const std::string& directory, std::uint64_t records);

}  // namespace dbgate::bench
