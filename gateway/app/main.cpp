#include <sys/resource.h>

#include <csignal>
#include <iostream>

#include "config/effective.h"
#include "gateway/adapters/stderr_log.h"
#include "gateway/app/command_line.h"
#include "gateway/app/gateway.h"
#include "gateway/app/rotate_keys.h"
#include "gateway/auth/scram_verifier.h"
#include "gateway/risk/reference.h"
#include "gateway/sql/analyze.h"

namespace {

using namespace dbgate;

int make_verifier() {
  std::string password;
  if (!std::getline(std::cin, password) || password.empty()) {
    std::cerr << "dbgate-gateway: no password on standard input\n"
                 "  hint: printf '%s\\n' \"$PASSWORD\" | dbgate-gateway scram-verifier\n";
    return app::usage_error;
  }
  std::cout << auth::format_scram_verifier(auth::make_scram_verifier(password)) << '\n';
  return 0;
}

std::shared_ptr<app::Snapshot> load(const std::string& path) {
  std::vector<config::Problem> problems;
  auto snapshot = app::load_snapshot(path, problems);
  for (const config::Problem& problem : problems)
    std::cerr << problem.line_text() << '\n';
  return snapshot;
}

int serve(const std::string& path, bool watch_files) {
  auto inherited = app::Inheritance::take();
  if (!inherited) {
    const Error why = inherited.error();
    std::cerr << "dbgate-gateway: " << why.message() << "\n  hint: " << why.hint() << '\n';
    return app::usage_error;
  }
  const auto tested = sql::self_test();
  if (!tested) {
    const Error why = tested.error();
    std::cerr << "dbgate-gateway: " << why.message() << '\n';
    return 1;
  }
  const auto read_since = std::chrono::system_clock::now();
  auto snapshot = load(path);
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
  if (watch_files) gateway.watch_files(read_since);
  const auto started = gateway.start();
  if (!started) {
    const Error why = started.error();
    log::error("gateway", "cannot start", {{"err", why.message()}});
    gateway.give_up();
  }
  gateway.run();
  return 0;
}

int run(const app::CommandLine& line) {
  using Command = app::CommandLine::Command;
  switch (line.command) {
    case Command::serve:
      return serve(line.config_path, line.watch_files);
    case Command::check_config:
      return app::check_config(line.config_check, std::cout, std::cerr);
    case Command::print_config:
      return app::print_config(line.config_path, std::cout, std::cerr);
    case Command::print_schema:
      std::cout << config::schema_text();
      return 0;
    case Command::healthcheck:
      return app::ask_once(line.probe, std::cout, std::cerr);
    case Command::wait:
      return app::ask_until_good(line.probe, std::cout, std::cerr);
    case Command::admin:
      return app::ask_admin(line.admin, std::cout, std::cerr);
    case Command::scram_verifier:
      return make_verifier();
    case Command::rotate_keys:
      return app::rotate_keys(line.config_path, std::cout, std::cerr);
    case Command::create_admin:
      return app::create_admin(line.administrator, line.config_path, std::cout, std::cerr);
    case Command::risk_rules:
      std::cout << risk::reference();
      return 0;
    case Command::model_check:
      return app::check_models(line.models, std::cout, std::cerr);
    case Command::replay_risk:
      return app::replay_risk(line.records, std::cin, std::cout, std::cerr);
    case Command::manual:
      break;  // printed by whoever has the table
  }
  return app::usage_error;
}

}  // namespace

int main(int argc, char** argv) {
  const auto line = app::read_command_line(argc, argv, std::cout, std::cerr);
  return line.ended ? *line.ended : run(line);
}
