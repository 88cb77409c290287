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
    trail_ = std::make_unique<AuditTrail>(chain_, info, "v7", counters_);
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
  telemetry::TargetCounters counters_;
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

TEST_F(AuditTrailTest, WhatComesAfterAMoveNamesTheOtherServer) {
  SessionInfo info;
  info.id = "ses_1";
  info.target = "shop";
  info.server_host = "db1";
  info.server_port = 5432;
  AuditTrail trail(chain_, info, "v7", counters_);
  EXPECT_TRUE(trail.decided(judged_, "SELECT * FROM t", "simple", ""));
  const std::string first = chain_.text;
  EXPECT_NE(first.find(R"("server.address":"db1","server.port":5432)"), std::string::npos) << first;
  info.server_host = "db2.example";
  info.server_port = 5433;
  trail.moved(info);
  EXPECT_TRUE(trail.decided(judged_, "SELECT * FROM t", "simple", ""));
  const std::string second = chain_.text;
  EXPECT_NE(second.find(R"("server.address":"db2.example","server.port":5433,"decision.policy_version":"v7")"),
            std::string::npos)
      << second;
  trail.ended("client gone", 1, 2);
  EXPECT_NE(chain_.text.find(R"("server.address":"db2.example","server.port":5433,"reason":)"), std::string::npos)
      << chain_.text;
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

TEST_F(AuditTrailTest, CountsWhatItRecords) {
  using telemetry::Effect;
  using telemetry::StatementKind;
  const auto id = trail_->decided(judged_, "SELECT 1", "simple", "");
  ASSERT_TRUE(id);
  judged_.refused = true;
  judged_.refusal.code = sqlstate::syntax_error;
  ASSERT_TRUE(trail_->decided(judged_, "SELEC 1", "extended", ""));
  EXPECT_EQ(counters_.statements_of(StatementKind::other, Effect::allow).value(), 1u) << "its kind was not set";
  EXPECT_EQ(counters_.statements_of(StatementKind::other, Effect::deny).value(), 1u);
  EXPECT_EQ(counters_.parse_failures[telemetry::Protocol::extended].value(), 1u);
  session::Run run;
  run.query_id = *id;
  run.started = std::chrono::steady_clock::now();
  run.rows_returned = 7;
  trail_->done(run, "");
  EXPECT_EQ(counters_.rows_returned.value(), 0u) << "it did not run";
  trail_->done(run, "23505");
  EXPECT_EQ(counters_.rows_returned.value(), 7u);
  EXPECT_EQ(counters_.upstream_errors[telemetry::sqlstate_class("23505")].value(), 1u);
  std::uint64_t timed = 0;
  for (std::size_t i = 0; i < telemetry::Durations::buckets; ++i)
    timed += counters_.durations_of(StatementKind::other).in_bucket(i);
  EXPECT_EQ(timed, 1u);
}

TEST_F(AuditTrailTest, CountsByWhichRuleAndWhatIsMasked) {
  using telemetry::Effect;
  using telemetry::RuleClass;
  const auto judged_by = [this](const char* rule) {
    auto verdict = std::make_shared<policy::Verdict>();
    verdict->decision = policy::Decision::allow;
    verdict->rule_id = rule;
    judged_.verdict = std::move(verdict);
  };
  const auto count = [this](RuleClass rule) {
    return counters_.policy_decisions[static_cast<std::size_t>(Effect::allow)][rule].value();
  };
  judged_.record = std::make_shared<JudgementRecord>();
  judged_by("a/allow[1]");
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(trail_->decided(judged_, "SELECT 1", "simple", ""));
  judged_by("a/risk.log_at");
  ASSERT_TRUE(trail_->decided(judged_, "SELECT 1", "simple", ""));
  judged_.record = nullptr;
  ASSERT_TRUE(trail_->decided(judged_, "SELECT 1", "simple", ""));
  EXPECT_EQ(count(RuleClass::allow), 3u);
  EXPECT_EQ(count(RuleClass::risk), 2u);
  judged_by("a/limits.rate");
  ASSERT_TRUE(trail_->decided(judged_, "SELECT 1", "simple", ""));
  judged_by("target/limits.concurrent");
  ASSERT_TRUE(trail_->decided(judged_, "SELECT 1", "simple", ""));
  judged_by("a/limits.rows");
  ASSERT_TRUE(trail_->decided(judged_, "SELECT 1", "simple", ""));
  EXPECT_EQ(counters_.limited[telemetry::LimitScope::user].value(), 1u);
  EXPECT_EQ(counters_.limited[telemetry::LimitScope::target].value(), 1u);
  session::Run run;
  run.started = std::chrono::steady_clock::now();
  run.rows_returned = 7;
  run.masked_columns = 2;
  trail_->done(run, "00000");
  EXPECT_EQ(counters_.masked_values.value(), 14u);
}

TEST(StatementCounts, KindsAreThoseOfTheFirstStatement) {
  using telemetry::StatementKind;
  const auto kind_of = [](sql::StatementKind first) {
    sql::Statement one;
    one.kind = first;
    const sql::Script script{{one, {}}};
    return counted_kind(&script);
  };
  EXPECT_EQ(kind_of(sql::StatementKind::values), StatementKind::select);
  EXPECT_EQ(kind_of(sql::StatementKind::merge), StatementKind::update);
  EXPECT_EQ(kind_of(sql::StatementKind::rollback_to), StatementKind::tx);
  EXPECT_EQ(kind_of(sql::StatementKind::copy_out), StatementKind::copy);
  EXPECT_EQ(kind_of(sql::StatementKind::truncate), StatementKind::ddl);
  EXPECT_EQ(kind_of(sql::StatementKind::do_block), StatementKind::call);
  EXPECT_EQ(kind_of(sql::StatementKind::notify), StatementKind::other);
  EXPECT_EQ(counted_kind(nullptr), StatementKind::other);
  const sql::Script nothing;
  EXPECT_EQ(counted_kind(&nothing), StatementKind::other);
}

TEST(StatementCounts, EveryReasonForAPinHasItsName) {
  telemetry::TargetCounters counters;
  for (std::size_t i = 0; i < static_cast<std::size_t>(Pin::count_); ++i)
    count_pins(counters, Pins().set(i));
  count_pins(counters, Pins().set(static_cast<std::size_t>(Pin::role)));
  for (std::size_t i = 0; i < telemetry::pin_reasons.size(); ++i)
    EXPECT_EQ(counters.pins[i].value(), telemetry::pin_reasons[i] == "role" ? 2u : 1u) << telemetry::pin_reasons[i];
}

}  // namespace
}  // namespace dbgate::session
