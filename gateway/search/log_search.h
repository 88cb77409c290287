#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "gateway/ports/audit_search.h"
#include "gateway/ports/block_index.h"
#include "gateway/search/outcomes.h"
#include "gateway/search/walk.h"

namespace dbgate::search {

/// The index as a search needs it.
struct IndexToRead {
  /// Without one all of the log is looked into. Errors: XX001, it is damaged; 58030.
  std::function<Result<std::unique_ptr<ports::BlockIndex>>()> open;
  /// Another number: another index. 0: there is none yet.
  std::function<std::uint64_t()> generation;
  /// It was found damaged. Any thread.
  std::function<void()> distrust;
};

/// Searches a log directory, also one that is written to. Used by one thread; blocks.
class LogSearch {
 public:
  LogSearch(std::string directory, IndexToRead index, Budget budget = {})
      : directory_(std::move(directory)), place_(std::move(index)), budget_(budget) {}

  // As ports::AuditSearch has them.
  Result<ports::FoundRecords> records(const ports::AuditFilter& filter, const ports::AuditPage& page);
  Result<ports::FoundStatements> statements(const ports::StatementQuery& query, const ports::AuditPage& page);
  Result<std::optional<ports::Statement>> statement(const std::string& id);
  /// The lines that are about a statement, in their order: decision, outcome and what else there is.
  Result<std::vector<std::string>> records_of(const std::string& id);

 private:
  using Log = const LogView&;
  using Index = ports::BlockIndex*;

  template <class T>
  Result<T> attempt(const std::function<Result<T>(Log, Index)>& search);
  Index index();
  Result<ports::FoundStatements> find_statements(Log log, Index index, const ports::StatementQuery& query,
                                                 const ports::AuditPage& page);
  Result<std::optional<ports::Statement>> find_statement(Log log, Index index, const ports::AuditFilter& filter);
  Result<> add_outcomes(Log log, Index index, Outcomes& outcomes, std::vector<ports::Statement>& statements);

  std::string directory_;
  IndexToRead place_;
  Budget budget_;
  std::unique_ptr<ports::BlockIndex> index_;  // null: not open
  audit::SegmentSizes sizes_;
  std::uint64_t generation_ = 0;
};

}  // namespace dbgate::search
