#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <iostream>

#include "config/loader.h"
#include "gateway/adapters/stderr_log.h"
#include "gateway/adapters/store/open_store.h"
#include "gateway/app/create_admin.h"
#include "gateway/app/gateway.h"
#include "gateway/app/model_check.h"
#include "gateway/app/replay_risk.h"
#include "gateway/app/rotate_keys.h"
#include "gateway/auth/scram_verifier.h"
#include "gateway/policy/row_filters.h"
#include "gateway/policy/statement_lists.h"
#include "gateway/rehearsal/tests.h"
#include "gateway/risk/reference.h"
#include "gateway/sql/analyze.h"

namespace {

using namespace dbgate;

constexpr int usage_error = 2;

// Problems on standard error, one line each. Empty if there is an error among them.
std::shared_ptr<app::Snapshot> load(const std::string& path, bool strict) {
  config::Loaded loaded = config::load_file(path);
  bool warned = false;
  for (const config::Problem& problem : loaded.problems) {
    std::cerr << problem.line_text() << '\n';
    warned = warned || problem.warning;
  }
  if (!loaded.config || (strict && warned)) return nullptr;
  auto listed = policy::check_statement_lists(*loaded.config, path);
  const auto filters = policy::check_filters(*loaded.config, path);
  listed.insert(listed.end(), filters.begin(), filters.end());
  for (const config::Problem& problem : listed)
    std::cerr << problem.line_text() << '\n';
  if (!listed.empty()) return nullptr;
  if (const auto meant = adapters::store::check_store(loaded.config->store); !meant) {
    const Error why = meant.error();
    std::cerr << path << ": error: " << why.message() << '\n';
    return nullptr;
  }
  auto snapshot = app::make_snapshot(std::move(*loaded.config));
  if (snapshot) return *snapshot;
  const Error why = snapshot.error();
  std::cerr << path << ": error: " << why.message() << '\n';
  return nullptr;
}

// What the configuration's own tests say, one line for each that fails. False if any does.
bool tests_pass(const std::string& path, const config::Config& config) {
  bool passed = true;
  const auto ran = rehearsal::Rehearsal::run([&] {
    for (const auto& result : rehearsal::run_tests(config, config.tests, session::system_clock_seconds())) {
      if (result.mismatch.empty()) continue;
      std::cerr << path << ":" << result.test.line << ": test failed: " << result.mismatch << '\n';
      passed = false;
    }
  });
  if (ran) return passed;
  const Error why = ran.error();
  std::cerr << "dbgate-gateway: " << why.message() << '\n';
  return false;
}

int make_verifier() {
  std::string password;
  if (!std::getline(std::cin, password) || password.empty()) {
    std::cerr << "dbgate-gateway: no password on standard input\n"
                 "  hint: printf '%s\\n' \"$PASSWORD\" | dbgate-gateway scram-verifier\n";
    return usage_error;
  }
  std::cout << auth::format_scram_verifier(auth::make_scram_verifier(password)) << '\n';
  return 0;
}

int serve(const std::string& path) {
  auto inherited = app::Inheritance::take();
  if (!inherited) {
    const Error why = inherited.error();
    std::cerr << "dbgate-gateway: " << why.message() << "\n  hint: " << why.hint() << '\n';
    return usage_error;
  }
  const auto tested = sql::self_test();
  if (!tested) {
    const Error why = tested.error();
    std::cerr << "dbgate-gateway: " << why.message() << '\n';
    return 1;
  }
  auto snapshot = load(path, false);
  if (!snapshot) return 1;
  const auto sink = adapters::make_stderr_log(snapshot->config.log_format == "json");
  log::set_sink(sink.get());
  log::set_level(adapters::level_named(snapshot->config.log_level));
  // Both would end the process for what is one session's trouble, or the audit log's: the failed write says so.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  // A session takes two descriptors; shells start programs with room for 1024.
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
  app::Gateway gateway(path, std::move(snapshot), std::move(*inherited));
  const auto started = gateway.start();
  if (!started) {
    const Error why = started.error();
    log::error("gateway", "cannot start", {{"err", why.message()}});
    return 1;
  }
  gateway.run();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App options("dbgate-gateway: a gateway in front of databases that judges and audits every statement.");
  std::string config_path = "/etc/dbgate/gateway.yaml";
  bool check = false;
  bool strict = false;
  options.add_option("-c,--config", config_path, "configuration file")->capture_default_str();
  options.add_flag("--check-config", check, "check the configuration, run its tests and exit: 0 ok, 1 errors");
  options.add_flag("--strict", strict, "with --check-config: warnings are errors");
  options.set_version_flag("--version", std::string("dbgate-gateway ") + DBGATE_VERSION);
  CLI::App* const verifier = options.add_subcommand(
      "scram-verifier", "read a password from standard input and print what users.scram_verifier needs");
  CLI::App* const rotation = options.add_subcommand(
      "rotate-keys", "wrap the secrets of the identity store with the first key of encryption.keys");
  rotation->add_option("-c,--config", config_path, "configuration file")->capture_default_str();
  std::string administrator;
  CLI::App* const first_admin =
      options.add_subcommand("create-admin", "make an administrator, or reset one, and print a one-time password");
  first_admin->add_option("NAME", administrator, "the user's name")->required();
  first_admin->add_option("-c,--config", config_path, "configuration file")->capture_default_str();
  CLI::App* const rules = options.add_subcommand("risk-rules", "print the rules of risk as a Markdown table");
  app::ModelCheck models;
  CLI::App* const model_check = options.add_subcommand(
      "model-check", "ask each configured model one question: what came of it, how long it took, how many tokens");
  model_check->add_option("-c,--config", config_path, "configuration file")->capture_default_str();
  model_check->add_option("--provider", models.provider, "ask this one alone");
  model_check->add_flag("--json", models.json, "print one JSON object for each");
  model_check->add_flag("--brief", models.brief, "print what is sent, and ask nobody");
  std::string records = "-";
  CLI::App* const replay = options.add_subcommand(
      "replay-risk",
      "combine again what audit records say of rules and models, and print what comes to something else");
  replay->add_option("FILE", records, "audit records, one on each line; -: standard input")->capture_default_str();
  try {
    options.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    const int code = options.exit(problem);
    return code == 0 ? 0 : usage_error;
  }
  if (verifier->parsed()) return make_verifier();
  if (rotation->parsed()) return app::rotate_keys(config_path, std::cout, std::cerr);
  if (first_admin->parsed()) return app::create_admin(administrator, config_path, std::cout, std::cerr);
  if (rules->parsed()) {
    std::cout << risk::reference();
    return 0;
  }
  if (model_check->parsed()) {
    models.config_path = config_path;
    return app::check_models(models, std::cout, std::cerr);
  }
  if (replay->parsed()) return app::replay_risk(records, std::cin, std::cout, std::cerr);
  if (!check) return serve(config_path);
  const auto snapshot = load(config_path, strict);
  if (!snapshot || !tests_pass(config_path, snapshot->config)) return 1;
  for (const auto& checked : {app::AuditSinks::check(snapshot->config), app::Witnesses::check(snapshot->config)}) {
    if (checked) continue;
    const Error why = checked.error();
    std::cerr << config_path << ": " << why.message() << '\n';
    return 1;
  }
  std::cout << config_path << ": ok\n";
  return 0;
}
