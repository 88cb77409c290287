#include "gateway/queries/queries.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>

#include "gateway/queries/json_values.h"
#include "gateway/queries/streams.h"

namespace dbgate::queries {
namespace {

using Kind = ports::QueryFailureKind;

constexpr std::size_t most_parameters = 65'535;  // Bind counts them in 16 bits

ports::QueryFailure failure_of(Kind kind, SqlState code, std::string message, std::string hint = {}) {
  ports::QueryFailure failure;
  failure.kind = kind;
  failure.sqlstate = code.text();
  failure.message = std::move(message);
  failure.hint = std::move(hint);
  return failure;
}

bool holds_nul(const std::string& text) {
  return text.find('\0') != std::string::npos;
}

/// What is wrong with a request before anybody reads its text.
std::optional<ports::QueryFailure> check(const ports::QueryRequest& request) {
  const auto malformed = [](std::string why) {
    return failure_of(Kind::malformed, sqlstate::invalid_parameter_value, std::move(why));
  };
  if (holds_nul(request.sql)) return malformed("\"sql\" holds a NUL character, which PostgreSQL's texts cannot");
  if (request.script && !request.parameters.empty()) return malformed("a script has no parameters");
  if (request.parameters.size() > most_parameters) return malformed("there are more than 65535 parameters");
  const bool nul = std::any_of(request.parameters.begin(), request.parameters.end(),
                               [](const auto& value) { return value && holds_nul(*value); });
  if (nul) return malformed("a parameter holds a NUL character, which PostgreSQL's texts cannot");
  return {};
}

std::optional<ports::QueryFailure> check(const TextFacts& facts, const ports::QueryRequest& request, bool for_export) {
  if (!facts.unsupported.empty()) {
    return failure_of(Kind::unsupported, sqlstate::feature_not_supported,
                      facts.unsupported + " has no place in a query of the API",
                      "Each query has a session of its own. Use `dbgate connect` and a client.");
  }
  if (facts.statements > 1 && !request.script) {
    return failure_of(Kind::unsupported, sqlstate::syntax_error, "there is more than one statement",
                      "Set \"script\" to run several at once.");
  }
  if (for_export && !facts.reads_only) {
    return failure_of(Kind::unsupported, sqlstate::feature_not_supported,
                      "an export runs the statement again, so only statements that read can be exported");
  }
  return {};
}

bool is_held(const Query& query) {
  return query.running != nullptr && query.running->is_held();
}

// As it is at this moment.
ports::QuerySummary summary_of(const Query& query) {
  ports::QuerySummary summary = query.summary;
  if (query.running == nullptr) return summary;
  summary.approval = query.running->approval();
  if (is_held(query)) summary.state = ports::QueryState::held;
  return summary;
}

}  // namespace

Task<Queries::Admitted> Queries::admit(ports::QueryRequest request, std::size_t most_rows, bool for_export) {
  const QueryLimits limits = entrance_.limits();
  if (auto wrong = check(request)) co_return Admitted{nullptr, std::move(*wrong)};
  const TextFacts facts = co_await entrance_.look_at(request.sql);
  if (auto wrong = check(facts, request, for_export)) co_return Admitted{nullptr, std::move(*wrong)};
  request.max_rows = std::min(request.max_rows == 0 ? limits.default_rows : request.max_rows, most_rows);
  const bool bounded = request.timeout.count() > 0 && request.timeout < limits.timeout;
  if (!bounded) request.timeout = limits.timeout;
  const auto when_gone = std::exchange(request.when_gone, nullptr);
  const net::Executor executor = co_await boost::asio::this_coro::executor;
  const std::string user = request.user;
  registry_.trim(user, limits.user_bytes);
  QueryPtr query = registry_.add(executor, std::move(request));
  if (!query) {
    co_return Admitted{nullptr, failure_of(Kind::busy, sqlstate::too_many_connections,
                                           "you have " + std::to_string(Registry::most_running) +
                                               " queries running; wait for one, or cancel it")};
  }
  query->reads_only = facts.reads_only;
  if (when_gone) {
    when_gone([weak = std::weak_ptr<Query>(query)] {
      if (const QueryPtr stopped = weak.lock()) stopped->cancel();
    });
  }
  co_return Admitted{std::move(query), {}};
}

Task<ports::QuerySummary> Queries::run(ports::QueryRequest request, std::chrono::milliseconds wait) {
  Admitted admitted = co_await admit(std::move(request), entrance_.limits().most_rows, false);
  if (!admitted.query) {
    ports::QuerySummary refused;
    refused.state = ports::QueryState::failed;
    refused.failure = std::move(admitted.failure);
    co_return refused;
  }
  const QueryPtr query = admitted.query;
  query->summary.kept = true;
  query->standing = co_await entrance_.standing(*query->request);
  const net::Executor executor = co_await boost::asio::this_coro::executor;
  net::run_apart(executor, [this, query] { return collect(query); });
  bool waited = false;
  net::Alarm alarm(executor, [&waited, &query] {
    waited = true;
    query->changed.notify();
  });
  alarm.set(std::chrono::steady_clock::now() + wait);
  while (!query->ended() && !waited && !is_held(*query))
    co_await query->changed.wait();
  co_return summary_of(*query);
}

// Rows are kept until there are enough bytes. What only reads is stopped there; what writes runs to its end, since a
// cancel would undo it.
Task<> Queries::collect(QueryPtr query) {
  const std::size_t most_bytes = entrance_.limits().result_bytes;
  const net::Executor executor = co_await boost::asio::this_coro::executor;
  Run running(executor, registry_, entrance_, query);
  Execution& execution = running.execution;
  std::size_t bytes = 0;
  co_await execution.begin();
  while (!query->ended()) {
    const Execution::Step step = co_await running.next();
    if (step == Execution::Step::columns) query->rows.resize(query->summary.results.size());
    if (step != Execution::Step::row) continue;
    KeptRows& kept = query->rows.back();
    const std::size_t before = kept.bytes();
    for (std::size_t i = 0; i < execution.cells().size(); ++i) {
      kept.json += i == 0 ? '[' : ',';
      append_json_value(kept.json, execution.columns()[i].type_oid, execution.cells()[i]);
    }
    kept.json += execution.cells().empty() ? "[]" : "]";
    kept.ends.push_back(kept.json.size());
    bytes += kept.bytes() - before;
    if (bytes <= most_bytes) continue;
    query->reads_only ? execution.stop() : execution.drain();
  }
}

Task<ports::QueryOpened> Queries::stream(ports::QueryRequest request) {
  ports::QueryOpened opened;
  Admitted admitted = co_await admit(std::move(request), entrance_.limits().most_rows, false);
  if (admitted.query) {
    opened = co_await open(std::move(admitted.query), nullptr);
  } else {
    opened.query.failure = std::move(admitted.failure);
  }
  co_return opened;
}

Task<ports::QueryOpened> Queries::run_export(ports::ExportRequest request) {
  ports::QueryOpened opened;
  auto original = std::move(request.statement);
  if (!original) original = statement({request.user, false}, request.id);
  if (!original || original->user != request.user) {
    opened.query.failure = failure_of(Kind::no_target, sqlstate::invalid_parameter_value, "there is no such query");
    co_return opened;
  }
  const QueryLimits limits = entrance_.limits();
  ports::QueryRequest again = std::move(*original);
  again.address = std::move(request.address);
  again.credential = std::move(request.credential);
  again.when_gone = std::move(request.when_gone);
  again.max_rows = limits.export_rows;
  again.timeout = limits.timeout;
  Admitted admitted = co_await admit(std::move(again), limits.export_rows, true);
  if (admitted.query) {
    opened = co_await open(std::move(admitted.query), &request.options);
  } else {
    opened.query.failure = std::move(admitted.failure);
  }
  co_return opened;
}

// A statement that fails before it has a result is an answer of its own, not a stream.
Task<ports::QueryOpened> Queries::open(QueryPtr query, const ports::ExportOptions* as_file) {
  ports::QueryOpened opened;
  const net::Executor executor = co_await boost::asio::this_coro::executor;
  auto running = std::make_unique<Run>(executor, registry_, entrance_, query);
  co_await running->execution.begin();
  Execution::Step first = co_await running->next();
  while (as_file != nullptr && first == Execution::Step::notice)
    first = co_await running->next();
  opened.query = query->summary;
  if (opened.query.failure) co_return opened;
  if (as_file == nullptr) {
    opened.stream = make_ndjson_stream(std::move(running), first);
    co_return opened;
  }
  auto file = make_export_stream(std::move(running), first, *as_file);
  if (file) {
    opened.stream = std::move(*file);
  } else {
    const Error why = file.error();
    const bool log = why.code() == sqlstate::io_error;
    opened.query.failure = failure_of(log ? Kind::unavailable : Kind::unsupported, why.code(), why.message());
  }
  co_return opened;
}

std::optional<ports::QuerySummary> Queries::find(const ports::QueryCaller& caller, const std::string& id) {
  const QueryPtr query = registry_.find(caller, id);
  if (!query) return {};
  return summary_of(*query);
}

Task<bool> Queries::still_shown(ports::QueryCaller caller, std::string id) {
  const QueryPtr query = registry_.find({std::move(caller.user), false}, id);
  if (!query || query->standing.empty()) co_return false;
  const std::string now = co_await entrance_.standing(*query->request);
  co_return now == query->standing;
}

std::optional<ports::QueryRows> Queries::rows(const ports::QueryCaller& caller, const std::string& id,
                                              std::size_t result, std::size_t from, std::size_t limit) {
  const QueryPtr query = registry_.find({caller.user, false}, id);
  if (!query || result >= query->rows.size()) return {};
  ports::QueryRows page;
  page.columns = query->summary.results[result].columns;
  const KeptRows& kept = query->rows[result];
  const std::size_t begin = std::min(from, kept.ends.size());
  const std::size_t end = begin + std::min(limit, kept.ends.size() - begin);
  for (std::size_t i = begin; i < end; ++i)
    page.rows.emplace_back(kept.row(i));
  page.next = end;
  page.more = end < kept.ends.size() || !query->ended();
  return page;
}

std::optional<ports::QueryRequest> Queries::statement(const ports::QueryCaller& caller, const std::string& id) {
  const QueryPtr query = registry_.find({caller.user, false}, id);
  if (!query) return {};
  return *query->request;
}

bool Queries::cancel(const ports::QueryCaller& caller, const std::string& id) {
  const QueryPtr query = registry_.find(caller, id);
  if (query) query->cancel();
  return query != nullptr;
}

Task<Result<ports::SchemaSummary>> Queries::schema(std::string user, std::string target) {
  auto summary = co_await entrance_.schema(std::move(user), std::move(target));
  co_return summary;
}

}  // namespace dbgate::queries
