#include <boost/json.hpp>
#include <iostream>

#include "cli/commands/commands.h"
#include "cli/output.h"
#include "config/loader.h"
#include "gateway/rehearsal/diff.h"
#include "gateway/rehearsal/learn.h"
#include "gateway/rehearsal/tests.h"

namespace dbgate::cli {
namespace {

namespace json = boost::json;

void print_problems(const std::vector<config::Problem>& problems) {
  for (const config::Problem& problem : problems) {
    if (!problem.warning) std::cerr << problem.line_text() << '\n';
  }
}

config::Config load_config(const std::string& path) {
  config::Loaded loaded = config::load_file(path, config::Purpose::judge);
  print_problems(loaded.problems);
  if (!loaded.config) throw Problem{Exit::usage, "cannot use the configuration " + path, "", ""};
  return std::move(*loaded.config);
}

/// A configuration and what is expected of it.
struct Task {
  config::Config config;
  std::vector<config::PolicyTest> tests;
};

Task load_task(const PolicyOptions& policy) {
  config::LoadedTests loaded = config::load_tests(policy.file);
  print_problems(loaded.problems);
  if (loaded.failed) throw Problem{Exit::usage, "cannot use the tests in " + policy.file, "", ""};
  std::string config = policy.config.empty() ? loaded.config : policy.config;
  if (loaded.is_configuration && config.empty()) config = policy.file;
  if (config.empty()) {
    throw Problem{Exit::usage, policy.file + " names no configuration", "add --config FILE, or config: FILE to it", ""};
  }
  Task task{load_config(config), std::move(loaded.tests)};
  if (loaded.is_configuration) task.tests = policy.config.empty() ? task.config.tests : load_config(policy.file).tests;
  if (task.tests.empty()) throw Problem{Exit::usage, policy.file + " has no tests", "add a list tests: to it", ""};
  return task;
}

template <class Work>
void run(Work&& work) {
  const auto ran = rehearsal::Rehearsal::run(work);
  if (ran) return;
  const Error why = ran.error();
  throw Problem{Exit::failure, why.message(), why.hint(), ""};
}

rehearsal::History load_history(const std::string& directory) {
  auto history = rehearsal::read_history(directory);
  if (history) return std::move(*history);
  const Error why = history.error();
  throw Problem{Exit::not_found, why.message(), why.hint(), ""};
}

// On one line, and not longer than a line of a table should be.
std::string shown(const std::string& sql) {
  constexpr std::size_t longest = 100;
  std::string line;
  for (const char c : sql) {
    const bool blank = static_cast<unsigned char>(c) < 0x20 || c == ' ';
    if (!blank) line += c;
    if (blank && !line.empty() && line.back() != ' ') line += ' ';
  }
  if (line.size() <= longest) return line;
  std::size_t end = longest;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xc0) == 0x80)
    --end;
  return line.substr(0, end) + "…";
}

std::string last_reason(const rehearsal::Outcome& outcome) {
  return outcome.reasons.empty() ? outcome.message : outcome.reasons.back();
}

json::object object_of(const rehearsal::Outcome& outcome) {
  return {{"effect", outcome.effect}, {"rule", outcome.rule}, {"reasons", json::value_from(outcome.reasons)}};
}

void print_json(const Options& options, const json::array& items, json::object whole) {
  if (options.output == "jsonl") {
    for (const json::value& item : items)
      std::cout << json::serialize(item) << '\n';
    return;
  }
  whole["items"] = items;
  std::cout << json::serialize(whole) << '\n';
}

}  // namespace

Exit policy_test(const Options& options, const PolicyOptions& policy) {
  const Task task = load_task(policy);
  std::vector<rehearsal::TestResult> results;
  run([&] { results = rehearsal::run_tests(task.config, task.tests, session::system_clock_seconds()); });
  Listing listing{{"line", "result", "as", "on", "sql", "effect", "rule", "reason"}, {}};
  json::array items;
  std::size_t failed = 0;
  for (const rehearsal::TestResult& result : results) {
    const bool passed = result.mismatch.empty();
    failed += passed ? 0 : 1;
    const config::PolicyTest& test = result.test;
    listing.rows.push_back({std::to_string(test.line), passed ? "ok" : "FAILED", test.user, test.target,
                            shown(test.sql), result.outcome.effect, result.outcome.rule,
                            passed ? last_reason(result.outcome) : result.mismatch});
    json::object item{
        {"line", test.line}, {"passed", passed}, {"as", test.user}, {"on", test.target}, {"sql", test.sql}};
    item["expect"] = test.expect;
    item["outcome"] = object_of(result.outcome);
    if (!passed) item["mismatch"] = result.mismatch;
    items.push_back(std::move(item));
  }
  if (wants_json(options)) {
    print_json(options, items, {{"tests", results.size()}, {"failed", failed}});
  } else {
    print_listing(listing, options, std::cout);
  }
  std::cerr << results.size() << (results.size() == 1 ? " test, " : " tests, ") << failed << " failed\n";
  return failed == 0 ? Exit::ok : Exit::failure;
}

Exit policy_diff(const Options& options, const PolicyOptions& policy) {
  const config::Config before = load_config(policy.before);
  const config::Config after = load_config(policy.after);
  const rehearsal::History history = load_history(policy.audit.empty() ? before.state_dir + "/audit" : policy.audit);
  std::vector<rehearsal::Change> changes;
  run([&] { changes = rehearsal::compare(before, after, history); });
  Listing listing{{"user", "target", "count", "old", "old_rule", "new", "new_rule", "reason", "sql"}, {}};
  json::array items;
  for (const rehearsal::Change& change : changes) {
    const rehearsal::Asked& asked = *change.asked;
    listing.rows.push_back({asked.user, asked.target, std::to_string(asked.count), change.before.effect,
                            change.before.rule, change.after.effect, change.after.rule, last_reason(change.after),
                            shown(asked.text)});
    items.push_back({{"user", asked.user},
                     {"target", asked.target},
                     {"sql", asked.text},
                     {"count", asked.count},
                     {"old", object_of(change.before)},
                     {"new", object_of(change.after)}});
  }
  if (wants_json(options)) {
    print_json(options, items,
               {{"statements", history.asked.size()}, {"changed", changes.size()}, {"unread", history.unread}});
  } else {
    print_listing(listing, options, std::cout);
  }
  std::cerr << changes.size() << " of " << history.asked.size() << " statements change";
  if (history.unread + history.malformed > 0) {
    std::cerr << "; " << history.unread + history.malformed << " records without a statement";
  }
  std::cerr << '\n';
  return changes.empty() ? Exit::ok : Exit::failure;
}

Exit policy_learn(const Options& options, const PolicyOptions& policy) {
  const rehearsal::History history = load_history(policy.audit);
  const rehearsal::Proposal proposal = rehearsal::propose(history, policy.user, policy.target);
  if (proposal.texts == 0) {
    throw Problem{Exit::not_found, "nothing was learnt of " + policy.user + " on " + policy.target,
                  "set mode: learn in a policy for the two and let the application run", ""};
  }
  if (wants_json(options)) {
    std::cout << json::serialize(json::object{{"statements", json::value_from(proposal.shapes)},
                                              {"texts", proposal.texts},
                                              {"unlisted", proposal.unlisted}})
              << '\n';
  } else {
    std::cout << proposal.yaml;
  }
  std::cerr << proposal.shapes.size() << " statements from " << proposal.texts << " texts";
  if (proposal.unlisted > 0) std::cerr << "; " << proposal.unlisted << " texts have one that cannot be listed";
  std::cerr << '\n';
  return Exit::ok;
}

}  // namespace dbgate::cli
