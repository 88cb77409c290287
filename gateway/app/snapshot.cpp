#include "gateway/app/snapshot.h"

#include <algorithm>

#include "gateway/app/accounts.h"
#include "gateway/base/clock.h"
#include "gateway/policy/access.h"
#include "gateway/policy/row_filters.h"
#include "gateway/policy/statement_lists.h"

namespace dbgate::app {
namespace {

constexpr const char* alpn_postgresql = "postgresql";
constexpr const char* alpn_http = "http/1.1";

// Always quoted: what the policy resolves names with must be what the server resolves them with.
std::string search_path_setting(const std::vector<std::string>& schemas) {
  std::string setting;
  for (const std::string& schema : schemas) {
    if (!setting.empty()) setting += ", ";
    setting += '"';
    for (const char c : schema) {
      if (c == '"') setting += '"';
      setting += c;
    }
    setting += '"';
  }
  return setting;
}

net::TlsVerify verify_of(config::SslMode mode) {
  switch (mode) {
    case config::SslMode::verify_full:
      return net::TlsVerify::certificate_and_name;
    case config::SslMode::verify_ca:
      return net::TlsVerify::certificate;
    default:
      return net::TlsVerify::none;
  }
}

Result<Target> make_target(const config::Target& settings, const net::KeepAlive& keep_alive) {
  Target target;
  target.settings = settings;
  target.search_path = search_path_setting(settings.search_path);
  const config::Upstream& upstream = settings.upstream;
  for (const config::HostPort& host : upstream.hosts)
    target.server.hosts.push_back({host.host, host.port});
  target.server.database = upstream.database;
  target.server.user = upstream.user;
  target.server.password = upstream.password;
  target.server.sslmode = static_cast<upstream::SslMode>(upstream.tls);
  target.server.channel_binding = static_cast<upstream::ChannelBinding>(upstream.channel_binding);
  target.server.allow_md5 = upstream.allow_md5;
  target.server.allow_no_password = upstream.allow_no_password;
  target.server.connect_timeout = upstream.connect_timeout;
  target.server.keep_alive = keep_alive;
  if (settings.engine == config::EngineKind::postgresql && upstream.tls != config::SslMode::disable) {
    net::TlsClientOptions options;
    options.verify = verify_of(upstream.tls);
    options.ca_file = upstream.ca_file;
    options.cert_file = upstream.cert_file;
    options.key_file = upstream.key_file;
    auto context = net::make_client_context(options);
    if (!context) {
      const Error why = context.error();
      return Error(why.code(), "targets." + settings.name + ".upstream: " + why.message());
    }
    target.server.tls = std::move(*context);
  }
  return target;
}

Result<net::TlsContext> listener_tls(const config::Listener& listener, const char* name, const char* alpn) {
  if (!listener.tls.configured()) return net::TlsContext();
  auto context =
      net::make_server_context({listener.tls.cert_file, listener.tls.key_file, listener.tls.client_ca_file, alpn});
  if (context) return context;
  const Error why = context.error();
  return Error(why.code(), std::string("listen.") + name + ".tls: " + why.message());
}

Result<std::shared_ptr<const Rules>> make_rules(config::Config config) {
  auto listed = policy::check_statement_lists(config, "");
  const auto filters = policy::check_filters(config, "");
  listed.insert(listed.end(), filters.begin(), filters.end());
  if (!listed.empty()) {
    return Error(sqlstate::internal_error, "line " + std::to_string(listed[0].line) + ": " + listed[0].text);
  }
  auto rules = std::make_shared<Rules>(std::move(config));
  DBGATE_TRY(rules->postgres_tls, listener_tls(rules->config.postgres, "postgres", alpn_postgresql));
  DBGATE_TRY(rules->api_tls, listener_tls(rules->config.api, "api", alpn_http));
  for (const config::Target& settings : rules->config.targets) {
    DBGATE_TRY(auto target, make_target(settings, keep_alive_of(rules->config.limits)));
    rules->targets.emplace(settings.name, std::move(target));
  }
  return std::shared_ptr<const Rules>(std::move(rules));
}

}  // namespace

net::KeepAlive keep_alive_of(const config::Limits& limits) {
  return {std::chrono::duration_cast<std::chrono::seconds>(limits.tcp_keepalive), limits.tcp_user_timeout};
}

const Target* Snapshot::find(std::string_view name, std::string& database) const {
  const std::size_t slash = name.find('/');
  const auto found = targets.find(name.substr(0, slash));
  if (found == targets.end()) return nullptr;
  const Target& target = found->second;
  database = target.server.database;
  if (slash == std::string_view::npos) return &target;
  const std::string_view other = name.substr(slash + 1);
  const auto& further = target.settings.databases;
  if (other != database && std::find(further.begin(), further.end(), other) == further.end()) return nullptr;
  database = other;
  return &target;
}

const policy::Temporary* Snapshot::temporary_of(std::string_view user, std::string_view target) const {
  const auto targets_of_user = temporary.find(user);
  if (targets_of_user == temporary.end()) return nullptr;
  const auto found = targets_of_user->second.find(target);
  return found == targets_of_user->second.end() ? nullptr : found->second.get();
}

policy::TimedGrants Snapshot::grants_at(std::string_view user, std::string_view target, std::int64_t now) const {
  return policies.grants_at(user, target, now, temporary_of(user, target));
}

std::shared_ptr<const policy::Grants> Snapshot::grants(std::string_view user, std::string_view target) const {
  constexpr std::int64_t second_us = 1'000'000;
  auto whole = policies.grants(user, target);
  if (temporary_of(user, target) == nullptr) return whole;
  auto now = grants_at(user, target, wall_clock_us() / second_us).grants;
  return now ? now : whole;
}

namespace {

// Each user's on each target, once.
void add_temporary(Snapshot& snapshot) {
  for (const config::AccessGrant& grant : snapshot.access) {
    auto& of_user = snapshot.temporary[grant.user];
    if (of_user.contains(grant.target) || !snapshot.targets.contains(grant.target)) continue;
    auto rights = policy::temporary_rights(snapshot.config, snapshot.access, grant.user, grant.target);
    if (rights) of_user.emplace(grant.target, std::move(rights));
  }
}

}  // namespace

Result<std::shared_ptr<Snapshot>> make_snapshot(config::Config config, const Snapshot* previous) {
  std::vector<config::User> users = config.users;
  std::set<std::string, std::less<>> ended = std::move(config.ended_credentials);
  std::vector<config::AccessGrant> access = std::move(config.access);
  std::shared_ptr<const Rules> rules;
  if (previous != nullptr && previous->config.version == config.version) {
    rules = previous->rules;
  } else {
    DBGATE_TRY(rules, make_rules(std::move(config)));
  }
  auto snapshot = std::make_shared<Snapshot>(std::move(rules));
  for (const config::User& user : users) {
    DBGATE_TRY(auto account, make_account(user));
    snapshot->users.emplace(user.name, auth::parse_scram_verifier(user.scram_verifier).value_or(auth::ScramVerifier()));
    snapshot->accounts.emplace(user.name, std::move(account));
    for (const std::string& name : user.certificates)
      snapshot->certificates.emplace(name, user.name);
    if (user.stored) snapshot->stored.insert(user.name);
  }
  snapshot->ended = std::move(ended);
  snapshot->access = std::move(access);
  add_temporary(*snapshot);
  return snapshot;
}

std::shared_ptr<const Snapshot> CurrentSnapshot::get() const {
  const std::lock_guard lock(mutex_);
  return snapshot_;
}

void CurrentSnapshot::set(std::shared_ptr<Snapshot> next) {
  const std::lock_guard lock(mutex_);
  next->version = version_.load(std::memory_order_relaxed) + 1;
  const std::uint64_t version = next->version;
  snapshot_ = std::move(next);
  version_.store(version, std::memory_order_release);
}

}  // namespace dbgate::app
