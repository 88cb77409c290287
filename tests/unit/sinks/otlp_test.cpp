#include "gateway/sinks/otlp.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "gateway/audit/chain.h"
#include "gateway/audit/records.h"
#include "gateway/sinks/http_shapes.h"

namespace dbgate::sinks {
namespace {

namespace json = boost::json;

constexpr const char* secret = "a secret of the statement";

std::string sealed(std::string_view event, std::string_view fields) {
  static audit::Chain chain("w0");
  std::string line;
  chain.seal(line, event, fields);
  line.pop_back();
  return line;
}

TraceContext trace(bool sampled) {
  return {"4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7", sampled};
}

std::string decided(std::string_view query_id, const TraceContext& in = {}, std::string_view effect = "allow") {
  audit::JudgementFields judgement;
  judgement.operation = "SELECT";
  judgement.objects = {"public.accounts", "branches"};
  judgement.effect = effect;
  judgement.rule_id = "read";
  audit::DecisionFields fields;
  fields.query_id = query_id;
  fields.text = secret;
  fields.protocol = "simple";
  const std::string members = audit::trace_members(in, query_id);
  fields.trace = members;
  std::string out = R"(,"session_id":"ses_1","user.name":"ana","target":"shop","server.port":5432)";
  audit::append_decision(out, fields, audit::JudgementText(judgement));
  return sealed("statement.decided", out);
}

std::string done(std::string_view query_id, const TraceContext& in = {}, std::string_view sqlstate = "00000") {
  audit::OutcomeFields fields;
  fields.query_id = query_id;
  fields.outcome = sqlstate == "00000" ? "ok" : "error";
  fields.sqlstate = sqlstate;
  fields.rows_returned = 3;
  fields.duration_us = 1'234'567;
  const std::string members = audit::trace_members(in, query_id);
  fields.trace = members;
  std::string out = R"(,"session_id":"ses_1","user.name":"ana","target":"shop")";
  audit::append_outcome(out, fields);
  return sealed("statement.done", out);
}

std::string body(OtlpTraces& traces, const std::vector<std::string>& lines) {
  std::vector<ports::SinkRecord> records;
  for (const std::string& line : lines)
    records.push_back({"w0", records.size() + 1, line});
  return traces.body(records);
}

json::array spans(const std::string& text) {
  EXPECT_EQ(text.find(secret), std::string::npos);
  if (text.empty()) return {};
  return json::parse(text).at("resourceSpans").at(0).at("scopeSpans").at(0).at("spans").as_array();
}

json::value attribute(const json::value& span, std::string_view key) {
  for (const json::value& one : span.at("attributes").as_array())
    if (one.at("key") == json::string_view(key.data(), key.size())) return one.at("value");
  return nullptr;
}

TEST(OtlpTraces, AStatementIsASpanOfItsCallersTrace) {
  OtlpTraces traces("gw", 0);
  const json::array all = spans(body(traces, {decided("qry_1", trace(true)), done("qry_1", trace(true))}));
  ASSERT_EQ(all.size(), 1u);
  const json::value& span = all.at(0);
  EXPECT_EQ(span.at("traceId"), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(span.at("parentSpanId"), "00f067aa0ba902b7");
  EXPECT_EQ(span.at("spanId"), json::string(span_id_of("qry_1")));
  EXPECT_EQ(span.at("name"), "SELECT public.accounts, branches");
  EXPECT_EQ(span.at("kind"), 2);
  const auto nanoseconds = [&span](const char* key) { return std::stoll(std::string(span.at(key).as_string())); };
  EXPECT_EQ(nanoseconds("endTimeUnixNano") - nanoseconds("startTimeUnixNano"), 1'234'567'000);
  EXPECT_EQ(attribute(span, "dbgate.decision.rule_id").at("stringValue"), "read");
  EXPECT_EQ(attribute(span, "db.response.returned_rows").at("intValue"), "3");
  EXPECT_EQ(attribute(span, "server.port").at("intValue"), "5432");
  EXPECT_EQ(attribute(span, "db.query.text"), nullptr);
  EXPECT_FALSE(span.as_object().contains("status"));
}

TEST(OtlpTraces, ItIsTheCallerWhoSamples) {
  OtlpTraces all("gw", 1);
  EXPECT_EQ(body(all, {decided("qry_1", trace(false)), done("qry_1", trace(false))}), "");
  EXPECT_EQ(spans(body(all, {decided("qry_1"), done("qry_1")})).size(), 1u);
  OtlpTraces none("gw", 0);
  EXPECT_EQ(body(none, {decided("qry_1"), done("qry_1")}), "");
  OtlpTraces some("gw", 0.25);
  std::size_t count = 0;
  for (int i = 0; i < 1000; ++i)
    count += spans(body(some, {done("qry_" + std::to_string(i))})).size();
  EXPECT_NEAR(static_cast<double>(count), 250, 60);
}

TEST(OtlpTraces, OneThatIsPartOfNoTraceBeginsOne) {
  OtlpTraces traces("gw", 1);
  const json::array all = spans(body(traces, {decided("qry_1"), done("qry_1"), decided("qry_2"), done("qry_2")}));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_FALSE(all.at(0).as_object().contains("parentSpanId"));
  EXPECT_NE(all.at(0).at("traceId"), all.at(1).at("traceId"));
  EXPECT_EQ(all.at(0).at("traceId").as_string().size(), 32u);
}

TEST(OtlpTraces, ErrorsAndDenialsAreErrors) {
  OtlpTraces traces("gw", 1);
  const json::array all =
      spans(body(traces, {decided("qry_1"), done("qry_1", {}, "42P01"), decided("qry_2", {}, "deny")}));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(attribute(all.at(0), "error.type").at("stringValue"), "42P01");
  EXPECT_EQ(attribute(all.at(1), "error.type").at("stringValue"), "denied");
  EXPECT_EQ(attribute(all.at(1), "dbgate.decision.effect").at("stringValue"), "deny");
  EXPECT_EQ(all.at(1).at("startTimeUnixNano"), all.at(1).at("endTimeUnixNano"));
  for (const json::value& span : all)
    EXPECT_EQ(span.at("status").at("code"), 2);
}

TEST(OtlpTraces, DecisionsAreKnownAcrossRequestsAndForgottenWhenThereAreTooMany) {
  OtlpTraces traces("gw", 1);
  EXPECT_EQ(body(traces, {decided("qry_1")}), "");
  EXPECT_EQ(spans(body(traces, {done("qry_1")})).at(0).at("name"), "SELECT public.accounts, branches");
  EXPECT_EQ(spans(body(traces, {done("qry_1")})).at(0).at("name"), "SELECT public.accounts, branches")
      << "it comes again";
  EXPECT_EQ(spans(body(traces, {done("qry_other")})).at(0).at("name"), "shop");
  const std::string line = decided("qry_2");
  for (int i = 0; i < 40'001; ++i) {
    std::string other = line;
    other.replace(other.find("qry_2"), 5, "q" + std::to_string(i));
    body(traces, {other});
  }
  EXPECT_EQ(spans(body(traces, {done("qry_1")})).at(0).at("name"), "shop");
}

TEST(OtlpTraces, WhatIsNoStatementIsNoSpan) {
  OtlpTraces traces("gw", 1);
  EXPECT_EQ(body(traces, {sealed("session.start", ""), "no record", "{}", ""}), "");
}

TEST(OtlpLogs, ARecordIsALogRecord) {
  const std::string line = decided("qry_1", trace(true), "deny");
  const std::string other = sealed("admin.change", R"(,"object":"user","db.query.parameters":[1])");
  const std::vector<ports::SinkRecord> records = {{"w0", 1, line}, {"w0", 2, other}};
  const json::value all = json::parse(otlp_logs("gw", records));
  const json::array logs = all.at("resourceLogs").at(0).at("scopeLogs").at(0).at("logRecords").as_array();
  ASSERT_EQ(logs.size(), 2u);
  EXPECT_EQ(logs.at(0).at("body").at("stringValue"), json::string(line));
  EXPECT_EQ(logs.at(0).at("eventName"), "statement.decided");
  EXPECT_EQ(logs.at(0).at("severityText"), "WARN");
  EXPECT_EQ(logs.at(0).at("traceId"), "4bf92f3577b34da6a3ce929d0e0e4736");
  EXPECT_EQ(logs.at(0).at("spanId"), json::string(span_id_of("qry_1")));
  EXPECT_EQ(logs.at(0).at("flags"), 1);
  EXPECT_EQ(logs.at(0).at("timeUnixNano").as_string().size(), 19u);
  EXPECT_EQ(logs.at(1).at("severityText"), "INFO");
  EXPECT_FALSE(logs.at(1).as_object().contains("traceId"));
}

TEST(OtlpLogs, WhatACollectorRejectsIsCutUntilItIsAlone) {
  const auto answer = [](const char* body) { return read_answer(config::SinkShape::otlp_logs, 3, {200, body, {}}); };
  for (const char* fine :
       {"", "{}", R"({"partialSuccess":{}})", R"({"partialSuccess":{"rejectedLogRecords":"0"}})", "null"})
    EXPECT_EQ(answer(fine).delivered, 3u) << fine;
  const HttpVerdict verdict = answer(R"({"partialSuccess":{"rejectedLogRecords":"1","errorMessage":"x"}})");
  EXPECT_EQ(verdict.delivered, 0u);
  EXPECT_TRUE(verdict.rejected && verdict.divisible);
  EXPECT_EQ(verdict.why, "the collector has rejected a record");
}

}  // namespace
}  // namespace dbgate::sinks
