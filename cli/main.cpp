#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <csignal>
#include <functional>
#include <iostream>

#include "cli/commands/commands.h"
#include "cli/output.h"

namespace {

using namespace dbgate::cli;

void print_problem(const Problem& problem, const Options& options) {
  if (wants_json(options)) {
    boost::json::object object{
        {"type", "about:blank"}, {"title", problem.cause}, {"exit_code", static_cast<int>(problem.exit)}};
    if (!problem.hint.empty()) object["hint"] = problem.hint;
    if (!problem.request_id.empty()) object["request_id"] = problem.request_id;
    std::cerr << boost::json::serialize(object) << '\n';
    return;
  }
  std::cerr << "dbgate: " << problem.cause << '\n';
  if (!problem.hint.empty()) std::cerr << "  hint: " << problem.hint << '\n';
  if (!problem.request_id.empty()) std::cerr << "  request: " << problem.request_id << '\n';
}

/// Everything that can stand on the command line.
class CommandLine {
 public:
  CommandLine() {
    app_.set_version_flag("--version", std::string("dbgate ") + DBGATE_VERSION);
    app_.require_subcommand(1);
    app_.add_option("--url", options_.url, "the gateway: https://HOST[:PORT] (DBGATE_URL)");
    app_.add_option("--ca-file", options_.ca_file, "certificates to trust, PEM (DBGATE_CA_FILE)");
    app_.add_option("-o,--output", options_.output, "table, wide, json, jsonl, csv, tsv or markdown")
        ->envname("DBGATE_OUTPUT")
        ->check(CLI::IsMember({"table", "wide", "json", "jsonl", "csv", "tsv", "markdown"}));
    app_.add_flag("-q,--quiet", options_.quiet, "names only");
    app_.add_flag("--no-headers", options_.no_headers, "no header row");
    app_.add_flag("--insecure", options_.insecure, "do not verify the gateway's certificate, for this one command");
    app_.fallthrough();
    add_account();
    add_check();
    add_connect();
    add_audit();
    add_policy();
    verb("version", "print the version", [] {
      std::cout << "dbgate " << DBGATE_VERSION << '\n';
      return 0;
    });
  }

  int run(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::ParseError& problem) {
      const int code = app_.exit(problem);
      return code == 0 ? 0 : static_cast<int>(Exit::usage);
    }
    try {
      if (options_.insecure) std::cerr << "dbgate: the gateway's certificate is not verified\n";
      return run_();
    } catch (const Problem& problem) {
      print_problem(problem, options_);
      return static_cast<int>(problem.exit);
    } catch (const std::exception& error) {
      print_problem({Exit::failure, error.what(), "", ""}, options_);
      return static_cast<int>(Exit::failure);
    }
  }

 private:
  CLI::App* verb(const char* name, const char* help, std::function<int()> action, CLI::App* under = nullptr) {
    CLI::App* command = (under == nullptr ? &app_ : under)->add_subcommand(name, help);
    command->fallthrough();
    command->callback([this, action = std::move(action)] { run_ = action; });
    return command;
  }

  void add_account() {
    CLI::App* in = verb("login", "sign in to a gateway", [this] { return static_cast<int>(login(options_, login_)); });
    in->add_option("--username", login_.username, "who to sign in as (default: your account's name)");
    in->add_flag("--password-stdin", login_.password_stdin, "read the password from standard input");
    in->add_flag("--with-token", login_.with_token, "read an access token from standard input");
    verb("logout", "revoke the token and forget it", [this] { return static_cast<int>(logout(options_)); });
    verb("whoami", "show who is signed in", [this] { return static_cast<int>(whoami(options_)); });
    verb("list", "list the targets that you may use", [this] {
      return static_cast<int>(list_targets(options_));
    })->alias("ls");
  }

  void add_check() {
    CLI::App* command = verb("check", "say what would be decided about a statement; nothing runs",
                             [this] { return static_cast<int>(check(options_, check_)); });
    command->add_option("target", check_.target, "target, or target/database")->required();
    auto* text = command->add_option("-c,--command", check_.sql, "the statement");
    command->add_option("--as", check_.principal,
                        "decide for this user; for those who may do everything on the target");
    command->add_option("-f,--file", check_.file, "a file with it; - is standard input")->excludes(text);
  }

  void add_connect() {
    CLI::App* command =
        verb("connect", "open a local tunnel to a target", [this] { return connect(options_, connect_); });
    command->add_option("target", connect_.target, "the target")->required();
    command->add_option("--database", connect_.database, "another database of the target");
    command->add_option("--listen", connect_.listen, "local address")->capture_default_str();
    command->add_flag("--allow-remote", connect_.allow_remote, "let --listen be more than loopback");
    command->add_option("--port", connect_.port, "local port; 0: any free one")->check(CLI::Range(0, 65535));
    command->add_option("--socket", connect_.socket, "listen on a Unix socket in this directory (0700) instead");
    command->add_flag("--no-local-password", connect_.no_local_password, "let every user of this machine in");
    command->add_flag("--psql", connect_.psql, "run psql in the tunnel (DBGATE_PSQL)");
    command->add_option("command", connect_.command, "a command to run in the tunnel, after --");
  }

  void add_audit() {
    CLI::App* group = app_.add_subcommand("audit", "read and verify an audit log");
    group->require_subcommand(1);
    group->fallthrough();
    CLI::App* tail = verb(
        "tail", "the last records", [this] { return static_cast<int>(audit_tail(options_, audit_)); }, group);
    tail->add_option("-n,--lines", audit_.lines, "how many")->capture_default_str();
    tail->add_flag("-f,--follow", audit_.follow, "go on as records come");
    CLI::App* search = verb(
        "search", "records that match", [this] { return static_cast<int>(audit_search(options_, audit_)); }, group);
    CLI::App* verify = verb(
        "verify", "prove that nothing was changed or is missing",
        [this] { return static_cast<int>(audit_verify(options_, audit_)); }, group);
    for (CLI::App* command : {tail, search, verify})
      command->add_option("directory", audit_.directory, "the gateway's audit directory")->required();
    for (CLI::App* command : {tail, search}) {
      command->add_option("--user", audit_.user, "of this user");
      command->add_option("--target", audit_.target, "on this target");
      command->add_option("--event", audit_.event, "of this kind, such as statement.decided");
      command->add_option("--effect", audit_.effect, "allow or deny");
      command->add_option("--text", audit_.text, "with this in the statement");
      command->add_option("--since", audit_.since, "from this time on (RFC 3339, UTC)");
      command->add_option("--until", audit_.until, "before this time");
    }
  }

  void add_policy() {
    CLI::App* group = app_.add_subcommand("policy", "test policies and compare them, without a gateway");
    group->require_subcommand(1);
    group->fallthrough();
    CLI::App* test = verb(
        "test", "hold a configuration against what is expected of it",
        [this] { return static_cast<int>(policy_test(options_, policy_)); }, group);
    test->add_option("file", policy_.file, "a file of tests, or a configuration with tests")->required();
    test->add_option("--config", policy_.config, "the configuration, if the file does not name it");
    CLI::App* diff = verb(
        "diff", "statements of an audit log that two configurations decide differently",
        [this] { return static_cast<int>(policy_diff(options_, policy_)); }, group);
    diff->add_option("old", policy_.before, "the configuration in force")->required();
    diff->add_option("new", policy_.after, "the other one")->required();
    diff->add_option("--audit", policy_.audit, "the gateway's audit directory (default: of the old configuration)");
    CLI::App* learn = verb(
        "learn", "propose a list of the statements that were seen while a policy learnt",
        [this] { return static_cast<int>(policy_learn(options_, policy_)); }, group);
    learn->add_option("--audit", policy_.audit, "the gateway's audit directory")->required();
    learn->add_option("--user", policy_.user, "whose statements")->required();
    learn->add_option("--target", policy_.target, "on which target")->required();
  }

  CLI::App app_{"dbgate: sign in to a database gateway, see what you may use, and open local tunnels."};
  Options options_;
  LoginOptions login_;
  CheckOptions check_;
  ConnectOptions connect_;
  AuditOptions audit_;
  PolicyOptions policy_;
  std::function<int()> run_;
};

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  CommandLine line;
  return line.run(argc, argv);
}
