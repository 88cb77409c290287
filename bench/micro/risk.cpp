#include "bench/micro/allocations.h"
#include "bench/micro/statements.h"
#include "bench/support/shop.h"
#include "gateway/risk/assess.h"
#include "gateway/sql/analyze.h"

namespace dbgate::bench {
namespace {

risk::Circumstances circumstances() {
  static const Shop shop;
  risk::Circumstances all;
  all.caller = risk::Caller::service;
  all.resolver = shop.resolver.get();
  return all;
}

// The rules alone, over facts at hand: what each execution of a statement adds that is not recalled.
void risk_rules(benchmark::State& state, const std::string& text) {
  const risk::Circumstances around = circumstances();
  const sql::AnalyzeResult result = sql::analyze(text, sql::ScanLimits{}, around.resolver);
  const CountAllocations count(state);
  for (auto _ : state) {
    for (const sql::Statement& statement : result.script->statements)
      benchmark::DoNotOptimize(risk::assess(statement, around));
  }
}

// From text to rating, parser and all.
void risk_from_text(benchmark::State& state, const std::string& text) {
  const risk::Circumstances around = circumstances();
  const CountAllocations count(state);
  for (auto _ : state) {
    const sql::AnalyzeResult result = sql::analyze(text, sql::ScanLimits{}, around.resolver);
    for (const sql::Statement& statement : result.script->statements)
      benchmark::DoNotOptimize(risk::assess(statement, around));
  }
}

const std::string wide_open = "DELETE FROM orders WHERE o_orderkey = 5 OR 1 = 1 -- '";

#define DBGATE_OVER_STATEMENTS(benchmarked)                              \
  BENCHMARK_CAPTURE(benchmarked, one_table, std::string(one_table));     \
  BENCHMARK_CAPTURE(benchmarked, tpcb_update, std::string(tpcb_update)); \
  BENCHMARK_CAPTURE(benchmarked, wide_open, wide_open);                  \
  BENCHMARK_CAPTURE(benchmarked, six_tables, std::string(six_tables))

DBGATE_OVER_STATEMENTS(risk_rules);
DBGATE_OVER_STATEMENTS(risk_from_text);

}  // namespace
}  // namespace dbgate::bench
