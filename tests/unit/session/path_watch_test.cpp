#include "gateway/session/path_watch.h"

#include <gtest/gtest.h>

#include "gateway/sql/analyze.h"

namespace dbgate::session {
namespace {

/// A session that sends one statement after the other; its paths as "a,b | c".
class Session {
 public:
  Session& send(std::string_view sql, std::string_view tag = {}) {
    const sql::AnalyzeResult result = sql::analyze(sql, sql::ScanLimits{});
    for (const sql::Statement& statement : result.script->statements) {
      using enum sql::StatementKind;
      in_block_ = statement.kind == begin || (in_block_ && statement.kind != commit && statement.kind != rollback);
      paths_.follow(statement, tag);
    }
    paths_.on_ready(in_block_ ? 'T' : 'I', false);
    return *this;
  }
  std::string paths() const {
    std::string all;
    for (const auto& path : paths_.of(0)) {
      std::string one;
      for (const std::string& schema : path)
        one += (&schema == &path.front() ? "" : ",") + schema;
      all += (all.empty() ? "" : " | ") + one;
    }
    return all;
  }
  std::size_t count() const { return paths_.of(0).size(); }

 private:
  PathWatch paths_;
  bool in_block_ = false;
};

TEST(PathWatch, SetAndReset) {
  EXPECT_EQ(Session().send("SET work_mem = '1MB'").count(), 0u);
  EXPECT_EQ(Session().send("SET search_path = a, b").paths(), "a,b");
  EXPECT_EQ(Session().send("SELECT set_config('search_path', 'a', false)").paths(), "a");
  for (const char* const back : {"RESET search_path", "RESET ALL", "DISCARD ALL", "SET search_path TO DEFAULT"})
    EXPECT_EQ(Session().send("SET search_path = a").send(back).count(), 0u) << back;
  EXPECT_EQ(Session().send("SET search_path = a").send("DISCARD PLANS").paths(), "a");
  EXPECT_EQ(Session().send("SET search_path = a").send("SHOW search_path").paths(), "a");
  EXPECT_EQ(Session().send("SELECT set_config('search' || '_path', 'a', false)").paths(), ",") << "anything";
}

TEST(PathWatch, Transactions) {
  EXPECT_EQ(Session().send("BEGIN").send("SET search_path = a").paths(), "a");
  EXPECT_EQ(Session().send("BEGIN").send("SET search_path = a").send("COMMIT").paths(), "a");
  EXPECT_EQ(Session().send("BEGIN").send("SET search_path = a").send("COMMIT", "ROLLBACK").count(), 0u);
  EXPECT_EQ(Session().send("BEGIN").send("SET search_path = a").send("ROLLBACK").count(), 0u);
  EXPECT_EQ(Session().send("BEGIN").send("SET LOCAL search_path = a").paths(), "a");
  EXPECT_EQ(Session().send("BEGIN").send("SET LOCAL search_path = a").send("COMMIT").count(), 0u);
  EXPECT_EQ(Session().send("SET search_path = a").send("BEGIN; SET search_path = b; ROLLBACK").paths(), "a");
}

// What the server has gone back to, only it knows.
TEST(PathWatch, SavepointsLeaveAllThatItMayBe) {
  Session session;
  session.send("SET search_path = a")
      .send("BEGIN; SET search_path = b; SAVEPOINT s; SET search_path = c; ROLLBACK TO s");
  EXPECT_EQ(session.paths(), "c | a | b");
  EXPECT_EQ(session.send("SET search_path = d").paths(), "d");
  EXPECT_EQ(session.send("ROLLBACK").paths(), "a");
  EXPECT_EQ(Session().send("BEGIN; SAVEPOINT s; SELECT 1; ROLLBACK TO s").count(), 0u);
}

TEST(PathWatch, KeepsNotMoreThanAFew) {
  Session session;
  session.send("BEGIN");
  for (int i = 0; i < 100; ++i)
    session.send("SET search_path = s" + std::to_string(i));
  EXPECT_EQ(session.count(), 1u);
  session.send("SAVEPOINT s; ROLLBACK TO s");
  EXPECT_EQ(session.count(), 17u);
  session.send("ROLLBACK TO s");
  EXPECT_EQ(session.count(), 17u);
}

}  // namespace
}  // namespace dbgate::session
