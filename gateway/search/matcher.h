#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/base/keyed_hash.h"
#include "gateway/ports/audit_search.h"
#include "gateway/ports/block_index.h"
#include "gateway/search/record.h"
#include "gateway/search/term_filter.h"

namespace dbgate::search {

/// Whether the text is among the values that the record has for the field: names of relations are found with their
/// schema and without, command tags each for itself. @param value  escaped as in the log
bool has_value(const Record& record, ports::AuditField field, std::string_view value);

/// A filter in the words of the log.
class Matcher {
 public:
  explicit Matcher(const ports::AuditFilter& filter);

  bool matches(const Record& record) const;
  /// What stands in every line that fits; empty: nothing does.
  const std::string& needle() const noexcept { return needle_; }
  std::int64_t since_us() const noexcept { return since_us_; }
  std::int64_t until_us() const noexcept { return until_us_; }
  /// What the terms of a block must have among them.
  std::vector<Term> terms(const HashKey& key) const;
  /// Whether a block of that time may have a record with the query_id that is wanted though none of its terms says so:
  /// the time when it was decided. True where none is wanted.
  bool may_be_decided_in(const ports::LogBlock& block) const;
  /// The term of the query_id that is wanted; 0 without.
  Term query_term(const HashKey& key) const;

 private:
  std::vector<std::pair<ports::AuditField, std::string>> wanted_;  // values escaped as in the log
  std::string text_;                                               // as it is
  std::string escaped_text_;
  std::string needle_;
  std::int64_t since_us_;
  std::int64_t until_us_;
  std::int64_t decided_us_ = 0;  // when the query that is wanted was decided; 0: none is
};

}  // namespace dbgate::search
