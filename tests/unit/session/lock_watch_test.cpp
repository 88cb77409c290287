#include "gateway/session/lock_watch.h"

#include <gtest/gtest.h>

#include "gateway/sql/analyze.h"

namespace dbgate::session {
namespace {

/// A session that sends one statement after the other.
class Session {
 public:
  explicit Session(LockWatch locks = LockWatch()) : locks_(locks) {}
  bool wants_receipts() const { return locks_.wants_receipts(); }
  Session& send(std::string_view sql, std::string_view tag = {}) {
    const sql::AnalyzeResult result = sql::analyze(sql, sql::ScanLimits{});
    for (const sql::Statement& statement : result.script->statements)
      locks_.follow(statement, tag);
    locks_.on_ready(locks_.in_block() ? 'T' : 'I', false);
    return *this;
  }
  Session& fail() {
    locks_.on_ready(locks_.in_block() ? 'E' : 'I', true);
    return *this;
  }
  std::optional<bool> refuses_holds() const { return locks_.refuses_holds(); }
  /// t: a time-out is set, b: in a block, l: a lock is held.
  std::string state() const {
    return std::string(locks_.has_timeout() ? "t" : "") + (locks_.in_block() ? "b" : "") +
           (locks_.holds_lock() ? "l" : "");
  }

 private:
  LockWatch locks_;
};

TEST(LockWatch, TimeOutsLastAsServersKeepThem) {
  EXPECT_EQ(Session().state(), "");
  EXPECT_EQ(Session().send("SET lock_timeout = '2s'").state(), "t");
  EXPECT_EQ(Session().send("SET statement_timeout = 5000").state(), "t");
  EXPECT_EQ(Session().send("SELECT set_config('lock_timeout', '2s', false)").state(), "t");
  EXPECT_EQ(Session().send("SET work_mem = '2MB'").state(), "");
  EXPECT_EQ(Session().send("SET lock_timeout = 0").state(), "");
  EXPECT_EQ(Session().send("SET lock_timeout = '2s'").send("SET lock_timeout = '0'").state(), "");
  EXPECT_EQ(Session().send("SET lock_timeout = '2s'").send("RESET lock_timeout").state(), "");
  EXPECT_EQ(Session().send("SET lock_timeout = '2s'").send("RESET ALL").state(), "");
  EXPECT_EQ(Session().send("SET lock_timeout = '2s'").send("DISCARD ALL").state(), "");
  EXPECT_EQ(Session().send("SET lock_timeout = '2s'").send("SET statement_timeout = 0").state(), "t");
  EXPECT_EQ(Session().send("SET lock_timeout = '2s'").send("SHOW lock_timeout").state(), "t");
}

TEST(LockWatch, WhetherOthersAreWaitedFor) {
  const auto said = [](std::initializer_list<const char*> statements) {
    Session session;
    for (const char* const statement : statements)
      session.send(statement);
    return session.refuses_holds();
  };
  EXPECT_EQ(said({}), std::nullopt);
  EXPECT_EQ(said({"SET dbgate.hold = refuse"}), true);
  EXPECT_EQ(said({"SET dbgate.hold TO 'wait'"}), false);
  EXPECT_EQ(said({"SELECT set_config('dbgate.hold', 'refuse', false)"}), true);
  EXPECT_EQ(said({"SET dbgate.hold = refuse", "SET dbgate.hold = wait"}), false);
  for (const char* const back : {"RESET dbgate.hold", "SET dbgate.hold TO DEFAULT", "RESET ALL", "DISCARD ALL"})
    EXPECT_EQ(said({"SET dbgate.hold = refuse", back}), std::nullopt) << back;
  EXPECT_EQ(said({"BEGIN", "SET LOCAL dbgate.hold = refuse"}), true);
  EXPECT_EQ(said({"BEGIN", "SET LOCAL dbgate.hold = refuse", "COMMIT"}), std::nullopt);
  EXPECT_EQ(said({"BEGIN", "SET dbgate.hold = refuse", "ROLLBACK"}), std::nullopt);
  EXPECT_EQ(said({"BEGIN", "SET dbgate.hold = refuse", "COMMIT"}), true);
  EXPECT_EQ(said({"SET dbgate.hold = refuse", "SET lock_timeout = 0"}), true);
  EXPECT_EQ(Session().send("SET dbgate.hold = refuse").state(), "") << "no time-out";
}

TEST(LockWatch, WhetherReceiptsAreWanted) {
  const auto wanted = [](bool at_login, std::initializer_list<const char*> statements) {
    Session session{LockWatch(at_login)};
    for (const char* const statement : statements)
      session.send(statement);
    return session.wants_receipts();
  };
  EXPECT_FALSE(wanted(false, {}));
  EXPECT_TRUE(wanted(false, {"SET dbgate.receipts = on"}));
  EXPECT_TRUE(wanted(false, {"SET dbgate.receipts TO 'on'", "SET lock_timeout = 0", "SHOW dbgate.receipts"}));
  EXPECT_FALSE(wanted(false, {"SET dbgate.receipts = on", "SET dbgate.receipts = off"}));
  EXPECT_FALSE(wanted(true, {"SET dbgate.receipts = off"}));
  for (const char* const back :
       {"RESET dbgate.receipts", "SET dbgate.receipts TO DEFAULT", "RESET ALL", "DISCARD ALL"}) {
    EXPECT_FALSE(wanted(false, {"SET dbgate.receipts = on", back})) << back;
    EXPECT_TRUE(wanted(true, {"SET dbgate.receipts = off", back})) << back;
  }
  EXPECT_TRUE(wanted(false, {"BEGIN", "SET LOCAL dbgate.receipts = on"}));
  EXPECT_FALSE(wanted(false, {"BEGIN", "SET LOCAL dbgate.receipts = on", "COMMIT"}));
  EXPECT_FALSE(wanted(false, {"BEGIN", "SET dbgate.receipts = on", "ROLLBACK"}));
  EXPECT_TRUE(wanted(true, {"BEGIN", "SET dbgate.receipts = off", "ROLLBACK"}));
}

TEST(LockWatch, TransactionsTakeThemBack) {
  EXPECT_EQ(Session().send("BEGIN").send("SET LOCAL lock_timeout = '2s'").state(), "tb");
  EXPECT_EQ(Session().send("BEGIN").send("SET LOCAL lock_timeout = '2s'").send("COMMIT").state(), "");
  EXPECT_EQ(Session().send("BEGIN").send("SET lock_timeout = '2s'").send("COMMIT").state(), "t");
  EXPECT_EQ(Session().send("BEGIN").send("SET lock_timeout = '2s'").send("ROLLBACK").state(), "");
  EXPECT_EQ(Session().send("BEGIN").send("SET lock_timeout = '2s'").send("COMMIT", "ROLLBACK").state(), "");
  EXPECT_EQ(
      Session().send("SET lock_timeout = '2s'").send("BEGIN").send("SET lock_timeout = 0").send("ROLLBACK").state(),
      "t");
  EXPECT_EQ(Session().send("BEGIN; SAVEPOINT a").send("SET lock_timeout = '2s'").send("ROLLBACK TO a").state(), "b");
  LockWatch undone;
  undone.follow(sql::analyze("SET lock_timeout = '2s'", sql::ScanLimits{}).script->statements.front());
  undone.on_ready('I', true);
  EXPECT_FALSE(undone.has_timeout()) << "an error in the same message has undone it";
}

TEST(LockWatch, LocksLastUntilTheirTransactionEnds) {
  EXPECT_EQ(Session().send("ALTER TABLE t ADD COLUMN a int").state(), "");
  EXPECT_EQ(Session().send("BEGIN").send("ALTER TABLE t ADD COLUMN a int").state(), "bl");
  EXPECT_EQ(Session().send("BEGIN").send("ALTER TABLE t ADD COLUMN a int").fail().state(), "bl");
  EXPECT_EQ(Session().send("BEGIN; ALTER TABLE t ADD COLUMN a int; COMMIT").state(), "");
  EXPECT_EQ(Session().send("BEGIN").send("ALTER TABLE t ADD COLUMN a int").send("ROLLBACK").state(), "");
  EXPECT_EQ(Session().send("BEGIN").send("CREATE INDEX CONCURRENTLY ON t (a)").state(), "b");
  EXPECT_EQ(Session().send("BEGIN").send("SELECT a FROM t").state(), "b");
}

}  // namespace
}  // namespace dbgate::session
