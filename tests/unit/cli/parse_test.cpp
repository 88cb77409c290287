#include "cli/table/parse.h"

#include <gtest/gtest.h>

#include <set>

#include "cli/commands/commands.h"
#include "cli/problem.h"
#include "cli/table/topics.h"

namespace dbgate::cli {
namespace {

Call parsed(std::vector<std::string> words) {
  return parse_command_line(command_table(), std::move(words));
}

TEST(Parse, WordsOfACommandAreLeftAlone) {
  const Call call = parsed({"connect", "shop", "--port", "0", "--", "sh", "-c", "[ -f x ]", "--help", "--", "[a,b]"});
  EXPECT_EQ(call.verb->path, "connect");
  EXPECT_EQ(call.text("TARGET"), "shop");
  EXPECT_EQ(call.command, (std::vector<std::string>{"sh", "-c", "[ -f x ]", "--help", "--", "[a,b]"}));
}

TEST(Parse, NamesMayBeVerbsAndValuesMayLookLikeFlags) {
  EXPECT_EQ(parsed({"connect", "list"}).text("TARGET"), "list");
  EXPECT_EQ(parsed({"user", "show", "user"}).text("NAME"), "user");
  EXPECT_EQ(parsed({"exec", "shop", "-c", "-- a comment\nSELECT 1"}).text("command"), "-- a comment\nSELECT 1");
  EXPECT_EQ(parsed({"exec", "shop", "-c", "[1,2]"}).text("command"), "[1,2]");
  EXPECT_EQ(parsed({"check", "shop", "-"}).text("INPUT"), "-");
  EXPECT_EQ(parsed({"ls", "-ojson", "--label=a=b", "--label", "c=d"}).list("label"),
            (std::vector<std::string>{"a=b", "c=d"}));
}

TEST(Parse, FlagsOfEveryVerbStandAnywhere) {
  for (const auto& words : {std::vector<std::string>{"-o", "json", "user", "list"},
                            {"user", "-o", "json", "list"},
                            {"user", "list", "-o", "json"}})
    EXPECT_EQ(parsed(words).text("output"), "json");
}

TEST(Parse, NumbersAndDurations) {
  const Call call = parsed({"connect", "shop", "--port", "70000", "--ttl", "90m"});
  EXPECT_EQ(call.duration("ttl", std::chrono::seconds(0)), std::chrono::seconds(5400));
  EXPECT_THROW(call.number("port", -1, 0, 65535), Problem);
  for (const char* bad : {"", "x", "-1s", "0", "1w", "99999999999999999999", "1s1", "4000000000d"})
    EXPECT_THROW(parsed({"connect", "shop", "--ttl", bad}).duration("ttl", std::chrono::seconds(0)), Problem) << bad;
}

TEST(Parse, WhatIsWrongIsAUsageProblem) {
  for (const auto& words : {std::vector<std::string>{},
                            {"user"},
                            {"nothing"},
                            {"list", "x"},
                            {"connect"},
                            {"list", "--url"},
                            {"list", "-o", "xml"},
                            {"list", "--", "x"},
                            {"--bogus"}}) {
    try {
      parsed(words);
      FAIL() << (words.empty() ? "nothing" : words.front());
    } catch (const Problem& problem) {
      EXPECT_EQ(problem.exit, Exit::usage);
      EXPECT_FALSE(problem.hint.empty());
    }
  }
}

TEST(Table, EveryRowIsWhole) {
  std::set<std::string> paths;
  for (const Verb& verb : command_table().verbs) {
    EXPECT_TRUE(paths.insert(verb.path).second) << verb.path;
    EXPECT_NE(verb.run, nullptr) << verb.path;
    EXPECT_FALSE(verb.summary.empty()) << verb.path;
    EXPECT_NE(verb.summary.back(), '.') << verb.path;
    const std::size_t blank = verb.path.find(' ');
    if (blank != std::string::npos) EXPECT_NE(command_table().group(verb.path.substr(0, blank)), nullptr) << verb.path;
    for (const int status : verb.exits)
      EXPECT_FALSE(exit_meaning(status).empty()) << verb.path << " " << status;
    for (const Flag& flag : verb.flags) {
      EXPECT_FALSE(flag.help.empty()) << verb.path << " " << flag.names;
      EXPECT_EQ(flag.kind == Kind::none, flag.value.empty()) << verb.path << " " << flag.names;
      EXPECT_EQ(flag.kind == Kind::choice, !flag.choices.empty()) << verb.path << " " << flag.names;
    }
  }
}

}  // namespace
}  // namespace dbgate::cli
