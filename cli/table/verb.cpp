#include "cli/table/verb.h"

#include <algorithm>
#include <charconv>

#include "cli/problem.h"

namespace dbgate::cli {
namespace {

[[noreturn]] void refuse(const std::string& name, const std::string& text, const std::string& wanted) {
  const bool argument = std::isupper(static_cast<unsigned char>(name[0])) != 0;
  throw Problem{Exit::usage, (argument ? "" : "--") + name + ": \"" + text + "\" is not " + wanted, ""};
}

// False unless all of `text` is a number.
bool read_number(std::string_view text, std::int64_t& number) {
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failed == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

std::string Flag::name() const {
  const std::size_t at = names.rfind("--");
  return at == std::string::npos ? names.substr(1) : names.substr(at + 2);
}

Flag toggle(std::string names, std::string help) {
  return {std::move(names), Kind::none, "", std::move(help), ""};
}

Flag option(std::string names, Kind kind, std::string value, std::string help) {
  return {std::move(names), kind, std::move(value), std::move(help), ""};
}

Flag options(std::string names, Kind kind, std::string value, std::string help) {
  return {std::move(names), kind, std::move(value), std::move(help), "", true};
}

Flag choice(std::string names, std::string value, std::string choices, std::string help) {
  return {std::move(names), Kind::choice, std::move(value), std::move(help), std::move(choices)};
}

const Verb* Table::find(const std::string& path) const {
  const auto found = std::find_if(verbs.begin(), verbs.end(), [&path](const Verb& verb) {
    return verb.path == path || (!verb.alias.empty() && verb.alias == path);
  });
  return found == verbs.end() ? nullptr : &*found;
}

const Group* Table::group(const std::string& name) const {
  const auto found = std::find_if(groups.begin(), groups.end(), [&name](const Group& one) { return one.name == name; });
  return found == groups.end() ? nullptr : &*found;
}

std::string Call::text(const std::string& name, std::string otherwise) const {
  const auto found = values.find(name);
  return found == values.end() || found->second.empty() ? std::move(otherwise) : found->second.back();
}

std::int64_t Call::number(const std::string& name, std::int64_t otherwise, std::int64_t least,
                          std::int64_t most) const {
  if (!has(name)) return otherwise;
  const std::string given = text(name);
  std::int64_t value = 0;
  if (!read_number(given, value) || value < least || value > most) {
    refuse(name, given, "a number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return value;
}

std::chrono::seconds Call::duration(const std::string& name, std::chrono::seconds otherwise) const {
  if (!has(name)) return otherwise;
  const std::string given = text(name);
  constexpr std::int64_t most = 10L * 366 * 86400;
  std::string digits = given;
  std::int64_t unit = 1;
  if (!digits.empty()) {
    const std::string_view units = "smhd";
    constexpr std::int64_t seconds[] = {1, 60, 3600, 86400};
    const std::size_t at = units.find(digits.back());
    if (at != std::string_view::npos) {
      unit = seconds[at];
      digits.pop_back();
    }
  }
  std::int64_t count = 0;
  if (!read_number(digits, count) || count <= 0 || count > most / unit) {
    refuse(name, given, "a duration such as 90s, 15m, 8h or 30d");
  }
  return std::chrono::seconds(count * unit);
}

std::vector<std::string> Call::list(const std::string& name) const {
  const auto found = values.find(name);
  return found == values.end() ? std::vector<std::string>() : found->second;
}

}  // namespace dbgate::cli
