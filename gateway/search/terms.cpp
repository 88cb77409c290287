#include "gateway/search/terms.h"

#include <cstring>

#include "gateway/base/ids.h"

namespace dbgate::search {
namespace {

using ports::AuditField;

// Of one record, and of one block. What has more is found by reading it: nobody can make the index large.
constexpr std::size_t most_values = 256;
constexpr std::size_t most_terms = 16 * 1024;

constexpr unsigned bit(AuditField field) {
  return 1u << static_cast<unsigned>(field);
}
constexpr unsigned of_verdict = bit(AuditField::rule) | bit(AuditField::object) | bit(AuditField::operation);
constexpr unsigned of_statement = bit(AuditField::event) | bit(AuditField::effect) | of_verdict |
                                  bit(AuditField::outcome) | bit(AuditField::sqlstate);

// What each field is paired with, whatever the values.
constexpr unsigned partners(AuditField field) {
  switch (field) {
    case AuditField::user:
      return bit(AuditField::target) | of_statement;
    case AuditField::target:
      return of_statement;
    default:
      return 0;
  }
}

constexpr unsigned of_remarkable = bit(AuditField::session) | of_verdict;

// What is worth a look is rare, even in a session that lasts and does everything, as a pool's.
bool is_remarkable(AuditField field, std::string_view value) {
  return (field == AuditField::effect && value != "allow") || (field == AuditField::outcome && value != "ok");
}

// Ids are made right before the record, unless the thread had to wait. Most of the time one sees that by the first
// digits of both ids, which are of the time to 32 ms (base/ids.h).
bool is_late(const Record& record) {
  constexpr std::size_t prefix = 4, digits = 9;
  if (record.query.size() > prefix + digits && record.id.size() > prefix + digits &&
      record.query.substr(prefix, digits) == record.id.substr(prefix, digits))
    return false;
  return record.time_us() > time_of_id(record.query) + decided_within_us;
}

std::uint64_t mix(std::uint64_t left, std::uint64_t right) noexcept {
  std::uint64_t mixed = (left ^ (right << 23 | right >> 41)) * 0x9e3779b97f4a7c15;
  mixed ^= mixed >> 32;
  return mixed * 0xd6e8feb86659fd93;
}

// A number for a query's id, which dbgate makes: 80 random bits.
Term name_of(std::string_view query) noexcept {
  std::uint64_t words[2] = {0, 0};
  if (query.size() >= sizeof words) std::memcpy(words, query.data() + query.size() - sizeof words, sizeof words);
  return mix(words[0], words[1]);
}

}  // namespace

Term term_of(const HashKey& key, AuditField field, std::string_view value) noexcept {
  const auto number = static_cast<std::uint64_t>(field) + 1;
  return keyed_hash({key.first + number * 0x9e3779b97f4a7c15, key.second}, value);
}

Term pair_of(AuditField left, Term left_term, AuditField right, Term right_term) noexcept {
  return left < right ? mix(left_term, right_term) : mix(right_term, left_term);
}

bool is_paired(AuditField left, std::string_view left_value, AuditField right, std::string_view right_value) noexcept {
  return (partners(left) & bit(right)) != 0 || (partners(right) & bit(left)) != 0 ||
         (is_remarkable(left, left_value) && (of_remarkable & bit(right)) != 0) ||
         (is_remarkable(right, right_value) && (of_remarkable & bit(left)) != 0);
}

std::string_view without_schema(std::string_view object) noexcept {
  return object.substr(object.rfind('.') + 1);  // all of it where there is none: npos + 1 is 0
}

bool is_indexed(AuditField field) noexcept {
  return field != AuditField::query && field != AuditField::id;
}

void TermCollector::take(AuditField field, std::string_view value) {
  if (!value.empty()) values_.push_back({field, value, term_of(key_, field, value)});
}

void TermCollector::take_lists(const Record& record) {
  Elements objects(record.objects);
  for (std::string_view object; objects.next(object);) {
    const std::string_view name = without_schema(object);
    take(AuditField::object, name);
    if (name.size() < object.size()) terms_.insert(term_of(key_, AuditField::object, object));
    if (values_.size() > most_values) return;
  }
  for (std::string_view rest = record.operation; !rest.empty();) {
    const std::size_t end = rest.find("; ");
    take(AuditField::operation, rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 2);
    if (values_.size() > most_values) return;
  }
}

// Where an outcome is in another block than its decision, it cannot be found by the time in its query's id.
void TermCollector::add_query(const Record& record) {
  if (record.query.empty()) return;
  const Term name = name_of(record.query);
  const bool decided = record.event == "statement.decided";
  const bool fresh = decided_.insert(name);
  if (decided ? is_late(record) : fresh) terms_.insert(term_of(key_, AuditField::query, record.query));
}

void TermCollector::add_values(const Record& record) {
  values_.clear();
  take(AuditField::user, record.user);
  take(AuditField::target, record.target);
  take(AuditField::session, record.session);
  take(AuditField::address, record.address);
  take(AuditField::event, record.event);
  take(AuditField::effect, record.effect);
  take(AuditField::rule, record.rule);
  take(AuditField::outcome, record.outcome);
  take(AuditField::sqlstate, record.sqlstate);
  take_lists(record);
  if (values_.size() > most_values) {
    too_many_ = true;
    return;
  }
  for (std::size_t i = 0; i < values_.size(); ++i) {
    const Value& left = values_[i];
    terms_.insert(left.term);
    for (std::size_t j = i + 1; j < values_.size(); ++j) {
      const Value& right = values_[j];
      if (is_paired(left.field, left.value, right.field, right.value))
        terms_.insert(pair_of(left.field, left.term, right.field, right.term));
    }
  }
  too_many_ = terms_.size() > most_terms;
}

// The same for records with the same values. Nobody without the key finds others that have it too, which would hide
// them.
Term TermCollector::signature_of(const Record& record) const noexcept {
  const char* begin = nullptr;
  const char* end = nullptr;
  for (const std::string_view value : {record.objects, record.effect, record.rule, record.outcome, record.sqlstate}) {
    if (value.empty()) continue;
    if (begin == nullptr || value.data() < begin) begin = value.data();
    if (value.data() + value.size() > end) end = value.data() + value.size();
  }
  const std::string_view all(begin, static_cast<std::size_t>(end - begin));
  return mix(mix(keyed_hash(key_, all), keyed_hash(key_, record.operation)), record.origin);
}

void TermCollector::add(const Record& record) {
  if (too_many_) return;
  add_query(record);
  if (record.origin == 0 || seen_.insert(signature_of(record))) add_values(record);
}

std::string TermCollector::finish() {
  std::string filter = too_many_ ? any_term : make_term_filter(terms_);
  terms_.clear();
  seen_.clear();
  decided_.clear();
  too_many_ = false;
  return filter;
}

}  // namespace dbgate::search
