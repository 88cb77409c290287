#include "gateway/session/name_table.h"

#include <gtest/gtest.h>

namespace dbgate::session {
namespace {

using Table = NameTable<int>;
using State = Table::State;

Table::Pointer text(int number) {
  return std::make_shared<const int>(number);
}

// "absent", "wait", or the definition.
std::string find(const Table& table, std::string_view name, Segment now) {
  const Table::Lookup found = table.find(name, now);
  if (found.state == State::wait) return "wait";
  if (found.state == State::absent) return found.definition ? "absent but defined" : "absent";
  return found.definition ? std::to_string(*found.definition) : "found but undefined";
}

TEST(NameTable, AConfirmedDefinition) {
  Table table;
  EXPECT_EQ(find(table, "a", 1), "absent");
  table.confirm("a", text(1));
  EXPECT_EQ(find(table, "a", 1), "1");
  EXPECT_EQ(find(table, "A", 1), "absent");
  EXPECT_EQ(find(table, "", 1), "absent");
  table.confirm("a", text(2));
  EXPECT_EQ(find(table, "a", 1), "2");
  table.forget("a");
  EXPECT_EQ(find(table, "a", 1), "absent");
  EXPECT_EQ(table.size(), 0u);
  table.forget("a");
}

// The server's tables of names look at 63 bytes (PostgreSQL's NAMEDATALEN).
TEST(NameTable, LongNamesAreCutAsTheServerCutsThem) {
  Table table;
  const std::string name(63, 'n');
  table.confirm(name + "x", text(1));
  EXPECT_EQ(find(table, name + "y", 1), "1");
  EXPECT_EQ(find(table, name, 1), "1");
  EXPECT_EQ(find(table, name.substr(1), 1), "absent");
  table.pend(name + "z", nullptr, 2);
  table.settle(name, true);
  EXPECT_EQ(find(table, name + "x", 3), "absent");
}

// Within one stretch the later message runs only if the earlier one succeeded.
TEST(NameTable, APipelineReliesOnItsOwnDefinitions) {
  Table table;
  table.pend("a", text(1), 7);
  EXPECT_EQ(find(table, "a", 7), "1");
  table.pend("a", nullptr, 7);
  EXPECT_EQ(find(table, "a", 7), "absent");
  table.pend("a", text(2), 7);
  EXPECT_EQ(find(table, "a", 7), "2");
  table.settle("a", true);
  table.settle("a", true);
  table.settle("a", true);
  EXPECT_EQ(find(table, "a", 8), "2");
  EXPECT_EQ(table.size(), 1u);
}

TEST(NameTable, WhatFailedIsNotDefined) {
  Table table;
  table.pend("a", text(1), 1);
  table.settle("a", false);
  EXPECT_EQ(find(table, "a", 1), "absent");
  EXPECT_EQ(table.size(), 0u);
  table.confirm("a", text(1));
  table.pend("a", text(2), 1);
  table.settle("a", false);
  EXPECT_EQ(find(table, "a", 1), "1");
  table.pend("a", nullptr, 1);
  table.settle("a", false);
  EXPECT_EQ(find(table, "a", 1), "1");
  table.settle("a", true);  // nothing is under way
  table.settle("b", true);
  EXPECT_EQ(find(table, "a", 1), "1");
}

// A later stretch runs whether or not an earlier one failed: two texts could be meant.
TEST(NameTable, ALaterStretchWaitsWhenTwoDefinitionsCouldBeMeant) {
  Table table;
  table.confirm("a", text(1));
  table.pend("a", text(2), 1);
  EXPECT_EQ(find(table, "a", 1), "2");
  EXPECT_EQ(find(table, "a", 2), "wait");
  table.settle("a", true);
  EXPECT_EQ(find(table, "a", 2), "2");
}

TEST(NameTable, ALaterStretchUsesTheOnlyDefinitionThereCouldBe) {
  Table table;
  table.pend("a", text(1), 1);
  EXPECT_EQ(find(table, "a", 2), "1");  // or the server says that there is none
  table.pend("a", nullptr, 2);
  EXPECT_EQ(find(table, "a", 3), "1");
  table.pend("a", text(2), 3);
  EXPECT_EQ(find(table, "a", 3), "2");
  EXPECT_EQ(find(table, "a", 4), "wait");
}

// Bind gives the same statement values of its own each time.
TEST(NameTable, ANoteBelongsToOneNaming) {
  Table table;
  const auto statement = text(1);
  const auto first = std::make_shared<const std::string>("first");
  const auto second = std::make_shared<const std::string>("second");
  table.pend("p", statement, 1, first);
  EXPECT_EQ(table.find("p", 1).note, first);
  table.settle("p", true);
  table.pend("p", statement, 2, second);
  EXPECT_EQ(table.find("p", 2).note, second);
  EXPECT_EQ(find(table, "p", 3), "wait") << "which values it has is open";
  table.settle("p", false);
  EXPECT_EQ(table.find("p", 3).note, first);
  table.pend("p", nullptr, 4);
  table.settle("p", true);
  table.pend("p", statement, 5);
  table.settle("p", true);
  EXPECT_EQ(table.find("p", 6).note, nullptr);
}

TEST(NameTable, AClosedNameIsWhatItWasIfClosingFails) {
  Table table;
  const auto definition = text(1);
  table.confirm("a", definition);
  table.pend("a", nullptr, 1);
  EXPECT_EQ(find(table, "a", 1), "absent");
  EXPECT_EQ(find(table, "a", 2), "1");
  table.pend("a", definition, 2);  // the same text again, which is no other definition
  EXPECT_EQ(find(table, "a", 3), "1");
}

TEST(NameTable, BlocksEveryName) {
  Table table;
  table.confirm("a", text(1));
  table.block();
  table.block();
  EXPECT_EQ(find(table, "a", 1), "wait");
  EXPECT_EQ(find(table, "b", 1), "wait");
  table.unblock();
  EXPECT_EQ(find(table, "a", 1), "wait");
  table.unblock();
  EXPECT_EQ(find(table, "a", 1), "1");
}

TEST(NameTable, ForgetsByProperty) {
  Table table;
  table.confirm("a", text(1));
  table.confirm("b", text(2));
  table.confirm("c", text(3));
  table.pend("c", text(4), 1);
  table.forget_if([](int number) { return number != 2; });
  EXPECT_EQ(find(table, "a", 2), "absent");
  EXPECT_EQ(find(table, "b", 2), "2");
  EXPECT_EQ(find(table, "c", 2), "4");  // what is under way stays
  table.forget("c");
  EXPECT_EQ(find(table, "c", 2), "4");
  EXPECT_EQ(table.size(), 2u);
}

/// The server's side of the same story, for one name: what it would run.
struct Server {
  std::string definition;
  bool failed = false;  // the rest of the stretch is skipped
};

// Whatever succeeds or fails: a look-up that names a definition names the one that the server will use, or the server
// will use none.
TEST(NameTable, NeverNamesAnotherThanTheServers) {
  // Each history is a row of messages: define 1…3, close, or the end of a stretch. Each outcome: which of them fail.
  constexpr int length = 6;
  constexpr int kinds = 4;
  int histories = 1;
  for (int i = 0; i < length; ++i)
    histories *= kinds;
  for (int history = 0; history < histories; ++history) {
    Table table;
    Segment segment = 1;
    std::vector<std::pair<int, Segment>> sent;
    for (int i = 0, rest = history; i < length; ++i, rest /= kinds) {
      const int kind = rest % kinds;
      if (kind == 3) {
        ++segment;
        continue;
      }
      table.pend("a", kind == 2 ? nullptr : text(kind), segment);
      sent.emplace_back(kind, segment);
    }
    const Table::Lookup found = table.find("a", segment);
    if (found.state == State::wait) continue;
    for (unsigned fails = 0; fails < 1u << sent.size(); ++fails) {
      Server server;
      Segment now = 0;
      for (std::size_t i = 0; i < sent.size(); ++i) {
        if (sent[i].second != now) server.failed = false;
        now = sent[i].second;
        if (server.failed) continue;
        server.failed = (fails >> i & 1) != 0;
        if (server.failed) continue;
        server.definition = sent[i].first == 2 ? "" : std::to_string(sent[i].first);
      }
      if (segment != now) server.failed = false;
      if (server.failed || server.definition.empty()) continue;  // the look-up's message is skipped, or fails
      ASSERT_EQ(found.state, State::found) << history << " " << fails;
      ASSERT_EQ(std::to_string(*found.definition), server.definition) << history << " " << fails;
    }
  }
}

}  // namespace
}  // namespace dbgate::session
