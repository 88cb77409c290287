#include "gateway/audit/records.h"

#include <gtest/gtest.h>

namespace dbgate::audit {
namespace {

TEST(SessionFields, Renders) {
  SessionFields session;
  session.session_id = "ses_1";
  session.user = "a\"b";
  session.client_address = "127.0.0.1";
  session.client_port = 4711;
  EXPECT_EQ(session.render().all,
            R"(,"session_id":"ses_1","user.name":"a\"b","client.address":"127.0.0.1","client.port":4711)");
  session.auth_method = "scram-sha-256";
  session.application = "psql";
  session.target = "shop";
  session.db_system = "postgresql";
  session.database = "shopdb";
  session.server_address = "db1";
  session.server_port = 5432;
  session.upstream_user = "dbgate";
  EXPECT_EQ(session.render().names(), R"(,"session_id":"ses_1","user.name":"a\"b","target":"shop")");
  EXPECT_EQ(
      session.render().all,
      R"(,"session_id":"ses_1","user.name":"a\"b","target":"shop","auth.method":"scram-sha-256")"
      R"(,"client.address":"127.0.0.1","client.port":4711,"client.application":"psql","db.system.name":"postgresql")"
      R"(,"db.namespace":"shopdb","server.address":"db1","server.port":5432,"upstream.user":"dbgate")");
}

TEST(SessionFields, OfAnUnknownSystem) {
  SessionFields session;
  session.target = "cache";
  EXPECT_EQ(session.render().all.find("db.system.name"), std::string::npos);
}

TEST(DecisionFields, Renders) {
  DecisionFields decision;
  decision.query_id = "qry_1";
  decision.protocol = "simple";
  decision.text = "";
  JudgementFields judgement;
  judgement.effect = "allow";
  std::string out;
  append_decision(out, decision, JudgementText(judgement));
  EXPECT_EQ(out, R"(,"query_id":"qry_1","protocol":"simple","db.query.text":"","decision.effect":"allow")");
  decision.text = "SELECT\n1";
  decision.statement_name = "s";
  decision.parameters = "[1]";
  judgement.operation = "SELECT";
  judgement.objects = {"t", "s.\"u"};
  judgement.rule_id = "p/allow[0]";
  judgement.reasons = {"why"};
  judgement.masked_columns = {"t.c"};
  judgement.shapes = {"select $1", ""};
  out.clear();
  append_decision(out, decision, JudgementText(judgement));
  EXPECT_EQ(out, R"(,"query_id":"qry_1","protocol":"simple","db.operation.name":"SELECT","statement.name":"s")"
                 R"(,"db.query.text":"SELECT\n1","db.query.parameters":[1],"objects":["t","s.\"u"])"
                 R"(,"decision.effect":"allow","decision.rule_id":"p/allow[0]")"
                 R"(,"decision.reasons":["why"],"decision.masked_columns":["t.c"])"
                 R"(,"statement.shapes":["select $1",""])");
}

TEST(DecisionFields, NamesATextThatIsStoredApart) {
  DecisionFields decision;
  decision.text_sha256 = "abc";
  decision.text_bytes = 40'000;
  std::string out;
  append_decision(out, decision, JudgementText({}));
  EXPECT_NE(out.find(R"(,"db.query.text_sha256":"abc","db.query.text_bytes":40000)"), std::string::npos);
  EXPECT_EQ(out.find(R"("db.query.text":)"), std::string::npos);
}

TEST(OutcomeFields, Renders) {
  OutcomeFields outcome;
  outcome.query_id = "qry_1";
  outcome.outcome = "error";
  outcome.sqlstate = "42P01";
  outcome.rows_returned = 1;
  outcome.rows_affected = 2;
  outcome.bytes = 3;
  outcome.duration_us = 1'002'003;
  std::string out;
  append_outcome(out, outcome);
  EXPECT_EQ(out, R"(,"query_id":"qry_1","outcome":"error","db.response.status_code":"42P01")"
                 R"(,"db.response.returned_rows":1,"rows_affected":2,"bytes":3,"duration_ms":1002.003)");
}

}  // namespace
}  // namespace dbgate::audit
