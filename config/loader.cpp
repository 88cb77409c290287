#include "config/loader.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "config/document.h"
#include "config/reader.h"

namespace dbgate::config {
namespace {

constexpr std::size_t max_file_bytes = 16u << 20;

// What the API runs. Nothing of it can be without a limit.
void read_query_limits(const Value& value, Limits& limits) {
  constexpr std::size_t most_rows = 1'000'000'000;  // Execute counts rows in 31 bits
  value["query_rows"].read_count(limits.query_rows, most_rows);
  value["query_bytes"].read_bytes(limits.query_bytes);
  value["query_timeout"].read(limits.query_timeout);
  value["export_rows"].read_count(limits.export_rows, most_rows);
  value["export_bytes"].read_bytes(limits.export_bytes);
  constexpr std::size_t most_kept = 32u << 20;
  if (limits.query_bytes > most_kept) value["query_bytes"].error("must not exceed 32MiB");
  if (limits.query_rows == 0) value["query_rows"].error("must be at least 1");
  if (limits.query_bytes == 0) value["query_bytes"].error("must be at least 1");
  if (limits.query_timeout.count() <= 0) value["query_timeout"].error("must be more than 0");
}

// 0 is refused: it could be meant as "none", and as "at once".
void read_retention(const Value& value, Audit& audit) {
  constexpr Milliseconds shortest{60 * 60'000};
  value.expect_keys({"max_age", "max_bytes"});
  Milliseconds age = shortest;
  std::size_t bytes = 1;
  value["max_age"].read(age);
  value["max_bytes"].read_bytes(bytes);
  if (age < shortest) value["max_age"].error("must be at least 1h; to keep records of any age leave it out");
  if (bytes == 0) value["max_bytes"].error("must be more than 0; to keep as many as there is room for leave it out");
  if (value["max_age"].present()) audit.retention_max_age = age;
  if (value["max_bytes"].present()) audit.retention_max_bytes = bytes;
}

void read_encryption(const Value& value, Audit& audit) {
  if (!value.present()) return;
  value.expect_keys({"certificate_file", "after"});
  value["certificate_file"].read_file_path(audit.encryption_certificate_file);
  if (!value["certificate_file"].present()) value.error("needs certificate_file: whose private key opens it?");
  value["after"].read(audit.encryption_after);
  if (audit.has_retention())
    value.error("and audit.retention exclude each other: what is sealed stays until somebody takes it away");
}

void read_audit(const Value& value, Audit& audit) {
  constexpr Milliseconds shortest{100};
  value.expect_keys({"durability", "parameters", "segment_bytes", "segment_max_age", "compress", "retention",
                     "encryption", "signing_key_file", "checkpoint_interval", "sinks", "witnesses"});
  std::size_t durability = 0;
  value["durability"].read_word({"process", "sync"}, durability);
  audit.durability = static_cast<Durability>(durability);
  std::size_t parameters = 0;
  value["parameters"].read_word({"values", "hashes", "none"}, parameters);
  audit.parameters = static_cast<AuditParameters>(parameters);
  value["segment_bytes"].read_bytes(audit.segment_bytes);
  value["segment_max_age"].read(audit.segment_max_age);
  std::size_t compress = 0;
  value["compress"].read_word({"none", "zstd"}, compress);
  audit.compress = compress != 0;
  read_retention(value["retention"], audit);
  read_encryption(value["encryption"], audit);
  value["signing_key_file"].read_file_path(audit.signing_key_file);
  value["checkpoint_interval"].read(audit.checkpoint_interval);
  if (audit.checkpoint_interval < shortest) value["checkpoint_interval"].error("must be at least 100ms");
  read_audit_sinks(value["sinks"], audit.sinks);
  read_audit_witnesses(value["witnesses"], audit.witnesses);
}

void read_drain(const Value& value, Drain& drain) {
  value.expect_keys({"min_delay", "timeout", "handover_timeout"});
  value["min_delay"].read(drain.min_delay);
  value["timeout"].read(drain.timeout);
  value["handover_timeout"].read(drain.handover_timeout);
}

void read_tcp_limits(const Value& value, Limits& limits) {
  value["tcp_keepalive"].read(limits.tcp_keepalive);
  value["tcp_user_timeout"].read(limits.tcp_user_timeout);
  constexpr Milliseconds second{1'000};
  constexpr Milliseconds most{32'767'000};  // what Linux takes
  const bool whole = limits.tcp_keepalive % second == Milliseconds(0);
  if (!whole || limits.tcp_keepalive < second || limits.tcp_keepalive > most)
    value["tcp_keepalive"].error("must be whole seconds, from 1s to 32767s");
}

void read_limits(const Value& value, Limits& limits) {
  value.expect_keys({"connections",     "connections_per_user",
                     "login_timeout",   "max_statement_bytes",
                     "max_tokens",      "max_nesting",
                     "max_parts",       "prepared_statements",
                     "portals",         "failed_logins_per_minute",
                     "tcp_keepalive",   "verdict_cache",
                     "read_cache",      "api_requests_per_minute",
                     "api_connections", "api_connections_per_address",
                     "query_rows",      "query_bytes",
                     "query_timeout",   "export_rows",
                     "export_bytes",    "tcp_user_timeout"});
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
  value["api_requests_per_minute"].read_count(limits.api_requests_per_minute, many);
  value["api_connections"].read_count(limits.api_connections, many);
  value["api_connections_per_address"].read_count(limits.api_connections_per_address, many);
  read_tcp_limits(value, limits);
  value["verdict_cache"].read_bytes(limits.verdict_cache_bytes);
  value["read_cache"].read_bytes(limits.read_cache_bytes);
  read_query_limits(value, limits);
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
                       "scram_verifier_credential", "attributes", "wire", "certificates", "kind"});
    User user;
    value["name"].read(user.name);
    if (user.name.empty()) value.error("needs a name");
    read_kind(value["kind"], user.kind);
    if (!seen.insert(user.name).second) value["name"].error("user \"" + user.name + "\" is defined twice");
    value.read_secret("scram_verifier", user.scram_verifier, false);
    read_sign_in(value, user, config);
    if (user.scram_verifier.empty() && user.certificates.empty() && value.purpose() == Purpose::serve) {
      value.error("needs scram_verifier or certificates; make a verifier with: dbgate-gateway scram-verifier");
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
      members.unknown_name("user", member, known);
    }
  });
}

void read_roles(const Value& map, Config& config) {
  map.expect_keys({"admin", "user_admin", "target_admin", "policy_admin", "auditor"});
  map.each_entry([&config](const std::string& role, const Value& value) {
    value.expect_keys({"users", "groups"});
    RoleHolders& holders = config.roles[role];
    value["users"].read(holders.users);
    value["groups"].read(holders.groups);
    check_principals(value, holders.users, holders.groups, config);
  });
}

void read_choice(const Value& value, std::initializer_list<std::string_view> words, std::string& target) {
  if (!value.present()) return;
  std::size_t index = words.size();
  value.read_word(words, index);
  if (index < words.size()) target = std::data(words)[index];
}

void read_root(const Value& root, Config& config) {
  root.expect_keys({"version",      "state_dir",  "workers",   "listen",   "log",      "limits",  "audit",
                    "users",        "groups",     "roles",     "targets",  "policies", "masking", "tests",
                    "store",        "encryption", "passwords", "tokens",   "sign_in",  "oidc",    "api",
                    "registration", "models",     "webhooks",  "requests", "drain"});
  std::size_t version = 0;
  root["version"].read_count(version, 1'000);
  if (version != 1) root["version"].error("must be 1");
  read_state_dir(root, config);
  std::size_t workers = config.workers;
  root["workers"].read_count(workers, 1024);
  config.workers = static_cast<unsigned>(workers);
  read_listeners(root["listen"], config);
  const Value log = root["log"];
  log.expect_keys({"level", "format"});
  read_choice(log["level"], {"debug", "info", "warn", "error", "off"}, config.log_level);
  read_choice(log["format"], {"json", "text"}, config.log_format);
  read_limits(root["limits"], config.limits);
  read_drain(root["drain"], config.drain);
  read_audit(root["audit"], config.audit);
  const Value masking = root["masking"];
  masking.expect_keys({"key", "key_file", "key_env", "key_credential"});
  masking.read_secret("key", config.mask_key, true);
  if (!config.mask_key.empty() && config.mask_key.size() < 16) masking.error("the key needs 16 characters or more");
  read_models(root["models"], config.models);
  read_store(root["store"], config.store);
  read_encryption(root["encryption"], config.store, config.encryption_keys);
  read_passwords(root["passwords"], config.passwords);
  read_tokens(root["tokens"], config.tokens);
  read_sign_in(root["sign_in"], config.sign_in);
  std::size_t registration = 0;
  root["registration"].read_word({"invitation", "approval"}, registration);
  config.registration = static_cast<Registration>(registration);
  root["api"].expect_keys({"public_url"});
  read_public_url(root["api"]["public_url"], config.public_url);
  read_oidc(root["oidc"], config.oidc);
  read_webhooks(root["webhooks"], config.webhooks);
  read_users(root["users"], config);
  read_groups(root["groups"], config);
  read_roles(root["roles"], config);
  read_targets(root["targets"], config);
  read_policies(root["policies"], config);
  read_offers(root["requests"], config);
  read_tests(root["tests"], config.tests);
}

// The file of a store that has one, as a whole path.
void locate_store(Config& config, const std::string& directory) {
  constexpr std::string_view scheme = "sqlite:";
  std::string& url = config.store.url;
  if (url.empty()) url = "sqlite:" + config.state_dir + "/dbgate.db";
  if (url.starts_with(scheme) && url.size() > scheme.size() && url[scheme.size()] != '/')
    url.insert(scheme.size(), directory + "/");
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

}  // namespace

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

std::string read_whole(const std::string& path, std::string& text) {
  std::ifstream stream(path);
  std::error_code ignored;
  if (!stream || std::filesystem::is_directory(path, ignored)) return "the file does not exist or is not readable";
  text.assign(std::istreambuf_iterator<char>(stream), {});
  return text.size() > max_file_bytes ? "the file is larger than 16MiB" : std::string();
}

void read_state_dir(const Value& root, Config& config) {
  config.state_dir = "state";
  root["state_dir"].read(config.state_dir);
  if (!config.state_dir.empty() && config.state_dir[0] != '/')
    config.state_dir = root.directory() + "/" + config.state_dir;
}

Loaded load_document(const std::function<Document(Report&)>& read, Report report) {
  Loaded loaded;
  Config config;
  Document document;
  try {
    document = read(report);
    const Value value(document.root, "", report);
    if (!document.problem.empty()) {
      report.unreadable(report.sources.front().path, document.problem);
    } else if (value.is_map()) {
      report.open_names = value["store"].present();  // it may have the users and groups that are not here
      read_root(value, config);
    } else {
      report.error(YAML::Mark(), "", "the file must hold a map of settings");
    }
  } catch (const YAML::Exception& problem) {
    report.error(problem.mark, "", problem.msg);
  }
  locate_store(config, report.directory);
  config.version = content_hash(document.text);
  loaded.problems = std::move(report.problems);
  config.files = loaded.files = std::move(report.named);
  config.sources = loaded.sources = std::move(report.sources);
  if (!report.failed) loaded.config = std::move(config);
  return loaded;
}

Loaded load_text(std::string_view yaml, const std::string& file, const std::string& directory, Purpose purpose,
                 Secrets* secrets) {
  Report report{.sources = {{file, 0}}, .directory = directory, .purpose = purpose, .secrets = secrets};
  return load_document(
      [yaml](Report&) {
        return Document{YAML::Load(std::string(yaml)), std::string(yaml)};
      },
      std::move(report));
}

Loaded load_file(const std::string& path, Purpose purpose, Secrets* secrets) {
  Report report{.sources = {{path, 0}}, .directory = directory_of(path), .purpose = purpose, .secrets = secrets};
  return load_document([&path](Report& told) { return read_document(path, told); }, std::move(report));
}

LoadedTests load_tests(const std::string& path) {
  LoadedTests loaded;
  Report report;
  report.sources = {{path, 0}};
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
