#include "cli/output.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "cli/http/dial.h"
#include "cli/http/trace.h"

namespace dbgate::cli {
namespace {

TEST(Separated, NullIsEmptyAndTheEmptyTextIsQuoted) {
  EXPECT_EQ(separated_row("csv", {"a", std::nullopt, ""}), "a,,\"\"\n");
  EXPECT_EQ(separated_row("csv", {"a,b", "say \"x\"", "two\nlines"}), "\"a,b\",\"say \"\"x\"\"\",\"two\nlines\"\n");
  EXPECT_EQ(separated_row("tsv", {"a\tb", "c\\d", "e\r\nf", std::nullopt}), "a\\tb\tc\\\\d\te\\r\\nf\t\n");
}

TEST(Tables, NumbersStandRightAndTextLeft) {
  const Rows rows{{"n", "text"}, {{"1", "a"}, {"-12.50", std::nullopt}}};
  EXPECT_EQ(table_text(rows, true), "     N  TEXT\n     1  a\n-12.50  NULL\n");
  EXPECT_EQ(table_text(rows, false), "     1  a\n-12.50  NULL\n");
  EXPECT_EQ(aligned_text(rows, true), "   n    | text\n--------+------\n      1 | a\n -12.50 | NULL\n(2 rows)\n");
}

TEST(Tables, ControlCharactersAreShownAndNotSent) {
  const Rows rows{{"x\x1b[2J"}, {{"\x1b]0;t\x07\n\t"}}};
  for (const std::string& text : {table_text(rows, true), aligned_text(rows, true), markdown_text(rows)}) {
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(text.find('\x07'), std::string::npos);
  }
}

TEST(Texts, WhatCouldDeceiveIsSpeltOut) {
  EXPECT_EQ(printable("SELECT 1;\n\t-- Gr\u00fc\u00dfe \u2714"), "SELECT 1;\n\t-- Gr\u00fc\u00dfe \u2714");
  EXPECT_EQ(printable("a\x1b[2Kb\r\x7f"), "a\\x1b[2Kb\\x0d\\x7f");
  EXPECT_EQ(printable("x\u202ey\u200b\u0085\ufeff"), "x\\u{202e}y\\u{200b}\\u{85}\\u{feff}");
  EXPECT_EQ(printable("\xc3"), "\xc3") << "what is no UTF-8 stays";
}

TEST(Cells, ListsAreJoinedAndObjectsStayJson) {
  EXPECT_EQ(cell_text(nullptr), std::nullopt);
  EXPECT_EQ(cell_text(boost::json::parse(R"(["a","b"])")), "a,b");
  EXPECT_EQ(cell_text(boost::json::parse(R"([{"a":1}])")), R"([{"a":1}])");
  const boost::json::object object{{"a.b", 1}, {"a", boost::json::object{{"b", 2}, {"c", "x"}}}};
  EXPECT_EQ(member_at(object, "a.b")->as_int64(), 1) << "a name with a dot comes before a path";
  EXPECT_EQ(text_at(object, "a.c"), "x");
  EXPECT_EQ(member_at(object, "a.c.d"), nullptr);
}

TEST(Traces, OnlyNamedMembersAreShown) {
  const std::string request = R"({"username":"ana","password":"p1","code":"c1","sql":"SELECT 1","new_thing":"n1"})";
  EXPECT_EQ(masked_body("application/json", request),
            R"({"username":"ana","password":"***","code":"***","sql":"***","new_thing":"***"})");
  EXPECT_EQ(masked_body("application/problem+json", R"({"code":"denied","detail":"no"})"),
            R"({"code":"denied","detail":"no"})");
  EXPECT_EQ(masked_body("application/x-www-form-urlencoded", "grant_type=refresh_token&refresh_token=r1"),
            "grant_type=refresh_token&refresh_token=***");
  EXPECT_EQ(masked_body("application/json", "not json with a secret"), "(22 bytes)");
}

TEST(Proxies, AreChosenByTheEnvironment) {
  ::setenv("HTTPS_PROXY", "http://proxy:3128/", 1);
  ::setenv("NO_PROXY", ".internal, example.org", 1);
  const auto chosen = [](const char* url) { return proxy_for(parse_gateway_url(url)); };
  EXPECT_EQ(chosen("https://gw.test"), "proxy:3128");
  EXPECT_EQ(chosen("https://gw.internal"), "");
  EXPECT_EQ(chosen("https://example.org"), "");
  EXPECT_EQ(chosen("https://a.example.org"), "");
  EXPECT_EQ(chosen("https://notexample.org"), "proxy:3128");
  EXPECT_EQ(chosen("https://localhost"), "");
  ::unsetenv("HTTPS_PROXY");
  EXPECT_EQ(chosen("https://gw.test"), "");
  ::unsetenv("NO_PROXY");
}

}  // namespace
}  // namespace dbgate::cli
