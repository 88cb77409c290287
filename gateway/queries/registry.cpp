#include "gateway/queries/registry.h"

#include "gateway/base/clock.h"
#include "gateway/base/ids.h"
#include "gateway/queries/execution.h"

namespace dbgate::queries {

Query::Query(const net::Executor& executor, std::shared_ptr<const ports::QueryRequest> asked)
    : request(std::move(asked)), changed(executor) {
  summary.id = make_id("qry_");
  summary.user = request->user;
  summary.target = request->target;
  summary.created_us = wall_clock_us();
}

std::size_t Query::bytes() const noexcept {
  std::size_t sum = sizeof(Query) + request->sql.size();
  for (const auto& parameter : request->parameters)
    sum += sizeof parameter + (parameter ? parameter->size() : 0);
  for (const KeptRows& kept : rows)
    sum += kept.bytes();
  for (const ports::QueryResult& result : summary.results) {
    for (const ports::QueryColumn& column : result.columns)
      sum += sizeof column + column.name.size() + column.type.size();
  }
  return sum;
}

void Query::cancel() {
  if (ended()) return;
  cancelled = true;
  if (running != nullptr) running->cancel();
}

QueryPtr Registry::add(const net::Executor& executor, ports::QueryRequest request) {
  std::size_t running = 0;
  for (const auto& [id, query] : queries_) {
    if (!query->ended() && query->summary.user == request.user) ++running;
  }
  if (running >= most_running) return nullptr;
  auto query = std::make_shared<Query>(executor, std::make_shared<const ports::QueryRequest>(std::move(request)));
  queries_.emplace(query->summary.id, query);
  return query;
}

QueryPtr Registry::find(const ports::QueryCaller& caller, const std::string& id) {
  const auto found = queries_.find(id);
  if (found == queries_.end()) return nullptr;
  const QueryPtr& query = found->second;
  if (query->summary.user != caller.user && !caller.administrator) return nullptr;
  if (query->ended() && wall_clock_us() - query->summary.ended_us > keep_us) return nullptr;
  return query;
}

void Registry::trim(const std::string& user, std::size_t user_bytes) {
  const std::int64_t oldest = wall_clock_us() - keep_us;
  std::erase_if(queries_, [oldest](const auto& entry) {
    return entry.second->ended() && entry.second->summary.ended_us < oldest;
  });
  drop_while([&user](const Query& query) { return query.summary.user == user; }, most_kept, user_bytes);
  drop_while([](const Query&) { return true; }, SIZE_MAX, most_bytes);
}

void Registry::drop_while(const std::function<bool(const Query&)>& counts, std::size_t most_count,
                          std::size_t most_sum) {
  std::size_t count = 0;
  std::size_t sum = 0;
  for (const auto& [id, query] : queries_) {
    if (!counts(*query)) continue;
    ++count;
    sum += query->bytes();
  }
  for (auto at = queries_.begin(); at != queries_.end() && (count > most_count || sum > most_sum);) {
    const bool drop = counts(*at->second) && at->second->ended();
    if (drop) {
      --count;
      sum -= at->second->bytes();
    }
    at = drop ? queries_.erase(at) : std::next(at);
  }
}

}  // namespace dbgate::queries
