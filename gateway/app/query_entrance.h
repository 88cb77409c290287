#pragma once
#include <functional>
#include <memory>
#include <string>

#include "gateway/app/worker.h"
#include "gateway/queries/entrance.h"

namespace dbgate::app {

/// The gateway as the queries of the API reach it: by socket pairs to its workers. On the API's thread.
class QueryEntrance final : public queries::Entrance {
 public:
  /// @param chain  takes the records of exports
  QueryEntrance(Shared& shared, ports::AuditChain& chain, std::function<Worker&()> next_worker)
      : shared_(shared), chain_(chain), next_worker_(std::move(next_worker)) {}

  Result<net::Stream> enter(const net::Executor& executor, const ports::QueryRequest& request,
                            std::shared_ptr<queries::DecisionNote> note) override;
  Result<net::Stream> enter_to_cancel(const net::Executor& executor) override;
  Task<queries::TextFacts> look_at(const std::string& sql) override;
  Task<std::string> standing(const ports::QueryRequest& request) override;
  std::string type_name(const std::string& target, std::uint32_t oid) const override;
  queries::QueryLimits limits() const override;
  Result<> record(const queries::ExportRecord& exported) override;
  void tell(ports::Event event) override;
  Task<Result<ports::SchemaSummary>> schema(std::string user, std::string target) override;

 private:
  Result<net::Stream> connect(const net::Executor& executor, session::Arrival arrival);

  Shared& shared_;
  ports::AuditChain& chain_;
  const std::function<Worker&()> next_worker_;
};

/// What the text of a query shows; policy is not asked.
queries::TextFacts facts_of(const sql::Script& script);

}  // namespace dbgate::app
