#include "gateway/show/command.h"

#include <gmock/gmock.h>

namespace dbgate::show {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

Command only(std::string_view text) {
  const Script script = read_script(text);
  EXPECT_FALSE(script.wrong) << text << ": " << script.wrong->message;
  EXPECT_EQ(script.commands.size(), 1u) << text;
  return script.commands.empty() ? Command() : script.commands.front();
}

Misunderstanding wrong(std::string_view text) {
  const Script script = read_script(text);
  EXPECT_TRUE(script.wrong) << text;
  return script.wrong.value_or(Misunderstanding());
}

TEST(Command, EveryTopicHasItsWord) {
  for (const auto* const word : {"clients", "config", "databases", "help", "hosts", "lists", "pins", "pools", "servers",
                                 "stats", "stats_averages", "stats_totals", "users", "version"}) {
    const auto topic = topic_of(word);
    ASSERT_TRUE(topic) << word;
    EXPECT_EQ(word_of(*topic), word);
    const Command command = only(std::string("SHOW ") + word);
    EXPECT_EQ(command.kind, Command::Kind::show);
    EXPECT_EQ(command.topic, *topic);
    EXPECT_EQ(command.tag, "SHOW");
  }
  EXPECT_FALSE(topic_of("fds"));
  EXPECT_FALSE(topic_of(""));
}

TEST(Command, CaseBlanksCommentsAndSemicolonsDoNotMatter) {
  for (const auto* const text : {"SHOW POOLS", "show pools;", "  Show\n\tPoOlS ;; ",
                                 "/* a /* b */ */ SHOW -- c\n POOLS", "show \"POOLS\"", ";SHOW POOLS"}) {
    EXPECT_EQ(only(text).topic, Topic::pools) << text;
  }
}

TEST(Command, NothingIsNoCommand) {
  for (const auto* const text : {"", ";", " ;; ", "-- ping", "/* x */"}) {
    const Script script = read_script(text);
    EXPECT_THAT(script.commands, IsEmpty()) << text;
    EXPECT_FALSE(script.wrong) << text;
  }
}

TEST(Command, SeveralInOneText) {
  const Script script = read_script("SHOW POOLS; show version; SELECT 1");
  ASSERT_EQ(script.commands.size(), 3u);
  EXPECT_EQ(script.commands[1].topic, Topic::version);
  EXPECT_EQ(script.commands[2].kind, Command::Kind::number);
}

TEST(Command, WhatIsUnknownIsSaidWithAHint) {
  for (const auto* const text : {"SHOW",
                                 "SHOW FOO",
                                 "SHOW POOLS NOW",
                                 "SHOW ALL",
                                 "SELECT * FROM pg_class",
                                 "SELECT 1, 2",
                                 "SELECT version",
                                 "SELECT 1.5",
                                 "SELECT 12345678901",
                                 "INSERT INTO t VALUES (1)",
                                 "FOO",
                                 "1",
                                 "'SHOW POOLS'",
                                 "SET",
                                 "SET x",
                                 "SET x TO",
                                 "DISCARD",
                                 "DEALLOCATE",
                                 "COMMIT PREPARED 'x'",
                                 "ROLLBACK TO x",
                                 "START",
                                 "SHOW POOLS)"}) {
    const Misunderstanding why = wrong(text);
    EXPECT_EQ(why.code, sqlstate::syntax_error) << text;
    EXPECT_THAT(why.hint, HasSubstr("SHOW HELP")) << text;
  }
}

TEST(Command, TheFirstThatIsWrongCounts) {
  const Script script = read_script("SHOW POOLS; nonsense; SHOW FOO");
  ASSERT_TRUE(script.wrong);
  EXPECT_THAT(script.wrong->message, HasSubstr("nonsense"));
  EXPECT_EQ(script.commands.size(), 1u);
}

TEST(Command, TextsThatDoNotEnd) {
  for (const auto* const text : {"SHOW 'POOLS", "SHOW \"POOLS", "/* SHOW POOLS"})
    EXPECT_EQ(wrong(text).code, sqlstate::syntax_error) << text;
}

TEST(Command, LongTextsAreQuotedInPart) {
  const std::string message = wrong("SHOW " + std::string(60, 'x') + "äöü" + std::string(5000, 'y')).message;
  EXPECT_LT(message.size(), 150u);
  EXPECT_THAT(message, HasSubstr("…"));
}

TEST(Command, WhatActsIsNotHere) {
  for (const auto* const text : {"PAUSE", "pause shop", "RESUME", "RELOAD", "KILL shop", "SHUTDOWN", "SUSPEND",
                                 "DISABLE shop", "ENABLE shop", "RECONNECT", "WAIT_CLOSE"}) {
    const Misunderstanding why = wrong(text);
    EXPECT_EQ(why.code, sqlstate::feature_not_supported) << text;
    EXPECT_FALSE(why.hint.empty()) << text;
  }
  EXPECT_THAT(wrong("KILL shop").hint, HasSubstr("dbgate sessions kill"));
  EXPECT_THAT(wrong("RELOAD").hint, HasSubstr("SIGHUP"));
}

TEST(Command, WhatDriversSetChangesNothing) {
  for (const auto* const text :
       {"SET datestyle TO 'ISO'", "set DateStyle = 'ISO, MDY'", "SET extra_float_digits = 3",
        "SET client_encoding TO 'UTF8'", "SET client_encoding = 'utf-8'", "SET NAMES 'UTF8'", "SET NAMES unicode",
        "SET SESSION application_name TO 'x'", "SET LOCAL statement_timeout = 0", "SET TIME ZONE 'UTC'",
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED", "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "SET client_encoding = DEFAULT"}) {
    const Command command = only(text);
    EXPECT_EQ(command.kind, Command::Kind::nothing) << text;
    EXPECT_EQ(command.tag, "SET") << text;
  }
  EXPECT_EQ(only("RESET ALL").tag, "RESET");
  EXPECT_EQ(only("DISCARD ALL").tag, "DISCARD ALL");
}

TEST(Command, WhatWouldNotBeTrueIsRefused) {
  for (const auto* const text : {"SET client_encoding = 'LATIN1'", "SET NAMES 'latin1'", "SET max_client_conn = 5",
                                 "SET ROLE admin", "SET SESSION AUTHORIZATION postgres", "SET role = 'x'"})
    EXPECT_EQ(wrong(text).code, sqlstate::feature_not_supported) << text;
}

TEST(Command, SettingsThatTheClientWasTold) {
  EXPECT_EQ(only("SHOW transaction_read_only").kind, Command::Kind::setting);
  EXPECT_EQ(only("SHOW TRANSACTION ISOLATION LEVEL").name, "transaction_isolation");
  EXPECT_EQ(only("SHOW TIME ZONE").name, "timezone");
  EXPECT_EQ(only("show Server_Version").name, "server_version");
}

TEST(Command, Transactions) {
  EXPECT_EQ(only("BEGIN").kind, Command::Kind::begin);
  EXPECT_EQ(only("BEGIN READ ONLY").tag, "BEGIN");
  EXPECT_EQ(only("START TRANSACTION").tag, "START TRANSACTION");
  EXPECT_EQ(only("COMMIT WORK").tag, "COMMIT");
  EXPECT_EQ(only("END").kind, Command::Kind::commit);
  EXPECT_EQ(only("ABORT").tag, "ROLLBACK");
}

TEST(Command, Deallocate) {
  EXPECT_EQ(only("DEALLOCATE x").name, "x");
  EXPECT_EQ(only("DEALLOCATE PREPARE \"X y\"").name, "X y");
  EXPECT_EQ(only("DEALLOCATE ALL").name, "");
  EXPECT_EQ(only("DEALLOCATE ALL").tag, "DEALLOCATE ALL");
}

}  // namespace
}  // namespace dbgate::show
