#include "config/time_zone.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <iterator>

#include "config/window.h"

namespace dbgate::config {
namespace {

std::string system_zone(const std::string& name) {
  std::ifstream file("/usr/share/zoneinfo/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::int64_t utc(int year, unsigned month, unsigned day, int hour = 0, int minute = 0, int second = 0) {
  using namespace std::chrono;
  const sys_days date = std::chrono::year(year) / std::chrono::month(month) / std::chrono::day(day);
  return sys_seconds(date).time_since_epoch().count() + hour * 3600 + minute * 60 + second;
}

std::string big_endian(std::uint64_t value, unsigned bytes) {
  std::string text;
  for (unsigned i = bytes; i-- > 0;)
    text += static_cast<char>(value >> (8 * i));
  return text;
}

/// A file of version 2 without transitions: all is in its footer, as slim files have it.
std::string slim(const std::string& footer) {
  std::string header = "TZif2" + std::string(15, '\0');
  for (const unsigned count : {0u, 0u, 0u, 0u, 1u, 4u})
    header += big_endian(count, 4);
  const std::string block = big_endian(0, 4) + std::string(2, '\0') + std::string("ABC\0", 4);
  return header + block + header + block + "\n" + footer + "\n";
}

TEST(TimeZone, KnowsSummerTime) {
  const auto zurich = TimeZone::parse(system_zone("Europe/Zurich"));
  ASSERT_TRUE(zurich);
  EXPECT_EQ(zurich->offset_at(utc(2026, 3, 29, 0, 59, 59)), 3600);
  EXPECT_EQ(zurich->offset_at(utc(2026, 3, 29, 1)), 7200);
  EXPECT_EQ(zurich->offset_at(utc(2026, 10, 25, 0, 59, 59)), 7200);
  EXPECT_EQ(zurich->offset_at(utc(2026, 10, 25, 1)), 3600);
  EXPECT_EQ(zurich->offset_at(utc(1970, 7, 1)), 3600);
  EXPECT_EQ(zurich->offset_at(utc(2150, 7, 1)), 7200);
  EXPECT_EQ(zurich->offset_at(utc(2150, 1, 1)), 3600);
}

TEST(TimeZone, KnowsTheSouthAndOddOffsets) {
  const auto sydney = TimeZone::parse(system_zone("Australia/Sydney"));
  ASSERT_TRUE(sydney);
  EXPECT_EQ(sydney->offset_at(utc(2026, 1, 1)), 11 * 3600);
  EXPECT_EQ(sydney->offset_at(utc(2026, 7, 1)), 10 * 3600);
  EXPECT_EQ(sydney->offset_at(utc(2120, 1, 1)), 11 * 3600);
  const auto kathmandu = TimeZone::parse(system_zone("Asia/Kathmandu"));
  ASSERT_TRUE(kathmandu);
  EXPECT_EQ(kathmandu->offset_at(utc(2026, 1, 1)), 5 * 3600 + 45 * 60);
}

TEST(TimeZone, ReadsFooters) {
  const auto rule = [](const std::string& footer) { return TimeZone::parse(slim(footer)); };
  EXPECT_EQ(rule("<+03>-3")->offset_at(0), 3 * 3600);
  EXPECT_EQ(rule("CET-1CEST,M3.5.0,M10.5.0/3")->offset_at(utc(2026, 3, 29, 1)), 7200);
  EXPECT_EQ(rule("EST5EDT,M3.2.0,M11.1.0")->offset_at(utc(2026, 3, 8, 7)), -4 * 3600);
  EXPECT_EQ(rule("EST5EDT,M3.2.0,M11.1.0")->offset_at(utc(2026, 3, 8, 6, 59, 59)), -5 * 3600);
  EXPECT_EQ(rule("<-02>2<-01>,M3.5.0/-1,M10.5.0/0")->offset_at(utc(2026, 6, 1)), -3600);
  EXPECT_EQ(rule("AAA0BBB,J60/0,J365/0")->offset_at(utc(2024, 3, 1)), 3600);
  EXPECT_EQ(rule("AAA0BBB,J60/0,J365/0")->offset_at(utc(2024, 2, 29, 23)), 0);
  EXPECT_EQ(rule("AAA0BBB,59/0,364/0")->offset_at(utc(2024, 2, 29)), 3600);
  EXPECT_EQ(rule("")->offset_at(INT64_MAX), 0);
  for (const std::int64_t furthest : {INT64_MIN, INT64_MAX})
    EXPECT_GE(rule("CET-1CEST,M3.5.0,M10.5.0/3")->offset_at(furthest), 3600);
}

TEST(TimeZone, RefusesWhatIsNone) {
  for (const char* footer : {"X", "CET", "CET-1CEST", "CET-1CEST,M13.5.0,M10.5.0", "CET-1CEST,M3.5.0", "CET-1,x",
                             "CET-1CEST,M3.0.0,M10.5.0", "<+3-3", "CET-1CEST,J0,J1", "CET-999"}) {
    EXPECT_FALSE(TimeZone::parse(slim(footer))) << footer;
  }
  const std::string whole = system_zone("Europe/Zurich");
  for (std::size_t length = 0; length < whole.size() - 30; length += 7)
    EXPECT_FALSE(TimeZone::parse(std::string_view(whole).substr(0, length))) << length;
  EXPECT_FALSE(TimeZone::parse(std::string(100, 'x')));
}

TEST(Window, IsOpenOnItsDays) {
  Window window;
  window.days = 0b0000011;  // Monday, Tuesday
  window.from = 8 * 60;
  window.to = 18 * 60;
  EXPECT_TRUE(window.open_at(utc(2026, 11, 23, 8)));  // a Monday
  EXPECT_FALSE(window.open_at(utc(2026, 11, 23, 7, 59, 59)));
  EXPECT_TRUE(window.open_at(utc(2026, 11, 24, 17, 59, 59)));
  EXPECT_FALSE(window.open_at(utc(2026, 11, 24, 18)));
  EXPECT_FALSE(window.open_at(utc(2026, 11, 25, 12)));
  EXPECT_TRUE(window.open_at(utc(1969, 12, 30, 12)));  // a Tuesday before 1970
  EXPECT_FALSE(window.open_at(utc(1969, 12, 31, 12)));
}

TEST(Window, GoesOverMidnight) {
  Window window;
  window.days = 0b0010000;  // Friday
  window.from = 22 * 60;
  window.to = 6 * 60;
  EXPECT_TRUE(window.open_at(utc(2026, 11, 27, 22)));  // a Friday
  EXPECT_TRUE(window.open_at(utc(2026, 11, 28, 5, 59)));
  EXPECT_FALSE(window.open_at(utc(2026, 11, 28, 6)));
  EXPECT_FALSE(window.open_at(utc(2026, 11, 28, 22)));
  EXPECT_FALSE(window.open_at(utc(2026, 11, 27, 5)));
}

TEST(Window, IsLocal) {
  Window window;
  window.from = 8 * 60;
  window.to = 18 * 60;
  window.zone = std::make_shared<const TimeZone>(*TimeZone::parse(system_zone("Europe/Zurich")));
  EXPECT_TRUE(window.open_at(utc(2026, 7, 1, 6)));
  EXPECT_FALSE(window.open_at(utc(2026, 7, 1, 5, 59)));
  EXPECT_FALSE(window.open_at(utc(2026, 12, 1, 6)));
  EXPECT_TRUE(window.open_at(utc(2026, 12, 1, 7)));
}

}  // namespace
}  // namespace dbgate::config
