#include "config/store.h"

#include <algorithm>
#include <set>

#include "config/reader.h"

namespace dbgate::config {
namespace {

constexpr Milliseconds shortest_timeout{100};
constexpr Milliseconds longest_timeout{60'000};
constexpr std::size_t key_digits = 64;
constexpr std::size_t longest_id = 32;
constexpr std::string_view id_letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";

bool is_postgresql(const std::string& url) {
  return url.starts_with("postgresql://") || url.starts_with("postgres://");
}

bool holds_password(const std::string& url) {
  const std::size_t begin = url.find("://") + 3;
  const std::string authority = url.substr(begin, url.find_first_of("/?", begin) - begin);
  const std::size_t at = authority.rfind('@');
  return (at != std::string::npos && authority.find(':') < at) || url.find("password=", begin) != std::string::npos;
}

void read_key(const Value& value, std::vector<EncryptionKey>& keys) {
  value.expect_keys({"id", "key", "key_file", "key_env", "key_credential"});
  EncryptionKey key;
  value["id"].read(key.id);
  const bool good =
      !key.id.empty() && key.id.size() <= longest_id && key.id.find_first_not_of(id_letters) == std::string::npos;
  if (!good) value["id"].error("must be 1 to 32 of a-z, A-Z, 0-9, '_' and '-'");
  value.read_secret("key", key.key, true);
  const bool hexadecimal = key.key.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
  const bool wanted = value.purpose() == Purpose::serve || !key.key.empty();
  if (wanted && (key.key.size() != key_digits || !hexadecimal))
    value.error("the key must be 64 hexadecimal digits; make one with: openssl rand -hex 32");
  const bool doubled = std::any_of(keys.begin(), keys.end(), [&](const EncryptionKey& k) { return k.id == key.id; });
  if (doubled) value["id"].error("key \"" + key.id + "\" is defined twice");
  keys.push_back(std::move(key));
}

}  // namespace

void read_store(const Value& value, Store& store) {
  value.expect_keys(
      {"url", "password", "password_file", "password_env", "password_credential", "timeout", "connections"});
  value["url"].read(store.url);
  value.read_secret("password", store.password, true);
  value["timeout"].read(store.timeout);
  value["connections"].read_count(store.connections, 1'000);
  const Value url = value["url"];
  const bool sqlite = store.url.empty() || store.url.starts_with("sqlite:");
  if (!sqlite && !is_postgresql(store.url)) url.error("must be sqlite:PATH or postgresql://USER@HOST:PORT/DATABASE");
  if (store.url == "sqlite:") url.error("needs a path");
  if (sqlite && !store.password.empty()) value.error("password is for postgresql only");
  if (sqlite && value["connections"].present()) value["connections"].error("is for postgresql only");
  if (store.connections == 0) value["connections"].error("must be at least 1");
  if (!sqlite && is_postgresql(store.url) && holds_password(store.url))
    url.warn("the password stands in the URL; prefer password_file");
  if (store.timeout < shortest_timeout || store.timeout > longest_timeout)
    value["timeout"].error("must be from 100ms to 60s");
}

void read_encryption(const Value& value, const Store& store, std::vector<EncryptionKey>& keys) {
  value.expect_keys({"keys"});
  value["keys"].each([&keys](const Value& one) { read_key(one, keys); });
  if (keys.empty() && is_postgresql(store.url))
    value.error("a store on postgresql needs encryption.keys, the same for all gateways that share it");
}

}  // namespace dbgate::config
