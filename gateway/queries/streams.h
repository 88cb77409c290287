#pragma once
#include <chrono>
#include <memory>
#include <optional>

#include "gateway/queries/execution.h"
#include "gateway/queries/registry.h"

namespace dbgate::queries {

/// Keeps a query's record in step with its execution, and ends it: as cancelled, if the execution goes before its end.
/// Tells those who watch.
class Progress {
 public:
  Progress(Registry& registry, Entrance& entrance, QueryPtr query, Execution& execution);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void on_step(Execution::Step step);
  /// Ends it with a failure that the execution does not know of.
  void fail(ports::QueryFailure failure) { end(std::move(failure)); }

 private:
  void end(std::optional<ports::QueryFailure> failure);
  void tell_progress(bool row);
  void tell(const char* event, ports::QueryState state);

  Registry& registry_;
  Entrance& entrance_;
  const QueryPtr query_;
  Execution& execution_;
  bool open_ = false;  // a result has begun
  bool told_held_ = false;
  std::chrono::steady_clock::time_point told_ = std::chrono::steady_clock::now();
};

/// A query that runs: gone before its end, it is cancelled.
struct Run {
  Run(net::Executor executor, Registry& registry, Entrance& gateway, QueryPtr asked)
      : query(std::move(asked)),
        entrance(gateway),
        execution(std::move(executor), gateway, query->request, query->request->max_rows),
        progress(registry, gateway, query, execution) {}

  /// The next step, which the record of the query knows as well.
  Task<Execution::Step> next();

  const QueryPtr query;
  Entrance& entrance;
  Execution execution;
  Progress progress;
};

/// application/x-ndjson as docs/api.md describes it. @param first  the step that has been taken already
std::unique_ptr<ports::QueryStream> make_ndjson_stream(std::unique_ptr<Run> run, Execution::Step first);
/// A file. Errors: 58030 the audit log cannot take its record.
Result<std::unique_ptr<ports::QueryStream>> make_export_stream(std::unique_ptr<Run> run, Execution::Step first,
                                                               const ports::ExportOptions& options);

}  // namespace dbgate::queries
