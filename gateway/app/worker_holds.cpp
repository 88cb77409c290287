#include "gateway/app/approval_body.h"
#include "gateway/app/worker.h"
#include "gateway/audit/json.h"
#include "gateway/base/clock.h"
#include "gateway/base/counted.h"
#include "gateway/base/ids.h"
#include "gateway/base/log.h"
#include "gateway/session/audit_trail.h"
#include "gateway/session/commit_gate.h"
#include "gateway/session/replies.h"
#include "gateway/sql/conditions.h"

// How a worker asks others whether a held statement may run: on its own thread, with the store's work elsewhere.
namespace dbgate::app {
namespace {

namespace store = ports::store;
using session::HoldAnswer;
using What = HoldAnswer::What;

// Longer texts are kept once, by content hash, beside the log.
constexpr std::size_t inline_text_bytes = 32 * 1024;

HoldAnswer failed(Error why) {
  HoldAnswer answer;
  answer.error = std::move(why);
  return answer;
}

HoldAnswer failed_audit() {
  const session::Refusal refusal = session::audit_refusal();
  return failed(Error(refusal.code, refusal.message, refusal.hint));
}

Error nowhere_to_ask() {
  return Error(sqlstate::insufficient_privilege,
               "permission denied by dbgate policy: this statement needs approval, and this gateway has no store to "
               "ask in",
               "An administrator has to enable listen.api, or a store that gateways share.");
}

HoldAnswer answer_of(What what, const store::Approval& approval) {
  HoldAnswer answer;
  answer.what = what;
  answer.approval = approval.id;
  for (const store::ApprovalVote& vote : approval.votes) {
    answer.by += (answer.by.empty() ? "" : ",") + vote.by;
    if (!vote.yes) answer.reason = vote.reason;
  }
  return answer;
}

std::int64_t micros(std::chrono::milliseconds time) {
  return std::chrono::microseconds(time).count();
}

}  // namespace

/// A question under way, of one worker's thread. The session may have given it up.
struct Worker::Asked {
  Asked(const net::Executor& executor, std::atomic<std::size_t>& questions) : counted(questions), changed(executor) {}
  Counted counted;
  session::HoldListener told;  // null: given up
  net::Event changed;
  store::Approval approval;
  session::SessionInfo session;
  session::HoldQuestion question;
  bool refuses = false;
  bool requested = false;  // others know of it
};

namespace {

template <class Given>
class GivenUp final : public session::Holding {
 public:
  explicit GivenUp(std::shared_ptr<Given> asked) : asked_(std::move(asked)) {}
  ~GivenUp() override {
    asked_->told = nullptr;
    asked_->changed.notify();
  }

 private:
  const std::shared_ptr<Given> asked_;
};

}  // namespace

// Whoever has the statement run from inside the process learns what it waits for.
void Worker::note_asked(const Asked& asked, const std::string& approval) {
  if (asked.session.witness) asked.session.witness->asked(approval, !asked.refuses);
}

session::HoldingPtr Worker::hold(const session::SessionInfo& session, const session::HoldQuestion& question,
                                 session::HoldListener told) {
  const auto asked = std::make_shared<Asked>(context_.get_executor(), shared_.questions);
  asked->told = std::move(told);
  asked->session = session;
  asked->question = question;
  // What a transaction has changed is there once: its client has to wait.
  const bool of_statement = !question.changes && !question.view;
  const bool by_client = question.refuses.value_or(session.refuses_holds);
  asked->refuses = of_statement && (by_client || question.hold.approval->refuse);
  net::run_apart(context_.get_executor(), [this, asked]() -> Task<> { return ask_others(asked); });
  return std::make_unique<GivenUp<Asked>>(asked);
}

Task<> Worker::ask_others(std::shared_ptr<Asked> asked) {
  const HoldAnswer answer = co_await answer_of_others(asked);
  if (!asked->requested) {
    if (asked->told) asked->told(answer);
    co_return;
  }
  const std::string id = asked->approval.id;
  const bool given_up = !asked->told && answer.what != What::approved;
  if (given_up) {
    co_await net::run_on(shared_.approvals->blocking(), [&]() -> Task<> {
      static_cast<void>(shared_.approvals->store().cancel_approval(id, wall_clock_us()));
      co_return;
    });
  }
  shared_.approvals->note_settled(id);
  if (given_up || answer.what == What::expired) record_end_of_hold(*asked, given_up ? "cancelled" : "expired");
  if (asked->told) asked->told(answer);
}

Task<HoldAnswer> Worker::answer_of_others(const std::shared_ptr<Asked>& asked) {
  if (!shared_.approvals) co_return failed(nowhere_to_ask());
  if (asked->question.view) {
    HoldAnswer viewed = co_await view_of_others(*asked);
    co_return viewed;
  }
  Approvals& approvals = *shared_.approvals;
  store::Approval& wanted = asked->approval;
  Result<> filled = boost::system::in_place_value;
  if (asked->question.changes) {
    // Many rows: not on the thread of the sessions.
    co_await net::run_on(approvals.blocking(), [&]() -> Task<> {
      filled = fill_approval(*asked);
      co_return;
    });
  } else {
    filled = fill_approval(*asked);
  }
  if (!filled) co_return failed(filled.error());
  Result<std::optional<store::Approval>> known = Error();
  // One that was approved before: the client has come again, or it is good for a while.
  co_await net::run_on(approvals.blocking(), [&]() -> Task<> {
    known = approvals.store().use_approval(wanted.requester, wanted.digest, {}, wall_clock_us());
    co_return;
  });
  if (!known) co_return failed(known.error());
  if (*known) co_return answer_of(What::approved, **known);
  if (asked->refuses) {
    co_await net::run_on(approvals.blocking(), [&]() -> Task<> {
      known = approvals.store().find_pending(wanted.requester, wanted.digest, wall_clock_us());
      co_return;
    });
    if (!known) co_return failed(known.error());
    if (*known) {
      note_asked(*asked, (*known)->id);
      co_return answer_of(What::deferred, **known);
    }
  }
  Result<> room = Error();
  co_await net::run_on(approvals.blocking(), [&]() -> Task<> {
    room = refuse_crowd(approvals.store(), wanted.requester);
    co_return;
  });
  if (!room) co_return failed(room.error());
  co_await plan(*asked);
  // Before anybody is asked.
  const auto recorded = record_request(*asked);
  if (!recorded) co_return failed_audit();
  const auto accepted = co_await accept_audit();
  if (!accepted) co_return failed_audit();
  Result<store::Approval> made = Error();
  co_await net::run_on(approvals.blocking(), [&]() -> Task<> {
    made = approvals.store().create_approval(wanted, wall_clock_us());
    co_return;
  });
  if (!made) co_return failed(made.error());
  wanted = *made;
  shared_.approval_news->tell("approval.requested", wanted);
  note_asked(*asked, wanted.id);
  if (asked->refuses) co_return answer_of(What::deferred, *made);
  asked->requested = true;
  approvals.note_waiting(wanted.id);
  if (asked->told) asked->told(answer_of(What::asked, *made));
  co_return co_await decision_of_others(asked);
}

// What others see of the rows that a transaction has changed. Takes a connection of its own.
Task<HoldAnswer> Worker::view_of_others(const Asked& asked) {
  const auto found = snapshot().targets.find(asked.session.target);
  if (found == snapshot().targets.end()) co_return failed(Error(sqlstate::connection_failure, "the target is gone"));
  const session::OtherView& view = *asked.question.view;
  const ports::VersionsRequest request{found->second.settings.upstream,
                                       asked.session.database,
                                       view.settings,
                                       view.questions,
                                       view.here,
                                       asked.question.budget};
  Result<std::vector<std::string>> rows = Error();
  co_await net::run_on(shared_.approvals->blocking(), [&]() -> Task<> {
    rows = shared_.versions->read(request);
    co_return;
  });
  if (!rows) {
    const Error why = rows.error();
    co_return failed(
        Error(why.code(), "what the transaction changes cannot be compared: " + why.message(),
              "It was rolled back. In a database that is prepared nothing is compared: dbgate target prepare "
              "TARGET --apply"));
  }
  HoldAnswer answer;
  answer.what = What::viewed;
  answer.rows = std::make_shared<const std::vector<std::string>>(std::move(*rows));
  co_return answer;
}

Task<HoldAnswer> Worker::decision_of_others(const std::shared_ptr<Asked>& asked) {
  Approvals& approvals = *shared_.approvals;
  // Told of in order; the last one counts.
  const auto latest = std::make_shared<store::Approval>(asked->approval);
  const auto following =
      approvals.follow(asked->approval.id, context_.get_executor(), [latest, asked](store::Approval now) {
        *latest = std::move(now);
        asked->changed.notify();
      });
  for (;;) {
    while (asked->told && latest->state == store::ApprovalState::pending)
      co_await asked->changed.wait();
    if (!asked->told) co_return HoldAnswer{};
    if (latest->state == store::ApprovalState::denied) co_return answer_of(What::denied, *latest);
    if (latest->state == store::ApprovalState::cancelled) co_return answer_of(What::cancelled, *latest);
    if (latest->state != store::ApprovalState::approved) co_return answer_of(What::expired, *latest);
    Result<std::optional<store::Approval>> used = Error();
    co_await net::run_on(approvals.blocking(), [&]() -> Task<> {
      const store::Approval& own = asked->approval;
      used = approvals.store().use_approval(own.requester, own.digest, own.id, wall_clock_us());
      co_return;
    });
    if (!used) co_return failed(used.error());
    if (*used) co_return answer_of(What::approved, **used);
    // Ended in this very moment: how, is told next.
    if (latest->state == store::ApprovalState::approved) latest->state = store::ApprovalState::pending;
  }
}

Result<> Worker::fill_approval(Asked& asked) const {
  store::Approval& wanted = asked.approval;
  const config::ApprovalRule& rule = *asked.question.hold.approval;
  wanted.id = make_id("apr_");
  wanted.requester = asked.session.user;
  wanted.target = asked.session.target;
  wanted.database = asked.session.database;
  if (!asked.refuses) {
    wanted.session = asked.session.id;
    wanted.gateway = shared_.approvals->gateway();
  }
  wanted.policy_rule = asked.question.hold.rule_id;
  wanted.reason = sql::reason_of(asked.question.text);
  if (wanted.reason.empty()) wanted.reason = asked.session.reason;
  wanted.rule = {rule.groups, rule.users, static_cast<std::uint32_t>(rule.needed)};
  if (asked.question.changes) wanted.kind = store::ApprovalKind::commit;
  const bool bounded = asked.question.budget.count() > 0;
  wanted.decide_by_us = wall_clock_us() + micros(bounded ? std::min(rule.within, asked.question.budget) : rule.within);
  wanted.once = rule.window.count() == 0;
  // Whoever comes again after the refusal needs time for that as well.
  wanted.good_for_us = micros(wanted.once ? rule.within : rule.window);
  wanted.digest = asked.question.digest;
  DBGATE_TRY(wanted.body, approval_body(asked.session, asked.question));
  return boost::system::in_place_value;
}

// What the server would do is worth a moment to those who decide. Without it they are asked as well.
Task<> Worker::plan(Asked& asked) {
  const auto found = snapshot().targets.find(asked.session.target);
  if (found == snapshot().targets.end() || !has_plan(asked.question)) co_return;
  ports::PlanRequest request{found->second.settings.upstream, asked.session.database, asked.session.settings,
                             asked.question.text};
  if (!shared_.hosts->narrowing()(asked.session.target, request.server)) co_return;
  Result<ports::Plan> made = Error();
  co_await net::run_on(shared_.approvals->blocking(), [&]() -> Task<> {
    made = shared_.plans->explain(request);
    co_return;
  });
  add_plan(asked.approval.body, made);
}

Result<> Worker::record_request(const Asked& asked) {
  std::string fields = session::audit_fields(asked.session).all;
  const auto add = [&fields](std::string_view key, std::string_view value) {
    if (!value.empty()) audit::append_field(fields, key, value);
  };
  const std::string& text = asked.question.text;
  add("approval.id", asked.approval.id);
  add("approval.digest", asked.approval.digest);
  add("approval.reason", asked.approval.reason);
  add("decision.rule_id", asked.approval.policy_rule);
  if (asked.question.changes)
    fields.append(",\"approval.changes\":[").append(asked.question.changes->tables).append("]");
  if (text.size() > inline_text_bytes) {
    DBGATE_TRY(const std::string hash, chain_->store_text(text));
    add("db.query.text_sha256", hash);
    audit::append_field(fields, "db.query.text_bytes", std::uint64_t{text.size()});
  } else {
    add("db.query.text", text);
  }
  if (!asked.question.parameters.empty()) fields.append(",\"db.query.parameters\":").append(asked.question.parameters);
  return chain_->append("approval.requested", fields);
}

// Nobody's decision: what did not run needs no record to be accepted first.
void Worker::record_end_of_hold(const Asked& asked, std::string_view state) {
  std::string fields(session::audit_fields(asked.session).names());
  audit::append_field(fields, "approval.id", std::string_view(asked.approval.id));
  audit::append_field(fields, "approval.state", state);
  static_cast<void>(chain_->append("approval.decided", fields));
  store::Approval ended = asked.approval;
  ended.state = state == "expired" ? store::ApprovalState::expired : store::ApprovalState::cancelled;
  shared_.approval_news->tell("approval.ended", ended);
}

}  // namespace dbgate::app
