#include "cli/result_rows.h"

#include <gtest/gtest.h>

namespace dbgate::cli {
namespace {

using Cells = std::vector<std::string_view>;

TEST(RowsOfLine, KeepsEveryCellAsItCame) {
  const auto rows = rows_of_line(R"({"type":"rows","rows":[[1.10, "a,]\"\\",null],[{"k":[1,"]"]},[],true]]})");
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0], (Cells{"1.10", R"("a,]\"\\")", "null"}));
  EXPECT_EQ(rows[1], (Cells{R"({"k":[1,"]"]})", "[]", "true"}));
}

TEST(RowsOfLine, RowsWithoutColumnsAreRows) {
  EXPECT_EQ(rows_of_line(R"({"type":"rows","rows":[[],[]]})").size(), 2u);
}

TEST(RowsOfLine, EveryCutOfALineIsSurvivedAndGivesNothing) {
  const std::string line = R"({"type":"rows","rows":[[1,"x\"y",{"a":[2]}],[3,"",null]]})";
  ASSERT_EQ(rows_of_line(line).size(), 2u);
  for (std::size_t size = 0; size + 1 < line.size(); ++size) {
    const std::string cut = line.substr(0, size);
    EXPECT_TRUE(rows_of_line(cut).empty()) << cut;
  }
}

TEST(RowsOfLine, OtherLinesHaveNone) {
  for (const char* line : {"", "{}", R"({"type":"meta","rows":[[1]]})", "[[1]]", R"({"type":"rows","rows":[1]})",
                           R"({"type":"rows","rows":[[,]]})", R"({"type":"rows","rows":[[}]]})"})
    EXPECT_TRUE(rows_of_line(line).empty()) << line;
}

TEST(ShownCell, StringsLoseTheirQuotesAndNothingElseChanges) {
  EXPECT_EQ(shown_cell("null"), std::nullopt);
  EXPECT_EQ(shown_cell("\"null\""), "null");
  EXPECT_EQ(shown_cell(R"("a\n\u00e9")"), "a\n\u00e9");
  EXPECT_EQ(shown_cell("12345678901234567890.100"), "12345678901234567890.100");
  EXPECT_EQ(shown_cell("{\"a\":1.0}"), "{\"a\":1.0}");
  EXPECT_EQ(shown_cell("\"broken"), "\"broken");
}

}  // namespace
}  // namespace dbgate::cli
