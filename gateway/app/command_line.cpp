#include "gateway/app/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ostream>

#include "gateway/app/manual.h"

namespace dbgate::app {
namespace {

using Command = CommandLine::Command;

/// The table of options and subcommands: parsing, --help and the manual page are made of it.
class Table {
 public:
  explicit Table(CommandLine& line) : line_(line) {
    root_.set_version_flag("--version", std::string("dbgate-gateway ") + DBGATE_VERSION);
    add_serving();
    add_probes();
    add_admin();
    add_tools();
    add("__manual", Command::manual, "print the manual page")->group("");
  }

  CLI::App& root() { return root_; }

 private:
  CLI::App* add(const std::string& name, Command command, const std::string& help) {
    CLI::App* const added = root_.add_subcommand(name, help);
    added->callback([this, command] { line_.command = command; });
    return added;
  }

  void add_config(CLI::App& app) {
    app.add_option("-c,--config", line_.config_path, "configuration file")->capture_default_str();
  }

  CLI::Option* add_output(CLI::App& app, const std::string& help) {
    return app.add_option("-o,--output", output_, help)->check(CLI::IsMember({"text", "json"}))->type_name("FORMAT");
  }

  void add_duration(CLI::App& app, const std::string& name, std::chrono::milliseconds& target,
                    const std::string& help) {
    const auto read = [&target](const std::string& text) {
      if (!config::parse_duration(text, target)) throw CLI::ValidationError(text + " is no duration: 500ms, 30s, 5m");
    };
    app.add_option_function<std::string>(name, read, help)->type_name("DURATION");
  }

  void add_serving() {
    add_config(root_);
    root_.add_flag("--watch-files", line_.watch_files,
                   "reload when the configuration file, or one that it names, has changed");
    CLI::Option* const check =
        root_.add_flag("--check-config", checks_, "check the configuration, run its tests and exit");
    root_.add_flag("--strict", line_.config_check.strict, "with --check-config: warnings are errors")->needs(check);
    root_.add_flag("--connect", line_.config_check.connect, "with --check-config: enter the targets too")->needs(check);
    add_output(root_, "with --check-config: text, or json for programs")->needs(check);
    CLI::Option* const shown =
        root_.add_flag("--print-config", shows_, "print the configuration with variables replaced and secrets as ***");
    CLI::Option* const schema =
        root_.add_flag("--print-schema", shows_schema_, "print the JSON schema of configuration files");
    shown->excludes(check, schema);
    schema->excludes(check);
    root_.callback([this] {
      if (!root_.get_subcommands().empty()) return;
      if (checks_) line_.command = Command::check_config;
      if (shows_) line_.command = Command::print_config;
      if (shows_schema_) line_.command = Command::print_schema;
      line_.config_check.json = output_ == "json";
    });
  }

  void add_probes() {
    CLI::App* const health = add("healthcheck", Command::healthcheck,
                                 "ask the gateway's ops listener whether it takes clients: exit status 0, or 1");
    add_config(*health);
    health->add_option("--url", line_.probe.url, "where the ops listener is, instead of asking the configuration");
    const auto asks = [this](const char* path) { return [this, path](std::int64_t) { line_.probe.path = path; }; };
    CLI::Option* const live = health->add_flag_function("--live", asks("/livez"), "whether its event loops turn");
    health->add_flag_function("--startup", asks("/startupz"), "whether it has started")->excludes(live);
    add_duration(*health, "--timeout", line_.probe.timeout, "for an answer; 2s without");

    CLI::App* const wait = add("wait", Command::wait, "wait until the gateway takes clients: exit status 0, or 1");
    add_config(*wait);
    wait->add_option("--url", line_.probe.url, "where the ops listener is, instead of asking the configuration");
    wait->preparse_callback([this](std::size_t) { line_.probe.timeout = std::chrono::seconds(30); });
    add_duration(*wait, "--timeout", line_.probe.timeout, "how long; 30s without");
  }

  // Each of them asks the gateway that runs, at its admin socket.
  CLI::App* add_question(const std::string& name, const std::string& help) {
    CLI::App* const added = root_.add_subcommand(name, help);
    added->callback([this, name] {
      line_.command = Command::admin;
      line_.admin.command = name;
      line_.admin.json = output_ == "json";
    });
    add_config(*added);
    added->add_option("--socket", line_.admin.socket, "path of the admin socket, instead of asking the configuration")
        ->type_name("PATH");
    add_output(*added, "text, or json for programs");
    return added;
  }

  void add_admin() {
    const auto add_timeout = [this](CLI::App* app, const char* what) {
      add_duration(*app, "--timeout", line_.admin.timeout, what);
      return app;
    };
    constexpr const char* usual = "for an answer; 60s without";
    add_timeout(add_question("status", "print what the running gateway does, and which configuration is in force"),
                usual);
    add_timeout(
        add_question("reload", "have the running gateway read its configuration again, and print what came of it"),
        usual);
    CLI::App* const drain =
        add_question("drain", "have the running gateway end as SIGTERM does: no client in a transaction is cut off");
    drain->preparse_callback([this](std::size_t) { line_.admin.timeout = std::chrono::minutes(5); });
    drain->add_flag("--wait", line_.admin.wait, "until it has ended");
    add_timeout(drain, "how long; 5m without");
    CLI::App* const level = add_timeout(
        add_question("log-level", "change the log's level until log.level of the file changes, or a restart"), usual);
    level->add_option("LEVEL", line_.admin.level, "debug, info, warn, error or off")
        ->required()
        ->check(CLI::IsMember({"debug", "info", "warn", "error", "off"}));
    CLI::App* const kill = add_timeout(add_question("kill-session", "end one session of the running gateway"), usual);
    kill->add_option("ID", line_.admin.session, "of the session, as in the log and the audit log")->required();
    kill->add_option("--reason", line_.admin.reason, "for the user, and for the audit log")->type_name("TEXT");
  }

  void add_tools() {
    add("scram-verifier", Command::scram_verifier,
        "read a password from standard input and print what users.scram_verifier needs");
    add_config(*add("rotate-keys", Command::rotate_keys,
                    "wrap the secrets of the identity store with the first key of encryption.keys"));
    CLI::App* const admin = add("create-admin", Command::create_admin,
                                "make an administrator, or reset one, and print a one-time password");
    admin->add_option("NAME", line_.administrator, "the user's name")->required();
    add_config(*admin);
    add("risk-rules", Command::risk_rules, "print the rules of risk as a Markdown table");
    CLI::App* const models =
        add("model-check", Command::model_check,
            "ask each configured model one question: what came of it, how long it took, how many tokens");
    add_config(*models);
    models->add_option("--provider", line_.models.provider, "ask this one alone");
    models->add_flag("--json", line_.models.json, "print one JSON object for each");
    models->add_flag("--brief", line_.models.brief, "print what is sent, and ask nobody");
    CLI::App* const replay =
        add("replay-risk", Command::replay_risk,
            "combine again what audit records say of rules and models, and print what comes to something else");
    replay->add_option("FILE", line_.records, "audit records, one on each line; -: standard input")
        ->capture_default_str();
  }

  CommandLine& line_;
  bool checks_ = false;
  bool shows_ = false;
  bool shows_schema_ = false;
  std::string output_ = "text";
  CLI::App root_{"dbgate-gateway: a gateway in front of databases that judges and audits every statement."};
};

}  // namespace

CommandLine read_command_line(int argc, const char* const* argv, std::ostream& out, std::ostream& errors) {
  CommandLine line;
  Table table(line);
  try {
    table.root().parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    const int code = table.root().exit(problem, out, errors);
    line.ended = code == 0 ? 0 : usage_error;
  }
  if (!line.ended && line.command == Command::manual) {
    out << manual_page(table.root(), DBGATE_VERSION);
    line.ended = 0;
  }
  for (std::string* const path :
       {&line.config_check.config_path, &line.probe.config_path, &line.models.config_path, &line.admin.config_path})
    *path = line.config_path;
  return line;
}

}  // namespace dbgate::app
