#include <atomic>

#include "bench/micro/allocations.h"
#include "bench/micro/statements.h"
#include "bench/support/shop.h"
#include "gateway/session/policy_judge.h"
#include "gateway/sql/text_key.h"

namespace dbgate::bench {
namespace {

using session::PolicyJudge;
using session::TextForm;
using session::VerdictCache;

/// One principal with rules over tables and columns.
class Source final : public session::PolicySource {
 public:
  std::uint64_t version() const override { return version_.load(std::memory_order_acquire); }
  session::PolicyView view(const std::string&, const std::string&, const std::string&, std::int64_t) const override {
    session::PolicyView view;
    view.grants = grants_;
    view.names = shop_.names(false);
    view.catalog = shop_.snapshot;
    view.resolver = std::shared_ptr<const catalog::Resolver>(shop_.snapshot, shop_.resolver.get());
    view.version = version();
    return view;
  }
  void catalog_changed(const std::string&, const std::string&) const override {}

 private:
  Shop shop_;
  std::shared_ptr<const policy::Grants> grants_ =
      Shop::grants("{ select: ['public.*'], update: ['public.*'], insert: ['public.*'], functions: [safe] }");
  std::atomic<std::uint64_t> version_{1};
};

session::Judged judged(PolicyJudge& judge, std::string_view text) {
  static const session::BoundValues nothing;
  static const session::Names names;
  session::Judged known = judge.recall(text, TextForm::query);
  if (known.script) return known;
  const auto analysis = judge.analyze(text);
  known = judge.judge_bound(*analysis, &nothing, names, names, 0);
  judge.remember(text, TextForm::query, *analysis, known);
  if (known.refused) std::abort();
  return known;
}

const Source& source() {
  static const Source source;
  return source;
}

// From text to verdict, where it is known; and what the cache counts for it.
void verdict_known(benchmark::State& state, const std::string& text) {
  VerdictCache cache(8u << 20);
  PolicyJudge judge(source(), "u", "shop", "shop", {}, {}, {}, session::system_clock_seconds, &cache);
  const std::size_t empty = cache.bytes();
  judged(judge, text);
  state.counters["bytes"] = static_cast<double>(cache.bytes() - empty);
  const CountAllocations count(state);
  for (auto _ : state)
    benchmark::DoNotOptimize(judged(judge, text));
}

// … where every text is new, and the cache is full.
void verdict_new(benchmark::State& state, const std::string& text) {
  VerdictCache cache(256u << 10);
  PolicyJudge judge(source(), "u", "shop", "shop", {}, {}, {}, session::system_clock_seconds, &cache);
  std::string other = text;
  const std::size_t blank = text.find(' ');
  std::uint64_t number = 0;
  const CountAllocations count(state);
  for (auto _ : state) {
    // Blanks and tabs: each text has a key of its own and means the same.
    std::string blanks;
    for (std::uint64_t bits = ++number, i = 0; i < 20; ++i)
      blanks += (bits >> i & 1) != 0 ? '\t' : ' ';
    other.replace(blank, other.size() - blank, blanks).append(text, blank);
    benchmark::DoNotOptimize(judged(judge, other));
  }
}

// … and without a cache.
void verdict_uncached(benchmark::State& state, const std::string& text) {
  PolicyJudge judge(source(), "u", "shop", "shop", {});
  const CountAllocations count(state);
  for (auto _ : state)
    benchmark::DoNotOptimize(judged(judge, text));
}

void blind_key(benchmark::State& state, const std::string& text) {
  std::string key;
  for (auto _ : state) {
    key.clear();
    benchmark::DoNotOptimize(sql::append_blind(text, key));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}

#define DBGATE_OVER_STATEMENTS(benchmarked)                              \
  BENCHMARK_CAPTURE(benchmarked, one_table, std::string(one_table));     \
  BENCHMARK_CAPTURE(benchmarked, tpcb_update, std::string(tpcb_update)); \
  BENCHMARK_CAPTURE(benchmarked, six_tables, std::string(six_tables))

DBGATE_OVER_STATEMENTS(blind_key);
DBGATE_OVER_STATEMENTS(verdict_known);
DBGATE_OVER_STATEMENTS(verdict_new);
DBGATE_OVER_STATEMENTS(verdict_uncached);

}  // namespace
}  // namespace dbgate::bench
