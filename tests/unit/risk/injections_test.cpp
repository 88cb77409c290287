#include <gtest/gtest.h>

#include "tests/support/injection_places.h"
#include "tests/unit/risk/shop.h"

namespace dbgate::risk {
namespace {

constexpr Caller callers[] = {Caller::person, Caller::agent};

// What stands in comments, names and values can make a rating higher, and never lower; what stands in values does
// neither: a text that says DROP TABLE is a text.
TEST(Injections, TextNobodyRunsLowersNoRating) {
  const Shop shop;
  const std::vector<std::string> strings = tests::injection_strings(DBGATE_TESTS);
  ASSERT_GE(strings.size(), 300u);
  for (const tests::Place& place : tests::injection_places()) {
    for (const Caller caller : callers) {
      const Assessment plain = shop.of(place.without(), caller);
      for (const std::string& text : strings) {
        const Assessment tried = shop.of(place.with(text), caller);
        ASSERT_GE(tried.level, plain.level) << place.with(text);
        ASSERT_GE(tried.score, plain.score) << place.with(text);
        if (!place.is_value) continue;
        ASSERT_EQ(tried.level, plain.level) << place.with(text) << ": " << shop.said(place.with(text), caller);
        ASSERT_EQ(tried.score, plain.score) << place.with(text);
      }
    }
  }
}

// The same where many of them come together.
TEST(Injections, SeveralAtOnceNeither) {
  const Shop shop;
  const std::vector<std::string> strings = tests::injection_strings(DBGATE_TESTS);
  const auto all_of = [](const std::string& comment, const std::string& name, const std::string& value) {
    return tests::in_comment(comment) + " DELETE " + tests::in_comment(value) + " FROM orders AS " +
           tests::in_identifier(name) + " WHERE 1 = 1 AND " + tests::in_literal(value) + " IS NOT NULL " +
           tests::in_comment(name);
  };
  const Assessment plain = shop.of(all_of("a", "a", "a"));
  ASSERT_EQ(plain.level, Level::critical);
  for (std::size_t i = 0; i + 2 < strings.size(); ++i) {
    const std::string text = all_of(strings[i], strings[i + 1], strings[i + 2]);
    ASSERT_GE(shop.of(text).level, plain.level) << text;
  }
}

}  // namespace
}  // namespace dbgate::risk
