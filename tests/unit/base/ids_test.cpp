#include "gateway/base/ids.h"

#include <gtest/gtest.h>

#include <set>

#include "gateway/base/clock.h"

namespace dbgate {
namespace {

constexpr std::string_view digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

std::int64_t milliseconds_of(std::string_view id) {
  std::int64_t value = 0;
  for (const char c : id.substr(4, 10))
    value = value << 5 | static_cast<std::int64_t>(digits.find(c));
  return value;
}

TEST(Ids, HoldTheTimeAndAreUnique) {
  std::set<std::string> seen;
  const std::int64_t before = wall_clock_us() / 1000;
  for (int i = 0; i < 10'000; ++i) {
    const std::string id = i % 2 == 0 ? make_id("qry_") : std::string(Id::make("qry_"));
    ASSERT_EQ(id.size(), 30u);
    ASSERT_TRUE(id.starts_with("qry_"));
    ASSERT_EQ(id.find_first_not_of(digits, 4), std::string::npos) << id;
    ASSERT_GE(milliseconds_of(id), before);
    ASSERT_LE(milliseconds_of(id), wall_clock_us() / 1000);
    ASSERT_TRUE(seen.insert(id).second);
  }
}

TEST(Ids, TellWhenTheyWereMade) {
  const std::int64_t before = wall_clock_us();
  const std::int64_t made = time_of_id(make_id("ses_"));
  EXPECT_GE(made, before - 1000);
  EXPECT_LE(made, wall_clock_us());
  for (const char* text : {"", "ses_", "ses_01JD3K7V9Q", "ses_UUUUUUUUUUUUUUUUUUUUUUUUUU"})
    EXPECT_EQ(time_of_id(text), 0) << text;
}

TEST(Ids, AreKeptInPlace) {
  Id id;
  EXPECT_TRUE(id.empty());
  EXPECT_EQ(id.view(), "");
  id = Id("q1");
  EXPECT_EQ(id.view(), "q1");
  id.clear();
  EXPECT_TRUE(id.empty());
  EXPECT_EQ(Id(std::string(40, 'x')).view(), std::string(Id::most_bytes, 'x'));
  EXPECT_EQ(Id::make("much_too_long").view().size(), Id::most_bytes);
}

TEST(FormatTime, IsRfc3339) {
  EXPECT_EQ(format_time(0), "1970-01-01T00:00:00.000000Z");
  EXPECT_EQ(format_time(1'795'237'443'000'002), "2026-11-21T05:04:03.000002Z");
  EXPECT_EQ(format_time(1'795'237'443'999'999), "2026-11-21T05:04:03.999999Z");
  EXPECT_EQ(format_time(1'795'237'444'120'000), "2026-11-21T05:04:04.120000Z");
  EXPECT_EQ(format_time(951'782'400'000'000), "2000-02-29T00:00:00.000000Z");
}

}  // namespace
}  // namespace dbgate
