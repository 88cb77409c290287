// The gateway in one process with somebody who speaks to it: lines on standard input, one JSON text a line in answer.
//
//   sessions                             all sessions
//   end ID BY REASON…                    ends one
//   password USER ID PASSWORD TARGET EXPIRES
//                                        gives the user a database password; TARGET may be -, EXPIRES 0
//   revoke ID                            ends a credential
//   apply                                puts the configuration file with all that in force
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <csignal>
#include <future>
#include <iostream>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "config/loader.h"
#include "gateway/adapters/stderr_log.h"
#include "gateway/app/gateway.h"
#include "gateway/audit/json.h"
#include "gateway/auth/random.h"
#include "gateway/base/log.h"
#include "gateway/sql/analyze.h"

namespace {

using namespace dbgate;

/// Runs a task where the API runs, and waits for it.
template <class T>
T run_there(app::ApiSide& api, Task<T> task) {
  auto done = boost::asio::co_spawn(api.executor(), std::move(task), boost::asio::use_future);
  net::nudge(api.executor());
  return done.get();
}

std::string answer_of(const Result<>& result) {
  return result ? "{\"ok\":true}" : "{\"code\":\"" + std::string(result.error().code().text()) + "\"}";
}

class Steering {
 public:
  Steering(app::Gateway& gateway, std::string path) : gateway_(gateway), path_(std::move(path)) {}

  std::string run(const std::string& line) {
    std::istringstream words(line);
    std::string command;
    words >> command;
    if (command == "sessions") return sessions();
    if (command == "end") return end(words);
    if (command == "password") return password(words);
    if (command == "apply") return answer_of(apply());
    if (command == "revoke") {
      std::string id;
      words >> id;
      ended_.insert(id);
      return "{\"ok\":true}";
    }
    return "{\"code\":\"unknown command\"}";
  }

 private:
  std::string sessions() {
    std::string list = "[";
    for (const ports::SessionSummary& session : run_there(*gateway_.api(), gateway_.api()->service().sessions())) {
      std::string fields;
      const auto text = [&fields](const char* key, const std::string& value) {
        audit::append_field(fields, key, std::string_view(value));
      };
      const auto number = [&fields](const char* key, auto value) {
        audit::append_field(fields, key, static_cast<std::uint64_t>(value));
      };
      text("id", session.id);
      text("user", session.user);
      text("target", session.target);
      text("database", session.database);
      text("client_address", session.client_address);
      number("client_port", session.client_port);
      text("application", session.application);
      text("auth_method", session.auth_method);
      text("credential", session.credential);
      number("credential_expires", session.credential_expires);
      number("started_us", session.started_us);
      text("state", session.state);
      text("bound_by", session.bound_by);
      number("statements", session.statements);
      number("bytes_from_client", session.bytes_from_client);
      number("bytes_to_client", session.bytes_to_client);
      number("statement_started_us", session.statement_started_us);
      list += (list.size() > 1 ? ",{" : "{") + fields.substr(1) + "}";
    }
    return list + "]";
  }

  std::string end(std::istringstream& words) {
    std::string id;
    std::string by;
    std::string reason;
    words >> id >> by >> std::ws;
    std::getline(words, reason);
    return answer_of(run_there(*gateway_.api(), gateway_.api()->service().end_session(id, by, reason)));
  }

  std::string password(std::istringstream& words) {
    std::string user;
    std::string text;
    config::DatabasePassword made;
    words >> user >> made.id >> text >> made.target >> made.expires;
    if (made.target == "-") made.target.clear();
    config::User& holder = holders_[user];
    if (holder.scram_salt.empty()) {
      const config::Loaded loaded = config::load_file(path_);
      for (const config::User& known : loaded.config->users) {
        const auto own = auth::parse_scram_verifier(known.scram_verifier);
        if (known.name == user && own) holder.scram_salt = own->salt;
      }
      if (holder.scram_salt.empty()) holder.scram_salt = auth::random_bytes(16);
    }
    const auth::ScramKeys keys = auth::make_scram_keys(text, holder.scram_salt, holder.scram_iterations);
    made.stored_key = keys.stored_key;
    made.server_key = keys.server_key;
    holder.database_passwords.push_back(std::move(made));
    return "{\"ok\":true}";
  }

  Result<> apply() {
    config::Loaded loaded = config::load_file(path_);
    if (!loaded.config) return Error(sqlstate::internal_error, "no configuration");
    for (config::User& user : loaded.config->users) {
      const auto holder = holders_.find(user.name);
      if (holder == holders_.end()) continue;
      user.scram_salt = holder->second.scram_salt;
      user.database_passwords = holder->second.database_passwords;
    }
    loaded.config->ended_credentials = ended_;
    DBGATE_TRY(auto next, app::make_snapshot(std::move(*loaded.config)));
    std::promise<Result<>> done;
    net::post_to(gateway_.executor(), [&] { done.set_value(gateway_.apply(std::move(next))); });
    return done.get_future().get();
  }

  app::Gateway& gateway_;
  const std::string path_;
  std::map<std::string, config::User> holders_;
  std::set<std::string, std::less<>> ended_;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string path = argc == 3 ? argv[2] : "";
  config::Loaded loaded = config::load_file(path);
  if (!loaded.config || !sql::self_test()) return 1;
  const auto sink = adapters::make_stderr_log(true);
  log::set_sink(sink.get());
  log::set_level(adapters::level_named(loaded.config->log_level));
  std::signal(SIGPIPE, SIG_IGN);
  auto snapshot = app::make_snapshot(std::move(*loaded.config));
  if (!snapshot) return 1;
  app::Gateway gateway(path, std::move(*snapshot), {});
  const auto started = gateway.start();
  if (!started || gateway.api() == nullptr) return 1;
  // Standard input ends when the test does: the process may end before.
  std::thread([&gateway, path] {
    Steering steering(gateway, path);
    for (std::string line; std::getline(std::cin, line);)
      std::cout << steering.run(line) << std::endl;
  }).detach();
  gateway.run();
  return 0;
}
