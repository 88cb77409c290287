#include "gateway/app/approval_service.h"

#include <algorithm>

#include "gateway/app/approval_body.h"
#include "gateway/app/visible_pages.h"
#include "gateway/audit/json.h"
#include "gateway/base/clock.h"

namespace dbgate::app {
namespace {

namespace store = ports::store;
using ports::ApprovalView;
using ports::Approver;
using store::ApprovalState;

constexpr std::size_t most_reason_bytes = 1000;
constexpr std::size_t most_ticket_bytes = 200;
constexpr std::size_t most_listed_body = 64u << 10;

bool has(const std::vector<std::string>& list, const std::string& wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

bool may_see(const Approver& who, const store::Approval& approval) {
  return who.auditor || who.user == approval.requester || is_asked(who, approval);
}

bool has_voted(const Approver& who, const store::Approval& approval) {
  return std::any_of(approval.votes.begin(), approval.votes.end(),
                     [&](const store::ApprovalVote& vote) { return vote.by == who.user; });
}

ApprovalView view_of(const Approver& who, store::Approval approval) {
  ApprovalView view;
  const bool pending = approval.state == ApprovalState::pending;
  view.may_decide = pending && is_asked(who, approval) && !has_voted(who, approval);
  const auto yes = std::count_if(approval.votes.begin(), approval.votes.end(),
                                 [](const store::ApprovalVote& vote) { return vote.yes; });
  const auto votes = static_cast<std::uint32_t>(yes);
  if (pending && approval.rule.needed > votes) view.missing = approval.rule.needed - votes;
  // Rows and plans are for those who decide: they show what the requester may not be allowed to read.
  if (!is_asked(who, approval)) approval.body = for_others(approval.body);
  view.approval = std::move(approval);
  return view;
}

bool is_about_access(const store::Approval& approval) {
  return approval.kind == store::ApprovalKind::access || approval.kind == store::ApprovalKind::review;
}

Error no_such(const std::string& id) {
  return Error(sqlstate::no_data, "there is no approval \"" + id + "\" for you");
}

// What would be refused whatever the store says meanwhile.
Result<> may_decide(const Approver& who, const store::Approval& approval, const ports::ApprovalDecision& decision) {
  if (!decision.yes && decision.reason.find_first_not_of(" \t\r\n") == std::string::npos) {
    return Error(sqlstate::invalid_parameter_value, "a denial needs a reason: the requester is told it");
  }
  if (decision.reason.size() > most_reason_bytes || decision.ticket.size() > most_ticket_bytes) {
    return Error(sqlstate::invalid_parameter_value, "a reason is at most 1000 bytes long, a ticket 200");
  }
  if (who.user == approval.requester) {
    return Error(sqlstate::insufficient_privilege, "nobody decides on what they have asked for themselves");
  }
  if (!is_asked(who, approval)) {
    return Error(sqlstate::insufficient_privilege, "you are not one of those who decide on this approval");
  }
  if (approval.state != ApprovalState::pending) {
    return Error(sqlstate::object_not_in_prerequisite_state, "it has been decided on, or has ended, already");
  }
  if (has_voted(who, approval)) {
    return Error(sqlstate::object_not_in_prerequisite_state, "you have decided on it already");
  }
  if (decision.revision != 0 && decision.revision != approval.revision) {
    return Error(sqlstate::serialization_failure, "somebody else has decided meanwhile", "Read it again.");
  }
  return boost::system::in_place_value;
}

}  // namespace

bool is_asked(const Approver& who, const store::Approval& approval) {
  if (who.user == approval.requester) return false;
  const auto in_group = [&who](const std::string& group) { return who.groups.contains(group); };
  return has(approval.rule.users, who.user) ||
         std::any_of(approval.rule.groups.begin(), approval.rule.groups.end(), in_group);
}

// `work` may use the caller's frame.
template <class T>
Task<Result<T>> ApprovalService::on_store(std::function<Result<T>()> work) {
  Result<T> result = Error();
  co_await net::run_on(approvals_.blocking(), [&]() -> Task<> {
    result = work();
    co_return;
  });
  co_return result;
}

Result<store::Listed<ApprovalView>> ApprovalService::visible(const Approver& who, const store::ApprovalFilter& filter,
                                                             const store::Page& page) {
  return visible_page<ApprovalView>(
      page, [&](const store::Page& next) { return approvals_.store().list_approvals(filter, next, wall_clock_us()); },
      [&](const store::Approval& approval) { return may_see(who, approval); },
      [&](store::Approval approval) { return view_of(who, std::move(approval)); },
      [](const ApprovalView& last) {
        return store::Cursor{last.approval.id, last.approval.digest};
      });
}

// The store leaves bodies out of lists, as most of what it reads there is for others. What is shown needs its own,
// unless that is so large that a page of them would be too much to hold.
Task<Result<store::Listed<ApprovalView>>> ApprovalService::list(Approver who, store::ApprovalFilter filter,
                                                                store::Page page) {
  co_return co_await on_store<store::Listed<ApprovalView>>([&]() -> Result<store::Listed<ApprovalView>> {
    DBGATE_TRY(auto seen, visible(who, filter, page));
    for (ApprovalView& view : seen.items) {
      DBGATE_TRY(auto whole, approvals_.store().find_approval(view.approval.id, wall_clock_us()));
      if (whole && !is_asked(who, *whole)) whole->body = for_others(whole->body);
      if (whole && whole->kind == store::ApprovalKind::commit) whole->body = without_rows(whole->body);
      if (whole && whole->body.size() <= most_listed_body) view.approval.body = std::move(whole->body);
    }
    return seen;
  });
}

Task<Result<ApprovalView>> ApprovalService::find(Approver who, std::string id) {
  co_return co_await on_store<ApprovalView>([&]() -> Result<ApprovalView> {
    DBGATE_TRY(auto found, approvals_.store().find_approval(id, wall_clock_us()));
    if (!found || !may_see(who, *found)) return no_such(id);
    return view_of(who, std::move(*found));
  });
}

Task<Result<ApprovalView>> ApprovalService::decide(Approver who, std::string id, ports::ApprovalDecision decision) {
  DBGATE_CO_TRY(const ApprovalView seen, co_await find(who, id));
  DBGATE_CO_CHECK(may_decide(who, seen.approval, decision));
  const char* const state = decision.yes ? "approved" : "denied";
  DBGATE_CO_CHECK(record(who, seen.approval, state, decision, {}));
  const auto voted = co_await on_store<store::Approval>([&]() -> Result<store::Approval> {
    const store::ApprovalVote vote{who.user, decision.yes, decision.reason, decision.ticket, 0};
    return approvals_.store().vote(id, decision.revision, vote, wall_clock_us());
  });
  if (!voted) {
    const Error why = voted.error();
    static_cast<void>(record(who, seen.approval, state, decision, why.code().text()));
    co_return why;
  }
  news_.tell(voted->state == ApprovalState::pending ? "approval.voted" : "approval.decided", *voted);
  if (follow_up_ && is_about_access(*voted)) DBGATE_CO_CHECK(co_await follow_up_(who, *voted));
  co_return view_of(who, *voted);
}

Task<Result<ApprovalView>> ApprovalService::cancel(Approver who, std::string id) {
  DBGATE_CO_TRY(const ApprovalView seen, co_await find(who, id));
  if (seen.approval.requester != who.user) {
    co_return Error(sqlstate::insufficient_privilege, "only who has asked for an approval cancels it");
  }
  if (seen.approval.kind == store::ApprovalKind::review) {
    co_return Error(sqlstate::insufficient_privilege, "a review is closed by those who are asked to look at it");
  }
  DBGATE_CO_CHECK(record(who, seen.approval, "cancelled", {}, {}));
  const auto cancelled = co_await on_store<store::Approval>(
      [&]() -> Result<store::Approval> { return approvals_.store().cancel_approval(id, wall_clock_us()); });
  if (!cancelled) {
    const Error why = cancelled.error();
    static_cast<void>(record(who, seen.approval, "cancelled", {}, why.code().text()));
    co_return why;
  }
  news_.tell("approval.ended", *cancelled);
  co_return view_of(who, *cancelled);
}

Task<Result<ApprovalView>> ApprovalService::wait(Approver who, std::string id, ApprovalState seen,
                                                 std::int64_t limit_ms) {
  struct Changes {
    explicit Changes(const net::Executor& executor) : event(executor) {}
    void note() {
      ++count;
      event.notify();
    }
    net::Event event;
    std::uint64_t count = 0;  // as nobody may have waited
  };
  const auto changes = std::make_shared<Changes>(home_);
  net::Alarm alarm(home_, [changes] { changes->note(); });
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(limit_ms);
  // Before the first look: what changes in between is told.
  const auto following = approvals_.follow(id, home_, [changes](const store::Approval&) { changes->note(); });
  alarm.set(until);
  for (;;) {
    const std::uint64_t before = changes->count;
    auto now = co_await find(who, id);
    if (!now || now->approval.state != seen || std::chrono::steady_clock::now() >= until) co_return now;
    while (changes->count == before)
      co_await changes->event.wait();
  }
}

// A failed one says so in a second record: the first was written before anybody could know.
Result<> ApprovalService::record(const Approver& who, const store::Approval& approval, std::string_view state,
                                 const ports::ApprovalDecision& decision, std::string_view failed) {
  std::string fields;
  const auto add = [&fields](std::string_view key, std::string_view value) {
    if (!value.empty()) audit::append_field(fields, key, value);
  };
  add("user.name", who.user);
  add("client.address", who.address);
  add("approval.id", approval.id);
  add("approval.state", state);
  add("approval.digest", approval.digest);
  add("approval.reason", decision.reason);
  add("approval.ticket", decision.ticket);
  add("object.user", approval.requester);
  add("object.target", approval.target);
  add("decision.rule_id", approval.policy_rule);
  add("db.response.status_code", failed);
  DBGATE_CHECK(chain_.append("approval.decided", fields));
  const auto written = chain_.commit();
  if (!written) return written.error();
  return boost::system::in_place_value;
}

}  // namespace dbgate::app
