#include "gateway/session/meaning_watch.h"

#include <gtest/gtest.h>

#include <chrono>

#include "gateway/sql/analyze.h"

namespace dbgate::session {
namespace {

/// A session that sends one statement after the other.
class Session {
 public:
  Session& send(std::string_view sql, std::string_view tag = {}) {
    const sql::AnalyzeResult result = sql::analyze(sql, sql::ScanLimits{});
    for (const sql::Statement& statement : result.script->statements) {
      watch_.follow(statement, tag);
      if (statement.kind == sql::StatementKind::begin) block_ = true;
      if (statement.kind == sql::StatementKind::commit || statement.kind == sql::StatementKind::rollback)
        block_ = false;
    }
    watch_.on_ready(block_ ? 'T' : 'I', false);
    return *this;
  }
  Session& fail_after(std::string_view sql) {
    watch_.follow(sql::analyze(sql, sql::ScanLimits{}).script->statements.front(), {});
    watch_.on_ready('I', true);
    return *this;
  }
  std::string state() const { return watch_.state(); }

 private:
  MeaningWatch watch_;
  bool block_ = false;
};

TEST(MeaningWatch, NothingIsSet) {
  EXPECT_EQ(Session().state(), "");
  for (const char* sql : {"SELECT 1", "SET application_name = 'x'", "SET statement_timeout = 5", "SHOW search_path",
                          "SET TRANSACTION READ ONLY", "SET CONSTRAINTS ALL DEFERRED", "RESET ALL", "DISCARD ALL",
                          "RESET search_path", "SELECT current_setting('search_path')"})
    EXPECT_EQ(Session().send(sql).state(), "") << sql;
}

TEST(MeaningWatch, TellsSettingsApart) {
  const std::string path = Session().send("SET search_path = a").state();
  EXPECT_NE(path, "");
  EXPECT_EQ(Session().send("SELECT set_config('search_path', 'a', false)").state(), path);
  EXPECT_EQ(Session().send("SET search_path = b").send("SET search_path = a").state(), path);
  for (const char* sql : {"SET search_path = b", "SET search_path = a, b", "SET ROLE a", "SET DateStyle = 'a'",
                          "SET SESSION AUTHORIZATION a", "SET app.person = 'a'", "SET TimeZone = 'a'"}) {
    EXPECT_NE(Session().send(sql).state(), path) << sql;
    EXPECT_NE(Session().send(sql).state(), "") << sql;
  }
}

TEST(MeaningWatch, HowValuesAreShownIsPartOfIt) {
  for (const char* sql : {"SET extra_float_digits = -15", "SET bytea_output = escape"})
    EXPECT_NE(Session().send(sql).state(), "") << sql;
  EXPECT_EQ(Session().send("SET extra_float_digits = 3").state(), "");
  EXPECT_EQ(Session().send("SET extra_float_digits = -15").send("SET extra_float_digits = 3").state(), "");
}

TEST(MeaningWatch, WhatIsComputedIsLikeNothingElse) {
  const char* const computed = "SELECT set_config('search' || '_path', 'a', false)";
  const std::string state = Session().send(computed).state();
  EXPECT_NE(state, "");
  EXPECT_NE(Session().send(computed).state(), state);
  EXPECT_NE(Session().send(computed).send("RESET ALL").state(), "");
  Session same;
  EXPECT_EQ(same.send(computed).state(), same.send("SELECT 1").state());
}

TEST(MeaningWatch, GoesBack) {
  EXPECT_EQ(Session().send("SET search_path = a").send("RESET search_path").state(), "");
  EXPECT_EQ(Session().send("SET search_path = a").send("SET search_path TO DEFAULT").state(), "");
  EXPECT_EQ(Session().send("SET search_path = a").send("RESET ALL").state(), "");
  EXPECT_EQ(Session().send("SET ROLE a").send("DISCARD ALL").state(), "");
  EXPECT_NE(Session().send("SET ROLE a").send("RESET ALL").state(), "") << "which leaves the role";
  EXPECT_EQ(Session().fail_after("SET search_path = a").state(), "") << "an error in the same message has undone it";
}

TEST(MeaningWatch, FollowsTransactions) {
  const std::string left = Session().send("BEGIN").send("SET search_path = a").send("COMMIT").state();
  EXPECT_NE(left, "");
  EXPECT_EQ(Session().send("BEGIN").send("SET search_path = a").send("ROLLBACK").state(), "");
  EXPECT_EQ(Session().send("BEGIN").send("SET search_path = a").send("COMMIT", "ROLLBACK").state(), "");
  EXPECT_EQ(Session().send("BEGIN").send("SET LOCAL search_path = a").send("COMMIT").state(), "");
  EXPECT_NE(Session().send("BEGIN").send("SET LOCAL search_path = a").state(), "");
  EXPECT_EQ(Session().send("SET search_path = a").send("BEGIN; RESET search_path").send("ROLLBACK").state(),
            Session().send("SET search_path = a").state());
}

TEST(MeaningWatch, SavepointsNeverMakeTwoMeaningsOne) {
  const auto block = [](const char* first, const char* second) {
    return Session().send("BEGIN").send(first).send(second).send("ROLLBACK TO s").state();
  };
  EXPECT_NE(block("SAVEPOINT s", "SET search_path = a"), block("SET search_path = a", "SAVEPOINT s"));
  EXPECT_NE(block("SAVEPOINT s", "SET search_path = a"), "") << "rather told apart than not";
  EXPECT_EQ(block("SAVEPOINT s", "SELECT 1"), "");
}

TEST(MeaningWatch, IsBounded) {
  Session many;
  many.send("SET ROLE a");
  std::string before;
  const auto begun = std::chrono::steady_clock::now();
  for (int i = 0; i < 5'000; ++i) {
    many.send("SET app.a" + std::to_string(i) + " = 1");
    if (i % 500 != 0) continue;
    EXPECT_NE(many.state(), before);
    before = many.state();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(30));
  EXPECT_NE(many.send("RESET ALL").state(), "");
  EXPECT_EQ(many.send("RESET ALL").state(), Session().send("SET ROLE a").state());
}

TEST(MeaningWatch, OfWhatWasGiven) {
  EXPECT_EQ(meaning_of({{"application_name", "x"}, {"client_encoding", "UTF8"}}), "");
  EXPECT_NE(meaning_of({{"datestyle", "German"}}), "");
  EXPECT_NE(meaning_of({{"datestyle", "German"}}), meaning_of({{"datestyle", "ISO"}}));
}

}  // namespace
}  // namespace dbgate::session
