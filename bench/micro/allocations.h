#pragma once
#include <benchmark/benchmark.h>

#include <cstddef>

namespace dbgate::bench {

/// How often this process has called operator new. The parser's own memory does not come from there.
std::size_t allocations() noexcept;

/// Adds the counter `allocs`, calls of operator new for each iteration, to a benchmark.
class CountAllocations {
 public:
  explicit CountAllocations(benchmark::State& state) : state_(state), before_(allocations()) {}
  ~CountAllocations() {
    const auto made = static_cast<double>(allocations() - before_);
    state_.counters["allocs"] = made / static_cast<double>(state_.iterations());
  }
  CountAllocations(const CountAllocations&) = delete;
  CountAllocations& operator=(const CountAllocations&) = delete;

 private:
  benchmark::State& state_;
  const std::size_t before_;
};

}  // namespace dbgate::bench
