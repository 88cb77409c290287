#include <algorithm>

#include "gateway/audit/json.h"
#include "gateway/base/clock.h"
#include "gateway/queries/render.h"
#include "gateway/queries/streams.h"

namespace dbgate::queries {
namespace {

// Those who watch hear of rows no more often.
constexpr std::chrono::seconds told_each{1};

}  // namespace

Progress::Progress(Registry& registry, Entrance& entrance, QueryPtr query, Execution& execution)
    : registry_(registry), entrance_(entrance), query_(std::move(query)), execution_(execution) {
  query_->running = &execution_;
  query_->summary.state = ports::QueryState::running;
  if (query_->summary.started_us == 0) query_->summary.started_us = wall_clock_us();
  if (query_->cancelled) execution_.cancel();
  tell("query.start", ports::QueryState::running);
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
  if (step != Execution::Step::end) tell_progress(step == Execution::Step::row);
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
  tell("query.end", summary.state);
  query_->changed.notify();
  registry_.trim(summary.user, entrance_.limits().user_bytes);
}

void Progress::tell_progress(bool row) {
  const bool held = !row && execution_.is_held();
  const auto now = std::chrono::steady_clock::now();
  if (held == told_held_ && (!row || now - told_ < told_each)) return;
  told_held_ = held;
  told_ = now;
  tell("query.progress", held ? ports::QueryState::held : ports::QueryState::running);
}

void Progress::tell(const char* event, ports::QueryState state) {
  const ports::QuerySummary& summary = query_->summary;
  std::string data = "{\"query_id\":";
  audit::append_json_string(data, summary.id);
  const auto add = [&data](std::string_view key, std::string_view value) {
    if (!value.empty()) audit::append_field(data, key, value);
  };
  add("user", summary.user);
  add("target", summary.target);
  add("state", word_of(state));
  std::size_t rows = 0;
  for (const ports::QueryResult& result : summary.results)
    rows += result.rows;
  audit::append_field(data, "rows", std::uint64_t{rows});
  add("approval_id", execution_.approval());
  if (summary.ended_us != 0) {
    const std::int64_t elapsed_us = std::max<std::int64_t>(0, summary.ended_us - summary.started_us);
    audit::append_field(data, "elapsed_ms", static_cast<std::uint64_t>(elapsed_us) / 1'000);
    add("audit_id", summary.audit_id);
    if (summary.failure) add("sqlstate", summary.failure->sqlstate);
  }
  entrance_.tell({"queries", event, summary.user, {}, data + "}"});
}

Task<Execution::Step> Run::next() {
  const Execution::Step step = co_await execution.next();
  progress.on_step(step);
  co_return step;
}

}  // namespace dbgate::queries
