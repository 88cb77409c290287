#include "gateway/base/clock.h"
#include "gateway/queries/streams.h"

namespace dbgate::queries {

Progress::Progress(Registry& registry, Entrance& entrance, QueryPtr query, Execution& execution)
    : registry_(registry), entrance_(entrance), query_(std::move(query)), execution_(execution) {
  query_->running = &execution_;
  query_->summary.state = ports::QueryState::running;
  if (query_->summary.started_us == 0) query_->summary.started_us = wall_clock_us();
  if (query_->cancelled) execution_.cancel();
}

Progress::~Progress() {
  if (query_->ended()) return;
  ports::QueryFailure gone;
  gone.kind = ports::QueryFailureKind::cancelled;
  gone.sqlstate = sqlstate::query_canceled.text();
  gone.message = "whoever waited for the result has gone";
  end(std::move(gone));
}

void Progress::on_step(Execution::Step step) {
  std::vector<ports::QueryResult>& results = query_->summary.results;
  switch (step) {
    case Execution::Step::columns:
      results.push_back({execution_.columns(), {}, 0, false});
      open_ = true;
      break;
    case Execution::Step::row:
      if (open_) ++results.back().rows;
      break;
    case Execution::Step::command:
      if (!open_) results.emplace_back();
      results.back().tag = execution_.tag();
      results.back().truncated = execution_.truncated();
      open_ = false;
      break;
    case Execution::Step::notice:
      query_->changed.notify();  // it may be that it is held
      break;
    case Execution::Step::end:
      if (open_ && execution_.truncated()) results.back().truncated = true;
      end(execution_.failure());
      break;
  }
}

void Progress::end(std::optional<ports::QueryFailure> failure) {
  if (query_->ended()) return;
  ports::QuerySummary& summary = query_->summary;
  query_->running = nullptr;
  summary.state = !failure                                              ? ports::QueryState::succeeded
                  : failure->kind == ports::QueryFailureKind::cancelled ? ports::QueryState::cancelled
                                                                        : ports::QueryState::failed;
  summary.failure = std::move(failure);
  if (auto noted = execution_.decision()) {
    summary.decision = std::move(noted->decision);
    summary.audit_id = std::move(noted->audit_id);
  }
  summary.approval = execution_.approval();
  summary.ended_us = wall_clock_us();
  query_->changed.notify();
  registry_.trim(summary.user, entrance_.limits().user_bytes);
}

Task<Execution::Step> Run::next() {
  const Execution::Step step = co_await execution.next();
  progress.on_step(step);
  co_return step;
}

}  // namespace dbgate::queries
