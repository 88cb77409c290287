#include "cli/credential_store.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/files.h"
#include "cli/problem.h"

namespace dbgate::cli {
namespace {

std::string path() {
  return state_directory() + "/credentials.json";
}

bool kept_by_command(const Options& options) {
  if (options.credential_store != "command") return false;
  if (!options.credential_command.empty()) return true;
  throw Problem{Exit::usage, "credential_store is command, but there is no credential_command",
                "dbgate config set credential_command COMMAND"};
}

// Runs `COMMAND verb` with `input`; secrets pass through pipes only. @return its standard output
std::string run(const Options& options, const std::string& verb, const std::string& input) {
  int in[2];
  int out[2];
  if (::pipe2(in, O_CLOEXEC) != 0) throw Problem{Exit::failure, "cannot make a pipe", ""};
  if (::pipe2(out, O_CLOEXEC) != 0) {
    ::close(in[0]);
    ::close(in[1]);
    throw Problem{Exit::failure, "cannot make a pipe", ""};
  }
  const std::string line = options.credential_command + " " + verb;
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(in[0], STDIN_FILENO);
    ::dup2(out[1], STDOUT_FILENO);
    ::signal(SIGPIPE, SIG_DFL);
    ::execl("/bin/sh", "sh", "-c", line.c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  // Smaller than a pipe's buffer, or read by the command before it writes.
  const ssize_t wrote = ::write(in[1], input.data(), input.size());
  ::close(in[1]);
  std::string output;
  char buffer[4096];
  for (ssize_t got = 0; (got = ::read(out[0], buffer, sizeof buffer)) > 0;)
    output.append(buffer, static_cast<std::size_t>(got));
  ::close(out[0]);
  int status = 1;
  ::waitpid(child, &status, 0);
  if (child < 0 || status != 0 || wrote != static_cast<ssize_t>(input.size())) {
    throw Problem{Exit::failure, "the credential_command failed on \"" + verb + "\"",
                  "dbgate config get credential_command"};
  }
  return output;
}

}  // namespace

std::string read_credentials(const Options& options) {
  return kept_by_command(options) ? run(options, "get", "") : read_private_file(path());
}

void write_credentials(const Options& options, const std::string& text) {
  if (kept_by_command(options)) {
    run(options, "store", text);
  } else {
    write_private_file(path(), text);
  }
}

std::string credentials_place(const Options& options) {
  return kept_by_command(options) ? "what credential_command keeps" : path();
}

}  // namespace dbgate::cli
