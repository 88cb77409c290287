#include "gateway/identity/signing_keys.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "gateway/base/log.h"
#include "gateway/identity/strict_json.h"

namespace dbgate::identity {
namespace {

namespace json = boost::json;

constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t leeway_us = 60 * second_us;
constexpr std::int64_t read_again_us = 60 * second_us;
constexpr std::int64_t ask_for_unknown_us = 10 * second_us;

ports::store::SigningKey record_of(const ports::JsonWebKeyPair& pair, std::int64_t now_us) {
  return {pair.kid, pair.private_key, pair.public_key, now_us, 0};
}

std::int64_t micros(std::chrono::milliseconds duration) {
  return std::chrono::microseconds(duration).count();
}

}  // namespace

Result<> SigningKeys::open(std::int64_t now_us) {
  DBGATE_CHECK(read(now_us));
  if (in_force()) return boost::system::in_place_value;
  DBGATE_TRY(const auto fresh, jose_.make_key());
  DBGATE_TRY(auto keys, store_.keys().ensure_signing_key(record_of(fresh, now_us), now_us));
  const std::lock_guard lock(mutex_);
  keys_ = std::move(keys);
  return boost::system::in_place_value;
}

std::optional<ports::store::SigningKey> SigningKeys::in_force() {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(keys_.begin(), keys_.end(), [](const auto& key) { return key.retired_us == 0; });
  return found == keys_.end() ? std::nullopt : std::optional(*found);
}

// Nobody waits for whoever asks the store: it may be gone, and what is known goes on meanwhile.
Result<> SigningKeys::read(std::int64_t now_us) {
  DBGATE_TRY(auto keys, store_.keys().signing_keys());
  const std::lock_guard lock(mutex_);
  keys_ = std::move(keys);
  read_us_ = now_us;
  return boost::system::in_place_value;
}

void SigningKeys::read_if_older(std::int64_t age_us, std::int64_t now_us) {
  {
    const std::lock_guard lock(mutex_);
    if (now_us - read_us_ < age_us) return;
    read_us_ = now_us;  // one asks, the others go on
  }
  const auto done = read(now_us);
  if (!done) log::warn("identity", "cannot read the signing keys");
}

bool SigningKeys::verifies(const ports::store::SigningKey& key, std::int64_t now_us) const {
  return key.retired_us == 0 || key.retired_us + micros(settings_.access_ttl) + leeway_us > now_us;
}

Result<> SigningKeys::rotate(std::int64_t now_us) {
  DBGATE_TRY(const auto fresh, jose_.make_key());
  DBGATE_CHECK(store_.keys().rotate_signing_key(record_of(fresh, now_us), now_us));
  DBGATE_CHECK(store_.keys().remove_signing_keys_retired_before(now_us - micros(settings_.access_ttl) - 2 * leeway_us));
  return read(now_us);
}

Result<ports::JsonWebKeyPair> SigningKeys::signing(std::int64_t now_us) {
  read_if_older(read_again_us, now_us);
  auto key = in_force();
  if (key && key->created_us + micros(settings_.key_ttl) < now_us) {
    const std::lock_guard one_at_a_time(rotating_);
    key = in_force();
    const bool still_due = key && key->created_us + micros(settings_.key_ttl) < now_us;
    if (still_due && !rotate(now_us)) log::warn("identity", "cannot make a new signing key; the old one goes on");
    key = in_force();
  }
  if (!key) return Error(sqlstate::internal_error, "there is no key to sign access tokens with");
  return ports::JsonWebKeyPair{key->kid, key->private_pem, key->public_pem};
}

std::string SigningKeys::find(std::string_view kid, std::int64_t now_us) {
  const std::lock_guard lock(mutex_);
  for (const auto& key : keys_) {
    if (key.kid == kid && verifies(key, now_us)) return key.public_pem;
  }
  return {};
}

std::string SigningKeys::verifying(std::string_view kid, std::int64_t now_us) {
  std::string found = find(kid, now_us);
  if (!found.empty()) return found;
  read_if_older(ask_for_unknown_us, now_us);
  return find(kid, now_us);
}

Result<std::string> SigningKeys::jwks(std::int64_t now_us) {
  read_if_older(read_again_us, now_us);
  const std::lock_guard lock(mutex_);
  json::array list;
  for (const auto& key : keys_) {
    auto object = verifies(key, now_us) ? parse_object(key.public_pem) : std::nullopt;
    if (!object) continue;
    (*object)["use"] = "sig";
    (*object)["alg"] = "ES256";
    list.push_back(std::move(*object));
  }
  return json::serialize(json::object{{"keys", std::move(list)}});
}

}  // namespace dbgate::identity
