#pragma once
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/base/keyed_hash.h"
#include "gateway/ports/audit_search.h"
#include "gateway/search/record.h"
#include "gateway/search/term_filter.h"

namespace dbgate::search {

/// @param value  escaped as in the log
Term term_of(const HashKey& key, ports::AuditField field, std::string_view value) noexcept;
/// Of two values in one record; the order does not matter.
Term pair_of(ports::AuditField left, Term left_term, ports::AuditField right, Term right_term) noexcept;
/// Whether two values of one record have a term of their own in the index: where each of them is common, and both
/// together may be rare, as a user and "deny".
bool is_paired(ports::AuditField left, std::string_view left_value, ports::AuditField right,
               std::string_view right_value) noexcept;
/// A relation's name, escaped as in the log, without its schema: what pairs are made of.
std::string_view without_schema(std::string_view object) noexcept;
/// Whether single values of the field are in the index.
bool is_indexed(ports::AuditField field) noexcept;

/// A decision that comes so long after its query's id was made has a term for it; others are found by the id's time.
inline constexpr std::int64_t decided_within_us = 50'000;

/// Gathers the terms of the records of one block after the other.
class TermCollector {
 public:
  explicit TermCollector(const HashKey& key) : key_(key) {}

  void add(const Record& record);
  /// The filter of what was added since the last call.
  std::string finish();

 private:
  struct Value {
    ports::AuditField field;
    std::string_view value;
    Term term;
  };
  void take(ports::AuditField field, std::string_view value);
  void take_lists(const Record& record);
  void add_query(const Record& record);
  void add_values(const Record& record);
  Term signature_of(const Record& record) const noexcept;

  HashKey key_;
  std::vector<Value> values_;  // of the record at hand
  TermSet terms_;
  TermSet seen_;     // records that add nothing new
  TermSet decided_;  // queries
  bool too_many_ = false;
};

}  // namespace dbgate::search
