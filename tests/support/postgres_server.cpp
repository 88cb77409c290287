#include "tests/support/postgres_server.h"

#include <fcntl.h>
#include <grp.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <stdexcept>
#include <thread>
#include <vector>

namespace dbgate::tests {
namespace {

// Starts a program as an ordinary user: PostgreSQL refuses to run as root.
pid_t launch(const std::vector<std::string>& command, const std::string& log) {
  std::vector<char*> arguments;
  for (const std::string& part : command)
    arguments.push_back(const_cast<char*>(part.c_str()));
  arguments.push_back(nullptr);
  const passwd* const user = ::getuid() == 0 ? ::getpwnam("postgres") : nullptr;
  const pid_t child = ::fork();
  if (child != 0) return child;
  if (user != nullptr && (::setgid(user->pw_gid) != 0 || ::setgroups(0, nullptr) != 0 || ::setuid(user->pw_uid) != 0))
    ::_exit(126);
  ::prctl(PR_SET_PDEATHSIG, SIGQUIT);
  const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  ::dup2(output, 1);
  ::dup2(output, 2);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

void wait_for(pid_t child, const std::string& log) {
  int status = 0;
  ::waitpid(child, &status, 0);
  if (status != 0) throw std::runtime_error("failed: " + read_file(log));
}

std::string conninfo(const std::string& directory) {
  return "host='" + directory + "' user=postgres dbname=postgres password='" + PostgresServer::password +
         "' options='-c client_min_messages=warning -c default_transaction_read_only=off'";
}

}  // namespace

PostgresServer::PostgresServer() {
  const std::string secret = directory_.file("password");
  write_file(secret, std::string(password) + "\n");
  if (const passwd* const user = ::getpwnam("postgres"); ::getuid() == 0 && user != nullptr) {
    for (const std::string& path : {directory_.path(), secret}) {
      if (::chown(path.c_str(), user->pw_uid, user->pw_gid) != 0) throw std::runtime_error("chown");
    }
  }
  const std::string log = directory_.file("initdb.log");
  wait_for(launch({POSTGRES_PROGRAMS "/initdb", "-D", directory_.file("data"), "-U", "postgres", "-A", "scram-sha-256",
                   "--pwfile=" + secret, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"},
                  log),
           log);
  start();
}

PostgresServer::~PostgresServer() {
  if (server_ <= 0) return;
  thaw();
  stop();
}

std::string PostgresServer::url(const std::string& schema) const {
  std::string host;
  for (const char c : directory())
    host += c == '/' ? "%2F" : std::string(1, c);
  return "postgresql://postgres@" + host + "/postgres?schema=" + schema;
}

std::string PostgresServer::sql(const std::string& statements) const {
  PGconn* const connection = PQconnectdb(conninfo(directory()).c_str());
  PGresult* const result = PQexec(connection, statements.c_str());
  const bool fine = PQresultStatus(result) == PGRES_TUPLES_OK || PQresultStatus(result) == PGRES_COMMAND_OK;
  const std::string cell = PQntuples(result) > 0 ? PQgetvalue(result, 0, 0) : "";
  const std::string why = PQerrorMessage(connection);
  PQclear(result);
  PQfinish(connection);
  if (!fine) throw std::runtime_error(why);
  return cell;
}

void PostgresServer::start() {
  const std::string log = directory_.file("log");
  server_ = launch({POSTGRES_PROGRAMS "/postgres", "-D", directory_.file("data"), "-k", directory(), "-c",
                    "listen_addresses=", "-c", "fsync=off", "-c", "log_min_messages=warning"},
                   log);
  while (PQping(conninfo(directory()).c_str()) != PQPING_OK) {
    if (::waitpid(server_, nullptr, WNOHANG) == server_) throw std::runtime_error("postgres: " + read_file(log));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));  // asks again, waits for nothing else
  }
}

void PostgresServer::stop() {
  ::kill(server_, SIGQUIT);
  ::waitpid(server_, nullptr, 0);
  server_ = -1;
}

// Every server process leads a session of its own, so there is no group to signal.
void PostgresServer::signal_all(int signal) const {
  const std::string own = std::to_string(server_);
  ::kill(server_, signal);
  // Only once it stands still it forks no more.
  if (signal == SIGSTOP) ::waitpid(server_, nullptr, WUNTRACED);
  std::ifstream children("/proc/" + own + "/task/" + own + "/children");
  for (pid_t child = 0; children >> child;)
    ::kill(child, signal);
}

void PostgresServer::freeze() {
  signal_all(SIGSTOP);
}

void PostgresServer::thaw() {
  signal_all(SIGCONT);
}

}  // namespace dbgate::tests
