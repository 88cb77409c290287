#include "config/window.h"

#include <array>
#include <fstream>
#include <sstream>

#include "config/reader.h"

namespace dbgate::config {
namespace {

constexpr std::array<std::string_view, 7> day_names = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

std::int64_t floor_div(std::int64_t number, std::int64_t by) {
  return number / by - (number % by < 0 ? 1 : 0);
}

void read_days(const Value& value, Window& window) {
  if (!value.present()) return;
  window.days = 0;
  value.each([&window](const Value& element) {
    std::size_t index = day_names.size();
    element.read_word({"mon", "tue", "wed", "thu", "fri", "sat", "sun"}, index);
    if (index < day_names.size()) window.days = static_cast<std::uint8_t>(window.days | 1u << index);
  });
  if (value.is_list() && window.days == 0) value.error("names no day");
}

// "08:30"; "24:00" is the end of the day.
void read_minute(const Value& value, int& minute) {
  std::string text;
  value.read(text);
  if (text.empty()) return;
  const auto digit = [&text](std::size_t at) { return text[at] >= '0' && text[at] <= '9' ? text[at] - '0' : 100; };
  const bool form = text.size() == 5 && text[2] == ':';
  const int hours = form ? digit(0) * 10 + digit(1) : 100;
  const int minutes = form ? digit(3) * 10 + digit(4) : 100;
  if (hours > 24 || minutes > 59 || (hours == 24 && minutes > 0)) {
    return value.error("\"" + text + "\" is not a time of day; write \"08:30\", in quotes");
  }
  minute = hours * 60 + minutes;
}

bool is_zone_name(const std::string& name) {
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/";
  return !name.empty() && name.front() != '/' && name.find_first_not_of(letters) == std::string::npos;
}

void read_zone(const Value& value, Window& window) {
  std::string name;
  value.read(name);
  if (name.empty() || name == "UTC") return;
  constexpr const char* database = "/usr/share/zoneinfo/";
  std::ifstream file(is_zone_name(name) ? database + name : std::string(), std::ios::binary);
  std::stringstream bytes;  // reads nothing from a directory, where an iterator would throw
  bytes << file.rdbuf();
  auto zone = TimeZone::parse(bytes.str());
  if (!zone) {
    return value.error("there is no time zone \"" + name + "\" in " + database +
                       "; write one such as Europe/Zurich or UTC (package tzdata)");
  }
  window.zone = std::make_shared<const TimeZone>(std::move(*zone));
}

}  // namespace

bool Window::open_at(std::int64_t utc_seconds) const {
  const std::int64_t local = utc_seconds + (zone ? zone->offset_at(utc_seconds) : 0);
  const std::int64_t day = floor_div(local, 86'400);
  const auto minute = static_cast<int>((local - day * 86'400) / 60);
  // Day 0 was a Thursday.
  const auto on = [this](std::int64_t number) {
    return (days >> (number + 3 - floor_div(number + 3, 7) * 7) & 1) != 0;
  };
  if (from < to) return on(day) && minute >= from && minute < to;
  return (on(day) && minute >= from) || (on(day - 1) && minute < to);
}

void read_window(const Value& value, std::optional<Window>& window) {
  if (!value.present()) return;
  value.expect_keys({"days", "from", "to", "timezone"});
  window.emplace();
  read_days(value["days"], *window);
  read_minute(value["from"], window->from);
  read_minute(value["to"], window->to);
  read_zone(value["timezone"], *window);
  if (window->from == 24 * 60) value["from"].error("a window cannot begin at 24:00; write \"00:00\"");
}

}  // namespace dbgate::config
