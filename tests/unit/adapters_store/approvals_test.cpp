#include <algorithm>
#include <atomic>
#include <thread>

#include "tests/unit/adapters_store/store_lab.h"

// What waits for a second person, and who takes what was agreed to.
namespace dbgate::adapters::store {
namespace {

using enum ApprovalState;

class ApprovalsTest : public StoreTest {
 protected:
  Approvals& approvals() { return store->approvals(); }

  static Approval wanted(const std::string& digest, const std::string& session = {}, bool once = true) {
    Approval approval;
    approval.requester = "ana";
    approval.target = "shop";
    approval.database = "shop";
    approval.session = session;
    approval.gateway = session.empty() ? "" : "rpl_one";
    approval.policy_rule = "oncall/allow[0]";
    approval.reason = "ticket 17";
    approval.rule = {{"leads"}, {"omar"}, 2};
    approval.decide_by_us = t0 + hour;
    approval.good_for_us = 10 * minute;
    approval.once = once;
    approval.digest = digest;
    approval.body = R"({"sql":"DELETE FROM orders"})";
    return approval;
  }
  Approval made(const Approval& approval) { return got(approvals().create_approval(approval, t0)); }
  Result<Approval> say(const std::string& id, const std::string& by, bool yes = true, Micros now = t0 + second,
                       std::int64_t revision = 0) {
    return approvals().vote(id, revision, {by, yes, "because", "T-1", 0}, now);
  }
  Approval at(const std::string& id, Micros now) { return *got(approvals().find_approval(id, now)); }
  std::optional<Approval> use(const std::string& digest, const std::string& id, Micros now,
                              const std::string& who = "ana") {
    return got(approvals().use_approval(who, digest, id, now));
  }
};
ON_BOTH_DIALECTS(ApprovalsTest);

TEST_P(ApprovalsTest, IsKeptAsItWasAskedFor) {
  const Approval one = made(wanted("d1", "ses_1"));
  EXPECT_TRUE(one.id.starts_with("apr_"));
  const Approval found = at(one.id, t0);
  EXPECT_EQ(found.state, pending);
  EXPECT_EQ(found.rule.groups, (std::vector<std::string>{"leads"}));
  EXPECT_EQ(found.rule.users, (std::vector<std::string>{"omar"}));
  EXPECT_EQ(found.rule.needed, 2U);
  EXPECT_EQ(found.session + found.gateway + found.policy_rule, "ses_1rpl_oneoncall/allow[0]");
  EXPECT_EQ(found.body, R"({"sql":"DELETE FROM orders"})");
  EXPECT_EQ(found.revision, 1);
  EXPECT_FALSE(got(approvals().find_approval("apr_none", t0)));
  Approval named = wanted("d2");
  named.id = "apr_MINE";
  EXPECT_EQ(made(named).id, "apr_MINE");
  EXPECT_EQ(code_of(approvals().create_approval(named, t0)), "23505");
}

TEST_P(ApprovalsTest, EnoughOthersHaveToAgree) {
  const Approval one = made(wanted("d1"));
  EXPECT_EQ(code_of(say(one.id, "ana")), "55000");
  EXPECT_EQ(got(say(one.id, "omar")).state, pending);
  EXPECT_EQ(code_of(say(one.id, "omar")), "55000");
  EXPECT_EQ(code_of(say(one.id, "lea", true, t0 + second, 1)), "40001");
  EXPECT_FALSE(use("d1", "", t0 + second));
  const Approval approved = got(say(one.id, "lea", true, t0 + minute, 2));
  EXPECT_EQ(approved.state, ApprovalState::approved);
  EXPECT_EQ(approved.good_until_us, t0 + 11 * minute);
  EXPECT_EQ(approved.votes.size(), 2U);
  EXPECT_EQ(at(one.id, t0 + 2 * minute).votes.at(1).by, "lea");
  EXPECT_EQ(code_of(say(one.id, "max")), "55000");
  EXPECT_EQ(code_of(say("apr_none", "max")), "02000");
}

TEST_P(ApprovalsTest, OneNoIsEnough) {
  const Approval one = made(wanted("d1"));
  EXPECT_EQ(got(say(one.id, "omar", false)).state, denied);
  EXPECT_EQ(code_of(say(one.id, "lea")), "55000");
  EXPECT_EQ(code_of(approvals().cancel_approval(one.id, t0)), "55000");
  EXPECT_FALSE(use("d1", "", t0 + second));
}

TEST_P(ApprovalsTest, TimesThatAreOverEndIt) {
  const Approval one = made(wanted("d1"));
  EXPECT_EQ(at(one.id, t0 + hour - 1).state, pending);
  EXPECT_EQ(at(one.id, t0 + hour).state, expired);
  EXPECT_EQ(code_of(say(one.id, "omar", true, t0 + hour)), "55000");
  const Approval other = made(wanted("d2"));
  got(say(other.id, "omar"));
  got(say(other.id, "lea", true, t0));
  EXPECT_EQ(at(other.id, t0 + 10 * minute).state, expired);
  EXPECT_FALSE(use("d2", "", t0 + 10 * minute));
  EXPECT_TRUE(use("d2", "", t0 + 10 * minute - 1));
}

TEST_P(ApprovalsTest, WhatIsGoodOnceIsTakenOnce) {
  const Approval one = made(wanted("d1"));
  got(say(one.id, "omar"));
  got(say(one.id, "lea"));
  EXPECT_FALSE(use("other", "", t0 + minute));
  EXPECT_FALSE(use("d1", "", t0 + minute, "bob"));
  std::atomic<int> taken{0};
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&] { taken += use("d1", "", t0 + minute) ? 1 : 0; });
  }
  EXPECT_EQ(taken, 1);
  EXPECT_EQ(at(one.id, t0 + minute).state, used);
  EXPECT_EQ(code_of(approvals().cancel_approval(one.id, t0)), "55000");
}

TEST_P(ApprovalsTest, WhatASessionWaitsForIsItsOwn) {
  const Approval one = made(wanted("d1", "ses_1"));
  got(say(one.id, "omar"));
  got(say(one.id, "lea"));
  EXPECT_FALSE(use("d1", "", t0 + minute));
  EXPECT_EQ(use("d1", one.id, t0 + minute)->id, one.id);
  const Approval window = made(wanted("d2", "ses_1", false));
  got(say(window.id, "omar"));
  got(say(window.id, "lea"));
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(use("d2", i == 0 ? window.id : "", t0 + minute)->id, window.id);
  EXPECT_FALSE(use("d2", "", t0 + hour));
}

TEST_P(ApprovalsTest, WhoAsksAgainAsksForTheSame) {
  const Approval held = made(wanted("d1", "ses_1"));
  EXPECT_FALSE(got(approvals().find_pending("ana", "d1", t0)));
  const Approval one = made(wanted("d1"));
  EXPECT_EQ(got(approvals().find_pending("ana", "d1", t0))->id, one.id);
  EXPECT_FALSE(got(approvals().find_pending("bob", "d1", t0)));
  EXPECT_FALSE(got(approvals().find_pending("ana", "d1", t0 + hour)));
  EXPECT_EQ(got(approvals().cancel_approval(one.id, t0)).state, cancelled);
  EXPECT_FALSE(got(approvals().find_pending("ana", "d1", t0)));
}

TEST_P(ApprovalsTest, ListsByStateRequesterAndTarget) {
  const Approval one = made(wanted("d1"));
  Approval foreign = wanted("d2");
  foreign.requester = "bob";
  foreign.target = "crm";
  const Approval two = made(foreign);
  const Approval three = made(wanted("d3"));
  got(say(three.id, "omar", false));
  const auto ids = [&](const ApprovalFilter& filter, Micros now = t0) {
    Page page;
    page.limit = 1;
    std::vector<std::string> all;
    for (;;) {
      auto listed = got(approvals().list_approvals(filter, page, now));
      for (const Approval& approval : listed.items)
        all.push_back(approval.id);
      if (!listed.next) break;
      page.after = listed.next;
    }
    std::sort(all.begin(), all.end());
    return all;
  };
  const auto sorted = [](std::vector<std::string> list) {
    std::sort(list.begin(), list.end());
    return list;
  };
  EXPECT_EQ(ids({}), sorted({one.id, two.id, three.id}));
  EXPECT_EQ(ids({pending, "", ""}), sorted({one.id, two.id}));
  EXPECT_EQ(ids({denied, "", ""}), sorted({three.id}));
  EXPECT_EQ(ids({{}, "bob", ""}), sorted({two.id}));
  EXPECT_EQ(ids({{}, "", "shop"}), sorted({one.id, three.id}));
  EXPECT_EQ(ids({expired, "", ""}, t0 + hour), sorted({one.id, two.id}));
  EXPECT_TRUE(ids({pending, "", ""}, t0 + hour).empty());
}

TEST_P(ApprovalsTest, AnotherGatewayHearsOfAVoteAtOnce) {
  const auto other = lab.open();
  const auto signal = got(other->approvals().signal());
  const Approval one = made(wanted("d1"));
  while (got(signal->wait(std::chrono::milliseconds(1)))) {
  }
  const auto begun = std::chrono::steady_clock::now();
  std::jthread voter([&] { got(say(one.id, "omar", false)); });
  while (got(other->approvals().find_approval(one.id, t0))->state == pending)
    static_cast<void>(got(signal->wait(std::chrono::seconds(60))));
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(30));
}

TEST_P(ApprovalsTest, IsForgottenAfterAWhile) {
  const Approval one = made(wanted("d1"));
  got(say(one.id, "omar", false));
  EXPECT_EQ(got(approvals().forget_approvals(t0 + hour)), 0);
  EXPECT_EQ(got(approvals().forget_approvals(t0 + hour + 1)), 1);
  EXPECT_FALSE(got(approvals().find_approval(one.id, t0)));
}

}  // namespace
}  // namespace dbgate::adapters::store
