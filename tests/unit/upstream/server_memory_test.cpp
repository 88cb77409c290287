#include "gateway/upstream/server_memory.h"

#include <gtest/gtest.h>

namespace dbgate::upstream {
namespace {

StatementKeyPtr key(std::string text) {
  return std::make_shared<const StatementKey>(std::move(text));
}

TEST(ServerStatements, AreFoundByWhatTheyAre) {
  ServerStatements statements;
  const std::string name = statements.add(key("a"), 1).name;
  ASSERT_NE(statements.find(*key("a")), nullptr);
  EXPECT_EQ(statements.find(*key("a"))->name, name);
  EXPECT_FALSE(statements.find(*key("a"))->confirmed);
  statements.confirm(name);
  EXPECT_TRUE(statements.find(*key("a"))->confirmed);
  EXPECT_EQ(statements.find(*key("b")), nullptr);
  statements.remove(name);
  EXPECT_EQ(statements.find(*key("a")), nullptr);
}

TEST(ServerStatements, NeverUseANameTwice) {
  ServerStatements statements;
  const std::string first = statements.add(key("a"), 1).name;
  statements.clear();
  EXPECT_NE(statements.add(key("a"), 1).name, first);
}

TEST(ServerStatements, CloseWhatIsReplaced) {
  ServerStatements statements;
  const std::string first = statements.add(key("a"), 1).name;
  const std::string second = statements.add(key("a"), 2).name;
  EXPECT_EQ(statements.find(*key("a"))->name, second);
  EXPECT_EQ(statements.take_surplus(), first);
  EXPECT_EQ(statements.take_surplus(), "");
  statements.close_all_later();
  EXPECT_EQ(statements.find(*key("a")), nullptr);
  EXPECT_EQ(statements.take_surplus(), second);
}

TEST(ServerStatements, GiveUpTheLeastRecentlyUsedBeyondTheirBounds) {
  ServerStatements statements;
  const std::string large(ServerStatements::most_bytes / 4, 'x');
  std::string names[5];
  for (int i = 0; i < 5; ++i) {
    names[i] = statements.add(key(large + std::to_string(i)), 1).name;
    if (i < 4) statements.confirm(names[i]);
  }
  statements.find(*key(large + "0"));
  EXPECT_EQ(statements.take_surplus(), names[1]);
  EXPECT_EQ(statements.take_surplus(), names[2]);
  EXPECT_EQ(statements.take_surplus(), "") << "3 x a quarter and a little";
  statements.confirm(names[4]);
  for (std::size_t i = 0; i < ServerStatements::most_statements; ++i)
    statements.confirm(statements.add(key("s" + std::to_string(i)), 1).name);
  std::size_t closed = 0;
  while (!statements.take_surplus().empty())
    ++closed;
  EXPECT_GT(closed, 0u);
  EXPECT_LE(statements.size(), ServerStatements::most_statements);
}

TEST(ServerStatements, KeepWhatIsOnItsWay) {
  ServerStatements statements;
  statements.add(key(std::string(ServerStatements::most_bytes, 'x')), 1);
  statements.add(key(std::string(ServerStatements::most_bytes, 'y')), 1);
  EXPECT_EQ(statements.take_surplus(), "");
}

TEST(ServerMemory, HoldsNothingThatIsOlderThanAChangeOfTheCatalog) {
  ServerMemory memory;
  memory.statements.add(key("a"), 1);
  memory.forget_outdated();
  EXPECT_NE(memory.statements.find(*key("a")), nullptr) << "nobody counts";
  memory.catalog_changes = std::make_shared<std::atomic<std::uint64_t>>(0);
  memory.forget_outdated();
  const ServerStatements::Statement* held = memory.statements.find(*key("a"));
  ASSERT_NE(held, nullptr);
  const std::string name = held->name;
  ++*memory.catalog_changes;
  memory.forget_outdated();
  EXPECT_EQ(memory.statements.find(*key("a")), nullptr);
  EXPECT_EQ(memory.statements.take_surplus(), name) << "the server still has it";
  memory.statements.add(key("a"), 1);
  memory.forget_outdated();
  EXPECT_NE(memory.statements.find(*key("a")), nullptr) << "only once for each change";
}

}  // namespace
}  // namespace dbgate::upstream
