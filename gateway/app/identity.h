#pragma once
#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "config/schema.h"
#include "gateway/app/following.h"
#include "gateway/base/thread.h"
#include "gateway/identity/oidc_sign_in.h"
#include "gateway/identity/password_sign_in.h"
#include "gateway/identity/token_service.h"
#include "gateway/net/stream.h"
#include "gateway/ports/http_client.h"
#include "gateway/ports/jose.h"
#include "gateway/ports/password_hasher.h"
#include "gateway/ports/store.h"

namespace dbgate::app {

class CurrentSnapshot;

/// Who people are: the store, and everything that rests on it. All of it may be used from any thread and blocks; on an
/// event loop through net::run_on(blocking()).
class Identity {
 public:
  /// Opens the store that the configuration names, and reads its keys. @param current  whom tokens and passwords let
  /// in: users of the snapshot in force. Errors: those of adapters::store::open_store.
  static Result<std::unique_ptr<Identity>> open(const config::Config& config, const CurrentSnapshot& current);
  ~Identity();
  Identity(const Identity&) = delete;
  Identity& operator=(const Identity&) = delete;

  ports::store::Store& store() noexcept { return *store_; }
  identity::TokenService& tokens() noexcept { return *tokens_; }
  identity::PasswordSignIn& passwords() noexcept { return *passwords_; }
  identity::OidcSignIn& oidc() noexcept { return *oidc_; }
  ports::PasswordHasher& hasher() noexcept { return *hasher_; }
  /// What the configuration file has of the user; nothing: no password.
  std::optional<auth::ScramVerifier> file_verifier(std::string_view user) const;
  /// Whether sign-ins let the user in: the snapshot in force has it.
  bool known(std::string_view user) const;
  /// Run by threads that may wait for the store; those that ask other people's servers have their own.
  net::Executor blocking() { return blocking_.get_executor(); }
  /// For what proves a password: hashes take long, and nothing else may wait behind them.
  net::Executor sign_ins() { return sign_ins_.get_executor(); }
  net::Executor providers() { return providers_.get_executor(); }

  /// What is in the store that the snapshot is made of. Blocks. Errors: the store's.
  Result<std::shared_ptr<const ports::store::Directory>> load();
  /// Tells of every change, on a thread of its own, by load()ing; coalesced. Ends with stop().
  void follow(std::function<void(std::shared_ptr<const ports::store::Directory>)> changed);
  /// Returns when what is in force is made of the store as it is now, or after `patience`. On an event loop.
  Task<> caught_up(std::chrono::milliseconds patience);
  Following& following() noexcept { return following_; }
  /// Somebody got in by it: the store notes when, about once a minute. Any thread; does not wait.
  void note_used(const std::string& credential);
  /// Whether the store cannot be reached now. Any thread.
  bool lost() const noexcept { return lost_.load(std::memory_order_relaxed); }
  /// Nothing calls back afterwards, and what waits in the pools is dropped.
  void stop();

 private:
  explicit Identity(const CurrentSnapshot& current) : current_(current) {}
  void on_event(const ports::store::Event& event);
  void sweep_later();
  void reload();
  void reload_soon();

  const CurrentSnapshot& current_;
  Following following_;
  std::unique_ptr<ports::store::Store> store_;
  std::unique_ptr<ports::Jose> jose_;
  std::unique_ptr<ports::PasswordHasher> hasher_;
  std::unique_ptr<ports::HttpClient> http_;
  std::unique_ptr<identity::TokenService> tokens_;
  std::unique_ptr<identity::PasswordSignIn> passwords_;
  std::unique_ptr<identity::OidcSignIn> oidc_;
  boost::asio::io_context blocking_;
  boost::asio::io_context sign_ins_;
  boost::asio::io_context providers_;
  boost::asio::steady_timer sweeping_{blocking_};
  boost::asio::steady_timer reloading_{blocking_};  // used under loading_
  std::vector<std::unique_ptr<Thread>> threads_;
  std::mutex using_;  // of what follows
  std::map<std::string, std::int64_t, std::less<>> used_us_;
  std::mutex loading_;  // one at a time, so that what is told comes in order
  std::atomic<bool> asked_{false};
  std::atomic<bool> lost_{false};
  std::function<void(std::shared_ptr<const ports::store::Directory>)> changed_;
  std::unique_ptr<ports::store::Watch> watch_;
};

}  // namespace dbgate::app
