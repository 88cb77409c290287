#include <boost/json.hpp>
#include <iostream>

#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/problem.h"
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
  if (!loaded.config) throw Problem{Exit::usage, "cannot use the configuration " + path, ""};
  return std::move(*loaded.config);
}

/// A configuration and what is expected of it.
struct Task {
  config::Config config;
  std::vector<config::PolicyTest> tests;
  std::vector<config::SourceFile> sources;  ///< where the tests stand
};

Task load_task(const Call& call) {
  const std::string file = call.text("FILE");
  config::LoadedTests loaded = config::load_tests(file);
  print_problems(loaded.problems);
  if (loaded.failed) throw Problem{Exit::usage, "cannot use the tests in " + file, ""};
  std::string config = !call.has("config") ? loaded.config : call.text("config");
  if (loaded.is_configuration && config.empty()) config = file;
  if (config.empty()) {
    throw Problem{Exit::usage, file + " names no configuration", "add --config FILE, or config: FILE to it"};
  }
  Task task{load_config(config), std::move(loaded.tests), {{file, 0}}};
  if (loaded.is_configuration) {
    const config::Config with_tests = !call.has("config") ? task.config : load_config(file);
    task.tests = with_tests.tests;
    task.sources = with_tests.sources;
  }
  if (task.tests.empty()) throw Problem{Exit::usage, file + " has no tests", "add a list tests: to it"};
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

void print_result(const Options& options, const json::array& items, json::object whole) {
  if (options.output == "jsonl") {
    for (const json::value& item : items)
      std::cout << json::serialize(item) << '\n';
    return;
  }
  whole["items"] = items;
  std::cout << json::serialize(whole) << '\n';
}

std::string require(const Call& call, const std::string& flag) {
  if (!call.has(flag)) throw Problem{Exit::usage, call.verb->path + " needs --" + flag, "dbgate help policy learn"};
  return call.text(flag);
}

int test(const Call& call) {
  const Options& options = call.options;
  const Task task = load_task(call);
  std::vector<rehearsal::TestResult> results;
  run([&] { results = rehearsal::run_tests(task.config, task.tests, session::system_clock_seconds()); });
  Listing listing{{"line", "result", "as", "on", "sql", "effect", "rule", "reason"}, {}};
  json::array items;
  std::size_t failed = 0;
  for (const rehearsal::TestResult& result : results) {
    const bool passed = result.mismatch.empty();
    failed += passed ? 0 : 1;
    const config::PolicyTest& test = result.test;
    const config::Place place = config::place_of(task.sources, test.line);
    listing.items.push_back({{"line", place.line},
                             {"result", passed ? "ok" : "FAILED"},
                             {"as", test.user},
                             {"on", test.target},
                             {"sql", shown(test.sql)},
                             {"effect", result.outcome.effect},
                             {"rule", result.outcome.rule},
                             {"reason", passed ? last_reason(result.outcome) : result.mismatch}});
    json::object item{
        {"line", place.line}, {"passed", passed}, {"as", test.user}, {"on", test.target}, {"sql", test.sql}};
    item["file"] = place.file;
    item["expect"] = test.expect;
    item["outcome"] = object_of(result.outcome);
    if (!passed) item["mismatch"] = result.mismatch;
    items.push_back(std::move(item));
  }
  if (wants_json(options)) {
    print_result(options, items, {{"tests", results.size()}, {"failed", failed}});
  } else {
    print_listing(options, listing);
  }
  std::cerr << results.size() << (results.size() == 1 ? " test, " : " tests, ") << failed << " failed\n";
  return failed == 0 ? 0 : static_cast<int>(Exit::failure);
}

int diff(const Call& call) {
  const Options& options = call.options;
  const config::Config before = load_config(call.text("OLD"));
  const config::Config after = load_config(call.text("NEW"));
  const rehearsal::History history = load_history(call.text("audit", before.state_dir + "/audit"));
  std::vector<rehearsal::Change> changes;
  run([&] { changes = rehearsal::compare(before, after, history); });
  Listing listing{{"user", "target", "count", "old", "old_rule", "new", "new_rule", "reason", "sql"}, {}};
  json::array items;
  for (const rehearsal::Change& change : changes) {
    const rehearsal::Asked& asked = *change.asked;
    listing.items.push_back({{"user", asked.user},
                             {"target", asked.target},
                             {"count", asked.count},
                             {"old", change.before.effect},
                             {"old_rule", change.before.rule},
                             {"new", change.after.effect},
                             {"new_rule", change.after.rule},
                             {"reason", last_reason(change.after)},
                             {"sql", shown(asked.text)}});
    items.push_back({{"user", asked.user},
                     {"target", asked.target},
                     {"sql", asked.text},
                     {"count", asked.count},
                     {"old", object_of(change.before)},
                     {"new", object_of(change.after)}});
  }
  if (wants_json(options)) {
    print_result(options, items,
                 {{"statements", history.asked.size()}, {"changed", changes.size()}, {"unread", history.unread}});
  } else {
    print_listing(options, listing);
  }
  std::cerr << changes.size() << " of " << history.asked.size() << " statements change";
  if (history.unread + history.malformed > 0) {
    std::cerr << "; " << history.unread + history.malformed << " records without a statement";
  }
  std::cerr << '\n';
  return changes.empty() ? 0 : static_cast<int>(Exit::failure);
}

int learn(const Call& call) {
  const Options& options = call.options;
  const rehearsal::History history = load_history(require(call, "audit"));
  const rehearsal::Proposal proposal = rehearsal::propose(history, require(call, "user"), require(call, "target"));
  if (proposal.texts == 0) {
    throw Problem{Exit::not_found, "nothing was learnt of " + call.text("user") + " on " + call.text("target"),
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
  return 0;
}

}  // namespace

Verbs policy_verbs() {
  const Flag audit = option("--audit", Kind::directory, "DIR", "the gateway's audit directory");
  Verb hold{"policy test", "hold a configuration against what is expected of it"};
  hold.arguments = {{"FILE", Kind::file, "a file of tests, or a configuration with tests"}};
  hold.flags = {option("--config", Kind::file, "FILE", "the configuration, if the file does not name it")};
  hold.description =
      "The policy verbs need no gateway and no login, and judge with the gateway's own code. Secrets and certificates "
      "that a configuration names need not exist. Exits with 1 if a test fails, with 2 if a file cannot be used.";
  hold.run = test;
  Verb compare{"policy diff", "list statements of an audit log that two configurations decide differently"};
  compare.arguments = {{"OLD", Kind::file, "the configuration in force"}, {"NEW", Kind::file, "the other one"}};
  compare.flags = {
      option("--audit", Kind::directory, "DIR", "the gateway's audit directory (default: of OLD's state_dir)")};
  compare.description =
      "Judges every statement at the time at which it was last sent, alone, and by names as they are written: there is "
      "no "
      "server, and so no catalog, to look them up in or to see what is behind a view. Exits with 1 if anything "
      "changes.";
  compare.exits = {3};
  compare.run = diff;
  Verb propose{"policy learn", "propose a list of the statements that were seen while a policy learnt, as YAML"};
  propose.flags = {audit, option("--user", Kind::text, "USER", "whose statements"),
                   option("--target", Kind::text, "TARGET", "on which target")};
  propose.exits = {3};
  propose.run = learn;
  return {hold, compare, propose};
}

}  // namespace dbgate::cli
