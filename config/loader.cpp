#include "config/loader.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "config/reader.h"

namespace dbgate::config {
namespace {

constexpr std::size_t max_file_bytes = 16u << 20;

bool is_loopback(const std::string& address) {
  return address.starts_with("127.") || address == "::1" || address == "localhost";
}

void read_tls(const Value& value, Tls& tls) {
  value.expect_keys({"cert_file", "key_file", "client_ca_file"});
  value["cert_file"].read_file_path(tls.cert_file);
  value["key_file"].read_file_path(tls.key_file);
  value["client_ca_file"].read_file_path(tls.client_ca_file);
  if (value["cert_file"].present() != value["key_file"].present()) value.error("needs both cert_file and key_file");
}

void read_listener(const Value& value, Listener& listener, std::uint16_t default_port) {
  if (!value.present()) return;
  value.expect_keys({"address", "port", "socket", "tls", "require_tls", "allow_plain_remote", "user"});
  listener.enabled = true;
  listener.port = default_port;
  value["address"].read(listener.address);
  value["port"].read_port(listener.port);
  value["socket"].read(listener.socket);
  value["user"].read(listener.user);
  read_tls(value["tls"], listener.tls);
  value["require_tls"].read(listener.require_tls);
  value["allow_plain_remote"].read(listener.allow_plain_remote);
  if (!value["tls"].present() && !is_loopback(listener.address) && !listener.allow_plain_remote) {
    value.error("address " + listener.address +
                " is not loopback and tls is not configured; configure tls, or set allow_plain_remote: true");
  }
  if (listener.require_tls && !value["tls"].present()) value.error("require_tls needs tls");
}

void read_limits(const Value& value, Limits& limits) {
  value.expect_keys({"connections", "connections_per_user", "login_timeout", "max_statement_bytes", "max_tokens",
                     "max_nesting", "max_parts", "prepared_statements", "portals", "failed_logins_per_minute",
                     "drain_timeout", "verdict_cache", "read_cache"});
  constexpr std::size_t many = 100'000'000;
  value["connections"].read_count(limits.connections, many);
  value["connections_per_user"].read_count(limits.connections_per_user, many);
  value["login_timeout"].read(limits.login_timeout);
  value["max_statement_bytes"].read_bytes(limits.max_statement_bytes);
  value["max_tokens"].read_count(limits.max_tokens, many);
  value["max_nesting"].read_count(limits.max_nesting, 100'000);
  value["max_parts"].read_count(limits.max_parts, 10'000'000);
  value["prepared_statements"].read_count(limits.prepared_statements, many);
  value["portals"].read_count(limits.portals, many);
  value["failed_logins_per_minute"].read_count(limits.failed_logins_per_minute, many);
  value["drain_timeout"].read(limits.drain_timeout);
  value["verdict_cache"].read_bytes(limits.verdict_cache_bytes);
  value["read_cache"].read_bytes(limits.read_cache_bytes);
  constexpr std::size_t most = 256u << 20;
  if (limits.max_statement_bytes > most) value["max_statement_bytes"].error("must not exceed 256MiB");
  constexpr std::size_t most_cached = 16ull << 30;
  if (limits.verdict_cache_bytes > most_cached) value["verdict_cache"].error("must not exceed 16GiB");
  if (limits.read_cache_bytes > most_cached) value["read_cache"].error("must not exceed 16GiB");
}

void read_users(const Value& list, Config& config) {
  std::set<std::string> seen;
  list.each([&](const Value& value) {
    value.expect_keys({"name", "scram_verifier", "scram_verifier_file", "scram_verifier_env",
                       "scram_verifier_credential", "attributes"});
    User user;
    value["name"].read(user.name);
    if (user.name.empty()) value.error("needs a name");
    if (!seen.insert(user.name).second) value["name"].error("user \"" + user.name + "\" is defined twice");
    value.read_secret("scram_verifier", user.scram_verifier, false);
    if (user.scram_verifier.empty() && value.purpose() == Purpose::serve) {
      value.error("needs scram_verifier; make one with: dbgate-gateway scram-verifier");
    } else if (!user.scram_verifier.empty() && !user.scram_verifier.starts_with("SCRAM-SHA-256$")) {
      value["scram_verifier"].error("is not a SCRAM-SHA-256 verifier; make one with: dbgate-gateway scram-verifier");
    }
    value["attributes"].each_entry(
        [&user](const std::string& key, const Value& text) { text.read(user.attributes[key]); });
    config.users.push_back(std::move(user));
  });
}

void read_groups(const Value& map, Config& config) {
  map.each_entry([&config](const std::string& name, const Value& members) {
    std::vector<std::string>& list = config.groups[name];
    members.read(list);
    std::vector<std::string> known;
    for (const User& user : config.users)
      known.push_back(user.name);
    for (const std::string& member : list) {
      if (std::find(known.begin(), known.end(), member) != known.end()) continue;
      const std::string near = nearest(member, known);
      members.error("no user is called \"" + member + "\"" + (near.empty() ? "" : "; did you mean \"" + near + "\"?"));
    }
  });
}

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
    hosts.push_back(std::move(host));
  });
}

void read_upstream(const Value& value, Target& target) {
  value.expect_keys({"hosts", "database", "user", "password", "password_file", "password_env", "password_credential",
                     "tls", "ca_file", "cert_file", "key_file", "channel_binding", "allow_md5", "allow_no_password",
                     "connect_timeout"});
  Upstream& upstream = target.upstream;
  read_hosts(value["hosts"], 5432, upstream.hosts);
  if (upstream.hosts.empty()) value.error("needs hosts");
  value["connect_timeout"].read(upstream.connect_timeout);
  if (target.engine == EngineKind::tcp) return;
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

// What is usual in each mode: a session of its own waits for nothing and leaves nothing behind.
void read_pool(const Value& value, Target& target) {
  value.expect_keys({"mode", "max", "wait", "idle"});
  Pool& pool = target.pool;
  std::size_t mode = 0;
  value["mode"].read_word({"session", "transaction", "statement"}, mode);
  pool.mode = static_cast<PoolMode>(mode);
  if (pool.mode != PoolMode::session) {
    pool.wait = Milliseconds(30'000);
    pool.idle = Milliseconds(600'000);
  }
  value["max"].read_count(pool.max, 1'000'000);
  value["wait"].read(pool.wait);
  value["idle"].read(pool.idle);
  if (target.engine != EngineKind::tcp) return;
  for (const char* key : {"mode", "wait", "idle"}) {
    if (value[key].present()) value[key].error("is for postgresql only");
  }
}

void read_targets(const Value& map, Config& config) {
  map.each_entry([&config](const std::string& name, const Value& value) {
    value.expect_keys({"engine", "databases", "upstream", "search_path", "pool", "listen", "catalog", "limits"});
    Target target;
    target.name = name;
    if (name.find('/') != std::string::npos) value.error("the name of a target must not hold a slash");
    std::size_t engine = 0;
    value["engine"].read_word({"postgresql", "tcp"}, engine);
    target.engine = static_cast<EngineKind>(engine);
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
    if (target.engine == EngineKind::tcp && value["limits"].present()) value["limits"].error("is for postgresql only");
    config.targets.push_back(std::move(target));
  });
}

void read_choice(const Value& value, std::initializer_list<std::string_view> words, std::string& target) {
  if (!value.present()) return;
  std::size_t index = words.size();
  value.read_word(words, index);
  if (index < words.size()) target = std::data(words)[index];
}

void read_root(const Value& root, Config& config) {
  root.expect_keys({"version", "state_dir", "workers", "listen", "log", "limits", "audit", "users", "groups", "targets",
                    "policies", "masking", "tests"});
  std::size_t version = 0;
  root["version"].read_count(version, 1'000);
  if (version != 1) root["version"].error("must be 1");
  std::string state_dir = "state";
  root["state_dir"].read(state_dir);
  config.state_dir = state_dir;
  std::size_t workers = config.workers;
  root["workers"].read_count(workers, 1024);
  config.workers = static_cast<unsigned>(workers);
  const Value listen = root["listen"];
  listen.expect_keys({"postgres", "api"});
  read_listener(listen["postgres"], config.postgres, 6432);
  read_listener(listen["api"], config.api, 8443);
  if (!config.postgres.user.empty()) listen["postgres"]["user"].error("is for tcp targets only");
  if (!config.api.user.empty()) listen["api"]["user"].error("is for tcp targets only");
  const Value log = root["log"];
  log.expect_keys({"level", "format"});
  read_choice(log["level"], {"debug", "info", "warn", "error", "off"}, config.log_level);
  read_choice(log["format"], {"json", "text"}, config.log_format);
  read_limits(root["limits"], config.limits);
  const Value audit = root["audit"];
  audit.expect_keys({"durability", "parameters", "segment_bytes"});
  std::size_t durability = 0;
  audit["durability"].read_word({"process", "sync"}, durability);
  config.audit.durability = static_cast<Durability>(durability);
  std::size_t parameters = 0;
  audit["parameters"].read_word({"values", "hashes", "none"}, parameters);
  config.audit.parameters = static_cast<AuditParameters>(parameters);
  audit["segment_bytes"].read_bytes(config.audit.segment_bytes);
  const Value masking = root["masking"];
  masking.expect_keys({"key", "key_file", "key_env", "key_credential"});
  masking.read_secret("key", config.mask_key, true);
  if (!config.mask_key.empty() && config.mask_key.size() < 16) masking.error("the key needs 16 characters or more");
  read_users(root["users"], config);
  read_groups(root["groups"], config);
  read_targets(root["targets"], config);
  read_policies(root["policies"], config);
  read_tests(root["tests"], config.tests);
}

// FNV-1a: names a version, protects nothing.
std::string content_hash(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ull;
  for (const char c : text)
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  std::stringstream hex;
  hex << std::hex << hash;
  return hex.str();
}

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

// Returns what is wrong, or nothing.
std::string read_whole(const std::string& path, std::string& text) {
  std::ifstream stream(path);
  std::error_code ignored;
  if (!stream || std::filesystem::is_directory(path, ignored)) return "the file does not exist or is not readable";
  text.assign(std::istreambuf_iterator<char>(stream), {});
  return text.size() > max_file_bytes ? "the file is larger than 16MiB" : std::string();
}

}  // namespace

Loaded load_text(std::string_view yaml, const std::string& file, const std::string& directory, Purpose purpose) {
  Report report;
  report.purpose = purpose;
  report.file = file;
  report.directory = directory;
  Loaded loaded;
  Config config;
  try {
    const YAML::Node root = YAML::Load(std::string(yaml));
    const Value value(root, "", report);
    if (value.is_map()) {
      read_root(value, config);
    } else {
      report.error(YAML::Mark(), "", "the file must hold a map of settings");
    }
  } catch (const YAML::Exception& problem) {
    report.error(problem.mark, "", problem.msg);
  }
  if (!config.state_dir.empty() && config.state_dir[0] != '/') config.state_dir = directory + "/" + config.state_dir;
  config.version = content_hash(yaml);
  loaded.problems = std::move(report.problems);
  if (!report.failed) loaded.config = std::move(config);
  return loaded;
}

Loaded load_file(const std::string& path, Purpose purpose) {
  std::string text;
  const std::string problem = read_whole(path, text);
  if (problem.empty()) return load_text(text, path, directory_of(path), purpose);
  Loaded loaded;
  loaded.problems.push_back({path, 0, 0, false, problem});
  return loaded;
}

LoadedTests load_tests(const std::string& path) {
  LoadedTests loaded;
  Report report;
  report.file = path;
  std::string text;
  const std::string problem = read_whole(path, text);
  if (!problem.empty()) {
    loaded.problems.push_back({path, 0, 0, false, problem});
    loaded.failed = true;
    return loaded;
  }
  try {
    const Value root(YAML::Load(text), "", report);
    loaded.is_configuration = root["version"].present();
    if (!loaded.is_configuration) {
      root.expect_keys({"config", "tests"});
      root["config"].read(loaded.config);
      if (!loaded.config.empty() && loaded.config[0] != '/') loaded.config = directory_of(path) + "/" + loaded.config;
      read_tests(root["tests"], loaded.tests);
      if (loaded.tests.empty()) root.error("needs tests");
    }
  } catch (const YAML::Exception& mistake) {
    report.error(mistake.mark, "", mistake.msg);
  }
  loaded.problems = std::move(report.problems);
  loaded.failed = report.failed;
  return loaded;
}

}  // namespace dbgate::config
