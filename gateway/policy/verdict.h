#pragma once
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "config/risk.h"
#include "gateway/base/error.h"

namespace dbgate::policy {

/// What may happen to a statement. The order is by strictness: combining verdicts takes the largest.
enum class Decision : std::uint8_t { allow, log_only, hold, deny };

/// What the rules of risk say of a statement, as records and people get it.
struct Risk {
  std::string level;               ///< low, medium, high, critical; empty: no rule speaks up
  unsigned score = 0;              ///< 0 to 100
  std::vector<std::string> rules;  ///< "DML-01 orders", the worst first
  bool denies = false;             ///< it is why the verdict is a denial
  bool probes = false;             ///< it asks what there is
  bool of_moment = false;          ///< in another state of the session, or of the caller, it may be another
  std::string models;              ///< JSON for the record: what models were asked, and have said; empty: none was
  bool alerts = false;             ///< no model has answered, it goes on, and somebody should know
};

/// Somebody has to agree before a statement runs.
struct Hold {
  config::ApprovalRulePtr approval;  ///< who, and how many
  std::string rule_id;               ///< that asks for it: "oncall-write/allow[0]", "analysts/risk.hold_at"
};

/// What a principal changes waits before its COMMIT, until others agree to the rows (docs/commit-gate.md).
struct CommitGate {
  std::vector<Hold> holds;                              ///< each of these, in this order
  std::chrono::milliseconds lock_budget;                ///< for so long the transaction may hold its locks meanwhile
  config::Capture capture = config::Capture::prepared;  ///< how it may be found out what has changed
};
using CommitGatePtr = std::shared_ptr<const CommitGate>;

/// The outcome of policy for one statement. Plain data; a denial is a verdict, not an Error.
struct Verdict {
  Decision decision = Decision::deny;
  std::string rule_id;               ///< "analysts-read/allow[0]"; "default" when nothing allowed it
  std::vector<std::string> reasons;  ///< for the audit record and `dbgate check`; may name objects of the statement
  SqlState sqlstate = sqlstate::insufficient_privilege;
  std::string message;     ///< for the client when denied; fixed text, no data
  std::string hint;        ///< for the client: what to do next
  std::string suggestion;  ///< the nearest statement that passes, if there is one; the hint says so

  std::vector<std::string> masked;  ///< columns that are shown masked: schema.table.column
  /// Bind brings values that decide: until then it is allowed for what can be seen.
  bool looks_at_values = false;
  std::size_t max_rows = 0;   ///< that the statement may change, 0: any number; more are to be undone
  std::string max_rows_rule;  ///< who says so
  Risk risk;
  /// `hold`: each of these has to be agreed to, in this order. Never two of one rule.
  std::vector<Hold> holds;
  CommitGatePtr gate;          ///< null: its transaction may be committed as ever
  bool gate_opens = false;     ///< … and it may change rows: they have to be seen
  bool gate_compares = false;  ///< … in a database that is not prepared
  bool learns = false;         ///< the shapes of the statements belong into the audit record

  bool allowed() const noexcept { return decision == Decision::allow || decision == Decision::log_only; }
  /// Whether it may be made ready to run: prepared, bound, described. What is held runs when others agree.
  bool passes() const noexcept { return decision != Decision::deny; }
  /// Adds what it waits for, unless that rule is there. A denial stays one.
  void hold_for(Hold hold);
  /// Nobody has to agree after all.
  void let_go() {
    holds.clear();
    if (decision == Decision::hold) decision = Decision::allow;
  }
};

}  // namespace dbgate::policy
