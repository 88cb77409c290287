#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "config/schema.h"
#include "gateway/auth/scram_verifier.h"
#include "gateway/net/tls.h"
#include "gateway/policy/engine.h"
#include "gateway/policy/limits.h"
#include "gateway/session/account.h"
#include "gateway/upstream/connection.h"

namespace dbgate::app {

/// A target, ready to be connected to.
struct Target {
  config::Target settings;
  upstream::ServerSpec server;
  std::string search_path;  ///< as the server setting is written: quoted names, comma-separated
};

/// What may be done by whom, and where: the part of a snapshot that stays as it is when credentials come and go, so
/// that verdicts that rest on it stay good. `config.users` is who there was when it was made.
struct Rules {
  explicit Rules(config::Config settings) : config(std::move(settings)), policies(config), limits(config) {}

  config::Config config;
  policy::PolicySet policies;
  policy::LimitTable limits;
  net::TlsContext postgres_tls;
  net::TlsContext api_tls;
  std::map<std::string, Target, std::less<>> targets;
};

/// The configuration and the identity store's directory in compiled form: immutable, versioned, shared by all threads.
struct Snapshot {
  explicit Snapshot(std::shared_ptr<const Rules> made)
      : rules(std::move(made)),
        config(rules->config),
        policies(rules->policies),
        limits(rules->limits),
        postgres_tls(rules->postgres_tls),
        api_tls(rules->api_tls),
        targets(rules->targets) {}

  const std::shared_ptr<const Rules> rules;
  const config::Config& config;
  const policy::PolicySet& policies;
  const policy::LimitTable& limits;
  const net::TlsContext& postgres_tls;
  const net::TlsContext& api_tls;
  const std::map<std::string, Target, std::less<>>& targets;
  /// All users, with the verifier of the file; one without fits no password.
  std::map<std::string, auth::ScramVerifier, std::less<>> users;
  std::map<std::string, session::AccountPtr, std::less<>> accounts;
  std::map<std::string, std::string, std::less<>> certificates;  ///< user by name (config/certificate_names.h)
  std::set<std::string, std::less<>> stored;                     ///< users of the identity store
  std::set<std::string, std::less<>> ended;                      ///< credentials that let nobody in any more
  std::vector<config::AccessGrant> access;                       ///< rights for a time, or over for a moment
  /// What they come to, by user and target. Not of the rules: verdicts of everybody else stay good when they change.
  std::map<std::string, std::map<std::string, std::shared_ptr<const policy::Temporary>, std::less<>>, std::less<>>
      temporary;
  std::uint64_t version = 0;

  /// The target and the database on its server that `name` (target or target/database) stands for; null if none.
  const Target* find(std::string_view name, std::string& database) const;
  /// What the user may do on the target at this moment, by policies and for a time; null: the target does not exist for
  /// the user. @param now seconds since 1970 UTC
  policy::TimedGrants grants_at(std::string_view user, std::string_view target, std::int64_t now) const;
  /// The same, with the rules whose hours it is not.
  std::shared_ptr<const policy::Grants> grants(std::string_view user, std::string_view target) const;

 private:
  const policy::Temporary* temporary_of(std::string_view user, std::string_view target) const;
};

net::KeepAlive keep_alive_of(const config::Limits& limits);

/// Reads certificates and compiles policies. Errors name the file or key that is at fault.
/// @param previous  whose rules are taken if the version of the configuration is the same; may be null
Result<std::shared_ptr<Snapshot>> make_snapshot(config::Config config, const Snapshot* previous = nullptr);

/// The snapshot in force. Swapped whole; what asks for the version alone takes no lock.
class CurrentSnapshot final {
 public:
  std::shared_ptr<const Snapshot> get() const;
  void set(std::shared_ptr<Snapshot> next);

  std::uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Snapshot> snapshot_;
  std::atomic<std::uint64_t> version_{0};
};

}  // namespace dbgate::app
