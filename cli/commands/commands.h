#pragma once
#include <string>
#include <vector>

#include "cli/context.h"
#include "cli/problem.h"

// One function per verb, one file per family. Each prints data on standard output, everything else on standard error,
// and throws Problem when it cannot go on.
namespace dbgate::cli {

struct LoginOptions {
  std::string username;
  bool password_stdin = false;
  bool with_token = false;
};
Exit login(const Options& options, const LoginOptions& login);
Exit logout(const Options& options);
Exit whoami(const Options& options);
Exit list_targets(const Options& options);

struct CheckOptions {
  std::string target;
  std::string principal;  ///< whose rights decide; empty: one's own
  std::string sql;
  std::string file;
};
Exit check(const Options& options, const CheckOptions& check);

struct ConnectOptions {
  std::string target;
  std::string database;
  std::string listen = "127.0.0.1";
  bool allow_remote = false;
  int port = -1;  ///< -1: the remembered one, else the first free from 15432
  std::string socket;
  bool no_local_password = false;
  bool psql = false;
  std::vector<std::string> command;
};
/// @return the child's exit status when there is a command
int connect(const Options& options, const ConnectOptions& connect);

struct AuditOptions {
  std::string directory;  ///< the gateway's audit directory
  std::string user, target, event, effect, text, since, until;
  std::size_t lines = 20;
  bool follow = false;
};
Exit audit_tail(const Options& options, const AuditOptions& audit);
Exit audit_search(const Options& options, const AuditOptions& audit);
Exit audit_verify(const Options& options, const AuditOptions& audit);

struct PolicyOptions {
  std::string file;    ///< test: tests, or a configuration with tests
  std::string config;  ///< test: the configuration, if the file does not name it
  std::string before, after;
  std::string audit;  ///< diff, learn: the gateway's audit directory
  std::string user, target;
};
Exit policy_test(const Options& options, const PolicyOptions& policy);
Exit policy_diff(const Options& options, const PolicyOptions& policy);
Exit policy_learn(const Options& options, const PolicyOptions& policy);

}  // namespace dbgate::cli
