#include <algorithm>
#include <cctype>
#include <charconv>

#include "config/reader.h"

namespace dbgate::config {
namespace {

void read_hosts(const Value& list, std::uint16_t default_port, std::vector<HostPort>& hosts) {
  list.each([&](const Value& value) {
    std::string text;
    value.read(text);
    HostPort host{text, default_port};
    const std::size_t colon = text.rfind(':');
    if (colon != std::string::npos && !text.starts_with('/') && text.find(':') == colon) {
      host.host = text.substr(0, colon);
      unsigned port = 0;
      const char* end = text.data() + text.size();
      const auto parsed = std::from_chars(text.data() + colon + 1, end, port);
      if (parsed.ec != std::errc() || parsed.ptr != end || port == 0 || port > 65535) {
        value.error(text.substr(colon + 1) + " is not a port");
      }
      host.port = static_cast<std::uint16_t>(port);
    }
    if (host.host.empty()) value.error("needs a host");
    if (value.stored() && host.host.starts_with('/')) value.error("must not be a socket of the gateway's machine");
    hosts.push_back(std::move(host));
  });
}

// Which of the hosts serves, and how that is found out.
void read_choice(const Value& value, Upstream& upstream) {
  constexpr Milliseconds shortest{50};
  // Several hosts are a primary and its standbys: whoever wants another one of them says so.
  std::size_t attrs = static_cast<std::size_t>(upstream.hosts.size() > 1 ? SessionAttrs::primary : SessionAttrs::any);
  value["target_session_attrs"].read_word({"any", "read-write", "read-only", "primary", "standby", "prefer-standby"},
                                          attrs);
  upstream.session_attrs = static_cast<SessionAttrs>(attrs);
  value["max_lag"].read(upstream.max_lag);
  value["failover_wait"].read(upstream.failover_wait);
  const Value health = value["health"];
  health.expect_keys({"interval", "timeout"});
  health["interval"].read(upstream.health.interval);
  health["timeout"].read(upstream.health.timeout);
  if (upstream.health.interval < shortest) health["interval"].error("must be at least 50ms");
  if (upstream.health.timeout < shortest) health["timeout"].error("must be at least 50ms");
  if (upstream.max_lag > Milliseconds(0) && upstream.max_lag < 2 * upstream.health.interval) {
    value["max_lag"].error("must be at least twice health.interval: that is how exactly it is known");
  }
  const auto needless =
      upstream.session_attrs == SessionAttrs::primary || upstream.session_attrs == SessionAttrs::read_write;
  if (upstream.max_lag > Milliseconds(0) && needless) {
    value["max_lag"].error("is for targets that standbys serve: their target_session_attrs says so");
  }
}

void read_upstream(const Value& value, Target& target) {
  value.expect_keys({"hosts",
                     "database",
                     "user",
                     "password",
                     "password_file",
                     "password_env",
                     "password_credential",
                     "tls",
                     "ca_file",
                     "cert_file",
                     "key_file",
                     "channel_binding",
                     "allow_md5",
                     "allow_no_password",
                     "connect_timeout",
                     "target_session_attrs",
                     "max_lag",
                     "failover_wait",
                     "health",
                     "application_name"});
  value.refuse_stored({"cert_file", "key_file"}, "is for the configuration file only");
  Upstream& upstream = target.upstream;
  read_hosts(value["hosts"], 5432, upstream.hosts);
  if (upstream.hosts.empty()) value.error("needs hosts");
  value["connect_timeout"].read(upstream.connect_timeout);
  if (target.engine == EngineKind::tcp) {
    for (const char* key : {"target_session_attrs", "max_lag", "failover_wait", "health", "application_name"}) {
      if (value[key].present()) value[key].error("is for postgresql only");
    }
    return;
  }
  read_choice(value, upstream);
  value["database"].read(upstream.database);
  value["user"].read(upstream.user);
  if (upstream.database.empty()) value.error("needs database");
  if (upstream.user.empty()) value.error("needs user");
  value.read_secret("password", upstream.password, true);
  std::size_t mode = static_cast<std::size_t>(upstream.tls);
  value["tls"].read_word({"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}, mode);
  upstream.tls = static_cast<SslMode>(mode);
  value["ca_file"].read_file_path(upstream.ca_file);
  value["cert_file"].read_file_path(upstream.cert_file);
  value["key_file"].read_file_path(upstream.key_file);
  std::size_t binding = static_cast<std::size_t>(upstream.channel_binding);
  value["channel_binding"].read_word({"disable", "prefer", "require"}, binding);
  upstream.channel_binding = static_cast<ChannelBinding>(binding);
  std::size_t name = static_cast<std::size_t>(upstream.application_name);
  value["application_name"].read_word({"principal", "client"}, name);
  upstream.application_name = static_cast<ServerName>(name);
  value["allow_md5"].read(upstream.allow_md5);
  value["allow_no_password"].read(upstream.allow_no_password);
}

void read_catalog(const Value& value, Target& target) {
  if (!value.present()) return;
  value.expect_keys({"refresh", "max_stale", "timeout"});
  if (target.engine != EngineKind::postgresql) value.error("is for engine postgresql only");
  Catalog& catalog = target.catalog;
  value["refresh"].read(catalog.refresh);
  value["max_stale"].read(catalog.max_stale);
  value["timeout"].read(catalog.timeout);
  constexpr Milliseconds shortest{100};
  if (catalog.refresh < shortest) value["refresh"].error("must be at least 100ms");
  if (catalog.timeout < shortest) value["timeout"].error("must be at least 100ms");
  if (catalog.max_stale < catalog.refresh + catalog.timeout) {
    (value["max_stale"].present() ? value["max_stale"] : value)
        .error("max_stale must be at least refresh and timeout together, or every load would come too late");
  }
}

void read_weights(const Value& value, std::map<std::string, std::size_t>& weights) {
  constexpr std::size_t most = 1'000;
  value.each_entry([&weights](const std::string& name, const Value& number) {
    std::size_t& weight = weights[name];
    number.read_count(weight, most);
    if (weight == 0) number.error("must be 1 at least");
  });
}

// What is usual in each mode: a session of its own waits for nothing and leaves nothing behind.
void read_pool(const Value& value, Target& target) {
  value.expect_keys({"mode", "max", "wait", "idle", "lifetime", "weights"});
  Pool& pool = target.pool;
  std::size_t mode = 0;
  value["mode"].read_word({"session", "transaction", "statement"}, mode);
  pool.mode = static_cast<PoolMode>(mode);
  if (pool.mode != PoolMode::session) {
    pool.wait = Milliseconds(30'000);
    pool.idle = Milliseconds(600'000);
    pool.lifetime = Milliseconds(3'600'000);
  }
  value["max"].read_count(pool.max, 1'000'000);
  value["wait"].read(pool.wait);
  value["idle"].read(pool.idle);
  value["lifetime"].read(pool.lifetime);
  value["weights"].expect_keys({"users", "groups"});
  read_weights(value["weights"]["users"], pool.user_weights);
  read_weights(value["weights"]["groups"], pool.group_weights);
  if (target.engine != EngineKind::tcp) return;
  for (const char* key : {"mode", "wait", "idle", "lifetime", "weights"}) {
    if (value[key].present()) value[key].error("is for postgresql only");
  }
}

bool is_word(const std::string& text) {
  constexpr std::size_t longest = 63;
  return !text.empty() && text.size() <= longest && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return c < 0x80 && (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '/');
  });
}

// What people and lists know a target by. Short words, so that they fit into tables and filters.
void read_notes(const Value& value, Target& target) {
  constexpr const char* word = "is a word of 1 to 63 letters, digits and -_./";
  constexpr std::size_t most_labels = 32;
  const Value environment = value["environment"];
  environment.read(target.environment);
  if (environment.present() && !is_word(target.environment)) environment.error(word);
  value["labels"].each_entry([&target](const std::string& name, const Value& text) {
    std::string& label = target.labels[name];
    text.read(label);
    if (!is_word(name)) text.error("the name of a label " + std::string(word));
    if (!is_word(label)) text.error("a label " + std::string(word));
  });
  if (target.labels.size() > most_labels) value["labels"].error("are 32 at most");
}

void read_gate(const Value& value, Target& target, const Config& config) {
  ApprovalRulePtr approval;
  read_approval(value["approval"], false, approval, config);
  read_commit_gate(value, approval, target.gate);
  if (approval && !target.gate.approval) value["approval"].error("is for approve: before_commit");
}

}  // namespace

Target read_target(const std::string& name, const Value& value, const Config& config) {
  value.expect_keys({"engine", "environment", "labels", "databases", "upstream", "search_path", "pool", "listen",
                     "catalog", "limits", "sensitive", "approve", "approval", "lock_budget", "capture"});
  value.refuse_stored({"listen", "approve", "approval", "lock_budget", "capture"},
                      "is for the configuration file only");
  Target target;
  target.name = name;
  if (name.find('/') != std::string::npos) value.error("the name of a target must not hold a slash");
  std::size_t engine = 0;
  value["engine"].read_word({"postgresql", "tcp"}, engine);
  target.engine = static_cast<EngineKind>(engine);
  read_notes(value, target);
  value["databases"].read(target.databases);
  read_upstream(value["upstream"], target);
  if (!value["upstream"].present()) value.error("needs upstream");
  value["search_path"].read(target.search_path);
  read_pool(value["pool"], target);
  read_catalog(value["catalog"], target);
  read_listener(value["listen"], target.listen, 0);
  if (target.engine == EngineKind::tcp && !target.listen.enabled) value.error("engine tcp needs listen");
  if (target.engine == EngineKind::tcp && target.listen.user.empty()) value["listen"].error("needs user");
  read_traffic_limits(value["limits"], target.limits);
  read_sensitive(value["sensitive"], target.sensitive);
  read_gate(value, target, config);
  for (const char* key : {"limits", "sensitive", "approve"}) {
    if (target.engine == EngineKind::tcp && value[key].present()) value[key].error("is for postgresql only");
  }
  return target;
}

void read_targets(const Value& map, Config& config) {
  map.each_entry([&config](const std::string& name, const Value& value) {
    config.targets.push_back(read_target(name, value, config));
  });
}

std::size_t Pool::weight_of(std::string_view user, const std::vector<std::string>& groups) const {
  const auto own = user_weights.find(std::string(user));
  if (own != user_weights.end()) return own->second;
  std::size_t most = 0;
  for (const std::string& group : groups) {
    const auto found = group_weights.find(group);
    if (found != group_weights.end()) most = std::max(most, found->second);
  }
  return std::max<std::size_t>(most, 1);
}

}  // namespace dbgate::config
