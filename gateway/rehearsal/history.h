#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "gateway/base/error.h"

namespace dbgate::rehearsal {

/// A statement text that somebody sent to a target, once or more often.
struct Asked {
  std::string user;
  std::string target;  ///< with the database if it is given: target/database
  std::string text;
  std::int64_t at = 0;  ///< the last time, seconds since 1970 UTC
  std::uint64_t count = 0;
  std::vector<std::string> shapes;  ///< where a policy learnt; an empty one stands for statements that have none
  bool passed = false;              ///< not denied, at one time or another
  bool harmless = false;            ///< allowed without any rule
};

struct History {
  std::vector<Asked> asked;     ///< ordered by user, target, text
  std::uint64_t unread = 0;     ///< decisions whose text is not in the log, or that are no SQL
  std::uint64_t malformed = 0;  ///< lines that are no record
};

/// Reads the decisions about SQL from an audit directory.
/// Errors: 58030, there is no such directory.
Result<History> read_history(const std::string& directory);

}  // namespace dbgate::rehearsal
