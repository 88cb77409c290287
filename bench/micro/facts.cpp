#include "bench/micro/allocations.h"
#include "bench/micro/statements.h"
#include "bench/support/raw_parse.h"
#include "bench/support/shop.h"
#include "gateway/sql/analyze.h"

namespace dbgate::bench {
namespace {

void prescan(benchmark::State& state, const std::string& text) {
  const CountAllocations count(state);
  for (auto _ : state)
    benchmark::DoNotOptimize(sql::prescan(text, sql::ScanLimits{}));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

void parse(benchmark::State& state, const std::string& text) {
  for (auto _ : state)
    raw_parse(text);
}

void facts(benchmark::State& state, const std::string& text) {
  static const Shop shop;
  const CountAllocations count(state);
  for (auto _ : state)
    benchmark::DoNotOptimize(sql::analyze(text, sql::ScanLimits{}, shop.resolver.get()));
}

#define DBGATE_OVER_STATEMENTS(benchmarked)                              \
  BENCHMARK_CAPTURE(benchmarked, one_table, std::string(one_table));     \
  BENCHMARK_CAPTURE(benchmarked, tpcb_update, std::string(tpcb_update)); \
  BENCHMARK_CAPTURE(benchmarked, six_tables, std::string(six_tables));   \
  BENCHMARK_CAPTURE(benchmarked, thousand_rows, thousand_rows())

DBGATE_OVER_STATEMENTS(prescan);
DBGATE_OVER_STATEMENTS(parse);
DBGATE_OVER_STATEMENTS(facts);

}  // namespace
}  // namespace dbgate::bench
