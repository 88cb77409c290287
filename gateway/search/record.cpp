#include "gateway/search/record.h"

#include <charconv>
#include <chrono>
#include <cstring>

#include "gateway/base/clock.h"

namespace dbgate::search {
namespace {

constexpr std::size_t npos = std::string_view::npos;

// The quote that ends a string whose content begins at `at`.
std::size_t end_of_string(std::string_view text, std::size_t at) noexcept {
  for (std::size_t quote = text.find('"', at); quote != npos; quote = text.find('"', quote + 1)) {
    std::size_t before = quote;
    while (before > at && text[before - 1] == '\\')
      --before;
    if ((quote - before) % 2 == 0) return quote;
  }
  return npos;
}

// Behind the bracket that closes the one at `at`.
std::size_t end_of_nested(std::string_view text, std::size_t at) noexcept {
  for (std::size_t depth = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') {
      at = end_of_string(text, at + 1);
      if (at == npos) return npos;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      if (--depth == 0) return at + 1;
    }
  }
  return npos;
}

bool digits_at(std::string_view text, std::size_t at, std::size_t count, std::int64_t& number) noexcept {
  number = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (text[i] < '0' || text[i] > '9') return false;
    number = 10 * number + (text[i] - '0');
  }
  return true;
}

// Seconds since 1970 UTC of "2026-11-21T05:04:03"; -1 for what is no such time.
std::int64_t seconds_of(std::string_view calendar) noexcept {
  std::int64_t year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  const bool whole = digits_at(calendar, 0, 4, year) && digits_at(calendar, 5, 2, month) &&
                     digits_at(calendar, 8, 2, day) && digits_at(calendar, 11, 2, hour) &&
                     digits_at(calendar, 14, 2, minute) && digits_at(calendar, 17, 2, second);
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(year)),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!whole || !date.ok()) return -1;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return ((days * 24 + hour) * 60 + minute) * 60 + second;
}

/// Where a member goes that Record has a place for; by the length of its key, as most have none.
std::string_view Record::*place_of(std::string_view key) noexcept {
  switch (key.size()) {
    case 2:
      return key == "id" ? &Record::id : key == "ts" ? &Record::time : nullptr;
    case 5:
      return key == "event" ? &Record::event : key == "chain" ? &Record::chain : nullptr;
    case 6:
      return key == "target" ? &Record::target : nullptr;
    case 7:
      return key == "objects" ? &Record::objects : key == "outcome" ? &Record::outcome : nullptr;
    case 8:
      return key == "query_id" ? &Record::query : nullptr;
    case 9:
      return key == "user.name" ? &Record::user : nullptr;
    case 10:
      return key == "session_id" ? &Record::session : nullptr;
    case 13:
      return key == "db.query.text" ? &Record::text : nullptr;
    case 14:
      return key == "client.address" ? &Record::address : nullptr;
    case 15:
      return key == "decision.effect" ? &Record::effect : nullptr;
    case 16:
      return key == "decision.rule_id" ? &Record::rule : nullptr;
    case 17:
      return key == "db.operation.name" ? &Record::operation : nullptr;
    case 23:
      return key == "db.response.status_code" ? &Record::sqlstate : nullptr;
    default:
      return nullptr;
  }
}

// Nothing that searching needs stands behind these (audit/records.h).
bool is_behind(std::string_view key) noexcept {
  return key == "decision.reasons" || key == "db.response.returned_rows" || key == "prev_hash";
}

// Takes what Record has a place for. @return true
bool read_members(Members members, Record& record) noexcept {
  while (members.next()) {
    const std::string_view key = members.key();
    const std::string_view value = members.value();
    if (std::string_view Record::*const place = place_of(key); place != nullptr) {
      // Of a member that stands there twice, the first: a client's words cannot come before the log's own.
      if ((record.*place).empty()) record.*place = value;
    } else if (key == "seq") {
      std::from_chars(value.data(), value.data() + value.size(), record.sequence);
    } else if (is_behind(key)) {
      break;
    }
  }
  return true;
}

bool is_record(const Record& record) noexcept {
  return record.sequence > 0 && record.time.size() == time_bytes && !record.chain.empty() && !record.event.empty();
}

constexpr std::string_view session_member = ",\"session_id\":\"ses_";
constexpr std::string_view sequence_member = ",\"seq\":";

bool take(std::string_view line, std::size_t& at, std::string_view expected) noexcept {
  if (!line.substr(at).starts_with(expected)) return false;
  at += expected.size();
  return true;
}

// Takes so many bytes, or what stands before the next quote. What is no plain text is left to Members.
bool take_text(std::string_view line, std::size_t& at, std::size_t bytes, std::string_view& text) noexcept {
  text = line.substr(at, bytes == npos ? line.find('"', at) - at : bytes);
  at += text.size();
  return at < line.size() && text.find('\\') == npos;
}

// The members that every record begins with, as audit/chain.cpp writes them. @return behind `event`; 0: they are not
// there in this form
std::size_t read_head(std::string_view line, Record& record) noexcept {
  std::size_t at = 0;
  const bool whole = take(line, at, "{\"v\":1,\"chain\":\"") && take_text(line, at, npos, record.chain) &&
                     take(line, at, "\",\"event\":\"") && take_text(line, at, npos, record.event);
  return whole ? at + 1 : 0;
}

// Where a record stands in its chain and when it was written. @return behind that; 0: it is not there in this form
std::size_t read_place(std::string_view line, std::size_t at, Record& record) noexcept {
  constexpr std::size_t id_bytes = 30;
  if (!take(line, at, sequence_member)) return 0;
  const auto number = std::from_chars(line.data() + at, line.data() + line.size(), record.sequence);
  at = static_cast<std::size_t>(number.ptr - line.data());
  const bool whole = take(line, at, ",\"id\":\"") && take_text(line, at, id_bytes, record.id) &&
                     take(line, at, "\",\"ts\":\"") && take_text(line, at, time_bytes, record.time) &&
                     take(line, at, "\"") && record.id.find('"') == npos && record.time.find('"') == npos;
  return whole ? at : 0;
}

}  // namespace

bool Members::next() noexcept {
  if (at_ + 1 >= line_.size() || line_[at_] != (at_ == 0 ? '{' : ',') || line_[at_ + 1] != '"') return false;
  const std::size_t start = at_ + 2;
  const std::size_t end = line_.find('"', start);
  if (end == npos || end + 2 >= line_.size() || line_[end + 1] != ':') return false;
  key_ = line_.substr(start, end - start);
  at_ = end + 2;
  return skip_value();
}

bool Members::skip_value() noexcept {
  const std::size_t start = at_;
  const char first = line_[start];
  if (first == '"') {
    const std::size_t end = end_of_string(line_, start + 1);
    if (end == npos) return false;
    value_ = line_.substr(start + 1, end - start - 1);
    at_ = end + 1;
    return true;
  }
  at_ = first == '[' || first == '{' ? end_of_nested(line_, start) : line_.find_first_of(",}", start);
  if (at_ == npos) {
    at_ = line_.size();
    return false;
  }
  value_ = line_.substr(start, at_ - start);
  return true;
}

bool read_record(std::string_view line, Record& record) noexcept {
  record = Record();
  record.line = line;
  return read_members(Members(line), record) && is_record(record);
}

// Two kinds of records of a session, decisions and outcomes, have two places.
RecordReader::Known& RecordReader::place_for(std::string_view line, std::size_t head, std::string_view event) noexcept {
  constexpr std::size_t id_end = session_member.size() + 26;
  std::uint64_t digits = 0;
  if (line.size() > head + id_end) std::memcpy(&digits, line.data() + head + id_end - sizeof digits, sizeof digits);
  return known_[(digits * 0x9e3779b97f4a7c15 >> 55 ^ event.size()) % known_.size()];
}

void RecordReader::keep(std::string_view members, const Record& record, Known& known) {
  known.event = record.event;
  known.members = members;
  known.number = ++last_number_;
  known.record = Record();
  for (const auto place : {&Record::session, &Record::user, &Record::target, &Record::address}) {
    const std::string_view value = record.*place;
    if (value.empty()) continue;
    const auto at = static_cast<std::size_t>(value.data() - members.data());
    if (at < members.size()) {
      known.record.*place = std::string_view(known.members).substr(at, value.size());
    } else {
      known.event.clear();  // it stands elsewhere: dbgate has not written that
    }
  }
}

// By members alone; what stands between event and place is kept for the next record of its kind.
bool RecordReader::read_anew(std::string_view line, std::size_t head, Known& known, Record& record) {
  const bool fine = read_record(line, record);
  const std::size_t at = line.find(sequence_member, head);
  if (!fine || at == npos) return fine;
  // What a client has written may look like a member, so that `at` is in the middle of a text.
  Members members(line, head);
  while (members.position() < at && members.next()) {
  }
  if (members.position() == at) keep(line.substr(head, at - head), record, known);
  return true;
}

bool RecordReader::read(std::string_view line, Record& record) {
  record = Record();
  record.line = line;
  const std::size_t head = read_head(line, record);
  if (head == 0 || !line.substr(head).starts_with(session_member)) return read_record(line, record);
  Known& known = place_for(line, head, record.event);
  const bool same = known.event == record.event && line.substr(head).starts_with(known.members);
  const std::size_t at = same ? read_place(line, head + known.members.size(), record) : 0;
  if (at == 0) return read_anew(line, head, known, record);
  record.session = known.record.session;
  record.user = known.record.user;
  record.target = known.record.target;
  record.address = known.record.address;
  record.origin = known.number;
  return read_members(Members(line, at), record) && is_record(record);
}

std::int64_t parse_log_time(std::string_view text) noexcept {
  constexpr std::size_t calendar_bytes = 19;
  std::int64_t fraction = 0;
  if (text.size() != time_bytes || !digits_at(text, calendar_bytes + 1, 6, fraction)) return 0;
  const std::int64_t seconds = seconds_of(text);
  return seconds < 0 ? 0 : seconds * 1'000'000 + fraction;
}

std::int64_t Record::time_us() const noexcept {
  return parse_log_time(time);
}

bool take_line(std::string_view& text, std::string_view& line) noexcept {
  const std::size_t end = text.find('\n');
  line = text.substr(0, end);
  text = end == npos ? std::string_view() : text.substr(end + 1);
  return end != npos;
}

bool Elements::next(std::string_view& element) noexcept {
  if (rest_.size() < 2 || rest_[1] != '"') return false;
  const std::size_t end = end_of_string(rest_, 2);
  if (end == npos) return false;
  element = rest_.substr(2, end - 2);
  rest_ = rest_.substr(end + 1);
  return true;
}

}  // namespace dbgate::search
