#include <gtest/gtest.h>

#include "tests/unit/session/relay_lab.h"

namespace dbgate::session {
namespace {

namespace b = backend;
namespace f = frontend;

// What is to be read again, and whether names had moved for the text that was judged last.
struct Seen {
  std::size_t changes = 0;
  bool moved = false;
  bool operator==(const Seen&) const = default;
};
Seen seen(const RelayLab& lab) {
  return {lab.judge.catalog_changes, lab.judge.moved};
}

TEST(RelayCatalog, NamesMoveFromTheFirstChangeToTheEndOfTheTransaction) {
  RelayLab lab;
  lab.client(f::query("BEGIN")).server(b::complete("BEGIN") + b::ready('T'));
  lab.client(f::query("SELECT 1")).server(b::complete("SELECT 1") + b::ready('T'));
  EXPECT_EQ(seen(lab), (Seen{0, false}));
  lab.client(f::query("DROP TABLE t")).server(b::complete("DROP TABLE") + b::ready('T'));
  EXPECT_EQ(seen(lab), (Seen{0, false}));
  const std::size_t recalled = lab.judge.recalled;
  lab.client(f::query("SELECT 1")).server(b::complete("SELECT 1") + b::ready('T'));
  lab.client(f::parse("s", "SELECT 1") + f::sync).server(b::parse_complete + b::ready('T'));
  EXPECT_EQ(seen(lab), (Seen{0, true}));
  EXPECT_EQ(lab.judge.recalled, recalled);
  lab.client(f::query("ROLLBACK TO a")).server(b::complete("ROLLBACK") + b::ready('T'));
  lab.client(f::query("COMMIT"));
  EXPECT_EQ(seen(lab), (Seen{0, true}));
  lab.server(b::complete("COMMIT") + b::ready('I'));
  lab.client(f::query("SELECT 1"));
  EXPECT_EQ(seen(lab), (Seen{1, false}));
  EXPECT_EQ(lab.judge.recalled, recalled + 1);
}

TEST(RelayCatalog, WhatWasPreparedBeforeIsJudgedAgain) {
  RelayLab lab;
  lab.client(f::parse("s", "SELECT 1") + f::sync).server(b::parse_complete + b::ready('I'));
  const auto run = [&] {
    lab.client(f::bind("", "s") + f::execute("") + f::sync);
    lab.server(b::bind_complete + b::complete("SELECT 1") + b::ready(lab.relay.transaction_status()));
  };
  const std::size_t judged = lab.judge.judged;
  run();
  EXPECT_EQ(lab.judge.judged, judged);
  lab.client(f::query("BEGIN; DROP TABLE t"));
  lab.server(b::complete("BEGIN") + b::complete("DROP TABLE") + b::ready('T'));
  const std::size_t later = lab.judge.judged;
  run();
  EXPECT_EQ(lab.judge.judged, later + 1);
  EXPECT_TRUE(lab.judge.moved);
}

TEST(RelayCatalog, ChangesThatAreSentTogetherAreAllNoted) {
  RelayLab lab;
  lab.client(f::query("DROP TABLE a") + f::query("DROP TABLE b"));
  EXPECT_EQ(seen(lab), (Seen{0, true}));
  lab.server(b::complete("DROP TABLE") + b::ready('I'));
  EXPECT_EQ(lab.judge.catalog_changes, 1U);
  lab.client(f::query("SELECT 1"));
  EXPECT_TRUE(lab.judge.moved);
  lab.server(b::complete("DROP TABLE") + b::ready('I'));
  EXPECT_EQ(lab.judge.catalog_changes, 2U);
  lab.server(b::complete("SELECT 1") + b::ready('I'));
  lab.client(f::query("SELECT 1"));
  EXPECT_EQ(seen(lab), (Seen{2, false}));
}

TEST(RelayCatalog, WhatIsCommittedCountsBeforeTheMessageEnds) {
  RelayLab lab;
  lab.client(f::query("BEGIN; DROP TABLE a; COMMIT; SELECT 1"));
  lab.server(b::complete("BEGIN") + b::complete("DROP TABLE"));
  EXPECT_EQ(lab.judge.catalog_changes, 0U);
  lab.server(b::complete("COMMIT"));
  EXPECT_EQ(lab.judge.catalog_changes, 1U);
}

TEST(RelayCatalog, ATransactionMayBeginWithTheEndOfAnother) {
  RelayLab lab;
  lab.client(f::query("BEGIN; DROP TABLE a"));
  lab.server(b::complete("BEGIN") + b::complete("DROP TABLE") + b::ready('T'));
  lab.client(f::query("COMMIT AND CHAIN")).server(b::complete("COMMIT") + b::ready('T'));
  EXPECT_EQ(lab.judge.catalog_changes, 1U);
  lab.client(f::query("SELECT 1"));
  EXPECT_FALSE(lab.judge.moved);
}

TEST(RelayCatalog, ASessionThatIsGoneMayHaveChangedIt) {
  RelayLab lab;
  lab.client(f::query("DROP TABLE a"));
  lab.relay.abandon(Error(sqlstate::connection_failure, ""));
  EXPECT_EQ(lab.judge.catalog_changes, 1U);
}

}  // namespace
}  // namespace dbgate::session
