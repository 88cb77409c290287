#pragma once
#include <string>
#include <vector>

#include "gateway/rehearsal/history.h"

namespace dbgate::rehearsal {

/// A list of the statements that a user sent to a target while a policy learnt, and what must be said about it.
struct Proposal {
  std::string yaml;  ///< an entry of `allow`; empty if nothing was learnt
  std::vector<std::string> shapes;
  std::uint64_t texts = 0;     ///< statement texts that were learnt from
  std::uint64_t unlisted = 0;  ///< of them, those with a statement that has no shape
};

/// @param target name, or name/database
Proposal propose(const History& history, const std::string& user, const std::string& target);

}  // namespace dbgate::rehearsal
