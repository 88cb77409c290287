#include "tests/unit/adapters_store/store_lab.h"

namespace dbgate::adapters::store {
namespace {

class WorkTest : public StoreTest {
 protected:
  Work& work() { return store->work(); }
};
ON_BOTH_DIALECTS(WorkTest);

SavedQuery saved(const std::string& owner, const std::string& name, bool shared = false) {
  SavedQuery query;
  query.owner = owner;
  query.name = name;
  query.text = "SELECT 'it''s'";
  query.shared = shared;
  return query;
}

TEST_P(WorkTest, SavedQueriesAreTheOwnersUnlessShared) {
  const SavedQuery mine = got(work().create_saved_query(saved("alice", "Top orders"), t0));
  got(work().create_saved_query(saved("bob", "private"), t0));
  got(work().create_saved_query(saved("bob", "public", true), t0));
  EXPECT_EQ(code_of(work().create_saved_query(saved("alice", "Top orders"), t0)), "23505");
  const auto listed = got(work().list_saved_queries("alice", {}));
  ASSERT_EQ(listed.items.size(), 2u);
  EXPECT_EQ(listed.items[0].name, "Top orders");
  EXPECT_EQ(listed.items[1].name, "public");
  EXPECT_EQ(got(work().find_saved_query(mine.id))->text, "SELECT 'it''s'");
}

TEST_P(WorkTest, SavedQueriesChangeByRevision) {
  SavedQuery query = got(work().create_saved_query(saved("alice", "a"), t0));
  got(work().create_saved_query(saved("alice", "b"), t0));
  query.text = "SELECT 2";
  const SavedQuery updated = got(work().update_saved_query(query, t0 + 1));
  EXPECT_EQ(updated.revision, 2);
  EXPECT_EQ(updated.text, "SELECT 2");
  EXPECT_EQ(code_of(work().update_saved_query(query, t0 + 1)), "40001");
  query.revision = 2;
  query.name = "b";
  EXPECT_EQ(code_of(work().update_saved_query(query, t0 + 1)), "23505");
  EXPECT_EQ(code_of(work().remove_saved_query(query.id, 1)), "40001");
  did(work().remove_saved_query(query.id, 2));
  EXPECT_EQ(code_of(work().remove_saved_query(query.id, 2)), "02000");
}

NewUser newcomer(const std::string& name) {
  NewUser fresh;
  fresh.user.name = name;
  fresh.password_hash = "hash";
  fresh.groups = {"admins"};
  fresh.roles = {"admin"};
  return fresh;
}

TEST_P(WorkTest, AnInvitationMakesOneUserWithWhatItSays) {
  Invitation invitation;
  invitation.hash = "h";
  invitation.email = "a@b";
  invitation.groups = {"readers"};
  invitation.roles = {"auditor"};
  invitation.expires_us = t0 + hour;
  invitation = got(work().create_invitation(invitation, t0));
  make_user("taken");
  EXPECT_EQ(got(work().use_invitation("other", newcomer("alice"), t0)).outcome, InvitationUse::unknown);
  EXPECT_EQ(got(work().use_invitation("h", newcomer("alice"), t0 + hour)).outcome, InvitationUse::expired);
  EXPECT_EQ(code_of(work().use_invitation("h", newcomer("taken"), t0)), "23505");
  const InvitedUser used = got(work().use_invitation("h", newcomer("alice"), t0));
  EXPECT_EQ(used.outcome, InvitationUse::used);
  EXPECT_EQ(used.user.name, "alice");
  EXPECT_EQ(got(work().use_invitation("h", newcomer("bob"), t0)).outcome, InvitationUse::unknown);
  EXPECT_FALSE(got(store->users().find_user("bob")));
  EXPECT_EQ(got(store->users().memberships_of_user("alice")).at(0).group, "readers");
  EXPECT_EQ(got(store->users().list_roles()).at(0).role, "auditor");
  EXPECT_EQ(got(store->sign_ins().sign_in_secrets("alice")).password_hash, "hash");
  EXPECT_EQ(got(work().find_invitation_by_hash("h"))->used_by, "alice");
}

TEST_P(WorkTest, InvitationsAreListedAndRevoked) {
  std::vector<std::string> ids;
  for (const char* const hash : {"h1", "h2", "h3"}) {
    Invitation invitation;
    invitation.hash = hash;
    invitation.expires_us = t0 + hour;
    ids.push_back(got(work().create_invitation(invitation, t0)).id);
  }
  std::vector<std::string> seen;
  Page page{2, false, std::nullopt};
  do {
    const auto listed = got(work().list_invitations(page));
    for (const Invitation& invitation : listed.items)
      seen.push_back(invitation.id);
    page.after = listed.next;
  } while (page.after);
  std::sort(ids.begin(), ids.end());
  EXPECT_EQ(seen, ids);
  const std::string id = got(work().find_invitation_by_hash("h1"))->id;
  EXPECT_TRUE(got(work().revoke_invitation(id, t0)));
  EXPECT_FALSE(got(work().revoke_invitation(id, t0)));
  EXPECT_EQ(got(work().use_invitation("h1", newcomer("alice"), t0)).outcome, InvitationUse::unknown);
}

TEST_P(WorkTest, ARequestIsDoneOnceAndAnsweredAgain) {
  const auto begin = [&](const std::string& user, const std::string& hash, Micros now_us) {
    return got(work().begin_request(user, "key", hash, now_us + 24 * hour, now_us));
  };
  EXPECT_EQ(begin("alice", "r", t0).state, RequestState::started);
  EXPECT_EQ(begin("alice", "r", t0).state, RequestState::running);
  EXPECT_EQ(begin("alice", "other", t0).state, RequestState::mismatch);
  EXPECT_EQ(begin("bob", "r", t0).state, RequestState::started);
  did(work().finish_request("alice", "key", 201, "{\"secret\":\"dbg_pat_x\"}"));
  EXPECT_EQ(code_of(work().finish_request("alice", "key", 500, "")), "02000");
  const IdempotentRequest again = begin("alice", "r", t0 + hour);
  EXPECT_EQ(again.state, RequestState::finished);
  EXPECT_EQ(again.status, 201);
  EXPECT_EQ(again.body, "{\"secret\":\"dbg_pat_x\"}");
  EXPECT_EQ(begin("alice", "other", t0 + hour).state, RequestState::mismatch);
  did(work().abandon_request("alice", "key"));  // too late: it is finished
  EXPECT_EQ(begin("alice", "r", t0 + hour).state, RequestState::finished);
  did(work().abandon_request("bob", "key"));
  EXPECT_EQ(begin("bob", "r", t0).state, RequestState::started);
  EXPECT_EQ(begin("alice", "other", t0 + 24 * hour).state, RequestState::started);
}

}  // namespace
}  // namespace dbgate::adapters::store
