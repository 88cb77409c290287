#include "gateway/identity/totp.h"

#include <liboath/oath.h>

#include <array>
#include <cctype>
#include <cstdlib>

#include "gateway/auth/digests.h"
#include "gateway/auth/random.h"
#include "gateway/identity/key_text.h"
#include "gateway/identity/strict_json.h"

namespace dbgate::identity {
namespace {

constexpr unsigned step_seconds = 30;
constexpr unsigned code_digits = 6;
constexpr std::size_t secret_bytes = 20;
constexpr std::size_t recovery_codes = 10;
constexpr std::size_t recovery_characters = 16;
// Crockford's: no letter that looks like a digit.
constexpr std::string_view recovery_alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

char canonical(char c) {
  const char lower = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (lower == 'o') return '0';
  return lower == 'i' || lower == 'l' ? '1' : lower;
}

}  // namespace

std::string make_totp_secret() {
  return auth::random_bytes(secret_bytes);
}

std::string totp_base32(std::string_view secret) {
  char* encoded = nullptr;
  std::size_t length = 0;
  if (oath_base32_encode(secret.data(), secret.size(), &encoded, &length) != OATH_OK) return {};
  std::string text(encoded, length);
  std::free(encoded);
  text.erase(text.find_last_not_of('=') + 1);
  return text;
}

std::string totp_uri(std::string_view secret, std::string_view issuer, std::string_view user) {
  std::string uri = "otpauth://totp/" + percent_encoded(issuer) + ":" + percent_encoded(user);
  uri += "?secret=" + totp_base32(secret) + "&issuer=" + percent_encoded(issuer);
  return uri + "&algorithm=SHA1&digits=6&period=30";
}

std::optional<std::int64_t> check_totp(std::string_view secret, std::string_view code, std::int64_t now_s,
                                       std::int64_t last_step) {
  const std::int64_t current = now_s / step_seconds;
  std::optional<std::int64_t> found;
  for (std::int64_t step = current - 1; step <= current + 1; ++step) {
    std::array<char, code_digits + 1> expected{};
    const int made = oath_totp_generate2(secret.data(), secret.size(), static_cast<time_t>(step * step_seconds),
                                         step_seconds, 0, code_digits, 0, expected.data());
    const bool equal = auth::equal_constant_time({expected.data(), code_digits}, code);
    if (made == OATH_OK && equal && step > last_step) found = step;
  }
  return found;
}

std::vector<std::string> make_recovery_codes() {
  std::vector<std::string> codes;
  while (codes.size() < recovery_codes) {
    std::string code;
    for (const char c : auth::random_bytes(recovery_characters)) {
      if (code.size() % 5 == 4) code += '-';
      code += recovery_alphabet[static_cast<unsigned char>(c) % recovery_alphabet.size()];
    }
    codes.push_back(std::move(code));
  }
  return codes;
}

std::string recovery_code_hash(std::string_view code) {
  std::string plain;
  for (const char c : code) {
    if (c == '-' || c == ' ') continue;
    plain += canonical(c);
    if (recovery_alphabet.find(plain.back()) == std::string_view::npos || plain.size() > recovery_characters) return {};
  }
  return plain.size() == recovery_characters ? key_hash(plain) : std::string();
}

}  // namespace dbgate::identity
