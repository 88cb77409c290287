#include "bench/micro/allocations.h"
#include "bench/micro/statements.h"
#include "bench/support/shop.h"
#include "gateway/sql/analyze.h"

namespace dbgate::bench {
namespace {

const Shop& shop() {
  static const Shop shop;
  return shop;
}

// Rules over tables and columns; then the same with a denial, which has every statement followed through views,
// triggers and functions.
const policy::Grants& grants(bool denies) {
  const std::string allow =
      "{ select: ['public.pgbench_accounts(aid, bid, abalance)', public.pgbench_branches, public.customer, "
      "public.orders, public.lineitem, public.supplier, public.nation, public.region], functions: [safe] }, "
      "{ update: ['public.pgbench_accounts(abalance)'], require: { where: true } }, { insert: [public.pgbench_history] "
      "}";
  static const auto plain = Shop::grants(allow);
  static const auto with_denial = Shop::grants(allow, "{ select: [public.cards] }");
  return denies ? *with_denial : *plain;
}

policy::Verdict decide(const sql::Script& script, bool denies) {
  const policy::NameContext names = shop().names(denies);
  policy::Verdict verdict = policy::decide(grants(denies), script.statements.front(), names);
  if (!verdict.allowed()) {
    std::fprintf(stderr, "%s\n", verdict.message.c_str());
    std::abort();
  }
  return verdict;
}

void decision(benchmark::State& state, const std::string& text, bool denies) {
  const auto analysis = sql::analyze(text, sql::ScanLimits{}, shop().resolver.get());
  const policy::NameContext names = shop().names(denies);
  const policy::Grants& rules = grants(denies);
  if (!decide(*analysis.script, denies).allowed()) std::abort();
  const CountAllocations count(state);
  for (auto _ : state)
    benchmark::DoNotOptimize(policy::decide(rules, analysis.script->statements.front(), names));
}

// A statement that no cache knows: from text to verdict.
void facts_and_decision(benchmark::State& state, const std::string& text, bool denies) {
  const policy::NameContext names = shop().names(denies);
  const policy::Grants& rules = grants(denies);
  const CountAllocations count(state);
  for (auto _ : state) {
    const auto analysis = sql::analyze(text, sql::ScanLimits{}, shop().resolver.get());
    benchmark::DoNotOptimize(policy::decide(rules, analysis.script->statements.front(), names));
  }
}

#define DBGATE_OVER_STATEMENTS(benchmarked, name, denies)                              \
  BENCHMARK_CAPTURE(benchmarked, one_table##name, std::string(one_table), denies);     \
  BENCHMARK_CAPTURE(benchmarked, tpcb_update##name, std::string(tpcb_update), denies); \
  BENCHMARK_CAPTURE(benchmarked, six_tables##name, std::string(six_tables), denies);   \
  BENCHMARK_CAPTURE(benchmarked, thousand_rows##name, thousand_rows(), denies)

DBGATE_OVER_STATEMENTS(decision, , false);
DBGATE_OVER_STATEMENTS(decision, _denying, true);
DBGATE_OVER_STATEMENTS(facts_and_decision, , false);
DBGATE_OVER_STATEMENTS(facts_and_decision, _denying, true);

}  // namespace
}  // namespace dbgate::bench
