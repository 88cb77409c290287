#include "gateway/session/path_watch.h"

#include <algorithm>

namespace dbgate::session {
namespace {

using sql::SettingAction;

constexpr std::size_t most = 16;

// Two schemas that nobody's path has.
const std::vector<std::string>& unknown() {
  static const std::vector<std::string> path = {"", ""};
  return path;
}

void add(PathWatch::Paths& to, const PathWatch::Paths& more) {
  for (const auto& path : more) {
    if (to.size() > most) return;
    if (std::find(to.begin(), to.end(), path) == to.end()) to.push_back(to.size() < most ? path : unknown());
  }
}

bool sets_something(const sql::FunctionUse& use) {
  return use.name.name == "set_config" && !use.sets;
}

}  // namespace

void PathWatch::Track::set(Paths paths, bool local) {
  add(so_far, now);
  add(so_far, paths);
  now = std::move(paths);
  if (!local) after_commit = now;
}

bool PathWatch::Track::end(bool commits) {
  if (so_far.empty()) return false;
  now = after_commit = after_rollback = Paths(commits ? after_commit : after_rollback);
  so_far.clear();
  return true;
}

// What was set since the savepoint is gone; what before it, nobody has kept.
void PathWatch::Track::go_back() {
  if (so_far.empty()) return;
  for (Paths* const paths : {&now, &after_commit}) {
    add(*paths, so_far);
    add(*paths, after_rollback);
  }
}

bool PathWatch::is_unknown(const std::vector<std::string>& values) {
  return values == unknown();
}

void PathWatch::end(bool commits) {
  for (Track& track : tracks_)
    changes_ += track.end(commits) ? 1 : 0;
}

void PathWatch::set(std::size_t setting, Paths paths, bool local) {
  tracks_[setting].set(std::move(paths), local);
  ++changes_;
}

void PathWatch::follow(const sql::Statement& statement, std::string_view tag) {
  const bool commits = statement.kind == sql::StatementKind::commit;
  if (commits || statement.kind == sql::StatementKind::rollback) return end(commits && tag != "ROLLBACK");
  if (statement.kind == sql::StatementKind::rollback_to) {
    for (Track& track : tracks_)
      track.go_back();
    ++changes_;
    return;
  }
  const bool sets = std::any_of(statement.functions.begin(), statement.functions.end(), sets_something);
  for (std::size_t i = 0; i < settings.size(); ++i) {
    for (const sql::SettingUse& use : statement.settings) {
      const bool all =
          use.action == SettingAction::reset_all || (use.action == SettingAction::discard && use.name == "all");
      const bool named = use.name == settings[i];
      const bool resets = use.action == SettingAction::reset || use.action == SettingAction::set_default;
      if (all || (named && resets)) set(i, {}, use.local);
      if (named && use.action == SettingAction::set) set(i, {use.values}, use.local);
    }
    if (sets) set(i, {unknown()}, false);
  }
}

void PathWatch::on_ready(char status, bool failed) {
  if (status == 'I') end(!failed);
}

}  // namespace dbgate::session
