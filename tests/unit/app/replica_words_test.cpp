#include "gateway/app/replica_words.h"

#include <gtest/gtest.h>

namespace dbgate::app {
namespace {

TEST(ReplicaWords, UsageComesBackAsItWent) {
  const ReplicaUsage usage{{{"ana", 3}},        {{"redis", 2}},     {{"1.2.3.4", 9}},
                           {{"user ana", 700}}, {{"shop\nana", 1}}, {{"shop\n", 5}}};
  EXPECT_EQ(usage_from_json(to_json(usage)), usage);
  EXPECT_EQ(usage_from_json("{}"), ReplicaUsage());
  EXPECT_EQ(usage_from_json(R"({"users":{"a":-1,"b":"x","c":2},"targets":[]})").users,
            (Counts{{"a", 0}, {"b", 0}, {"c", 2}}));
  for (const char* const bad : {"", "[", "[]", "1", "null", R"({"users":1})"})
    EXPECT_EQ(usage_from_json(bad), ReplicaUsage()) << bad;
  ReplicaUsage sum = usage;
  add(sum, usage);
  EXPECT_EQ(sum.users.at("ana"), 6u);
  EXPECT_EQ(sum.requests.at("user ana"), 1'400u);
}

TEST(ReplicaWords, WhatWasTakenIsToldAsASum) {
  Counts sum{{"b", 1}}, now{{"a", 7}, {"b", 5}, {"c", 2}, {"e", 1}};
  add_taken(sum, now, {{"a", 4}, {"b", 5}, {"d", 9}, {"e", 3}});
  EXPECT_EQ(sum, (Counts{{"a", 3}, {"b", 1}, {"c", 2}}));
  EXPECT_EQ(now, (Counts{{"a", 7}, {"b", 5}, {"c", 2}, {"d", 9}, {"e", 1}}));
}

TEST(ReplicaWords, QuestionsComeBackAsTheyWent) {
  ReplicaQuestion question;
  question.pid = -5;
  question.key = std::string("\0\x01\xff\"", 4);
  const auto cancel = question_from_json(to_json(question));
  ASSERT_TRUE(cancel);
  EXPECT_EQ(cancel->what, ReplicaQuestion::What::cancel);
  EXPECT_EQ(cancel->pid, question.pid);
  EXPECT_EQ(cancel->key, question.key);
  question.what = ReplicaQuestion::What::end;
  question.id = "ses_1";
  question.by = "root \"x\"";
  question.reason = "line\nline";
  const auto end = question_from_json(to_json(question));
  ASSERT_TRUE(end);
  EXPECT_EQ(end->what, ReplicaQuestion::What::end);
  EXPECT_EQ(end->by, question.by);
  EXPECT_EQ(end->reason, question.reason);
  question.what = ReplicaQuestion::What::query;
  question.query = {ports::QueryQuestion::What::rows, {"ana", true}, "qry_1", 1, 2, 3, 4};
  const auto query = question_from_json(to_json(question));
  ASSERT_TRUE(query);
  EXPECT_EQ(query->query.what, ports::QueryQuestion::What::rows);
  EXPECT_EQ(query->query.caller.user, "ana");
  EXPECT_TRUE(query->query.caller.administrator);
  EXPECT_EQ(query->query.id, "qry_1");
  EXPECT_EQ((std::vector{query->query.result, query->query.from, query->query.limit, query->query.most_bytes}),
            (std::vector<std::size_t>{1, 2, 3, 4}));
  for (const char* const bad : {"", "{}", "[]", R"({"what":"drop"})", R"({"what":1})", R"({"what":"query"})",
                                R"({"what":"query","query":{"what":"x","administrator":true}})"})
    EXPECT_FALSE(question_from_json(bad)) << bad;
}

TEST(ReplicaWords, MailAndOutcomes) {
  const auto mail = mail_from_json(to_json(ReplicaMail{"rpl_a", "msg_1", "{\"x\":1}"}));
  ASSERT_TRUE(mail);
  EXPECT_EQ(mail->from + " " + mail->answers + " " + mail->text, "rpl_a msg_1 {\"x\":1}");
  EXPECT_FALSE(mail_from_json("x"));
  EXPECT_FALSE(outcome_from_json(to_json(std::optional<Result<>>())));
  EXPECT_TRUE(*outcome_from_json(to_json(std::optional<Result<>>(Result<>(boost::system::in_place_value)))));
  const auto failed = outcome_from_json(to_json(std::optional<Result<>>(Result<>(Error(sqlstate::io_error, "full")))));
  ASSERT_TRUE(failed && !*failed);
  const Error why = failed->error();
  EXPECT_EQ(why.code(), sqlstate::io_error);
  EXPECT_EQ(why.message(), "full");
}

TEST(ReplicaWords, ASessionWithAnyNameDoesNotHideTheOthers) {
  ports::SessionSummary odd;
  odd.id = "ses_1";
  odd.application = "\xff\xfe \"";
  odd.client_port = 65535;
  odd.bytes_to_client = ~0ull;
  ports::SessionSummary plain;
  plain.id = "ses_2";
  plain.credential_expires = 17;
  plain.bound_by = "role, settings";
  const auto sessions = sessions_from_json(to_json(std::vector{odd, plain}));
  ASSERT_EQ(sessions.size(), 2u);
  EXPECT_EQ(sessions[0].application, odd.application);
  EXPECT_EQ(sessions[0].client_port, odd.client_port);
  EXPECT_EQ(sessions[0].bytes_to_client, odd.bytes_to_client);
  EXPECT_EQ(sessions[1].id, "ses_2");
  EXPECT_EQ(sessions[1].credential_expires, 17);
  EXPECT_EQ(sessions[1].bound_by, "role, settings");
  EXPECT_TRUE(sessions_from_json("{}").empty());
}

TEST(ReplicaWords, AnswersAboutQueriesComeBackAsTheyWent) {
  EXPECT_EQ(to_json(std::optional<ports::QueryAnswer>()), "");
  EXPECT_FALSE(answer_from_json(""));
  EXPECT_FALSE(answer_from_json(R"({"status":500,"body":"","cursor":""})"));
  const auto answer = answer_from_json(to_json(std::optional(ports::QueryAnswer{202, "{\"a\":\"\xff\"}", "c"})));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 202U);
  EXPECT_EQ(answer->body, "{\"a\":\"\xff\"}");
  EXPECT_EQ(answer->cursor, "c");
}

}  // namespace
}  // namespace dbgate::app
