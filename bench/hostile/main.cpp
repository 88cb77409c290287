// What the most expensive statements within the default limits cost: CPU from text to verdict, and memory.
//
// Usage: bench_hostile [--scale N] [--most MS] [--only WORD]
//   --scale N   sizes divided by N
//   --most MS   exit status 1 if a statement takes more CPU than that
//   --only WORD shapes with WORD in their name
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <string_view>

#include "bench/hostile/shapes.h"
#include "bench/support/raw_parse.h"
#include "bench/support/shop.h"
#include "gateway/sql/analyze.h"

namespace {

using namespace dbgate;

struct Cost {
  double text_mb = 0;
  double scan_ms = 0;
  double parse_ms = 0;
  double facts_ms = 0;
  double decision_ms = 0;
  double memory_mb = 0;
  char outcome[80] = {};

  double total_ms() const { return facts_ms + decision_ms; }
};

double cpu_ms() {
  timespec now{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e3 + static_cast<double>(now.tv_nsec) / 1e6;
}

double peak_mb() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

void judge(const std::string& text, const bench::Shop& shop, const policy::Grants& grants, Cost& cost) {
  const policy::NameContext names = shop.names(true);
  const double start = cpu_ms();
  const auto scanned = sql::prescan(text, sql::ScanLimits{});
  cost.scan_ms = cpu_ms() - start;
  if (!scanned) {
    std::snprintf(cost.outcome, sizeof cost.outcome, "%s", scanned.error().message().c_str());
    cost.facts_ms = cost.scan_ms;
    return;
  }
  bench::raw_parse(text);
  cost.parse_ms = cpu_ms() - start - cost.scan_ms;
  const double from = cpu_ms();
  const sql::AnalyzeResult result = sql::analyze(text, sql::ScanLimits{}, shop.resolver.get());
  const double between = cpu_ms();
  cost.facts_ms = between - from;
  std::string outcome;
  if (result.script) {
    policy::Verdict verdict;
    verdict.decision = policy::Decision::allow;
    for (const sql::Statement& statement : result.script->statements) {
      verdict = policy::decide(grants, statement, names);
      if (!verdict.allowed()) break;
    }
    cost.decision_ms = cpu_ms() - between;
    outcome = verdict.allowed() ? "allowed" : "denied: " + verdict.reasons.front();
  } else {
    outcome = result.parse_error ? "no statement: " + result.parse_error->message : result.scan_error->message();
  }
  std::snprintf(cost.outcome, sizeof cost.outcome, "%s", outcome.c_str());
}

/// In a process of its own: peak memory is of the process, and a crash is one line of the table.
std::optional<Cost> measure(const bench::HostileShape& shape, const bench::Shop& shop, const policy::Grants& grants) {
  int ends[2];
  if (::pipe(ends) != 0) std::abort();
  const pid_t child = ::fork();
  if (child == 0) {
    Cost cost;
    Cost warm;
    const std::string text = shape.text();
    cost.text_mb = static_cast<double>(text.size()) / 1e6;
    ::malloc_trim(0);
    judge("SELECT abalance FROM pgbench_accounts WHERE aid = 1", shop, grants, warm);
    const double before = peak_mb();
    judge(text, shop, grants, cost);
    cost.memory_mb = peak_mb() - before;
    const bool written = ::write(ends[1], &cost, sizeof cost) == sizeof cost;
    ::_exit(written ? 0 : 1);
  }
  ::close(ends[1]);
  Cost cost;
  const bool got = ::read(ends[0], &cost, sizeof cost) == sizeof cost;
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return got && status == 0 ? std::optional(cost) : std::nullopt;
}

}  // namespace

int main(int count, char** arguments) {
  std::size_t scale = 1;
  double most_ms = 1e9;
  std::string only;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string_view option = arguments[i];
    if (option == "--scale") scale = std::max(1ul, std::strtoul(arguments[i + 1], nullptr, 10));
    if (option == "--most") most_ms = std::strtod(arguments[i + 1], nullptr);
    if (option == "--only") only = arguments[i + 1];
  }
  const bench::Shop shop;
  const auto grants = bench::Shop::grants("{ select: ['*'], insert: ['*'], update: ['*'], functions: [safe] }",
                                          "{ select: [public.cards] }");
  int worse = 0;
  std::vector<std::pair<double, std::string>> lines;
  for (const bench::HostileShape& shape : bench::hostile_shapes(scale)) {
    if (shape.name.find(only) == std::string::npos) continue;
    const std::optional<Cost> cost = measure(shape, shop, *grants);
    char line[256];
    if (!cost) {
      std::snprintf(line, sizeof line, "%-34s died", shape.name.c_str());
      ++worse;
    } else {
      std::snprintf(line, sizeof line, "%-34s %8.2f %7.1f %8.1f %9.1f %9.1f %9.1f %8.0f  %s", shape.name.c_str(),
                    cost->text_mb, cost->scan_ms, cost->parse_ms, cost->facts_ms, cost->decision_ms, cost->total_ms(),
                    cost->memory_mb, cost->outcome);
      worse += cost->total_ms() > most_ms ? 1 : 0;
    }
    lines.emplace_back(cost ? -cost->total_ms() : -1e9, line);
  }
  std::sort(lines.begin(), lines.end());
  std::printf("%-34s %8s %7s %8s %9s %9s %9s %8s  %s\n", "shape", "MB", "scan ms", "parse ms", "facts ms", "decide ms",
              "total ms", "peak MB", "outcome");
  for (const auto& [cost, line] : lines)
    std::printf("%s\n", line.c_str());
  return worse > 0 ? 1 : 0;
}
