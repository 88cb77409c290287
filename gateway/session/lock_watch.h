#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

#include "gateway/sql/facts.h"

namespace dbgate::session {

/// What of a session's state rules of risk ask for: whether it gives up waiting for locks (DD-08), and whether its
/// transaction has shut others out already (DD-09); and what it has said to dbgate itself: whether it waits for others,
/// and whether it wants receipts. Follows statements that have succeeded, and transactions as the server reports them.
/// What a role or database sets by itself is not known here: it counts as not set.
class LockWatch {
 public:
  LockWatch() = default;
  /// @param receipts  what the session has said of them when it connected, to which RESET goes back
  explicit LockWatch(bool receipts) noexcept
      : at_login_(receipts ? tell : 0), now_(at_login_), after_commit_(at_login_), after_rollback_(at_login_) {}

  /// A statement has succeeded, or would have before the next one of the same text runs.
  /// @param tag  what the server said: ROLLBACK for COMMIT of a transaction that has failed
  void follow(const sql::Statement& statement, std::string_view tag = {});
  /// ReadyForQuery. @param failed  there was an error since the last one
  void on_ready(char status, bool failed);

  /// Whether lock_timeout or statement_timeout is set.
  bool has_timeout() const noexcept { return (now_ & time_outs) != 0; }
  /// Whether statements that others have to agree to are to be refused at once (SET dbgate.hold); none: it has not
  /// said.
  std::optional<bool> refuses_holds() const noexcept {
    if ((now_ & (refuse | wait)) == 0) return std::nullopt;
    return (now_ & refuse) != 0;
  }
  /// Whether the client is told of the audit records of its statements (SET dbgate.receipts).
  bool wants_receipts() const noexcept { return (now_ & tell) != 0; }
  bool holds_lock() const noexcept { return holds_lock_; }
  bool in_block() const noexcept { return in_block_; }
  bool operator==(const LockWatch&) const = default;

 private:
  static constexpr std::uint8_t time_outs = 3, refuse = 4, wait = 8, tell = 16;
  void set(const sql::SettingUse& use);
  void end(bool commits) noexcept;

  // By setting, a bit each: in force now, and what is left of it after the transaction if that commits or rolls back.
  std::uint8_t at_login_ = 0;
  std::uint8_t now_ = 0, after_commit_ = 0, after_rollback_ = 0;
  bool in_block_ = false;
  bool holds_lock_ = false;
};

}  // namespace dbgate::session
