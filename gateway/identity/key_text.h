#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dbgate::identity {

/// What a secret of dbgate's own making opens. The first bytes of its text say which.
enum class KeyKind : std::uint8_t {
  personal_token,     ///< dbg_pat_: a person's, for the API and the wire
  service_key,        ///< dbg_sak_: a service account's or an agent's
  database_password,  ///< dbg_dp_: for the password field of PostgreSQL clients
  refresh_token       ///< dbg_rt_: makes the next access token, once
};

/// A new secret: prefix, 30 random characters of base 62 (178 bits), 6 of checksum. Letters and digits only, so that it
/// survives shells, URLs and connection strings unquoted.
std::string make_key(KeyKind kind);
/// What kind of secret this is; nothing unless prefix, length, alphabet and checksum are right. Says nothing of whether
/// it opens anything: it spares the store a question for what was mistyped, and lets scanners of source code be sure.
std::optional<KeyKind> kind_of_key(std::string_view text);
std::string_view prefix_of(KeyKind kind);
/// What is stored instead: SHA-256, 64 hexadecimal digits. A slow hash would add nothing to 178 random bits.
std::string key_hash(std::string_view text);
/// What may be shown so that its owner recognises it: the prefix and four more characters.
std::string key_hint(std::string_view text);

/// `count` random characters of base 62, each equally likely.
std::string random_base62(std::size_t count);

}  // namespace dbgate::identity
