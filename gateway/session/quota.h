#pragma once
#include <memory>
#include <optional>
#include <string>

#include "gateway/policy/gathers.h"
#include "gateway/session/judge.h"
#include "gateway/session/limiter.h"
#include "gateway/sql/facts.h"

namespace dbgate::session {

/// A refusal by a limit, with the rule that the audit record names.
struct OverLimit {
  std::string rule;
  Refusal refusal;
};

/// What limits have to know about a statement text.
struct LimitTraits {
  std::size_t cost = 0;  ///< statements that count against rate and concurrency
  bool returns_rows = false;
  bool only_reads = true;  ///< nothing stays of it, whether it ends well or not
  bool controls_transactions = false;
  bool copies_in = false;
};
LimitTraits limit_traits(const sql::Script& script);
/// Whether any of it begins or ends a transaction.
bool controls_transactions(const sql::Script& script);
using policy::gathers_rows;

// What the client is told. Rows, bytes and the size of a text are 54000: the same statement will never pass. Rate and
// places are of class 53, which drivers take for conditions that a retry may find gone.
OverLimit too_many_rows(const policy::LimitSet& limits);
OverLimit too_many_bytes(const policy::LimitSet& limits);
OverLimit too_slow(const policy::LimitSet& limits);
OverLimit too_long_idle(const policy::LimitSet& limits);

/// The part of the limits that one session takes of what it shares with others: tokens of buckets and places among the
/// statements that run at once. A session has one place while anything of it runs.
class Quota {
 public:
  explicit Quota(Limiter* limiter) : limiter_(limiter) {}
  ~Quota();
  Quota(const Quota&) = delete;
  Quota& operator=(const Quota&) = delete;

  /// Takes the limits that hold from now on.
  void refresh();
  /// Null: none.
  const std::shared_ptr<const policy::LimitSet>& limits() const noexcept { return limits_; }
  Limiter::Clock::time_point now() const { return limiter_ == nullptr ? Limiter::Clock::now() : limiter_->now(); }

  /// Whether a text of so many bytes may be looked at.
  std::optional<OverLimit> check_size(std::size_t bytes) const;
  /// Takes `tokens`, and a place until leave() has been called as often as this succeeded.
  std::optional<OverLimit> admit(std::size_t tokens);
  void leave();

 private:
  std::optional<OverLimit> take_places();
  std::optional<OverLimit> take_tokens(std::size_t tokens);
  void give_places_back();

  Limiter* limiter_;  // null: there are never any
  std::shared_ptr<const policy::LimitSet> limits_;
  std::size_t admitted_ = 0;
  bool place_of_principal_ = false;
  bool place_of_target_ = false;
};

}  // namespace dbgate::session
