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

void PathWatch::set(Paths paths, bool local) {
  add(so_far_, now_);
  add(so_far_, paths);
  now_ = std::move(paths);
  if (!local) after_commit_ = now_;
}

void PathWatch::end(bool commits) {
  now_ = after_commit_ = after_rollback_ = Paths(commits ? after_commit_ : after_rollback_);
  so_far_.clear();
}

void PathWatch::follow(const sql::Statement& statement, std::string_view tag) {
  switch (statement.kind) {
    case sql::StatementKind::commit:
      return end(tag != "ROLLBACK");
    case sql::StatementKind::rollback:
      return end(false);
    case sql::StatementKind::rollback_to:
      // What was set since the savepoint is gone; what before it, nobody has kept.
      if (so_far_.empty()) return;
      for (Paths* const paths : {&now_, &after_commit_}) {
        add(*paths, so_far_);
        add(*paths, after_rollback_);
      }
      return;
    default:
      break;
  }
  for (const sql::SettingUse& use : statement.settings) {
    const bool named = use.name == "search_path";
    const bool all =
        use.action == SettingAction::reset_all || (use.action == SettingAction::discard && use.name == "all");
    const bool back =
        all || (named && (use.action == SettingAction::reset || use.action == SettingAction::set_default));
    if (back) set({}, use.local);
    if (named && use.action == SettingAction::set) set({use.values}, use.local);
  }
  if (std::any_of(statement.functions.begin(), statement.functions.end(), sets_something)) set({unknown()}, false);
}

void PathWatch::on_ready(char status, bool failed) {
  if (status == 'I') end(!failed);
}

}  // namespace dbgate::session
