#include "gateway/app/check_config.h"

#include <algorithm>
#include <boost/json.hpp>
#include <ostream>

#include "config/effective.h"
#include "gateway/adapters/pg_probe.h"
#include "gateway/adapters/store/open_store.h"
#include "gateway/app/audit_sinks.h"
#include "gateway/app/log_keeper.h"
#include "gateway/app/witnesses.h"
#include "gateway/policy/row_filters.h"
#include "gateway/policy/statement_lists.h"
#include "gateway/rehearsal/tests.h"

namespace dbgate::app {
namespace {

namespace json = boost::json;
using Problems = std::vector<config::Problem>;

constexpr std::chrono::seconds longest_connect{10};

config::Problem problem_of(const std::string& path, const Error& why) {
  return {path, 0, 0, false, why.message()};
}

// What the configuration's own tests say: one problem for each that fails.
void run_tests(const std::string& path, const config::Config& config, Problems& problems) {
  const auto ran = rehearsal::Rehearsal::run([&] {
    for (const auto& result : rehearsal::run_tests(config, config.tests, session::system_clock_seconds())) {
      if (result.mismatch.empty()) continue;
      config::Place place = config::place_of(config.sources, result.test.line);
      problems.push_back({std::move(place.file), place.line, 1, false, "test failed: " + result.mismatch});
    }
  });
  if (!ran) problems.push_back(problem_of(path, ran.error()));
}

/// What came of entering a target.
struct Entered {
  std::string target;
  std::string server_version;
  bool tls = false;
  std::string failure;  ///< empty: it was entered
};

std::vector<Entered> enter_targets(const config::Config& config) {
  std::vector<Entered> all;
  for (const config::Target& target : config.targets) {
    if (target.engine != config::EngineKind::postgresql) continue;
    Entered entered{.target = target.name};
    const auto probe = adapters::probe_server(target.upstream, longest_connect);
    if (probe) {
      entered.server_version = probe->server_version;
      entered.tls = probe->tls;
    } else {
      entered.failure = probe.error().message();
    }
    all.push_back(std::move(entered));
  }
  return all;
}

/// All that a check has found.
struct Findings {
  Problems problems;
  std::vector<Entered> entered;
  std::string version;
  bool good = false;
};

void look_further(const ConfigCheck& check, const config::Config& config, Findings& findings) {
  run_tests(check.config_path, config, findings.problems);
  for (const auto& checked : {AuditSinks::check(config), Witnesses::check(config), LogKeeper::check(config)}) {
    if (!checked) findings.problems.push_back(problem_of(check.config_path, checked.error()));
  }
  if (check.connect) findings.entered = enter_targets(config);
  findings.version = config.version;
}

Findings find(const ConfigCheck& check) {
  Findings findings;
  const auto snapshot = load_snapshot(check.config_path, findings.problems);
  if (snapshot) look_further(check, snapshot->config, findings);
  const bool problems = std::any_of(findings.problems.begin(), findings.problems.end(),
                                    [&](const config::Problem& one) { return check.strict || !one.warning; });
  const bool shut = std::any_of(findings.entered.begin(), findings.entered.end(),
                                [](const Entered& one) { return !one.failure.empty(); });
  findings.good = snapshot && !problems && !shut;
  return findings;
}

std::string json_of(const ConfigCheck& check, const Findings& findings) {
  json::array problems;
  for (const config::Problem& one : findings.problems) {
    problems.push_back({{"file", one.file},
                        {"line", one.line},
                        {"column", one.column},
                        {"severity", one.warning ? "warning" : "error"},
                        {"message", one.text}});
  }
  json::object all{{"ok", findings.good}, {"file", check.config_path}, {"problems", std::move(problems)}};
  if (!findings.version.empty()) all["config"] = findings.version;
  json::array targets;
  for (const Entered& one : findings.entered) {
    json::object target{{"name", one.target}, {"ok", one.failure.empty()}};
    if (!one.failure.empty()) target["error"] = one.failure;
    if (one.failure.empty()) target["server_version"] = one.server_version;
    if (one.failure.empty()) target["tls"] = one.tls;
    targets.push_back(std::move(target));
  }
  if (check.connect) all["targets"] = std::move(targets);
  return json::serialize(all);
}

void print_problems(const Problems& problems, std::ostream& errors) {
  for (const config::Problem& problem : problems)
    errors << problem.line_text() << '\n';
}

void print_lines(const ConfigCheck& check, const Findings& findings, std::ostream& out, std::ostream& errors) {
  print_problems(findings.problems, errors);
  for (const Entered& one : findings.entered) {
    if (one.failure.empty()) {
      out << "target " << one.target << ": PostgreSQL " << one.server_version << (one.tls ? " by TLS" : "") << '\n';
    } else {
      errors << check.config_path << ": error: target " << one.target << ": " << one.failure << '\n';
    }
  }
  if (findings.good) out << check.config_path << ": ok\n";
}

}  // namespace

std::shared_ptr<Snapshot> load_snapshot(const std::string& path, Problems& problems) {
  config::Loaded loaded = config::load_file(path);
  problems = std::move(loaded.problems);
  if (!loaded.config) return nullptr;
  auto listed = policy::check_statement_lists(*loaded.config, path);
  const auto filters = policy::check_filters(*loaded.config, path);
  listed.insert(listed.end(), filters.begin(), filters.end());
  for (config::Problem problem : listed) {
    config::Place place = config::place_of(loaded.config->sources, problem.line);
    problem.file = std::move(place.file);
    problem.line = place.line;
    problems.push_back(std::move(problem));
  }
  if (!listed.empty()) return nullptr;
  if (const auto meant = adapters::store::check_store(loaded.config->store); !meant) {
    problems.push_back(problem_of(path, meant.error()));
    return nullptr;
  }
  auto snapshot = make_snapshot(std::move(*loaded.config));
  if (snapshot) return *snapshot;
  problems.push_back(problem_of(path, snapshot.error()));
  return nullptr;
}

int check_config(const ConfigCheck& check, std::ostream& out, std::ostream& errors) {
  const Findings findings = find(check);
  if (check.json) {
    out << json_of(check, findings) << '\n';
  } else {
    print_lines(check, findings, out, errors);
  }
  return findings.good ? 0 : 1;
}

int print_config(const std::string& path, std::ostream& out, std::ostream& errors) {
  const config::Effective effective = config::load_effective(path);
  print_problems(effective.problems, errors);
  out << effective.yaml;
  return effective.yaml.empty() ? 1 : 0;
}

}  // namespace dbgate::app
