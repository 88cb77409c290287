#include "gateway/identity/attempts.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "gateway/identity/key_text.h"

namespace dbgate::identity {
namespace {

namespace store = ports::store;

constexpr std::int64_t second_us = 1'000'000;
constexpr std::int64_t window_us = 900 * second_us;
constexpr std::int64_t address_window_us = 60 * second_us;
constexpr std::int64_t known_us = 30ll * 86'400 * second_us;
constexpr std::size_t logins_looked_at = 200;

// Hashed: people type passwords into the field for the name.
std::string key(const char* kind, std::string_view name, std::string_view address = {}) {
  return std::string(kind) + ":" + key_hash(std::string(name) + '\n' + std::string(address));
}

std::int64_t micros(std::chrono::milliseconds duration) {
  return std::chrono::microseconds(duration).count();
}

store::LockRule rule(std::size_t most, std::int64_t window, const config::SignIn& settings) {
  return {static_cast<std::int64_t>(most), window, micros(settings.first_delay), micros(settings.longest_delay)};
}

}  // namespace

std::string counted_address(std::string_view address) {
  const std::string text(address);
  in6_addr six{};
  if (::inet_pton(AF_INET6, text.c_str(), &six) != 1) return text;
  std::array<char, INET6_ADDRSTRLEN> out{};
  if (IN6_IS_ADDR_V4MAPPED(&six)) {
    return ::inet_ntop(AF_INET, &six.s6_addr[12], out.data(), out.size());
  }
  std::fill_n(&six.s6_addr[8], 8, static_cast<std::uint8_t>(0));
  return std::string(::inet_ntop(AF_INET6, &six, out.data(), out.size())) + "/64";
}

Result<bool> Attempts::is_known(const std::string& user, const std::string& address, std::int64_t now_us) {
  store::Page newest;
  newest.limit = logins_looked_at;
  newest.descending = true;
  DBGATE_TRY(const auto logins, store_.logins().list_logins({user, false}, newest, now_us));
  return std::any_of(logins.items.begin(), logins.items.end(), [&](const store::Login& login) {
    return counted_address(login.address) == address && login.created_us + known_us > now_us;
  });
}

Result<std::int64_t> Attempts::wait_s(const std::string& user, const std::string& from, std::int64_t now_us) {
  const std::string address = counted_address(from);
  std::int64_t until_us = 0;
  for (const std::string& counter : {key("address", {}, address), key("pair", user, address)}) {
    DBGATE_TRY(const auto failures, store_.sign_ins().failures(counter, now_us));
    until_us = std::max(until_us, failures.locked_until_us);
  }
  DBGATE_TRY(const auto everywhere, store_.sign_ins().failures(key("account", user), now_us));
  if (everywhere.locked(now_us)) {
    DBGATE_TRY(const bool known, is_known(user, address, now_us));
    if (!known) until_us = std::max(until_us, everywhere.locked_until_us);
  }
  return until_us <= now_us ? 0 : (until_us - now_us) / second_us + 1;
}

Result<> Attempts::failed(const std::string& user, const std::string& from, std::int64_t now_us) {
  const std::string address = counted_address(from);
  auto& counters = store_.sign_ins();
  DBGATE_TRY([[maybe_unused]] const auto of_pair,
             counters.note_failure(key("pair", user, address), rule(settings_.failures, window_us, settings_), now_us));
  DBGATE_TRY(
      [[maybe_unused]] const auto of_account,
      counters.note_failure(key("account", user), rule(settings_.account_failures, window_us, settings_), now_us));
  DBGATE_TRY([[maybe_unused]] const auto of_address,
             counters.note_failure(key("address", {}, address),
                                   rule(settings_.address_failures, address_window_us, settings_), now_us));
  return boost::system::in_place_value;
}

Result<> Attempts::succeeded(const std::string& user, const std::string& from) {
  return store_.sign_ins().clear_failures(key("pair", user, counted_address(from)));
}

}  // namespace dbgate::identity
