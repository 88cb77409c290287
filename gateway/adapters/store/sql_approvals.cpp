#include "gateway/adapters/store/sql_parts.h"
#include "gateway/base/ids.h"

// What waits for a second person.
namespace dbgate::adapters::store {
namespace {

constexpr const char* kind_words[] = {"statement", "commit", "access", "review"};
constexpr const char* state_words[] = {"pending", "approved", "denied", "expired", "cancelled", "used"};

const std::string short_columns =
    "id, kind, state, requester, target, database_name, session, gateway, policy_rule, reason, ticket, rule_groups, "
    "rule_users, needed, decide_by_us, good_for_us, good_until_us, once, digest, created_us, updated_us, revision";
const std::string columns = short_columns + ", sealed_body";

std::string body_place(std::string_view id) {
  return place("approvals.sealed_body", id);
}

const char* word_of(ApprovalKind kind) {
  return kind_words[static_cast<std::size_t>(kind)];
}

// Times that are over make what the row says untrue. Nobody gets out of a review by waiting, and access that was given
// has been used.
ApprovalState state_at(ApprovalState written, const Approval& approval, Micros now_us) {
  const bool review = approval.kind == ApprovalKind::review;
  const bool is_used_up = review || approval.kind == ApprovalKind::access;
  const bool undecided = written == ApprovalState::pending && !review && approval.decide_by_us <= now_us;
  const bool unused = written == ApprovalState::approved && !is_used_up && approval.good_until_us <= now_us;
  return undecided || unused ? ApprovalState::expired : written;
}

Approval read_approval(SqlRow& row, Micros now_us) {
  Approval approval;
  approval.id = row.text();
  approval.kind = from_word<ApprovalKind>(kind_words, row.text());
  const auto written = from_word<ApprovalState>(state_words, row.text());
  approval.requester = row.text();
  approval.target = row.text();
  approval.database = row.text();
  approval.session = row.text();
  approval.gateway = row.text();
  approval.policy_rule = row.text();
  approval.reason = row.text();
  approval.ticket = row.text();
  approval.rule.groups = list_from_json(row.text());
  approval.rule.users = list_from_json(row.text());
  approval.rule.needed = static_cast<std::uint32_t>(row.number());
  approval.decide_by_us = row.number();
  approval.good_for_us = row.number();
  approval.good_until_us = row.number();
  approval.once = row.flag();
  approval.digest = row.text();
  approval.created_us = row.number();
  approval.updated_us = row.number();
  approval.revision = row.number();
  approval.state = state_at(written, approval, now_us);
  return approval;
}

ApprovalVote read_vote(SqlRow& row) {
  ApprovalVote vote;
  vote.by = row.text();
  vote.yes = row.flag();
  vote.reason = row.text();
  vote.ticket = row.text();
  vote.at_us = row.number();
  return vote;
}

Result<> read_votes(SqlTransaction& transaction, Approval& approval) {
  DBGATE_TRY(SqlResult votes, transaction.run("SELECT voter, yes, reason, ticket, at_us FROM approval_votes "
                                              "WHERE approval = $1 ORDER BY at_us, voter",
                                              {approval.id}));
  approval.votes = read_all<ApprovalVote>(std::move(votes), read_vote);
  return done;
}

Error ended(const Approval& approval) {
  const char* const state = state_words[static_cast<std::size_t>(approval.state)];
  return Error(sqlstate::object_not_in_prerequisite_state, "approval " + approval.id + " is " + state + " already");
}

Error may_not(const char* why) {
  return Error(sqlstate::object_not_in_prerequisite_state, why);
}

// A state that time alone brings is asked of the clock too.
void add_state(ListQuery& list, ApprovalState state, Micros now_us) {
  using enum ApprovalState;
  if (state == expired) {
    return list.where(
        "(state = 'expired' OR CASE WHEN state = 'pending' AND kind <> 'review' THEN decide_by_us "
        "WHEN state = 'approved' AND kind NOT IN ('access', 'review') THEN good_until_us END <= ?)",
        now_us);
  }
  list.where("state = ?", state_words[static_cast<std::size_t>(state)]);
  if (state == pending) list.where("(kind = 'review' OR decide_by_us > ?)", now_us);
  if (state == approved) list.where("(kind IN ('access', 'review') OR good_until_us > ?)", now_us);
}

}  // namespace

// One row with its votes and its body.
Result<Approval> SqlApprovals::opened(SqlTransaction& transaction, SqlResult result, Micros now_us) const {
  SqlRow row = result.row(0);
  Approval approval = read_approval(row, now_us);
  const std::string sealed = row.text();
  if (!sealed.empty()) {
    DBGATE_TRY(approval.body, core_.sealing.open(sealed, body_place(approval.id)));
  }
  DBGATE_CHECK(read_votes(transaction, approval));
  return approval;
}

Result<std::optional<Approval>> SqlApprovals::found(SqlTransaction& transaction, SqlResult result,
                                                    Micros now_us) const {
  if (result.rows() == 0) return std::optional<Approval>();
  DBGATE_TRY(Approval approval, opened(transaction, std::move(result), now_us));
  return std::optional<Approval>(std::move(approval));
}

Result<Approval> SqlApprovals::create_approval(const Approval& approval, Micros now_us) {
  return core_.write<Approval>(
      [&](SqlTransaction& transaction) { return insert_approval(transaction, core_, approval, now_us); });
}

Result<Approval> insert_approval(SqlTransaction& transaction, const SqlCore& core, const Approval& approval,
                                 Micros now_us) {
  Approval made = approval;
  if (made.id.empty()) made.id = make_id("apr_");
  made.state = ApprovalState::pending;
  made.created_us = made.updated_us = now_us;
  made.revision = 1;
  made.good_until_us = 0;
  made.votes.clear();
  const std::string sealed = made.body.empty() ? "" : core.sealing.seal(made.body, body_place(made.id));
  const std::string sql = "INSERT INTO approvals (" + columns +
                          ") VALUES ($1, $2, 'pending', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0, "
                          "$16, $17, $18, $18, 1, $19)";
  const auto inserted = transaction.run(
      sql.c_str(), {made.id, word_of(made.kind), made.requester, made.target, made.database, made.session, made.gateway,
                    made.policy_rule, made.reason, made.ticket, to_json(made.rule.groups), to_json(made.rule.users),
                    static_cast<std::int64_t>(made.rule.needed), made.decide_by_us, made.good_for_us, made.once,
                    made.digest, now_us, sealed});
  if (!inserted) return taken(inserted.error(), "approval");
  DBGATE_CHECK(transaction.announce(Channel::approvals));
  return made;
}

Result<std::optional<Approval>> SqlApprovals::find_approval(std::string_view id, Micros now_us) {
  std::optional<Approval> approval;
  DBGATE_CHECK(core_.database.snapshot([&](SqlTransaction& transaction) -> Result<> {
    const std::string sql = "SELECT " + columns + " FROM approvals WHERE id = $1";
    DBGATE_TRY(SqlResult result, transaction.run(sql.c_str(), {id}));
    DBGATE_TRY(approval, found(transaction, std::move(result), now_us));
    return done;
  }));
  return approval;
}

Result<Listed<Approval>> SqlApprovals::list_approvals(const ApprovalFilter& filter, const Page& page, Micros now_us) {
  ListQuery list("SELECT " + short_columns + " FROM approvals");
  if (filter.state) add_state(list, *filter.state, now_us);
  if (!filter.requester.empty()) list.where("requester = ?", filter.requester);
  if (!filter.target.empty()) list.where("target = ?", filter.target);
  DBGATE_CHECK(list.page("id", "digest", page, false));
  const auto read = [now_us](SqlRow& row) { return read_approval(row, now_us); };
  DBGATE_TRY(auto listed, list_page<Approval>(core_.database, list, page, read, &Approval::id, &Approval::digest));
  DBGATE_CHECK(core_.database.snapshot([&](SqlTransaction& transaction) -> Result<> {
    for (Approval& approval : listed.items)
      DBGATE_CHECK(read_votes(transaction, approval));
    return done;
  }));
  return listed;
}

Result<Approval> SqlApprovals::vote(std::string_view id, std::int64_t revision, const ApprovalVote& vote,
                                    Micros now_us) {
  return core_.write<Approval>([&](SqlTransaction& transaction) -> Result<Approval> {
    // Locks the row: votes come one after the other.
    const std::string sql =
        "UPDATE approvals SET revision = revision + 1, updated_us = $2 WHERE id = $1 RETURNING " + columns;
    DBGATE_TRY(SqlResult locked, transaction.run(sql.c_str(), {id, now_us}));
    if (locked.rows() == 0) return missing("approval");
    DBGATE_TRY(Approval approval, opened(transaction, std::move(locked), now_us));
    if (approval.state != ApprovalState::pending) return ended(approval);
    if (revision != 0 && approval.revision != revision + 1) return conflict();
    if (approval.requester == vote.by) return may_not("nobody decides on what they have asked for themselves");
    DBGATE_TRY(const SqlResult cast,
               transaction.run("INSERT INTO approval_votes (approval, voter, yes, reason, ticket, at_us) "
                               "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (approval, voter) DO NOTHING",
                               {id, vote.by, vote.yes, vote.reason, vote.ticket, now_us}));
    if (cast.changed == 0) return may_not("you have decided on it already");
    DBGATE_CHECK(read_votes(transaction, approval));
    // A no would have ended it.
    const bool enough = approval.votes.size() >= approval.rule.needed;
    if (!vote.yes) approval.state = ApprovalState::denied;
    if (vote.yes && enough) {
      approval.state = ApprovalState::approved;
      approval.good_until_us = now_us + approval.good_for_us;
    }
    DBGATE_CHECK(follow_decision(transaction, approval, vote, now_us));
    DBGATE_CHECK(transaction.run("UPDATE approvals SET state = $2, good_until_us = $3 WHERE id = $1",
                                 {id, state_words[static_cast<std::size_t>(approval.state)], approval.good_until_us}));
    DBGATE_CHECK(transaction.announce(Channel::approvals));
    return approval;
  });
}

Result<Approval> SqlApprovals::cancel_approval(std::string_view id, Micros now_us) {
  return core_.write<Approval>([&](SqlTransaction& transaction) -> Result<Approval> {
    const std::string sql =
        "UPDATE approvals SET revision = revision + 1, updated_us = $2 WHERE id = $1 RETURNING " + columns;
    DBGATE_TRY(SqlResult locked, transaction.run(sql.c_str(), {id, now_us}));
    if (locked.rows() == 0) return missing("approval");
    DBGATE_TRY(Approval approval, opened(transaction, std::move(locked), now_us));
    if (approval.state != ApprovalState::pending && approval.state != ApprovalState::approved) return ended(approval);
    DBGATE_CHECK(transaction.run("UPDATE approvals SET state = 'cancelled' WHERE id = $1", {id}));
    approval.state = ApprovalState::cancelled;
    DBGATE_CHECK(transaction.announce(Channel::approvals));
    return approval;
  });
}

Result<std::optional<Approval>> SqlApprovals::use_approval(std::string_view requester, std::string_view digest,
                                                           std::string_view id, Micros now_us) {
  // Mostly there is none, and reading is cheap.
  const char* const usable = id.empty() ? "(session = '' OR once = 0)" : "id = $4";
  std::string sql = std::string(
                        "SELECT id FROM approvals WHERE requester = $1 AND digest = $2 AND state = 'approved' "
                        "AND good_until_us > $3 AND (id = $4 OR $4 = '') AND ") +
                    usable + " ORDER BY id LIMIT 1";
  DBGATE_TRY(SqlResult seen, core_.database.query(sql.c_str(), {requester, digest, now_us, id}));
  if (seen.rows() == 0) return std::optional<Approval>();
  const std::string chosen = seen.row(0).text();
  return core_.write<std::optional<Approval>>([&](SqlTransaction& transaction) -> Result<std::optional<Approval>> {
    sql =
        "UPDATE approvals SET revision = revision + 1, updated_us = $2, "
        "state = CASE WHEN once = 1 THEN 'used' ELSE state END "
        "WHERE id = $1 AND state = 'approved' AND good_until_us > $2 RETURNING " +
        columns;
    DBGATE_TRY(SqlResult used, transaction.run(sql.c_str(), {chosen, now_us}));
    if (used.rows() > 0) DBGATE_CHECK(transaction.announce(Channel::approvals));
    return found(transaction, std::move(used), now_us);
  });
}

Result<std::optional<Approval>> SqlApprovals::find_pending(std::string_view requester, std::string_view digest,
                                                           Micros now_us) {
  std::optional<Approval> approval;
  DBGATE_CHECK(core_.database.snapshot([&](SqlTransaction& transaction) -> Result<> {
    const std::string sql = "SELECT " + columns +
                            " FROM approvals WHERE requester = $1 AND digest = $2 AND session = '' AND "
                            "state = 'pending' AND decide_by_us > $3 ORDER BY id LIMIT 1";
    DBGATE_TRY(SqlResult result, transaction.run(sql.c_str(), {requester, digest, now_us}));
    DBGATE_TRY(approval, found(transaction, std::move(result), now_us));
    return done;
  }));
  return approval;
}

Result<std::int64_t> SqlApprovals::forget_approvals(Micros before_us) {
  return core_.write<std::int64_t>([&](SqlTransaction& transaction) -> Result<std::int64_t> {
    DBGATE_CHECK(
        transaction.run("DELETE FROM approval_votes WHERE approval IN (SELECT id FROM approvals WHERE "
                        "updated_us < $1 AND decide_by_us < $1 AND good_until_us < $1 AND "
                        "NOT (kind = 'review' AND state = 'pending'))",
                        {before_us}));
    DBGATE_TRY(const SqlResult removed,
               transaction.run("DELETE FROM approvals WHERE updated_us < $1 AND decide_by_us < $1 AND "
                               "good_until_us < $1 AND NOT (kind = 'review' AND state = 'pending')",
                               {before_us}));
    return removed.changed;
  });
}

Result<std::unique_ptr<StoreSignal>> SqlApprovals::signal() {
  return signal_of(core_.database, Channel::approvals);
}

}  // namespace dbgate::adapters::store
