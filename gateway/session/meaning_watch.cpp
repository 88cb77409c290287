#include "gateway/session/meaning_watch.h"

#include <algorithm>
#include <array>
#include <utility>

#include "gateway/audit/sha256.h"
#include "gateway/base/ids.h"

namespace dbgate::session {
namespace {

using sql::SettingAction;

// How long something may take, how it is done: texts mean the same. How values are shown is another matter, as a cast
// to text shows them.
constexpr std::array<std::string_view, 19> meaningless = {"application_name",
                                                          "client_encoding",
                                                          "client_min_messages",
                                                          "constraints",
                                                          "dbgate.hold",
                                                          "dbgate.receipts",
                                                          "geqo",
                                                          "idle_in_transaction_session_timeout",
                                                          "idle_session_timeout",
                                                          "jit",
                                                          "lock_timeout",
                                                          "maintenance_work_mem",
                                                          "names",
                                                          "session characteristics",
                                                          "standard_conforming_strings",
                                                          "statement_timeout",
                                                          "transaction",
                                                          "transaction snapshot",
                                                          "work_mem"};

// Of more settings than anybody has of his own, all but the role become one.
constexpr std::size_t most = 100;

bool means_something(std::string_view setting) {
  return !std::binary_search(meaningless.begin(), meaningless.end(), setting);
}

// What drivers ask for when they connect, and what it is without that: from 1 on, numbers are written so that they can
// be told apart (PostgreSQL docs ch. 20.11.2, since 12).
bool is_as_ever(const sql::SettingUse& use) {
  constexpr std::array<std::string_view, 3> same = {"1", "2", "3"};
  return use.name == "extra_float_digits" && use.values.size() == 1 &&
         std::find(same.begin(), same.end(), use.values.front()) != same.end();
}

// RESET ALL leaves the role as it is (PostgreSQL docs, RESET).
bool is_role(std::string_view setting) {
  return setting == "role" || setting == "session_authorization";
}

// set_config() of a name or value that is no constant.
bool computes_setting(const sql::FunctionUse& use) {
  return use.name.name == "set_config" && !use.sets;
}

std::string written(const sql::SettingUse& use) {
  std::string all = std::to_string(static_cast<int>(use.action));
  for (const std::string& value : use.values)
    all.append(1, '\0').append(value);
  return all;
}

std::string hash_of(std::string_view before, std::string_view step) {
  audit::Sha256 hash;
  hash.add(before);
  hash.add(step);
  return hash.hex();
}

}  // namespace

// Outside of a transaction a change replaces what was before. Within one, savepoints may take it back: what is left
// then rests on the order of all steps.
void MeaningWatch::change(Steps& steps, const sql::SettingUse& use) const {
  const auto chain_all = [&steps](std::string_view step) {
    for (auto& [name, before] : steps)
      before = hash_of(before, step);
  };
  const bool discards = use.action == SettingAction::discard;
  switch (use.action) {
    case SettingAction::show:
    case SettingAction::show_all:
      return;
    case SettingAction::discard:
    case SettingAction::reset_all:
      if (discards && use.name != "all") return;
      if (in_block_) return chain_all(written(use));
      std::erase_if(steps, [&](const auto& step) { return discards || !is_role(step.first); });
      return;
    case SettingAction::reset:
    case SettingAction::set_default:
      if (!steps.contains(use.name)) return;
      if (!in_block_ && !is_role(use.name)) {
        steps.erase(use.name);
        return;
      }
      break;
    case SettingAction::set:
      if (!means_something(use.name)) return;
      if (is_as_ever(use)) return change(steps, {use.name, SettingAction::set_default, {}, use.local});
      break;
  }
  if (steps.size() >= most) {
    std::string all;
    std::erase_if(steps, [&](const auto& step) {
      if (!is_role(step.first)) all = hash_of(all, step.first + '\0' + step.second);
      return !is_role(step.first);
    });
    steps.emplace("", std::move(all));
  }
  std::string& before = steps[use.name];
  before = in_block_ || is_role(use.name) ? hash_of(before, written(use)) : written(use);
}

void MeaningWatch::end(bool commits) {
  in_block_ = false;
  if (now_.empty() && after_commit_.empty() && after_rollback_.empty()) return;
  now_ = after_commit_ = after_rollback_ = Steps(commits ? after_commit_ : after_rollback_);
}

void MeaningWatch::follow(const sql::Statement& statement, std::string_view tag) {
  switch (statement.kind) {
    case sql::StatementKind::begin:
      in_block_ = true;
      return;
    case sql::StatementKind::commit:
      return end(tag != "ROLLBACK");
    case sql::StatementKind::rollback:
      return end(false);
    case sql::StatementKind::savepoint:
    case sql::StatementKind::rollback_to:
      for (Steps* const steps : {&now_, &after_commit_}) {
        for (auto& [name, before] : *steps)
          before = hash_of(before, statement.tag + '\0' + statement.name);
      }
      return;
    default:
      break;
  }
  for (const sql::SettingUse& use : statement.settings) {
    change(now_, use);
    if (!use.local) change(after_commit_, use);
  }
  if (std::any_of(statement.functions.begin(), statement.functions.end(), computes_setting)) lose();
}

// Nobody knows what has been set, perhaps the role: no state of before or of another session is like this one.
void MeaningWatch::lose() {
  const std::string unlike = make_id("lost_");
  for (Steps* const steps : {&now_, &after_commit_}) {
    std::string& before = (*steps)["role"];
    before = hash_of(before, unlike);
  }
}

void MeaningWatch::on_ready(char status, bool failed) {
  in_block_ = status != 'I';
  if (!in_block_) end(!failed);
}

std::string MeaningWatch::state() const {
  if (now_.empty()) return {};
  audit::Sha256 hash;
  for (const auto& [name, steps] : now_) {
    for (const std::string_view part : {std::string_view(name), std::string_view(steps)})
      hash.add(std::to_string(part.size()).append(":").append(part));
  }
  return hash.hex();
}

std::string meaning_of(const ServerSettings& given) {
  std::string all;
  for (const auto& [name, value] : given) {
    if (!means_something(name)) continue;
    for (const std::string* const part : {&name, &value})
      all += std::to_string(part->size()) + ":" + *part;
  }
  return all;
}

}  // namespace dbgate::session
