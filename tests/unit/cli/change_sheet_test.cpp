#include "cli/commands/change_sheet.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

namespace dbgate::cli {
namespace {

std::string sheet(const char* text, std::size_t rows) {
  return change_sheet(boost::json::parse(text).as_object(), rows);
}

TEST(ChangeSheet, HasTablesAndRows) {
  const char* const changes = R"({"tables": [{"name": "public.a", "inserted": 1, "updated": 1, "deleted": 1}],
    "rows": [{"table": "public.a", "change": "insert", "before": null, "after": {"id": 1, "v": null}},
             {"table": "public.a", "change": "update", "before": {"id": 2, "v": "x"}, "after": {"id": 2, "v": "y"}},
             {"table": "public.a", "change": "delete", "before": {"id": 3, "v": "z"}, "after": null}]})";
  EXPECT_EQ(sheet(changes, 9),
            "public.a  1 inserted  1 updated  1 deleted\n+ public.a  id=1, v=NULL\n~ public.a  id=2\n      v: x -> y\n"
            "- public.a  id=3, v=z");
  EXPECT_EQ(sheet(changes, 1),
            "public.a  1 inserted  1 updated  1 deleted\n+ public.a  id=1, v=NULL\nand 2 more rows: --rows 3");
}

TEST(ChangeSheet, SaysWhoSeesRows) {
  EXPECT_EQ(sheet(R"({"tables": [{"name": "public.a", "inserted": 0, "updated": 2, "deleted": 0}]})", 9),
            "public.a  2 updated\nThe rows are shown to those who decide.");
}

TEST(ChangeSheet, StandsAnything) {
  EXPECT_EQ(sheet(R"({"tables": [7], "rows": [1, {}, {"table": "t", "before": 1}]})", 9), "\n\n    \n  t  ");
}

}  // namespace
}  // namespace dbgate::cli
