#include "cli/table/suggest.h"

#include <gtest/gtest.h>

namespace dbgate::cli {
namespace {

TEST(EditDistance, CountsEachKindOfSlip) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("list", "list"), 0u);
  EXPECT_EQ(edit_distance("lst", "list"), 1u);
  EXPECT_EQ(edit_distance("liist", "list"), 1u);
  EXPECT_EQ(edit_distance("lost", "list"), 1u);
  EXPECT_EQ(edit_distance("lsit", "list"), 1u) << "neighbours that were swapped";
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
}

TEST(Closest, OffersWhatIsNearAndNothingElse) {
  const std::vector<std::string> names{"list", "login", "logout", "connect"};
  EXPECT_EQ(closest("lsit", names), "list");
  EXPECT_EQ(closest("conect", names), "connect");
  EXPECT_EQ(closest("conn", names), "connect") << "a beginning";
  EXPECT_EQ(closest("zebra", names), "");
  EXPECT_EQ(closest("", names), "");
  EXPECT_EQ(closest(std::string(100'000, 'l'), names), "") << "and not in quadratic time";
}

}  // namespace
}  // namespace dbgate::cli
