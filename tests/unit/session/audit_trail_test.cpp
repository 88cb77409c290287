#include "gateway/session/audit_trail.h"

#include <gtest/gtest.h>

#include <string>

#include "gateway/session/replies.h"

namespace dbgate::session {
namespace {

/// Keeps the members of the last record.
class LastRecord final : public ports::AuditChain {
 public:
  Result<> append(std::string_view event, std::string_view fields) override {
    text = std::string(event) + " " + std::string(fields);
    return boost::system::in_place_value;
  }
  Result<std::string> store_text(std::string_view) override { return std::string("abc"); }
  Result<Ticket> commit() override { return Ticket{}; }
  Result<> write_out() override { return boost::system::in_place_value; }
  bool is_durable(Ticket) const override { return true; }
  void when_durable(Ticket, std::function<void()> done) override { done(); }
  bool sync_required() const override { return false; }

  std::string text;
};

class AuditTrailTest : public testing::Test {
 protected:
  AuditTrailTest() {
    SessionInfo info;
    info.id = "ses_1";
    info.user = "ann";
    info.client = {"127.0.0.1", 4711};
    trail_ = std::make_unique<AuditTrail>(chain_, info, "v7");
    sql::Statement statement;
    statement.tag = "SELECT";
    statement.text = "SELECT * FROM t";
    sql::RelationUse use;
    use.name.schema = "public";
    use.name.name = "t";
    statement.relations = {use, use};
    judged_.script = std::make_shared<const sql::Script>(sql::Script{{statement}});
    judged_.verdict = verdict("p/allow[0]");
  }
  static std::shared_ptr<const policy::Verdict> verdict(std::string rule) {
    policy::Verdict verdict;
    verdict.decision = policy::Decision::allow;
    verdict.rule_id = std::move(rule);
    verdict.reasons = {"ticket 17"};
    verdict.masked = {"public.t.c"};
    verdict.learns = true;
    return std::make_shared<const policy::Verdict>(std::move(verdict));
  }
  // The last record, with Q in place of its query id.
  std::string record() {
    std::string text = chain_.text;
    const std::size_t at = text.find("qry_");
    if (at != std::string::npos) text.replace(at, 30, "Q");
    return text;
  }
  std::string decided() {
    EXPECT_TRUE(trail_->decided(judged_, "SELECT * FROM t", "simple", ""));
    return record();
  }

  const std::string allowed_ =
      R"(statement.decided ,"session_id":"ses_1","user.name":"ann","client.address":"127.0.0.1","client.port":4711)"
      R"(,"decision.policy_version":"v7","query_id":"Q","protocol":"simple","db.operation.name":"SELECT","db.query.text":"SELECT * FROM t")"
      R"(,"objects":["public.t"],"decision.effect":"allow","decision.rule_id":"p/allow[0]")"
      R"(,"decision.reasons":["ticket 17"],"decision.masked_columns":["public.t.c"])"
      R"(,"statement.shapes":["select * from t"])";
  LastRecord chain_;
  std::unique_ptr<AuditTrail> trail_;
  Judged judged_;
};

TEST_F(AuditTrailTest, ADecisionAndItsOutcome) {
  const auto id = trail_->decided(judged_, "SELECT * FROM t", "simple", "");
  ASSERT_TRUE(id);
  EXPECT_EQ(id->view().size(), 30u);
  EXPECT_NE(chain_.text.find("\"query_id\":\"" + std::string(*id) + "\""), std::string::npos);
  EXPECT_EQ(record(), allowed_);
  session::Run run;
  run.query_id = *id;
  run.tags = "SELECT 1";
  run.rows_returned = 1;
  run.bytes = 20;
  run.started = std::chrono::steady_clock::now();
  trail_->done(run, "00000");
  EXPECT_EQ(record().substr(0, record().find("\"duration_ms\":")),
            R"(statement.done ,"session_id":"ses_1","user.name":"ann")"
            R"(,"query_id":"Q","outcome":"ok","db.response.status_code":"00000","db.response.command_tags":"SELECT 1")"
            R"(,"db.response.returned_rows":1,"rows_affected":0,"bytes":20,)");
}

TEST_F(AuditTrailTest, AKeptJudgementReadsTheSame) {
  judged_.record = std::make_shared<JudgementRecord>();
  EXPECT_EQ(decided(), allowed_);
  const auto* const rendered = judged_.record->text->outcome.data();
  EXPECT_EQ(decided(), allowed_);
  EXPECT_EQ(judged_.record->text->outcome.data(), rendered) << "once";
  const Judged copy = judged_;  // as a prepared statement keeps it
  EXPECT_TRUE(trail_->decided(copy, "SELECT * FROM t", "simple", ""));
  EXPECT_EQ(record(), allowed_);
}

// Between its judgement and its record a statement may be refused for something else.
TEST_F(AuditTrailTest, AKeptJudgementThatBecameAnother) {
  judged_.record = std::make_shared<JudgementRecord>();
  EXPECT_EQ(decided(), allowed_);
  const auto with = [this](std::string_view from, std::string_view to) {
    std::string text = allowed_;
    return text.replace(text.find(from), from.size(), to);
  };
  judged_.refused = true;
  EXPECT_EQ(decided(), with("\"allow\"", "\"deny\""));
  judged_.refused = false;
  EXPECT_EQ(decided(), allowed_);
  judged_.verdict = verdict("p/allow[1]");
  EXPECT_EQ(decided(), with("allow[0]", "allow[1]"));
  sql::Script other = *judged_.script;
  other.statements[0].tag = "UPDATE";
  judged_.verdict = verdict("p/allow[0]");
  judged_.script = std::make_shared<const sql::Script>(std::move(other));
  EXPECT_EQ(decided(), with("\"SELECT\"", "\"UPDATE\""));
  auto sent = std::make_shared<Sent>();
  sent->rewritten = "SELECT 1";
  judged_.sent = sent;
  EXPECT_NE(decided().find("\"mask\""), std::string::npos);
}

TEST_F(AuditTrailTest, WhatDiffersBetweenExecutions) {
  judged_.record = std::make_shared<JudgementRecord>();
  judged_.parameters = "[\"1\"]";
  ASSERT_TRUE(trail_->decided(judged_, "SELECT 1", "extended", "portal"));
  EXPECT_NE(chain_.text.find(R"("statement.name":"portal","db.query.text":"SELECT 1","db.query.parameters":["1"])"),
            std::string::npos);
  judged_.parameters = {};
  ASSERT_TRUE(trail_->decided(judged_, std::string(40'000, 'x'), "extended", ""));
  EXPECT_NE(chain_.text.find(R"("db.query.text_sha256":"abc","db.query.text_bytes":40000,"objects")"),
            std::string::npos);
}

}  // namespace
}  // namespace dbgate::session
