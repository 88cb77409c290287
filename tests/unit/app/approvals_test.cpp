#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>

#include "gateway/app/approval_service.h"
#include "gateway/base/clock.h"
#include "tests/support/test_store.h"

// Who may see and decide what, that decisions are recorded first, and that those who wait hear of them.
namespace dbgate::app {
namespace {

namespace store = ports::store;
using enum store::ApprovalState;
using testing::HasSubstr;

constexpr std::int64_t minute = 60'000'000;

class Log final : public ports::AuditChain {
 public:
  std::vector<std::string> records;
  bool full = false;

  Result<> append(std::string_view event, std::string_view fields) override {
    if (full) return Error(sqlstate::io_error, "the disk is full");
    records.push_back(std::string(event) + std::string(fields));
    return boost::system::in_place_value;
  }
  Result<std::string> store_text(std::string_view) override { return std::string(); }
  Result<Ticket> commit() override { return Ticket{1}; }
  Result<> write_out() override { return boost::system::in_place_value; }
  bool is_durable(Ticket) const override { return true; }
  void when_durable(Ticket, std::function<void()>) override {}
  bool sync_required() const override { return false; }
};

ports::Approver person(const std::string& name, std::set<std::string> groups = {}, bool auditor = false) {
  return {name, std::move(groups), auditor, "192.0.2.1"};
}

class ApprovalServiceTest : public testing::Test {
 protected:
  ApprovalServiceTest() {
    approvals_ = std::make_unique<Approvals>(store_->approvals(), blocking_.get_executor(), "rpl_1");
    service_ = std::make_unique<ApprovalService>(*approvals_, home_.get_executor(), log, news_);
    thread_ = std::make_unique<Thread>(1u << 20, [this] {
      const auto work = boost::asio::make_work_guard(blocking_);
      blocking_.run();
    });
  }
  ~ApprovalServiceTest() override {
    approvals_->stop();
    blocking_.stop();
    thread_ = nullptr;
  }

  template <class T>
  T run(Task<T> task) {
    std::optional<T> result;
    home_.restart();
    const auto work = boost::asio::make_work_guard(home_);
    boost::asio::co_spawn(home_, std::move(task), [&](std::exception_ptr, T got) {
      result.emplace(std::move(got));
      home_.stop();
    });
    home_.run();
    return std::move(*result);
  }
  std::string made(std::uint32_t needed = 1) {
    store::Approval approval;
    approval.requester = "ana";
    approval.target = "shop";
    approval.session = "ses_1";
    approval.gateway = "rpl_0";
    approval.rule = {{"leads"}, {"omar", "ana"}, needed};
    approval.decide_by_us = wall_clock_us() + 60 * minute;
    approval.good_for_us = minute;
    approval.digest = "d";
    return store_->approvals().create_approval(approval, wall_clock_us())->id;
  }
  Result<ports::ApprovalView> decide(const ports::Approver& who, const std::string& id, bool yes,
                                     const std::string& reason = {}, std::int64_t revision = 0) {
    return run(service_->decide(who, id, {yes, reason, "", revision}));
  }
  static std::string code(const Result<ports::ApprovalView>& result) {
    return result ? "" : std::string(result.error().code().text());
  }

  Log log;
  tests::TestStore store_;
  boost::asio::io_context home_{1}, blocking_;
  std::unique_ptr<Approvals> approvals_;
  telemetry::EventCounters counted_;
  ApprovalNews news_{[]() -> ports::EventSink* { return nullptr; }, counted_};
  std::unique_ptr<ApprovalService> service_;
  std::unique_ptr<Thread> thread_;
};

TEST_F(ApprovalServiceTest, NobodyDecidesOnTheirOwn) {
  const std::string id = made();
  EXPECT_EQ(code(decide(person("ana", {"leads"}), id, true)), "42501");
  EXPECT_EQ(code(decide(person("eve"), id, true)), "02000");
  EXPECT_EQ(code(decide(person("eve", {}, true), id, true)), "42501") << "an auditor looks";
  EXPECT_TRUE(log.records.empty());
  EXPECT_EQ(decide(person("lea", {"leads"}), id, true)->approval.state, approved);
}

TEST_F(ApprovalServiceTest, SeveralHaveToAgreeEachOnce) {
  const std::string id = made(2);
  const auto first = decide(person("omar"), id, true, "fine");
  EXPECT_EQ(first->approval.state, pending);
  EXPECT_EQ(first->missing, 1U);
  EXPECT_FALSE(first->may_decide);
  EXPECT_EQ(code(decide(person("omar"), id, true)), "55000");
  EXPECT_EQ(code(decide(person("lea", {"leads"}), id, true, "", 1)), "40001");
  EXPECT_EQ(decide(person("lea", {"leads"}), id, true, "", 2)->approval.state, approved);
  EXPECT_EQ(code(decide(person("max", {"leads"}), id, false, "late")), "55000");
  ASSERT_EQ(log.records.size(), 2U);
  EXPECT_THAT(log.records[0], HasSubstr(R"("user.name":"omar")"));
  EXPECT_THAT(log.records[0], HasSubstr(R"("approval.state":"approved")"));
}

TEST_F(ApprovalServiceTest, ADenialNeedsAReasonAndTheLog) {
  const std::string id = made(2);
  EXPECT_EQ(code(decide(person("omar"), id, false)), "22023");
  EXPECT_EQ(code(decide(person("omar"), id, false, std::string(2000, 'x'))), "22023");
  log.full = true;
  EXPECT_EQ(code(decide(person("omar"), id, false, "no")), "58030");
  EXPECT_EQ(run(service_->find(person("omar"), id))->approval.state, pending);
  log.full = false;
  EXPECT_EQ(decide(person("omar"), id, false, "no")->approval.state, denied);
}

TEST_F(ApprovalServiceTest, EachSeesWhatConcernsThem) {
  std::vector<std::string> ids{made(), made(), made()};
  const auto seen = [&](const ports::Approver& who) {
    store::Page page;
    page.limit = 2;
    std::vector<std::string> all;
    for (;;) {
      auto listed = run(service_->list(who, {}, page));
      EXPECT_LE(listed->items.size(), 2U);
      for (const ports::ApprovalView& view : listed->items)
        all.push_back(view.approval.id);
      if (!listed->next) break;
      page.after = listed->next;
    }
    std::sort(all.begin(), all.end());
    return all;
  };
  std::sort(ids.begin(), ids.end());
  for (const ports::Approver& who : {person("ana"), person("omar"), person("x", {"leads"}), person("x", {}, true)})
    EXPECT_EQ(seen(who), ids);
  EXPECT_TRUE(seen(person("eve", {"others"})).empty());
  EXPECT_EQ(code(run(service_->find(person("eve"), ids[0]))), "02000");
}

TEST_F(ApprovalServiceTest, WhoWaitsHearsOfIt) {
  const std::string id = made();
  EXPECT_EQ(run(service_->wait(person("ana"), id, pending, 1))->approval.state, pending);
  std::thread voter([&] { EXPECT_TRUE(store_->approvals().vote(id, 0, {"omar", true, "", "", 0}, wall_clock_us())); });
  EXPECT_EQ(run(service_->wait(person("ana"), id, pending, 120'000))->approval.state, approved);
  voter.join();
  EXPECT_EQ(code(run(service_->cancel(person("omar"), id))), "42501");
  EXPECT_EQ(run(service_->cancel(person("ana"), id))->approval.state, cancelled);
}

TEST_F(ApprovalServiceTest, WhatGatewaysThatAreGoneWaitedForIsCancelled) {
  const std::string id = made();
  EXPECT_TRUE(approvals_->cancel_orphans({"rpl_0"}));
  EXPECT_EQ(run(service_->find(person("ana"), id))->approval.state, pending);
  EXPECT_TRUE(approvals_->cancel_orphans({"rpl_9"}));
  EXPECT_EQ(run(service_->find(person("ana"), id))->approval.state, cancelled);
}

}  // namespace
}  // namespace dbgate::app
