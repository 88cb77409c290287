#include "config/limits.h"

#include <algorithm>
#include <charconv>

#include "config/reader.h"

namespace dbgate::config {
namespace {

constexpr std::size_t most_rows = 1'000'000'000'000;
constexpr std::size_t most_at_once = 1'000'000;
constexpr std::size_t most_per_unit = 1'000'000;

// "50/s" and the like. False if it is none.
bool parse_rate(std::string_view text, Rate& rate) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || slash == 0 || text[0] == '0') return false;
  const char* const end = text.data() + slash;
  const auto parsed = std::from_chars(text.data(), end, rate.count);
  if (parsed.ec != std::errc() || parsed.ptr != end || rate.count > most_per_unit) return false;
  const std::string_view unit = text.substr(slash + 1);
  if (unit == "s") rate.per = std::chrono::seconds(1);
  if (unit == "m") rate.per = std::chrono::minutes(1);
  if (unit == "h") rate.per = std::chrono::hours(1);
  return unit == "s" || unit == "m" || unit == "h";
}

// Zero reads as "nothing at all" to one and as "no limit" to another: it is not a value.
template <class Number>
void not_zero(const Value& value, Number number, bool had_errors) {
  if (!value.present() || had_errors || number != Number{}) return;
  value.error("must be more than 0; leave it out for no limit");
}

}  // namespace

void read_traffic_limits(const Value& value, TrafficLimits& limits) {
  value.expect_keys(
      {"rows", "bytes", "statement_timeout", "idle_in_transaction", "concurrent", "rate", "statement_bytes"});
  const auto read = [&value](const char* key, auto& target, auto how) {
    const Value one = value[key];
    const std::size_t before = one.problems();
    how(one, target);
    not_zero(one, target, one.problems() != before);
  };
  const auto rows = [](const Value& v, std::size_t& target) { v.read_count(target, most_rows); };
  const auto count = [](const Value& v, std::size_t& target) { v.read_count(target, most_at_once); };
  const auto size = [](const Value& v, std::size_t& target) { v.read_bytes(target); };
  const auto time = [](const Value& v, Milliseconds& target) { v.read(target); };
  read("rows", limits.rows, rows);
  read("bytes", limits.bytes, size);
  read("statement_timeout", limits.statement_timeout, time);
  read("idle_in_transaction", limits.idle_in_transaction, time);
  read("concurrent", limits.concurrent, count);
  read("statement_bytes", limits.statement_bytes, size);
  const Value rate = value["rate"];
  std::string text;
  const std::size_t before = rate.problems();
  rate.read(text);
  if (rate.present() && rate.problems() == before && !parse_rate(text, limits.rate)) {
    limits.rate = {};
    rate.error("\"" + text + "\" is not a rate; write 50/s, 1000/m or 20000/h");
  }
}

}  // namespace dbgate::config
