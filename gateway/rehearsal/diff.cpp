#include "gateway/rehearsal/diff.h"

namespace dbgate::rehearsal {

std::vector<Change> compare(const config::Config& before, const config::Config& after, const History& history) {
  const Rehearsal old_way(before);
  const Rehearsal new_way(after);
  std::vector<Change> changes;
  for (const Asked& asked : history.asked) {
    Change change{&asked, old_way.judge(asked.user, asked.target, asked.text, asked.at),
                  new_way.judge(asked.user, asked.target, asked.text, asked.at)};
    if (change.before.effect != change.after.effect) changes.push_back(std::move(change));
  }
  return changes;
}

}  // namespace dbgate::rehearsal
