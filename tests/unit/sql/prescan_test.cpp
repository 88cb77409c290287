#include "gateway/sql/prescan.h"

#include <gtest/gtest.h>

#include <string>

namespace dbgate::sql {
namespace {

std::string repeat(const std::string& part, std::size_t times) {
  std::string text;
  text.reserve(part.size() * times);
  for (std::size_t i = 0; i < times; ++i)
    text += part;
  return text;
}

/// SQLSTATE, or "ok".
std::string scan(const std::string& text, const ScanLimits& limits = {}) {
  const auto result = prescan(text, limits);
  if (result) return "ok";
  const Error why = result.error();
  EXPECT_FALSE(why.message().empty());
  return std::string(why.code().text());
}

ScanSummary summary(const std::string& text) {
  const auto result = prescan(text, ScanLimits{});
  EXPECT_TRUE(result) << text;
  return result ? *result : ScanSummary{};
}

TEST(Prescan, CountsTokensAndNesting) {
  EXPECT_EQ(summary("").tokens, 0u);
  EXPECT_EQ(summary("SELECT 1").tokens, 2u);
  EXPECT_EQ(summary("SELECT a+b").tokens, 4u);
  EXPECT_EQ(summary("SELECT ((1), (2))").nesting, 2u);
  EXPECT_EQ(summary("SELECT a[b[1]]").nesting, 2u);
  EXPECT_EQ(summary(") ) (").nesting, 1u);
}

// What stands in literals, identifiers and comments is one token or none.
TEST(Prescan, SkipsWhatIsQuoted) {
  EXPECT_EQ(summary("SELECT '((('").nesting, 0u);
  EXPECT_EQ(summary("SELECT '(''('").nesting, 0u);
  EXPECT_EQ(summary(R"(SELECT E'(\'(')").nesting, 0u);
  EXPECT_EQ(summary(R"(SELECT '\' (1))").nesting, 1u) << "a backslash is an ordinary character here";
  EXPECT_EQ(summary(R"(SELECT "(""(" FROM t)").nesting, 0u);
  EXPECT_EQ(summary("SELECT $$(($$").nesting, 0u);
  EXPECT_EQ(summary("SELECT $a$ ( $b$ ( $a$").nesting, 0u);
  EXPECT_EQ(summary("SELECT $1, ($2)").nesting, 1u);
  EXPECT_EQ(summary("SELECT 1 -- ((\n, (2)").nesting, 1u);
  EXPECT_EQ(summary("SELECT /* ( /* ( */ ( */ 1").nesting, 0u);
  EXPECT_EQ(summary("SELECT 'never closed ((").nesting, 0u);
}

TEST(Prescan, SeesNamesBeyondAscii) {
  for (const char* text : {"SELECT é", "SELECT aé", "SELECT \"é\"", "SELECT \"a\"\"é\"", R"(SELECT U&"\00e9")",
                           R"(SELECT u&"a" UESCAPE '!')", "SELECT 1é", "SELECT $1é"})
    EXPECT_TRUE(summary(text).wide_names) << text;
  for (const char* text : {"SELECT a", "SELECT 'é'", "SELECT $$é$$", "SELECT $é$ a $é$", "SELECT 1 -- é",
                           "SELECT /* é */ 1", "SELECT E'\\'é'", "SELECT U&'é'", "SELECT \"a\" & \"u\""})
    EXPECT_FALSE(summary(text).wide_names) << text;
}

TEST(Prescan, Limits) {
  ScanLimits limits;
  limits.max_bytes = 20;
  EXPECT_EQ(scan("SELECT 1", limits), "ok");
  EXPECT_EQ(scan("SELECT 1234567890123456", limits), "54000");
  limits = {};
  limits.max_tokens = 4;
  EXPECT_EQ(scan("SELECT 1,2", limits), "ok");
  EXPECT_EQ(scan("SELECT 1,2,3", limits), "54000");
  limits = {};
  limits.max_nesting = 3;
  EXPECT_EQ(scan("SELECT (((1)))", limits), "ok");
  EXPECT_EQ(scan("SELECT ((((1))))", limits), "54001");
  EXPECT_EQ(scan("SELECT [[[[", limits), "54001");
  EXPECT_EQ(scan("SELECT " + repeat("(", 300'000)), "54001");
}

TEST(Prescan, OperatorsAreAsLongAsPostgresAllows) {
  EXPECT_EQ(scan("SELECT 1 " + std::string(63, '+') + " 1"), "ok");
  EXPECT_EQ(scan("SELECT 1 " + std::string(64, '+') + " 1"), "54000");
}

TEST(Prescan, CommentsNestSoDeep) {
  EXPECT_EQ(scan(repeat("/* ", 32) + repeat(" */", 32)), "ok");
  EXPECT_EQ(scan(repeat("/* ", 33) + repeat(" */", 33)), "54001");
}

// Text that costs PostgreSQL's scanner the square of its length.
TEST(Prescan, AdjoiningCommentsAreBounded) {
  EXPECT_EQ(scan("SELECT 1 " + repeat("/**/", 16'384)), "54001");
  EXPECT_EQ(scan("SELECT 1 " + repeat("+/**/", 16'384)), "54001");
  EXPECT_EQ(scan("SELECT 1 /* " + repeat("/**/", 16'384)), "54001");
  EXPECT_EQ(scan(repeat("/**/ ", 16'384)), "ok") << "apart they cost nothing";
  EXPECT_EQ(scan("/*" + std::string(10'000, '*') + "*/ SELECT 1"), "ok") << "a banner";
  EXPECT_EQ(scan(repeat("-- ----------------\n", 10'000)), "ok");
}

TEST(Prescan, OnlyUtf8WithoutNul) {
  EXPECT_EQ(scan("SELECT 'ü € 𝄞'"), "ok");
  EXPECT_EQ(scan("SELECT '\xf4\x8f\xbf\xbf'"), "ok");
  EXPECT_EQ(scan(std::string("SELECT 1\0 2", 11)), "22021");
  for (const char* bad : {"\x80", "\xbf", "\xc0\xaf", "\xc1\xbf", "\xc3", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xe2\x82",
                          "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xfe", "\xff", "\xc3("}) {
    EXPECT_EQ(scan(std::string("SELECT '") + bad + "'"), "22021") << bad;
    EXPECT_EQ(scan(std::string("-- ") + bad), "22021");
  }
}

TEST(Prescan, MessagesSayWhatAndWhere) {
  ScanLimits limits;
  limits.max_nesting = 1;
  const auto result = prescan("SELECT ((1))", limits);
  ASSERT_FALSE(result);
  const Error why = result.error();
  EXPECT_EQ(why.message(), "statement exceeds dbgate's limit on nesting (1) at byte 9");
}

}  // namespace
}  // namespace dbgate::sql
