#pragma once
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "config/schema.h"

namespace dbgate::policy {

/// One limit in force, and who set it.
template <class T>
struct Limit {
  T value{};
  std::string rule;  ///< "analysts-read/limits.rows"; empty: there is no such limit
  std::string by;    ///< for people: `policy "analysts-read"`

  bool set() const noexcept { return !rule.empty(); }
};

/// The limits of one principal on one target: of all that name the two, the strictest. And what is counted with them.
/// Immutable.
struct LimitSet {
  Limit<std::size_t> rows;
  Limit<std::size_t> bytes;
  Limit<std::chrono::milliseconds> statement_timeout;
  Limit<std::chrono::milliseconds> idle_in_transaction;
  Limit<std::size_t> statement_bytes;
  Limit<std::size_t> concurrent;         ///< of the principal on the target, over all sessions
  Limit<config::Rate> rate;              ///< the same
  Limit<std::size_t> target_concurrent;  ///< of everybody on the target together
  Limit<config::Rate> target_rate;
  config::RecordedRows recorded{0, 0};  ///< of each result: the most that a policy asks for

  /// Whether results have to be counted.
  bool counts_results() const noexcept { return rows.set() || bytes.set(); }
};

/// The limits of one configuration, compiled. Immutable; shared by all threads.
class LimitTable {
 public:
  explicit LimitTable(const config::Config& config);
  /// Null: none apply.
  std::shared_ptr<const LimitSet> find(std::string_view user, std::string_view target) const;

 private:
  std::map<std::string, std::map<std::string, std::shared_ptr<const LimitSet>, std::less<>>, std::less<>> by_user_;
};

}  // namespace dbgate::policy
