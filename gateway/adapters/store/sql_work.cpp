#include "gateway/adapters/store/sql_parts.h"
#include "gateway/base/ids.h"

// Invitations, and requests that may come twice.
namespace dbgate::adapters::store {
namespace {

const std::string invitation_columns =
    "id, hash, email, groups, roles, created_by, created_us, expires_us, used_us, used_by, revoked_us";

Invitation read_invitation(SqlRow& row) {
  Invitation invitation;
  invitation.id = row.text();
  invitation.hash = row.text();
  invitation.email = row.text();
  invitation.groups = list_from_json(row.text());
  invitation.roles = list_from_json(row.text());
  invitation.created_by = row.text();
  invitation.created_us = row.number();
  invitation.expires_us = row.number();
  invitation.used_us = row.number();
  invitation.used_by = row.text();
  invitation.revoked_us = row.number();
  return invitation;
}

std::string body_place(std::string_view user, std::string_view key) {
  return place("requests.sealed_body", std::string(user).append("/").append(key));
}

}  // namespace

Result<Invitation> SqlWork::create_invitation(const Invitation& invitation, Micros now_us) {
  Invitation made = invitation;
  made.id = make_id("inv_");
  made.created_us = now_us;
  made.used_us = made.revoked_us = 0;
  made.used_by.clear();
  DBGATE_CHECK(core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    const auto inserted = transaction.run(
        "INSERT INTO invitations (id, hash, email, groups, roles, created_by, created_us, expires_us, used_us, "
        "used_by, "
        "revoked_us) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, '', 0)",
        {made.id, made.hash, made.email, to_json(made.groups), to_json(made.roles), made.created_by, now_us,
         made.expires_us});
    if (!inserted) return taken(inserted.error(), "invitation");
    return done;
  }));
  return made;
}

Result<std::optional<Invitation>> SqlWork::find_invitation_by_hash(std::string_view hash) {
  const std::string sql = "SELECT " + invitation_columns + " FROM invitations WHERE hash = $1";
  DBGATE_TRY(SqlResult result, core_.database.query(sql.c_str(), {hash}));
  return read_one<Invitation>(std::move(result), read_invitation);
}

Result<Listed<Invitation>> SqlWork::list_invitations(const Page& page) {
  ListQuery list("SELECT " + invitation_columns + " FROM invitations");
  DBGATE_CHECK(list.page("id", "hash", page, false));
  auto listed = list_page<Invitation>(core_.database, list, page, read_invitation, &Invitation::id, &Invitation::hash);
  return listed;
}

Result<bool> SqlWork::revoke_invitation(std::string_view id, Micros now_us) {
  return core_.write<bool>([&](SqlTransaction& transaction) -> Result<bool> {
    DBGATE_TRY(const SqlResult changed, transaction.run("UPDATE invitations SET revoked_us = $2 "
                                                        "WHERE id = $1 AND used_us = 0 AND revoked_us = 0",
                                                        {id, now_us}));
    return changed.changed > 0;
  });
}

Result<InvitedUser> SqlWork::use_invitation(std::string_view hash, const NewUser& user, Micros now_us) {
  return core_.write<InvitedUser>([&](SqlTransaction& transaction) -> Result<InvitedUser> {
    DBGATE_CHECK(raise_generation(transaction));
    const std::string sql =
        "UPDATE invitations SET used_us = $2, used_by = $3 "
        "WHERE hash = $1 AND used_us = 0 AND revoked_us = 0 AND expires_us > $2 RETURNING " +
        invitation_columns;
    DBGATE_TRY(SqlResult used, transaction.run(sql.c_str(), {hash, now_us, user.user.name}));
    const auto invitation = read_one<Invitation>(std::move(used), read_invitation);
    if (!invitation) {
      DBGATE_TRY(const SqlResult late, transaction.run("SELECT 1 FROM invitations WHERE hash = $1 AND used_us = 0 AND "
                                                       "revoked_us = 0",
                                                       {hash}));
      return InvitedUser{late.rows() == 0 ? InvitationUse::unknown : InvitationUse::expired, {}};
    }
    NewUser fresh = user;
    fresh.groups = invitation->groups;
    fresh.roles = invitation->roles;
    DBGATE_TRY(User made, insert_user(transaction, fresh, now_us));
    return InvitedUser{InvitationUse::used, std::move(made)};
  });
}

// Nobody fills the store: with one more than this the user's oldest that are answered go.
constexpr std::int64_t most_requests = 1000;

Result<> make_room(SqlTransaction& transaction, std::string_view user) {
  DBGATE_TRY(SqlResult count, transaction.run("SELECT count(*) FROM requests WHERE user_name = $1", {user}));
  const std::int64_t kept = count.row(0).number();
  if (kept < most_requests) return done;
  DBGATE_CHECK(
      transaction.run("DELETE FROM requests WHERE user_name = $1 AND finished = 1 AND key IN (SELECT key FROM requests "
                      "WHERE user_name = $1 AND finished = 1 ORDER BY expires_us, key LIMIT $2)",
                      {user, kept - most_requests + 1}));
  return done;
}

Result<IdempotentRequest> SqlWork::begin_request(std::string_view user, std::string_view key,
                                                 std::string_view request_hash, Micros expires_us, Micros now_us) {
  return core_.write<IdempotentRequest>([&](SqlTransaction& transaction) -> Result<IdempotentRequest> {
    DBGATE_CHECK(transaction.run("DELETE FROM requests WHERE user_name = $1 AND key = $2 AND expires_us <= $3",
                                 {user, key, now_us}));
    DBGATE_CHECK(make_room(transaction, user));
    DBGATE_TRY(const SqlResult begun,
               transaction.run("INSERT INTO requests (user_name, key, request_hash, finished, status, sealed_body, "
                               "expires_us) VALUES ($1, $2, $3, 0, 0, '', $4) ON CONFLICT (user_name, key) DO NOTHING",
                               {user, key, request_hash, expires_us}));
    IdempotentRequest request;
    if (begun.changed > 0) return request;
    DBGATE_TRY(SqlResult found, transaction.run("SELECT request_hash, finished, status, sealed_body FROM requests "
                                                "WHERE user_name = $1 AND key = $2",
                                                {user, key}));
    request.state = RequestState::running;  // also one that was abandoned in this very moment
    if (found.rows() == 0) return request;
    SqlRow row = found.row(0);
    if (row.text() != request_hash) {
      request.state = RequestState::mismatch;
      return request;
    }
    if (!row.flag()) return request;
    request.state = RequestState::finished;
    request.status = static_cast<int>(row.number());
    DBGATE_TRY(request.body, core_.sealing.open(row.text(), body_place(user, key)));
    return request;
  });
}

Result<> SqlWork::finish_request(std::string_view user, std::string_view key, int status, std::string_view body) {
  const std::string sealed = core_.sealing.seal(body, body_place(user, key));
  return core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    DBGATE_TRY(const SqlResult changed,
               transaction.run("UPDATE requests SET finished = 1, status = $3, sealed_body = $4 "
                               "WHERE user_name = $1 AND key = $2 AND finished = 0",
                               {user, key, status, sealed}));
    if (changed.changed == 0) return missing("request");
    return done;
  });
}

Result<> SqlWork::abandon_request(std::string_view user, std::string_view key) {
  return core_.database.write([&](SqlTransaction& transaction) -> Result<> {
    DBGATE_CHECK(
        transaction.run("DELETE FROM requests WHERE user_name = $1 AND key = $2 AND finished = 0", {user, key}));
    return done;
  });
}

}  // namespace dbgate::adapters::store
