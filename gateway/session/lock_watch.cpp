#include "gateway/session/lock_watch.h"

#include <array>

#include "gateway/risk/assess.h"

namespace dbgate::session {
namespace {

constexpr std::array<std::string_view, 2> names_of_time_outs = {"lock_timeout", "statement_timeout"};
constexpr std::uint8_t holds = 12;  // of dbgate.hold
constexpr std::uint8_t receipts = 16;
constexpr std::uint8_t all = 31;

// "0", "'0ms'": waits for ever.
bool is_time(const std::vector<std::string>& values) {
  return values.size() == 1 && values.front().find_first_of("123456789") != std::string::npos;
}

std::uint8_t bits_of(const sql::SettingUse& use) {
  const bool discards = use.action == sql::SettingAction::discard;
  if (discards) return use.name == "all" ? all : 0;
  if (use.action == sql::SettingAction::reset_all) return all;
  if (use.name == "dbgate.hold") return holds;
  if (use.name == "dbgate.receipts") return receipts;
  for (std::size_t i = 0; i < names_of_time_outs.size(); ++i) {
    if (use.name == names_of_time_outs[i]) return static_cast<std::uint8_t>(1U << i);
  }
  return 0;
}

}  // namespace

void LockWatch::set(const sql::SettingUse& use) {
  const bool asks = use.action == sql::SettingAction::show || use.action == sql::SettingAction::show_all;
  const std::uint8_t bits = asks ? 0 : bits_of(use);
  if (bits == 0) return;
  const bool sets = use.action == sql::SettingAction::set;
  std::uint8_t on = sets && bits != holds && is_time(use.values) ? bits : 0;
  if (!sets) on = at_login_ & bits;
  if (sets && bits == receipts) on = use.values == std::vector<std::string>{"on"} ? receipts : 0;
  if (sets && bits == holds) on = use.values == std::vector<std::string>{"refuse"} ? refuse : wait;
  const auto changed = [bits, on](std::uint8_t before) { return static_cast<std::uint8_t>((before & ~bits) | on); };
  now_ = changed(now_);
  if (!use.local) after_commit_ = changed(after_commit_);
}

void LockWatch::end(bool commits) noexcept {
  now_ = after_commit_ = after_rollback_ = commits ? after_commit_ : after_rollback_;
  in_block_ = holds_lock_ = false;
}

void LockWatch::follow(const sql::Statement& statement, std::string_view tag) {
  switch (statement.kind) {
    case sql::StatementKind::begin:
      in_block_ = true;
      return;
    case sql::StatementKind::commit:
      return end(tag != "ROLLBACK");
    case sql::StatementKind::rollback:
      return end(false);
    case sql::StatementKind::rollback_to:
      // What was set since the savepoint is gone; what before it, nobody has kept.
      now_ = static_cast<std::uint8_t>(now_ & after_rollback_);
      after_commit_ = static_cast<std::uint8_t>(after_commit_ & after_rollback_);
      return;
    default:
      break;
  }
  for (const sql::SettingUse& use : statement.settings)
    set(use);
  if (statement.signs && risk::locks_others_out(statement)) holds_lock_ = true;
}

void LockWatch::on_ready(char status, bool failed) {
  in_block_ = status != 'I';
  if (!in_block_) end(!failed);
}

}  // namespace dbgate::session
