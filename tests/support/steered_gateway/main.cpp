// The gateway in one process with somebody who speaks to it: lines on standard input, one JSON text a line in answer.
//
//   password USER ID PASSWORD TARGET EXPIRES
//                                        gives the user a database password; TARGET may be -, EXPIRES 0
//   revoke ID                            ends a credential
//   apply                                puts the configuration file with all that in force
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
#include "gateway/auth/random.h"
#include "gateway/base/log.h"
#include "gateway/sql/analyze.h"

namespace {

using namespace dbgate;

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
  app::Gateway gateway(path, std::move(*snapshot));
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
