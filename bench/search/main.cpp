// What searching the audit log costs: makes a log, indexes it, asks. Usage: bench_search DIRECTORY RECORDS
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "bench/search/synthetic_log.h"
#include "gateway/adapters/sqlite_block_index.h"
#include "gateway/search/indexer.h"
#include "gateway/search/log_search.h"

namespace {

using namespace dbgate;
using ports::AuditField;
using Clock = std::chrono::steady_clock;

double since(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

struct Question {
  std::string name;
  ports::AuditFilter filter;
};

std::vector<Question> questions(const bench::LogFacts& log) {
  const auto is = [](std::vector<std::pair<AuditField, std::string>> fields) {
    return ports::AuditFilter{std::move(fields), {}, {}, {}};
  };
  ports::AuditFilter hour;
  hour.since_us = log.start_us + (log.end_us - log.start_us) / 2;
  hour.until_us = *hour.since_us + 3'600'000'000;
  ports::AuditFilter combined = is({{AuditField::user, "user17"}, {AuditField::target, "target3"}});
  combined.since_us = hour.since_us;
  combined.until_us = *hour.since_us + 24 * 3'600'000'000;
  return {
      {"the newest", {}},
      {"user, common", is({{AuditField::user, "user0"}})},
      {"user, one statement in 500 000", is({{AuditField::user, "rare"}})},
      {"user, nobody", is({{AuditField::user, "nobody"}})},
      {"target, common", is({{AuditField::target, "target0"}})},
      {"target, the least used", is({{AuditField::target, "target19"}})},
      {"session in the middle", is({{AuditField::session, log.session}})},
      {"denied", is({{AuditField::effect, "deny"}})},
      {"denied, of one user", is({{AuditField::effect, "deny"}, {AuditField::user, "user150"}})},
      {"table, the least used, of one user", is({{AuditField::object, "table299"}, {AuditField::user, "user150"}})},
      {"failed with a SQLSTATE, one target", is({{AuditField::sqlstate, "23505"}, {AuditField::target, "target19"}})},
      {"an hour in the middle", hour},
      {"user and target, a day in the middle", combined},
      {"record id", is({{AuditField::id, log.record_id}})},
      {"query id", is({{AuditField::query, log.query}})}};
}

void ask(const std::string& name, const std::function<std::string()>& once) {
  std::vector<double> times;
  std::string found;
  for (int i = 0; i < 7; ++i) {
    const auto start = Clock::now();
    found = once();
    times.push_back(since(start));
  }
  const double first = times.front();
  std::sort(times.begin(), times.end());
  std::printf("%-40s %8.1f %8.1f %8.1f   %s\n", name.c_str(), first, times[3], times.back(), found.c_str());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const std::string directory = std::string(argv[1]) + "/audit";
  const std::string file = std::string(argv[1]) + "/audit-index.db";
  std::filesystem::remove_all(directory);
  adapters::remove_block_index(file);
  auto start = Clock::now();
  const bench::LogFacts facts = bench::write_log(directory, std::strtoull(argv[2], nullptr, 10));
  std::uintmax_t bytes = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    bytes += entry.file_size();
  std::printf("log: %.0f MB, written in %.0f s\n", static_cast<double>(bytes) / 1e6, since(start) / 1e3);

  search::Indexer indexer(
      directory, {[&] { return adapters::open_block_index(file, true); }, [&] { adapters::remove_block_index(file); }});
  start = Clock::now();
  const double cpu = cpu_seconds();
  const auto added = indexer.update(std::atomic<bool>(false));
  if (!added) return 1;
  std::printf("index: %zu blocks, %.1f MB, %.1f s, %.1f s of CPU\n", *added,
              static_cast<double>(std::filesystem::file_size(file)) / 1e6, since(start) / 1e3, cpu_seconds() - cpu);

  search::LogSearch search(directory, {[&] { return adapters::open_block_index(file, false); },
                                       [&] { return indexer.generation(); }, [] {}});
  std::printf("%-40s %8s %8s %8s   (ms)\n", "page of 50", "first", "median", "worst");
  for (const Question& question : questions(facts)) {
    ask(question.name, [&] {
      const auto page = search.records(question.filter, {});
      return page ? std::to_string(page->lines.size()) + (page->cut ? ", cut" : "") : "failed";
    });
  }
  ask("history of a user", [&] {
    const auto page = search.statements({{{{AuditField::user, "user5"}}, {}, {}, {}}, {}}, {});
    return page ? std::to_string(page->statements.size()) : "failed";
  });
  ask("history of a user, failed", [&] {
    const auto page =
        search.statements({{{{AuditField::user, "user5"}}, {}, {}, {}}, ports::Statement::State::failed}, {});
    return page ? std::to_string(page->statements.size()) + (page->cut ? ", cut" : "") : "failed";
  });
  ask("a statement by its id", [&] {
    const auto one = search.statement(facts.query);
    return one && *one ? "found" : "not found";
  });
  return 0;
}
