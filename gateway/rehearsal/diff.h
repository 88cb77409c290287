#pragma once
#include <vector>

#include "gateway/rehearsal/history.h"
#include "gateway/rehearsal/rehearsal.h"

namespace dbgate::rehearsal {

/// A statement about which two configurations decide differently.
struct Change {
  const Asked* asked = nullptr;
  Outcome before;
  Outcome after;
};

/// The statements of a history whose effect is not the same; in the history's order. Each is judged at the time at
/// which it was last sent. Call inside Rehearsal::run().
std::vector<Change> compare(const config::Config& before, const config::Config& after, const History& history);

}  // namespace dbgate::rehearsal
