#include "gateway/queries/format.h"

#include <gtest/gtest.h>

namespace dbgate::queries {
namespace {

const std::vector<ports::QueryColumn> two = {{"id", "int4", 23, -1}, {"note", "text", 25, -1}};

std::string file(const ports::ExportOptions& options, const std::vector<ports::QueryColumn>& columns,
                 const std::vector<Cells>& rows) {
  const auto format = make_format(options);
  std::string out;
  EXPECT_TRUE(format->begin(columns, out));
  for (const Cells& row : rows)
    EXPECT_TRUE(format->row(row, out));
  EXPECT_TRUE(format->end(out));
  return out;
}

TEST(Csv, FollowsRfc4180) {
  EXPECT_EQ(file({}, two, {{"1", "plain"}, {"2", "a,b"}, {"3", "say \"x\""}, {"4", "two\r\nlines"}}),
            "id,note\r\n1,plain\r\n2,\"a,b\"\r\n3,\"say \"\"x\"\"\"\r\n4,\"two\r\nlines\"\r\n");
  ports::ExportOptions bare;
  bare.header = false;
  EXPECT_EQ(file(bare, two, {{"1", " kept "}}), "1,\" kept \"\r\n");
}

TEST(Csv, NullAndTheEmptyStringDiffer) {
  EXPECT_EQ(file({}, two, {{"1", {}}, {"2", ""}}), "id,note\r\n1,\r\n2,\"\"\r\n");
  ports::ExportOptions options;
  options.null_text = "\\N";
  EXPECT_EQ(file(options, two, {{"1", {}}, {"2", ""}, {"3", "\\N"}}), "id,note\r\n1,\\N\r\n2,\r\n3,\"\\N\"\r\n");
}

TEST(Csv, FormulasAreKeptUnlessSomebodyAsks) {
  const std::vector<Cells> rows = {
      {"-1", "=HYPERLINK(\"http://x\")"}, {"2", "+1"}, {"3", "@x"}, {"4", "\tx"}, {"5", "a=b"}};
  EXPECT_EQ(file({}, two, rows).find('\''), std::string::npos);
  ports::ExportOptions options;
  options.escape_formulas = true;
  EXPECT_EQ(file(options, two, rows),
            "id,note\r\n-1,\"'=HYPERLINK(\"\"http://x\"\")\"\r\n2,'+1\r\n3,'@x\r\n4,'\tx\r\n5,a=b\r\n");
}

TEST(JsonFiles, AreAnArrayOrLines) {
  ports::ExportOptions options{ports::ExportFormat::json, {}, true, false};
  EXPECT_EQ(file(options, two, {{"1", {}}, {"2", "\""}}),
            "[\n{\"id\":1,\"note\":null},\n{\"id\":2,\"note\":\"\\\"\"}\n]\n");
  EXPECT_EQ(file(options, two, {}), "[\n]\n");
  options.format = ports::ExportFormat::jsonl;
  EXPECT_EQ(file(options, two, {{"1", {}}, {"2", "x"}}), "{\"id\":1,\"note\":null}\n{\"id\":2,\"note\":\"x\"}\n");
}

TEST(Names, AreMadeDistinctWithoutTakingAnothersName) {
  const auto names = [](std::vector<std::string> given) {
    std::vector<ports::QueryColumn> columns;
    for (std::string& name : given)
      columns.push_back({std::move(name), "text", 25, -1});
    return distinct_names(columns);
  };
  EXPECT_EQ(names({"a", "a", "a"}), (std::vector<std::string>{"a", "a_2", "a_3"}));
  EXPECT_EQ(names({"a", "a_2", "a"}), (std::vector<std::string>{"a", "a_2", "a_3"}));
  EXPECT_EQ(names({"a", "a", "a_2"}), (std::vector<std::string>{"a", "a_3", "a_2"}));
  EXPECT_EQ(names({"?column?", "?column?"}), (std::vector<std::string>{"?column?", "?column?_2"}));
}

TEST(Parquet, RefusesWhatItWouldHaveToChange) {
  const auto refuses = [](std::uint32_t type, std::int32_t typmod, std::string_view value) {
    const auto format = make_parquet();
    std::string out;
    EXPECT_TRUE(format->begin({{"c", "x", type, typmod}}, out));
    const auto written = format->row({value}, out);
    if (written) return false;
    EXPECT_EQ(written.error().code().text(), "22P02");
    EXPECT_NE(written.error().message().find("row 1 of column \"c\""), std::string::npos);
    return true;
  };
  constexpr std::int32_t numeric_10_2 = (10 << 16 | 2) + 4;
  EXPECT_TRUE(refuses(1700, numeric_10_2, "NaN"));
  EXPECT_TRUE(refuses(1082, -1, "infinity"));
  EXPECT_TRUE(refuses(1114, -1, "-infinity"));
  EXPECT_TRUE(refuses(23, -1, "***"));
  EXPECT_TRUE(refuses(16, -1, "masked"));
  EXPECT_TRUE(refuses(17, -1, "\\xabc"));
  EXPECT_FALSE(refuses(1700, -1, "NaN"));
  EXPECT_FALSE(refuses(701, -1, "NaN"));
  EXPECT_FALSE(refuses(1043, -1, "***"));
  std::string out;
  EXPECT_FALSE(make_parquet()->begin({}, out));
}

}  // namespace
}  // namespace dbgate::queries
