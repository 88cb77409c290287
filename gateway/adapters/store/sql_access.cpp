#include "gateway/adapters/store/sql_parts.h"
#include "gateway/base/ids.h"

// Rights for a time.
namespace dbgate::adapters::store {
namespace {

constexpr Micros second_us = 1'000'000;
constexpr const char* state_words[] = {"pending", "active", "ended", "denied", "expired", "cancelled"};

const std::string own_columns =
    "access_requests.id, user_name, access_requests.target, offer, tables, verbs, seconds, access_requests.reason, "
    "access_requests.ticket, break_glass, approval, starts_us, ends_us, ended_us, end_reason, ended_by, "
    "access_requests.created_us, access_requests.updated_us, access_requests.revision";
const std::string selected = "SELECT " + own_columns +
                             ", COALESCE(approvals.state, 'expired'), COALESCE(approvals.decide_by_us, 0), "
                             "COALESCE(approvals.rule_groups, '[]'), COALESCE(approvals.rule_users, '[]') "
                             "FROM access_requests LEFT JOIN approvals ON approvals.id = access_requests.approval";

// The clock ends what nobody has ended, and what nobody has decided.
AccessState state_at(const AccessRequest& request, std::string_view approval, Micros decide_by_us, Micros now_us) {
  if (request.starts_us > 0) {
    return request.ended_us > 0 || request.ends_us <= now_us ? AccessState::ended : AccessState::active;
  }
  if (approval == "denied") return AccessState::denied;
  if (request.ended_us > 0 || approval == "cancelled" || approval == "approved") return AccessState::cancelled;
  return approval == "pending" && decide_by_us > now_us ? AccessState::pending : AccessState::expired;
}

AccessRequest read_access(SqlRow& row, Micros now_us) {
  AccessRequest request;
  request.id = row.text();
  request.user = row.text();
  request.target = row.text();
  request.offer = row.text();
  request.tables = list_from_json(row.text());
  request.verbs = list_from_json(row.text());
  request.seconds = row.number();
  request.reason = row.text();
  request.ticket = row.text();
  request.break_glass = row.flag();
  request.approval = row.text();
  request.starts_us = row.number();
  request.ends_us = row.number();
  request.ended_us = row.number();
  request.end_reason = row.text();
  request.ended_by = row.text();
  request.created_us = row.number();
  request.updated_us = row.number();
  request.revision = row.number();
  const std::string approval = row.text();
  const Micros decide_by_us = row.number();
  request.approver_groups = list_from_json(row.text());
  request.approver_users = list_from_json(row.text());
  request.state = state_at(request, approval, decide_by_us, now_us);
  request.in_review = request.break_glass && approval == "pending";
  return request;
}

Result<std::optional<AccessRequest>> found_by(SqlTransaction& transaction, const char* condition,
                                              std::string_view value, Micros now_us) {
  const std::string sql = selected + " WHERE " + condition;
  DBGATE_TRY(SqlResult result, transaction.run(sql.c_str(), {value}));
  return read_one<AccessRequest>(std::move(result), [now_us](SqlRow& row) { return read_access(row, now_us); });
}

// Ends at a whole second, so that whoever counts in seconds is exact.
Micros end_of(const AccessRequest& request, Micros now_us) {
  return (now_us / second_us + request.seconds) * second_us;
}

void add_state(ListQuery& list, AccessState state, Micros now_us) {
  switch (state) {
    case AccessState::active:
      list.where("starts_us > 0 AND ended_us = 0 AND ends_us > ?", now_us);
      return;
    case AccessState::ended:
      list.where("starts_us > 0 AND (ended_us > 0 OR ends_us <= ?)", now_us);
      return;
    case AccessState::pending:
      list.where("starts_us = 0 AND ended_us = 0 AND approvals.state = 'pending' AND decide_by_us > ?", now_us);
      return;
    case AccessState::denied:
      list.where("starts_us = 0 AND approvals.state = 'denied'");
      return;
    case AccessState::cancelled:
      list.where(
          "starts_us = 0 AND approvals.state <> 'denied' AND "
          "(ended_us > 0 OR approvals.state IN ('cancelled', 'approved'))");
      return;
    case AccessState::expired:
      list.where(
          "starts_us = 0 AND ended_us = 0 AND COALESCE(approvals.state, 'expired') NOT IN "
          "('denied', 'cancelled', 'approved') AND COALESCE(decide_by_us, 0) <= ?",
          now_us);
      return;
  }
}

}  // namespace

Result<AccessRequest> SqlAccess::create_access(const AccessRequest& request, const Approval& approval, Micros now_us) {
  return core_.write<AccessRequest>([&](SqlTransaction& transaction) -> Result<AccessRequest> {
    DBGATE_CHECK(raise_generation(transaction));
    DBGATE_TRY(const Approval asked, insert_approval(transaction, core_, approval, now_us));
    const std::string id = request.id.empty() ? make_id("acc_") : request.id;
    const Micros starts = request.break_glass ? now_us : 0;
    const Micros ends = request.break_glass ? end_of(request, now_us) : 0;
    const auto inserted = transaction.run(
        "INSERT INTO access_requests (id, user_name, target, offer, tables, verbs, seconds, reason, ticket, "
        "break_glass, approval, starts_us, ends_us, ended_us, end_reason, ended_by, created_us, updated_us, revision) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, '', '', $14, $14, 1)",
        {id, request.user, request.target, request.offer, to_json(request.tables), to_json(request.verbs),
         request.seconds, request.reason, request.ticket, request.break_glass, asked.id, starts, ends, now_us});
    if (!inserted) return taken(inserted.error(), "request");
    DBGATE_TRY(auto made, found_by(transaction, "access_requests.id = $1", id, now_us));
    if (!made) return missing("request");
    return std::move(*made);
  });
}

Result<std::optional<AccessRequest>> SqlAccess::find_access(std::string_view id, Micros now_us) {
  std::optional<AccessRequest> found;
  DBGATE_CHECK(core_.database.snapshot([&](SqlTransaction& transaction) -> Result<> {
    DBGATE_TRY(found, found_by(transaction, "access_requests.id = $1", id, now_us));
    return done;
  }));
  return found;
}

Result<std::optional<AccessRequest>> SqlAccess::find_access_of(std::string_view approval, Micros now_us) {
  std::optional<AccessRequest> found;
  DBGATE_CHECK(core_.database.snapshot([&](SqlTransaction& transaction) -> Result<> {
    DBGATE_TRY(found, found_by(transaction, "approval = $1", approval, now_us));
    return done;
  }));
  return found;
}

Result<Listed<AccessRequest>> SqlAccess::list_access(const AccessFilter& filter, const Page& page, Micros now_us) {
  ListQuery list(selected);
  if (filter.state) add_state(list, *filter.state, now_us);
  if (!filter.user.empty()) list.where("user_name = ?", filter.user);
  if (!filter.target.empty()) list.where("access_requests.target = ?", filter.target);
  DBGATE_CHECK(list.page("access_requests.id", "access_requests.offer", page, false));
  return list_page<AccessRequest>(
      core_.database, list, page, [now_us](SqlRow& row) { return read_access(row, now_us); }, &AccessRequest::id,
      &AccessRequest::offer);
}

// The approval first, as votes do: who waits for whose lock must not go round in a circle.
Result<AccessRequest> SqlAccess::end_access(std::string_view id, const Ending& why, Micros now_us) {
  return core_.write<AccessRequest>([&](SqlTransaction& transaction) -> Result<AccessRequest> {
    DBGATE_TRY(const auto seen, found_by(transaction, "access_requests.id = $1", id, now_us));
    if (!seen) return missing("request");
    bool undecided = false;
    if (seen->state == AccessState::pending) {
      DBGATE_TRY(const SqlResult cancelled,
                 transaction.run("UPDATE approvals SET state = 'cancelled', updated_us = $2, revision = revision + 1 "
                                 "WHERE id = $1 AND state = 'pending'",
                                 {seen->approval, now_us}));
      undecided = cancelled.changed > 0;
      if (undecided) DBGATE_CHECK(transaction.announce(Channel::approvals));
    }
    DBGATE_CHECK(raise_generation(transaction));
    DBGATE_TRY(const auto before, found_by(transaction, "access_requests.id = $1", id, now_us));
    if (!before) return missing("request");
    if (!undecided && before->state != AccessState::active) {
      const char* const state = state_words[static_cast<std::size_t>(before->state)];
      return Error(sqlstate::object_not_in_prerequisite_state, std::string(id) + " is " + state + " already");
    }
    DBGATE_CHECK(
        transaction.run("UPDATE access_requests SET ended_us = $2, updated_us = $2, end_reason = $3, ended_by = $4, "
                        "revision = revision + 1 WHERE id = $1",
                        {id, now_us, why.reason, why.by}));
    DBGATE_TRY(auto after, found_by(transaction, "access_requests.id = $1", id, now_us));
    if (!after) return missing("request");
    return std::move(*after);
  });
}

Result<std::vector<AccessRequest>> SqlAccess::end_over(Micros now_us) {
  return core_.write<std::vector<AccessRequest>>(
      [&](SqlTransaction& transaction) -> Result<std::vector<AccessRequest>> {
        DBGATE_TRY(SqlResult over,
                   transaction.run("UPDATE access_requests SET ended_us = ends_us, updated_us = $1, "
                                   "end_reason = 'expired', revision = revision + 1 "
                                   "WHERE starts_us > 0 AND ended_us = 0 AND ends_us <= $1 RETURNING id",
                                   {now_us}));
        const auto ids = read_all<std::string>(std::move(over), [](SqlRow& row) { return row.text(); });
        std::vector<AccessRequest> ended;
        for (const std::string& id : ids) {
          DBGATE_TRY(auto one, found_by(transaction, "access_requests.id = $1", id, now_us));
          if (one) ended.push_back(std::move(*one));
        }
        return ended;
      });
}

Result<std::vector<AccessRequest>> access_not_ended(SqlTransaction& transaction, Micros now_us) {
  const std::string sql = selected + " WHERE starts_us > 0 AND ended_us = 0 ORDER BY access_requests.id";
  DBGATE_TRY(SqlResult result, transaction.run(sql.c_str()));
  return read_all<AccessRequest>(std::move(result), [now_us](SqlRow& row) { return read_access(row, now_us); });
}

// The approval's row is locked by its vote; the directory comes behind it, for everybody in this order.
Result<> follow_decision(SqlTransaction& transaction, Approval& approval, const ApprovalVote& vote, Micros now_us) {
  const bool given = approval.kind == ApprovalKind::access && approval.state == ApprovalState::approved;
  const bool refused = approval.kind == ApprovalKind::review && approval.state == ApprovalState::denied;
  if (!given && !refused) return done;
  DBGATE_CHECK(raise_generation(transaction));
  if (refused) {
    DBGATE_CHECK(transaction.run(
        "UPDATE access_requests SET ended_us = $2, updated_us = $2, end_reason = 'refused in review', ended_by = $3, "
        "revision = revision + 1 WHERE approval = $1 AND ended_us = 0 AND ends_us > $2",
        {approval.id, now_us, vote.by}));
    return done;
  }
  DBGATE_TRY(const auto request, found_by(transaction, "approval = $1", approval.id, now_us));
  if (!request) return done;
  approval.good_until_us = end_of(*request, now_us);
  DBGATE_CHECK(
      transaction.run("UPDATE access_requests SET starts_us = $2, ends_us = $3, updated_us = $2, "
                      "revision = revision + 1 WHERE approval = $1 AND starts_us = 0 AND ended_us = 0",
                      {approval.id, now_us, approval.good_until_us}));
  return done;
}

}  // namespace dbgate::adapters::store
