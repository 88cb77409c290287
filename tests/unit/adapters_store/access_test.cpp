#include <algorithm>

#include "tests/unit/adapters_store/store_lab.h"

// Rights for a time: asked for, agreed to, in force, over.
namespace dbgate::adapters::store {
namespace {

using enum AccessState;

class AccessTest : public StoreTest {
 protected:
  Access& access() { return store->access(); }

  static AccessRequest wanted(bool break_glass = false, const std::string& user = "ana") {
    AccessRequest request;
    request.user = user;
    request.target = "shop";
    request.offer = "repair";
    request.tables = {"public.orders", "public.customers(id, city)"};
    request.verbs = {"select", "update"};
    request.seconds = 600;
    request.reason = "orders are stuck";
    request.ticket = "OPS-17";
    request.break_glass = break_glass;
    return request;
  }
  static Approval agreement(const AccessRequest& request) {
    Approval approval;
    approval.kind = request.break_glass ? ApprovalKind::review : ApprovalKind::access;
    approval.requester = request.user;
    approval.target = request.target;
    approval.rule = {{"leads"}, {"omar"}, 1};
    approval.decide_by_us = t0 + hour;
    approval.good_for_us = request.seconds * second;
    approval.once = false;
    return approval;
  }
  AccessRequest ask(bool break_glass = false, const std::string& user = "ana", Micros now = t0) {
    const AccessRequest request = wanted(break_glass, user);
    return got(access().create_access(request, agreement(request), now));
  }
  AccessRequest at(const std::string& id, Micros now) { return *got(access().find_access(id, now)); }
  Result<Approval> say(const AccessRequest& request, bool yes, Micros now, const std::string& by = "omar") {
    return store->approvals().vote(request.approval, 0, {by, yes, "because", "", 0}, now);
  }
  std::vector<AccessRequest> in_force(Micros now) {
    auto all = got(store->load_directory(0, now)).access;
    std::erase_if(all, [](const AccessRequest& one) { return one.state != active; });
    return all;
  }
  std::vector<std::string> listed(std::optional<AccessState> state, Micros now) {
    std::vector<std::string> ids;
    for (const AccessRequest& one : got(access().list_access({state, "", ""}, {}, now)).items)
      ids.push_back(one.id);
    return ids;
  }
};
ON_BOTH_DIALECTS(AccessTest);

TEST_P(AccessTest, IsInForceOnceOthersHaveAgreed) {
  const AccessRequest asked = ask();
  EXPECT_TRUE(asked.id.starts_with("acc_"));
  EXPECT_EQ(asked.state, pending);
  EXPECT_EQ(asked.tables, (std::vector<std::string>{"public.orders", "public.customers(id, city)"}));
  EXPECT_EQ(asked.approver_groups, (std::vector<std::string>{"leads"}));
  EXPECT_TRUE(in_force(t0).empty());
  EXPECT_EQ(code_of(say(asked, true, t0 + second, "ana")), "55000");
  const std::int64_t before = got(store->generation());
  const Approval approved = got(say(asked, true, t0 + minute + second / 2));
  EXPECT_GT(got(store->generation()), before) << "other gateways have to hear of it";
  const AccessRequest given = at(asked.id, t0 + 2 * minute);
  EXPECT_EQ(given.state, active);
  EXPECT_EQ(given.starts_us, t0 + minute + second / 2);
  EXPECT_EQ(given.ends_us, t0 + 11 * minute) << "a whole second";
  EXPECT_EQ(approved.good_until_us, given.ends_us);
  ASSERT_EQ(in_force(t0 + 2 * minute).size(), 1U);
  EXPECT_EQ(in_force(t0 + 2 * minute)[0].id, asked.id);
  EXPECT_EQ(at(asked.id, given.ends_us - 1).state, active);
  EXPECT_EQ(at(asked.id, given.ends_us).state, ended);
  EXPECT_TRUE(in_force(given.ends_us).empty());
  const Approval after = *got(store->approvals().find_approval(asked.approval, t0 + 5 * hour));
  EXPECT_EQ(after.state, ApprovalState::approved) << "it has been used: that does not expire";
}

TEST_P(AccessTest, NobodyHasItThatWasDeniedOrForgotten) {
  const AccessRequest no = ask(), late = ask(), back = ask();
  got(say(no, false, t0 + second));
  EXPECT_EQ(at(no.id, t0 + minute).state, denied);
  EXPECT_EQ(at(late.id, t0 + hour).state, expired);
  EXPECT_EQ(code_of(say(late, true, t0 + hour)), "55000");
  got(store->approvals().cancel_approval(back.approval, t0 + second));
  EXPECT_EQ(at(back.id, t0 + minute).state, cancelled);
  EXPECT_TRUE(in_force(t0 + minute).empty());
  EXPECT_EQ(code_of(access().end_access(no.id, {"revoked", "root"}, t0 + minute)), "55000");
  EXPECT_EQ(code_of(access().end_access("acc_none", {"revoked", "root"}, t0)), "02000");
}

TEST_P(AccessTest, EndsBeforeItsTime) {
  const AccessRequest asked = ask();
  got(say(asked, true, t0 + second));
  const AccessRequest over = got(access().end_access(asked.id, {"done", "ana"}, t0 + minute));
  EXPECT_EQ(over.state, ended);
  EXPECT_EQ(over.ended_us, t0 + minute);
  EXPECT_EQ(over.end_reason + over.ended_by, "doneana");
  EXPECT_TRUE(in_force(t0 + minute).empty());
  EXPECT_EQ(code_of(access().end_access(asked.id, {"done", "ana"}, t0 + minute)), "55000");
  EXPECT_TRUE(got(access().end_over(t0 + hour)).empty()) << "it has ended already";
}

TEST_P(AccessTest, OneThatIsTakenBackCannotBeGivenAnyMore) {
  const AccessRequest asked = ask();
  EXPECT_EQ(got(access().end_access(asked.id, {"revoked", "ana"}, t0 + second)).state, cancelled);
  EXPECT_EQ(code_of(say(asked, true, t0 + minute)), "55000");
  EXPECT_EQ(got(store->approvals().find_approval(asked.approval, t0 + minute))->state, ApprovalState::cancelled);
}

TEST_P(AccessTest, TheEndIsNotedOnceAmongAllGateways) {
  const auto other = lab.open();
  const AccessRequest asked = ask();
  got(say(asked, true, t0));
  EXPECT_TRUE(got(access().end_over(t0 + 10 * minute - 1)).empty());
  EXPECT_EQ(got(store->load_directory(0, t0 + hour)).access.size(), 1U) << "who hears of it late has to note it";
  const auto here = got(access().end_over(t0 + 10 * minute));
  ASSERT_EQ(here.size(), 1U);
  EXPECT_EQ(got(store->load_directory(0, t0 + hour)).access.size(), 0U);
  EXPECT_EQ(here[0].id + here[0].end_reason, asked.id + "expired");
  EXPECT_EQ(here[0].ended_us, here[0].ends_us);
  EXPECT_TRUE(got(other->access().end_over(t0 + hour)).empty());
}

TEST_P(AccessTest, BrokenGlassIsInForceAtOnceAndReviewedUntilSomebodyDoes) {
  const AccessRequest asked = ask(true);
  EXPECT_EQ(asked.state, active);
  EXPECT_TRUE(asked.in_review);
  EXPECT_EQ(asked.ends_us, t0 + 10 * minute);
  ASSERT_EQ(in_force(t0).size(), 1U);
  EXPECT_TRUE(in_force(t0)[0].break_glass);
  const Micros later = t0 + 1000 * hour;
  EXPECT_EQ(got(store->approvals().find_approval(asked.approval, later))->state, ApprovalState::pending);
  ApprovalFilter waiting;
  waiting.state = ApprovalState::pending;
  EXPECT_EQ(got(store->approvals().list_approvals(waiting, {}, later)).items.size(), 1U);
  waiting.state = ApprovalState::expired;
  EXPECT_TRUE(got(store->approvals().list_approvals(waiting, {}, later)).items.empty());
  EXPECT_EQ(got(store->approvals().forget_approvals(later)), 0);
  EXPECT_TRUE(at(asked.id, later).in_review);
  got(say(asked, true, later));
  EXPECT_FALSE(at(asked.id, later).in_review);
  EXPECT_EQ(got(store->approvals().find_approval(asked.approval, later + hour))->state, ApprovalState::approved);
}

TEST_P(AccessTest, ARefusalInReviewEndsWhatIsInForce) {
  const AccessRequest asked = ask(true);
  got(say(asked, false, t0 + minute));
  const AccessRequest over = at(asked.id, t0 + minute);
  EXPECT_EQ(over.state, ended);
  EXPECT_EQ(over.ended_by, "omar");
  EXPECT_TRUE(in_force(t0 + minute).empty());
}

TEST_P(AccessTest, IsListedByItsState) {
  const AccessRequest waits = ask(), has = ask(), no = ask(), had = ask(true), back = ask();
  got(say(has, true, t0 + 5 * minute));
  got(say(no, false, t0 + second));
  got(access().end_access(back.id, {"revoked", "ana"}, t0 + second));
  const Micros now = t0 + 11 * minute;
  EXPECT_EQ(listed(pending, now), std::vector<std::string>{waits.id});
  EXPECT_EQ(listed(active, now), std::vector<std::string>{has.id});
  EXPECT_EQ(listed(ended, now), std::vector<std::string>{had.id});
  EXPECT_EQ(listed(denied, now), std::vector<std::string>{no.id});
  EXPECT_EQ(listed(cancelled, now), std::vector<std::string>{back.id});
  EXPECT_EQ(listed(expired, now).size(), 0U);
  EXPECT_EQ(listed(expired, t0 + hour), std::vector<std::string>{waits.id});
  EXPECT_EQ(listed(std::nullopt, now).size(), 5U);
}

TEST_P(AccessTest, NobodyInheritsIt) {
  make_user("ana");
  const AccessRequest asked = ask(), waiting = ask();
  got(say(asked, true, t0));
  did(store->users().remove_user("ana", 0, {"removed", "root"}, t0 + minute));
  make_user("ana");
  EXPECT_TRUE(in_force(t0 + minute).empty());
  static_cast<void>(say(waiting, true, t0 + minute));
  EXPECT_TRUE(in_force(t0 + minute).empty());
}

TEST_P(AccessTest, SurvivesARestart) {
  const AccessRequest asked = ask();
  got(say(asked, true, t0));
  store = nullptr;
  store = lab.open();
  EXPECT_EQ(in_force(t0 + minute).size(), 1U);
}

}  // namespace
}  // namespace dbgate::adapters::store
