#pragma once
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/net/stream.h"
#include "gateway/ports/query_service.h"
#include "gateway/queries/entrance.h"

namespace dbgate::queries {

class Execution;

/// The rows of one result as JSON arrays, one behind the other.
struct KeptRows {
  std::string json;
  std::vector<std::size_t> ends;
  std::string_view row(std::size_t index) const {
    const std::size_t begin = index == 0 ? 0 : ends[index - 1];
    return std::string_view(json).substr(begin, ends[index] - begin);
  }
  std::size_t bytes() const noexcept { return json.size() + ends.size() * sizeof(std::size_t); }
};

/// A query and what is kept of it.
struct Query {
  Query(const net::Executor& executor, std::shared_ptr<const ports::QueryRequest> asked);

  bool ended() const noexcept { return summary.ended_us != 0; }
  std::size_t bytes() const noexcept;
  /// Asks for its end, whether it runs already or not. A query that has ended stays as it is.
  void cancel();

  const std::shared_ptr<const ports::QueryRequest> request;
  ports::QuerySummary summary;
  std::vector<KeptRows> rows;    // by result
  std::string standing;          // Entrance::standing() when it began
  bool reads_only = false;       // as far as the text shows
  bool cancelled = false;        // somebody has asked for its end
  Execution* running = nullptr;  // while there is one
  net::Event changed;
};
using QueryPtr = std::shared_ptr<Query>;

/// Queries by id: those that run, and for a while those that have ended. Bounded for each user and for all.
class Registry {
 public:
  static constexpr std::size_t most_running = 10;        ///< of a user
  static constexpr std::size_t most_kept = 100;          ///< of a user
  static constexpr std::size_t most_bytes = 256u << 20;  ///< of all users
  static constexpr std::int64_t keep_us = 15 * 60 * 1'000'000ll;

  /// Null: the user has as many running as they may.
  QueryPtr add(const net::Executor& executor, ports::QueryRequest request);
  /// Null: there is none for the caller.
  QueryPtr find(const ports::QueryCaller& caller, const std::string& id);
  /// Lets go of the oldest that have ended until the limits hold. After a query has ended, and now and then.
  void trim(const std::string& user, std::size_t user_bytes);
  std::size_t size() const noexcept { return queries_.size(); }

 private:
  void drop_while(const std::function<bool(const Query&)>& counts, std::size_t most_count, std::size_t most_sum);

  std::map<std::string, QueryPtr> queries_;  // ids sort by time
};

}  // namespace dbgate::queries
