#include "gateway/search/matcher.h"

#include <algorithm>
#include <boost/json.hpp>
#include <limits>

#include "gateway/audit/json.h"
#include "gateway/base/ids.h"
#include "gateway/search/terms.h"

namespace dbgate::search {
namespace {

using ports::AuditField;

constexpr std::int64_t id_grain_us = 1000;

std::string escaped(std::string_view text) {
  std::string quoted;
  audit::append_json_string(quoted, text);
  return quoted.substr(1, quoted.size() - 2);
}

// The text of a JSON string, as Members has it.
std::string unescaped(std::string_view value) {
  boost::system::error_code failed;
  const auto parsed = boost::json::parse("\"" + std::string(value) + "\"", failed);
  return !failed && parsed.is_string() ? std::string(parsed.as_string()) : std::string();
}

std::string_view value_of(const Record& record, AuditField field) {
  switch (field) {
    case AuditField::user:
      return record.user;
    case AuditField::target:
      return record.target;
    case AuditField::session:
      return record.session;
    case AuditField::address:
      return record.address;
    case AuditField::event:
      return record.event;
    case AuditField::effect:
      return record.effect;
    case AuditField::rule:
      return record.rule;
    case AuditField::outcome:
      return record.outcome;
    case AuditField::sqlstate:
      return record.sqlstate;
    case AuditField::query:
      return record.query;
    case AuditField::id:
      return record.id;
    case AuditField::object:
    case AuditField::operation:
      break;
  }
  return {};
}

bool has_object(std::string_view list, std::string_view wanted) {
  Elements objects(list);
  for (std::string_view object; objects.next(object);) {
    if (object == wanted || without_schema(object) == wanted) return true;
  }
  return false;
}

bool has_operation(std::string_view rest, std::string_view wanted) {
  while (!rest.empty()) {
    const std::size_t end = rest.find("; ");
    if (rest.substr(0, end) == wanted) return true;
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 2);
  }
  return false;
}

// How few lines a value may be expected in: the first of these is looked for.
constexpr std::array<AuditField, 6> by_rarity{AuditField::id,      AuditField::query, AuditField::session,
                                              AuditField::address, AuditField::user,  AuditField::target};

}  // namespace

bool has_value(const Record& record, AuditField field, std::string_view value) {
  if (field == AuditField::object) return has_object(record.objects, value);
  if (field == AuditField::operation) return has_operation(record.operation, value);
  return value_of(record, field) == value;
}

Matcher::Matcher(const ports::AuditFilter& filter)
    : text_(filter.text),
      escaped_text_(escaped(filter.text)),
      since_us_(filter.since_us.value_or(0)),
      until_us_(filter.until_us.value_or(std::numeric_limits<std::int64_t>::max())) {
  for (const auto& [field, value] : filter.is) {
    wanted_.emplace_back(field, escaped(value));
    if (field == AuditField::id) {
      const std::int64_t made = time_of_id(value);
      since_us_ = std::max(since_us_, made);
      until_us_ = std::min(until_us_, made + id_grain_us);
    } else if (field == AuditField::query) {
      decided_us_ = std::max<std::int64_t>(time_of_id(value), 1);
      since_us_ = std::max(since_us_, decided_us_);
    }
  }
  for (const AuditField field : by_rarity) {
    if (!needle_.empty()) break;
    for (const auto& [wanted, value] : wanted_)
      if (wanted == field) needle_ = '"' + value + '"';
  }
  if (needle_.empty() && !text_.empty()) needle_ = escaped_text_;
}

bool Matcher::matches(const Record& record) const {
  for (const auto& [field, value] : wanted_)
    if (!has_value(record, field, value)) return false;
  if (text_.empty()) return true;
  // In the line "\n" and "n" look alike.
  return record.text.find(escaped_text_) != std::string_view::npos &&
         unescaped(record.text).find(text_) != std::string::npos;
}

std::vector<Term> Matcher::terms(const HashKey& key) const {
  std::vector<Term> terms;
  const auto in_pairs = [&key](AuditField field, const std::string& value) {
    return term_of(key, field, field == AuditField::object ? without_schema(value) : value);
  };
  for (std::size_t i = 0; i < wanted_.size(); ++i) {
    const auto& [field, value] = wanted_[i];
    if (!is_indexed(field)) continue;
    terms.push_back(term_of(key, field, value));
    for (std::size_t j = i + 1; j < wanted_.size(); ++j) {
      const auto& [other, other_value] = wanted_[j];
      if (is_paired(field, value, other, other_value))
        terms.push_back(pair_of(field, in_pairs(field, value), other, in_pairs(other, other_value)));
    }
  }
  return terms;
}

bool Matcher::may_be_decided_in(const ports::LogBlock& block) const {
  return decided_us_ == 0 || (block.first_us <= decided_us_ + decided_within_us && block.last_us >= decided_us_);
}

Term Matcher::query_term(const HashKey& key) const {
  for (const auto& [field, value] : wanted_)
    if (field == AuditField::query) return term_of(key, field, value);
  return 0;
}

}  // namespace dbgate::search
