#include <algorithm>
#include <set>

#include "config/reader.h"

namespace dbgate::config {
namespace {

constexpr std::size_t gibibyte = 1u << 30;
// What OWASP's cheapest settings of Argon2id come to: 7 MiB and 5 passes, 12 and 3, 19 and 2.
constexpr std::size_t least_work = 35u << 20;

void read_at_least(const Value& value, std::size_t& target, std::size_t least, std::size_t most) {
  value.read_count(target, most);
  if (target < least) value.error("must be at least " + std::to_string(least));
}

void read_at_least(const Value& value, Milliseconds& target, Milliseconds least, const char* words) {
  value.read(target);
  if (target < least) value.error(std::string("must be at least ") + words);
}

void read_groups_of(const Value& map, OidcProvider& provider) {
  map.each_entry([&provider](const std::string& theirs, const Value& ours) { ours.read(provider.group_map[theirs]); });
}

void read_provider(const Value& value, OidcProvider& provider) {
  value.expect_keys({"name", "issuer", "client_id", "client_secret", "client_secret_file", "client_secret_env",
                     "client_secret_credential", "ca_file", "scopes", "username_claim", "groups_claim", "group_map",
                     "allowed_domains", "auto_create"});
  value["name"].read(provider.name);
  value["issuer"].read(provider.issuer);
  value["client_id"].read(provider.client_id);
  value.read_secret("client_secret", provider.client_secret, true);
  value["ca_file"].read_file_path(provider.ca_file);
  value["scopes"].read(provider.scopes);
  value["username_claim"].read(provider.username_claim);
  value["groups_claim"].read(provider.groups_claim);
  read_groups_of(value["group_map"], provider);
  value["allowed_domains"].read(provider.allowed_domains);
  value["auto_create"].read(provider.auto_create);
  if (provider.name.empty()) value.error("needs a name");
  if (provider.client_id.empty()) value.error("needs client_id");
  if (provider.issuer.empty()) value.error("needs issuer");
  if (!provider.issuer.empty() && !provider.issuer.starts_with("https://") && !is_loopback_url(provider.issuer)) {
    value["issuer"].error("must be https; http is for this machine alone");
  }
  if (std::find(provider.scopes.begin(), provider.scopes.end(), "openid") == provider.scopes.end()) {
    value["scopes"].error("must name openid");
  }
}

}  // namespace

// The host as it is written, without its port.
bool is_loopback_url(const std::string& url) {
  if (!url.starts_with("http://")) return false;
  const std::string rest = url.substr(7, url.find('/', 7) - 7);
  const std::string host = rest.substr(0, rest.find(':', rest.starts_with('[') ? rest.find(']') : 0));
  const bool digits = host.find_first_not_of("0123456789.") == std::string::npos;
  return (digits && host.starts_with("127.")) || host == "localhost" || host == "[::1]";
}

// An origin (RFC 6454): people's browsers are sent there, and pages are told by it.
void read_public_url(const Value& value, std::string& url) {
  value.read(url);
  if (url.empty()) return;
  while (url.ends_with('/'))
    url.pop_back();
  constexpr std::string_view allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:[]";
  const std::size_t begin = url.starts_with("https://") ? 8 : 7;
  const bool fine = (url.starts_with("https://") || url.starts_with("http://")) && url.size() > begin &&
                    url.find_first_not_of(allowed, begin) == std::string::npos;
  if (!fine) {
    value.error("must be https://host or https://host:port, without a path");
  } else if (begin == 7 && !is_loopback_url(url)) {
    value.error("must be https; http is for this machine alone");
  }
}

void read_passwords(const Value& value, Passwords& passwords) {
  value.expect_keys({"memory", "passes", "parallelism", "threads", "queue"});
  value["memory"].read_bytes(passwords.memory_bytes);
  read_at_least(value["passes"], passwords.passes, 1, 64);
  read_at_least(value["parallelism"], passwords.parallelism, 1, 16);
  value["threads"].read_count(passwords.threads, 256);
  read_at_least(value["queue"], passwords.queue, 1, 10'000);
  const Value memory = value["memory"];
  if (passwords.memory_bytes > gibibyte) memory.error("must not exceed 1GiB");
  if (passwords.memory_bytes < (8u << 10) * passwords.parallelism) {
    memory.error("must be at least 8KiB for each of parallelism");
  }
  if (value.present() && passwords.memory_bytes * passwords.passes < least_work) {
    value.warn("memory times passes is less than 35MiB: stolen hashes would be cheap to search");
  }
}

void read_tokens(const Value& value, Tokens& tokens) {
  value.expect_keys({"access_ttl", "refresh_ttl", "login_ttl", "key_ttl"});
  constexpr Milliseconds second{1'000};
  read_at_least(value["access_ttl"], tokens.access_ttl, second, "1s");
  read_at_least(value["refresh_ttl"], tokens.refresh_ttl, second, "1s");
  read_at_least(value["login_ttl"], tokens.login_ttl, second, "1s");
  read_at_least(value["key_ttl"], tokens.key_ttl, 60 * second, "1m");
  constexpr Milliseconds longest{24 * 3'600'000};
  if (tokens.access_ttl > longest) value["access_ttl"].error("must not exceed 24h");
}

void read_sign_in(const Value& value, SignIn& sign_in) {
  value.expect_keys({"failures", "account_failures", "address_failures", "first_delay", "longest_delay"});
  constexpr std::size_t many = 1'000'000;
  read_at_least(value["failures"], sign_in.failures, 1, many);
  read_at_least(value["account_failures"], sign_in.account_failures, 1, many);
  read_at_least(value["address_failures"], sign_in.address_failures, 1, many);
  constexpr Milliseconds shortest{1'000};
  read_at_least(value["first_delay"], sign_in.first_delay, shortest, "1s");
  read_at_least(value["longest_delay"], sign_in.longest_delay, shortest, "1s");
  constexpr Milliseconds longest{24 * 3'600'000};
  if (sign_in.longest_delay > longest) value["longest_delay"].error("must not exceed 24h");
}

void read_oidc(const Value& list, std::vector<OidcProvider>& providers) {
  std::set<std::string> seen;
  std::set<std::string> issuers;
  list.each([&](const Value& value) {
    OidcProvider provider;
    read_provider(value, provider);
    if (!seen.insert(provider.name).second) value["name"].error("\"" + provider.name + "\" is defined twice");
    if (!issuers.insert(provider.issuer).second) value["issuer"].error("another provider has this issuer");
    providers.push_back(std::move(provider));
  });
}

}  // namespace dbgate::config
