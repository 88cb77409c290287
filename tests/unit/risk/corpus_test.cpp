#include <gtest/gtest.h>

#include <fstream>

#include "tests/unit/risk/shop.h"

namespace dbgate::risk {
namespace {

// A line of client_corpus.txt: newlines and backslashes are escaped.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      plain += text[i];
      continue;
    }
    const char next = text[++i];
    plain += next == 'n' ? '\n' : next == 't' ? '\t' : next == 'r' ? '\r' : next;
  }
  return plain;
}

// What drivers, mappers and tools send by themselves, and what programs of the tests do with them all day: nobody is
// held up by that. A line that begins with "!" is one that somebody should look at, and is rated so.
TEST(Corpus, WhatClientsSendIsNotRatedHigh) {
  const Shop shop;
  std::ifstream file(DBGATE_TESTS "/unit/risk/client_corpus.txt");
  std::size_t statements = 0, severe = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    const bool marked = line.starts_with('!');
    const std::size_t tab = line.find('\t');
    ASSERT_NE(tab, std::string::npos) << line;
    const std::string sql = unescaped(std::string_view(line).substr(tab + 1));
    ++statements;
    severe += marked ? 1 : 0;
    for (const Caller caller : {Caller::person, Caller::service}) {
      const Assessment assessment = shop.of(sql, caller);
      const bool high = assessment.level >= Level::high;
      if (!marked) EXPECT_FALSE(high) << line.substr(0, tab) << ": " << shop.said(sql, caller) << "\n" << sql;
      if (marked && caller == Caller::service) EXPECT_TRUE(high) << "no need for a mark: " << sql;
    }
  }
  EXPECT_GT(statements, 500u);
  std::cout << statements << " statements of clients, " << severe << " of them marked\n";
}

// What tools send when they look around, in the corpus of the tests of policies.
TEST(Corpus, NeitherIsLookingAround) {
  const Shop shop;
  std::ifstream file(DBGATE_TESTS "/integration/benign/tools.sql");
  std::size_t statements = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    ++statements;
    for (const Caller caller : {Caller::person, Caller::service})
      EXPECT_LT(shop.of(line, caller).level, Level::high) << shop.said(line, caller) << "\n" << line;
  }
  EXPECT_GT(statements, 100u);
}

}  // namespace
}  // namespace dbgate::risk
