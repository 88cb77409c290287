#include "gateway/session/user_types.h"

#include <gtest/gtest.h>

namespace dbgate::session {
namespace {

constexpr std::uint32_t int4 = 23, text = 25, oid = 26, float8 = 701, first_of_users = 16384;

std::shared_ptr<const Analysis> analysis() {
  Analysis made;
  made.read_by = 7;
  made.script = std::make_shared<const sql::Script>(sql::Script{{sql::Statement(), sql::Statement()}});
  return std::make_shared<const Analysis>(std::move(made));
}

TEST(DeclaredTypes, OrdinaryOnesSayNothingNew) {
  const auto given = analysis();
  for (const std::vector<std::uint32_t>& types : {std::vector<std::uint32_t>{}, {0}, {int4, text, 0, 2950}})
    EXPECT_EQ(with_declared_types(given, types), given);
}

TEST(DeclaredTypes, OddOnesCountForEveryStatement) {
  for (const std::uint32_t odd : {oid, float8, first_of_users}) {
    const auto given = analysis();
    const auto with = with_declared_types(given, {int4, odd});
    ASSERT_NE(with, given);
    EXPECT_EQ(with->read_by, 0u) << "the text alone does not say it";
    for (const sql::Statement& statement : with->script->statements) {
      EXPECT_TRUE(statement.declares_odd_types);
      EXPECT_EQ(statement.declares_user_types, odd == first_of_users);
    }
    EXPECT_FALSE(given->script->statements[0].declares_odd_types) << "others have the same analysis";
  }
}

}  // namespace
}  // namespace dbgate::session
