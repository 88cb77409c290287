#include "gateway/session/tracked_settings.h"

#include <algorithm>

#include "gateway/base/ids.h"

namespace dbgate::session {
namespace {

using sql::SettingAction;
using sql::StatementKind;

// SET TRANSACTION ends with its transaction; roles bind a session otherwise (pins.h).
bool lasts(const sql::SettingUse& use) {
  return !use.local && !use.name.starts_with("transaction") && use.name != "role" &&
         use.name != "session_authorization";
}

}  // namespace

bool TrackedSettings::concerns(const sql::Statement& statement) {
  switch (statement.kind) {
    case StatementKind::begin:
    case StatementKind::commit:
    case StatementKind::rollback:
    case StatementKind::savepoint:
    case StatementKind::release:
    case StatementKind::rollback_to:
    case StatementKind::prepared_transaction:
    case StatementKind::discard:
    case StatementKind::set:
    case StatementKind::reset:
      return true;
    default:
      return false;
  }
}

void TrackedSettings::add(const sql::SettingUse& use, std::string text) {
  switch (use.action) {
    case SettingAction::set:
      pending_.push_back({use.name, std::move(text), Change::Of::setting});
      break;
    case SettingAction::set_default:
    case SettingAction::reset:
      pending_.push_back({use.name, {}, Change::Of::setting});
      break;
    case SettingAction::reset_all:
      pending_.emplace_back();
      break;
    default:
      break;
  }
}

// What a later one makes void is not kept, unless a savepoint stands between them.
void TrackedSettings::add_channel(std::string name, Change::Of of) {
  const auto listens = [&](const Change& one) { return one.of == Change::Of::listen && one.name == name; };
  const bool needless = of == Change::Of::unlisten && !name.empty() && !channels_.contains(name) &&
                        std::none_of(pending_.begin(), pending_.end(), listens);
  if (needless) return;
  const std::size_t fixed = savepoints_.empty() ? 0 : std::min(savepoints_.back().second, pending_.size());
  const auto void_now = [&](const Change& one) {
    return one.of != Change::Of::setting && (one.name == name || name.empty());
  };
  pending_.erase(std::remove_if(pending_.begin() + static_cast<std::ptrdiff_t>(fixed), pending_.end(), void_now),
                 pending_.end());
  pending_.push_back({std::move(name), {}, of});
}

void TrackedSettings::on_complete(const sql::Statement& statement, std::string_view text, std::string_view tag) {
  switch (statement.kind) {
    case StatementKind::commit:
    case StatementKind::prepared_transaction:
      // COMMIT of a transaction that has failed is answered with ROLLBACK.
      if (tag == "ROLLBACK") pending_.clear();
      return apply();
    case StatementKind::rollback:
      pending_.clear();
      return apply();
    case StatementKind::savepoint:
      savepoints_.emplace_back(statement.name, pending_.size());
      return;
    case StatementKind::release:
    case StatementKind::rollback_to: {
      const auto last = std::find_if(savepoints_.rbegin(), savepoints_.rend(),
                                     [&](const auto& point) { return point.first == statement.name; });
      if (last == savepoints_.rend()) return;
      const auto at = std::prev(last.base());
      const bool back = statement.kind == StatementKind::rollback_to;
      if (back) in_force_ = make_id("set_");
      if (back) pending_.resize(std::min(pending_.size(), at->second));
      savepoints_.erase(back ? std::next(at) : at, savepoints_.end());
      return;
    }
    case StatementKind::discard:
      if (statement.tag != "DISCARD ALL") return;
      pending_.emplace_back();
      return add_channel({}, Change::Of::unlisten);
    case StatementKind::listen:
      return add_channel(statement.name, Change::Of::listen);
    case StatementKind::unlisten:
      return add_channel(statement.name, Change::Of::unlisten);
    default:
      break;
  }
  // set_config() may stand where it is not reached: it binds its session instead (pins.h).
  const bool sets = std::any_of(statement.settings.begin(), statement.settings.end(), [](const sql::SettingUse& use) {
    return use.action != SettingAction::show && use.action != SettingAction::show_all;
  });
  // Until the transaction is over nobody else has the same, as far as anybody knows.
  if (sets) in_force_ = make_id("set_");
  if (statement.kind != StatementKind::set && statement.kind != StatementKind::reset) return;
  text.remove_prefix(std::min(text.find_first_not_of(" \t\n\r\f\v"), text.size()));
  for (const sql::SettingUse& use : statement.settings) {
    if (lasts(use)) add(use, std::string(text));
  }
}

void TrackedSettings::on_ready(char status, bool failed) {
  if (status != 'I') return;
  // What ends without COMMIT was no block: an error has undone all of it.
  if (failed) pending_.clear();
  apply();
}

bool TrackedSettings::sets(std::string_view name) const {
  return current_ &&
         std::any_of(current_->begin(), current_->end(), [name](const auto& one) { return one.first == name; });
}

void TrackedSettings::apply() {
  savepoints_.clear();
  bool sets = false;
  for (Change& change : pending_) {
    if (change.of == Change::Of::setting) {
      sets = true;
    } else if (change.of == Change::Of::listen) {
      channels_.insert(std::move(change.name));
    } else if (change.name.empty()) {
      channels_.clear();
    } else {
      channels_.erase(change.name);
    }
  }
  if (sets) {
    apply_settings();
  } else {
    in_force_ = outside_;
  }
  pending_.clear();
}

void TrackedSettings::apply_settings() {
  SettingTexts texts = current_ ? *current_ : SettingTexts();
  for (Change& change : pending_) {
    if (change.of != Change::Of::setting) continue;
    if (change.name.empty()) {
      texts.clear();
      continue;
    }
    const auto at = std::find_if(texts.begin(), texts.end(), [&](const auto& one) { return one.first == change.name; });
    if (change.text.empty()) {
      if (at != texts.end()) texts.erase(at);
    } else if (at != texts.end()) {
      at->second = std::move(change.text);
    } else {
      texts.emplace_back(std::move(change.name), std::move(change.text));
    }
  }
  std::size_t bytes = 0;
  for (const auto& [name, text] : texts)
    bytes += name.size() + text.size();
  too_many_ = texts.size() > most || bytes > most_bytes;
  outside_.clear();
  for (const auto& [name, text] : texts)
    outside_ += text + '\0';
  in_force_ = outside_;
  current_ = texts.empty() ? nullptr : std::make_shared<const SettingTexts>(std::move(texts));
}

}  // namespace dbgate::session
