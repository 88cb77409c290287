#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/base/error.h"
#include "gateway/ports/store_records.h"
#include "gateway/ports/store_replicas.h"

/// What waits for a second person. Errors are those of ports/store.h.
namespace dbgate::ports::store {

/// What an approval lets happen.
enum class ApprovalKind : std::uint8_t {
  statement,  ///< one text with its values runs
  commit,     ///< a transaction that has run is kept
  access,     ///< a grant for a time
  review,     ///< nothing: it is in force already, and somebody has to look at it
};

enum class ApprovalState : std::uint8_t {
  pending,
  approved,  ///< enough have said yes: good until it is used or its time is over
  denied,
  expired,    ///< nobody has decided in time, or what was approved was not used in time
  cancelled,  ///< by the requester, or because the client went away
  used,       ///< what was approved once has happened
};

/// What one approver has said.
struct ApprovalVote {
  std::string by;
  bool yes = false;
  std::string reason;
  std::string ticket;  ///< of the approver's own system; may be empty
  Micros at_us = 0;
};

/// Who may decide, and how many of them must agree. The requester never may.
struct ApprovalRule {
  std::vector<std::string> groups;
  std::vector<std::string> users;
  std::uint32_t needed = 1;
};

struct Approval : Object {
  ApprovalKind kind = ApprovalKind::statement;
  ApprovalState state = ApprovalState::pending;
  std::string requester;
  std::string target;
  std::string database;     ///< on the server
  std::string session;      ///< ses_…; empty for requests that no session waits for
  std::string gateway;      ///< the replica whose session waits; empty: none does
  std::string policy_rule;  ///< that asks for it: "oncall-write/allow[0]", "analysts/risk.hold_at"
  std::string reason;       ///< the requester's own words; may be empty
  std::string ticket;
  ApprovalRule rule;
  std::vector<ApprovalVote> votes;
  Micros decide_by_us = 0;   ///< pending until then; a review stays so until somebody decides
  Micros good_for_us = 0;    ///< once approved, for so long
  Micros good_until_us = 0;  ///< approved until then; 0: not yet decided. Of access: in force until then
  bool once = true;          ///< good for one execution; else for any number until good_until_us
  /// SHA-256, hexadecimal, of what was asked for: requester, target, database, what asks for approval and of whom, the
  /// exact bytes and the bound values.
  std::string digest;
  /// JSON for those who decide: text, facts, risk, affected objects, plan, estimate; sealed while it lies in the store.
  std::string body;
};

struct ApprovalFilter {
  std::optional<ApprovalState> state;
  std::string requester;  ///< empty: all
  std::string target;     ///< empty: all
};

class Approvals {
 public:
  virtual ~Approvals() = default;
  /// @param approval  its id, if it has one, stays; state, votes, times and revision are the store's to fill in.
  virtual Result<Approval> create_approval(const Approval& approval, Micros now_us) = 0;
  /// As it is by `now_us`: one whose time is over is expired, whatever the row says.
  virtual Result<std::optional<Approval>> find_approval(std::string_view id, Micros now_us) = 0;
  /// By id, which is by time of creation. Bodies are not read.
  virtual Result<Listed<Approval>> list_approvals(const ApprovalFilter& filter, const Page& page, Micros now_us) = 0;
  /// Adds a vote. A no denies; the last yes that is needed approves for `good_for_us`. What is approved of kind access
  /// is in force with it; a no to a review ends what it is about. Who may vote is the caller's
  /// to check, but the requester's own vote, and a second one of the same approver, are refused here as well.
  /// Errors: 02000 there is none, 55000 it is no longer pending, or `vote.by` may not; 40001 another revision than
  /// `revision` (0: any).
  virtual Result<Approval> vote(std::string_view id, std::int64_t revision, const ApprovalVote& vote,
                                Micros now_us) = 0;
  /// Ends one that is pending or approved, as cancelled. Errors: 02000, 55000 it has ended.
  virtual Result<Approval> cancel_approval(std::string_view id, Micros now_us) = 0;
  /// Takes what an approval gives, in one step: of several callers one gets one that is good once.
  /// @param id  the one that a session has waited for; empty: any that no session waits for, or that is good for more
  /// than once. Nothing: there is none that is approved, in time, and of that digest and requester.
  virtual Result<std::optional<Approval>> use_approval(std::string_view requester, std::string_view digest,
                                                       std::string_view id, Micros now_us) = 0;
  /// One that is pending, of that digest and requester, and that no session waits for: who asks again without waiting
  /// asks for the same.
  virtual Result<std::optional<Approval>> find_pending(std::string_view requester, std::string_view digest,
                                                       Micros now_us) = 0;
  /// Removes those that ended before. @return how many
  virtual Result<std::int64_t> forget_approvals(Micros before_us) = 0;
  /// Tells when approvals may have changed. With a connection of its own; must not outlive the store.
  virtual Result<std::unique_ptr<StoreSignal>> signal() = 0;
};

}  // namespace dbgate::ports::store
