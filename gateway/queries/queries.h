#pragma once
#include <memory>
#include <optional>
#include <string>

#include "gateway/queries/entrance.h"
#include "gateway/queries/registry.h"

namespace dbgate::queries {

/// The queries of all users of the API. On the API's thread.
class Queries final : public ports::QueryService {
 public:
  explicit Queries(Entrance& entrance) : entrance_(entrance) {}

  Task<ports::QuerySummary> run(ports::QueryRequest request, std::chrono::milliseconds wait) override;
  Task<ports::QueryOpened> stream(ports::QueryRequest request) override;
  Task<ports::QueryOpened> run_export(ports::ExportRequest request) override;
  std::optional<ports::QuerySummary> find(const ports::QueryCaller& caller, const std::string& id) override;
  Task<bool> still_shown(ports::QueryCaller caller, std::string id) override;
  std::optional<ports::QueryRows> rows(const ports::QueryCaller& caller, const std::string& id, std::size_t result,
                                       std::size_t from, std::size_t limit) override;
  std::optional<ports::QueryRequest> statement(const ports::QueryCaller& caller, const std::string& id) override;
  bool cancel(const ports::QueryCaller& caller, const std::string& id) override;
  Task<Result<ports::SchemaSummary>> schema(std::string user, std::string target) override;

 private:
  struct Admitted {
    QueryPtr query;  ///< null: see the failure
    ports::QueryFailure failure;
  };
  Task<Admitted> admit(ports::QueryRequest request, std::size_t most_rows, bool for_export);
  Task<> collect(QueryPtr query);
  Task<ports::QueryOpened> open(QueryPtr query, const ports::ExportOptions* as_file);

  Entrance& entrance_;
  Registry registry_;
};

}  // namespace dbgate::queries
