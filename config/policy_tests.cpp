#include <chrono>
#include <cstdio>

#include "config/reader.h"

namespace dbgate::config {
namespace {

// "2026-11-23T08:00:00Z"
void read_time(const Value& value, std::optional<std::int64_t>& target) {
  using namespace std::chrono;
  std::string text;
  value.read(text);
  if (text.empty()) return;
  int year = 0;
  unsigned month = 0, day = 0, hour = 0, minute = 0, second = 0;
  int length = 0;
  const int read =
      std::sscanf(text.c_str(), "%4d-%2u-%2uT%2u:%2u:%2uZ%n", &year, &month, &day, &hour, &minute, &second, &length);
  const year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  const bool whole = read == 6 && static_cast<std::size_t>(length) == text.size();
  if (!whole || text.size() != 20 || !date.ok() || hour > 23 || minute > 59 || second > 59) {
    return value.error("\"" + text + "\" is not a time; write 2026-11-23T08:00:00Z");
  }
  target = sys_seconds(sys_days(date)).time_since_epoch().count() + hour * 3600 + minute * 60 + second;
}

}  // namespace

void read_tests(const Value& list, std::vector<PolicyTest>& tests) {
  list.each([&tests](const Value& value) {
    value.expect_keys({"as", "on", "sql", "expect", "rule", "reason", "at"});
    PolicyTest test;
    test.line = value.line();
    value["as"].read(test.user);
    value["on"].read(test.target);
    value["sql"].read(test.sql);
    value["rule"].read(test.rule);
    value["reason"].read(test.reason);
    read_time(value["at"], test.at);
    for (const char* key : {"as", "on", "sql", "expect"}) {
      if (!value[key].present()) value.error(std::string("needs ") + key);
    }
    std::size_t expected = 0;
    value["expect"].read_word({"allow", "deny", "mask", "log_only", "hold"}, expected);
    test.expect = std::data({"allow", "deny", "mask", "log_only", "hold"})[expected];
    tests.push_back(std::move(test));
  });
}

}  // namespace dbgate::config
