#pragma once
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "cli/replay/other_server.h"
#include "cli/replay/recorded_session.h"

namespace dbgate::cli {

struct RerunSettings {
  bool writes = false;            ///< also what may change something
  bool infer_types = false;       ///< also with values in binary format, of the types that the other server infers
  double speed = 0;               ///< this many times as fast as it was; 0: without pauses
  std::chrono::seconds limit{0};  ///< of one statement; 0: none
};

/// A statement of the session and what became of it elsewhere.
struct Rerun {
  std::string skipped;                 ///< why it was not run; empty: it was
  Ran ran;                             ///< if it was
  std::vector<std::string> different;  ///< what is not as it was recorded
};

/// Runs a session again, its statements in their order on one connection.
/// @return one for each statement. Throws Problem (failure) if the server cannot be held to reading.
std::vector<Rerun> run_again(const RecordedSession& session, OtherServer& server, const RerunSettings& settings);

/// What of a statement was not as it is on record.
std::vector<std::string> differences(const RecordedStatement& recorded, const Ran& ran);

}  // namespace dbgate::cli
