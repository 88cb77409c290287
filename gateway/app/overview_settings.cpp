#include <functional>

#include "gateway/app/overviews.h"

// SHOW CONFIG: the settings of docs/configuration.md that are numbers, times and words, and those of PgBouncer's that
// mean the same.
namespace dbgate::app {
namespace {

using config::Config;

struct Named {
  const char* key;
  std::function<std::string(const Config&)> read;
  bool changeable;
};

std::string text(std::size_t number) {
  return std::to_string(number);
}
std::string text(const config::Milliseconds& time) {
  return time.count() % 1000 == 0 ? text(static_cast<std::size_t>(time.count() / 1000)) + "s"
                                  : text(static_cast<std::size_t>(time.count())) + "ms";
}
std::string yes_no(bool yes) {
  return yes ? "yes" : "no";
}
std::string durability(config::Durability durability) {
  return durability == config::Durability::sync ? "sync" : "process";
}
std::string parameters(config::AuditParameters kept) {
  if (kept == config::AuditParameters::none) return "none";
  return kept == config::AuditParameters::hashes ? "hashes" : "values";
}

// By name.
const std::vector<Named>& named() {
  static const std::vector<Named> all = {
      {"audit.compress", [](const Config& c) { return std::string(c.audit.compress ? "zstd" : "none"); }, false},
      {"audit.durability", [](const Config& c) { return durability(c.audit.durability); }, false},
      {"audit.parameters", [](const Config& c) { return parameters(c.audit.parameters); }, false},
      {"audit.segment_bytes", [](const Config& c) { return text(c.audit.segment_bytes); }, false},
      {"audit.segment_max_age", [](const Config& c) { return text(c.audit.segment_max_age); }, false},
      {"client_login_timeout",
       [](const Config& c) { return text(static_cast<std::size_t>(c.limits.login_timeout.count() / 1000)); }, true},
      {"drain.handover_timeout", [](const Config& c) { return text(c.drain.handover_timeout); }, true},
      {"drain.min_delay", [](const Config& c) { return text(c.drain.min_delay); }, true},
      {"drain.timeout", [](const Config& c) { return text(c.drain.timeout); }, true},
      {"limits.api_connections", [](const Config& c) { return text(c.limits.api_connections); }, true},
      {"limits.api_connections_per_address", [](const Config& c) { return text(c.limits.api_connections_per_address); },
       true},
      {"limits.api_requests_per_minute", [](const Config& c) { return text(c.limits.api_requests_per_minute); }, true},
      {"limits.connections", [](const Config& c) { return text(c.limits.connections); }, true},
      {"limits.connections_per_user", [](const Config& c) { return text(c.limits.connections_per_user); }, true},
      {"limits.failed_logins_per_minute", [](const Config& c) { return text(c.limits.failed_logins_per_minute); },
       true},
      {"limits.login_timeout", [](const Config& c) { return text(c.limits.login_timeout); }, true},
      {"limits.max_nesting", [](const Config& c) { return text(c.limits.max_nesting); }, true},
      {"limits.max_parts", [](const Config& c) { return text(c.limits.max_parts); }, true},
      {"limits.max_statement_bytes", [](const Config& c) { return text(c.limits.max_statement_bytes); }, true},
      {"limits.max_tokens", [](const Config& c) { return text(c.limits.max_tokens); }, true},
      {"limits.portals", [](const Config& c) { return text(c.limits.portals); }, false},
      {"limits.prepared_statements", [](const Config& c) { return text(c.limits.prepared_statements); }, false},
      {"limits.read_cache", [](const Config& c) { return text(c.limits.read_cache_bytes); }, false},
      {"limits.verdict_cache", [](const Config& c) { return text(c.limits.verdict_cache_bytes); }, false},
      {"listen.postgres.address", [](const Config& c) { return c.postgres.address; }, false},
      {"listen.postgres.port", [](const Config& c) { return text(c.postgres.port); }, false},
      {"listen.postgres.require_tls", [](const Config& c) { return yes_no(c.postgres.require_tls); }, false},
      {"listen_addr", [](const Config& c) { return c.postgres.address; }, false},
      {"listen_port", [](const Config& c) { return text(c.postgres.port); }, false},
      {"log.format", [](const Config& c) { return c.log_format; }, false},
      {"log.level", [](const Config& c) { return c.log_level; }, false},
      {"max_client_conn", [](const Config& c) { return text(c.limits.connections); }, true},
      {"workers", [](const Config& c) { return text(c.workers); }, false},
  };
  return all;
}

}  // namespace

std::vector<show::Setting> settings_of(const Config& config) {
  static const Config defaults{};
  std::vector<show::Setting> settings;
  for (const Named& setting : named())
    settings.push_back({setting.key, setting.read(config), setting.read(defaults), setting.changeable});
  for (const config::Target& target : config.targets) {
    if (target.engine != config::EngineKind::postgresql) continue;
    const std::string prefix = "targets." + target.name + ".pool.";
    settings.push_back({prefix + "idle", text(target.pool.idle), "", true});
    settings.push_back({prefix + "lifetime", text(target.pool.lifetime), "", true});
    settings.push_back({prefix + "max", text(target.pool.max), "", true});
    settings.push_back({prefix + "wait", text(target.pool.wait), "", true});
  }
  return settings;
}

}  // namespace dbgate::app
