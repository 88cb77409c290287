#pragma once
#include <string>
#include <string_view>

// Thin wrappers over OpenSSL. Raw bytes in std::string.
namespace dbgate::auth {

std::string sha256(std::string_view data);
std::string hmac_sha256(std::string_view key, std::string_view data);
/// PBKDF2 with HMAC-SHA-256, 32 bytes: SCRAM's Hi() (RFC 5802 §2.2).
std::string salted_password(std::string_view password, std::string_view salt, int iterations);
/// Lower-case hexadecimal MD5.
std::string md5_hex(std::string_view data);
/// In time that depends on the lengths only.
bool equal_constant_time(std::string_view a, std::string_view b);
std::string exclusive_or(std::string_view a, std::string_view b);

std::string base64_encode(std::string_view raw);
/// Strict: the empty string if `text` is not canonical base64 (RFC 4648 §4) of at most 1 kB.
std::string base64_decode(std::string_view text);

}  // namespace dbgate::auth
